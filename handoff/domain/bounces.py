"""Mail that comes back: whether it says that one of our mails was not delivered, for good or for now, and which.

RFC 3464 reports first (their fields are in English whatever the language of the text); else what mailers write in
prose. Which mail it was is told by the ids that we gave it, wherever they stand: envelope id, `Message-ID` of what is
returned, `References`, the return address. Nobody who did not get the mail knows its id. Pure; reads any bytes without
failing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from uuid import UUID

MOST_BYTES = 512 * 1024  # what stands behind is somebody's attachment
MOST_PARTS = 200
MOST_TICKETS = 20

# Character sets that mailers write in. Python knows others too, some of which take the square of their length: half a
# megabyte of `punycode`, which anybody may send to the mailbox, would take hours.
_CHARSETS = re.compile(
    r"(?i)utf-?8|us-ascii|ascii|iso-?8859|latin|windows-125|cp125|big5|gb|euc|shift|iso-2022|koi8"
)
_TICKET = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.:/-])([45])\d\d(?=[ -](?!\d))")  # an SMTP reply code: `550 `, `550-`
_DAEMONS = re.compile(r"(?i)\b(?:mailer-?daemon|postmaster|mail ?delivery|mail-daemon|bounces?)\b")
# How mailers say it, in prose of their own: English, German, Indonesian, Malay.
_NOT_DELIVERED = re.compile(
    r"(?i)undeliver|not (?:be )?delivered|could ?n[o']t be delivered|delivery (?:has )?fail|returned to sender|"
    r"returning message|unable to deliver|failure notice|mail delivery failed|delivery status notification \(failure\)|"
    r"unzustellbar|nicht zugestellt|zustellung (?:ist )?fehlgeschlagen|konnte nicht (?:zu|aus)gestellt|"
    r"zur(?:ü|ue)ck an (?:den )?absender|"
    r"tidak (?:dapat |bisa |berhasil )?(?:ter|di)?kirim|tidak terkirim|gagal (?:di|ter)?kirim|pengiriman gagal|"
    r"gagal mengirim|tidak (?:dapat|bisa) (?:disampaikan|diantar)|tidak tersampaikan|gagal dihantar"
)
_NO_SUCH = re.compile(
    r"(?i)(?:user|address|recipient|mailbox|account) (?:is )?(?:unknown|unavailable|not found|does ?n[o']t exist|"
    r"disabled)|no such (?:user|address|recipient|mailbox)|unknown (?:user|recipient|address)|unrouteable address|"
    r"(?:empf(?:ä|ae)nger|adresse|postfach|benutzer) (?:ist )?(?:unbekannt|nicht gefunden|existiert nicht)|"
    r"existiert nicht|"
    r"alamat(?: e-?mail)? tidak (?:ditemukan|ada|dikenal|valid)|(?:pengguna|akun|penerima|kotak surat) tidak "
    r"(?:ditemukan|ada|dikenal|terdaftar)|tidak terdaftar"
)
_RETURNED = re.compile(r"(?i)copy|original|returned|nachricht|pesan|header")
_ONLY_LATE = re.compile(
    r"(?i)delay|still (?:being )?(?:trying|retried)|will (?:be retried|keep trying|retry)|no action is required|"
    r"warning: message|verz(?:ö|oe)ger|wird weiter versucht|tertunda|ditunda|masih dicoba|akan dicoba lagi"
)


@dataclass(frozen=True)
class Bounce:
    """A mail came back. `tickets`: ids that stand in it, one of which may be our mail's; `permanent`: it is of no use
    to write there again; `status`: what the mailer says as a number (RFC 3463), if it does."""

    tickets: tuple[UUID, ...]
    permanent: bool
    status: str | None = None


def read(raw: bytes) -> Bounce | None:
    """What a mail says of one of ours; None when it says nothing of the kind: an answer, an absence, a mere delay."""
    try:
        message = message_from_bytes(raw[:MOST_BYTES], policy=policy.compat32)
        parts = _parts(message)
        verdict = _reported(parts)
        if verdict is None:
            verdict = _told(message, parts)
        return Bounce(_tickets(message, parts), *verdict) if isinstance(verdict, tuple) else None
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):  # `email` on what is no mail at all
        return None


def _parts(message: Message) -> list[Message]:
    """The message and all that is in it, the outermost first; what is nested beyond reason is left out."""
    found: list[Message] = []
    waiting = [message]
    while waiting and len(found) < MOST_PARTS:
        part = waiting.pop(0)
        found.append(part)
        inside = part.get_payload() if part.is_multipart() else None  # of a text it would decode, however it says
        if isinstance(inside, list):
            waiting += [one for one in inside if isinstance(one, Message)]
    return found


# --- a report (RFC 3464) ----------------------------------------------------------------------------------------------


def _reported(parts: list[Message]) -> tuple[bool, str | None] | str | None:
    """Permanent or not, with the status, when a recipient failed; `"other"` for a report of something else; None when
    there is no report."""
    reports = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    recipients = [block for report in reports for block in _blocks(report) if "action" in block or "status" in block]
    if not recipients:
        return None
    failed = [block for block in recipients if _failed(block)]
    if not failed:
        return "other"
    statuses = [_status_of(block) for block in failed]
    worst = next((status for status in statuses if status and status[0] == "5"), statuses[0])
    return worst is not None and worst[0] == "5", worst


def _blocks(report: Message) -> Iterator[dict[str, str]]:
    """The fields of each block; some mailers send them as a text that `email` did not take apart."""
    inside = report.get_payload() if report.is_multipart() else None
    if isinstance(inside, list):
        for block in inside:
            if isinstance(block, Message):
                yield {name.lower(): str(value) for name, value in block.items()}
        return
    for block_text in re.split(r"\r?\n\s*\r?\n", _text(report)):
        lines = re.sub(r"\r?\n[ \t]+", " ", block_text).splitlines()
        yield {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines)
               if colon}


def _failed(block: dict[str, str]) -> bool:
    """Whether the recipient did not get it and nobody tries any more."""
    action = block.get("action", "").strip().lower()
    if action:
        return action.startswith("fail")
    return (_status_of(block) or "").startswith("5")


def _status_of(block: dict[str, str]) -> str | None:
    """The status, in what says it best: mailers put `5.0.0` or `4.0.0` where the diagnosis knows more."""
    found = [_status(block.get(name, "")) for name in ("status", "diagnostic-code")]
    told = [one for one in found if one]
    exact = [one for one in told if not one.endswith(".0.0")]
    if reply := _REPLY.search(f" {block.get('diagnostic-code', '')} "):
        exact = exact or [one for one in told if one[0] == reply[1]] or [f"{reply[1]}.0.0"]
    return next(iter(exact or told), None)


def _status(text: str) -> str | None:
    found = _STATUS.search(text)
    return ".".join(found.groups()) if found else None


# --- prose ------------------------------------------------------------------------------------------------------------


def _told(message: Message, parts: list[Message]) -> tuple[bool, str | None] | None:
    """The same from what a mailer wrote in words; None for a mail that no mailer wrote, or that tells no failure."""
    sender = f"{message.get('From', '')} {message.get('Sender', '')}"
    failed_recipients = message.get("X-Failed-Recipients") is not None
    empty_path = str(message.get("Return-Path", "")).strip() == "<>"
    if not (failed_recipients or _DAEMONS.search(sender) or empty_path):
        return None
    words = f"{message.get('Subject', '')}\n{_own_text(message, parts)}"
    if not failed_recipients and not _NOT_DELIVERED.search(words) and not _NO_SUCH.search(words):
        return None
    status = _status(words)
    reply = _REPLY.search(words)
    digit = status[0] if status else reply[1] if reply else None
    if digit == "5" or (digit is None and _NO_SUCH.search(words)):
        return True, status
    if _ONLY_LATE.search(words) and not failed_recipients:
        return None
    return False, status


def _own_text(message: Message, parts: list[Message]) -> str:
    """What the mailer wrote itself: the texts that are not of the returned mail."""
    returned = {id(inner) for part in parts if part.get_content_type() in ("message/rfc822", "text/rfc822-headers")
                for inner in _parts(part)}
    texts = [_text(part) for part in parts if id(part) not in returned and part.get_content_maintype() == "text"]
    own: list[str] = []
    for line in "\n".join(texts).splitlines():
        if (line.startswith("--") and _RETURNED.search(line[:200])) or line.lower().startswith("received: "):
            break  # older mailers put the returned mail under a line into the same text
        own.append(line)
    return "\n".join(own)


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = part.get_content_charset() or "utf-8"
    try:
        return content.decode(charset if _CHARSETS.match(charset) else "latin-1", "replace")
    except LookupError:
        return content.decode("latin-1")


# --- which mail -------------------------------------------------------------------------------------------------------


def _tickets(message: Message, parts: list[Message]) -> tuple[UUID, ...]:
    """Every id in it, those in the report before those in what is returned."""
    found: dict[UUID, None] = {}
    for part in sorted(parts, key=lambda one: one.get_content_type() != "message/delivery-status"):
        headers = "\n".join(f"{value}" for _, value in part.items())
        for said in _TICKET.findall(f"{headers}\n{'' if part.is_multipart() else _text(part)}"):
            found[UUID(said)] = None
            if len(found) >= MOST_TICKETS:
                return tuple(found)
    return tuple(found)

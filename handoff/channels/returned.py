"""The mailbox that mail comes back to (`BOUNCES_URL`): an IMAP folder, or a Maildir that a mail server on this machine
fills. What was read is marked as seen and stays where it is."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import logging
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from handoff.domain.bounces import MOST_BYTES
from handoff.services.post import bounces, mail
from handoff.services.runtime import Runtime
from handoff.store import db

log = logging.getLogger(__name__)

AT_ONCE = 200
TIMEOUT_SECONDS = 20.0
_SEEN = re.compile(r":2,[A-Za-z]*S[A-Za-z]*$")


class MailboxAway(Exception):
    """The mailbox cannot be read now; the text says why, without the password."""


class Source(Protocol):
    """A mailbox that is open."""

    def unseen(self) -> list[str]:
        """Names of at most `AT_ONCE` mails that nobody has read."""

    def content(self, name: str) -> bytes:
        """The beginning of a mail, as much as is ever read of it."""

    def seen(self, name: str) -> None:
        """The mail has been read."""


async def collect(runtime: Runtime) -> int:
    """Read what has come back. Returns how many of our mails it was. A mail is marked as seen once what it means is
    stored: after a crash it is read again. Raises `MailboxAway`, `DatabaseAway`."""
    url = runtime.settings.bounces_url
    if url is None:
        return 0
    bounced = 0
    box = opened(url)
    source = await _ask(box.__enter__)
    try:
        for name in await _ask(source.unseen):
            raw = await _ask(source.content, name)
            try:
                bounced += await bounces.take_in(runtime, raw) == "bounced"
            except db.DatabaseAway:
                raise
            except Exception:
                log.exception("a returned mail could not be understood; it is left as read")
            await _ask(source.seen, name)
    finally:
        with contextlib.suppress(MailboxAway):
            await _ask(box.__exit__, None, None, None)
    return bounced


async def _ask[T](what: Callable[..., T], *given: Any) -> T:
    """A call that waits for the network or the disk, off the event loop."""
    try:
        return await asyncio.to_thread(what, *given)
    except (imaplib.IMAP4.error, OSError) as error:
        raise MailboxAway(f"{type(error).__name__}: the mailbox of returned mail cannot be read") from error


def opened(url: str) -> AbstractContextManager[Source]:
    """The mailbox at `imaps://user:password@host:993/folder`, `imap://…`, or `maildir:///path`."""
    return _maildir(url) if urlsplit(url).scheme == "maildir" else _imap(url)


@contextmanager
def _imap(url: str) -> Iterator[Source]:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "imaps"
    trusted = ssl.create_default_context()  # imaplib's own would take any certificate
    with (
        imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=trusted, timeout=TIMEOUT_SECONDS) if secure
        else imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT_SECONDS)
    ) as server:
        if not secure and "STARTTLS" in server.capabilities:
            server.starttls(trusted)
        elif not secure and not mail.is_here(host):
            raise MailboxAway(f"{host} offers no TLS: a password is not sent to another machine in the open")
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        folder = unquote(parts.path.lstrip("/")) or "INBOX"
        answer, _ = server.select('"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"')
        if answer != "OK":
            raise MailboxAway(f"there is no folder {folder}")
        yield _Imap(server)


class _Imap:
    def __init__(self, server: imaplib.IMAP4) -> None:
        self._server = server

    def unseen(self) -> list[str]:
        _, found = self._server.uid("SEARCH", "UNSEEN")
        return [name.decode() for name in (found[0] or b"").split()[:AT_ONCE]]

    def content(self, name: str) -> bytes:
        _, found = self._server.uid("FETCH", name, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        return next((bytes(one[1]) for one in found if isinstance(one, tuple)), b"")

    def seen(self, name: str) -> None:
        self._server.uid("STORE", name, "+FLAGS.SILENT", "(\\Seen)")


@contextmanager
def _maildir(url: str) -> Iterator[Source]:
    folder = Path(unquote(urlsplit(url).path))
    if not (folder / "new").is_dir():
        raise MailboxAway(f"{folder} is no Maildir")
    yield _Maildir(folder)


class _Maildir:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unseen(self) -> list[str]:
        new = [f"new/{file.name}" for file in (self._folder / "new").iterdir()]
        old = [f"cur/{file.name}" for file in (self._folder / "cur").iterdir() if not _SEEN.search(file.name)]
        return sorted(name for name in new + old if not name.partition("/")[2].startswith("."))[:AT_ONCE]

    def content(self, name: str) -> bytes:
        with (self._folder / name).open("rb") as file:
            return file.read(MOST_BYTES)

    def seen(self, name: str) -> None:
        bare, _, flags = name.partition("/")[2].partition(":2,")
        (self._folder / name).rename(self._folder / "cur" / f"{bare}:2,{''.join(sorted({*flags, 'S'}))}")

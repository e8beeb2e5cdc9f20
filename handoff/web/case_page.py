"""`/kasus/<number>`: a case for the citizen who has its key, to read and to answer in every state, without JavaScript.

The key arrives once in the address and moves into a cookie of that case's path. Lax, not Strict: a link from a mail
must open the page; another site's form still cannot send it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sanic import Blueprint, Request
from sanic.request import File
from sanic.response import HTTPResponse, raw, redirect

from handoff.domain.number import InvalidNumber, parse
from handoff.domain.text import clean
from handoff.services.attachments import files
from handoff.services.attachments.workshop import by_hand
from handoff.services.case import merging, renewing
from handoff.services.case.case_steps import doings
from handoff.services.deadlines import clocks
from handoff.services.errors import Forbidden, NotFound, ServiceError, TooLarge
from handoff.services.post import delivery
from handoff.services.talk import consents, conversations, inbox
from handoff.services.talk.inbox import Inbound
from handoff.services.views import dossier, merged, pages
from handoff.services.views.pages import OpenedCase
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.chat import send_file
from handoff.web.dossier import pdf
from handoff.web.requests import address_of, answer, limit, limit_file, number_of, runtime_of, uuid_of

case_page = Blueprint("case_page", url_prefix="/kasus")
case_page.on_request(html.learn)

COOKIE = "kasus"
COOKIE_SECONDS = 120 * 24 * 3600  # longer than the longest case class, 60 working days
WINDOW = 100                     # messages a page
ANSWER_SECONDS = 1.5             # how long a reply waits for its turn, so that the page shows what came of it
NEWS_SECONDS = 25.0              # how long the page's script waits for something new before it asks again
RETRY_SECONDS = 5
COMMENT = 1000                   # characters beside a rating
_FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Reply:
    """What the form sent. `form` is drawn once for each page shown: the same form sent twice is one message."""

    form: str
    text: str
    payload: str
    file: File | None = None
    agrees: bool = False  # who took consent back gives it again with this message

    @classmethod
    def of(cls, request: Request) -> Reply:
        """The form's fields; line ends as the citizen typed them, not as browsers post them."""
        given: Any = request.get_form(keep_blank_values=True) or {}
        form = given.get("kiriman") or ""
        sent: Any = request.files.get("berkas") if request.files else None
        return cls(form if _FORM.fullmatch(form) else secrets.token_hex(16),
                   (given.get("pesan") or "").replace("\r\n", "\n"), given.get("tombol") or "",
                   sent if sent is not None and (sent.name or sent.body) else None, bool(given.get("setuju")))

    async def inbound(self, request: Request, conversation_id: UUID) -> Inbound:
        """As a message. Its key covers what was written and chosen too: a page opened again from the browser's memory
        and written on anew is another message. Raises `TooLarge`, `UnsupportedMedia`, `Unprocessable`."""
        content = hashlib.sha256(f"{self.payload}\0{self.text}\0".encode("utf-8", "surrogatepass"))
        content.update(self.file.body if self.file else b"")
        key = f"form-{self.form}-{content.hexdigest()[:16]}"
        if self.payload:
            comment = {"comment": clean(self.text).strip()[:COMMENT]} if self.text.strip() else {}
            return Inbound("payload", {"payload": self.payload[:256], **comment}, key=key)
        if self.file is None:
            return Inbound.text(self.text, key=key)
        if len(self.text) > inbox.TEXT_CHARACTERS:
            raise TooLarge()
        limit_file(request, len(self.file.body))
        runtime = runtime_of(request)
        data_key = await conversations.data_key_of(runtime, conversation_id)
        stored = await by_hand(files.keep, runtime, data_key, self.file.name or "", self.file.body)
        return Inbound("file", {"text": clean(self.text).strip()}, key=key, files=(stored,))


@case_page.on_request
async def not_too_often(request: Request) -> None:
    """Keys cannot be guessed, and nobody may try for long."""
    limit(request.app.ctx.address_buckets, address_of(request))


@case_page.get("/<number:str>")
async def show(request: Request, number: str) -> HTTPResponse:
    """The case; with `?k=`, or the key behind the number as templates have it, the key becomes a cookie and leaves the
    address."""
    number, _, behind = number.partition(".")
    known, key = _number(number), request.args.get("k") or behind
    if known is None:
        return html.page(request, "case_locked.html", 404, {"Cache-Control": html.MINE}, mistyped=True, used=False)
    if known != number:
        return redirect(f"/kasus/{known}" + (f"?k={quote(key)}" if key else ""), status=303)
    try:
        opened = await pages.open_case(runtime_of(request), known, key or _key(request))
    except Forbidden:
        return _locked(request)
    except DatabaseAway:
        return _away(request, known)
    if key:
        return give_key(request, redirect(_path(known), status=303), known, key)
    try:
        return await _page(request, opened)
    except DatabaseAway:
        return _away(request, known)


@case_page.get("/<number:str>/kabar")
async def news(request: Request, number: str) -> HTTPResponse:
    """For the page's script: answers when the case is no longer as in `?versi=`, with its new version; 204 when
    nothing happened for a while. What is new the script then reads from the page itself."""
    known, shown = number_of(request, "dari"), request.args.get("versi") or ""
    opened = await _opened(request, number)
    with (
        request.app.ctx.places.held(str(opened.conversation_id), address_of(request)),
        request.app.ctx.hub.reading(opened.conversation_id) as happened,  # subscribe first, then look
    ):
        until = asyncio.get_running_loop().time() + NEWS_SECONDS
        while True:
            happened.clear()
            version = _version(await _facts(request, await _opened(request, number), known))
            if version != shown:
                return answer({"version": version})
            try:
                async with asyncio.timeout_at(until):
                    await happened.wait()
            except TimeoutError:
                return answer(None, 204)


@case_page.post("/<number:str>", ctx_large=True)
async def reply(request: Request, number: str) -> HTTPResponse:
    """A message or a button from the page; "Terkirim" is said by the page that follows, once it is stored."""
    key = _key(request)
    given = Reply.of(request)
    if _number(number) != number:
        raise NotFound()
    if not _own_form(request, number, key):
        return _locked(request) if not key else _refused(request, number, given, Forbidden("csrf"))
    try:
        opened = await pages.open_case(runtime_of(request), number, key)
        limit(request.app.ctx.conversation_buckets, str(opened.conversation_id))
        return await _store(request, opened, given)
    except Forbidden as refusal:
        return _locked(request) if refusal.code == Forbidden.code else _refused(request, number, given, refusal)
    except DatabaseAway:
        return _refused(request, number, given, ServiceError("unavailable"), 503)
    except ServiceError as refusal:
        return _refused(request, number, given, refusal)


@case_page.post("/<number:str>/hapus")
async def forget(request: Request, number: str) -> HTTPResponse:
    """Forget the key on this device (a shared telephone); the case itself stays as it is."""
    if _number(number) != number:
        raise NotFound()
    response = html.page(request, "case_forgotten.html", 200, {"Cache-Control": html.MINE}, number=number)
    return _with_key(request, response, number, "", 0)


@case_page.post("/<number:str>/tautan")
async def renew(request: Request, number: str) -> HTTPResponse:
    """Somebody else has seen the case's link: another one, shown once, and this browser keeps its way in."""
    async def another(opened: OpenedCase) -> HTTPResponse:
        url = await renewing.renew(runtime_of(request), opened.conversation_id, opened.facts.id)
        shown = html.page(request, "case_renewed.html", 200, {"Cache-Control": html.MINE}, number=number, url=url)
        return give_key(request, shown, number, url.rpartition("=")[2])

    return await _by_own_form(request, number, another)


@case_page.post("/<number:str>/persetujuan")
async def withdraw_consent(request: Request, number: str) -> HTTPResponse:
    """The citizen takes consent back; the page that follows says what holds now. A reply can give it again."""
    async def withdraw(opened: OpenedCase) -> HTTPResponse:
        await _consent(request, opened, False)
        return redirect(f"{_path(number)}#persetujuan", status=303)

    return await _by_own_form(request, number, withdraw)


async def _by_own_form(
    request: Request, number: str, act: Callable[[OpenedCase], Awaitable[HTTPResponse]]
) -> HTTPResponse:
    """What a form of the case's page does, for who has the key and was given the form."""
    if _number(number) != number:
        raise NotFound()
    key = _key(request)
    if not _own_form(request, number, key):
        return _locked(request)
    try:
        opened = await pages.open_case(runtime_of(request), number, key)
        limit(request.app.ctx.conversation_buckets, str(opened.conversation_id))
        return await act(opened)
    except Forbidden:
        return _locked(request)
    except DatabaseAway:
        return _away(request, number)


@case_page.get("/<number:str>/berkas.pdf")
async def dossier_file(request: Request, number: str) -> HTTPResponse:
    """The whole case to carry elsewhere, as PDF."""
    try:
        found = await dossier.of(runtime_of(request), await _opened(request, number))
    except Forbidden:
        return _locked(request)
    sign = html.pages_of(request).sign or pages.sign_without_database(runtime_of(request))
    made = await asyncio.to_thread(pdf, runtime_of(request).texts, found, sign.name)
    return raw(made, content_type="application/pdf", headers={
        "Cache-Control": html.MINE, "Content-Disposition": f'attachment; filename="kasus-{number}.pdf"',
    })


@case_page.get("/<number:str>/berkas/<file:str>")
async def download(request: Request, number: str, file: str) -> HTTPResponse:
    """A file of the case's conversation, or of a case that was merged into it, always as a download."""
    if _number(number) != number:
        raise NotFound()
    try:
        opened = await pages.open_case(runtime_of(request), number, _key(request))
    except Forbidden:
        return _locked(request)
    return await send_file(request, await merged.conversation_of(runtime_of(request), opened.facts.id, uuid_of(file)),
                           uuid_of(file))


async def _store(request: Request, opened: OpenedCase, given: Reply) -> HTTPResponse:
    runtime, number = runtime_of(request), opened.facts.row.number
    if given.agrees:
        await _consent(request, opened, True)
    with request.app.ctx.hub.reading(opened.conversation_id) as happened:
        inbound = await given.inbound(request, opened.conversation_id)
        receipt = await inbox.receive(runtime, opened.conversation_id, inbound)
        await _settled(request, receipt.message_id, happened)
    return redirect(f"{_path(number)}?terkirim={receipt.seq}#terkirim", status=303)


async def _consent(request: Request, opened: OpenedCase, given: bool) -> None:
    version = html.pages_of(request).words["widget"]["consent_version"]
    await consents.say(runtime_of(request), opened.conversation_id, version, given)


async def _settled(request: Request, message_id: UUID, happened: asyncio.Event) -> None:
    """Wait a moment for the message's turn. It is stored: whether the turn is over changes only what the page shows."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                happened.clear()  # before looking: what happens meanwhile wakes us
                if await pages.has_fate(runtime_of(request), message_id):
                    return
                await happened.wait()
    except (TimeoutError, DatabaseAway):
        return


async def _opened(request: Request, number: str) -> OpenedCase:
    """The case, by this browser's key. Raises `Forbidden`, `NotFound`."""
    if _number(number) != number:
        raise NotFound()
    return await pages.open_case(runtime_of(request), number, _key(request))


async def _facts(request: Request, opened: OpenedCase, start: int) -> dict[str, Any]:
    """What the page shows of the case, its messages from the number `start` on (0: the newest)."""
    runtime, facts = runtime_of(request), opened.facts
    newest = max(opened.first_seq, opened.last_seq - WINDOW + 1)
    start = min(max(start or newest, opened.first_seq), newest)
    happened = await doings(runtime, facts)
    return {
        "case": facts.row, "officer": facts.officer, "unit": facts.unit, "reply_is_due": opened.reply_is_due,
        "messages": await conversations.read(runtime, opened.conversation_id, start - 1, limit=WINDOW),
        "others_of_citizen": await merging.others(runtime, facts), "merged_into": await merging.target(runtime, facts),
        "merged_files": await merged.files(runtime, facts.id), "promises": await clocks.promises(runtime, facts.row),
        "erased_at": opened.erased_at, "withdrawn_at": await consents.withdrawn_at(runtime, opened.conversation_id),
        "steps": happened.steps, "answers": happened.answers, "others": happened.others,
        "stars": happened.stars,
        "older": max(opened.first_seq, start - WINDOW) if start > opened.first_seq else None,
        "newer": min(start + WINDOW, newest) if start < newest else None,
    }


def _version(facts: dict[str, Any]) -> str:
    """Names what the page shows: another version, another page. It tells nothing of what the citizen may not see."""
    case, officer = facts["case"], facts["officer"]
    shown = [
        case.status, case.closed_reason, case.respond_by, case.resolve_by, case.first_replied_at, officer.name,
        [(m["seq"], len(m["text"])) for m in facts["messages"]], len(facts["steps"]), facts["promises"],
        facts["older"], facts["newer"], len(facts["merged_files"]),
        [b["payload"] for b in (*facts["answers"], *facts["others"], *facts["stars"])],
    ]
    return hashlib.sha256(repr(shown).encode("utf-8", "surrogatepass")).hexdigest()[:16]


async def _page(request: Request, opened: OpenedCase) -> HTTPResponse:
    facts = await _facts(request, opened, number_of(request, "dari"))
    await delivery.fetched(runtime_of(request), opened.conversation_id, facts["messages"])
    stored = number_of(request, "terkirim")
    return html.page(
        request, "case.html", headers={"Cache-Control": html.MINE}, **facts, given=_blank(), version=_version(facts),
        begins=number_of(request, "dari"), token=_token(request, opened.facts.row.number, _key(request)),
        stored=any(m["seq"] == stored and m["author"] == "citizen" for m in facts["messages"]),
    )


def _blank() -> Reply:
    return Reply(secrets.token_hex(16), "", "")


def _key(request: Request) -> str:
    return request.cookies.get(COOKIE) or ""


def _refused(
    request: Request, number: str, given: Reply, refusal: ServiceError, status: int | None = None
) -> HTTPResponse:
    """Nothing was stored: the same form again, with what was typed and why it was not taken."""
    own = refusal.code != "csrf"  # what another site's form says is not shown as the citizen's
    return html.page(
        request, "case_unsent.html", status or refusal.status, {"Cache-Control": html.MINE}, number=number,
        given=given if own else _blank(),
        sentence=runtime_of(request).texts.say(f"errors.{refusal.code}", **refusal.facts),
        withdrawn=refusal.code == "consent_withdrawn", token=_token(request, number, _key(request)),
    )


def _away(request: Request, number: str) -> HTTPResponse:
    """The database is away: the case is safe, only not to be read now."""
    return html.page(request, "case_away.html", 503,
                     {"Cache-Control": html.MINE, "Retry-After": str(RETRY_SECONDS)}, number=number)


def _locked(request: Request) -> HTTPResponse:
    """The same for a wrong key, no key, and a number that does not exist."""
    return html.page(request, "case_locked.html", 403, {"Cache-Control": html.MINE}, mistyped=False,
                     used="terpakai" in request.args)


def _number(text: str) -> str | None:
    try:
        return parse(text)
    except InvalidNumber:
        return None


def _path(number: str) -> str:
    return f"/kasus/{number}"


def _with_key(request: Request, response: HTTPResponse, number: str, key: str, seconds: int) -> HTTPResponse:
    response.add_cookie(
        COOKIE, key, path=_path(number), httponly=True, samesite="Lax", max_age=seconds,
        secure=runtime_of(request).settings.base_url.startswith("https:"),
    )
    response.headers["Cache-Control"] = html.MINE
    return response


def give_key(request: Request, response: HTTPResponse, number: str, key: str) -> HTTPResponse:
    """The response with the case's key as a cookie of its page."""
    return _with_key(request, response, number, key, COOKIE_SECONDS)


def _token(request: Request, number: str, key: str) -> str:
    secret = runtime_of(request).settings.derived_key("case-form")
    return hmac.new(secret, f"{number} {key}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def _own_form(request: Request, number: str, key: str) -> bool:
    form: Any = request.get_form() or {}
    given, token = form.get("tanda") or "", _token(request, number, key)
    return bool(key) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())

"""What an officer does on a case's page: the verbs, showing a masked number, the draft, being there. A form works as it
is; sent by htmx it is answered with one sentence, and the page fetches what is new (`web.console_case.fresh`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, empty, redirect

from handoff.services.case import verbs
from handoff.services.errors import BadRequest, NotFound, ServiceError
from handoff.services.views import desk, drafts, presence
from handoff.services.views import reveal as revealing
from handoff.store.db import DatabaseAway
from handoff.web import html, officers
from handoff.web.console import Unavailable, authenticate, field_of, known, page, session_of
from handoff.web.console import refused as refused_page
from handoff.web.console_case import VERBS, Revealed, Sent, whole
from handoff.web.errors import DATABASE_AWAY_SECONDS
from handoff.web.requests import runtime_of

case_actions = Blueprint("case_actions", url_prefix="/petugas/kasus")
case_actions.on_request(html.learn)
case_actions.on_request(authenticate)

SAYING: dict[str, Callable[..., Awaitable[UUID]]] = {
    "reply": verbs.reply, "ask": verbs.ask, "note": verbs.note, "propose": verbs.propose,
}
TO_NOTICE = {"HX-Retarget": "#kabar-kasus", "HX-Reswap": "innerHTML", "Wajah-Kabar": "1"}


@case_actions.exception(ServiceError)
async def refused(request: Request, refusal: ServiceError) -> HTTPResponse:
    """A refusal: a sentence for a page that stays open, otherwise a page."""
    return _notice(request, refusal=refusal) if _by_htmx(request) else await refused_page(request, refusal)


@case_actions.exception(DatabaseAway)
async def database_away(request: Request, away: Exception) -> HTTPResponse:
    """Nothing was stored. What an officer typed stays in the box, even though nobody can be asked who they are; a
    foreign site's form never gets here with the cookie."""
    action = request.match_info.get("action", "")
    refusal = Unavailable(retry_after=DATABASE_AWAY_SECONDS)
    if _by_htmx(request):
        return _notice(request, refusal=refusal)
    if request.method in officers.READING or action not in SAYING or not officers.token_of(request):
        return page(request, "petugas_refused.html", refusal=refusal)
    return page(request, "petugas_unsent.html", refusal=refusal, sent=Sent.of(request, action),
                token=field_of(request, "tanda"), number=request.match_info["number"])


@case_actions.post("/<number:str>/<action:str>")
async def act(request: Request, number: str, action: str) -> HTTPResponse:
    """Do it; the page that follows says so. A refused verb is told on the case, with what was typed."""
    if known(number) != number or action not in VERBS:
        raise NotFound()
    sent, session, runtime = Sent.of(request, action), session_of(request), runtime_of(request)
    case_id = await desk.locate(runtime, session.officer, number)
    try:
        if action == "takeover":
            await verbs.take_over(runtime, session.officer, case_id, sent.text)
        elif action == "hand_back":
            await verbs.hand_back(runtime, session.officer, case_id)
        else:
            more = {"cause": sent.cause} if action == "propose" else {}
            await SAYING[action](runtime, session.officer, case_id, sent.text, sent.key(session), **more)
            await drafts.drop(runtime, session.officer, case_id, action)
    except ServiceError as refusal:
        if _by_htmx(request):
            raise
        return await whole(request, number, sent, refusal)
    if _by_htmx(request):
        if action == "reply" and (lacks := await verbs.lacks(runtime, case_id, sent.text)):
            action = f"reply_{lacks}"
        return _notice(request, done=action)
    return redirect(f"/petugas/kasus/{number}?hasil={action}#hasil", status=303)


@case_actions.post("/<number:str>/tampilkan")
async def show_numbers(request: Request, number: str) -> HTTPResponse:
    """One message with its identity numbers, for this one answer; why is recorded."""
    runtime, officer, seq = runtime_of(request), session_of(request).officer, field_of(request, "pesan")
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 9):
        raise BadRequest()
    case_id = await desk.locate(runtime, officer, number)
    try:
        text = await revealing.reveal(runtime, officer, case_id, int(seq), field_of(request, "alasan"))
    except ServiceError as refusal:
        if _by_htmx(request):
            raise
        return await whole(request, number, Sent(), refusal)
    revealed = Revealed(int(seq), text)
    if _by_htmx(request):
        return page(request, "petugas_case_revealed.html", revealed=revealed)
    return await whole(request, number, Sent(), revealed=revealed)


@case_actions.put("/<number:str>/draf")
async def keep_draft(request: Request, number: str) -> HTTPResponse:
    """Keep what stands in the boxes."""
    runtime, officer = runtime_of(request), session_of(request).officer
    case_id = await desk.locate(runtime, officer, number)
    texts = {kind: field_of(request, kind).replace("\r\n", "\n") for kind in drafts.KINDS}
    await drafts.keep(runtime, officer, case_id, texts)
    return empty(204)


@case_actions.post("/<number:str>/hadir")
async def be_here(request: Request, number: str) -> HTTPResponse:
    """The officer is at the case (`mengetik`: typing; `pergi`: no longer there). Answers who else is."""
    runtime, officer = runtime_of(request), session_of(request).officer
    case_id = await desk.locate(runtime, officer, number)
    if field_of(request, "pergi"):
        await presence.leave(runtime, officer, case_id)
        return empty(204)
    present = await presence.ping(runtime, officer, case_id, bool(field_of(request, "mengetik")))
    return page(request, "petugas_case_present.html", present=present)


def _by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _notice(request: Request, *, refusal: ServiceError | None = None, done: str | None = None) -> HTTPResponse:
    """One sentence for the page that is open: done, or why not."""
    facts: dict[str, Any] = {"done": done}
    response = page(request, "petugas_case_notice.html", refusal=refusal, **facts)
    response.headers.update(TO_NOTICE)
    return response

"""`/petugas/jawaban`: who leads stops an answer everywhere, and has it given again (P8). What is suspended stands there
with since when, by whom, why, and after which dispute."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.errors import Conflict, NotFound, ServiceError, Unprocessable
from handoff.services.talk import publications
from handoff.services.views import publishing
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, page, refused, session_of, titles
from handoff.web.requests import runtime_of

console_answers = Blueprint("console_answers", url_prefix="/petugas/jawaban")
console_answers.on_request(html.learn)
console_answers.on_request(authenticate)
console_answers.exception(ServiceError)(refused)
console_answers.exception(DatabaseAway)(database_away)

DONE = ("tahan", "terbit")


@console_answers.get("/")
async def overview(request: Request) -> HTTPResponse:
    """What is suspended, what is disputed, and the way to every answer."""
    runtime, officer = runtime_of(request), session_of(request).officer
    chosen = request.args.get("topik") or ""
    if chosen in runtime.catalogue.topics:
        return redirect(f"/petugas/jawaban/{chosen}", status=303)
    found = await publishing.overview(runtime, officer)
    topics = sorted((topic.title, name) for name, topic in runtime.catalogue.topics.items())
    return page(request, "petugas_answers.html", found=found, titles=titles(request), topics=topics)


@console_answers.get("/<topic:str>")
async def answer(request: Request, topic: str) -> HTTPResponse:
    """One answer, as citizens get it, and what may be done with it."""
    return await _page(request, topic)


@console_answers.post("/<topic:str>/tahan")
async def suspend(request: Request, topic: str) -> HTTPResponse:
    """Stop it; a refusal is told on the form, with what was typed."""
    runtime, officer = runtime_of(request), session_of(request).officer
    try:
        number = field_of(request, "kasus")
        case_id = await publishing.disputing(runtime, officer, topic, number) if number else None
        await publications.suspend(runtime, officer, topic, _why(request), case_id=case_id)
    except (Conflict, Unprocessable) as refusal:
        return await _page(request, topic, refusal)
    return redirect(f"/petugas/jawaban/{topic}?hasil=tahan#hasil", status=303)


@console_answers.post("/<topic:str>/terbit")
async def republish(request: Request, topic: str) -> HTTPResponse:
    """Have it given again; a refusal is told on the form, with what was typed."""
    runtime, officer = runtime_of(request), session_of(request).officer
    try:
        await publications.republish(runtime, officer, topic, _why(request), seen=_epoch(field_of(request, "tahap")))
    except (Conflict, Unprocessable) as refusal:
        return await _page(request, topic, refusal)
    return redirect(f"/petugas/jawaban/{topic}?hasil=terbit#hasil", status=303)


async def _page(request: Request, topic: str, refusal: ServiceError | None = None) -> HTTPResponse:
    found = await publishing.one(runtime_of(request), session_of(request).officer, topic)
    done = request.args.get("hasil")
    number = field_of(request, "kasus") or request.args.get("kasus") or ""
    return page(request, "petugas_answer.html", refusal=refusal, found=found, titles=titles(request),
                why=field_of(request, "alasan"), number=number, done=done if done in DONE else None)


def _why(request: Request) -> str:
    """Raises `Unprocessable("no_reason")`: nobody stops or starts an answer without saying why."""
    why = field_of(request, "alasan").replace("\r\n", "\n")
    if not why.strip():
        raise Unprocessable("no_reason")
    return why


def _epoch(text: str) -> int:
    """Which suspension the officer looked at. Raises `NotFound`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound()
    return int(text)

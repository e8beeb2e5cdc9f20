"""`/petugas/perbaikan`: who leads tells everybody who had a wrong answer what is right, and sees how many were told."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.errors import BadRequest, Conflict, ServiceError, Unprocessable
from handoff.services.talk import corrections
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, page, refused, session_of, titles
from handoff.web.requests import runtime_of

console_corrections = Blueprint("console_corrections", url_prefix="/petugas/perbaikan")
console_corrections.on_request(html.learn)
console_corrections.on_request(authenticate)
console_corrections.exception(ServiceError)(refused)
console_corrections.exception(DatabaseAway)(database_away)


_TOLD = (Conflict, Unprocessable)  # on the form itself


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What is to be corrected, as it was chosen; `words` and `form` once it is written."""

    topic: str = ""
    since: str = ""
    aspect: str = ""
    words: str = ""
    form: str = ""


@console_corrections.get("/")
async def overview(request: Request) -> HTTPResponse:
    """What was corrected and how far it has come; the first half of the form, or the second once it is chosen what."""
    args = request.args
    wanted = _Wanted(args.get("topik") or "", args.get("sejak") or "", args.get("bagian") or "", form=str(uuid4()))
    if not wanted.topic:
        return await _page(request, wanted)
    try:
        return await _page(request, wanted, count=await _reached(request, wanted))
    except _TOLD as refusal:
        return await _page(request, wanted, refusal)


@console_corrections.post("/")
async def correct(request: Request) -> HTTPResponse:
    """Do it; a refusal is told on the form, with what was typed."""
    wanted = _Wanted(*(field_of(request, name) for name in ("topik", "sejak", "bagian", "pesan", "formulir")))
    runtime, officer = runtime_of(request), session_of(request).officer
    words = wanted.words.replace("\r\n", "\n")
    try:
        await corrections.correct(runtime, officer, wanted.topic, _day(wanted.since), words, wanted.aspect or None,
                                  _form_id(wanted.form))
    except _TOLD as refusal:
        try:
            return await _page(request, wanted, refusal, await _reached(request, wanted))
        except _TOLD:
            return await _page(request, wanted, refusal)
    return redirect("/petugas/perbaikan?hasil=1#hasil", status=303)


async def _reached(request: Request, wanted: _Wanted) -> int:
    return await corrections.reached(
        runtime_of(request), session_of(request).officer, wanted.topic, _day(wanted.since), wanted.aspect or None
    )


async def _page(
    request: Request, wanted: _Wanted, refusal: ServiceError | None = None, count: int | None = None
) -> HTTPResponse:
    runtime, officer = runtime_of(request), session_of(request).officer
    found = await corrections.listed(runtime, officer)
    names = titles(request)
    topics = sorted((names.get(one.topic, one.topic), one.topic) for one in await corrections.suspended(runtime))
    facts: dict[str, Any] = {"done": bool(request.args.get("hasil")), "titles": names, "topics": topics}
    return page(request, "petugas_corrections.html", refusal=refusal, corrections=found, wanted=wanted, count=count,
                **facts)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unprocessable("bad_since", most=corrections.FURTHEST.days) from None


def _form_id(text: str) -> UUID:
    """The form's own id: sent twice it is one correction."""
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest() from None

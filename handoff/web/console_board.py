"""`/petugas/papan`: the first board of who leads. The unit's cases by deadline and officer; giving a case to somebody
else, or taking it, with a reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.case import verbs
from handoff.services.errors import ServiceError, Unprocessable
from handoff.services.views import desk, leading
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, known, page, refused, session_of, told
from handoff.web.requests import runtime_of

console_board = Blueprint("console_board", url_prefix="/petugas/papan")
console_board.on_request(html.learn)
console_board.on_request(authenticate)
console_board.exception(ServiceError)(refused)
console_board.exception(DatabaseAway)(database_away)


@console_board.get("/")
async def board(request: Request) -> HTTPResponse:
    """One unit's open cases, grouped by who has them."""
    found = await leading.board(runtime_of(request), session_of(request).officer, request.args.get("unit"))
    holders = [(holder, [told(request, line) for line in holder.lines]) for holder in found.holders]
    moved = known(request.args.get("hasil") or "")
    done = next((line for _, lines in holders for line in lines if line["number"] == moved), None)
    return page(request, "petugas_board.html", board=found, holders=holders, done=done)


@console_board.get("/<number:str>")
async def case(request: Request, number: str) -> HTTPResponse:
    """The form that gives the case to somebody else."""
    return await _form(request, number)


@console_board.post("/<number:str>")
async def reassign(request: Request, number: str) -> HTTPResponse:
    """Do it; a refusal is told on the form, with what was typed."""
    runtime, officer = runtime_of(request), session_of(request).officer
    case_id = await leading.case_id(runtime, officer, number)
    line = await desk.summary(runtime, officer, number)
    why = field_of(request, "alasan").replace("\r\n", "\n")
    try:
        await verbs.reassign(runtime, officer, case_id, _id(field_of(request, "petugas")), why,
                             _id(field_of(request, "semula")))
    except ServiceError as refusal:
        return await _form(request, number, refusal, why)
    return redirect(f"/petugas/papan?unit={line['unit']['slug']}&hasil={number}#hasil", status=303)


async def _form(
    request: Request, number: str, refusal: ServiceError | None = None, why: str = ""
) -> HTTPResponse:
    runtime, officer = runtime_of(request), session_of(request).officer
    await leading.case_id(runtime, officer, number)
    line: dict[str, Any] = told(request, await desk.summary(runtime, officer, number))
    people = await leading.colleagues(runtime, officer, line["unit"]["slug"])
    return page(
        request, "petugas_reassign.html", refusal=refusal, case=line, why=why, chosen=field_of(request, "petugas"),
        people=[one for one in people if str(one.id) not in (line["officer"]["id"], str(officer.id))],
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Unprocessable("nobody_chosen") from None

"""`/petugas/kasus/<number>/…`: who has the case and how it ends, as forms without JavaScript. What each does is
`services.case.transfers`, `.referrals`, `.dismissals`; a refusal is told on the case, with what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect
from sqlalchemy import Row

from handoff.services.case import dismissals, merging, referrals, transfers, verbs
from handoff.services.case.referrals import Letter
from handoff.services.errors import NotFound, ServiceError, Unprocessable
from handoff.services.runtime import Runtime
from handoff.services.views import desk
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, known, refused, session_of
from handoff.web.console_case import Sent, whole
from handoff.web.requests import runtime_of, uuid_of

console_moves = Blueprint("console_moves", url_prefix="/petugas/kasus")
console_moves.on_request(html.learn)
console_moves.on_request(authenticate)
console_moves.exception(ServiceError)(refused)
console_moves.exception(DatabaseAway)(database_away)


@console_moves.post("/<number:str>/pindah")
async def transfer(request: Request, number: str) -> HTTPResponse:
    """Ask another unit to take the case."""
    return await _do(request, number, "transfer", lambda r, o, c: transfers.request(
        r, o, c, field_of(request, "unit"), _text(request)
    ))


@console_moves.post("/<number:str>/pindah/batal")
async def withdraw_transfer(request: Request, number: str) -> HTTPResponse:
    """Take the request back."""
    return await _do(request, number, "withdraw_transfer", transfers.withdraw)


@console_moves.post("/<number:str>/pindah/terima")
async def accept_transfer(request: Request, number: str) -> HTTPResponse:
    """Take the case that one's unit was asked to take."""
    return await _do(request, number, "accept_transfer", transfers.accept)


@console_moves.post("/<number:str>/pindah/tolak")
async def decline_transfer(request: Request, number: str) -> HTTPResponse:
    """Not take it, and say why; the case is then no longer this unit's to see."""
    return await _do(request, number, "decline_transfer", lambda r, o, c: transfers.decline(r, o, c, _text(request)),
                     onward="/petugas")


@console_moves.post("/<number:str>/rujuk")
async def refer(request: Request, number: str) -> HTTPResponse:
    """Refer and accompany."""
    return await _do(request, number, "refer", lambda r, o, c: referrals.refer(r, o, c, Letter(
        field_of(request, "kantor"), _text(request), field_of(request, "rujukan"), _day(request) or date.min
    )))


@console_moves.post("/<number:str>/rujuk/<referral:str>")
async def follow_up(request: Request, number: str, referral: str) -> HTTPResponse:
    """What the other office said; without a day nothing is waited for there any more."""
    referral_id = uuid_of(referral)
    return await _do(request, number, "follow_up", lambda r, o, c: referrals.follow_up(
        r, o, c, referral_id, _text(request), _day(request)
    ))


@console_moves.post("/<number:str>/bukan-permintaan")
async def dismiss(request: Request, number: str) -> HTTPResponse:
    """The first of two persons."""
    return await _do(request, number, "dismiss", lambda r, o, c: dismissals.dismiss(r, o, c, _text(request)))


@console_moves.post("/<number:str>/bukan-permintaan/benarkan")
async def confirm_dismissal(request: Request, number: str) -> HTTPResponse:
    """The second, another one."""
    return await _do(request, number, "confirm_dismissal", lambda r, o, c: dismissals.confirm(r, o, c, _text(request)))


@console_moves.post("/<number:str>/gabung")
async def merge(request: Request, number: str) -> HTTPResponse:
    """The case goes on under another number of the same citizen's."""
    return await _do(request, number, "merge", lambda r, o, c: merging.merge(
        r, o, c, field_of(request, "kasus"), _text(request)
    ))


@console_moves.post("/<number:str>/benarkan-alamat")
async def allow_address(request: Request, number: str) -> HTTPResponse:
    """An address truly is the answer; who leads the unit says why."""
    return await _do(request, number, "allow_address", lambda r, o, c: verbs.allow_address(r, o, c, _text(request)))


async def _do(
    request: Request, number: str, action: str, act: Callable[[Runtime, Row[Any], UUID], Awaitable[object]],
    onward: str | None = None,
) -> HTTPResponse:
    if known(number) != number:
        raise NotFound()
    runtime, officer = runtime_of(request), session_of(request).officer
    case_id = await desk.locate(runtime, officer, number)
    try:
        await act(runtime, officer, case_id)
    except ServiceError as refusal:
        return await whole(request, number, Sent(action, _text(request)), refusal)
    return redirect(onward or f"/petugas/kasus/{number}?hasil={action}#hasil", status=303)


def _text(request: Request) -> str:
    return field_of(request, "pesan").replace("\r\n", "\n")


def _day(request: Request) -> date | None:
    given = field_of(request, "hari")
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Unprocessable("bad_day") from None

"""`/petugas/orang`: who works here; leave, the end of a duty, and deactivation. Nothing is done before it was shown
whom each open case goes to: the first sending of a form shows it, the second, which carries the plan's name, does it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.domain.case import Role
from handoff.services.errors import Conflict, Forbidden, NotFound, ServiceError, Unprocessable
from handoff.services.people import duty
from handoff.services.people.duty import Handed
from handoff.services.views import people
from handoff.services.views.people import Person
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, page, refused, session_of
from handoff.web.requests import runtime_of, uuid_of

console_people = Blueprint("console_people", url_prefix="/petugas/orang")
console_people.on_request(html.learn)
console_people.on_request(authenticate)
console_people.exception(ServiceError)(refused)
console_people.exception(DatabaseAway)(database_away)


Handler = Callable[[Request, str], Awaitable[HTTPResponse]]


def told_here(act: Handler) -> Handler:
    """What is refused is said on the page of the person, beside what was typed."""
    @functools.wraps(act)
    async def tried(request: Request, login: str) -> HTTPResponse:
        try:
            return await act(request, login)
        except (Forbidden, NotFound):
            raise
        except ServiceError as refusal:
            return await _person(request, login, refusal)

    return tried


@console_people.get("/")
async def everybody(request: Request) -> HTTPResponse:
    """Everybody about whose duty the officer may know something."""
    return page(request, "petugas_people.html",
                people=await people.listed(runtime_of(request), session_of(request).officer))


@console_people.get("/<login:str>")
async def person(request: Request, login: str) -> HTTPResponse:
    """One of them, and what may be decided."""
    return await _person(request, login)


@console_people.post("/<login:str>/cuti")
@told_here
async def leave(request: Request, login: str) -> HTTPResponse:
    """Leave from a day to a day: shown first, then done."""
    runtime, officer, plan = runtime_of(request), session_of(request).officer, field_of(request, "rencana")
    found = await people.one(runtime, officer, login)
    first, last = _day(request, "dari", "bad_leave"), _day(request, "sampai", "bad_leave")
    if not found.today <= first <= last <= found.today + duty.LONGEST:
        raise Unprocessable("bad_leave")
    if not plan:
        now = first == found.today
        return await _foreseen(request, found, "cuti", duty.may_give_leave(officer, login), now, first=first, last=last)
    await duty.leave(runtime, officer, login, first, last, plan)
    return _done(login, "cuti")


@console_people.post("/<login:str>/cuti/<leave_id:str>/batal")
async def end_leave(request: Request, login: str, leave_id: str) -> HTTPResponse:
    """A leave is taken back, or ends today."""
    await duty.end_leave(runtime_of(request), session_of(request).officer, login, uuid_of(leave_id))
    return _done(login, "cuti_batal")


@console_people.post("/<login:str>/akhir")
@told_here
async def end(request: Request, login: str) -> HTTPResponse:
    """The last day of a duty: shown first, then done."""
    runtime, officer = runtime_of(request), session_of(request).officer
    found = await people.one(runtime, officer, login)
    last = _day(request, "hari", "bad_last_day")
    if not found.today <= last <= found.today + duty.LONGEST:
        raise Unprocessable("bad_last_day")
    if not field_of(request, "rencana"):
        return await _foreseen(request, found, "akhir", duty.ENDS_DUTY, False, last=last)
    await duty.end(runtime, officer, login, last)
    return _done(login, "akhir")


@console_people.post("/<login:str>/akhir/batal")
async def end_after_all_not(request: Request, login: str) -> HTTPResponse:
    """The duty does not end after all."""
    await duty.end(runtime_of(request), session_of(request).officer, login, None)
    return _done(login, "akhir_batal")


@console_people.post("/<login:str>/nonaktif")
@told_here
async def deactivate(request: Request, login: str) -> HTTPResponse:
    """Somebody leaves now: shown first, then done."""
    runtime, officer, plan = runtime_of(request), session_of(request).officer, field_of(request, "rencana")
    found = await people.one(runtime, officer, login)
    if not plan:
        return await _foreseen(request, found, "nonaktif", duty.ENDS_DUTY, True)
    await duty.deactivate(runtime, officer, login, plan)
    return _done(login, "nonaktif")


@console_people.post("/<login:str>/aktifkan")
async def reactivate(request: Request, login: str) -> HTTPResponse:
    """Somebody who was deactivated is back."""
    await duty.reactivate(runtime_of(request), session_of(request).officer, login)
    return _done(login, "aktif")


async def _foreseen(
    request: Request, found: Person, act: str, roles: frozenset[Role], now: bool, first: date | None = None,
    last: date | None = None,
) -> HTTPResponse:
    """What would happen. Where cases move on a later day, it is what would happen today; that nobody else is there is
    then no refusal, for somebody may come until then."""
    runtime, officer, login = runtime_of(request), session_of(request).officer, found.row.login
    if act != "cuti" and login == officer.login and Role(officer.role) in duty.ENDS_DUTY:
        raise Conflict("yourself")
    handed: list[Handed] | None = None
    try:
        handed = await duty.foresee(runtime, officer, login, roles)
    except Conflict:
        if now:
            raise
    goings = await people.goings(runtime, officer, handed) if handed is not None else None
    return page(request, "petugas_person_plan.html", person=found, act=act, at_once=now, goings=goings,
                plan=duty.plan_of(handed or ()), first=first, last=last)


async def _person(request: Request, login: str, refusal: ServiceError | None = None) -> HTTPResponse:
    runtime, officer = runtime_of(request), session_of(request).officer
    found = await people.one(runtime, officer, login)
    typed: dict[str, Any] = {name: field_of(request, name) for name in ("dari", "sampai", "hari")}
    return page(request, "petugas_person.html", refusal=refusal, person=found, may=people.may(officer, found.row),
                typed=typed, done=_true(found, request.args.get("hasil") or ""))


def _true(found: Person, done: str) -> str | None:
    """What the address says was done, if it is so."""
    row = found.row
    holds = {"cuti": bool(found.leaves), "cuti_batal": True, "akhir": row.last_day is not None and row.active,
             "akhir_batal": row.last_day is None and row.active, "nonaktif": not row.active, "aktif": row.active}
    return done if holds.get(done) else None


def _done(login: str, what: str) -> HTTPResponse:
    return redirect(f"/petugas/orang/{login}?hasil={what}#hasil", status=303)


def _day(request: Request, name: str, refusal: str) -> date:
    try:
        return date.fromisoformat(field_of(request, name))
    except ValueError:
        raise Unprocessable(refusal) from None

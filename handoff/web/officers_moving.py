"""The officers' API, second part: who has a case and how it ends. Transfer, refer and accompany, what two persons hold
for no request, an address that truly is the answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sanic import Request
from sanic.response import HTTPResponse

from handoff.services.case import dismissals, merging, referrals, transfers, verbs
from handoff.services.case.referrals import SHORT, Letter
from handoff.services.people import duty
from handoff.services.views import desk, leading
from handoff.web.officers import after, located, meant, officers, session_of
from handoff.web.requests import answer, body_of, runtime_of, uuid_of


class Why(BaseModel):
    """Why it is done; the record keeps it."""

    model_config = ConfigDict(extra="forbid")
    reason: str


class Handover(BaseModel):
    """Who shall have the case, and why; `held_by` is the officer whom the caller believes to have it."""

    model_config = ConfigDict(extra="forbid")
    officer_id: UUID
    reason: str
    held_by: UUID | None = None


class Transfer(Why):
    """Which unit (its slug) shall take the case."""

    unit: Annotated[str, Field(max_length=40)]


class Referral(BaseModel):
    """What was sent to an office outside the system, and the day to ask there again."""

    model_config = ConfigDict(extra="forbid")
    office: Annotated[str, Field(max_length=SHORT)]
    sent: str
    reference: Annotated[str, Field(max_length=SHORT)] = ""
    ask_again_on: date


class FollowUp(BaseModel):
    """What the other office said; without a day nothing is waited for there any more."""

    model_config = ConfigDict(extra="forbid")
    heard: str
    ask_again_on: date | None = None


class Merge(Why):
    """The number of the other case."""

    into: Annotated[str, Field(max_length=20)]


class Leave(BaseModel):
    """The first and the last day on which an officer does not work."""

    model_config = ConfigDict(extra="forbid")
    first_day: date
    last_day: date


@officers.post("/cases/<number:str>/transfer")
async def transfer(request: Request, number: str) -> HTTPResponse:
    """Ask another unit to take the case; until somebody there accepts, nothing changes."""
    given, case_id = body_of(request, Transfer), await located(request, number)
    await transfers.request(runtime_of(request), session_of(request).officer, case_id, given.unit, given.reason)
    return await after(request, number)


@officers.delete("/cases/<number:str>/transfer")
async def withdraw_transfer(request: Request, number: str) -> HTTPResponse:
    """Take the request back."""
    await transfers.withdraw(runtime_of(request), session_of(request).officer, await located(request, number))
    return await after(request, number)


@officers.post("/cases/<number:str>/transfer/accept")
async def accept_transfer(request: Request, number: str) -> HTTPResponse:
    """An officer of the asked unit takes the case."""
    await transfers.accept(runtime_of(request), session_of(request).officer, await located(request, number))
    return await after(request, number)


@officers.post("/cases/<number:str>/transfer/decline")
async def decline_transfer(request: Request, number: str) -> HTTPResponse:
    """The asked unit does not take it; why is recorded. The answer is empty: the case is no longer theirs to see."""
    given, case_id = body_of(request, Why), await located(request, number)
    await transfers.decline(runtime_of(request), session_of(request).officer, case_id, given.reason)
    return answer(None, 204)


@officers.post("/cases/<number:str>/refer")
async def refer(request: Request, number: str) -> HTTPResponse:
    """Refer and accompany: an office outside was written to; officer and clocks stay."""
    given, case_id = body_of(request, Referral), await located(request, number)
    letter = Letter(given.office, given.sent, given.reference, given.ask_again_on)
    await referrals.refer(runtime_of(request), session_of(request).officer, case_id, letter)
    return await after(request, number)


@officers.get("/cases/<number:str>/referrals")
async def waiting(request: Request, number: str) -> HTTPResponse:
    """What the case still waits for at other offices, the next day first."""
    found = await referrals.waiting(runtime_of(request), await located(request, number))
    return answer({"referrals": [
        {"id": str(one.id), "office": one.office, "reference": one.reference,
         "ask_again_on": one.ask_again_on.isoformat(), "due": one.due} for one in found
    ]})


@officers.post("/cases/<number:str>/referrals/<referral:str>")
async def follow_up(request: Request, number: str, referral: str) -> HTTPResponse:
    """What the other office said when it was asked again."""
    given, case_id = body_of(request, FollowUp), await located(request, number)
    await referrals.follow_up(runtime_of(request), session_of(request).officer, case_id, uuid_of(referral),
                              given.heard, given.ask_again_on)
    return await after(request, number)


@officers.post("/cases/<number:str>/dismiss")
async def dismiss(request: Request, number: str) -> HTTPResponse:
    """The first of two persons who hold the case for no request at all."""
    given, case_id = body_of(request, Why), await located(request, number)
    await dismissals.dismiss(runtime_of(request), session_of(request).officer, case_id, given.reason)
    return await after(request, number)


@officers.post("/cases/<number:str>/dismiss/confirm")
async def confirm_dismissal(request: Request, number: str) -> HTTPResponse:
    """The second person, another one: the case is closed as no request, its sender told."""
    given, case_id = body_of(request, Why), await located(request, number)
    await dismissals.confirm(runtime_of(request), session_of(request).officer, case_id, given.reason)
    return await after(request, number)


@officers.post("/cases/<number:str>/merge")
async def merge(request: Request, number: str) -> HTTPResponse:
    """The case goes on under the number of another open case of the same citizen; both numbers stay valid."""
    given, case_id = body_of(request, Merge), await located(request, number)
    into = await desk.summary(runtime_of(request), session_of(request).officer, meant(given.into))
    await merging.merge(runtime_of(request), session_of(request).officer, case_id, into["number"], given.reason)
    return await after(request, number)


@officers.post("/people/<login:str>/deactivate")
async def deactivate(request: Request, login: str) -> HTTPResponse:
    """An officer leaves for good; every open case of theirs moves to a named person at once, or they do not go."""
    moved = await duty.deactivate(runtime_of(request), session_of(request).officer, login)
    return answer({"moved": len(moved)})


@officers.post("/people/<login:str>/leave")
async def leave(request: Request, login: str) -> HTTPResponse:
    """An officer is away on these days; their open cases move on the day it begins. For oneself, or by who leads."""
    given = body_of(request, Leave)
    moved = await duty.leave(runtime_of(request), session_of(request).officer, login, given.first_day, given.last_day)
    return answer({"moved": len(moved)})


@officers.post("/cases/<number:str>/allow_address")
async def allow_address(request: Request, number: str) -> HTTPResponse:
    """Who leads the unit stands for it that an address truly is the answer: the proposal that was held back is made."""
    given, case_id = body_of(request, Why), await located(request, number)
    said = await verbs.allow_address(runtime_of(request), session_of(request).officer, case_id, given.reason)
    return await after(request, number, said)


@officers.get("/cases/<number:str>/colleagues")
async def colleagues(request: Request, number: str) -> HTTPResponse:
    """Who of the case's unit can be given it; for who leads the unit."""
    runtime, officer, number = runtime_of(request), session_of(request).officer, meant(number)
    await leading.case_id(runtime, officer, number)
    unit = (await desk.summary(runtime, officer, number))["unit"]["slug"]
    people = await leading.colleagues(runtime, officer, unit)
    return answer({"colleagues": [
        {"id": str(one.id), "name": one.name, "title": one.title, "on_duty": one.on_duty, "away": one.away}
        for one in people
    ]})


@officers.post("/cases/<number:str>/reassign")
async def reassign(request: Request, number: str) -> HTTPResponse:
    """Who leads the unit gives the case to one of its officers, or takes it; number and promises stay."""
    given, runtime, officer = body_of(request, Handover), runtime_of(request), session_of(request).officer
    case_id = await leading.case_id(runtime, officer, meant(number))
    await verbs.reassign(runtime, officer, case_id, given.officer_id, given.reason, given.held_by)
    return await after(request, number)

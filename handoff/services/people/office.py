"""The office as the rules need it: a unit's working calendar, and who may take a case now."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import assignment
from handoff.domain.calendar import CalendarError, WorkingCalendar
from handoff.domain.case import CARRYING, Reason, Role
from handoff.domain.holidays import indonesian_holidays
from handoff.domain.language import INDONESIAN
from handoff.services.errors import Forbidden, NotFound
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, citizens, closures, conversations, officers, offices, shifts, units
from handoff.store.schema_clocks import leaves
from handoff.store.schema_moves import confidential_reports

TAKES_CASES = frozenset(role.value for role in CARRYING)
HAS_DUTY = TAKES_CASES | {Role.data_officer.value}  # whose own cases come by their role alone
NOBODY = UUID(int=0)  # no citizen
#: How far back a calendar knows local closures: further than any running deadline was counted from.
REACHES_BACK = timedelta(days=200)
#: The one that everything belongs to where no other is named.
FIRST_OFFICE = select(offices.c.id).order_by(offices.c.created_at, offices.c.id).limit(1).scalar_subquery()
Hours = tuple[tuple[time, time], ...]


@dataclass(frozen=True)
class Taker:
    """Who shall get a case: the unit that is this desk of the catalogue in the office (None: in the first office), or a
    role wherever it sits, in that office if anybody there has it; nobody of `barred`."""

    unit: str | None = None
    role: Role | None = None
    barred: frozenset[UUID] = frozenset()
    office_id: UUID | None = None


@dataclass(frozen=True)
class Chosen:
    """Who gets a case, and from when they work on it."""

    officer_id: UUID
    on_duty: bool
    from_when: datetime
    unit: Row[Any]
    calendar: WorkingCalendar


@functools.lru_cache(maxsize=8)
def _national_holidays(first: int, last: int) -> frozenset[date]:
    return frozenset(indonesian_holidays(range(first, last + 1)))


def _hours(pairs: list[list[str]]) -> Hours:
    return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in pairs)


async def calendar_of(connection: AsyncConnection, unit: Row[Any], at: datetime) -> WorkingCalendar:
    """The unit's working time around `at`: weekly hours, national holidays with cuti bersama, local closures."""
    local = (await connection.execute(
        select(closures.c.day, closures.c.hours).where(
            or_(closures.c.unit_id.is_(None), closures.c.unit_id == unit.id),
            closures.c.day >= at.date() - REACHES_BACK,
        ).order_by(closures.c.unit_id.nulls_first())  # what the unit says of a day prevails over what the office says
    )).all()
    closed = set(_national_holidays(at.year - 1, at.year + 1))
    special: dict[date, Hours] = {}
    for row in local:
        special.pop(row.day, None)
        closed.discard(row.day)
        if row.hours is None:
            closed.add(row.day)
        else:
            special[row.day] = _hours(row.hours)
    weekly: Mapping[int, Hours] = {int(day): _hours(hours) for day, hours in unit.weekly_hours.items()}
    return WorkingCalendar(ZoneInfo(unit.zone), weekly, frozenset(closed), special)


async def unit_for(connection: AsyncConnection, desk: str | None, office_id: UUID | None = None) -> Row[Any]:
    """The office's unit that is this desk, or its default unit; those of the first office where it has neither. Raises
    `NotFound` when that has none either."""
    own = units.c.office_id == office_id
    row = (await connection.execute(
        select(units).where(or_(own, units.c.office_id == FIRST_OFFICE), or_(units.c.desk == desk, units.c.is_default))
        .order_by(own.desc().nulls_last(), (units.c.desk == desk).desc().nulls_last()).limit(1)
    )).first()
    if row is None:
        raise NotFound()
    return row


async def choose(connection: AsyncConnection, taker: Taker, citizen_id: UUID, at: datetime) -> Chosen:
    """Who gets a new case (P2). A role that nobody has falls to a head of unit, then to a supervisor, then to whoever
    takes cases. Raises `NotFound`, `assignment.NobodyToAssign`.
    """
    if taker.role is None:
        unit = await unit_for(connection, taker.unit, taker.office_id)
        return await choose_officer(connection, unit, citizen_id, at, taker.barred)
    await connection.execute(select(func.pg_advisory_xact_lock(7267003, func.hashtext(taker.role.value))))
    office_id = taker.office_id or (await connection.execute(select(FIRST_OFFICE))).scalar_one()
    for roles in ({taker.role.value}, {Role.head.value}, {Role.supervisor.value}, TAKES_CASES):
        found: dict[str, tuple[assignment.Candidate, Row[Any], WorkingCalendar]] = {}
        for unit in (await connection.execute(select(units).order_by(units.c.slug))).all():
            calendar = await calendar_of(connection, unit, at)
            for one in await _candidates(connection, unit, citizen_id, calendar, at, roles):
                if UUID(one.officer_id) not in taker.barred:
                    found[one.officer_id] = (one, unit, calendar)
        if found:
            near = [one for one, unit, _ in found.values() if unit.office_id == office_id]
            best = assignment.choose(near or [one for one, _, _ in found.values()],
                                     await _language(connection, citizen_id))
            if (chosen := await _chosen(connection, *found[best.officer_id], at)) is not None:
                return chosen
            return await choose(connection, taker, citizen_id, at)
    raise assignment.NobodyToAssign


async def taker_again(connection: AsyncConnection, case: Row[Any], unit: Row[Any]) -> Taker:
    """Who takes a case whose officer no longer can: its unit, or of a confidential report an inspector whom it does not
    concern. Never one of whom it was kept before."""
    if case.reason != Reason.confidential_report.value:
        return Taker(unit=unit.desk, office_id=unit.office_id, barred=frozenset(case.kept_from))
    kept_from = (await connection.execute(
        select(confidential_reports.c.kept_from).where(confidential_reports.c.case_id == case.id)
    )).scalar_one()
    return Taker(role=Role.inspector, barred=frozenset(kept_from), office_id=unit.office_id)


async def choose_officer(
    connection: AsyncConnection, unit: Row[Any], citizen_id: UUID, at: datetime, barred: Set[UUID] = frozenset()
) -> Chosen:
    """Who gets a new case of `unit` (P2). One assignment a unit at a time, so that a burst is shared out evenly.

    A unit without a single active officer gives its case to its office's default unit, that to the first office's, and
    where all of those are `barred`, it goes to anybody else. Raises `assignment.NobodyToAssign`.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(7267003, func.hashtext(str(unit.id)))))
    calendar = await calendar_of(connection, unit, at)
    found = await _candidates(connection, unit, citizen_id, calendar, at)
    candidates = [one for one in found if UUID(one.officer_id) not in barred]
    if candidates:
        best = assignment.choose(candidates, await _language(connection, citizen_id))
        chosen = await _chosen(connection, best, unit, calendar, at)
        return chosen or await choose_officer(connection, unit, citizen_id, at, barred)
    for office_id in (unit.office_id, None):
        other = await unit_for(connection, None, office_id)
        if other.id != unit.id:
            return await choose_officer(connection, other, citizen_id, at, barred)
    if barred:
        taker = Taker(role=Role.officer, barred=frozenset(barred), office_id=unit.office_id)
        return await choose(connection, taker, citizen_id, at)
    raise assignment.NobodyToAssign


async def _language(connection: AsyncConnection, citizen_id: UUID) -> str:
    """What the citizen writes in, as far as it has shown."""
    found = (await connection.execute(select(citizens.c.language).where(citizens.c.id == citizen_id))).scalar()
    return found or INDONESIAN


async def _chosen(
    connection: AsyncConnection, best: assignment.Candidate, unit: Row[Any], calendar: WorkingCalendar, at: datetime
) -> Chosen | None:
    """None when they were deactivated in this very moment."""
    there = (await connection.execute(
        update(officers).where(officers.c.id == UUID(best.officer_id), officers.c.active).values(last_assigned_at=at)
        .returning(officers.c.id)
    )).first()
    start = at if best.on_duty else best.next_duty or calendar.next_open(at)
    return Chosen(UUID(best.officer_id), best.on_duty, start, unit, calendar) if there else None


async def _candidates(
    connection: AsyncConnection, unit: Row[Any], citizen_id: UUID, calendar: WorkingCalendar, at: datetime,
    roles: Set[str] = TAKES_CASES,
) -> list[assignment.Candidate]:
    load = (
        select(func.count()).select_from(cases).where(cases.c.officer_id == officers.c.id, cases.c.status != "closed")
        .scalar_subquery()
    )
    knows = (
        select(cases.c.id).join(conversations, conversations.c.id == cases.c.conversation_id)
        .where(cases.c.officer_id == officers.c.id, conversations.c.citizen_id == citizen_id).exists()
    )
    people = (await connection.execute(
        select(officers, load.label("load"), knows.label("knows"))
        .where(officers.c.unit_id == unit.id, officers.c.active, officers.c.role.in_(roles))
    )).all()
    duties = await _duties(connection, [p.id for p in people], calendar, at)
    return [_candidate(p, duties[p.id], calendar, at) for p in people]


async def _duties(
    connection: AsyncConnection, officer_ids: Sequence[UUID], calendar: WorkingCalendar, at: datetime
) -> dict[UUID, datetime | None]:
    """When each officer works next, `at` itself while they do: by their shifts, else whenever the unit is open; never
    on a day of leave. None when that never comes."""
    rows = (await connection.execute(select(shifts).where(shifts.c.officer_id.in_(officer_ids)))).all()
    own: dict[UUID, list[assignment.Shift]] = {}
    for row in rows:
        own.setdefault(row.officer_id, []).append(assignment.Shift(row.weekday, row.start_time, row.end_time))
    off: dict[UUID, set[date]] = {}
    absent = (await connection.execute(select(leaves).where(
        leaves.c.officer_id.in_(officer_ids), leaves.c.last_day >= at.date() - timedelta(days=1)
    ))).all()
    for leave in absent:
        days = (leave.last_day - leave.first_day).days + 1
        off.setdefault(leave.officer_id, set()).update(leave.first_day + timedelta(days=n) for n in range(days))
    return {one: _next_duty(own.get(one), calendar.without(off.get(one, ())), at) for one in officer_ids}


def _next_duty(own: list[assignment.Shift] | None, calendar: WorkingCalendar, at: datetime) -> datetime | None:
    if own:
        return assignment.next_duty(own, at, calendar)
    try:
        return calendar.next_open(at)
    except CalendarError:
        return None


async def from_when(
    connection: AsyncConnection, officer_id: UUID, calendar: WorkingCalendar, at: datetime
) -> datetime:
    """When the officer works on a case that comes `at`: then, or from their next duty on. `calendar` is the unit's."""
    duty = (await _duties(connection, [officer_id], calendar, at))[officer_id]
    return duty or calendar.next_open(at)


async def is_on_leave(connection: AsyncConnection, officer_id: UUID, unit: Row[Any], at: datetime) -> bool:
    """Whether this day of the unit's is one of the officer's leave."""
    today = at.astimezone(ZoneInfo(unit.zone)).date()
    return (await connection.execute(select(leaves.c.id).where(
        leaves.c.officer_id == officer_id, leaves.c.first_day <= today, leaves.c.last_day >= today
    ))).first() is not None


async def carriers(connection: AsyncConnection, unit_id: UUID) -> int:
    """How many active officers of the unit carry cases, its head apart; at least one."""
    number: int = (await connection.execute(
        select(func.count()).select_from(officers).where(
            officers.c.unit_id == unit_id, officers.c.active, officers.c.role.in_(TAKES_CASES - {Role.head.value})
        )
    )).scalar_one()
    return max(number, 1)


def _candidate(
    person: Row[Any], next_duty: datetime | None, calendar: WorkingCalendar, at: datetime
) -> assignment.Candidate:
    if next_duty is not None and person.last_day is not None and next_duty.date() > person.last_day:
        next_duty = None  # they will have gone by then
    return assignment.Candidate(
        officer_id=str(person.id), on_duty=next_duty is not None and next_duty <= at, next_duty=next_duty,
        open_cases=person.load,
        knows_citizen=person.knows, languages=frozenset(person.languages), role=Role(person.role),
        last_assigned_at=person.last_assigned_at, away=assignment.is_away(person.away_since, at, calendar.zone),
    )


async def set_away(runtime: Runtime, officer: Row[Any], away: bool) -> None:
    """The officer goes on a break, or comes back: they get no new case while somebody else is on duty. Their own cases
    stay theirs, with their times. Raises `Forbidden` for who carries no cases."""
    if officer.role not in HAS_DUTY:
        raise Forbidden()
    since = runtime.clock() if away else None
    async with db.statement(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id == officer.id).values(away_since=since))


@dataclass(frozen=True)
class Colleague:
    """Who of a unit can carry a case, and whether they are there now."""

    id: UUID
    name: str
    title: str
    on_duty: bool
    away: bool


async def colleagues(connection: AsyncConnection, unit: Row[Any], at: datetime) -> list[Colleague]:
    """The unit's active officers who take cases, by name."""
    calendar = await calendar_of(connection, unit, at)
    there = {UUID(one.officer_id): one for one in await _candidates(connection, unit, NOBODY, calendar, at)}
    people = (await connection.execute(
        select(officers.c.id, officers.c.name, officers.c.title).where(officers.c.id.in_(there))
        .order_by(officers.c.name)
    )).all()
    return [Colleague(p.id, p.name, p.title, there[p.id].on_duty, there[p.id].away) for p in people]

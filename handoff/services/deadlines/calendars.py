"""Changing an office's hours or days off. What was promised already moves only here, case by case, by an event that
keeps the old time (P7); what was missed stays missed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import clocks as rules
from handoff.domain import sla
from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Actor
from handoff.domain.clocks import IN_HOURS, REPLIES, Kind
from handoff.services.case import cases
from handoff.services.case.cases import Facts, record
from handoff.services.deadlines import clocks
from handoff.services.errors import NotFound, Unprocessable
from handoff.services.people import office
from handoff.services.post.outbox import notify
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.schema import cases as case_table
from handoff.store.schema import closures, units
from handoff.store.schema_clocks import clocks as clock_table

log = logging.getLogger(__name__)

SYSTEM = Actor("system")
Hours = Sequence[tuple[time, time]]


async def close(
    runtime: Runtime, day: date, name: str, hours: Hours | None = None, unit: str | None = None
) -> int:
    """The unit (or, without one, every unit) is closed on this day, or open in these hours only; an earlier entry for
    the day gives way. Returns how many cases were re-dated. Raises `NotFound`, `CalendarError`."""
    async with db.transaction(runtime.pool) as connection:
        unit_id = await _unit_id(connection, unit) if unit else None
        same = closures.c.unit_id == unit_id if unit_id else closures.c.unit_id.is_(None)
        await connection.execute(delete(closures).where(closures.c.day == day, same))
        await connection.execute(insert(closures).values(
            id=uuid4(), unit_id=unit_id, day=day, name=name, hours=_plain(hours) if hours is not None else None,
        ))
        await _check(connection, runtime.clock())
    return await redate(runtime, name, unit)


async def set_hours(runtime: Runtime, unit: str, weekday: int, hours: Hours) -> int:
    """The unit's hours on this weekday (0 = Monday) from now on; none: closed. Returns how many cases were re-dated.
    Raises `NotFound`, `Unprocessable`, `CalendarError`."""
    if weekday not in range(7):
        raise Unprocessable("bad_weekday")
    async with db.transaction(runtime.pool) as connection:
        unit_id = await _unit_id(connection, unit)
        row = (await connection.execute(select(units).where(units.c.id == unit_id).with_for_update())).one()
        weekly = {**row.weekly_hours, str(weekday): _plain(hours)}
        await connection.execute(update(units).where(units.c.id == unit_id).values(weekly_hours=weekly))
        await _check(connection, runtime.clock())
    return await redate(runtime, "jam kerja", unit)


async def redate(runtime: Runtime, why: str, unit: str | None = None) -> int:
    """Count the running deadlines of open cases anew by the calendar as it is now. Returns how many cases moved.

    Each case is a transaction of its own; running it again changes nothing more.
    """
    chosen = select(case_table.c.id).join(units, units.c.id == case_table.c.unit_id).where(
        case_table.c.status != "closed", *([units.c.slug == unit] if unit else [])
    ).order_by(case_table.c.opened_at)
    async with db.statement(runtime.pool) as connection:
        ids = (await connection.execute(chosen)).scalars().all()
    return await each(ids, lambda case_id: _unless_erased(runtime, case_id, why), "case %s could not be re-dated")


async def _unless_erased(runtime: Runtime, case_id: UUID, why: str) -> bool:
    try:
        return await _redate(runtime, case_id, why)
    except ContentGone:
        log.warning("case %s was erased; its deadlines stay", case_id)
        return False


async def _redate(runtime: Runtime, case_id: UUID, why: str) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(
            select(case_table.c.conversation_id).where(case_table.c.id == case_id)
        )).scalar_one()
        conversation = await ownership.lock(connection, conversation_id)
        facts = await cases.load(connection, case_id)
        at = runtime.clock()
        calendar = await office.calendar_of(connection, facts.unit, at)
        # One that is held too: what is left of it is counted from its marks when it goes on. What has passed has
        # passed, whether or not anybody has noticed yet.
        running = (await connection.execute(
            select(clock_table).where(
                clock_table.c.case_id == case_id, clock_table.c.ended_at.is_(None), clock_table.c.step < 2,
                clock_table.c.kind.in_([kind.value for kind in IN_HOURS]),
                clock_table.c.mark_2 > func.coalesce(clock_table.c.held_since, at),
            ).with_for_update()
        )).all()
        told: dict[str, Any] = {}
        for clock in running:
            told |= await _move(connection, facts, clock, calendar)
        if told:
            await record(runtime, connection, conversation, case_id, "deadlines_moved", SYSTEM, why=why, **told)
            await notify(connection, conversation_id, conversation.next_seq - 1)
    return bool(told)


async def _move(
    connection: AsyncConnection, facts: Facts, clock: Row[Any], calendar: WorkingCalendar
) -> dict[str, datetime]:
    """One clock; what of the case's own times it changes, with the old ones. A deadline that has passed stays."""
    kind, row = Kind(clock.kind), facts.row
    bound = sla.legal_bound(calendar, row.opened_at) if kind is Kind.resolution else None
    after = rules.redated(clocks.clock_of(clock), calendar, max(bound, clock.mark_2) if bound else None)
    if after.marks == (clock.mark_1, clock.mark_2, clock.mark_3):
        return {}
    first, due, third = after.marks
    await connection.execute(update(clock_table).where(clock_table.c.id == clock.id).values(
        mark_1=first, mark_2=due, mark_3=third, next_due_at=None if clock.held_since else after.marks[clock.step]
    ))
    if kind in REPLIES:
        told = {"reply_by": due, "reply_by_was": row.reply_by, "respond_by": max(due, row.respond_by),
                "respond_by_was": row.respond_by}
        if row.respond_by == row.reply_by:
            told["respond_by"] = due
    else:
        told = {"resolve_by": due, "resolve_by_was": row.resolve_by}
    columns = {name: value for name, value in told.items() if not name.endswith("_was")}
    await connection.execute(update(case_table).where(case_table.c.id == facts.id).values(columns))
    return told


async def _check(connection: AsyncConnection, at: datetime) -> None:
    """Refuse a calendar that is none, or a unit that never opens again."""
    for unit in (await connection.execute(select(units))).all():
        (await office.calendar_of(connection, unit, at)).next_open(at)


async def _unit_id(connection: AsyncConnection, slug: str) -> UUID:
    found: UUID | None = (await connection.execute(select(units.c.id).where(units.c.slug == slug))).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def _plain(hours: Hours) -> list[list[str]]:
    return [[start.isoformat("minutes"), end.isoformat("minutes")] for start, end in hours]

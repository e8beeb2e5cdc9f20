"""A case's clocks in the database (P7). `follow` makes them what the case's state asks for (`domain.clocks.running`).

`cases.record` calls it with every event, so no verb can forget one: whatever changed the case, its clocks are right in
the same transaction, and what became of the deadlines stands in the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import clocks as rules
from handoff.domain import sla
from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Status
from handoff.domain.clocks import ANSWERED, MEASURED, REPLIES, Clock, Kept, Kind, Standing
from handoff.services.people import office
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import cases, units
from handoff.store.schema_clocks import breaches, clocks
from handoff.store.schema_record import case_events

UNDER_THE_LAW = ("complaint", "inspection")  # classes to which the complaint law's 14 days apply


def limits(
    calendar: WorkingCalendar, target_minutes: int, at: datetime, from_when: datetime, sla_class: str
) -> sla.Deadlines:
    """The deadlines of a case that begins at `at` and whose officer comes on duty at `from_when`: the reply is due when
    somebody is there, but never later than one working day (design §4)."""
    found = sla.deadlines(calendar, at, target_minutes, sla_class)
    reply = sla.deadlines(calendar, max(at, from_when), target_minutes, sla_class).respond_by
    latest = min(calendar.add_working_days(at, sla.RESPOND_DAYS), found.resolve_by)
    return sla.Deadlines(min(reply, latest), found.resolve_by)


async def follow(
    runtime: Runtime, connection: AsyncConnection, case_id: UUID, answer_id: UUID | None = None
) -> dict[str, datetime]:
    """Start, hold, go on with and end the clocks of the case as its state asks; the caller holds the conversation's
    lock. `answer_id`: the officer's message that changed the case, if one did. Returns the deadlines that this set or
    moved, a moved one with its old value, for the event."""
    row = (await connection.execute(select(cases).where(cases.c.id == case_id))).one()
    present = (await connection.execute(
        select(clocks).where(clocks.c.case_id == case_id, clocks.c.ended_at.is_(None)).with_for_update()
    )).all()
    standing = Standing(Status(row.status), row.waiting_since is not None, row.first_replied_at is not None,
                        row.sla_class in UNDER_THE_LAW)
    wanted = rules.running(standing)
    there = {Kind(clock.kind): clock for clock in present}
    stale = there.get(Kind.closing)
    if stale is not None and row.proposed_at is not None and stale.started_at < row.proposed_at:
        wanted -= {Kind.closing}  # what is proposed now has its own ten days and reminders
    if wanted & REPLIES:  # who waits for an answer waits on every promise of one: an older one may have gone on
        wanted |= REPLIES & there.keys()
    held = {Kind.resolution} if rules.held(standing) else set()
    resting = {kind for kind, clock in there.items() if clock.held_since is not None}
    if there.keys() == wanted | held and resting == held & there.keys():
        return {}
    unit = (await connection.execute(select(units).where(units.c.id == row.unit_id))).one()
    at = runtime.clock()
    keeper = _Keeper(connection, row, unit, await office.calendar_of(connection, unit, at), at)
    for kind in there.keys() - wanted - held:
        await keeper.end(there[kind], answer_id)
    if Kind.resolution in there and standing.status is not Status.closed:
        await keeper.resolution(there[Kind.resolution], asked=there.get(Kind.question), held=bool(held))
    for kind in sorted(rules.running(standing) - (there.keys() & wanted)):
        await keeper.start(kind)
    return keeper.told


async def let_pass(connection: AsyncConnection, case_id: UUID, heard_at: datetime | None) -> bool:
    """Whether the citizen, heard last at `heard_at`, let all the time of the case's last question pass and has been
    silent since; or something else was said to them before they answered it. A question that they could not see is none
    (docs/adr/0037)."""
    last = (await connection.execute(
        select(clocks.c.step, clocks.c.started_at, clocks.c.ended_at).where(
            clocks.c.case_id == case_id, clocks.c.kind == Kind.question.value, clocks.c.ended_at.isnot(None)
        ).order_by(clocks.c.ended_at.desc()).limit(1)
    )).one_or_none()
    if last is None:
        return False
    over = last.step >= len(rules.QUESTION_DAYS)
    if heard_at is not None and heard_at >= (last.ended_at if over else last.started_at):
        return False
    unseen = select(case_events.c.id).where(
        case_events.c.case_id == case_id, case_events.c.type == "reply_unseen", case_events.c.at >= last.started_at)
    return over or (await connection.execute(unseen.limit(1))).first() is None


async def ended_by(connection: AsyncConnection, case_id: UUID, answers: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The case's clocks that one of these answers has ended, the oldest first."""
    if not answers:
        return ()
    return (await connection.execute(
        select(clocks).where(clocks.c.case_id == case_id, clocks.c.ended_by.in_(answers))
        .order_by(clocks.c.started_at, clocks.c.mark_2).with_for_update()
    )).all()


async def resume(connection: AsyncConnection, clock: Row[Any], unit_id: UUID, at: datetime) -> bool | None:
    """The answer that ended the clock was none: it goes on with its own marks (True). While a younger one of its kind
    runs it cannot, and has been missed once its deadline has passed (False). None: neither, for now."""
    running = select(clocks.c.id).where(
        clocks.c.case_id == clock.case_id, clocks.c.kind == clock.kind, clocks.c.ended_at.is_(None))
    if (await connection.execute(running)).first() is None:
        marks = (clock.mark_1, clock.mark_2, clock.mark_3)
        await _set(connection, clock.id, ended_at=None, ended_by=None,
                   next_due_at=marks[clock.step] if clock.step < len(marks) else at)
        return True
    if at <= clock.mark_2:
        return None
    await _set(connection, clock.id, ended_at=at, ended_by=None)
    await missed(connection, clock, unit_id, at, at)
    return False


async def ended_later(
    connection: AsyncConnection, clock: Row[Any], unit_id: UUID, ended: datetime, answer_id: UUID, at: datetime
) -> None:
    """It was a later answer that ended the clock; the deadline between the two was missed."""
    await _set(connection, clock.id, ended_at=ended, ended_by=answer_id)
    await missed(connection, clock, unit_id, ended, at)


async def _set(connection: AsyncConnection, clock_id: UUID, **columns: Any) -> None:
    await connection.execute(update(clocks).where(clocks.c.id == clock_id).values(**columns))


async def adopt(runtime: Runtime) -> int:
    """Set the clocks of open cases that are older than clocks; once, after an upgrade. Returns how many there were."""
    without = select(cases.c.id, cases.c.conversation_id).where(
        cases.c.status != "closed", ~select(clocks.c.id).where(clocks.c.case_id == cases.c.id).exists()
    )
    async with db.statement(runtime.pool) as connection:
        found = (await connection.execute(without)).all()
    for row in found:
        async with db.transaction(runtime.pool) as connection:
            await ownership.lock(connection, row.conversation_id)
            await follow(runtime, connection, row.id)
    return len(found)


class _Keeper:
    """One case whose clocks are being changed; `told` is what that sets or moves."""

    def __init__(
        self, connection: AsyncConnection, row: Row[Any], unit: Row[Any], calendar: WorkingCalendar, at: datetime
    ) -> None:
        self.connection, self.row, self.unit, self.calendar, self.at = connection, row, unit, calendar, at
        self.told: dict[str, datetime] = {}

    async def start(self, kind: Kind) -> None:
        """Set a clock; for a reply, what is measured and what the citizen is told of it."""
        at, row = self.at, self.row
        if kind is Kind.resolution:
            clock = rules.measured(kind, self.calendar, at, row.resolve_by)
        elif kind is Kind.receipt:
            clock = rules.receipt(row.opened_at if row.events_count == 0 else at)
        elif kind is Kind.question:
            clock = rules.question(at)
        elif kind is Kind.closing:
            clock = rules.closing(self.calendar, at)
        else:
            clock = await self._reply(kind)
        await self.connection.execute(insert(clocks).values(
            id=uuid4(), case_id=row.id, kind=kind.value, started_at=clock.counted_from, next_due_at=clock.marks[0],
            **_columns(clock),
        ))

    async def _reply(self, kind: Kind) -> Clock:
        """`reply_by` is set already where the case was just opened, or is older than its clocks."""
        at, row = self.at, self.row
        start, due = row.waiting_since or at, row.reply_by
        if due is None:
            begins = await office.from_when(self.connection, row.officer_id, self.calendar, at)
            start, due = at, limits(self.calendar, self.unit.first_reply_minutes, at, begins, row.sla_class).respond_by
        if row.reply_by is None or row.events_count == 0:
            said = await _said(self.connection, row, self.calendar, start, due)
            await self._case(reply_by=due, respond_by=said)
            self.told.update(respond_by=said, reply_by=due)
        return rules.measured(kind, self.calendar, start, due)

    async def end(self, clock: Row[Any], answer_id: UUID | None) -> None:
        """End a clock. One that ends after its deadline was missed, whether or not anybody had noticed yet."""
        kind = Kind(clock.kind)
        ended = clock.held_since or self.at  # what was proposed in time was settled in time
        met_by = answer_id if kind in ANSWERED else None
        await self._set(clock.id, ended_at=ended, next_due_at=None, ended_by=met_by)
        if kind in MEASURED:
            await missed(self.connection, clock, self.row.unit_id, ended, self.at)
        if kind in REPLIES:
            await self._case(reply_by=None)

    async def resolution(self, clock: Row[Any], asked: Row[Any] | None, held: bool) -> None:
        """Hold the resolution's clock or let it go on. After a question that was `asked` what was left is left again;
        after a proposal the old deadline stands."""
        since = clock.held_since
        if since is None and held:
            await missed(self.connection, clock, self.row.unit_id, self.at, self.at)
            await self._set(clock.id, held_since=self.at, next_due_at=None)
            return
        if since is None:
            return
        marks = (clock.mark_1, clock.mark_2, clock.mark_3)
        if asked is not None and self.row.status != Status.waiting_citizen.value:
            marks = await self._given_back(clock, since)
        now_held = self.at if asked is not None and self.row.status == Status.resolution_proposed.value else since
        await self._set(clock.id, held_since=now_held if held else None,
                        next_due_at=None if held else self._next(clock.step, marks))

    async def _given_back(self, clock: Row[Any], since: datetime) -> tuple[datetime, datetime, datetime]:
        after = rules.shifted(clock_of(clock), self.calendar, since, self.at)
        bound = sla.legal_bound(self.calendar, self.row.opened_at, await self._asked_for())
        first, due, third = after.marks
        due = max(min(due, bound), clock.mark_2)
        after = Clock(after.kind, after.counted_from, (min(first, due), due, max(third, due)), after.spans)
        await self._set(clock.id, **_columns(after))
        if due != self.row.resolve_by:
            await self._case(resolve_by=due)
            self.told.update(resolve_by=due, resolve_by_was=self.row.resolve_by)
        return after.marks

    async def _asked_for(self) -> timedelta:
        """How long the citizen was asked for something in this case, until now."""
        spans = (await self.connection.execute(
            select(clocks.c.started_at, func.coalesce(clocks.c.ended_at, self.at).label("until"))
            .where(clocks.c.case_id == self.row.id, clocks.c.kind == Kind.question.value)
        )).all()
        return sum((span.until - span.started_at for span in spans), timedelta())

    def _next(self, step: int, marks: tuple[datetime, ...]) -> datetime:
        return marks[step] if step < len(marks) else rules.again(self.calendar, self.at)

    async def _set(self, clock_id: UUID, **columns: Any) -> None:
        await _set(self.connection, clock_id, **columns)

    async def _case(self, **columns: Any) -> None:
        await self.connection.execute(update(cases).where(cases.c.id == self.row.id).values(**columns))


def clock_of(row: Row[Any]) -> Clock:
    """The stored clock as the rules see it."""
    first, second, third = row.spans
    return Clock(Kind(row.kind), row.counted_from, (row.mark_1, row.mark_2, row.mark_3), (first, second, third))


def _columns(clock: Clock) -> dict[str, Any]:
    first, due, third = clock.marks
    return {"counted_from": clock.counted_from, "mark_1": first, "mark_2": due, "mark_3": third,
            "spans": list(clock.spans)}


async def missed(
    connection: AsyncConnection, clock: Row[Any], unit_id: UUID, ended: datetime, at: datetime
) -> None:
    """Write down what a clock that stood at `ended` had missed by then; what is written already stays as it is."""
    levels = [level for level, mark in ((100, clock.mark_2), (150, clock.mark_3)) if ended > mark]
    if levels:
        await connection.execute(postgresql.insert(breaches).on_conflict_do_nothing(), [{
            "id": uuid4(), "case_id": clock.case_id, "clock_id": clock.id, "unit_id": unit_id, "kind": clock.kind,
            "level": level, "due_at": clock.mark_2, "noted_at": at,
        } for level in levels])


async def _said(
    connection: AsyncConnection, row: Row[Any], calendar: WorkingCalendar, start: datetime, target: datetime
) -> datetime:
    """What the citizen is told: the target, or what the unit's queue makes of it."""
    ahead = (await connection.execute(
        select(func.count()).select_from(cases).where(
            cases.c.unit_id == row.unit_id, cases.c.status != "closed", cases.c.reply_by.isnot(None),
            cases.c.id != row.id,
        )
    )).scalar_one()
    if not ahead:
        return target
    answered = (await connection.execute(
        select(cases.c.opened_at, cases.c.first_replied_at)
        .where(cases.c.unit_id == row.unit_id, cases.c.first_replied_at <= start)
        .order_by(cases.c.first_replied_at.desc()).limit(sla.PACE_ANSWERS)
    )).all()
    each = sla.pace(calendar, [(one.opened_at, one.first_replied_at) for one in answered])
    people = await office.carriers(connection, row.unit_id)
    return sla.said(calendar, max(start, calendar.next_open(start)), target, ahead, each, people)


@dataclass(frozen=True)
class Promise:
    """A time that was promised for a case, and what became of it."""

    kind: Kind
    due_at: datetime
    became: Kept


async def promises(runtime: Runtime, case: Row[Any]) -> list[Promise]:
    """Every time that was promised for the case (a row of `cases`), the oldest first."""
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(clocks).where(clocks.c.case_id == case.id, clocks.c.kind.in_([kind.value for kind in MEASURED]))
            .order_by(clocks.c.started_at, clocks.c.mark_2)
        )).all()
    given_up = case.closed_reason in ("withdrawn", "merged", "not_a_request")
    now = runtime.clock()

    def is_given_up(row: Row[Any]) -> bool:  # its clock ended with the case, a moment after it
        return given_up and row.ended_at is not None and row.ended_at >= case.closed_at

    return [
        Promise(Kind(row.kind), row.mark_2, rules.became(
            row.mark_2, now, row.ended_at, row.held_since, settled=not is_given_up(row)
        )) for row in rows
    ]

"""What happens when a mark of a clock is reached (P7), in two steps, each safe to run twice and by several at once.

`mark` finds due clocks by index and, in one statement for thousands of them, moves them to their next mark, writes down
what was missed, and remembers who has to be told. `tell` then takes one case at a time: whom it concerns is brought in
by name, and the citizen gets one message, however many marks an outage left behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import clocks as rules
from handoff.domain.case import Actor, Role
from handoff.domain.clocks import MEASURED, REPLIES, Act, Kind
from handoff.domain.notice import Notice
from handoff.services.case import cases, closing, complaints
from handoff.services.case.cases import Facts, record
from handoff.services.people import office
from handoff.services.post import notices, sending
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.schema import cases as case_table
from handoff.store.schema import conversations
from handoff.store.schema_clocks import breaches, clocks, tellings
from handoff.store.schema_record import case_events

SYSTEM = Actor("system")
MARKED_AT_ONCE = 2500
TOLD_AT_ONCE = 50
_MEASURED = ", ".join(f"'{kind.value}'" for kind in sorted(MEASURED))

# Oldest first. What another worker is marking is skipped: it will be done. A clock that measures the office goes on to
# its next mark; every other one, and the repeats after the third mark, is set again by whoever tells of it.
_MARK = text(f"""
WITH due AS (
    SELECT id FROM clocks WHERE next_due_at <= :at ORDER BY next_due_at LIMIT :most FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE clocks c SET step = c.step + 1,
        next_due_at = CASE WHEN c.kind IN ({_MEASURED}) AND c.step = 0 THEN c.mark_2
                           WHEN c.kind IN ({_MEASURED}) AND c.step = 1 THEN c.mark_3 END
    FROM due WHERE c.id = due.id
    RETURNING c.id, c.case_id, c.kind, c.step, c.mark_2,
        CASE c.step WHEN 1 THEN c.mark_1 WHEN 2 THEN c.mark_2 ELSE c.mark_3 END AS reached
), missed AS (
    INSERT INTO breaches (id, case_id, clock_id, unit_id, kind, level, due_at, noted_at)
    SELECT gen_random_uuid(), m.case_id, m.id, k.unit_id, m.kind, CASE m.step WHEN 2 THEN 100 ELSE 150 END,
        m.mark_2, :at
    FROM marked m JOIN cases k ON k.id = m.case_id WHERE m.kind IN ({_MEASURED}) AND m.step IN (2, 3)
    ON CONFLICT DO NOTHING
), remembered AS (
    INSERT INTO tellings (id, case_id, clock_id, kind, mark, due_at, noted_at)
    SELECT gen_random_uuid(), case_id, id, kind, step, reached, :at FROM marked
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM marked
""")


async def once(runtime: Runtime) -> int:
    """Mark what is due and tell whom it concerns. Returns how many marks were reached."""
    reached = 0
    while marked := await mark(runtime):
        reached += marked
    await tell(runtime)
    return reached


async def mark(runtime: Runtime, most: int = MARKED_AT_ONCE) -> int:
    """Mark at most `most` due clocks, each at its next mark. Returns how many were.

    The commit does not wait for the disk: what a crash takes back is due still and is marked again, and whoever is told
    of it commits later and waits.
    """
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("SET LOCAL synchronous_commit = off"))
        return int((await connection.execute(_MARK, {"at": runtime.clock(), "most": most})).scalar_one())


async def tell(runtime: Runtime, most: int = TOLD_AT_ONCE) -> int:
    """Tell of at most `most` cases, the longest overdue first. Returns how many were told of.

    A case that another worker is still marking waits until all its marks are there: they make one message.
    """
    done, beyond = 0, 0
    while not done and (waiting := await _waiting(runtime, most, beyond)):
        done = await each(waiting, lambda case_id: _unless_erased(runtime, case_id), "nobody could be told of case %s")
        beyond += most  # a whole round that fails holds up none of the next one either
    return done


async def _waiting(runtime: Runtime, most: int, beyond: int) -> Sequence[UUID]:
    unmarked = select(clocks.c.id).where(
        clocks.c.case_id == tellings.c.case_id, clocks.c.next_due_at <= runtime.clock()
    ).exists()
    async with db.statement(runtime.pool) as connection:
        return (await connection.execute(
            select(tellings.c.case_id).where(~unmarked).group_by(tellings.c.case_id)
            .order_by(func.min(tellings.c.due_at), tellings.c.case_id).limit(most).offset(beyond)
        )).scalars().all()


async def _unless_erased(runtime: Runtime, case_id: UUID) -> bool:
    try:
        return await _tell_of(runtime, case_id)
    except ContentGone:  # at the citizen's wish: nobody is left to be told
        async with db.statement(runtime.pool) as connection:
            await connection.execute(delete(tellings).where(tellings.c.case_id == case_id))
        return False


async def _tell_of(runtime: Runtime, case_id: UUID) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(
            select(conversations.c.id).join(case_table, case_table.c.conversation_id == conversations.c.id)
            .where(case_table.c.id == case_id).with_for_update(of=conversations, skip_locked=True)
        )).scalar_one_or_none()
        if conversation_id is None:
            return False  # somebody is working on it; it is told of in the next round
        waiting = (await connection.execute(
            delete(tellings).where(tellings.c.case_id == case_id).returning(tellings)
        )).all()
        if not waiting:
            return False
        conversation = await ownership.lock(connection, conversation_id)
        facts = await cases.load(connection, case_id)
        await _Telling(runtime, connection, conversation, facts).all(sorted(waiting, key=lambda one: one.due_at))
    await sending.dispatch(runtime, conversation_id)
    return True


@dataclass
class _Telling:
    """One case of which people are told, inside its transaction. `missed` is what the citizen is told, by clock."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts
    missed: dict[str, datetime] = field(default_factory=dict)
    joined: dict[str, Row[Any]] = field(default_factory=dict)
    outside: bool = False

    async def all(self, waiting: Sequence[Row[Any]]) -> None:
        """Every mark in the order of time, then the citizen once."""
        still = {row.id: row for row in (await self.connection.execute(
            select(clocks).where(clocks.c.id.in_([one.clock_id for one in waiting]), clocks.c.ended_at.is_(None),
                                 clocks.c.held_since.is_(None))
        )).all()}
        for one in waiting:
            if (clock := still.get(one.clock_id)) is not None:
                for act in sorted(rules.acts(Kind(one.kind), one.mark)):
                    await _DOES[act](self, one, clock)
                if Kind(one.kind) in MEASURED and one.mark >= 3:
                    await self._promised(clock)
                    await self._again(clock)
        await self._citizen()
        # No message may go out, but the officers' lists have changed.
        await notify(self.connection, self.conversation.id, self.conversation.next_seq - 1)

    async def remind_officer(self, one: Row[Any], clock: Row[Any]) -> None:
        await self._tell(self.facts.row.officer_id, "half", clock)

    async def bring_supervisor(self, one: Row[Any], clock: Row[Any]) -> None:
        name = "question_over" if one.kind == Kind.question else "late" if one.mark == 2 else "still_late"
        await self._bring(Role.supervisor, name, clock)
        if one.mark == 2:
            await self._record("deadline_missed", clock)

    async def bring_head(self, one: Row[Any], clock: Row[Any]) -> None:
        await self._bring(Role.head, "overdue" if one.mark == 3 else "still_late", clock)
        if one.mark == 3:
            await self._record("overdue", clock)

    async def tell_citizen(self, one: Row[Any], clock: Row[Any]) -> None:
        self.missed[one.kind] = clock.mark_2

    async def outside_ways(self, one: Row[Any], clock: Row[Any]) -> None:
        """Only at the first resolution that is missed in this case."""
        earlier = select(breaches.c.id).where(
            breaches.c.case_id == self.facts.id, breaches.c.clock_id != clock.id,
            breaches.c.kind == Kind.resolution.value,
        )
        self.outside = (await self.connection.execute(earlier)).first() is None

    async def remind_citizen(self, one: Row[Any], clock: Row[Any]) -> None:
        desk = closing.Desk(self.runtime, self.connection, self.conversation, self.facts)
        await (desk.remind_of_question(clock) if one.kind == Kind.question else desk.remind(clock, one.mark))

    async def go_on(self, one: Row[Any], clock: Row[Any]) -> None:
        await closing.Desk(self.runtime, self.connection, self.conversation, self.facts).go_on()
        self.facts = await cases.load(self.connection, self.facts.id)

    async def settle_silence(self, one: Row[Any], clock: Row[Any]) -> None:
        await closing.Desk(self.runtime, self.connection, self.conversation, self.facts).settle(clock)

    async def _bring(self, role: Literal[Role.supervisor, Role.head], name: str, clock: Row[Any]) -> None:
        """The supervisor or the head joins the case, by name and once; then they are told. A confidential report stays
        its officer's: they are told instead (docs/adr/0018)."""
        if self.facts.row.reason == cases.CONFIDENTIAL:
            await self._tell(self.facts.row.officer_id, "still_late", clock)
            return
        known = self.facts.row.supervisor_id if role is Role.supervisor else self.facts.row.head_id
        person = await notices.person(self.connection, known) if known else None
        if person is None:
            barred = await complaints.barred_from(self.connection, self.facts.row)
            unit_id = self.facts.row.unit_id  # another unit's head could not even see it
            person = (await notices.decider(self.connection, unit_id, barred) if role is Role.head
                      else await notices.leader(self.connection, unit_id, role, barred))
            await self.connection.execute(update(case_table).where(case_table.c.id == self.facts.id).values(
                {f"{role.value}_id": person.id}
            ))
            self.facts = await cases.load(self.connection, self.facts.id)
            event = f"{role.value}_joined"
            await record(self.runtime, self.connection, self.conversation, self.facts.id, event, SYSTEM,
                         officer_id=person.id)
        self.joined[role.value] = person
        await self._tell(person.id, name, clock)

    async def _tell(self, officer_id: UUID, name: str, clock: Row[Any]) -> None:
        kind = name if clock.kind == Kind.question else f"{name}:{clock.kind}"
        await notices.tell(self.runtime, self.connection, officer_id, self.facts.id, kind, clock.mark_2)

    async def _record(self, event: str, clock: Row[Any]) -> None:
        """What was missed; the office's own target alone has an event of its own, of which no mail speaks."""
        name = f"target_{event}" if self._only_target([clock.kind]) else event
        await record(self.runtime, self.connection, self.conversation, self.facts.id, name, SYSTEM, clock=clock.kind,
                     due_at=clock.mark_2)

    def _only_target(self, missed: Iterable[str]) -> bool:
        """Whether it is the target for a reply that was missed, while the citizen was told a later time that has not
        come yet (`services.deadlines.clocks`, `respond_by`)."""
        return REPLIES.issuperset(missed) and self.runtime.clock() < self.facts.row.respond_by

    async def _promised(self, clock: Row[Any]) -> None:
        """The time that the citizen was told has passed as well: they have to hear it, if they did not yet."""
        if Kind(clock.kind) not in REPLIES or self._only_target([clock.kind]):
            return
        said = select(case_events.c.id).where(
            case_events.c.case_id == self.facts.id, case_events.c.type.in_(("deadline_missed", "overdue")),
            case_events.c.at >= self.facts.row.respond_by,
        ).limit(1)
        if (await self.connection.execute(said)).first() is None:
            await record(self.runtime, self.connection, self.conversation, self.facts.id, "deadline_missed", SYSTEM,
                         clock=clock.kind, due_at=self.facts.row.respond_by)
            self.missed[clock.kind] = self.facts.row.respond_by

    async def _again(self, clock: Row[Any]) -> None:
        at = self.runtime.clock()
        due = rules.again(await office.calendar_of(self.connection, self.facts.unit, at), at)
        if self._only_target([clock.kind]):
            due = min(due, self.facts.row.respond_by)
        await self.connection.execute(update(clocks).where(clocks.c.id == clock.id).values(next_due_at=due))

    async def _citizen(self) -> None:
        """One message about everything that was missed, with who has joined."""
        if not self.missed:
            return
        target = self._only_target(self.missed)
        said = self.runtime.texts.say(
            "late.told", **self.facts.said(), missed=self.missed, only_target=target,
            supervisor=self.joined.get("supervisor"), head=self.joined.get("head"), outside=self.outside,
            url=cases.url_of(self.runtime, self.facts),
        )
        await store(self.runtime, self.connection, self.conversation, [
            Outgoing("system", said, case_id=self.facts.id, shows_case=True,
                     notice=Notice.news if target else Notice.breach)
        ])


_DOES: dict[Act, Callable[[_Telling, Row[Any], Row[Any]], Awaitable[None]]] = {
    act: getattr(_Telling, act.value) for act in Act
}

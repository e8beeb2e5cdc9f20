"""A citizen who was asked something, or was offered a resolution, and says nothing (P5).

Reminders, and then: the case is worked on without the answer, or closed by proven silence, or stays open as *belum
tersampaikan* where nothing proves that the citizen ever saw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Actor, Role, Verb, transition
from handoff.domain.closing import Reminder, Silence
from handoff.domain.notice import Notice
from handoff.services.case import cases, complaints
from handoff.services.case.cases import Facts, move, record
from handoff.services.case.wishes import rate_buttons
from handoff.services.people import office
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store.schema import cases as case_table
from handoff.store.schema import messages
from handoff.store.schema_clocks import clocks, reminders

SYSTEM = Actor("system")


@dataclass(frozen=True)
class Desk:
    """One silent citizen's case, inside a transaction that holds the conversation's lock."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts

    async def remind(self, clock: Row[Any], mark: int) -> None:
        """The first or second reminder of a proposal. One that is sent late pushes what follows back as much: it gives
        the citizen no less time."""
        at = self.runtime.clock()
        calendar = await self._calendar()
        due, rest = (clock.mark_1, [clock.mark_2, clock.mark_3]) if mark == 1 else (clock.mark_2, [clock.mark_3])
        if (delay := calendar.minutes_between(due, at)) > 0:
            rest = [calendar.add_minutes(one, delay) for one in rest]
        said = self.runtime.texts.say("closing.reminder", **self.facts.said(), ends=rest[-1], last=mark == 2,
                                      proposed_at=self.facts.row.proposed_at)
        (message_id,) = await self._say(said, cases.confirm_buttons(self.runtime, self.facts), notice=(
            Notice.last_reminder if mark == 2 else Notice.first_reminder
        ))
        await self.connection.execute(insert(reminders).values(message_id=message_id, clock_id=clock.id, at=at))
        await self._clock(clock, next_due_at=rest[0], mark_3=rest[-1], **({"mark_2": rest[0]} if mark == 1 else {}))
        await self._record("reminded", message_id=message_id)

    async def settle(self, clock: Row[Any]) -> None:
        """Close, when the silence is proven; wait, when it will be; else say that the case could not be delivered."""
        silence = await self._silence(clock)
        if silence.proven:
            await self._close(silence)
        elif silence.closes_at is not None:
            await self._found_again()
            await self._clock(clock, next_due_at=silence.closes_at)
        else:
            await self._undelivered(clock)
            await self._clock(clock, next_due_at=silence.calendar.add_working_days(silence.at, 1))

    async def remind_of_question(self, clock: Row[Any]) -> None:
        """The citizen was asked something and has not answered."""
        next_due = clock.mark_2 if clock.step == 1 else clock.mark_3
        said = self.runtime.texts.say("closing.question_reminder", **self.facts.said(), ends=clock.mark_3)
        await self._say(said, notice=Notice.question_reminder)
        await self._clock(clock, next_due_at=next_due)
        await self._record("question_reminded")

    async def go_on(self) -> None:
        """The time to answer is over: the officer works on what there is, and the citizen is told."""
        state = transition(self.facts.state, Verb.go_on, SYSTEM)
        await move(self.connection, self.facts, state)
        await self._record("question_over")
        again = await cases.load(self.connection, self.facts.id)
        await notices.tell(self.runtime, self.connection, again.row.officer_id, again.id, "question_over")
        await self._say(self.runtime.texts.say("closing.question_over", **again.said()))

    async def _close(self, silence: Silence) -> None:
        state = transition(self.facts.state, Verb.close_silent, SYSTEM, silence=silence)
        await move(self.connection, self.facts, state, closed_at=silence.at, waiting_since=None, undelivered_since=None)
        owned = await ownership.give(self.connection, self.conversation, officer_id=None, open_case_id=None,
                                     last_case_id=self.facts.id)
        await record(self.runtime, self.connection, owned, self.facts.id, "closed_silent", SYSTEM,
                     proposed_at=self.facts.row.proposed_at, reached_at=silence.reached_at)
        await store(self.runtime, self.connection, owned, [Outgoing(
            "system", self.runtime.texts.say("closing.closed", **self.facts.said()),
            rate_buttons(self.runtime, self.facts), case_id=self.facts.id, shows_case=True, notice=Notice.closed,
        )])
        await notices.tell(self.runtime, self.connection, self.facts.row.officer_id, self.facts.id, "closed_silent")

    async def _undelivered(self, clock: Row[Any]) -> None:
        """Said once: to the officer and to the supervisor, who know other ways to reach a person."""
        if self.facts.row.undelivered_since is not None:
            return
        await self._case(undelivered_since=self.runtime.clock())
        await self._record("undelivered")
        barred = await complaints.barred_from(self.connection, self.facts.row)
        person = await notices.leader(self.connection, self.facts.row.unit_id, Role.supervisor, barred)
        for officer_id in (self.facts.row.officer_id, person.id):
            await notices.tell(self.runtime, self.connection, officer_id, self.facts.id, "undelivered", clock.mark_3)

    async def _found_again(self) -> None:
        if self.facts.row.undelivered_since is not None:
            await self._case(undelivered_since=None)
            await self._record("delivered_at_last")

    async def _silence(self, clock: Row[Any]) -> Silence:
        """What the record knows of it: when the proposal and each reminder came to the citizen's hands."""
        proposal = (await self.connection.execute(
            select(messages.c.delivered_at).where(messages.c.id == self.facts.row.proposal_id)
        )).scalar_one_or_none()
        sent = (await self.connection.execute(
            select(func.max(messages.c.delivered_at).label("reached"), reminders.c.at)
            .join(messages, messages.c.id == reminders.c.message_id).where(reminders.c.clock_id == clock.id)
            .group_by(reminders.c.message_id, reminders.c.at).order_by(reminders.c.at)
        )).all()
        return Silence(
            calendar=await self._calendar(), since=clock.started_at, at=self.runtime.clock(),
            proposal_reached_at=proposal, reminders=tuple(Reminder(row.at, row.reached) for row in sent),
        )

    async def _calendar(self) -> WorkingCalendar:
        return await office.calendar_of(self.connection, self.facts.unit, self.runtime.clock())

    async def _say(
        self, text: str, buttons: tuple[dict[str, str], ...] = (), notice: Notice | None = None
    ) -> list[Any]:
        return await store(self.runtime, self.connection, self.conversation, [
            Outgoing("system", text, buttons, case_id=self.facts.id, shows_case=True, notice=notice)
        ])

    async def _record(self, event: str, **more: Any) -> None:
        await record(self.runtime, self.connection, self.conversation, self.facts.id, event, SYSTEM, **more)

    async def _clock(self, clock: Row[Any], next_due_at: datetime, **more: datetime) -> None:
        await self.connection.execute(
            update(clocks).where(clocks.c.id == clock.id, clocks.c.ended_at.is_(None))
            .values(next_due_at=next_due_at, **more)
        )

    async def _case(self, **columns: Any) -> None:
        await self.connection.execute(
            update(case_table).where(case_table.c.id == self.facts.id).values(**columns)
        )

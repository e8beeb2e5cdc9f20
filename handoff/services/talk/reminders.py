"""Reminders that a citizen asked for: of the service that was talked about, or of their case (docs/adr/0035).

Asked for by a button or in words, on a day that the citizen chooses; told as the office opens, in their own channel,
once; taken back by a button or in words. No words of theirs are kept for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, Update, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import reminding
from handoff.domain.case import Actor
from handoff.domain.notice import Notice
from handoff.services.case import cases
from handoff.services.people import office
from handoff.services.post import notices, sending
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, unasked
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema_clocks import asked_reminders
from handoff.texts import DAYS, MONTHS

MOST = 10  # that wait in one conversation
AT_ONCE = 200
KINDS = frozenset({"remind", "unremind"})  # of buttons
SENT = "reminder_sent"


async def carried_out(
    runtime: Runtime, conversation: Row[Any], message_id: UUID, text: str, outstanding: Sequence[dict[str, str]]
) -> bool:
    """Whether the text asked for a reminder and for nothing else, which is carried out now, whoever owns the
    conversation; or named the day, where we had just asked for it."""
    about = next((_about_in(b["payload"]) for b in outstanding if b["payload"].startswith("remind:")
                  and b["payload"].count(":") == 2), None)
    if conversation.confidential or not (about or reminding.mentions(text)):
        return False
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation.id)
        if await cases.has_fate(connection, message_id):
            return True
        desk = _Desk(runtime, connection, conversation, message_id)
        done = await desk.take_all_back() if reminding.takes_back(text) else await desk.written(text, about)
        if done:
            await cases.settle(connection, message_id, "command", runtime.clock())
    return done


async def tapped(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, payload: str
) -> bool:
    """*Ingatkan saya*, a day, or *Batalkan pengingat*; the caller holds the lock. False for a button that no longer
    means anything."""
    kind, _, rest = payload.partition(":")
    desk = _Desk(runtime, connection, conversation, message_id)
    if kind == "unremind":
        return await desk.take_back(UUID(rest))
    about, _, day = rest.partition(":")
    return await desk.tapped(about, date.fromisoformat(day) if day else None)


async def cancel_all(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> bool:
    """Nothing of this conversation need be reminded of any more. Whether anything was."""
    return bool((await connection.execute(_cancel(runtime, conversation_id).returning(asked_reminders.c.id))).all())


def _cancel(runtime: Runtime, conversation_id: UUID) -> Update:
    return update(asked_reminders).where(
        asked_reminders.c.conversation_id == conversation_id, asked_reminders.c.state == "waiting"
    ).values(state="cancelled", settled_at=runtime.clock())


def _about_in(payload: str) -> str:
    return payload.split(":")[1]


@dataclass(frozen=True)
class _About:
    """What is to be reminded of: its name in our sentences, the unit whose hours count, and which of the two it is."""

    name: str
    unit: Row[Any]
    key: str
    case: Row[Any] | None = None

    @property
    def columns(self) -> dict[str, Any]:
        return {"case_id": self.case.id, "topic": None} if self.case else {"case_id": None, "topic": self.key}


@dataclass(frozen=True)
class _Desk:
    """One wish being carried out, inside its transaction."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    message_id: UUID

    async def written(self, text: str, about: str | None) -> bool:
        """In words, of what the conversation is about."""
        found = await self._about(about or self._subject())
        if found is None:
            return False
        calendar = await office.calendar_of(self.connection, found.unit, self.runtime.clock())
        today = self.runtime.clock().astimezone(calendar.zone).date()
        wish = reminding.asked(text, calendar, today)
        if wish is None and about is not None and (day := reminding.named_day(text, calendar, today)) is not None:
            wish = reminding.Asked(day)
        if wish is None:
            return False
        await (self._set(found, wish.day) if wish.day is not None else self._ask_when(found, "reminder.when"))
        return True

    async def tapped(self, about: str, day: date | None) -> bool:
        found = await self._about(about)
        if found is None:
            return False
        await (self._set(found, day) if day is not None else self._ask_when(found, "reminder.when"))
        return True

    async def take_back(self, reminder_id: UUID) -> bool:
        row = (await self.connection.execute(
            _cancel(self.runtime, self.conversation.id).where(asked_reminders.c.id == reminder_id)
            .returning(asked_reminders)
        )).one_or_none()
        if row is None:
            return False
        about = await _named(self.runtime, self.connection, self.conversation, row)
        await self._say("reminder.cancelled", about=about.name if about else "")
        return True

    async def take_all_back(self) -> bool:
        if not await cancel_all(self.runtime, self.connection, self.conversation.id):
            return False
        await self._say("reminder.all_cancelled")
        return True

    def _subject(self) -> str | None:
        case_id = self.conversation.open_case_id
        return str(case_id) if case_id is not None else self.conversation.last_topic

    async def _about(self, key: str | None) -> _About | None:
        return await _find(self.runtime, self.connection, self.conversation, key) if key else None

    async def _ask_when(self, about: _About, sentence: str) -> None:
        """The days are on the buttons as dates: tapped a day later they mean what they say."""
        now = self.runtime.clock()
        calendar = await office.calendar_of(self.connection, about.unit, now)
        days = reminding.offered(calendar, now.astimezone(calendar.zone).date())
        await self._say(sentence, tuple(
            {"title": f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]}",
             "payload": f"remind:{about.key}:{day.isoformat()}"} for day in dict.fromkeys(days)
        ), about=about.name, most=reminding.LATEST.days)

    async def _set(self, about: _About, day: date) -> None:
        """The same wish again is the same reminder."""
        now = self.runtime.clock()
        calendar = await office.calendar_of(self.connection, about.unit, now)
        at = reminding.moment(calendar, day, now)
        if at is None:
            await self._ask_when(about, "reminder.other_day")
            return
        waiting = (await self.connection.execute(select(asked_reminders).where(
            asked_reminders.c.conversation_id == self.conversation.id, asked_reminders.c.state == "waiting"
        ))).all()
        wish = (at, about.columns["case_id"], about.columns["topic"])
        same = next((one.id for one in waiting if (one.due_at, one.case_id, one.topic) == wish), None)
        if same is None and len(waiting) >= MOST:
            await self._say("reminder.too_many", most=MOST)
            return
        reminder_id = same or uuid4()
        if same is None:
            await self.connection.execute(insert(asked_reminders).values(
                id=reminder_id, conversation_id=self.conversation.id, asked_at=now, due_at=at, **about.columns
            ))
        await self._say(
            "reminder.set", (button(self.runtime, "unremind", f"unremind:{reminder_id}"),), about=about.name, at=at,
            zone=about.unit.zone, wanted=day, closed=at.date() != day, early=at.date() < day,
            web=self.conversation.channel == "web", case=about.case is not None,
        )

    async def _say(self, sentence: str, buttons: tuple[dict[str, str], ...] = (), **facts: Any) -> None:
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "system", self.runtime.texts.say(sentence, **facts), buttons, in_reply_to=self.message_id
        )])


async def _find(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], key: str
) -> _About | None:
    """The topic or the case of this conversation; None for what there is no more."""
    if (topic := runtime.catalogue.topics.get(key)) is not None:
        return _About(topic.title, await office.unit_for(connection, topic.unit, conversation.office_id), key)
    try:
        case_id = UUID(key)
    except ValueError:
        return None  # a topic that the catalogue no longer has
    row = (await connection.execute(
        select(case_table).where(case_table.c.id == case_id, case_table.c.conversation_id == conversation.id)
    )).one_or_none()
    if row is None:
        return None
    facts = await cases.load(connection, case_id)
    return _About(runtime.texts.say("reminder.case", number=row.number), facts.unit, key, row)


async def _named(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], row: Row[Any]
) -> _About | None:
    return await _find(runtime, connection, conversation, str(row.case_id or row.topic))


# --- when it is time --------------------------------------------------------------------------------------------------


async def send_due(runtime: Runtime) -> int:
    """Remind whom it is time for. Returns how many were; safe to run twice, by two at once, and to be killed: a
    reminder and what became of it are one transaction."""
    async with db.statement(runtime.pool) as connection:
        waiting = (await connection.execute(
            select(asked_reminders.c.id, asked_reminders.c.conversation_id)
            .where(asked_reminders.c.state == "waiting", asked_reminders.c.due_at <= runtime.clock(),
                   unasked.is_due(runtime, asked_reminders))
            .order_by(asked_reminders.c.due_at).limit(AT_ONCE)
        )).all()
    return await each(waiting, lambda row: _try(runtime, row), "reminder and conversation %s: it could not be sent")


async def _try(runtime: Runtime, due: Any) -> bool:
    async def tell_officer(connection: AsyncConnection, row: Row[Any]) -> None:
        """Of a case: its officer can reach the citizen otherwise."""
        if row.case_id is not None:
            officer_id = (await connection.execute(
                select(case_table.c.officer_id).where(case_table.c.id == row.case_id)
            )).scalar_one()
            await notices.tell(runtime, connection, officer_id, row.case_id, "reminder_given_up")

    return await unasked.attempt(
        runtime, asked_reminders, asked_reminders.c.id == due.id, lambda: _send(runtime, due), tell_officer)


async def _send(runtime: Runtime, due: Any) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, due.conversation_id)
        row = (await connection.execute(
            select(asked_reminders).where(asked_reminders.c.id == due.id, asked_reminders.c.state == "waiting")
        )).one_or_none()
        if row is None:
            return False  # taken back, or sent by another worker
        about = await _named(runtime, connection, conversation, row)
        unit = about.unit if about else await office.unit_for(connection, None, conversation.office_id)
        now = runtime.clock()
        later = reminding.decent(await office.calendar_of(connection, unit, now), now)
        if later > now:  # an outage lasted into the night
            await connection.execute(update(asked_reminders).where(asked_reminders.c.id == row.id).values(due_at=later))
            return False
        await _remind(runtime, connection, conversation, row, about)
    await sending.dispatch(runtime, due.conversation_id)
    return True


async def _remind(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], row: Row[Any], about: _About | None
) -> None:
    """Said in the conversation, whoever owns it: the citizen asked for it. A topic that the catalogue no longer has is
    named by its id, and a person is offered instead of the answer."""
    person = button(runtime, "person", f"person:{row.id}")
    facts = await cases.load(connection, row.case_id) if row.case_id is not None else None
    again = [button(runtime, "read_again", f"topic:{row.topic}")] if about and facts is None else []
    said = runtime.texts.say(
        "reminder.due", about=about.name if about else str(row.topic), officer=facts.officer if facts else None,
        closed=facts is not None and not facts.state.is_open,
    )
    (message_id,) = await store(runtime, connection, conversation, [Outgoing(
        "system", said, (*again, person) if facts is None else (), case_id=row.case_id, shows_case=facts is not None,
        notice=Notice.asked_reminder,
    )])
    await connection.execute(update(asked_reminders).where(asked_reminders.c.id == row.id).values(
        state="sent", message_id=message_id, settled_at=runtime.clock()
    ))
    if facts is not None:
        await cases.record(runtime, connection, conversation, facts.id, SENT, Actor("system"), message_id=message_id)

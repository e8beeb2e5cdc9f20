"""What officers and citizens do to a case. Each verb is one function and one transaction: it checks the actor
(`domain.case.transition`), changes the row, writes the event and publishes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor, CaseState, ClosedReason, Refusal, Role, Status, Verb, transition
from handoff.domain.text import clean
from handoff.services import cases, ownership, sending
from handoff.services.cases import CITIZEN, Facts, move, record
from handoff.services.errors import Conflict, Forbidden, NotFound, TooLarge, Unprocessable
from handoff.services.inbox import TEXT_CHARACTERS
from handoff.services.outbox import Outgoing, notify, store
from handoff.services.runtime import Runtime
from handoff.store import db, schema
from handoff.store.crypto import unseal_json


def actor_of(officer: Row[Any]) -> Actor:
    """The officer as the rules see them."""
    return Actor("officer", str(officer.id), Role(officer.role), str(officer.unit_id))


@dataclass
class _Held:
    """An open transaction on a case: its conversation is locked."""

    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts


@asynccontextmanager
async def _holding(runtime: Runtime, case_id: UUID) -> AsyncIterator[_Held]:
    """Lock the case's conversation; afterwards send what was stored. A refused verb becomes a typed error."""
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(
            select(schema.cases.c.conversation_id).where(schema.cases.c.id == case_id)
        )).scalar_one_or_none()
        if conversation_id is None:
            raise NotFound()
        conversation = await ownership.lock(connection, conversation_id)
        held = _Held(connection, conversation, await cases.load(connection, case_id))
        try:
            yield held
        except Refusal as refusal:
            raise _refused(refusal, held.facts) from None
    await sending.dispatch(runtime, conversation_id)


def _refused(refusal: Refusal, facts: Facts) -> Exception:
    if refusal.code == "forbidden":
        return Forbidden()
    return Conflict(refusal.code, officer=facts.officer.name)


def _text(text: str) -> str:
    if len(text) > TEXT_CHARACTERS:
        raise TooLarge()
    cleaned = clean(text).strip()
    if not cleaned:
        raise Unprocessable("empty_message")
    return cleaned


async def take_over(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The officer takes the conversation (P4). Of two at once one wins; the other gets `Conflict("already_taken")`.

    Repeating it is harmless; it also takes the conversation back from the bot.
    """
    async with _holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.take_over, actor)
        if state == facts.state and held.conversation.owner_officer_id == officer.id:
            return
        await move(held.connection, facts, state)
        owned = await ownership.give(held.connection, held.conversation, officer_id=officer.id, open_case_id=facts.id)
        await record(runtime, held.connection, owned, facts.id, "taken_over", actor, officer_was=facts.row.officer_id)
        now = await cases.load(held.connection, facts.id)
        await store(runtime, held.connection, owned, [Outgoing(
            "system", runtime.texts.say("case.taken_over", **now.said()), case_id=facts.id, shows_case=True,
        )])


async def reassign(
    runtime: Runtime, officer: Row[Any], case_id: UUID, target_id: UUID, why: str, held_by: UUID | None = None
) -> None:
    """Who leads the unit gives the case to another of its officers, or takes it themself. Clocks and promises stay, the
    citizen is told who has the case now, and the reason stands in the record.

    `held_by`: the officer from whom it was to be taken; `Conflict` when the case has another by now. Raises
    `Unprocessable` without a reason, `Conflict("not_assignable")` for who cannot carry the case.
    """
    if not why.strip():
        raise Unprocessable("no_reason")
    reason = _text(why)
    async with _holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        target = (await held.connection.execute(
            select(schema.officers).where(schema.officers.c.id == target_id, schema.officers.c.active)
        )).one_or_none()
        state = transition(facts.state, Verb.reassign, actor, actor_of(target) if target else None)
        if state == facts.state:
            return  # they have it: the same form sent twice
        if held_by is not None and facts.row.officer_id != held_by:
            raise Conflict()
        await move(held.connection, facts, state)
        owned = held.conversation
        if owned.owner_officer_id is not None or target_id == officer.id:  # where the bot speaks it goes on until then
            owned = await ownership.give(held.connection, owned, officer_id=target_id, open_case_id=facts.id)
        await record(runtime, held.connection, owned, facts.id, "reassigned", actor, why=reason,
                     officer_was=facts.row.officer_id, officer_id=target_id)
        now = await cases.load(held.connection, facts.id)
        await store(runtime, held.connection, owned, [Outgoing(
            "system", runtime.texts.say("case.reassigned", **now.said()), case_id=facts.id, shows_case=True,
        )])


async def reply(runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None) -> UUID:
    """The officer answers the citizen; the first one meets the first deadline. Returns the message's id.

    The same `key` again is the same reply (so with `note` and `propose`); `Conflict("key_reused")` for another text.
    """
    said = _text(text)
    async with _holding(runtime, case_id) as held:
        if (before := await _said_before(runtime, held, key, said)) is not None:
            return before
        state = await _officer_speaks(runtime, held, officer, Verb.reply)
        ids = await store(runtime, held.connection, held.conversation, [
            Outgoing("officer", said, officer_id=officer.id, case_id=held.facts.id, key=key)
        ])
        await move(held.connection, held.facts, state, **_answered(runtime, held.facts))
        await record(
            runtime, held.connection, held.conversation, held.facts.id, "replied", actor_of(officer), message_id=ids[0]
        )
    return ids[0]


async def note(runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None) -> UUID:
    """An internal note: colleagues see it, the citizen does not, and no clock counts it. Returns its id."""
    said = _text(text)
    async with _holding(runtime, case_id) as held:
        if (before := await _said_before(runtime, held, key, said)) is not None:
            return before
        transition(held.facts.state, Verb.note, actor_of(officer))
        ids = await store(runtime, held.connection, held.conversation, [
            Outgoing("officer", said, kind="note", officer_id=officer.id, case_id=held.facts.id, key=key)
        ])
        await record(
            runtime, held.connection, held.conversation, held.facts.id, "noted", actor_of(officer), message_id=ids[0]
        )
        await notify(held.connection, held.conversation.id, held.conversation.next_seq)  # nothing goes out that would
    return ids[0]


async def hand_back(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The bot may speak again; the case, its officer and its clocks stay."""
    async with _holding(runtime, case_id) as held:
        transition(held.facts.state, Verb.hand_back, actor_of(officer))
        await _to_bot(runtime, held, actor_of(officer), "handed_back")


async def propose(runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None) -> UUID:
    """The officer proposes a resolution; only the citizen can accept it (P5). Returns the message's id."""
    said = runtime.texts.say("case.proposed", text=_text(text))
    async with _holding(runtime, case_id) as held:
        if (before := await _said_before(runtime, held, key, said)) is not None:
            return before
        state = await _officer_speaks(runtime, held, officer, Verb.propose)
        ids = await store(runtime, held.connection, held.conversation, [Outgoing(
            "officer", said, cases.confirm_buttons(runtime, held.facts),
            officer_id=officer.id, case_id=held.facts.id, shows_case=True, key=key,
        )])
        await move(held.connection, held.facts, state, proposed_at=runtime.clock(), **_answered(runtime, held.facts))
        await record(
            runtime, held.connection, held.conversation, held.facts.id, "proposed", actor_of(officer), message_id=ids[0]
        )
    return ids[0]


async def _said_before(runtime: Runtime, held: _Held, key: str | None, said: str) -> UUID | None:
    """The message that was stored under this key already. Raises `Conflict("key_reused")` when it says otherwise."""
    if key is None:
        return None
    row = (await held.connection.execute(
        select(schema.messages.c.id, schema.messages.c.body_enc).where(
            schema.messages.c.conversation_id == held.conversation.id, schema.messages.c.channel_message_id == key
        )
    )).one_or_none()
    if row is None:
        return None
    data_key = await runtime.keyring.open(held.connection, held.conversation.data_key_id)
    if unseal_json(data_key, row.id, row.body_enc).get("text") != said:
        raise Conflict("key_reused")
    return row.id  # type: ignore[no-any-return]


async def _officer_speaks(runtime: Runtime, held: _Held, officer: Row[Any], verb: Verb) -> CaseState:
    """Who speaks to the citizen owns the conversation: an officer's word silences the bot."""
    state = transition(held.facts.state, verb, actor_of(officer))
    if held.conversation.owner_officer_id != officer.id:
        held.conversation = await ownership.give(
            held.connection, held.conversation, officer_id=officer.id, open_case_id=held.facts.id
        )
    return state


def _answered(runtime: Runtime, facts: Facts) -> dict[str, Any]:
    return {"first_replied_at": facts.row.first_replied_at or runtime.clock(), "waiting_since": None}


async def _to_bot(runtime: Runtime, held: _Held, actor: Actor, event: str) -> None:
    facts = held.facts
    held.conversation = await ownership.give(held.connection, held.conversation, officer_id=None, open_case_id=facts.id)
    await record(runtime, held.connection, held.conversation, facts.id, event, actor)
    await store(runtime, held.connection, held.conversation, [
        Outgoing("system", runtime.texts.say(f"case.{event}", **facts.said()), case_id=facts.id, shows_case=True)
    ])


# --- the citizen's verbs; part of a turn's transaction, which holds the conversation's lock ---------------------------


@dataclass(frozen=True)
class Tap:
    """A citizen's button on a case, inside the transaction of its turn."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts
    message_id: UUID

    @property
    def _held(self) -> _Held:
        return _Held(self.connection, self.conversation, self.facts)

    async def confirm(self) -> None:
        """*Sudah selesai*: the citizen closes the case."""
        await self._close(Verb.confirm, "confirmed")

    async def withdraw(self) -> None:
        """The citizen no longer needs the case."""
        await self._close(Verb.withdraw, "withdrawn")

    async def refuse(self) -> None:
        """*Belum selesai*: the officer goes on."""
        state = transition(self.facts.state, Verb.refuse, CITIZEN)
        await move(self.connection, self.facts, state, proposed_at=None, waiting_since=self.runtime.clock())
        await self._say("refused")

    async def bot_again(self) -> None:
        """*Tanya bot lagi*: the bot may speak, case and officer stay."""
        transition(self.facts.state, Verb.bot_again, CITIZEN)
        await _to_bot(self.runtime, self._held, CITIZEN, "bot_again")

    async def unhelpful(self, reply_id: str) -> None:
        """The officer's reply did not help: recorded for the officer, the citizen waits again."""
        state = transition(self.facts.state, Verb.citizen_message, CITIZEN)
        await move(self.connection, self.facts, state, waiting_since=self.runtime.clock())
        await self._say("unhelpful", reply_id=reply_id)

    async def not_this(self) -> None:
        """*Ini pertanyaan lain*: the case that this message reopened is closed again as it was."""
        was = await self._closed_before()
        transition(self.facts.state, Verb.withdraw, CITIZEN)  # who may withdraw may undo the reopening
        state = CaseState(Status.closed, self.facts.state.officer_id, self.facts.state.unit_id, ClosedReason(was))
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        await record(self.runtime, self.connection, self.conversation, self.facts.id, "reopening_undone", CITIZEN)
        owned = await ownership.give(self.connection, self.conversation, officer_id=None, open_case_id=None)
        await store(self.runtime, self.connection, owned, [
            Outgoing("system", self.runtime.texts.say("case.other", **self.facts.said()), in_reply_to=self.message_id)
        ])

    async def _close(self, verb: Verb, event: str) -> None:
        state = transition(self.facts.state, verb, CITIZEN)
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        owned = await ownership.give(
            self.connection, self.conversation, officer_id=None, open_case_id=None, last_case_id=self.facts.id
        )
        await record(self.runtime, self.connection, owned, self.facts.id, event, CITIZEN, message_id=self.message_id)
        await store(self.runtime, self.connection, owned, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()), case_id=self.facts.id,
            shows_case=True, in_reply_to=self.message_id,
        )])

    async def _say(self, event: str, **more: Any) -> None:
        await record(self.runtime, self.connection, self.conversation, self.facts.id, event, CITIZEN,
                     message_id=self.message_id, **more)
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()), case_id=self.facts.id,
            shows_case=True, in_reply_to=self.message_id,
        )])

    async def _closed_before(self) -> str:
        event = (await self.connection.execute(
            select(schema.case_events).where(
                schema.case_events.c.case_id == self.facts.id, schema.case_events.c.type == "reopened"
            ).order_by(schema.case_events.c.seq.desc()).limit(1)
        )).one()
        data_key = await self.runtime.keyring.open(self.connection, self.conversation.data_key_id)
        return str(unseal_json(data_key, event.id, event.body_enc)["was_closed"])

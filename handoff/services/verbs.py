"""What officers do to a case; what its citizen does is `services.wishes`. Each verb is one function and one
transaction: it checks the actor (`domain.case.transition`), changes the row, writes the event and publishes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from handoff.domain.case import CaseState, Verb, transition
from handoff.domain.clocks import is_question
from handoff.domain.closing import Cause
from handoff.services import cases, ownership
from handoff.services.cases import Facts, move, record
from handoff.services.errors import Conflict, Unprocessable
from handoff.services.holding import Held, actor_of, holding, said_before, to_bot, written
from handoff.services.outbox import Outgoing, notify, store
from handoff.services.runtime import Runtime
from handoff.store import schema


async def take_over(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The officer takes the conversation (P4). Of two at once one wins; the other gets `Conflict("already_taken")`.

    Repeating it is harmless; it also takes the conversation back from the bot.
    """
    async with holding(runtime, case_id) as held:
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
    reason = written(why)
    async with holding(runtime, case_id) as held:
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
    said = written(text)
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
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
    said = written(text)
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
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
    async with holding(runtime, case_id) as held:
        transition(held.facts.state, Verb.hand_back, actor_of(officer))
        await to_bot(runtime, held, actor_of(officer), "handed_back")


async def ask(runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None) -> UUID:
    """The officer cannot go on without something from the citizen: a concrete question, which holds the resolution's
    clock and no other. Returns the message's id. Raises `Unprocessable("no_question")`."""
    said = written(text)
    if not is_question(said):
        raise Unprocessable("no_question")
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
            return before
        state = await _officer_speaks(runtime, held, officer, Verb.ask)
        ids = await store(runtime, held.connection, held.conversation, [
            Outgoing("officer", said, officer_id=officer.id, case_id=held.facts.id, shows_case=True, key=key)
        ])
        await move(held.connection, held.facts, state, **_answered(runtime, held.facts))
        await record(
            runtime, held.connection, held.conversation, held.facts.id, "asked", actor_of(officer), message_id=ids[0]
        )
    return ids[0]


async def propose(
    runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None, cause: Cause = Cause.other
) -> UUID:
    """The officer proposes a resolution: what was done, in words, and what the trouble came from. Only the citizen can
    accept it (P5). Returns the message's id."""
    said = runtime.texts.say("case.proposed", text=written(text))
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
            return before
        state = await _officer_speaks(runtime, held, officer, Verb.propose)
        ids = await store(runtime, held.connection, held.conversation, [Outgoing(
            "officer", said, cases.confirm_buttons(runtime, held.facts),
            officer_id=officer.id, case_id=held.facts.id, shows_case=True, key=key,
        )])
        await move(held.connection, held.facts, state, proposed_at=runtime.clock(), proposal_id=ids[0],
                   cause=cause.value, undelivered_since=None, **_answered(runtime, held.facts))
        await record(
            runtime, held.connection, held.conversation, held.facts.id, "proposed", actor_of(officer),
            message_id=ids[0], cause=cause.value,
        )
    return ids[0]


async def _officer_speaks(runtime: Runtime, held: Held, officer: Row[Any], verb: Verb) -> CaseState:
    """Who speaks to the citizen owns the conversation: an officer's word silences the bot."""
    state = transition(held.facts.state, verb, actor_of(officer))
    if held.conversation.owner_officer_id != officer.id:
        held.conversation = await ownership.give(
            held.connection, held.conversation, officer_id=officer.id, open_case_id=held.facts.id
        )
    return state


def _answered(runtime: Runtime, facts: Facts, answers: bool = True) -> dict[str, Any]:
    """What an officer's word does to the clocks: nothing, unless it `answers`; one that only sends the citizen
    elsewhere does not."""
    if not answers:
        return {}
    return {"first_replied_at": facts.row.first_replied_at or runtime.clock(), "waiting_since": None}

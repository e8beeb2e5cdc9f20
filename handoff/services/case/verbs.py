"""What officers do to a case; what its citizen does is `services.case.wishes`. Each verb is one function and one
transaction: it checks the actor (`domain.case.transition`), changes the row, writes the event and publishes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, select

from handoff.domain.case import Actor, CaseState, Role, Verb, transition
from handoff.domain.closing import Cause
from handoff.domain.notice import Notice
from handoff.domain.redirect import read
from handoff.domain.substance import is_answer, is_courtesy, is_empty, is_question
from handoff.services.case import cases
from handoff.services.case.cases import Facts, move, record
from handoff.services.case.holding import (
    Held,
    actor_of,
    given_reason,
    holding,
    last_event,
    said_before,
    to_bot,
    written,
)
from handoff.services.deadlines import clocks
from handoff.services.errors import Conflict, Unprocessable
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, button, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db, schema, schema_record
from handoff.store.crypto import unseal_json

MOST_PROPOSALS = 3  # in a row, without a word of the citizen


async def take_over(runtime: Runtime, officer: Row[Any], case_id: UUID, why: str = "") -> None:
    """The officer takes the conversation (P4). Of two at once one wins; the other gets `Conflict("already_taken")`.

    Repeating it is harmless; it also takes the conversation back from the bot. Who leads the unit and takes a case that
    is somebody else's says why: else `Unprocessable("no_reason")`.
    """
    async with holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.take_over, actor)
        if state == facts.state and held.conversation.owner_officer_id == officer.id:
            return
        leads = needs_reason(Role(officer.role)) and facts.row.officer_id != officer.id
        said = {"why": given_reason(why)} if leads else {}
        await move(held.connection, facts, state)
        owned = await ownership.give(held.connection, held.conversation, officer_id=officer.id, open_case_id=facts.id)
        await record(runtime, held.connection, owned, facts.id, "taken_over", actor, officer_was=facts.row.officer_id,
                     **said)
        now = await cases.load(held.connection, facts.id)
        await store(runtime, held.connection, owned, [Outgoing(
            "system", runtime.texts.say("case.taken_over", **now.said()), case_id=facts.id, shows_case=True,
            notice=Notice.new_officer,
        )])


def needs_reason(role: Role) -> bool:
    """Whether somebody with this role must say why they take a colleague's case: who leads, for it is no colleague's
    help but a decision about them."""
    return role in (Role.supervisor, Role.head)


async def reassign(
    runtime: Runtime, officer: Row[Any], case_id: UUID, target_id: UUID, why: str, held_by: UUID | None = None
) -> None:
    """Who leads the unit gives the case to another of its officers, or takes it themself. Clocks and promises stay, the
    citizen is told who has the case now, and the reason stands in the record.

    `held_by`: the officer from whom it was to be taken; `Conflict` when the case has another by now. Raises
    `Unprocessable` without a reason, `Conflict("not_assignable")` for who cannot carry the case.
    """
    reason = given_reason(why)
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
            notice=Notice.new_officer,
        )])


async def reply(runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None) -> UUID:
    """The officer answers the citizen; the first one meets the first deadline, unless all it does is send them
    elsewhere (P6), or ask for patience. Returns the message's id.

    The same `key` again is the same reply (so with `note` and `propose`); `Conflict("key_reused")` for another text.
    """
    said = written(text)
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
            return before
        state = await officer_speaks(held, actor_of(officer), Verb.reply)
        message_id = uuid4()
        await store(runtime, held.connection, held.conversation, [Outgoing(
            "officer", said, _unwelcome(runtime, held.facts, message_id), officer_id=officer.id,
            case_id=held.facts.id, notice=Notice.reply, key=key, id=message_id,
        )])
        lacks = await _lacks(runtime, held, said)
        await move(held.connection, held.facts, state, **({} if lacks else _answered(runtime, held.facts)))
        await record(runtime, held.connection, held.conversation, held.facts.id, "replied", actor_of(officer),
                     message_id=message_id, **({lacks: True} if lacks else {}))
    return message_id


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
    clock and no other. Returns the message's id.

    Raises `Unprocessable`: `no_question`, `question_elsewhere` for one that sends them elsewhere (P6: it would stop a
    clock); `Conflict("question_unanswered")` when they let the thirty days of the last one pass, or something was
    proposed instead, and have not written since, for otherwise a case could be asked about for ever.
    """
    said = written(text)
    if not is_question(said):
        raise Unprocessable("no_question")
    if read(said).is_redirect:
        raise Unprocessable("question_elsewhere")
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, said)) is not None:
            return before
        if await clocks.let_pass(held.connection, case_id, held.conversation.last_inbound_at):
            raise Conflict("question_unanswered")
        state = await officer_speaks(held, actor_of(officer), Verb.ask)
        message_id = uuid4()
        await store(runtime, held.connection, held.conversation, [Outgoing(
            "officer", said, _unwelcome(runtime, held.facts, message_id), officer_id=officer.id,
            case_id=held.facts.id, shows_case=True, notice=Notice.question, key=key, id=message_id,
        )])
        await move(held.connection, held.facts, state, **_answered(runtime, held.facts))
        await record(runtime, held.connection, held.conversation, held.facts.id, "asked", actor_of(officer),
                     message_id=message_id)
    return message_id


async def propose(
    runtime: Runtime, officer: Row[Any], case_id: UUID, text: str, key: str | None = None, cause: str | None = None
) -> UUID:
    """The officer proposes a resolution: what was done, in words, and what the trouble came from, a `Cause` that they
    choose. Only the citizen can accept it (P5). Returns the message's id. Raises `Unprocessable`: `no_cause`,
    `nothing_done` where it says that it is done and not what; `Conflict("proposed_enough")` after `MOST_PROPOSALS` to
    which the citizen said nothing, as each holds the resolution's clock and has ten days of its own.

    A redirect is none (P6): it is kept for who leads the unit, and refused with what was found in it
    (`Unprocessable("redirect")`).
    """
    said = written(text)
    found = read(said)
    async with holding(runtime, case_id) as held:
        if (before := await said_before(runtime, held, key, _proposal(runtime, said))) is not None:
            return before
        actor = actor_of(officer)
        transition(held.facts.state, Verb.propose, actor)
        chosen = _chosen(cause)
        if is_empty(said):
            raise Unprocessable("nothing_done")
        if await _unheard_proposals(held) >= MOST_PROPOSALS:
            raise Conflict("proposed_enough")
        if not found.is_redirect:
            state = await officer_speaks(held, actor, Verb.propose)
            return await _put_forward(runtime, held, state, actor, said, chosen, key)
        await _hold_back(runtime, held, actor, said, chosen, [act.text for act in found.referrals])
    raise Unprocessable("redirect", acts=[act.text for act in found.referrals])


async def _unheard_proposals(held: Held) -> int:
    """How often something was proposed since the citizen said anything."""
    events = schema_record.case_events
    heard = held.conversation.last_inbound_at
    return int((await held.connection.execute(select(func.count()).where(
        events.c.case_id == held.facts.id, events.c.type == "proposed", *([events.c.at >= heard] if heard else [])
    ))).scalar_one())


async def _hold_back(
    runtime: Runtime, held: Held, actor: Actor, said: str, cause: Cause, acts: list[str]
) -> None:
    """Keep the proposal for who leads the unit, and tell them; the same form sent twice is one."""
    last = await last_event(runtime, held, ("proposal_held", *_AFTER_HELD))
    if last is not None and last.type == "proposal_held" and (last.actor_id, last.body["text"]) == (actor.id, said):
        return
    await record(runtime, held.connection, held.conversation, held.facts.id, "proposal_held", actor, text=said,
                 cause=cause.value, acts=acts)
    barred = [*held.facts.row.kept_from, held.facts.row.officer_id]
    leader = await notices.decider(held.connection, held.facts.row.unit_id, barred)
    await notices.tell(runtime, held.connection, leader.id, held.facts.id, "proposal_held")


def _chosen(cause: str | None) -> Cause:
    """The cause, which nobody chooses for the officer: figures of causes that were never chosen teach nothing."""
    try:
        return Cause(cause or "")
    except ValueError:
        raise Unprocessable("no_cause") from None


async def allow_address(runtime: Runtime, officer: Row[Any], case_id: UUID, why: str) -> UUID:
    """Who leads the unit stands for it, with a reason, that the address in the proposal that was held back truly is
    the answer; it is now made, in the name of its officer. Returns the message's id.

    Raises `Unprocessable("no_reason")`, `Conflict("nothing_held")` when nothing is held back, or something was said
    since.
    """
    reason = given_reason(why)
    async with holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.allow_address, actor)
        last = await last_event(runtime, held, ("proposal_held", *_AFTER_HELD))
        if last is None or last.type != "proposal_held" or last.actor_id != str(facts.row.officer_id):
            raise Conflict("nothing_held")
        await record(runtime, held.connection, held.conversation, facts.id, "address_allowed", actor, why=reason)
        if held.conversation.owner_officer_id != facts.row.officer_id:
            held.conversation = await ownership.give(
                held.connection, held.conversation, officer_id=facts.row.officer_id, open_case_id=facts.id
            )
        return await _put_forward(runtime, held, state, actor_of(facts.officer), str(last.body["text"]),
                                  Cause(last.body["cause"]))


_AFTER_HELD = ("proposed", "address_allowed", "replied", "reassigned", "taken_over", "transfer_accepted")


def _proposal(runtime: Runtime, said: str) -> str:
    return runtime.texts.say("case.proposed", text=said)


async def _put_forward(
    runtime: Runtime, held: Held, state: CaseState, actor: Actor, said: str, cause: Cause, key: str | None = None
) -> UUID:
    """The proposal goes to the citizen, in the name of the case's officer."""
    message_id = uuid4()
    room = 2 if held.conversation.channel == "web" else 1  # three buttons fit below a message of WhatsApp
    buttons = (*cases.confirm_buttons(runtime, held.facts), *_unwelcome(runtime, held.facts, message_id)[:room])
    await store(runtime, held.connection, held.conversation, [Outgoing(
        "officer", _proposal(runtime, said), buttons, officer_id=UUID(str(actor.id)), case_id=held.facts.id,
        shows_case=True, notice=Notice.proposal, key=key, id=message_id,
    )])
    at = runtime.clock()
    await move(held.connection, held.facts, state, proposed_at=at, proposal_id=message_id, cause=cause.value,
               undelivered_since=None, first_replied_at=held.facts.row.first_replied_at or at, waiting_since=None)
    await record(runtime, held.connection, held.conversation, held.facts.id, "proposed", actor, message_id=message_id,
                 cause=cause.value)
    return message_id


def _unwelcome(runtime: Runtime, facts: Facts, message_id: UUID) -> tuple[dict[str, str], ...]:
    """On everything that an officer says to the citizen: that it does not help, and that somebody else shall read what
    the citizen has to say about the officer."""
    return tuple(button(runtime, kind, f"{kind}:{facts.id}:{message_id}") for kind in ("unhelpful_reply", "complain"))


async def officer_speaks(held: Held, actor: Actor, verb: Verb) -> CaseState:
    """Who speaks to the citizen owns the conversation: an officer's word silences the bot."""
    state = transition(held.facts.state, verb, actor)
    speaker = UUID(str(actor.id))
    if held.conversation.owner_officer_id != speaker:
        held.conversation = await ownership.give(
            held.connection, held.conversation, officer_id=speaker, open_case_id=held.facts.id
        )
    return state


async def lacks(runtime: Runtime, case_id: UUID, said: str) -> str | None:
    """Why this reply, which was sent, stopped no clock, for its officer; None when it did."""
    if is_answer(said):
        return None
    if read(said).is_redirect:
        return "redirect"
    async with db.statement(runtime.pool) as connection:
        since = (await connection.execute(
            select(schema.cases.c.waiting_since).where(schema.cases.c.id == case_id)
        )).scalar_one()
    return "empty" if since is not None else None


async def _lacks(runtime: Runtime, held: Held, said: str) -> str | None:
    """Why an officer's word to the citizen stops no clock: a `redirect`, or `empty`. Courtesy is the answer to
    courtesy."""
    if is_answer(said):
        return None
    if read(said).is_redirect:
        return "redirect"
    return None if await _only_courtesy(runtime, held) else "empty"


async def _only_courtesy(runtime: Runtime, held: Held) -> bool:
    """Whether everything that waits for an answer is thanks or a greeting."""
    messages, since = schema.messages, held.facts.row.waiting_since
    if since is None:
        return True  # nobody waits
    here = messages.c.conversation_id == held.conversation.id
    answered = select(func.coalesce(func.max(messages.c.seq), 0)).where(
        here, messages.c.author == "officer", messages.c.kind != "note", messages.c.created_at < since
    ).scalar_subquery()
    waiting = (await held.connection.execute(
        select(messages.c.id, messages.c.kind, messages.c.body_enc)
        .where(here, messages.c.author == "citizen", messages.c.seq > answered)
    )).all()
    if not waiting or any(one.kind != "text" for one in waiting):
        return False
    data_key = await runtime.keyring.open(held.connection, held.conversation.data_key_id)
    return all(is_courtesy(str(unseal_json(data_key, one.id, one.body_enc).get("text", ""))) for one in waiting)


def _answered(runtime: Runtime, facts: Facts) -> dict[str, Any]:
    """What an officer's answer does to the clocks."""
    return {"first_replied_at": facts.row.first_replied_at or runtime.clock(), "waiting_since": None}

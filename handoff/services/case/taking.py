"""How a message comes to a person (P2, P3): a new case, an item of the open one, or the same case opened again.

Every function here is part of a transaction that holds the conversation's lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import number as case_number
from handoff.domain.alarm import EMERGENCIES, Alarm, nearly, said, taken_by
from handoff.domain.case import Actor, Verb, opened, transition
from handoff.domain.language import INDONESIAN, language_of
from handoff.services.case import complaints, danger
from handoff.services.case.cases import (
    CITIZEN,
    CONFIDENTIAL,
    Facts,
    card,
    confirm_buttons,
    load,
    move,
    record,
    to_another,
)
from handoff.services.case.onward import onward
from handoff.services.deadlines import clocks
from handoff.services.people import office
from handoff.services.post.outbox import button, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import answers as given
from handoff.services.talk import ownership
from handoff.store.crypto import unseal_json
from handoff.store.schema import answers, case_items, cases, citizens, conversations, messages

ACKNOWLEDGE_EVERY = timedelta(minutes=15)
COMPLAINTS = {"complaint", "disputed_decision", "disputed_answer"}


async def take_in(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, *, reason: str,
    topic: str | None = None, answer_id: UUID | None = None, classification: dict[str, Any] | None = None,
    explanation: given.Prepared | None = None, taker: office.Taker | None = None,
    kept: Mapping[UUID, str] | None = None,
) -> Facts:
    """Give the citizen's message to a person, whatever the state of things; idempotent on the message.

    A conversation with an open case gets a further item of it, one whose case is closed has that case opened again,
    any other a new case. The message's fate and the reply to the citizen are part of it; an `explanation` from the
    catalogue is said first. `kept`: who does not get it, and why, where that is known already.
    """
    settled = (await connection.execute(
        select(case_items.c.case_id).where(case_items.c.message_id == message_id)
    )).scalar_one_or_none()
    if settled is not None:
        return await load(connection, settled)
    message = (await connection.execute(
        select(messages.c.fate, messages.c.fate_case_id, messages.c.seq).where(messages.c.id == message_id)
    )).one()
    if message.fate in ("case", "new_case"):
        return await load(connection, message.fate_case_id)
    if answer_id is not None:
        answer_id, topic = await _disputed(connection, conversation.id, answer_id, topic)
    classification = classification or {}
    alarm = said(classification)
    if alarm in EMERGENCIES:
        reason, taker = "emergency", taker or danger.taker(runtime)
        await danger.tell_numbers(runtime, connection, conversation, message_id, alarm)
    if explanation is not None:
        await given.store(runtime, connection, conversation, explanation)
    if (further := await onward(runtime, connection, conversation, message_id)) is not None:
        facts = await take_in(runtime, connection, *further, reason=reason, classification=classification)
        await _to_person(connection, message_id, "case", runtime.clock(), facts.id)
        await store(runtime, connection, conversation, [card(runtime, facts, "case.forwarded", message_id)])
        return facts
    facts = await _wherever(runtime, connection, conversation, message_id, reason, topic, answer_id, classification,
                            taker, kept)
    if alarm in EMERGENCIES:
        await danger.mark(runtime, connection, conversation, facts, message_id, alarm)
    await notify(connection, conversation.id, message.seq)
    return facts


async def _wherever(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, reason: str,
    topic: str | None, answer_id: UUID | None, classification: dict[str, Any], taker: office.Taker | None,
    kept: Mapping[UUID, str] | None,
) -> Facts:
    if kept is None:
        kept = await complaints.whom_not(runtime, connection, conversation, message_id, reason)
    await _learn_language(runtime, connection, conversation, message_id)
    if conversation.open_case_id is not None:
        return await _join(runtime, connection, conversation, message_id, reason, answer_id, kept)
    if conversation.last_case_id is not None:
        return await reopen(runtime, connection, conversation, message_id, reason, answer_id, kept)
    return await _open(runtime, connection, conversation, message_id, reason, topic, answer_id, classification, taker,
                       kept)


async def _learn_language(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> None:
    """What the citizen writes in decides with who answers them (`services.people.office`)."""
    row = (await connection.execute(
        select(messages.c.id, messages.c.kind, messages.c.body_enc).where(messages.c.id == message_id)
    )).one()
    if row.kind != "text":
        return
    data_key = await runtime.keyring.open(connection, conversation.data_key_id)
    language = language_of(str(unseal_json(data_key, row.id, row.body_enc).get("text") or ""))
    if language != INDONESIAN:
        await connection.execute(
            update(citizens).where(citizens.c.id == conversation.citizen_id).values(language=language)
        )


async def _disputed(
    connection: AsyncConnection, conversation_id: UUID, answer_id: UUID, topic: str | None
) -> tuple[UUID | None, str | None]:
    """The disputed answer, if it was given in this conversation, and its topic."""
    found = (await connection.execute(
        select(answers.c.topic).where(answers.c.id == answer_id, answers.c.conversation_id == conversation_id)
    )).scalar_one_or_none()
    return (answer_id, found) if found else (None, topic)


async def _open(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, reason: str,
    topic: str | None, answer_id: UUID | None, classification: dict[str, Any], taker: office.Taker | None,
    kept: Mapping[UUID, str],
) -> Facts:
    at = runtime.clock()
    entry = runtime.catalogue.topics.get(topic or "")
    unit = entry.unit if entry else _likely_unit(runtime, conversation, classification)
    misuse = nearly(classification) is Alarm.data_misuse
    name = Alarm.data_misuse.value if misuse else classification.get("intent")
    taker = taker or office.Taker(unit, taken_by(name, sure=reason != "low_confidence"))
    taker = replace(taker, barred=taker.barred | kept.keys(), office_id=conversation.office_id)
    chosen = await office.choose(connection, taker, conversation.citizen_id, at)
    sla_class = _class_of(runtime, topic, reason)
    limits = clocks.limits(chosen.calendar, chosen.unit.first_reply_minutes, at, chosen.from_when, sla_class)
    case_id, state = uuid4(), opened(str(chosen.officer_id), str(chosen.unit.id))
    await connection.execute(insert(cases).values(
        id=case_id, number=await _free_number(connection), conversation_id=conversation.id, unit_id=chosen.unit.id,
        officer_id=chosen.officer_id, status=state.status, reason=reason, topic=topic, sla_class=sla_class,
        opened_at=at, respond_by=limits.respond_by, reply_by=limits.respond_by, resolve_by=limits.resolve_by,
        waiting_since=at,
    ))
    await _item(connection, case_id, message_id, reason, answer_id, at)
    await record(
        runtime, connection, conversation, case_id, "opened", Actor("system"), reason=reason, topic=topic,
        message_id=message_id, answer_id=answer_id, officer_id=chosen.officer_id, unit_id=chosen.unit.id,
        on_duty=chosen.on_duty, respond_by=limits.respond_by, resolve_by=limits.resolve_by,
        **_kept_from(kept), **classification,
    )
    owned = await ownership.give(connection, conversation, officer_id=chosen.officer_id, open_case_id=case_id)
    await _to_person(connection, message_id, "new_case", at, case_id)
    facts = await load(connection, case_id)
    await store(runtime, connection, owned, [
        card(runtime, facts, "case.opened", message_id, _opening_buttons(runtime, facts, classification),
              on_duty=chosen.on_duty, guess=_guess(runtime, reason, classification)),
    ])
    return facts


def _likely_unit(runtime: Runtime, conversation: Row[Any], classification: dict[str, Any]) -> str | None:
    """The unit of a case that has no topic: that of the two services nearest to the text where they agree ("permohonan
    bansos saya ditolak"), else that of the service talked about before; None when neither says one."""
    topics = runtime.catalogue.topics
    names = [reading["name"] for reading in classification.get("ranking", [])]
    near = [topics[name].unit for name in names if name in topics and topics[name].kind == "service"][:2]
    if len(near) == 2 and near[0] == near[1]:
        return near[0]
    last = topics.get(conversation.last_topic or "")
    return last.unit if last else None


def _class_of(runtime: Runtime, topic: str | None, reason: str) -> str:
    entry = runtime.catalogue.topics.get(topic or "")
    if reason == CONFIDENTIAL:
        return "inspection"
    if reason in COMPLAINTS:
        return "inspection" if entry is not None and entry.sla_class == "inspection" else "complaint"
    return entry.sla_class if entry is not None else "information"


async def _free_number(connection: AsyncConnection) -> str:
    while True:
        candidate = case_number.new(secrets.randbelow)
        if (await connection.execute(select(cases.c.id).where(cases.c.number == candidate))).first() is None:
            return candidate


def _guesses(runtime: Runtime, reason: str, classification: dict[str, Any]) -> list[str]:
    """The two nearest readings that the catalogue can answer (design §5)."""
    if reason != "low_confidence":
        return []
    names = [reading["name"] for reading in classification.get("ranking", [])]
    return [n for n in names if n in runtime.catalogue.topics][:2]


def _guess(runtime: Runtime, reason: str, classification: dict[str, Any]) -> str | None:
    """The sentence before the guessed buttons: torn between two, the bot says so."""
    guesses = _guesses(runtime, reason, classification)
    if classification.get("intent") == "hapus_data" and reason != "low_confidence":
        return "case.guess_own_data"
    if not guesses:
        return None
    return "case.guess_two" if len(guesses) == 2 and classification.get("near_tie") else "case.guess"


def _opening_buttons(runtime: Runtime, facts: Facts, classification: dict[str, Any]) -> tuple[dict[str, str], ...]:
    guesses = _guesses(runtime, facts.row.reason, classification)
    if facts.row.reason == CONFIDENTIAL:  # the bot has no business there
        return (button(runtime, "withdraw", f"withdraw:{facts.id}"),)
    own_data = classification.get("intent") == "hapus_data" and facts.row.reason != "low_confidence"
    return (
        *({"title": runtime.catalogue.topics[t].title, "payload": f"topic:{t}"} for t in guesses),
        *([button(runtime, "data_erase", "data:erase")] if own_data else []),
        button(runtime, "bot_again", f"bot_again:{facts.id}"),
        button(runtime, "withdraw", f"withdraw:{facts.id}"),
    )


async def _join(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, reason: str,
    answer_id: UUID | None, kept: Mapping[UUID, str],
) -> Facts:
    """A further matter joins the open case and returns the conversation to its officer; a complaint that may be about
    them gives the case to somebody else."""
    at = runtime.clock()
    facts = await load(connection, conversation.open_case_id)
    if facts.row.officer_id in kept:
        conversation = await to_another(runtime, connection, conversation, facts, set(kept), "complaint",
                                        **_kept_from(kept))
        facts = await load(connection, facts.id)
    state = transition(facts.state, Verb.join, CITIZEN)
    await _item(connection, facts.id, message_id, reason, answer_id, at)
    await move(connection, facts, state, waiting_since=func.coalesce(cases.c.waiting_since, at))
    await record(runtime, connection, conversation, facts.id, "item_joined", CITIZEN, reason=reason,
                 message_id=message_id, answer_id=answer_id, **_kept_from(kept))
    facts = await load(connection, facts.id)  # with the time that this matter was given
    await _to_person(connection, message_id, "case", at, facts.id)
    if conversation.owner_officer_id != facts.row.officer_id:
        conversation = await ownership.give(
            connection, conversation, officer_id=facts.row.officer_id, open_case_id=facts.id
        )
    await store(runtime, connection, conversation, [
        card(runtime, facts, "case.joined", message_id, (button(runtime, "bot_again", f"bot_again:{facts.id}"),),
             late=at > facts.row.respond_by)
    ])
    return facts


async def reopen(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, reason: str = "reopened",
    answer_id: UUID | None = None, kept: Mapping[UUID, str] | None = None,
) -> Facts:
    """The closed case again, under its number (P5); an officer who left meanwhile or is on leave is replaced by name,
    and so is one who is `kept` from it."""
    at = runtime.clock()
    facts = await load(connection, conversation.last_case_id)
    state = transition(facts.state, Verb.reopen, CITIZEN)
    officer_id, unit = facts.row.officer_id, facts.unit
    calendar = await office.calendar_of(connection, unit, at)
    start = at
    kept = kept or {}
    taker = await office.taker_again(connection, facts.row, unit)
    taker = replace(taker, barred=taker.barred | kept.keys())
    gone = not facts.officer.active or await office.is_on_leave(connection, officer_id, unit, at)
    if gone or officer_id in taker.barred:
        chosen = await office.choose(connection, taker, conversation.citizen_id, at)
        officer_id, unit, calendar, start = chosen.officer_id, chosen.unit, chosen.calendar, chosen.from_when
    limits = clocks.limits(calendar, unit.first_reply_minutes, at, start, facts.row.sla_class)
    await move(connection, facts, state, officer_id=officer_id, unit_id=unit.id, closed_at=None, waiting_since=at,
               proposed_at=None, proposal_id=None, undelivered_since=None, resolve_by=limits.resolve_by)
    await _item(connection, facts.id, message_id, reason, answer_id, at)
    await record(
        runtime, connection, conversation, facts.id, "reopened", CITIZEN, message_id=message_id, reason=reason,
        was_closed=facts.row.closed_reason, closed_at=facts.row.closed_at, officer_id=officer_id,
        resolve_by=limits.resolve_by, respond_by_was=facts.row.respond_by, resolve_by_was=facts.row.resolve_by,
        dismissed_by=facts.row.dismissal_by, **_kept_from(kept),
    )
    owned = await ownership.give(connection, conversation, officer_id=officer_id, open_case_id=facts.id)
    await _to_person(connection, message_id, "case", at, facts.id)
    again = await load(connection, facts.id)
    other = button(runtime, "other", f"other:{facts.id}:{message_id}")
    await store(runtime, connection, owned, [card(runtime, again, "case.reopened", message_id, (other,))])
    return again


def _kept_from(kept: Mapping[UUID, str]) -> dict[str, Any]:
    return {"kept_from": {str(one): why for one, why in kept.items()}} if kept else {}


async def message_arrived(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> Facts:
    """The officer owns the conversation: the message goes into the case, with one rate-limited acknowledgement while
    the citizen waits for a person."""
    at = runtime.clock()
    facts = await load(connection, conversation.open_case_id)
    state = transition(facts.state, Verb.citizen_message, CITIZEN)
    await move(connection, facts, state, waiting_since=func.coalesce(cases.c.waiting_since, at))
    await record(runtime, connection, conversation, facts.id, "citizen_message", CITIZEN, message_id=message_id)
    facts = await load(connection, facts.id)
    await _to_person(connection, message_id, "case", at, facts.id)
    await notify(connection, conversation.id, conversation.next_seq - 1)  # the officers' lists have changed
    if facts.row.status == "resolution_proposed":
        await store(runtime, connection, conversation, [
            card(runtime, facts, "case.ask_confirm", message_id, confirm_buttons(runtime, facts))
        ])
    elif facts.row.status == "assigned" and _may_acknowledge(conversation, facts, at):
        late = facts.row.first_replied_at is None and at > facts.row.respond_by
        await _acknowledge(runtime, connection, conversation, facts, message_id, at, late)
    return facts


def _may_acknowledge(conversation: Row[Any], facts: Facts, at: datetime) -> bool:
    last = max(filter(None, (conversation.acknowledged_at, facts.row.opened_at)))
    return bool(at - last >= ACKNOWLEDGE_EVERY)


async def _acknowledge(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: Facts, message_id: UUID,
    at: datetime, late: bool,
) -> None:
    await connection.execute(
        update(conversations).where(conversations.c.id == conversation.id).values(acknowledged_at=at)
    )
    await store(runtime, connection, conversation, [
        card(runtime, facts, "case.acknowledged_late" if late else "case.acknowledged", message_id,
              (button(runtime, "bot_again", f"bot_again:{facts.id}"),))
    ])


async def _item(
    connection: AsyncConnection, case_id: UUID, message_id: UUID, reason: str, answer_id: UUID | None, at: datetime
) -> None:
    await connection.execute(insert(case_items).values(
        id=uuid4(), case_id=case_id, message_id=message_id, answer_id=answer_id, reason=reason, created_at=at,
    ))


async def _to_person(connection: AsyncConnection, message_id: UUID, fate: str, at: datetime, case_id: UUID) -> None:
    """The message's fate is a person; an answer that was withheld before it was sent gives way (schema trigger)."""
    await connection.execute(
        update(messages).where(messages.c.id == message_id)
        .values(fate=fate, fate_at=at, fate_case_id=case_id, case_id=case_id)
    )

"""Giving an answer, or the person that it needs: the one place where a topic becomes words or a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import Aspect, Topic
from handoff.domain import alarm, repeating, waiting
from handoff.services.case import cases, confidential, taking
from handoff.services.errors import NotFound
from handoff.services.post import outbox, sending
from handoff.services.runtime import Runtime
from handoff.services.talk import answers, ownership
from handoff.store import db
from handoff.store.schema import answers as given
from handoff.store.schema import messages

# The questions answered last before this one was written, newest first, each with all of its answers; one told step by
# step was asked once. Who writes the same twice before there is an answer has not been helped badly.
_reply, _this = messages.alias("reply"), messages.alias("this")
_HISTORY = (
    select(
        messages.c.kind, messages.c.created_at,
        func.jsonb_agg(func.jsonb_build_array(given.c.topic, given.c.aspect)).label("given"),
    ).join(messages, messages.c.id == given.c.question_id).join(_reply, _reply.c.id == given.c.message_id)
    .join(_this, _this.c.id == bindparam("question"))
    .where(
        given.c.conversation_id == bindparam("conversation"), given.c.step.is_(None), _reply.c.seq < _this.c.seq,
        _reply.c.delivery != "withheld",
    )
    .group_by(messages.c.id).order_by(messages.c.seq.desc()).limit(10)
)


@dataclass(frozen=True)
class Handover:
    """Why a person gets the message, as `taking.take_in` takes it."""

    reason: str
    topic: str | None = None
    classification: dict[str, Any] = field(default_factory=dict)
    answer_id: UUID | None = None


@dataclass(frozen=True)
class Wanted:
    """One thing to answer, and the reading that it rests on (empty: the citizen said or tapped exactly this)."""

    topic: str
    aspect: Aspect = "overview"
    classification: dict[str, Any] = field(default_factory=dict, compare=False)


async def give_answer(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, topic_id: str,
    aspect: Aspect, classification: dict[str, Any] | None = None, *, chosen: bool = False, said: str = "",
) -> None:
    """Answer from the catalogue, or give the question to a person: when the matter needs one, when the answer is
    suspended, or when it did not help twice. `chosen`: the citizen tapped a button for exactly this. `said`: what
    they wrote, if they wrote."""
    wanted = Wanted(topic_id, aspect, classification or {})
    await give_answers(runtime, connection, conversation, question_id, [wanted], chosen=chosen, said=said)


async def give_answers(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, wanted: Sequence[Wanted],
    *, chosen: bool = False, said: str = "", person: Handover | None = None, seen: Sequence[str] = (),
) -> None:
    """The same for several answers to one message; its fate is one. `person`: what else stands in the message is for
    an officer, to whom it then goes, with the answers as a first explanation. `seen`: readings of what else may stand
    in it, which the citizen is told unless an officer reads it anyway."""
    repeated = 0 if chosen or person else await _repeated(runtime, connection, conversation, question_id, wanted)
    if repeated >= repeating.PERSON:
        person = Handover("repeated_question", wanted[0].topic, wanted[0].classification)
        wanted = ()
    prepared: list[answers.Prepared] = []
    for number, one in enumerate(wanted):
        topic = runtime.catalogue.topics[one.topic]
        try:
            prepared.append(await answers.prepare(
                runtime, connection, conversation, question_id, topic, one.aspect, one.classification,
                to_officers_case=chosen, few=len(wanted) > 1 or bool(seen),
                introduction=runtime.texts.say("chat.same_answer") if repeated and number == 0 else "",
            ))
        except answers.Suspended:
            person = person or Handover("suspended_answer", one.topic, one.classification)
        if needs_person(runtime, topic, said):
            person = person or Handover("individual_matter", one.topic, one.classification)
    if person is None:
        await answers.store(runtime, connection, conversation, *prepared)
        if seen:
            await _tell_of_another(runtime, connection, conversation, question_id, seen)
        await cases.settle(connection, question_id, "answer", runtime.clock())
    else:
        await answers.store(runtime, connection, conversation, *map(answers.beside_a_case, prepared))
        await taking.take_in(
            runtime, connection, conversation, question_id, reason=person.reason, topic=person.topic,
            answer_id=person.answer_id, classification=person.classification,
        )


async def _tell_of_another(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, seen: Sequence[str]
) -> None:
    topics = [topic for name in seen if (topic := runtime.catalogue.topics.get(name)) and not topic.individual_matter]
    await outbox.store(runtime, connection, conversation, [outbox.Outgoing(
        "bot", runtime.texts.say("chat.another_matter", offered=bool(topics)),
        (*({"title": topic.title, "payload": f"topic:{topic.id}"} for topic in topics),
         outbox.button(runtime, "person", f"person:{question_id}")),
        in_reply_to=question_id, owner_epoch=conversation.owner_epoch,
    )])


async def _repeated(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, wanted: Sequence[Wanted]
) -> int:
    """How often exactly this was asked and answered in a row before (`domain.repeating`)."""
    rows = (await connection.execute(_HISTORY, {"conversation": conversation.id, "question": question_id})).all()
    history = [
        repeating.Answered(row.created_at, frozenset(map(tuple, row.given)), row.kind == "text") for row in rows
    ]
    return repeating.times(history, frozenset((one.topic, one.aspect) for one in wanted), runtime.clock())


def needs_person(runtime: Runtime, topic: Topic, said: str) -> bool:
    """Whether only a person can mend it: always, or because the official time has passed by what the citizen says."""
    official = topic.time.official if topic.individual_when_late and topic.time else None
    late = official is not None and waiting.is_late(said, *official, runtime.today)
    return topic.individual_matter or late


async def open_for_bot(
    runtime: Runtime, conversation_id: UUID, message_id: UUID, *, reason: str, topic: str | None,
    answer_id: UUID | None, classification: dict[str, Any],
) -> cases.Facts:
    """What a custom action asks for through the internal API; idempotent on the message. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        await _belongs(connection, conversation_id, message_id)
        report = None
        bribe = topic == confidential.INTENT or alarm.nearly(classification) is alarm.Alarm.bribery
        if bribe and not conversation.confidential:
            report = await confidential.take_down(runtime, connection, conversation, message_id)
        if report is not None:
            facts = report
        elif conversation.owner_officer_id is not None and not await cases.has_fate(connection, message_id):
            facts = await taking.message_arrived(runtime, connection, conversation, message_id)
        else:
            explanation = None
            if reason == "individual_matter" and topic is not None and topic in runtime.catalogue.topics:
                explanation = await _explanation(runtime, connection, conversation, message_id, topic, classification)
            facts = await taking.take_in(
                runtime, connection, conversation, message_id, reason=reason, topic=topic, answer_id=answer_id,
                classification=classification, explanation=explanation,
            )
    for sent_in in {conversation_id, facts.row.conversation_id}:
        await sending.dispatch(runtime, sent_in)
    return facts


async def _explanation(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, topic: str,
    classification: dict[str, Any],
) -> answers.Prepared | None:
    try:
        return await answers.prepare(
            runtime, connection, conversation, message_id, runtime.catalogue.topics[topic], "overview", classification,
            to_officers_case=True,
        )
    except answers.Suspended:
        return None


async def _belongs(connection: AsyncConnection, conversation_id: UUID, message_id: UUID) -> None:
    row = (await connection.execute(
        select(messages.c.id).where(
            messages.c.id == message_id, messages.c.conversation_id == conversation_id, messages.c.author == "citizen"
        )
    )).first()
    if row is None:
        raise NotFound()

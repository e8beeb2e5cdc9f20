"""Giving an answer, or the person that it needs: the one place where a topic becomes words or a case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import Aspect, Topic
from handoff.domain import waiting
from handoff.services import answers, cases, ownership, sending
from handoff.services.errors import NotFound
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import messages


async def give_answer(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, topic_id: str,
    aspect: Aspect, classification: dict[str, Any] | None = None, *, chosen: bool = False, said: str = "",
) -> None:
    """Answer from the catalogue, or give the question to a person: when the matter needs one, or when the answer is
    suspended. `chosen`: the citizen tapped a button for exactly this. `said`: what they wrote, if they wrote."""
    topic = runtime.catalogue.topics[topic_id]
    individual = needs_person(runtime, topic, said)
    try:
        prepared = await answers.prepare(
            runtime, connection, conversation, question_id, topic, aspect, classification,
            to_officers_case=chosen or individual,
        )
    except answers.Suspended:
        await cases.take_in(runtime, connection, conversation, question_id, reason="suspended_answer", topic=topic_id,
                            classification=classification)
        return
    if individual:
        await cases.take_in(runtime, connection, conversation, question_id, reason="individual_matter", topic=topic_id,
                            classification=classification, explanation=prepared)
        return
    await answers.store(runtime, connection, conversation, prepared)
    await cases.settle(connection, question_id, "answer", runtime.clock())


def needs_person(runtime: Runtime, topic: Topic, said: str) -> bool:
    """Whether only a person can mend it: always, or because the official time has passed by what the citizen says."""
    official = topic.time.official if topic.individual_when_late and topic.time else None
    late = official is not None and waiting.is_late(said, *official, runtime.clock().date())
    return topic.individual_matter or late


async def open_for_bot(
    runtime: Runtime, conversation_id: UUID, message_id: UUID, *, reason: str, topic: str | None,
    answer_id: UUID | None, classification: dict[str, Any],
) -> cases.Facts:
    """What a custom action asks for through the internal API; idempotent on the message. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        await _belongs(connection, conversation_id, message_id)
        if conversation.owner_officer_id is not None and not await cases.has_fate(connection, message_id):
            facts = await cases.message_arrived(runtime, connection, conversation, message_id)
        else:
            explanation = None
            if reason == "individual_matter" and topic is not None and topic in runtime.catalogue.topics:
                explanation = await _explanation(runtime, connection, conversation, message_id, topic, classification)
            facts = await cases.take_in(
                runtime, connection, conversation, message_id, reason=reason, topic=topic, answer_id=answer_id,
                classification=classification, explanation=explanation,
            )
    await sending.dispatch(runtime, conversation_id)
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

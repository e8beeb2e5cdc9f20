"""Automated answers (P8): rendered from the catalogue, stored with everything they rest on, disputable in one tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import Aspect, Topic, render
from handoff.services import outbox
from handoff.services.outbox import Outgoing, button
from handoff.services.runtime import Runtime
from handoff.store.schema import answers, publications

_PUBLISHED = select(publications.c.epoch, publications.c.suspended).where(publications.c.topic == bindparam("topic_id"))


class Suspended(Exception):
    """The topic's answer was suspended: it is not given anywhere until a person republishes it (P8)."""


@dataclass(frozen=True)
class Prepared:
    """An answer ready to be stored: its message and its row."""

    going: Outgoing
    row: dict[str, Any]


async def prepare(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, topic: Topic,
    aspect: Aspect, classification: dict[str, Any] | None = None, *, to_officers_case: bool = False,
    introduction: str = "",
) -> Prepared:
    """Render the answer under the publication that holds now. Raises `Suspended`.

    `to_officers_case`: the citizen asked for it (a button) or it accompanies a case, so it may go out although an
    officer owns the conversation; otherwise it is withheld as soon as the owner changes.
    """
    published = (await connection.execute(_PUBLISHED, {"topic_id": topic.id})).one_or_none()
    if published is not None and published.suspended:
        raise Suspended(topic.id)
    rendered, read = render.answer(topic, aspect, runtime.clock().date()), classification or {}
    answer_id, message_id = uuid4(), uuid4()
    buttons = [{"title": b.title, "payload": b.payload} for b in rendered.related]
    if conversation.open_case_id is not None:
        buttons.append(button(runtime, "solved_withdraw", f"withdraw:{conversation.open_case_id}"))
    buttons += [button(runtime, "dispute", f"dispute:{answer_id}"), button(runtime, "person", f"person:{answer_id}")]
    return Prepared(
        Outgoing(
            "bot", f"{introduction}\n\n{rendered.text}".strip(), tuple(buttons), id=message_id, in_reply_to=question_id,
            owner_epoch=None if to_officers_case else conversation.owner_epoch, topic=topic.id,
            publication_epoch=published.epoch if published else 0,
        ),
        {
            "id": answer_id, "conversation_id": conversation.id, "question_id": question_id, "message_id": message_id,
            "topic": topic.id, "aspect": aspect, "intent": read.get("intent"), "confidence": read.get("confidence"),
            "threshold": read.get("threshold"), "ranking": read.get("ranking", []),
            "model_version": read.get("model_version"), "catalogue_version": runtime.catalogue.version,
            "sources": rendered.sources, "reviewed": rendered.reviewed,
        },
    )


async def store(runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], prepared: Prepared) -> None:
    """Store the answer's message and row, and remember its topic; the caller holds the conversation's lock."""
    await outbox.store(
        runtime, connection, conversation, [prepared.going], last_topic=prepared.row["topic"],
        last_answer_id=prepared.row["id"],
    )
    await connection.execute(insert(answers), {"created_at": runtime.clock(), **prepared.row})

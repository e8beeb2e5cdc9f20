"""Automated answers (P8): rendered from the catalogue, stored with everything they rest on, disputable in one tap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import Aspect, Button, Rendered, Topic, render, stepwise
from handoff.services.post import outbox
from handoff.services.post.outbox import Outgoing, button
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import answers
from handoff.store.schema_desk import publications

_PUBLISHED = select(publications.c.epoch, publications.c.suspended).where(publications.c.topic == bindparam("topic_id"))


class Suspended(Exception):
    """The topic's answer was suspended: it is not given anywhere until a person republishes it (P8)."""


@dataclass(frozen=True)
class Prepared:
    """An answer ready to be stored: its message and its row, and what is said in a message of its own before it."""

    going: Outgoing
    row: dict[str, Any]
    before: str = ""


async def prepare(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, topic: Topic,
    aspect: Aspect, classification: dict[str, Any] | None = None, *, to_officers_case: bool = False,
    introduction: str = "", few: bool = False,
) -> Prepared:
    """Render the answer under the publication that holds now. Raises `Suspended`.

    `to_officers_case`: the citizen asked for it (a button) or it accompanies a case, so it may go out although an
    officer owns the conversation; otherwise it is withheld as soon as the owner changes. `few`: with no more buttons
    than fit below a message of WhatsApp, as it comes with other messages.
    """
    rendered = render.answer(topic, aspect, runtime.today)
    if stepwise.count(topic, aspect) > 1:
        lost = Button(runtime.texts.say("buttons.lost"), f"step:{topic.id}:{aspect}:1")
        rendered = replace(rendered, related=[*rendered.related, lost])
    prepared = await prepare_rendered(
        runtime, connection, conversation, question_id, topic, aspect, rendered, classification,
        to_officers_case=to_officers_case, few=few,
    )
    text = f"{introduction}\n\n{rendered.text}".strip()
    if len(text) > render.MAX_LENGTH:
        return replace(prepared, before=introduction)
    return replace(prepared, going=replace(prepared.going, text=text))


async def prepare_rendered(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, topic: Topic,
    aspect: Aspect, rendered: Rendered, classification: dict[str, Any] | None = None, *, to_officers_case: bool = False,
    few: bool = False, step: int | None = None,
) -> Prepared:
    """The same for what was rendered already: a whole answer, or one `step` of it. Raises `Suspended`."""
    published = (await connection.execute(_PUBLISHED, {"topic_id": topic.id})).one_or_none()
    if published is not None and published.suspended:
        raise Suspended(topic.id)
    read, answer_id, message_id = classification or {}, uuid4(), uuid4()
    return Prepared(
        Outgoing(
            "bot", rendered.text,
            _buttons(runtime, conversation, rendered, answer_id, few, topic if step is None else None),
            id=message_id, in_reply_to=question_id, owner_epoch=None if to_officers_case else conversation.owner_epoch,
            topic=topic.id, publication_epoch=published.epoch if published else 0,
        ),
        {
            "id": answer_id, "conversation_id": conversation.id, "question_id": question_id, "message_id": message_id,
            "topic": topic.id, "aspect": aspect, "step": step, "intent": read.get("intent"),
            "confidence": read.get("confidence"), "threshold": read.get("threshold"),
            "ranking": read.get("ranking", []), "model_version": read.get("model_version"),
            "catalogue_version": runtime.catalogue.version, "sources": rendered.sources, "reviewed": rendered.reviewed,
        },
    )


def beside_a_case(prepared: Prepared) -> Prepared:
    """The answer as it goes out although an officer is about to own the conversation."""
    return replace(prepared, going=replace(prepared.going, owner_epoch=None))


def _buttons(
    runtime: Runtime, conversation: Row[Any], rendered: Rendered, answer_id: UUID, few: bool, whole: Topic | None
) -> tuple[dict[str, str], ...]:
    """What may be wanted next; always the two ways to a person. A service that was told as a `whole` can be reminded
    of."""
    last = [button(runtime, "dispute", f"dispute:{answer_id}"), button(runtime, "person", f"person:{answer_id}")]
    related = [{"title": b.title, "payload": b.payload} for b in rendered.related]
    if few:
        return (*related[: render.BUTTONS - len(last)], *last)
    if conversation.open_case_id is not None:
        last.insert(0, button(runtime, "solved_withdraw", f"withdraw:{conversation.open_case_id}"))
    later = [button(runtime, "remind", f"remind:{whole.id}")] if whole is not None and whole.kind == "service" else []
    return (*related, *later, *last)


async def store(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], *prepared: Prepared
) -> None:
    """Store the answers' messages and rows, in order; the caller holds the conversation's lock. The topic of the last
    service is what the conversation is about: "biayanya?" after the opening hours still asks about that."""
    for one in prepared:
        topic = runtime.catalogue.topics[one.row["topic"]]
        before = [replace(one.going, id=None, text=one.before, buttons=())] if one.before else []
        await outbox.store(
            runtime, connection, conversation, [*before, one.going],
            last_topic=topic.id if topic.kind == "service" else None, last_answer_id=one.row["id"],
        )
        await connection.execute(insert(answers), {"created_at": runtime.clock(), **one.row})


async def reacted(runtime: Runtime, answer_id: UUID, *, helped: bool, at: datetime) -> None:
    """The citizen's reaction under an answer, made at `at`, says that it helped, or no longer does. The newest one
    counts, in whatever order they come."""
    async with db.statement(runtime.pool) as connection:
        await connection.execute(
            update(answers).where(
                answers.c.id == answer_id, or_(answers.c.reacted_at.is_(None), answers.c.reacted_at <= at)
            ).values(helped_at=at if helped else None, reacted_at=at)
        )

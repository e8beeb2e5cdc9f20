"""An answer that confused its reader, told again one step a message; who is still lost then gets a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import ASPECTS, Aspect, stepwise
from handoff.domain.repeating import SPAN
from handoff.services.case import cases, taking
from handoff.services.runtime import Runtime
from handoff.services.talk import answers
from handoff.store import db
from handoff.store.schema import answers as given

_ANSWER = select(given.c.topic, given.c.aspect, given.c.step, given.c.created_at).where(
    given.c.id == bindparam("answer")
)


@dataclass(frozen=True)
class Step:
    """Step `number`, from 1, of the answer about `aspect` of `topic`."""

    topic: str
    aspect: Aspect
    number: int = 1


async def last(runtime: Runtime, conversation: Row[Any]) -> tuple[Step, bool] | None:
    """The first step of the answer given last, and whether it was told in steps already; None when there is none of
    today that could be."""
    if conversation.last_answer_id is None:
        return None
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(_ANSWER, {"answer": conversation.last_answer_id})).one_or_none()
    if row is None or row.topic not in runtime.catalogue.topics or runtime.clock() - row.created_at > SPAN:
        return None
    return Step(row.topic, row.aspect), row.step is not None


def named(runtime: Runtime, rest: str) -> Step | None:
    """The step that a button `step:<topic>:<aspect>:<number>` stands for; `rest` is what follows the kind."""
    topic, _, more = rest.partition(":")
    aspect, _, number = more.partition(":")
    if topic not in runtime.catalogue.topics or aspect not in ASPECTS or not number.isdecimal():
        return None
    return Step(topic, aspect, int(number))


async def tell(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, step: Step, *,
    chosen: bool = False,
) -> None:
    """Tell the step; the caller holds the conversation's lock. A suspended answer is not told, a person is. `chosen`:
    by a button."""
    topic = runtime.catalogue.topics[step.topic]
    rendered = stepwise.step(topic, step.aspect, step.number, runtime.today)
    try:
        prepared = await answers.prepare_rendered(
            runtime, connection, conversation, question_id, topic, step.aspect, rendered, to_officers_case=chosen,
            few=True, step=step.number,
        )
    except answers.Suspended:
        await taking.take_in(
            runtime, connection, conversation, question_id, reason="suspended_answer", topic=step.topic
        )
        return
    await answers.store(runtime, connection, conversation, prepared)
    await cases.settle(connection, question_id, "answer", runtime.clock())

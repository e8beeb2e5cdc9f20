"""When the bot is back (design §3, step 5): a question that went to an officer only because the bot had failed, and
that it can answer now, is answered inside the case, with a tap to withdraw it. The officer stays on the case. Several
questions in one message are read as a turn reads them: all are answered, or the officer is left with all of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.bot import BotAway, BotFailed, BotReply
from handoff.domain.case import Actor
from handoff.services.case import cases
from handoff.services.post import sending
from handoff.services.runtime import Runtime
from handoff.services.talk import answers, followup, ownership
from handoff.services.talk.answering import Wanted, needs_person
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal_json
from handoff.store.schema import answers as answer_table
from handoff.store.schema import case_items, messages
from handoff.store.schema import cases as case_table
from handoff.store.schema_record import case_events

log = logging.getLogger(__name__)

ANSWERED, UNANSWERED = "late_answer_given", "late_answer_not_possible"
BATCH = 50


async def answer_late(runtime: Runtime) -> int:
    """Answer what can be answered now, once for each case. Returns how many were; 0 while the bot is away."""
    if not await runtime.bot.ready():
        return 0
    async with db.transaction(runtime.pool) as connection:
        tried = select(case_events.c.id).where(
            case_events.c.case_id == case_table.c.id, case_events.c.type.in_([ANSWERED, UNANSWERED])
        ).exists()
        waiting = (await connection.execute(
            select(messages.c.id, messages.c.body_enc, case_table.c.id.label("case_id"), case_table.c.conversation_id)
            .join(case_items, case_items.c.case_id == case_table.c.id)
            .join(messages, messages.c.id == case_items.c.message_id)
            .where(case_table.c.reason == "bot_failure", case_table.c.status == "assigned",
                   case_items.c.reason == "bot_failure", messages.c.kind == "text", ~tried, ~_has_answer(messages.c.id))
            .order_by(case_table.c.opened_at).limit(BATCH)
        )).all()
    answered = 0
    for row in waiting:
        try:
            answered += await _answer(runtime, row)
        except BotAway:
            break
        except ContentGone:
            continue
        except db.DatabaseAway:
            raise
        except Exception:
            log.exception("the question of case %s could not be answered late", row.case_id)
    return answered


async def _answer(runtime: Runtime, row: Any) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, row.conversation_id)
        data_key = await runtime.keyring.open(connection, conversation.data_key_id)
    text = str(unseal_json(data_key, row.id, row.body_enc).get("text", ""))
    wanted = await _wanted(runtime, conversation, row.id, text)
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, row.conversation_id)
        facts = await cases.load(connection, row.case_id)
        if facts.row.status != "assigned":
            return False  # an officer has begun: the bot is silent (P4)
        if (await connection.execute(select(_has_answer(row.id)))).scalar_one():
            return False  # a job that was thought dead was at it too
        prepared = await _prepared(runtime, connection, conversation, facts, row.id, wanted, text)
        await answers.store(runtime, connection, conversation, *prepared)
        await cases.record(runtime, connection, conversation, facts.id, ANSWERED if prepared else UNANSWERED,
                           Actor("bot"), message_id=row.id, topics=[one.topic for one in wanted])
    await sending.dispatch(runtime, row.conversation_id)
    return bool(prepared)


async def _wanted(runtime: Runtime, conversation: Row[Any], message_id: UUID, text: str) -> Sequence[Wanted]:
    """What there is to answer, read as a turn reads it; nothing when any part of it is for a person, or unclear. Raises
    `BotAway`."""
    plan = await followup.plan(runtime, conversation, text)
    if plan is not None:
        return () if plan.person is not None or plan.which is not None else plan.wanted
    try:
        reply = await runtime.bot.ask(conversation.id, message_id, text, {"case_open": True})
    except BotFailed:
        return ()
    topic = _topic(reply)
    if topic is None or topic not in runtime.catalogue.topics:
        return ()
    return followup.wanted(runtime, topic, text, reply.classification())


async def _prepared(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: cases.Facts,
    question_id: UUID, wanted: Sequence[Wanted], text: str,
) -> list[answers.Prepared]:
    """All of the answers, or none: half an answer would look like a whole one."""
    prepared: list[answers.Prepared] = []
    for number, one in enumerate(wanted):
        topic = runtime.catalogue.topics[one.topic]
        if needs_person(runtime, topic, text):
            return []
        try:
            prepared.append(await answers.prepare(
                runtime, connection, conversation, question_id, topic, one.aspect, one.classification,
                to_officers_case=True, few=len(wanted) > 1,
                introduction="" if number else runtime.texts.say("case.late_answer", **facts.said()),
            ))
        except answers.Suspended:
            return []
    return prepared


def _has_answer(question_id: ColumnElement[UUID] | UUID) -> Exists:
    return select(answer_table.c.id).where(answer_table.c.question_id == question_id).exists()


def _topic(reply: BotReply) -> str | None:
    if reply.abstained:
        return None
    return next((m.custom.topic for m in reply.replies if m.custom and m.custom.do == "answer"), None)

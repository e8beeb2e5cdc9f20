"""Sending what the outbox holds, after one more check (design §3, step 4).

An answer of the bot whose conversation has changed owner since it was stored, or whose topic was suspended since, is
withheld, and its question goes to an officer instead.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from uuid import UUID

from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.case import taking
from handoff.services.post import outbox as outgoing
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db, queue
from handoff.store.schema import conversations, messages, outbox

# One statement. FOR SHARE: the owner cannot change between this check and its commit. The bot's words go out while the
# bot owns the conversation under the same epoch, and while their topic is published under the same epoch. It waits for
# nobody (`held` tells), for it sees what was published when it began, not when its turn came.
_SEND = text("""
WITH conversation AS (
    SELECT owner_epoch, owner_officer_id, channel FROM conversations WHERE id = :conversation FOR SHARE SKIP LOCKED
), waiting AS (
    SELECT o.message_id, (
        (o.owner_epoch IS NULL OR (c.owner_epoch = o.owner_epoch AND c.owner_officer_id IS NULL))
        AND NOT EXISTS (
            SELECT FROM publications p
            WHERE p.topic = o.topic AND (p.suspended OR p.epoch <> coalesce(o.publication_epoch, 0))
        )
    ) AS may_go
    FROM outbox o, conversation c WHERE o.conversation_id = :conversation AND o.state = 'pending'
), posted AS (
    UPDATE outbox o SET state = CASE c.channel WHEN 'web' THEN 'sent' ELSE 'handed' END,
        settled_at = CASE c.channel WHEN 'web' THEN CAST(:at AS timestamptz) END
    FROM waiting w, conversation c
    WHERE w.may_go AND o.message_id = w.message_id AND o.state = 'pending' RETURNING o.message_id, o.state
), shown AS (
    UPDATE messages m SET delivery = CASE p.state WHEN 'sent' THEN 'sent' ELSE m.delivery END
    FROM posted p WHERE m.id = p.message_id RETURNING m.conversation_id, m.seq
), told AS (
    SELECT pg_notify(:channel, conversation_id || ' ' || max(seq))::text AS done FROM shown GROUP BY conversation_id
)
-- What is not read is not run: the count makes PostgreSQL notify.
SELECT w.message_id, t.done, (SELECT count(*) FROM posted WHERE state = 'handed') AS handed,
    EXISTS (SELECT FROM conversation) AS held
FROM (SELECT count(done) AS done FROM told) t LEFT JOIN waiting w ON NOT w.may_go
""")


_WAIT = select(conversations.c.id).where(conversations.c.id == bindparam("conversation")).with_for_update(read=True)


async def dispatch(runtime: Runtime, conversation_id: UUID) -> None:
    """Send what is pending in this conversation, in order; withhold what is no longer true.

    For the web, sent means readable: readers are notified in the same transaction. Another channel is handed the rows
    and posts them by a job of its own. Safe to run twice or by two at once: a row leaves `pending` only once.
    """
    given = {"conversation": conversation_id, "at": runtime.clock(), "channel": outgoing.CHANNEL}
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(_SEND, given)).all()
    if not rows[0].held:  # somebody is at the conversation
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(_WAIT, {"conversation": conversation_id})
            rows = (await connection.execute(_SEND, given)).all()
    if rows[0].handed:
        await post(runtime, conversation_id)
    for row in rows:
        if row.message_id is not None:
            await withhold(runtime, conversation_id, row.message_id)


async def post(runtime: Runtime, conversation_id: UUID) -> None:
    """Have the channel post what it was handed, now; one such job waiting is enough."""
    with contextlib.suppress(AlreadyEnqueued):
        async with db.transaction(runtime.pool) as connection:
            await queue.defer_post(runtime.jobs, connection, conversation_id)


async def withhold(runtime: Runtime, conversation_id: UUID, message_id: UUID) -> None:
    """Keep back an answer that came too late; its question goes to the officer, who sees what was withheld."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        taken = (await connection.execute(
            update(outbox).where(outbox.c.message_id == message_id, outbox.c.state.in_(("pending", "handed")))
            .values(state="withheld", settled_at=runtime.clock()).returning(outbox.c.id)
        )).scalar_one_or_none()
        if taken is None:
            return
        question_id = (await connection.execute(
            update(messages).where(messages.c.id == message_id).values(delivery="withheld")
            .returning(messages.c.in_reply_to)
        )).scalar_one()
        if question_id is None or await _with_a_person(connection, question_id):
            pass  # of two answers to one message both were withheld
        elif conversation.owner_officer_id is not None:
            await taking.message_arrived(runtime, connection, conversation, question_id)
        else:
            await taking.take_in(runtime, connection, conversation, question_id, reason="suspended_answer")
    await dispatch(runtime, conversation_id)


async def _with_a_person(connection: AsyncConnection, question_id: UUID) -> bool:
    fate = (await connection.execute(select(messages.c.fate).where(messages.c.id == question_id))).scalar_one()
    return fate in ("case", "new_case")


async def dispatch_overdue(runtime: Runtime, waited: timedelta, limit: int = 500) -> int:
    """Send what a crash left pending for longer than `waited`, the oldest first. Returns how many conversations had
    something."""
    async with db.transaction(runtime.pool) as connection:
        waiting = (await connection.execute(
            select(outbox.c.conversation_id)
            .where(outbox.c.state == "pending", outbox.c.stored_at <= func.now() - waited)
            .group_by(outbox.c.conversation_id).order_by(func.min(outbox.c.stored_at)).limit(limit)
        )).scalars().all()
    await each(waiting, lambda one: _dispatched(runtime, one), "what waits in conversation %s could not be sent")
    return len(waiting)


async def _dispatched(runtime: Runtime, conversation_id: UUID) -> int:
    await dispatch(runtime, conversation_id)
    return 1

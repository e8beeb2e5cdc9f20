"""The blue ticks, and "is typing": what tells a citizen that somebody has it in hand (docs/adr/0031).

A message is marked as read when it was answered by the bot, or when an officer has acted on its case since; never while
only a queue has it. Marking one marks everything before it, so one that is not handled holds back the later ones. All
of it is best effort: each message is marked once, whether or not that arrives, and never before messages that wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import pacing
from handoff.channels.whatsapp.claiming import address_of
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal_json
from handoff.store.schema import conversations as conversations_table
from handoff.store.schema_whatsapp import whatsapp_reads

log = logging.getLogger(__name__)

SLOW_SECONDS = 1.5         # a bot that answers sooner has no need to say that it will
TYPING = (1.0, 20.0)       # Meta shows it for 25 s; what comes at once or much later is not announced
ACTS = ("taken_over", "replied", "asked", "proposed", "referred", "dismissal_proposed")  # of who has read it

_HANDLED = text("""
WITH unread AS (
    SELECT m.id, m.seq, m.body_enc, coalesce(
        m.fate IN ('answer', 'command') OR (:thinking AND m.fate IS NULL AND m.kind = 'text')
        OR EXISTS (SELECT FROM messages r WHERE r.conversation_id = m.conversation_id AND r.author = 'officer'
            AND r.kind <> 'note' AND r.seq > m.seq)
        OR EXISTS (SELECT FROM case_events e WHERE e.case_id = m.fate_case_id AND e.actor_kind = 'officer'
            AND e.type = ANY(:acts) AND e.at >= m.created_at), false) AS handled
    FROM messages m WHERE m.conversation_id = :conversation AND m.author = 'citizen'
        AND m.seq > coalesce((SELECT w.seq FROM whatsapp_reads w WHERE w.conversation_id = :conversation), 0)
)
SELECT id, seq, body_enc FROM unread WHERE handled
    AND seq < coalesce((SELECT min(seq) FROM unread WHERE NOT handled), 2147483647) ORDER BY seq DESC LIMIT 1
""")


async def attend(runtime: Runtime, graph: Graph, conversation_id: UUID, rest: float | None) -> None:
    """Mark what has been handled as read; `rest`: in how many seconds the next message of ours goes out."""
    typing = rest is not None and TYPING[0] <= rest <= TYPING[1]
    with contextlib.suppress(db.DatabaseAway):
        await _mark(runtime, graph, conversation_id, typing=typing, thinking=False)


@contextlib.asynccontextmanager
async def while_the_bot_thinks(runtime: Runtime, graph: Graph | None, conversation_id: UUID) -> AsyncIterator[None]:
    """The bot's turn: a bot that has the message and takes its time shows that it writes. It costs a quick turn
    nothing, and never holds one up."""
    noticing = asyncio.create_task(_notice(runtime, graph, conversation_id)) if graph is not None else None
    try:
        yield
    finally:
        if noticing is not None:
            noticing.cancel()


async def _notice(runtime: Runtime, graph: Graph, conversation_id: UUID) -> None:
    await asyncio.sleep(SLOW_SECONDS)
    with contextlib.suppress(db.DatabaseAway):
        async with db.statement(runtime.pool) as connection:
            conversation = (await connection.execute(
                select(conversations_table.c.channel, conversations_table.c.owner_officer_id)
                .where(conversations_table.c.id == conversation_id)
            )).one()
        with_bot = conversation.channel == "whatsapp" and conversation.owner_officer_id is None
        if with_bot and await runtime.bot.ready():  # a bot that is away reads nothing
            await _mark(runtime, graph, conversation_id, typing=True, thinking=True)


async def _mark(runtime: Runtime, graph: Graph, conversation_id: UUID, *, typing: bool, thinking: bool) -> None:
    async with db.transaction(runtime.pool) as connection:
        message = (await connection.execute(
            _HANDLED, {"conversation": conversation_id, "thinking": thinking, "acts": list(ACTS)}
        )).one_or_none()
        address = await address_of(connection, conversation_id) if message is not None else None
    if message is None or address is None or not await pacing.is_free(runtime, address.number_id):
        return
    async with db.transaction(runtime.pool) as connection:
        wamid = await _claim(runtime, connection, conversation_id, message)
    if wamid is None:
        return
    try:
        await graph.mark_read(address.number_id, wamid, typing=typing)
    except (Refused, NotReached, Unknown) as error:  # no harm: the next one marks it too
        log.info("a message of conversation %s was not marked as read: %s", conversation_id, error)


async def _claim(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, message: Row[UUID]
) -> str | None:
    """The message's id at Meta, for who is first to mark it."""
    claim = postgresql.insert(whatsapp_reads).values(
        conversation_id=conversation_id, seq=message.seq, marked_at=runtime.clock())
    mine = (await connection.execute(claim.on_conflict_do_update(
        index_elements=["conversation_id"], set_={"seq": message.seq, "marked_at": claim.excluded.marked_at},
        where=whatsapp_reads.c.seq < message.seq,
    ).returning(whatsapp_reads.c.seq))).first()
    if mine is None:
        return None
    try:
        key = await conversations.data_key_in(runtime, connection, conversation_id)
    except ContentGone:
        return None
    wamid: str | None = unseal_json(key, message.id, message.body_enc).get("wamid")
    return wamid

"""What provably came to a citizen's hands (docs/adr/0022).

On the web a message counts as delivered when it was part of the answer to a request that the citizen's own browser
made, with the conversation's token or the case's key. What was only pushed down an open stream does not count until
the browser asks again: bytes that left this machine may have reached nobody. On WhatsApp it is what Meta reports; what
waits there, or was refused, and was read on the case's page has come to hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.delivering import furthest
from handoff.services.post.outbox import notify
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, messages, outbox
from handoff.store.schema_clocks import clocks

_OURS = frozenset({"officer", "system"})
_ON_THE_WAY = ("sent", "waiting_window", "failed")  # what the channel refused was read all the same


async def fetched(runtime: Runtime, conversation_id: UUID, shown: Iterable[Mapping[str, Any]]) -> None:
    """The citizen's browser has fetched these messages (as `conversations.read` gives them)."""
    new = [one["seq"] for one in shown if one["author"] in _OURS and one["delivery"] in _ON_THE_WAY]
    if not new:
        return
    at = runtime.clock()
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(messages).where(
                messages.c.conversation_id == conversation_id, messages.c.seq.in_(new),
                messages.c.delivery.in_(_ON_THE_WAY), messages.c.delivered_at.is_(None),
            ).values(
                delivery=case((messages.c.delivery == "sent", "delivered"), else_=messages.c.delivery), delivered_at=at
            )
        )
        await _look_again(connection, conversation_id, at)


async def reported(runtime: Runtime, connection: AsyncConnection, outbox_id: UUID, report: str) -> None:
    """A channel reports how far the message of an outbox row has come; part of the caller's transaction."""
    row = (await connection.execute(
        select(messages.c.id, messages.c.conversation_id, messages.c.seq, messages.c.delivery)
        .join(outbox, outbox.c.message_id == messages.c.id).where(outbox.c.id == outbox_id)
        .with_for_update(of=messages)
    )).one_or_none()
    if row is None or (stands := furthest(row.delivery, report)) == row.delivery:
        return
    at, arrived = runtime.clock(), stands in ("delivered", "read")
    await connection.execute(
        update(messages).where(messages.c.id == row.id)
        .values(delivery=stands, **({"delivered_at": func.coalesce(messages.c.delivered_at, at)} if arrived else {}))
    )
    await notify(connection, row.conversation_id, row.seq)
    if arrived:
        await _look_again(connection, row.conversation_id, at)


async def _look_again(connection: AsyncConnection, conversation_id: UUID, at: datetime) -> None:
    """What could not be delivered is looked at again now that it was."""
    await connection.execute(
        update(clocks).where(
            clocks.c.kind == "closing", clocks.c.next_due_at > at,
            clocks.c.case_id.in_(select(cases.c.id).where(
                cases.c.conversation_id == conversation_id, cases.c.undelivered_since.isnot(None)
            )),
        ).values(next_due_at=at)
    )

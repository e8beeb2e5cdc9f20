"""Which of our posts an id of Meta's means: told by the answer to the post, or by any status that brought our ticket.

A status may come without the ticket, and before the answer was recorded. Who records an id and who brings a status of
it hold the same lock (`hold`), so that one of them sees what the other one has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.talk import ownership
from handoff.store.schema_whatsapp import whatsapp_invitations, whatsapp_sends, whatsapp_statuses

# The post that has the id; else the one whose ticket came with it: it was posted again since, under another id.
_TICKET = text("""
SELECT id FROM (
    SELECT id, 1 AS place FROM whatsapp_sends WHERE wamid_hash = :wamid AND carrier_id IS NULL
    UNION ALL SELECT id, 1 FROM whatsapp_invitations WHERE wamid_hash = :wamid
    UNION ALL SELECT ticket, 2 FROM whatsapp_statuses s WHERE wamid_hash = :wamid AND (
        EXISTS (SELECT FROM whatsapp_sends WHERE id = s.ticket)
        OR EXISTS (SELECT FROM whatsapp_invitations WHERE id = s.ticket))
) found ORDER BY place LIMIT 1
""")


async def hold(connection: AsyncConnection, wamid_hash: bytes) -> None:
    """One at a time for each id, until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(wamid_hash[:8], signed=True))))


async def learn(connection: AsyncConnection, ticket: UUID, wamid_hash: bytes, *, anew: bool = False) -> bool:
    """The post with this ticket has this id. Whether that was news; `anew`: also when it had another one, for it was
    posted again and the newest copy counts. A template's conversation is locked, as everywhere, before its row."""
    template = (await connection.execute(
        select(whatsapp_invitations.c.conversation_id).where(whatsapp_invitations.c.id == ticket)
    )).scalar_one_or_none()
    if template is not None:
        await ownership.lock(connection, template)
    table = whatsapp_sends if template is None else whatsapp_invitations
    mine = table.c.id == ticket
    if template is None:
        mine = or_(mine, whatsapp_sends.c.carrier_id == ticket)
    unknown = table.c.wamid_hash.is_distinct_from(wamid_hash) if anew else table.c.wamid_hash.is_(None)
    told = await connection.execute(
        update(table).where(mine, unknown).values(wamid_hash=wamid_hash).returning(table.c.id)
    )
    return told.first() is not None


async def ticket_of(connection: AsyncConnection, wamid_hash: bytes) -> UUID | None:
    """The ticket of the post with this id; None: it is no post of ours, or nobody has told us yet."""
    found: UUID | None = (await connection.execute(_TICKET, {"wamid": wamid_hash})).scalar_one_or_none()
    return found


async def came_before(connection: AsyncConnection, wamid_hash: bytes) -> Sequence[Any]:
    """The statuses of an id that are there already, in order of arrival: `status`, `code`, `ticket`."""
    return (await connection.execute(
        select(whatsapp_statuses.c.status, whatsapp_statuses.c.code, whatsapp_statuses.c.ticket)
        .where(whatsapp_statuses.c.wamid_hash == wamid_hash)
        .order_by(whatsapp_statuses.c.received_at, whatsapp_statuses.c.id)
    )).all()


async def is_told(connection: AsyncConnection, wamid_hash: bytes, status: str, ticket: UUID) -> bool:
    """Whether this status came before with this very ticket, and so has counted."""
    return any((one.status, one.ticket) == (status, ticket) for one in await came_before(connection, wamid_hash))

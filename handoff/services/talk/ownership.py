"""Who speaks in a conversation (P4): one field, one epoch, one function that changes them.

Every writer locks the conversation's row first (`lock`), so owner, case and messages change together or not at all.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.errors import NotFound
from handoff.store.schema import conversations, messages

# Built once: building a statement costs more than running it (benchmarks/turns.py).
_LOCK = select(conversations).where(conversations.c.id == bindparam("conversation")).with_for_update()
# Both rows are locked: whoever had to wait for the conversation then sees the fate that the other one has set.
_LOCK_FOR = (
    select(conversations, messages.c.fate).join(messages, messages.c.conversation_id == conversations.c.id)
    .where(conversations.c.id == bindparam("conversation"), messages.c.id == bindparam("message")).with_for_update()
)


async def lock(connection: AsyncConnection, conversation_id: UUID) -> Row[Any]:
    """The conversation's row, locked until the transaction ends. Raises `NotFound`."""
    row = (await connection.execute(_LOCK, {"conversation": conversation_id})).one_or_none()
    if row is None:
        raise NotFound()
    return row


async def lock_for(connection: AsyncConnection, conversation_id: UUID, message_id: UUID) -> Row[Any]:
    """The same for the turn of one of its messages, with the message's `fate` as it is under the lock."""
    row = (await connection.execute(
        _LOCK_FOR, {"conversation": conversation_id, "message": message_id}
    )).one_or_none()
    if row is None:
        raise NotFound()
    return row


async def give(
    connection: AsyncConnection, conversation: Row[Any], *, officer_id: UUID | None, open_case_id: UUID | None,
    last_case_id: UUID | None = None,
) -> Row[Any]:
    """Make the officer (or, with None, the bot) the owner; the epoch rises, so whatever was prepared under the old
    owner is recognised as late. Returns the new row; the caller holds the lock."""
    owned: Row[Any] = (await connection.execute(
        update(conversations).where(conversations.c.id == conversation.id).values(
            owner_officer_id=officer_id, open_case_id=open_case_id, last_case_id=last_case_id,
            owner_epoch=conversations.c.owner_epoch + 1,
        ).returning(conversations)
    )).one()
    return owned

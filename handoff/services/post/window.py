"""WhatsApp's window: what is not a template may be sent for 24 hours after the citizen's newest message. Whoever asks
whether it is open asks here, with the clock of the office. What the same citizen writes on the case's page opens
nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

WINDOW = timedelta(hours=24)

_HEARD = text("SELECT heard_at FROM conversations WHERE id = :conversation")


def is_open(heard_at: datetime | None, now: datetime) -> bool:
    """Whether anything may be sent to who was heard then."""
    return heard_at is not None and now < heard_at + WINDOW


async def heard_at(connection: AsyncConnection, conversation_id: UUID) -> datetime | None:
    """When the citizen was heard last, if ever."""
    found: datetime | None = (await connection.execute(_HEARD, {"conversation": conversation_id})).scalar_one()
    return found

"""What citizens agreed to: which text they were shown, what they said to it, and when. Nothing of it is rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.errors import NotFound
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import citizens, consents, conversations


@dataclass(frozen=True)
class Consent:
    """A citizen's yes or no to the text of a version."""

    version: str
    given: bool
    at: datetime


async def record(connection: AsyncConnection, citizen_id: UUID, version: str, given: bool, at: datetime) -> Consent:
    """Write down what the citizen said; part of the caller's transaction."""
    await connection.execute(insert(consents).values(
        id=uuid4(), citizen_id=citizen_id, version=version, given=given, at=at
    ))
    await connection.execute(
        update(citizens).where(citizens.c.id == citizen_id).values(consented_at=at if given else None)
    )
    return Consent(version, given, at)


async def say(runtime: Runtime, conversation_id: UUID, version: str, given: bool) -> Consent:
    """The citizen of a conversation agrees, or takes it back. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        citizen_id = (await connection.execute(
            select(conversations.c.citizen_id).where(conversations.c.id == conversation_id)
        )).scalar_one_or_none()
        if citizen_id is None:
            raise NotFound()
        return await record(connection, citizen_id, version, given, runtime.clock())

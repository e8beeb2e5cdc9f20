"""What citizens agreed to: which text they were shown, what they said to it, and when. Nothing of it is rewritten.

Who takes consent back is asked again before anything new of theirs is stored (UU 27/2022, art. 9): their words, files
and places are refused (`talk.inbox`), buttons still work, and a case that is open goes on, as the office's duty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.case import cases
from handoff.services.post.outbox import notify
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import citizens, consents, conversations

NEEDING = frozenset({"text", "file", "location", "contact"})  # kinds of message that hold what a citizen wrote or is


@dataclass(frozen=True)
class Consent:
    """A citizen's yes or no to the text of a version."""

    version: str
    given: bool
    at: datetime


def withdrawn() -> ColumnElement[bool]:
    """Whether the citizen of a row of `conversations` has said no, or no longer; who was never asked has not."""
    asked = select(consents.c.id).where(consents.c.citizen_id == citizens.c.id).exists()
    return (
        select(and_(citizens.c.consented_at.is_(None), asked)).where(citizens.c.id == conversations.c.citizen_id)
        .correlate(conversations).scalar_subquery()
    )


async def withdrawn_at(runtime: Runtime, conversation_id: UUID) -> datetime | None:
    """When the citizen of a conversation took consent back; None as long as they have not."""
    query = (
        select(func.max(consents.c.at)).join(citizens, citizens.c.id == consents.c.citizen_id)
        .join(conversations, conversations.c.citizen_id == citizens.c.id)
        .where(conversations.c.id == conversation_id, citizens.c.consented_at.is_(None))
    )
    async with db.statement(runtime.pool) as connection:
        at: datetime | None = (await connection.execute(query)).scalar_one()
    return at


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
    """The citizen of a conversation agrees, or takes it back; the officer of an open case reads of a change in its
    record. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        return await say_in(runtime, connection, conversation, version, given)


async def say_in(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], version: str | None, given: bool
) -> Consent:
    """`say` as part of the caller's transaction, which holds the conversation's lock. Without a version: of the text
    that was spoken of last."""
    last = select(consents.c.version).where(consents.c.citizen_id == conversation.citizen_id)
    known = (await connection.execute(last.order_by(consents.c.at.desc()).limit(1))).scalar_one_or_none()
    was_withdrawn = (await connection.execute(
        select(withdrawn()).select_from(conversations).where(conversations.c.id == conversation.id)
    )).scalar_one()
    said = await record(connection, conversation.citizen_id, version or known or "-", given, runtime.clock())
    if conversation.open_case_id is not None and was_withdrawn is given:
        event = "consent_given" if given else "consent_withdrawn"
        await cases.record(runtime, connection, conversation, conversation.open_case_id, event, cases.CITIZEN)
        await notify(connection, conversation.id, conversation.next_seq - 1)
    return said

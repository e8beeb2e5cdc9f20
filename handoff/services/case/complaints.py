"""A complaint never goes to the officer whom it may be about, nor to their direct superior. Better one person too many:
whoever is named, and whoever spoke with the citizen in this conversation, is kept from it; the record says whom and
why. Part of a transaction that holds the conversation's lock."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.assignment import Place, kept_from
from handoff.domain.case import Reason, Role
from handoff.domain.naming import Person, named
from handoff.services.runtime import Runtime
from handoff.store.crypto import unseal_json
from handoff.store.schema import messages, officers
from handoff.store.schema_moves import confidential_reports


async def whom_not(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, reason: str
) -> dict[UUID, str]:
    """Who does not get this message's case, and why; nobody unless it is a complaint."""
    if reason != Reason.complaint:
        return {}
    row = (await connection.execute(
        select(messages.c.id, messages.c.body_enc).where(messages.c.id == message_id)
    )).one()
    body = unseal_json(await runtime.keyring.open(connection, conversation.data_key_id), row.id, row.body_enc)
    return await kept_away(connection, conversation, str(body.get("text") or ""))


async def kept_away(
    connection: AsyncConnection, conversation: Row[Any], text: str, *about: UUID
) -> dict[UUID, str]:
    """Who does not get a complaint with this text from this conversation, and why; whom it is `about` is known."""
    people = (await connection.execute(select(officers).where(officers.c.active))).all()
    spoke = (await connection.execute(
        select(messages.c.officer_id).distinct().where(
            messages.c.conversation_id == conversation.id, messages.c.author == "officer", messages.c.kind != "note",
        )
    )).scalars().all()
    called = named(text, [Person(one.id, one.name, one.title) for one in people])
    kept = kept_from({str(one) for one in called}, {str(one) for one in (*spoke, *about)},
                     [Place(str(one.id), str(one.unit_id), Role(one.role)) for one in people])
    return {UUID(one): why for one, why in kept.items()}


async def names(connection: AsyncConnection, text: str, officer_id: UUID) -> bool:
    """Whether the text names this officer."""
    one = (await connection.execute(select(officers).where(officers.c.id == officer_id))).one()
    return bool(named(text, [Person(one.id, one.name, one.title)]))


async def barred_from(connection: AsyncConnection, case: Row[Any]) -> frozenset[UUID]:
    """Everybody who is kept from the case (its row): nobody of them is brought in later either."""
    report = (await connection.execute(
        select(confidential_reports.c.kept_from).where(confidential_reports.c.case_id == case.id)
    )).scalar_one_or_none()
    return frozenset((*case.kept_from, *(report or ())))

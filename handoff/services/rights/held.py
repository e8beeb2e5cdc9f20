"""What is kept about a citizen, counted: for the chat and before erasing. No word of theirs is read for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store.schema import attachments, cases, contacts, conversations, messages, officers
from handoff.store.schema_record import access_log
from handoff.store.schema_rights import data_events
from handoff.store.schema_whatsapp import whatsapp_addresses


@dataclass(frozen=True)
class Look:
    """An officer who looked: how often, and when last."""

    name: str
    title: str
    times: int
    last: datetime


@dataclass(frozen=True)
class Held:
    """How much is kept: messages of both sides since when, files, addresses by kind, numbers of WhatsApp, every case
    (rows with number, status, officer), and who looked, the latest first."""

    messages: int
    since: datetime | None
    files: int
    addresses: dict[str, int]
    numbers: int
    cases: Sequence[Row[Any]]
    looks: Sequence[Look]

    @property
    def open_cases(self) -> list[Row[Any]]:
        """Cases that somebody works on."""
        return [case for case in self.cases if case.status != "closed"]


async def lock(connection: AsyncConnection, citizen_id: UUID) -> dict[UUID, Row[Any]]:
    """Every conversation of the citizen, locked in the order that everybody locks in."""
    theirs = (await connection.execute(
        select(conversations.c.id).where(conversations.c.citizen_id == citizen_id)
    )).scalars().all()
    return {one: await ownership.lock(connection, one) for one in sorted(theirs)}


async def citizen_of(connection: AsyncConnection, conversation_id: UUID) -> UUID:
    """Whose conversation it is."""
    found: UUID = (await connection.execute(
        select(conversations.c.citizen_id).where(conversations.c.id == conversation_id)
    )).scalar_one()
    return found


async def count(connection: AsyncConnection, citizen_id: UUID) -> Held:
    """What is kept about the citizen now."""
    own = select(conversations.c.id).where(conversations.c.citizen_id == citizen_id)
    said = (await connection.execute(
        select(func.count().label("many"), func.min(messages.c.created_at).label("since"))
        .where(messages.c.conversation_id.in_(own), messages.c.kind != "note")
    )).one()
    files = (await connection.execute(
        select(func.count()).select_from(attachments).where(attachments.c.conversation_id.in_(own))
    )).scalar_one()
    addresses = (await connection.execute(
        select(contacts.c.kind, func.count().label("many")).where(contacts.c.citizen_id == citizen_id)
        .group_by(contacts.c.kind)
    )).all()
    numbers = (await connection.execute(
        select(func.count(whatsapp_addresses.c.wa_hash.distinct())).where(whatsapp_addresses.c.conversation_id.in_(own))
    )).scalar_one()
    by_kind = {"email": 0, "whatsapp": 0} | {row.kind: row.many for row in addresses}
    return Held(int(said.many), said.since, int(files), by_kind, int(numbers),
                await cases_of(connection, citizen_id), await _looks(connection, citizen_id))


async def cases_of(connection: AsyncConnection, citizen_id: UUID) -> Sequence[Row[Any]]:
    """Every case of the citizen, the oldest first, with its officer's name and title."""
    return (await connection.execute(
        select(cases, officers.c.name.label("officer_name"), officers.c.title.label("officer_title"))
        .join(conversations, conversations.c.id == cases.c.conversation_id)
        .join(officers, officers.c.id == cases.c.officer_id)
        .where(conversations.c.citizen_id == citizen_id).order_by(cases.c.opened_at, cases.c.number)
    )).all()


async def _looks(connection: AsyncConnection, citizen_id: UUID) -> list[Look]:
    last = func.max(access_log.c.at)
    rows = (await connection.execute(
        select(officers.c.name, officers.c.title, func.count().label("times"), last.label("last"))
        .join(access_log, access_log.c.officer_id == officers.c.id)
        .join(conversations, conversations.c.id == access_log.c.conversation_id)
        .where(conversations.c.citizen_id == citizen_id)
        .group_by(officers.c.id, officers.c.name, officers.c.title).order_by(last.desc(), officers.c.name)
    )).all()
    return [Look(row.name, row.title, row.times, row.last) for row in rows]


async def note(
    runtime: Runtime, connection: AsyncConnection, citizen_id: UUID, kind: str, *, officer_id: UUID | None = None,
    detail: str | None = None,
) -> None:
    """Write down that a right was used (art. 31): by the citizen, or for them by an officer. `detail` is a word of
    ours, never the citizen's."""
    await connection.execute(insert(data_events).values(
        id=uuid4(), citizen_id=citizen_id, kind=kind, actor_kind="officer" if officer_id else "citizen",
        actor_id=str(officer_id) if officer_id else None, detail=detail, at=runtime.clock(),
    ))

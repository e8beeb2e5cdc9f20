"""What was sent under the numbers that a case has taken in: whoever may open the case may open their files too, officer
and citizen alike. A confidential report is never merged, so none is among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.errors import NotFound
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import local_time
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal
from handoff.store.schema import attachments, cases, conversations, messages, units

MOST = 100


@dataclass(frozen=True)
class OldFile:
    """A file that was sent under the number of a case which was merged."""

    number: str
    id: UUID
    conversation_id: UUID
    name: str
    mime: str
    size: int
    at: datetime
    zone: str

    def as_json(self) -> dict[str, Any]:
        """As the APIs tell of a file, without its address."""
        return {"number": self.number, "id": str(self.id), "name": self.name, "mime": self.mime, "size": self.size,
                "created_at": local_time(self.at, self.zone)}


def _taken_in(case_id: UUID) -> Any:
    """The cases that were merged into this one, and into those."""
    first = select(cases.c.id, cases.c.number, cases.c.conversation_id, cases.c.unit_id).where(
        cases.c.merged_into == case_id
    ).cte("taken_in", recursive=True)
    further = cases.alias("further")
    return first.union(
        select(further.c.id, further.c.number, further.c.conversation_id, further.c.unit_id)
        .join(first, further.c.merged_into == first.c.id)
    )


async def files(runtime: Runtime, case_id: UUID) -> list[OldFile]:
    """`files_in`, in a transaction of its own."""
    async with db.statement(runtime.pool) as connection:
        return await files_in(runtime, connection, case_id)


async def files_in(runtime: Runtime, connection: AsyncConnection, case_id: UUID) -> list[OldFile]:
    """At most `MOST` files of the cases that this one has taken in, the oldest first."""
    old = _taken_in(case_id)
    rows = (await connection.execute(
        select(attachments, old.c.number, conversations.c.data_key_id, units.c.zone)
        .join(messages, messages.c.id == attachments.c.message_id)
        .join(old, old.c.conversation_id == attachments.c.conversation_id)
        .join(conversations, conversations.c.id == attachments.c.conversation_id)
        .join(units, units.c.id == old.c.unit_id)
        .where(~messages.c.private).order_by(attachments.c.created_at, attachments.c.id).limit(MOST)
    )).all()
    found = {row.id: await _told(runtime, connection, row) for row in rows}
    return [file for file in found.values() if file is not None]


async def _told(runtime: Runtime, connection: AsyncConnection, row: Row[Any]) -> OldFile | None:
    try:
        key = await runtime.keyring.open(connection, row.data_key_id)
    except ContentGone:
        return None  # erased at the citizen's wish
    name = unseal(key, row.id, row.name_enc).decode()
    return OldFile(row.number, row.id, row.conversation_id, name, row.mime, row.size, row.created_at, row.zone)


async def conversation_of(runtime: Runtime, case_id: UUID, file_id: UUID) -> UUID:
    """`conversation_with`, in a transaction of its own. Raises `NotFound`."""
    async with db.statement(runtime.pool) as connection:
        return await conversation_with(connection, case_id, file_id)


async def conversation_with(connection: AsyncConnection, case_id: UUID, file_id: UUID) -> UUID:
    """The conversation of the case, or of one that it has taken in, in which the file was sent. Raises `NotFound`."""
    old = _taken_in(case_id)
    own = select(cases.c.conversation_id).where(cases.c.id == case_id)
    found: UUID | None = (await connection.execute(
        select(attachments.c.conversation_id).join(messages, messages.c.id == attachments.c.message_id).where(
            attachments.c.id == file_id,
            attachments.c.conversation_id.in_(own.union(select(old.c.conversation_id))),
            (attachments.c.conversation_id == own.scalar_subquery()) | ~messages.c.private,
        )
    )).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found

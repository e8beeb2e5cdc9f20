"""The one-time link to a copy of one's own data: shown in the chat, used up by a button, exchanged for a cookie that
opens the copy for a short while."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.errors import Forbidden, NotFound
from handoff.services.rights import held
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema_rights import data_links, erasures

VALID = timedelta(minutes=30)   # from the chat to the button
OPEN_FOR = timedelta(minutes=30)  # from the button on
MOST_AN_HOUR = 5


@dataclass(frozen=True)
class Receipt:
    """What became of a wish to be erased; times and counts only."""

    state: str
    asked_at: object
    due_at: object
    destroyed_at: object
    counts: dict[str, int] | None


def digest(token: str) -> bytes:
    """What is stored of a secret that was drawn at random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def make(runtime: Runtime, connection: AsyncConnection, citizen_id: UUID) -> str | None:
    """The address of a new link; None when the citizen has had many in the last hour."""
    at = runtime.clock()
    recent = (await connection.execute(
        select(func.count()).select_from(data_links).where(
            data_links.c.citizen_id == citizen_id, data_links.c.made_at > at - timedelta(hours=1))
    )).scalar_one()
    if recent >= MOST_AN_HOUR:
        return None
    token = secrets.token_urlsafe(24)
    await connection.execute(insert(data_links).values(
        id=uuid4(), citizen_id=citizen_id, token_hash=digest(token), made_at=at, expires_at=at + VALID,
    ))
    await held.note(runtime, connection, citizen_id, "copy_asked")
    return f"{runtime.settings.base_url}/data/{token}"


async def is_good(runtime: Runtime, token: str) -> bool:
    """Whether the link can still be used; looking does not use it up."""
    async with db.statement(runtime.pool) as connection:
        return (await connection.execute(
            select(data_links.c.id).where(data_links.c.token_hash == digest(token), data_links.c.used_at.is_(None),
                                          data_links.c.expires_at > runtime.clock())
        )).first() is not None


async def exchange(runtime: Runtime, token: str) -> str:
    """The secret for the browser's cookie, once. Raises `NotFound` for a link that is unknown, used or too old."""
    session, at = secrets.token_urlsafe(24), runtime.clock()
    async with db.transaction(runtime.pool) as connection:
        citizen_id = (await connection.execute(
            update(data_links).where(data_links.c.token_hash == digest(token), data_links.c.used_at.is_(None),
                                     data_links.c.expires_at > at)
            .values(used_at=at, session_hash=digest(session), expires_at=at + OPEN_FOR)
            .returning(data_links.c.citizen_id)
        )).scalar_one_or_none()
        if citizen_id is None:
            raise NotFound()
        await held.note(runtime, connection, citizen_id, "copy_opened")
    return session


async def whose(runtime: Runtime, session: str) -> UUID:
    """The citizen whose copy the cookie opens. Raises `Forbidden`: unknown or over."""
    async with db.statement(runtime.pool) as connection:
        citizen_id: UUID | None = (await connection.execute(
            select(data_links.c.citizen_id).where(data_links.c.session_hash == digest(session),
                                                  data_links.c.expires_at > runtime.clock())
        )).scalar_one_or_none()
    if citizen_id is None:
        raise Forbidden()
    return citizen_id


async def close(runtime: Runtime, session: str) -> None:
    """The cookie opens nothing any more."""
    async with db.statement(runtime.pool) as connection:
        await connection.execute(
            update(data_links).where(data_links.c.session_hash == digest(session)).values(expires_at=runtime.clock())
        )


async def receipt(runtime: Runtime, token: str) -> Receipt:
    """What became of the wish whose receipt this is. Raises `NotFound`."""
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(
            select(erasures).where(erasures.c.receipt_hash == digest(token))
        )).one_or_none()
    if row is None:
        raise NotFound()
    return Receipt(row.state, row.asked_at, row.due_at, row.destroyed_at, row.counts)

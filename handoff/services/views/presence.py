"""Who else is looking at a case, or typing in it. Worth seconds, and measured by the machine's time: a demonstration's
clock may stand still. Colleagues' streams are told when that changes; a page that only stays tells nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Row, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.post.outbox import CHANNEL
from handoff.services.post.outbox import HERE as HAPPENED
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, officers
from handoff.store.schema_desk import presences

HERE = timedelta(seconds=60)  # three pings may be late
TYPING = timedelta(seconds=15)
_NOW = func.clock_timestamp(type_=DateTime(timezone=True))
_TYPING = func.coalesce(presences.c.typed_at > _NOW - TYPING, False)


@dataclass(frozen=True)
class Present:
    """A colleague at the same case."""

    name: str
    title: str
    typing: bool


async def ping(runtime: Runtime, officer: Row[Any], case_id: UUID, typing: bool = False) -> list[Present]:
    """The officer looks at the case, and is typing or not. Returns who else is there."""
    columns = {"seen_at": _NOW, "typed_at": _NOW if typing else None}
    mine = and_(presences.c.case_id == case_id, presences.c.officer_id == officer.id, presences.c.seen_at > _NOW - HERE)
    async with db.transaction(runtime.pool) as connection:
        was_typing = (await connection.execute(select(_TYPING).where(mine))).scalar_one_or_none()
        await connection.execute(delete(presences).where(
            presences.c.case_id == case_id, presences.c.officer_id != officer.id, presences.c.seen_at < _NOW - HERE
        ))
        await connection.execute(
            upsert(presences).values(officer_id=officer.id, case_id=case_id, **columns)
            .on_conflict_do_update(index_elements=["officer_id", "case_id"], set_=columns)
        )
        if was_typing is not typing:  # or was not here at all
            await _tell(connection, case_id)
    return await others(runtime, officer, case_id)


async def leave(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The officer has closed the page."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            delete(presences).where(presences.c.officer_id == officer.id, presences.c.case_id == case_id)
        )
        await _tell(connection, case_id)


async def others(runtime: Runtime, officer: Row[Any], case_id: UUID) -> list[Present]:
    """The colleagues who are there now, those who type first."""
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(officers.c.name, officers.c.title, _TYPING.label("typing"))
            .join(presences, presences.c.officer_id == officers.c.id)
            .where(presences.c.case_id == case_id, presences.c.officer_id != officer.id,
                   presences.c.seen_at > _NOW - HERE)
            .order_by(_TYPING.desc(), officers.c.name)
        )).all()
    return [Present(row.name, row.title, row.typing) for row in rows]


async def _tell(connection: AsyncConnection, case_id: UUID) -> None:
    payload = func.concat(cases.c.conversation_id, f" {HAPPENED}")
    await connection.execute(select(func.pg_notify(CHANNEL, payload)).where(cases.c.id == case_id))

"""Stopping an answer everywhere, at once, and publishing it again (P8).

Every change raises the topic's epoch: an answer that was prepared under an older one is withheld by the outbox.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.dialects import postgresql

from handoff.domain.access import Permission, allows
from handoff.domain.case import Role
from handoff.domain.text import clean
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema_desk import publication_events, publications

REASON_CHARACTERS = 1000


async def suspend(
    runtime: Runtime, officer: Row[Any], topic: str, reason: str, *, case_id: UUID | None = None
) -> int:
    """Nobody gets the topic's answer any more, until somebody republishes it. `case_id`: the case whose dispute showed
    that it is wrong. Returns the new epoch.

    Suspending it once more adds a reason and does no harm. Raises `Forbidden`, `NotFound` for an unknown topic,
    `Unprocessable("empty_message")` without a reason.
    """
    why = clean(reason).strip()[:REASON_CHARACTERS]
    if not why:
        raise Unprocessable("empty_message")
    return await _change(runtime, officer, topic, suspended=True, reason=why, case_id=case_id)


async def republish(
    runtime: Runtime, officer: Row[Any], topic: str, reason: str | None = None, *, seen: int | None = None
) -> int:
    """The topic's answer may be given again. `seen`: the epoch of the suspension that the officer looked at; a newer
    one has another reason, which they have not read. Returns the new epoch.

    Raises `Forbidden`, `NotFound` for an unknown topic, `Conflict("not_suspended")`, `Conflict` for a newer suspension.
    """
    why = clean(reason or "").strip()[:REASON_CHARACTERS]
    return await _change(runtime, officer, topic, suspended=False, reason=why or None, seen=seen)


async def _change(
    runtime: Runtime, officer: Row[Any], topic: str, *, suspended: bool, reason: str | None,
    case_id: UUID | None = None, seen: int | None = None,
) -> int:
    if not allows(Role(officer.role), Permission.publish):
        raise Forbidden()
    if topic not in runtime.catalogue.topics:
        raise NotFound()
    change = {"suspended": suspended, "reason": reason, "officer_id": officer.id, "case_id": case_id}
    async with db.transaction(runtime.pool) as connection:
        at = runtime.clock()
        if not suspended:
            held = (await connection.execute(
                select(publications).where(publications.c.topic == topic).with_for_update()
            )).one_or_none()
            if held is None or not held.suspended:
                raise Conflict("not_suspended")
            if seen is not None and held.epoch != seen:
                raise Conflict()
        epoch: int = (await connection.execute(
            postgresql.insert(publications).values(topic=topic, epoch=1, changed_at=at, **change).on_conflict_do_update(
                index_elements=["topic"], set_={"epoch": publications.c.epoch + 1, "changed_at": at, **change}
            ).returning(publications.c.epoch)
        )).scalar_one()
        await connection.execute(insert(publication_events).values(topic=topic, epoch=epoch, at=at, **change))
    return epoch

"""What other units ask an officer's unit to take (P6): the requests that wait, for who may answer them. No word of a
citizen is in it; why it was asked stands in the case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, false, func, select

from handoff.domain.access import Permission
from handoff.domain.case import CARRYING, Role
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import local_time
from handoff.services.views.desk import CASES, line_of, seen_by, within
from handoff.store import db
from handoff.store.schema import cases
from handoff.store.schema_moves import transfers

SHOWN = 100


async def waiting(runtime: Runtime, officer: Row[Any]) -> list[dict[str, Any]]:
    """At most `SHOWN` cases that the officer's unit is asked to take, the longest asked first, as `desk.line_of` with
    `offered_at`. Nothing for who cannot take a case. Raises `Forbidden`."""
    query = (
        CASES.add_columns(transfers.c.created_at.label("offered_at"))
        .join(transfers, and_(transfers.c.case_id == cases.c.id, transfers.c.outcome == "pending"))
        .where(_asked(officer)).order_by(transfers.c.created_at, cases.c.number).limit(SHOWN)
    )
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(query)).all()
    return [{**line_of(row), "offered_at": local_time(row.offered_at, row.zone)} for row in rows]


async def count(runtime: Runtime, officer: Row[Any]) -> int:
    """How many such cases there are, counted up to `SHOWN`. Raises `Forbidden`."""
    some = select(cases.c.id).where(_asked(officer)).limit(SHOWN).subquery()
    async with db.statement(runtime.pool) as connection:
        return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


def may_answer(officer: Row[Any]) -> bool:
    """Whether the officer can take a case at all (`domain.case`: whom `accept_transfer` allows)."""
    return Role(officer.role) in CARRYING


def _asked(officer: Row[Any]) -> ColumnElement[bool]:
    within(officer, "mine")
    own = and_(cases.c.transfer_unit_id == officer.unit_id, seen_by(officer, Permission.see_cases))
    return own if may_answer(officer) else false()


def asked_at(line: dict[str, Any]) -> datetime:
    """When it was asked."""
    return datetime.fromisoformat(line["offered_at"])

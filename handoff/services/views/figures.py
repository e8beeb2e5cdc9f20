"""What anybody may know of the cases: figures, never a person. What counts publicly is counted here (P5, P7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from handoff.domain.case import ClosedReason, Status
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases
from handoff.store.schema_clocks import breaches, clocks

FAR_LATE = 150  # per cent of the promised time: from there on a case counts publicly as overdue


@dataclass(frozen=True)
class Figures:
    """Counted at `at`. `far_late`: open cases with a promised time that is missed by half as much again and still not
    kept; `ever_late`: cases, closed ones too, in which any promised time was missed; `untouched_since`: when the open
    case was opened that has waited longest for an officer to begin."""

    at: datetime
    open: int
    far_late: int
    ever_late: int
    untouched_since: datetime | None
    closed: Mapping[ClosedReason, int]


async def count(runtime: Runtime) -> Figures:
    """Count them anew, by reading every case: not for each look at a page."""
    still = select(clocks.c.case_id).join(breaches, breaches.c.clock_id == clocks.c.id).where(
        breaches.c.level == FAR_LATE, clocks.c.ended_at.is_(None)
    ).distinct().subquery()
    async with db.transaction(runtime.pool) as connection:
        is_open, untouched = (await connection.execute(select(
            func.count(), func.min(cases.c.opened_at).filter(cases.c.status == Status.assigned.value)
        ).where(cases.c.status != Status.closed.value))).one()
        far_late = (await connection.execute(select(func.count()).select_from(still))).scalar_one()
        ever_late = (await connection.execute(select(func.count(breaches.c.case_id.distinct())))).scalar_one()
        closed = (await connection.execute(
            select(cases.c.closed_reason, func.count()).where(cases.c.status == Status.closed.value)
            .group_by(cases.c.closed_reason)
        )).all()
    by_reason = dict.fromkeys(ClosedReason, 0) | {ClosedReason(name): number for name, number in closed}
    return Figures(runtime.clock(), is_open, far_late, ever_late, untouched, by_reason)

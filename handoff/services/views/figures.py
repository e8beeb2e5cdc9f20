"""What anybody may know of the cases: figures, never a person. What counts publicly is counted here (P5, P7, P8).

Counting reads every case, so the worker does it from time to time and keeps what may be shown; a page reads that.
Times are as citizens live them, nights and holidays too. Whoever still waits counts among them: half of the cases of a
month were answered within the median of it, or more than half were not, and then that is what is said. Cases that
ended without anything to wait for (withdrawn, merged, no request) are in no time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import ClosedReason, Status
from handoff.domain.publishing import FEWEST, masked, masked_row
from handoff.services.runtime import Runtime
from handoff.services.views import pages
from handoff.store import db
from handoff.store.schema import cases
from handoff.store.schema_clocks import breaches, clocks
from handoff.store.schema_desk import public_figures, publications

FAR_LATE = 150  # per cent of the promised time: from there on a case counts publicly as overdue
MONTHS = 12
OLD = timedelta(minutes=15)  # figures that nobody counted anew meanwhile
STILL = -1  # seconds: more than half of them wait yet

_TIMES = """
    SELECT {month} AS first, count(*) AS opened, count(*) FILTER (WHERE closed_reason = 'confirmed') AS confirmed,
           count(replied) AS with_reply, count(settled) AS with_end,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY replied) AS replied,
           percentile_disc(0.9) WITHIN GROUP (ORDER BY replied) AS mostly_replied,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY settled) AS settled
    FROM (
        SELECT opened_at, closed_reason,
               CASE WHEN first_replied_at IS NOT NULL THEN extract(epoch FROM first_replied_at - opened_at)::float8
                    WHEN closed_reason IS NULL OR closed_reason IN ('confirmed', 'no_reply') THEN 'Infinity'
               END AS replied,
               CASE WHEN closed_reason IN ('confirmed', 'no_reply')
                    THEN extract(epoch FROM closed_at - opened_at)::float8
                    WHEN closed_reason IS NULL THEN 'Infinity'
               END AS settled
        FROM cases WHERE opened_at >= :since AND opened_at <= :at
    ) AS each_case GROUP BY 1
"""
_MONTH = "date_trunc('month', {at} AT TIME ZONE :zone)::date"
# An answer was ruled wrong after a citizen disputed it: the topic was suspended while their case was open, or whoever
# had the answer was told that it was wrong.
_DISPUTES = f"""
    SELECT {_MONTH.format(at="i.created_at")} AS first, count(*) AS disputed, count(*) FILTER (WHERE EXISTS (
               SELECT FROM publication_events p WHERE p.topic = a.topic AND p.suspended AND p.at >= i.created_at
                   AND p.at <= coalesce(c.closed_at, :at)
           ) OR EXISTS (
               SELECT FROM corrections r
               WHERE r.topic = a.topic AND (r.aspect IS NULL OR a.aspect IN (r.aspect, 'overview'))
                   AND a.created_at BETWEEN r.since AND r.until AND r.at >= i.created_at
           )) AS upheld
    FROM case_items i JOIN cases c ON c.id = i.case_id JOIN answers a ON a.id = i.answer_id
    WHERE i.reason = 'disputed_answer' AND i.created_at >= :since AND i.created_at <= :at GROUP BY 1
"""


@dataclass(frozen=True)
class Month:
    """What came in one month of the office's time. `replied`, `settled`: within so many seconds half of its cases had
    a person's first answer, and their end; None where too few are to say, `STILL` where more than half wait."""

    first: date
    opened: int | None = 0
    confirmed: int | None = 0
    replied: int | None = None
    settled: int | None = None
    disputed: int | None = 0
    upheld: int | None = 0


@dataclass(frozen=True)
class Figures:
    """Counted at `at`. `far_late`: open cases with a promised time that is missed by half as much again and still not
    kept; `ever_late`: cases, closed ones too, in which any promised time was missed; `untouched_since`: when the open
    case was opened that has waited longest for a person's first answer; `suspended`: topics whose answers are held
    back; `closed`: by reason. `replied`, `mostly_replied` (nine of ten), `settled`: of all cases of these months."""

    at: datetime
    open: int | None
    far_late: int | None
    ever_late: int | None
    untouched_since: datetime | None
    suspended: int
    closed: Mapping[str, int | None]
    replied: int | None
    mostly_replied: int | None
    settled: int | None
    months: Sequence[Month]


async def count(runtime: Runtime) -> Figures:
    """Count them anew, exactly, by reading every case: not for each look at a page, and not to be shown as they are."""
    at, zone = runtime.clock(), (await pages.sign(runtime)).zone
    months = _months(at.astimezone(ZoneInfo(zone)).date())
    since = datetime.combine(months[0], datetime.min.time(), ZoneInfo(zone))
    asked = {"at": at, "since": since, "zone": zone}
    async with db.transaction(runtime.pool) as connection:
        by_month = {row.first: row for row in (await connection.execute(
            text(_TIMES.format(month=_MONTH.format(at="opened_at"))), asked)).all()}
        whole = (await connection.execute(text(_TIMES.format(month="0")), asked)).one_or_none()
        disputes = {row.first: row for row in (await connection.execute(text(_DISPUTES), asked)).all()}
        standing = await _standing(connection)
    return Figures(
        at, **standing, replied=_span(whole, "replied", "with_reply"), settled=_span(whole, "settled", "with_end"),
        mostly_replied=_span(whole, "mostly_replied", "with_reply"),
        months=[_month(first, by_month.get(first), disputes.get(first)) for first in months],
    )


async def publish(runtime: Runtime) -> Figures:
    """Count anew and keep what may be shown. Returns that."""
    shown = publishable(await count(runtime))
    body = _packed(shown)
    async with db.statement(runtime.pool) as connection:
        await connection.execute(postgresql.insert(public_figures).values(at=shown.at, body=body).on_conflict_do_update(
            index_elements=["one"], set_={"at": shown.at, "body": body}
        ))
    return shown


async def published(runtime: Runtime) -> Figures:
    """What is shown: what was counted last, or, at the first look ever, now."""
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(select(public_figures))).one_or_none()
    if row is None:
        return await publish(runtime)
    return _unpacked(row.at, row.body)


def publishable(found: Figures) -> Figures:
    """Without what is about so few that somebody could be recognised."""
    closed = dict(zip(found.closed, masked_row([number or 0 for number in found.closed.values()]), strict=True))
    opened, confirmed, disputed, upheld = (
        masked_row([getattr(month, name) for month in found.months])
        for name in ("opened", "confirmed", "disputed", "upheld")
    )
    months = [
        replace(month, opened=opened[place], confirmed=confirmed[place], disputed=disputed[place], upheld=upheld[place])
        for place, month in enumerate(found.months)
    ]
    return replace(
        found, open=masked(found.open or 0), far_late=masked(found.far_late or 0),
        ever_late=masked(found.ever_late or 0), closed=closed, months=months,
    )


def is_old(runtime: Runtime, shown: Figures) -> bool:
    """Whether nobody has counted for a while: the worker may be away."""
    return runtime.clock() - shown.at > OLD


async def _standing(connection: AsyncConnection) -> dict[str, Any]:
    """What is open, late, held back and closed now."""
    still = select(clocks.c.case_id).join(breaches, breaches.c.clock_id == clocks.c.id).where(
        breaches.c.level == FAR_LATE, clocks.c.ended_at.is_(None)
    ).distinct().subquery()
    is_open, untouched = (await connection.execute(select(
        func.count(), func.min(cases.c.opened_at).filter(cases.c.first_replied_at.is_(None))
    ).where(cases.c.status != Status.closed.value))).one()
    far_late = (await connection.execute(select(func.count()).select_from(still))).scalar_one()
    ever_late = (await connection.execute(select(func.count(breaches.c.case_id.distinct())))).scalar_one()
    suspended = (await connection.execute(
        select(func.count()).select_from(publications).where(publications.c.suspended)
    )).scalar_one()
    closed = (await connection.execute(
        select(cases.c.closed_reason, func.count().label("number")).where(cases.c.status == Status.closed.value)
        .group_by(cases.c.closed_reason)
    )).all()
    return {
        "open": is_open, "far_late": far_late, "ever_late": ever_late, "untouched_since": untouched,
        "suspended": suspended,
        "closed": dict.fromkeys(map(str, ClosedReason), 0) | {row.closed_reason: row.number for row in closed},
    }


def _months(today: date) -> list[date]:
    """The first days of this month and those before it, the oldest first."""
    numbers = range(today.year * 12 + today.month - MONTHS, today.year * 12 + today.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _month(first: date, times: Any, disputes: Any) -> Month:
    month = Month(first)
    if times is not None:
        month = replace(month, opened=times.opened, confirmed=times.confirmed,
                        replied=_span(times, "replied", "with_reply"), settled=_span(times, "settled", "with_end"))
    return replace(month, disputed=disputes.disputed, upheld=disputes.upheld) if disputes is not None else month


def _span(row: Any, name: str, basis: str) -> int | None:
    """Seconds of a time that rests on enough cases."""
    if row is None or getattr(row, basis) < FEWEST:
        return None
    seconds = float(getattr(row, name))
    return STILL if math.isinf(seconds) else round(seconds)


def _packed(shown: Figures) -> dict[str, Any]:
    body = asdict(shown) | {"untouched_since": shown.untouched_since and shown.untouched_since.isoformat()}
    del body["at"]
    return body | {"months": [asdict(month) | {"first": month.first.isoformat()} for month in shown.months]}


def _unpacked(at: datetime, body: Mapping[str, Any]) -> Figures:
    since = body["untouched_since"]
    months = [Month(**(month | {"first": date.fromisoformat(month["first"])})) for month in body["months"]]
    return Figures(**{**body, "at": at, "untouched_since": since and datetime.fromisoformat(since), "months": months})

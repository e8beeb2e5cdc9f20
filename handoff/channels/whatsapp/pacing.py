"""How fast, and when not at all: the pair rate, the throughput of a number, a number that Meta stopped.

All of it by the database's clock, so that it holds over several workers. A number's pace is one row: the instant from
which it is free. Whoever is about to post moves that instant by one gap and waits for the one it found.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, literal_column, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import outcome
from handoff.services.post import operators
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_paces, whatsapp_stops

log = logging.getLogger(__name__)

BEHIND = timedelta(seconds=1)  # a number whose next free instant is further away is not claimed for
SLOWEST = 6                    # how often the gap may double: 80 a second become about one
BURST_SECONDS = 1.0            # refusals so close to each other are one reason to slow down
RECOVERS_SECONDS = 30.0        # after so long without a refusal the number is twice as fast again

_LEVEL = """greatest(0, p.slowed - floor(coalesce(
    extract(epoch FROM clock_timestamp() - p.slowed_at), 0) / :recovers)::integer)"""
# One row that everybody writes: held for the statement only, since its commit does not wait for the disk. A power cut
# forgets a second of pace, nothing else. (What is not read is not run: hence the join with `quick`.)
_QUICK = "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))"
_TAKE = text(f"""
{_QUICK}
INSERT INTO whatsapp_paces AS p (number_id, free_at)
SELECT :number, clock_timestamp() + make_interval(secs => :gap * :count) FROM quick
ON CONFLICT (number_id) DO UPDATE SET
    free_at = greatest(p.free_at, clock_timestamp()) + make_interval(secs => :gap * :count * power(2, {_LEVEL}))
RETURNING extract(epoch FROM p.free_at - clock_timestamp()) - :gap * :count * power(2, {_LEVEL})
""")
_IF_FREE = text(f"""
{_QUICK}
INSERT INTO whatsapp_paces AS p (number_id, free_at)
SELECT :number, clock_timestamp() + make_interval(secs => :gap) FROM quick
ON CONFLICT (number_id) DO UPDATE SET free_at = greatest(p.free_at, clock_timestamp()) + make_interval(secs => :gap)
WHERE p.free_at <= clock_timestamp() + make_interval(secs => :behind) RETURNING p.number_id
""")
_SLOW = text(f"""
INSERT INTO whatsapp_paces AS p (number_id, free_at, slowed, slowed_at)
VALUES (:number, clock_timestamp() + interval '2 seconds', 1, clock_timestamp())
ON CONFLICT (number_id) DO UPDATE SET
    slowed = least({_LEVEL} + 1, :slowest), slowed_at = clock_timestamp(),
    free_at = greatest(p.free_at, clock_timestamp() + make_interval(secs => power(2, least({_LEVEL} + 1, :slowest))))
WHERE p.slowed_at IS NULL OR p.slowed_at <= clock_timestamp() - make_interval(secs => :burst)
RETURNING p.slowed
""")


_held = (
    select(whatsapp_stops.c.number_id, whatsapp_stops.c.until).where(
        whatsapp_stops.c.until > func.clock_timestamp()
    ).union_all(
        select(whatsapp_paces.c.number_id, whatsapp_paces.c.free_at).where(
            whatsapp_paces.c.free_at > func.clock_timestamp() + BEHIND
        )).subquery()
)


async def wait_for_turn(runtime: Runtime, number_id: str) -> None:
    """Take the number's next free instant and wait for it: everybody else's comes later."""
    async with db.statement(runtime.pool) as connection:
        rest = (await connection.execute(_TAKE, _facts(runtime, number_id))).scalar_one()
    if rest > 0:
        await asyncio.sleep(float(rest))


async def came_in(runtime: Runtime, number_id: str, count: int) -> None:
    """So many messages came in: Meta counts them with what goes out."""
    async with db.statement(runtime.pool) as connection:
        await connection.execute(_TAKE, _facts(runtime, number_id, count))


async def is_free(runtime: Runtime, number_id: str) -> bool:
    """Take an instant for something that need not be, unless messages stand in line or the number is stopped."""
    stopped = select(whatsapp_stops.c.number_id).where(whatsapp_stops.c.number_id == number_id)
    async with db.statement(runtime.pool) as connection:
        if (await connection.execute(stopped)).first() is not None:
            return False
        facts = {"number": number_id, "gap": _gap(runtime), "behind": BEHIND.total_seconds()}
        return (await connection.execute(_IF_FREE, facts)).first() is not None


async def slow_down(runtime: Runtime, number_id: str) -> None:
    """Meta said that the number as a whole is too fast: it pauses, and then goes half as fast; each further time
    longer and slower. It recovers by itself."""
    async with db.transaction(runtime.pool) as connection:
        slowed = (await connection.execute(_SLOW, {
            "number": number_id, "recovers": RECOVERS_SECONDS, "burst": BURST_SECONDS, "slowest": SLOWEST,
        })).scalar_one_or_none()
    if slowed is not None:
        log.warning("WhatsApp number %s is too fast for Meta: slowed down to 1/%d", number_id, 2 ** slowed)


async def not_before(connection: AsyncConnection, row: Row[Any], send: Row[Any] | None, number_id: str) -> datetime:
    """When the next post may be made: paced for its receiver, after its own pause, not while its number is stopped or
    far behind. `row` tells the database's `now` and `paced_from`, the receiver's last post."""
    times = [row.now, row.paced_from + outcome.PAIR if row.paced_from else row.now]
    if send is not None:
        times.append(send.claimed_at + outcome.SETTLE if send.state == "sending" else send.due_at)
    held = await held_until(connection, number_id)
    return max(*times, held or row.now)


async def held_until(connection: AsyncConnection, number_id: str) -> datetime | None:
    """Until when nothing may be posted from the number, because it is stopped or far behind; None: now."""
    return (await connection.execute(
        select(func.max(_held.c.until)).where(_held.c.number_id == number_id)
    )).scalar_one()


async def stop(runtime: Runtime, connection: AsyncConnection, number_id: str, code: int | None) -> None:
    """Nothing more is posted from this number for a while; the operator is called, once for each stop."""
    log.critical("WhatsApp number %s is stopped: Meta refuses its token, its rights or its account (code %s). "
                 "Nothing is lost; check WHATSAPP_ACCESS_TOKEN and the account.", number_id, code)
    until = func.clock_timestamp() + outcome.STOPPED_FOR
    is_new: bool = (await connection.execute(
        postgresql.insert(whatsapp_stops).values(number_id=number_id, code=code, since=runtime.clock(), until=until)
        .on_conflict_do_update(index_elements=["number_id"], set_={"code": code, "until": until})
        .returning(literal_column("xmax = 0"))
    )).scalar_one()
    if is_new:
        await operators.call(runtime, connection)


async def runs_again(connection: AsyncConnection, number_id: Any) -> None:
    """The number has sent something (`number_id`: one, or a query of several)."""
    numbers = [number_id] if isinstance(number_id, str) else number_id
    await connection.execute(whatsapp_stops.delete().where(whatsapp_stops.c.number_id.in_(numbers)))


def _gap(runtime: Runtime) -> float:
    assert runtime.settings.whatsapp is not None
    return 1 / runtime.settings.whatsapp.per_second


def _facts(runtime: Runtime, number_id: str, count: int = 1) -> dict[str, Any]:
    return {"number": number_id, "gap": _gap(runtime), "count": count, "recovers": RECOVERS_SECONDS}

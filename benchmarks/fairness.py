"""`python -m benchmarks.fairness`: many cases opened at once on two officers of one unit, on a PostgreSQL of its own.
How fast, and how evenly (P2: within one case)?"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import psycopg
from psycopg import sql
from sqlalchemy import func, select, update

from handoff.embedded import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from handoff.services.people.seed import seed_example
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, inbox
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.settings import Settings, new_secrets
from handoff.store import db
from handoff.store.migrate import upgrade
from handoff.store.schema import cases, officers

AT_ONCE = 16


async def measure(settings: Settings, number: int) -> tuple[float, list[int]]:
    """Seconds for `number` cases, and how many each of the two officers got."""
    runtime = Runtime.create(settings, pool_size=AT_ONCE)
    try:
        async with db.transaction(runtime.pool) as connection:
            unit = select(officers.c.unit_id).where(officers.c.login == "siti.rahayu").scalar_subquery()
            two = (await connection.execute(
                select(officers.c.id).where(officers.c.unit_id == unit, officers.c.role == "officer")
                .order_by(officers.c.login).limit(2)
            )).scalars().all()
            await connection.execute(update(officers).where(officers.c.id.not_in(two)).values(active=False))
        left = iter(range(number))
        began = perf_counter()
        await asyncio.gather(*(_open(runtime, left) for _ in range(AT_ONCE)))
        seconds = perf_counter() - began
        async with db.transaction(runtime.pool) as connection:
            loads = (await connection.execute(
                select(func.count(cases.c.id)).group_by(cases.c.officer_id)
            )).scalars().all()
        return seconds, list(loads)
    finally:
        await runtime.close()


async def _open(runtime: Runtime, left: Iterator[int]) -> None:
    for _ in left:
        begun = await conversations.begin(runtime)
        receipt = await inbox.receive(runtime, begun.conversation_id, Inbound.text("mau bicara dengan petugas"))
        await open_for_bot(runtime, begun.conversation_id, receipt.message_id, reason="asked_for_officer", topic=None,
                           answer_id=None, classification={})


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    number = parser.parse_args().cases
    with (
        tempfile.TemporaryDirectory(prefix="wajah-bench-", dir="/tmp") as folder,
        Cluster(Path(folder), release=18, throw_away=True).running() as cluster,
    ):
        with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE fairness OWNER {}").format(sql.Identifier(OWNER_ROLE)))
        owner = cluster.url(OWNER_ROLE, "fairness")
        secrets = {"WAJAH_HOME": folder, **new_secrets()}
        upgrade(owner)
        seed_example(Settings.from_env({**secrets, "DATABASE_URL": owner}))
        app = Settings.from_env({**secrets, "DATABASE_URL": cluster.url(APP_ROLE, "fairness")})
        seconds, loads = asyncio.run(measure(app, number))
    print(f"{sum(loads)} cases in {seconds:.1f} s ({sum(loads) / seconds:.0f}/s), loads {sorted(loads)}, "
          f"difference {max(loads) - min(loads)}")


if __name__ == "__main__":
    main()

"""The example office of a first run (`example_office.yml`), so that there is somebody to hand over to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import yaml
from sqlalchemy import func, select

from handoff.services.people import founding
from handoff.services.people.founding import Office
from handoff.services.runtime import Runtime
from handoff.settings import Settings
from handoff.store import db
from handoff.store.schema import offices

FILE = Path(__file__).parents[2] / "example_office.yml"
LOCK = 7267004  # two first starts at once: the second finds an office


def seed_example(settings: Settings) -> list[dict[str, str]]:
    """`seed` for a caller without an event loop; `settings.database_url` is the application's. Blocking.

    The logins and one-time passwords of the office made now; none when there is an office.
    """
    return asyncio.run(_seed(settings))


async def _seed(settings: Settings) -> list[dict[str, str]]:
    runtime = Runtime.create(settings, pool_size=1)
    try:
        return await seed(runtime) or []
    finally:
        await runtime.close()


async def seed(runtime: Runtime) -> list[dict[str, str]] | None:
    """Make the example office where there is none. Its officers' `login`, `one_time_password`, `name`, `title`,
    `role` and `unit`, this once; None when there is an office already."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        if (await connection.execute(select(offices.c.id).limit(1))).first() is not None:
            return None
        office = Office.of(yaml.safe_load(FILE.read_text(encoding="utf-8")))
        passwords = await founding.prepared(office)
        return await founding.make(connection, office, passwords, runtime.clock(), is_example=True)

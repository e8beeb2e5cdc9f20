"""Start-up's question about keys: does this installation have every wrapping key that the database knows?"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store.schema import data_keys


async def missing_keys(engine: AsyncEngine, settings: Settings) -> list[str]:
    """The ids of wrapping keys that live rows need and `settings` lacks, sorted; empty when all is well."""
    async with engine.connect() as connection:
        known = (await connection.execute(
            select(data_keys.c.kek_id).where(data_keys.c.wrapped.isnot(None)).distinct()
        )).scalars()
        return sorted(set(known) - {key_id for key_id, _ in settings.data_keys})

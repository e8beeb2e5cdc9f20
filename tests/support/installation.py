"""An installation's commands, as an operator runs them, on a test's database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from handoff.services.runtime import Runtime
from handoff.settings import Settings
from tests.support.office import SECRETS


def environment(home: Path, database_url: str) -> dict[str, str]:
    """What its commands read."""
    return {"WAJAH_HOME": str(home), "DATABASE_URL": database_url, **SECRETS}


def within[T](settings: Settings, work: Callable[[Runtime], Awaitable[T]]) -> T:
    """The result of `work(runtime)`."""
    async def run() -> T:
        runtime = Runtime.create(settings)
        try:
            return await work(runtime)
        finally:
            await runtime.close()
    return asyncio.run(run())

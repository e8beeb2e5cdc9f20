"""What every use case needs, made once for each process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import procrastinate
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.bot import Bot
from handoff.catalogue import Catalogue
from handoff.catalogue import load as load_catalogue
from handoff.clock import Clock, file_clock, system_clock
from handoff.connectors import Connectors
from handoff.connectors import load as load_connectors
from handoff.services.attachments.depot import Depot, depot
from handoff.settings import Settings
from handoff.store import db, queue
from handoff.store.crypto import Keyring
from handoff.texts import Texts


@dataclass(frozen=True)
class Runtime:
    """The process's settings, database pool, keys, clock, catalogue, texts, bot client, connectors, jobs and files."""

    settings: Settings
    pool: AsyncEngine
    keyring: Keyring
    clock: Clock
    catalogue: Catalogue
    texts: Texts
    bot: Bot
    connectors: Connectors
    jobs: procrastinate.App
    depot: Depot

    @classmethod
    def create(cls, settings: Settings, pool_size: int = 10) -> Runtime:
        """Build a runtime; nothing is connected yet. `settings.database_url` must be known by now."""
        if settings.database_url is None:
            raise ValueError("a runtime needs DATABASE_URL; the supervisor sets it for its children")
        catalogue = load_catalogue(settings.catalogue, settings.catalogue_overlay)
        connectors = load_connectors(settings.connectors, os.environ, frozenset(catalogue.topics))
        clock = file_clock(settings.clock_file) if settings.clock_file else system_clock
        return cls(
            settings=settings,
            pool=db.engine(settings.database_url, pool_size),
            keyring=Keyring(settings),
            clock=clock,
            catalogue=catalogue,
            texts=Texts.load(),
            bot=Bot(settings.rasa_url, settings.internal_token),
            connectors=Connectors(connectors),
            jobs=queue.create(settings.database_url),
            depot=depot(settings),
        )

    @property
    def today(self) -> date:
        """The day where the office is: UTC begins it at seven in the morning in Jakarta, at nine in Jayapura."""
        return self.clock().astimezone(ZoneInfo(self.catalogue.office.time_zone)).date()

    async def close(self) -> None:
        """Let go of connections."""
        await self.bot.close()
        await self.connectors.close()
        await db.close(self.pool)

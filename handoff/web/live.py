"""Live readers: one LISTEN connection for the process, and a wake-up for each stream that is concerned.

A wake-up carries ids only; the reader then reads the database from the last number it has shown. A reader subscribes
before it reads the backlog, and everybody is woken when the LISTEN connection comes back, so nothing is missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from handoff.services.post.outbox import CHANNEL, HERE
from handoff.store import db

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
ALIVE_SECONDS = 30.0  # a silent connection is asked whether it still lives


class Hub:
    """Who waits for what. One for a process; `run` keeps it fed until cancelled."""

    def __init__(self, database_url: str) -> None:
        self._conninfo = db.conninfo(database_url)
        self._readers: dict[UUID, set[asyncio.Event]] = {}
        self._watchers: set[asyncio.Queue[UUID | None]] = set()
        self._neighbours: set[asyncio.Queue[UUID | None]] = set()

    @contextmanager
    def reading(self, conversation_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the conversation may have something new."""
        event = asyncio.Event()
        self._readers.setdefault(conversation_id, set()).add(event)
        try:
            yield event
        finally:
            readers = self._readers[conversation_id]
            readers.discard(event)
            if not readers:
                del self._readers[conversation_id]

    @contextmanager
    def watching(self, *, presence: bool = False) -> Iterator[asyncio.Queue[UUID | None]]:
        """A queue of the ids of all conversations that change, or (`presence`) whose onlookers do; None means:
        something was missed, look at all."""
        queue: asyncio.Queue[UUID | None] = asyncio.Queue(maxsize=1000)
        watchers = self._neighbours if presence else self._watchers
        watchers.add(queue)
        try:
            yield queue
        finally:
            watchers.discard(queue)

    async def run(self) -> None:
        """Listen until cancelled; a lost connection is made again and everybody looks once more."""
        while True:
            try:
                async for conversation_id, here in self._notifications():
                    if here:
                        self._put(self._neighbours, conversation_id)
                    else:
                        self._wake(conversation_id)
            except (psycopg.Error, OSError) as error:
                log.warning("LISTEN lost (%s); connecting again", type(error).__name__)
            except Exception:
                log.exception("LISTEN failed; connecting again")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _notifications(self) -> AsyncIterator[tuple[UUID | None, bool]]:
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            yield None, False  # whatever happened while nobody listened
            while True:
                async for notification in connection.notifies(timeout=ALIVE_SECONDS):
                    conversation, _, what = notification.payload.partition(" ")
                    yield UUID(conversation), what == HERE
                await connection.execute("SELECT 1")

    def _wake(self, conversation_id: UUID | None) -> None:
        concerned = self._readers.values() if conversation_id is None else [self._readers.get(conversation_id, set())]
        for events in concerned:
            for event in events:
                event.set()
        self._put(self._watchers, conversation_id)

    @staticmethod
    def _put(watchers: set[asyncio.Queue[UUID | None]], conversation_id: UUID | None) -> None:
        for queue in watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                conversation_id = None
            queue.put_nowait(conversation_id)

"""What officers' streams tell: which case has changed, and at which one colleagues come and go. One look-up for all
streams of the process, then each stream gets what its officer may know of; ids only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from handoff.domain.access import Permission, Viewer, may
from handoff.services.runtime import Runtime
from handoff.services.views import desk
from handoff.services.views.desk import Change
from handoff.store.db import DatabaseAway
from handoff.web.live import Hub

log = logging.getLogger(__name__)

KEPT = 1000  # changes that a slow stream may be behind before it is told to look at everything
AGAIN_SECONDS = 1.0


class Changes:
    """What one stream has not told yet: the newest change of each case and kind, or that everything must be looked
    at."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.happened = asyncio.Event()
        self._waiting: dict[tuple[str, str], Change] = {}
        self._everything = True  # a new stream has seen nothing

    def add(self, change: Change | None, kind: str = "case") -> None:
        """Keep the change if the officer may know of it; None: something was missed. `kind` names its event."""
        if change is None or len(self._waiting) >= KEPT:
            self._everything = True
            self._waiting.clear()
        elif self._everything or not may(self.viewer, Permission.see_cases, change.matter):
            return
        else:
            self._waiting[kind, change.number] = change
        self.happened.set()

    def take(self) -> list[tuple[str, Change]] | None:
        """What there is to tell, by kind, and forget it; None: look at everything."""
        self.happened.clear()
        waiting, everything = [(kind, change) for (kind, _), change in self._waiting.items()], self._everything
        self._waiting, self._everything = {}, False
        return None if everything else waiting


class Board:
    """Reads the hub for all officers' streams; `run` keeps it going until cancelled."""

    def __init__(self, runtime: Runtime, hub: Hub) -> None:
        self._runtime = runtime
        self._hub = hub
        self._streams: set[Changes] = set()

    @contextmanager
    def watching(self, viewer: Viewer) -> Iterator[Changes]:
        """What changes from now on, as far as the viewer may know of it."""
        changes = Changes(viewer)
        self._streams.add(changes)
        try:
            yield changes
        finally:
            self._streams.discard(changes)

    async def run(self) -> None:
        """Tell the streams, until cancelled; what cannot be looked up is told as missed."""
        await asyncio.gather(self._read("case"), self._read("present"))

    async def _read(self, kind: str) -> None:
        with self._hub.watching(presence=kind == "present") as queue:
            while True:
                ids = {await queue.get()}
                while not queue.empty():  # a burst is one look-up
                    ids.add(queue.get_nowait())
                if self._streams:
                    await self._tell(ids, kind)

    async def _tell(self, ids: set[UUID | None], kind: str) -> None:
        found: list[Change | None] = [None]
        if None not in ids:
            try:
                found = [*await desk.changes(self._runtime, {i for i in ids if i is not None})]
            except DatabaseAway:
                await asyncio.sleep(AGAIN_SECONDS)
            except Exception:
                log.exception("changes could not be looked up; the streams are told to look at everything")
                await asyncio.sleep(AGAIN_SECONDS)
        for stream in self._streams:
            for change in found:
                stream.add(change, kind)

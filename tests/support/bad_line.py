"""A bad line between a browser and a house: slow, late, and dropped again and again, whatever is on its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Thread

PIECE = 4096


@dataclass
class BadLine:
    """A TCP proxy. `rate` in bytes a second each way, `delay` in seconds there and back; `drops` counts the cuts that
    hit at least one connection."""

    port: int
    rate: int
    delay: float
    drops: int = 0
    url: str = ""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def drop_every(self, seconds: float) -> None:
        """From now on everything that is connected is cut off, every so many seconds; 0: no more."""
        self._loop.call_soon_threadsafe(self._set_rhythm, seconds)

    def _set_rhythm(self, seconds: float) -> None:
        self._seconds = seconds
        if seconds:
            self._loop.call_later(seconds, self._drop)

    def _drop(self) -> None:
        if not self._seconds:
            return
        self.drops += bool(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        self._loop.call_later(self._seconds, self._drop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):  # dropped, or the end of it all
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
            ends = {writer, back}
            self._open |= ends
            try:
                await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
            finally:
                self._open -= ends
                for end in ends:
                    end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction: each piece arrives half the delay later, and not before the line has had time for it."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)

        async def take_in() -> None:
            due = 0.0
            while piece := await reader.read(PIECE):
                due = max(due, self._loop.time() + self.delay / 2) + len(piece) / self.rate
                await on_the_way.put((due, piece))
            await on_the_way.put((0.0, b""))

        taking = asyncio.create_task(take_in())
        try:
            while True:
                due, piece = await on_the_way.get()
                if not piece:
                    return
                await asyncio.sleep(max(0.0, due - self._loop.time()))  # the line's own time
                writer.write(piece)
                await writer.drain()
        finally:
            taking.cancel()


@contextlib.contextmanager
def bad_line(port: int, rate: int, delay: float) -> Iterator[BadLine]:
    """A bad line to 127.0.0.1:`port`; everything on it is cut at the end."""
    line = BadLine(port, rate, delay)
    thread = Thread(target=line._loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        return await asyncio.start_server(line._serve, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(begin(), line._loop).result(10)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        async def end() -> None:
            line._set_rhythm(0)
            server.close()
            mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), line._loop).result(10)
        line._loop.call_soon_threadsafe(line._loop.stop)
        thread.join(10)
        line._loop.close()

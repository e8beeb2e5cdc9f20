"""Live readers: woken when something is new, woken for everything after LISTEN was lost."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from handoff.store import db
from handoff.web.live import Hub
from tests.support.citizen import Citizen, answers


@contextlib.asynccontextmanager
async def listening(runtime):
    hub = Hub(runtime.settings.database_url)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def woken(event: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await event.wait()
    event.clear()


async def test_a_reader_is_woken_for_its_own_conversation_only(runtime):
    citizen, stranger = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    async with listening(runtime) as hub:
        with hub.reading(citizen.id) as mine, hub.reading(stranger.id) as theirs:
            await woken(theirs)  # both look once when listening begins
            await woken(mine)
            await citizen.writes("ktp sy ilang")
            await woken(mine)
            await citizen.hears(answers("ktp_hilang"))  # sending wakes the reader as well
            await woken(mine)
            assert not theirs.is_set()


async def test_p01_a_lost_listen_connection_wakes_everybody_once_it_is_back(runtime, database):
    citizen = await Citizen.arrives(runtime)
    async with listening(runtime) as hub:
        with hub.reading(citizen.id) as event, hub.watching() as queue:
            await woken(event)
            assert await queue.get() is None
            async with await psycopg.AsyncConnection.connect(db.conninfo(database.app_url), autocommit=True) as other:
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                )
            await woken(event)
            assert await queue.get() is None  # officers look at everything again
            await citizen.writes("halo")
            assert await asyncio.wait_for(queue.get(), 10) == citizen.id


async def test_a_notification_that_is_none_of_ours_ends_nothing(runtime, database):
    citizen = await Citizen.arrives(runtime)
    async with listening(runtime) as hub:
        with hub.reading(citizen.id) as event:
            await woken(event)
            async with await psycopg.AsyncConnection.connect(db.conninfo(database.app_url), autocommit=True) as other:
                await other.execute("SELECT pg_notify('wajah', 'halo')")
            await woken(event)  # it looked again, in case something was missed
            await citizen.writes("halo")
            await woken(event)


async def test_a_slow_officer_stream_is_told_to_look_at_everything_instead_of_growing(runtime):
    citizen = await Citizen.arrives(runtime)
    hub = Hub(runtime.settings.database_url)
    with hub.watching() as queue:
        for _ in range(queue.maxsize + 5):
            hub._wake(citizen.id)
        assert queue.get_nowait() is None
        assert queue.qsize() < queue.maxsize

"""The pool of connections: who is cancelled gives theirs back, who finds none free is told to try again."""

from __future__ import annotations

import asyncio
import gc
import warnings

import psycopg
import pytest
from procrastinate.jobs import Status
from sqlalchemy import text

from handoff.store import db


@pytest.fixture
async def two(database):
    pool = db.engine(database.app_url, pool_size=2)
    yield pool
    await db.close(pool)


@pytest.mark.parametrize("opening", [db.transaction, db.statement])
async def test_without_a_free_connection_the_database_is_away(two, monkeypatch, opening):
    monkeypatch.setattr(two.pool, "_timeout", 0.05)
    async with db.transaction(two), db.transaction(two):
        with pytest.raises(db.DatabaseAway):
            async with opening(two):
                pass
    async with opening(two) as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("opening", [db.transaction, db.statement])
async def test_whoever_is_cancelled_anywhere_gives_the_connection_back(two, opening, twice):
    async def work() -> None:
        async with opening(two) as connection:
            await connection.execute(text("SELECT pg_sleep(0.01)"))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for milliseconds in range(30):
            task = asyncio.create_task(work())
            await asyncio.sleep(milliseconds / 1000)
            task.cancel()
            if twice:
                await asyncio.sleep(0)
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            del task
        gc.collect()
    async with asyncio.timeout(5):
        while two.pool.checkedout():  # noqa: ASYNC110 - a pool tells nobody
            await asyncio.sleep(0.01)


async def test_whoever_is_cancelled_while_their_connection_is_made_ready_gives_it_back_as_it_was(two):
    async with db.transaction(two) as connection:
        driver = await db.driver_connection(connection)

    async def work() -> None:
        async with db.statement(two) as connection:
            await connection.execute(text("SELECT 1"))

    async with driver.lock:  # as while the server is still told to drop somebody's query
        task = asyncio.create_task(work())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert two.pool.checkedout() == 0
    async with db.transaction(two) as connection:
        assert await db.driver_connection(connection) is driver
        assert not driver.autocommit


async def test_p01_the_end_of_a_job_is_written_down_although_the_idle_connections_were_lost(runtime, database):
    app = runtime.jobs
    async with app.open_async():
        jobs = [await app.configure_task("turn", queue="q", allow_unknown=True).defer_async(n=n) for n in range(2)]
        worker = await app.job_manager.register_worker()
        taken = [await app.job_manager.fetch_job(queues=["q"], worker_id=worker) for _ in jobs]
        async with await psycopg.AsyncConnection.connect(db.conninfo(database.app_url), autocommit=True) as other:
            await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        for job in taken:
            await app.job_manager.finish_job(job, status=Status.SUCCEEDED, delete_job=True)
        assert list(await app.job_manager.list_jobs_async(queue="q")) == []


async def test_p03_a_line_that_is_cut_is_given_up_wherever_the_database_is_asked(two, runtime, database):
    """That it is, was seen over a network whose link was taken down: it takes a root's rights to do."""
    told = []
    async with db.transaction(two) as connection:
        told.append((await db.driver_connection(connection)).info.get_parameters())
    async with runtime.jobs.open_async(), runtime.jobs.connector._async_pool.connection() as of_the_queue:
        told.append(of_the_queue.info.get_parameters())
    async with await psycopg.AsyncConnection.connect(db.conninfo(database.app_url)) as listening:
        told.append(listening.info.get_parameters())
    for one in told:
        assert {name: one[name] for name in db.LINE} == {name: str(value) for name, value in db.LINE.items()}

"""Connections: every one runs as the application's role, which may append to the record but not rewrite it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from handoff.store.schema import APP_ROLE

OPTIONS = f"-c role={APP_ROLE} -c timezone=UTC"
CONNECT_SECONDS = 5
# A line that is cut says nothing: a query on it would wait a quarter of an hour, and the sweeps with it (P3). Over TCP
# it is given up after about fifteen seconds without a sign of the other machine; one that only takes long is not.
LINE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 15_000}
POOL_SECONDS = 10  # how long to wait for a connection that others have
RETURN_SECONDS = 2.0


class DatabaseAway(Exception):
    """PostgreSQL cannot be reached now, or all connections to it are taken; nothing was stored, the caller may try
    again."""


def engine(database_url: str, pool_size: int = 10) -> AsyncEngine:
    """A pool of at most `pool_size` connections to `database_url` (any `postgresql://` address)."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=POOL_SECONDS, pool_use_lifo=True,
        hide_parameters=True,  # what a statement was given stands in no error, and so in no log
        connect_args={"options": OPTIONS, "connect_timeout": CONNECT_SECONDS, "prepare_threshold": 2, **LINE},
    )


async def close(pool: AsyncEngine) -> None:
    """Let go of the connections. Who was cancelled a moment ago is still giving theirs back: they have until then."""
    loop, kept = asyncio.get_running_loop(), pool.pool
    patience = loop.time() + RETURN_SECONDS
    while isinstance(kept, QueuePool) and kept.checkedout() and loop.time() < patience:  # noqa: ASYNC110 - a pool tells nobody
        await asyncio.sleep(0.01)
    await pool.dispose()


def conninfo(database_url: str, more_options: str = "") -> str:
    """The same address for psycopg itself (LISTEN, the job queue), with the same role."""
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"{OPTIONS} {more_options}".strip()
    return psycopg.conninfo.make_conninfo(url, options=options, connect_timeout=CONNECT_SECONDS, **LINE)


@asynccontextmanager
async def transaction(pool: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction. Raises `DatabaseAway` when the connection cannot be had or breaks underway."""
    with _away():
        async with pool.begin() as connection:
            yield connection


@asynccontextmanager
async def statement(pool: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """For a single statement, which is a transaction of its own: saves the two round trips of BEGIN and COMMIT.
    Raises `DatabaseAway`."""
    with _away():
        async with pool.connect() as connection:
            # Not as an option of the engine: who is cancelled while it is set then loses the connection to the pool.
            await _to_the_end(connection.execution_options(isolation_level="AUTOCOMMIT"))
            yield connection


async def _to_the_end(work: Coroutine[Any, Any, Any]) -> None:
    """Do it wholly, also for who is cancelled meanwhile, which is heeded afterwards: half of it must not be left."""
    task, cancelled = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as heard:
            cancelled = heard
    if cancelled is not None:
        raise cancelled


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError):
            raise DatabaseAway(str(error.orig)) from error
        raise
    except (PoolTimeout, OSError, TimeoutError) as error:
        raise DatabaseAway(str(error)) from error


async def driver_connection(connection: AsyncConnection) -> Any:
    """psycopg's own connection under `connection`, to defer a job in the same transaction."""
    return (await connection.get_raw_connection()).driver_connection

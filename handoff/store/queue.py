"""The job queue's connector. Tasks are registered by `handoff.jobs`; services defer them by name (no circle)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
from psycopg import AsyncConnection as Connection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.store import db

TURNS, SENDING, CLOCKS = "turns", "sending", "clocks"

_DROP = text("""
DELETE FROM procrastinate_jobs
WHERE lock = :conversation AND status = 'todo' AND task_name = 'turn' AND args ->> 'message_id' = ANY(:messages)
""")


def create(database_url: str, pool_size: int = 8) -> procrastinate.App:
    """A job queue on `database_url`. The queue's own bookkeeping need not wait for the disk: a job whose end is
    forgotten in a power cut runs again, and every task may run twice."""
    return procrastinate.App(connector=_Connector(
        conninfo=db.conninfo(database_url, "-c synchronous_commit=off"), min_size=1, max_size=pool_size,
        pool_factory=_pool,
    ))


class _Connector(procrastinate.PsycopgConnector):
    """A job's end that is not written down keeps it `doing` under a worker that lives, so that nobody takes it up, and
    its lock with it: its conversation would have no turn until a restart. Connections are not asked whether they still
    live, so what answers nothing but done is said again until one of them does."""

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        """As procrastinate's, on as many connections as may have been lost. Ending a job twice is refused, no more."""
        for _ in range(self._async_pool.max_size if self._async_pool else 0):
            try:
                return await super().execute_query_async(query, **arguments)
            except procrastinate.exceptions.ConnectorException as error:
                lost = isinstance(error.__cause__, psycopg.OperationalError)
                if not lost or isinstance(error.__cause__, PoolTimeout):
                    raise
        return await super().execute_query_async(query, **arguments)


def _pool(**given: Any) -> AsyncConnectionPool:
    """A call of the queue is one statement: one round trip when it is its own transaction and the connection is not
    asked first whether it still lives, four otherwise."""
    return AsyncConnectionPool(**given | {"check": None, "configure": _autocommit})


async def _autocommit(connection: Connection[Any]) -> None:
    await connection.set_autocommit(True)


async def defer_turn(
    app: procrastinate.App, connection: AsyncConnection, conversation_id: UUID, message_id: UUID
) -> None:
    """Have the conversation's turn run, in the very transaction that stored the message."""
    await app.configure_task(
        "turn", queue=TURNS, lock=str(conversation_id), connection=await db.driver_connection(connection)
    ).defer_async(conversation_id=str(conversation_id), message_id=str(message_id))


async def drop_turns(connection: AsyncConnection, conversation_id: UUID, message_ids: Iterable[UUID]) -> None:
    """Take out of the queue the turns of these messages that nobody has begun; to pick one up costs as much as to
    answer a message."""
    await connection.execute(_DROP, {"conversation": str(conversation_id), "messages": list(map(str, message_ids))})


async def defer_wake(app: procrastinate.App, conversation_id: UUID, seconds: float) -> None:
    """Have the conversation's turn deferred again in `seconds`. No lock: a job that waits must not hold back others;
    one such alarm at a time is enough."""
    with contextlib.suppress(procrastinate.exceptions.AlreadyEnqueued):
        await app.configure_task(
            "wake", queue=CLOCKS, queueing_lock=f"wake:{conversation_id}", schedule_in={"seconds": seconds}
        ).defer_async(conversation_id=str(conversation_id))


async def defer_post(app: procrastinate.App, connection: AsyncConnection, conversation_id: UUID) -> None:
    """Have the conversation's channel post what it was handed, once this transaction commits. Raises
    `AlreadyEnqueued`, which ends the transaction."""
    driver = await db.driver_connection(connection)
    await app.configure_task(
        "post", queue=SENDING, queueing_lock=f"post:{conversation_id}", connection=driver
    ).defer_async(conversation_id=str(conversation_id))


async def defer_post_later(app: procrastinate.App, conversation_id: UUID, seconds: float) -> None:
    """The same in `seconds`; what has to go at once does not wait for it."""
    with contextlib.suppress(procrastinate.exceptions.AlreadyEnqueued):
        await app.configure_task(
            "post", queue=SENDING, queueing_lock=f"post-later:{conversation_id}", schedule_in={"seconds": seconds}
        ).defer_async(conversation_id=str(conversation_id))


async def defer(app: procrastinate.App, connection: AsyncConnection, task: str, queue: str, **ids: Any) -> None:
    """Have `task` run after this transaction; arguments are ids only."""
    await app.configure_task(
        task, queue=queue, connection=await db.driver_connection(connection)
    ).defer_async(**{name: str(value) for name, value in ids.items()})

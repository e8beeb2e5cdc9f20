"""What citizens are told without having written is tried a few times and then given up: counted, in the log with what
to do, and tried once more when the worker starts again, for a fault of ours is mended by then."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema_clocks import asked_reminders
from handoff.store.schema_desk import corrected

log = logging.getLogger(__name__)

TRIES = 6                              # within about half an hour
FIRST_PAUSE = timedelta(minutes=1)     # twice as long each time
WORTH_IT = timedelta(days=14)          # what was given up longer ago is not brought up again
GIVEN_UP = "failed"


def is_due(runtime: Runtime, table: Table) -> ColumnElement[bool]:
    """Of the rows that wait: those whose pause is over."""
    return or_(table.c.try_at.is_(None), table.c.try_at <= runtime.clock())


async def attempt(
    runtime: Runtime, table: Table, which: ColumnElement[bool], do: Callable[[], Awaitable[bool]],
    given_up: Callable[[AsyncConnection, Row[Any]], Awaitable[None]] | None = None,
) -> bool:
    """Do it. What fails is tried again later, and after `TRIES` given up; `given_up` tells whom it concerns, in the
    same transaction. Raises `DatabaseAway`, which is no try."""
    try:
        return await do()
    except db.DatabaseAway:
        raise
    except Exception as error:
        at, tries = runtime.clock(), table.c.tries + 1
        over = tries >= TRIES
        pause = func.make_interval(0, 0, 0, 0, 0, 0, FIRST_PAUSE.total_seconds() * func.power(2, table.c.tries))
        async with db.transaction(runtime.pool) as connection:
            row = (await connection.execute(
                update(table).where(which, table.c.state == "waiting").values(
                    tries=tries, try_at=at + pause, state=case((over, GIVEN_UP), else_=table.c.state),
                    settled_at=case((over, at), else_=None),
                ).returning(table)
            )).one_or_none()
            if row is not None and row.state == GIVEN_UP and given_up is not None:
                await given_up(connection, row)
        if row is not None and row.state == GIVEN_UP:
            log.exception("a row of %s for conversation %s is given up after %s tries; mend what is said here, then "
                          "restart the worker: it tries once more", table.name, row.conversation_id, row.tries)
        else:
            log.warning("a row of %s could not be sent and is tried again: %s", table.name, type(error).__name__)
        return False


async def once_more(runtime: Runtime) -> int:
    """What was given up lately has one more try. Returns how much that is."""
    since, count = runtime.clock() - WORTH_IT, 0
    async with db.transaction(runtime.pool) as connection:
        for table in (corrected, asked_reminders):
            again = await connection.execute(
                update(table).where(table.c.state == GIVEN_UP, table.c.settled_at >= since)
                .values(state="waiting", tries=TRIES - 1, try_at=None, settled_at=None)
            )
            count += again.rowcount
    return count

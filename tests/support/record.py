"""The record of a running house, as a test may look at it from beside the application."""

from __future__ import annotations

from typing import Any

import psycopg

from handoff.embedded import SUPERUSER
from handoff.home import Home
from tests.support.waiting import until


def rows(home: Home, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a statement returns, as the superuser."""
    with psycopg.connect(home.cluster.url(SUPERUSER), autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def until_settled(home: Home, conversation_id: str, seconds: float = 30.0) -> list[str]:
    """The fates of the conversation's messages from its citizen, in order, as soon as each has one."""
    statement = "SELECT fate FROM messages WHERE conversation_id = %s AND author = 'citizen' ORDER BY seq"

    def fates() -> list[str] | None:
        found = [fate for (fate,) in rows(home, statement, conversation_id)]
        return found if None not in found else None

    return until(fates, seconds, "every message has a fate")


def until_quiet(home: Home, conversation_id: str, seconds: float = 30.0) -> None:
    """Waits until nothing of the conversation waits to be sent, and no turn of it is under way or to come."""
    waiting = """
        SELECT (SELECT count(*) FROM outbox WHERE state = 'pending' AND conversation_id::text = %s)
             + (SELECT count(*) FROM procrastinate_jobs WHERE status::text IN ('todo', 'doing')
                AND task_name IN ('turn', 'wake') AND args ->> 'conversation_id' = %s)
    """
    until(lambda: rows(home, waiting, conversation_id, conversation_id) == [(0,)], seconds, "nothing is under way")

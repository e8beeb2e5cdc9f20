"""The officers' queue: which cases wait, how long, what of them is unread, and finding one. Lists hold no word of a
citizen; a search by words is a look at what it finds, and is written down as one (P11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.access import Permission
from handoff.domain.assignment import is_away
from handoff.domain.case import Reason, Status
from handoff.domain.number import InvalidNumber, parse
from handoff.services.runtime import Runtime
from handoff.services.talk import search
from handoff.services.views import arriving
from handoff.services.views.desk import (
    CASES,
    CLOSED_LAST,
    IS_CLOSED,
    IS_OPEN,
    OPEN_FIRST,
    PRESSING,
    Scope,
    line_of,
    seen_by,
    within,
)
from handoff.store import db
from handoff.store.schema import cases, conversations, messages, officers
from handoff.store.schema_desk import read_marks
from handoff.store.schema_record import access_log

SHOWN = 50  # lines on one page
ON_BOARD = 150
COUNTED = 300  # a list is counted so far; what is late or unread is of its most pressing ones
UNREAD_TOLD = 100  # cases whose unread messages are told beside every page
REPLY_SOON, RESOLVE_SOON = timedelta(minutes=30), timedelta(days=1)  # how near a deadline is pressing
OPEN = IS_OPEN


@dataclass(frozen=True)
class Wanted:
    """Which cases a list shall hold."""

    scope: Scope = "mine"
    closed: bool = False
    status: Status | None = None
    reason: Reason | None = None
    topic: str | None = None
    late: bool = False
    unread: bool = False
    offset: int = 0


@dataclass(frozen=True)
class Counts:
    """Open cases by list, counted up to `COUNTED` and one more; `late` and `unread` are of as many of the list that is
    shown, the most pressing ones."""

    mine: int
    unit: int
    all: int
    late: int
    unread: int


@dataclass(frozen=True)
class Found:
    """What a search found, and by what it looked: a case's number, or words (False: there was none to look for)."""

    lines: list[dict[str, Any]]
    number: str | None
    words: bool


async def queue(runtime: Runtime, officer: Row[Any], wanted: Wanted) -> list[dict[str, Any]]:
    """At most `SHOWN` lines from the offset on, urgent ones and then the next deadline first, closed ones latest first.
    Raises `Forbidden`."""
    which = IS_CLOSED if wanted.closed else OPEN
    conditions = [*within(officer, wanted.scope), which, *_chosen(runtime, officer, wanted)]
    query = _lines(officer).where(*conditions).order_by(*(CLOSED_LAST if wanted.closed else OPEN_FIRST))
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(query.limit(SHOWN).offset(wanted.offset))).all()
        return await _told(runtime, connection, rows)


async def of_unit(runtime: Runtime, officer: Row[Any], unit_id: UUID) -> list[dict[str, Any]]:
    """At most `ON_BOARD` open cases of a unit that the officer may know of, the most pressing first."""
    query = (
        _lines(officer).where(OPEN, cases.c.unit_id == unit_id, seen_by(officer, Permission.see_cases))
        .order_by(*OPEN_FIRST).limit(ON_BOARD)
    )
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(query)).all()
        return await _told(runtime, connection, rows)


async def counts(runtime: Runtime, officer: Row[Any], scope: Scope) -> Counts:
    """How many open cases each list has. Raises `Forbidden`."""
    pressing = _pressing(officer, scope)
    unread = _unread(officer, pressing.c.conversation_id, literal(1)).exists()
    query = select(
        _how_many(*within(officer, "mine")), _how_many(*within(officer, "unit")),
        _how_many(seen_by(officer, Permission.see_cases)),
        func.count().filter(runtime.clock() > pressing.c.next_deadline), func.count().filter(unread),
    ).select_from(pressing)
    async with db.statement(runtime.pool) as connection:
        return Counts(*(await connection.execute(query)).one())


def _how_many(*conditions: ColumnElement[bool]) -> Any:
    """Open cases, counted up to `COUNTED` and one more; a million cost no more."""
    some = select(cases.c.id).where(OPEN, *conditions).limit(COUNTED + 1)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _pressing(officer: Row[Any], scope: Scope) -> Any:
    """The most pressing open cases of a list. Raises `Forbidden`."""
    return (
        select(cases.c.number, cases.c.next_deadline, cases.c.conversation_id)
        .where(OPEN, *within(officer, scope))
        .order_by(*OPEN_FIRST).limit(COUNTED + 1).subquery()
    )


async def unread(runtime: Runtime, officer: Row[Any]) -> dict[str, int]:
    """The officer's own open cases with messages that they have not read, by number, of the most pressing ones. Raises
    `Forbidden`."""
    mine = _pressing(officer, "mine")
    number = _unread(officer, mine.c.conversation_id).scalar_subquery()
    query = (
        select(mine.c.number, number.label("unread")).where(number > 0).order_by(mine.c.number).limit(UNREAD_TOLD)
    )
    async with db.statement(runtime.pool) as connection:
        return {row.number: row.unread for row in (await connection.execute(query)).all()}


async def find(runtime: Runtime, officer: Row[Any], text: str, titles: Mapping[str, str]) -> Found:
    """Cases, open and closed, by their number in any spelling, or else by the topic's title (`titles`, by id) or by
    what the citizen wrote: every word of it. Raises `Forbidden`."""
    within(officer, "mine")
    try:
        number = parse(text)
    except InvalidNumber:
        number = None
    named = _named(text, titles)
    spoken = None if number else search.containing(runtime, text)
    by_words = and_(
        cases.c.conversation_id.in_(spoken), seen_by(officer, Permission.read_words)
    ) if spoken is not None else literal(False)
    by_name = cases.c.number == number if number else cases.c.topic.in_(named) if named else None
    # Either alone goes by its index, both together by reading every case.
    query = (
        _lines(officer).add_columns(by_words.label("by_words"))
        .where(seen_by(officer, Permission.see_cases), by_words if by_name is None else or_(by_name, by_words))
        .order_by(*PRESSING).limit(SHOWN)
    )
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(query)).all()
        looks = [{"officer_id": officer.id, "conversation_id": row.conversation_id, "what": "search",
                  "at": runtime.clock()} for row in rows if row.by_words]
        if looks:
            await connection.execute(insert(access_log), looks)
        return Found(await _told(runtime, connection, rows), number, spoken is not None)


def _named(text: str, titles: Mapping[str, str]) -> list[str]:
    wanted = " ".join(text.casefold().split())
    return [topic for topic, title in titles.items() if len(wanted) >= 2 and wanted in title.casefold()]


def _chosen(runtime: Runtime, officer: Row[Any], wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, value in ((cases.c.status, wanted.status), (cases.c.reason, wanted.reason)):
        if value is not None:
            conditions.append(column == value.value)
    if wanted.topic is not None:
        conditions.append(cases.c.topic == wanted.topic)
    if wanted.late:
        conditions.append(runtime.clock() > cases.c.next_deadline)
    if wanted.unread:
        conditions.append(_unread(officer, what=literal(1)).exists())
    return conditions


def _lines(officer: Row[Any]) -> Select[Any]:
    unread = _unread(officer).scalar_subquery()
    return CASES.add_columns(unread.label("unread"), conversations.c.last_inbound_at, officers.c.away_since)


def _unread(officer: Row[Any], conversation: Any = cases.c.conversation_id, what: Any = None) -> Any:
    """The citizen's messages in the conversation (a column) that the officer has not read: how many, or `what`."""
    read = (
        select(read_marks.c.seq)
        .where(read_marks.c.officer_id == officer.id, read_marks.c.conversation_id == conversation)
        .correlate(conversation.table).scalar_subquery()
    )
    return (
        select(func.count() if what is None else what).select_from(messages).where(
            messages.c.conversation_id == conversation, messages.c.author == "citizen",
            ~messages.c.private, messages.c.seq > func.coalesce(read, 0),
        ).correlate(conversation.table)
    )


async def _told(runtime: Runtime, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    undelivered = {row.id: (row.unit_id, row.reply_undelivered_since) for row in rows if row.reply_undelivered_since}
    ages = await arriving.ages(runtime, connection, undelivered)
    return [{**_line(row, runtime.clock()), "undelivered_for": ages.get(row.id)} for row in rows]


def _line(row: Row[Any], at: datetime) -> dict[str, Any]:
    """One line with what presses: how late it is or how soon it is due, how long the citizen has waited, and whether
    its officer is on a break."""
    due, reply_due = row.next_deadline, row.next_deadline == row.reply_by
    left = due - at if due else None
    soon = REPLY_SOON if reply_due else RESOLVE_SOON
    return {
        **line_of(row), "unread": row.unread,
        "away": is_away(row.away_since, at, ZoneInfo(row.zone)),
        "late_by": -left if left is not None and left < timedelta(0) else None,
        "due_in": left if left is not None and timedelta(0) <= left <= soon else None,
        "waited": max(at - row.waiting_since, timedelta(0)) if row.waiting_since else None,
        "wrote_ago": max(at - row.last_inbound_at, timedelta(0)) if row.last_inbound_at else None,
    }

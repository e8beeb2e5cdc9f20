"""What who leads needs to see of automated answers (P8): which are suspended, since when, by whom, why and after which
dispute; which are disputed; and what an answer says. No word of a citizen is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import render
from handoff.domain.access import Permission, allows
from handoff.domain.case import Role
from handoff.services.errors import Forbidden, NotFound
from handoff.services.runtime import Runtime
from handoff.services.views.desk import seen_by
from handoff.store import db
from handoff.store.schema import answers, case_items, cases, messages, officers
from handoff.store.schema_desk import publication_events, publications

DISPUTED_FOR = timedelta(days=90)  # how far back a dispute is shown
SHOWN = 50


@dataclass(frozen=True)
class Change:
    """One suspension or republication. `case`: the number of the case whose dispute showed that the answer is wrong,
    for who may see that case; None also where none was named."""

    topic: str
    epoch: int
    suspended: bool
    at: datetime
    officer: str
    title: str
    reason: str | None
    case: str | None


@dataclass(frozen=True)
class Dispute:
    """A citizen disputed an answer in this case; `seq` is the answer's message there."""

    number: str
    at: datetime
    seq: int


@dataclass(frozen=True)
class Overview:
    """`suspended`: the latest first. `disputed`: how many cases disputed an answer that is given still, the most first;
    only cases that the viewer may see are counted."""

    suspended: Sequence[Change]
    disputed: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Publication:
    """One answer: what citizens are told, whether it is suspended now (`held`), all that happened, the latest first,
    and who disputed it."""

    topic: str
    text: str
    held: Change | None
    history: Sequence[Change]
    disputes: Sequence[Dispute]


async def overview(runtime: Runtime, officer: Row[Any]) -> Overview:
    """All of it in short. Raises `Forbidden`."""
    _check(officer)
    async with db.transaction(runtime.pool) as connection:
        now = publications.c.suspended & (publications.c.topic == publication_events.c.topic)
        held = (await connection.execute(
            _changes(officer).join(publications, now & (publications.c.epoch == publication_events.c.epoch))
        )).all()
        disputed = (await connection.execute(
            select(answers.c.topic, func.count(cases.c.id.distinct()).label("number"))
            .join(case_items, case_items.c.answer_id == answers.c.id).join(cases, cases.c.id == case_items.c.case_id)
            .where(case_items.c.created_at >= runtime.clock() - DISPUTED_FOR, seen_by(officer, Permission.see_cases))
            .group_by(answers.c.topic).order_by(func.count(cases.c.id.distinct()).desc(), answers.c.topic)
        )).all()
    stopped = {row.topic for row in held}
    return Overview([_change(row) for row in held],
                    [(row.topic, int(row.number)) for row in disputed if row.topic not in stopped])


async def one(runtime: Runtime, officer: Row[Any], topic: str) -> Publication:
    """One answer. Raises `Forbidden`, `NotFound`."""
    _check(officer)
    entry = runtime.catalogue.topics.get(topic)
    if entry is None:
        raise NotFound()
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            _changes(officer).where(publication_events.c.topic == topic).limit(SHOWN)
        )).all()
        disputes = [Dispute(row.number, row.created_at, row.seq)
                    for row in await _disputes(connection, officer, topic, runtime.clock())]
    history = [_change(row) for row in rows]
    held = history[0] if history and history[0].suspended else None
    return Publication(topic, render.answer(entry, "overview", runtime.today).text, held, history, disputes)


async def disputing(runtime: Runtime, officer: Row[Any], topic: str, number: str) -> UUID:
    """The case with this number, in which the topic's answer was disputed. Raises `Forbidden`, `NotFound`."""
    _check(officer)
    async with db.transaction(runtime.pool) as connection:
        known = await _disputes(connection, officer, topic, runtime.clock())
    found: dict[str, UUID] = {row.number: row.id for row in known}
    if number not in found:
        raise NotFound()
    return found[number]


def _check(officer: Row[Any]) -> None:
    if not allows(Role(officer.role), Permission.publish):
        raise Forbidden()


def _changes(officer: Row[Any]) -> Select[Any]:
    visible = select(cases.c.number).where(
        cases.c.id == publication_events.c.case_id, seen_by(officer, Permission.see_cases)
    ).scalar_subquery()
    return (
        select(publication_events, officers.c.name, officers.c.title, visible.label("number"))
        .join(officers, officers.c.id == publication_events.c.officer_id)
        .order_by(publication_events.c.at.desc(), publication_events.c.epoch.desc())
    )


def _change(row: Row[Any]) -> Change:
    return Change(row.topic, row.epoch, row.suspended, row.at, row.name, row.title, row.reason, row.number)


async def _disputes(
    connection: AsyncConnection, officer: Row[Any], topic: str, now: datetime
) -> Sequence[Any]:
    return (await connection.execute(
        select(cases.c.id, cases.c.number, case_items.c.created_at, messages.c.seq)
        .join(case_items, case_items.c.case_id == cases.c.id).join(answers, answers.c.id == case_items.c.answer_id)
        .join(messages, messages.c.id == answers.c.message_id)
        .where(answers.c.topic == topic, case_items.c.created_at >= now - DISPUTED_FOR,
               seen_by(officer, Permission.see_cases))
        .order_by(case_items.c.created_at.desc()).limit(SHOWN)
    )).all()

"""News for people (P7): for officers and who leads them in the console and by e-mail, for citizens by the e-mail that
they chose. Ids and times only; the words are made when somebody reads them, and never repeat a citizen's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import Row, and_, any_, case, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Reason, Role
from handoff.domain.notice import OF_EVENT
from handoff.services.post import numbers
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, contacts, officers, units
from handoff.store.schema_clocks import mails, notices

SHOWN = 100
#: Events of a case of which its citizen is told by e-mail as well: somebody said or decided something.
FOR_CITIZENS = frozenset(OF_EVENT)


@dataclass(frozen=True)
class Notice:
    """One piece of news as its reader sees it; `kind` names it for a program."""

    at: datetime
    number: str
    text: str
    unread: bool
    kind: str


async def tell(
    runtime: Runtime, connection: AsyncConnection, officer_id: UUID, case_id: UUID, kind: str,
    due_at: datetime | None = None,
) -> None:
    """Tell an officer of something about a case: in the console, and by e-mail where they have an address. `kind` names
    the sentence (`notices.*` in the texts), a clock's kind after a colon. Of a confidential report nobody is told but
    the officer on it, whoever asks for it; of a complaint nobody from whom it is kept."""
    at = runtime.clock()
    hidden = select(cases.c.id).where(
        cases.c.id == case_id, cases.c.officer_id != officer_id,
        or_(cases.c.reason == Reason.confidential_report.value, literal(officer_id) == any_(cases.c.kept_from)),
    )
    if (await connection.execute(hidden)).first() is not None:
        return
    await connection.execute(insert(notices).values(
        id=uuid4(), officer_id=officer_id, case_id=case_id, kind=kind, due_at=due_at, at=at,
    ))
    if runtime.settings.smtp_url is not None:
        address = select(officers.c.id).where(officers.c.id == officer_id, officers.c.email.isnot(None))
        if (await connection.execute(address)).first() is not None:
            await _post(connection, at, case_id=case_id, kind=kind, due_at=due_at, officer_id=officer_id)


async def news(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], case_id: UUID, event: str
) -> None:
    """Send the citizen word of an event to the e-mail and the number that they chose, if they chose one."""
    await numbers.news(runtime, connection, conversation, case_id, event)
    if event not in FOR_CITIZENS or runtime.settings.smtp_url is None:
        return
    chosen = (await connection.execute(
        select(contacts.c.id).where(
            contacts.c.citizen_id == conversation.citizen_id, contacts.c.kind == "email",
            contacts.c.refused_at.is_(None),
        )
    )).scalars().all()
    for contact_id in chosen:
        await _post(connection, runtime.clock(), case_id=case_id, kind=event, contact_id=contact_id)


async def _post(connection: AsyncConnection, at: datetime, **columns: Any) -> None:
    await connection.execute(insert(mails).values(id=uuid4(), created_at=at, next_try_at=at, **columns))


async def leader(
    connection: AsyncConnection, unit_id: UUID, role: Literal[Role.supervisor, Role.head],
    barred: Collection[UUID] = (),
) -> Row[Any]:
    """The active supervisor or head who answers for the unit: its own, else one of another unit; nobody who is `barred`
    as long as there is anybody else. Where the office has none with this role, the other one; where it has neither,
    the unit's first officer, so that somebody is told."""
    ranks = {Role.supervisor.value: 1, Role.head.value: 1} | {role.value: 0}
    rank = case(ranks, value=officers.c.role, else_=2)
    return (await connection.execute(
        select(officers).where(officers.c.active)
        .order_by(officers.c.id.in_(barred), rank, officers.c.unit_id != unit_id, officers.c.login).limit(1)
    )).one()


async def decider(connection: AsyncConnection, unit_id: UUID, barred: Collection[UUID] = ()) -> Row[Any]:
    """Who may decide about a case of the unit: its active head, else a supervisor, else another unit's head; nobody
    who is `barred` as long as there is anybody else."""
    own_head = and_(officers.c.role == Role.head.value, officers.c.unit_id == unit_id)
    others = {Role.supervisor.value: 1, Role.head.value: 2}
    rank = case((own_head, 0), *((officers.c.role == role, place) for role, place in others.items()), else_=3)
    return (await connection.execute(
        select(officers).where(officers.c.active)
        .order_by(officers.c.id.in_(barred), rank, officers.c.login).limit(1)
    )).one()


async def person(connection: AsyncConnection, officer_id: UUID) -> Row[Any] | None:
    """An officer who is still active; None for one who has left."""
    return (await connection.execute(
        select(officers).where(officers.c.id == officer_id, officers.c.active)
    )).one_or_none()


async def listed(runtime: Runtime, officer: Row[Any]) -> list[Notice]:
    """The officer's newest notices, the latest first."""
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(notices, cases.c.number, units.c.zone).join(cases, cases.c.id == notices.c.case_id)
            .join(units, units.c.id == cases.c.unit_id)
            .where(notices.c.officer_id == officer.id).order_by(notices.c.at.desc(), notices.c.id).limit(SHOWN)
        )).all()
    return [Notice(row.at, row.number, said(runtime, row), row.read_at is None, row.kind) for row in rows]


async def unread(runtime: Runtime, officer: Row[Any]) -> int:
    """How many notices the officer has not read, counted up to `SHOWN`."""
    some = (
        select(notices.c.id).where(notices.c.officer_id == officer.id, notices.c.read_at.is_(None)).limit(SHOWN)
        .subquery()
    )
    async with db.statement(runtime.pool) as connection:
        return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


async def mark_read(runtime: Runtime, officer: Row[Any], until: datetime) -> None:
    """Everything that the officer was told up to `until` has been read."""
    async with db.statement(runtime.pool) as connection:
        await connection.execute(
            update(notices).where(
                notices.c.officer_id == officer.id, notices.c.read_at.is_(None), notices.c.at <= until
            ).values(read_at=runtime.clock())
        )


def said(runtime: Runtime, row: Row[Any]) -> str:
    """The notice as one sentence; `row` has its `kind`, `due_at`, the case's `number` and the unit's `zone`."""
    name, _, clock = row.kind.partition(":")
    what = runtime.texts.say(f"notices.what.{clock}") if clock else ""
    return runtime.texts.say(f"notices.{name}", number=row.number, what=what, due_at=row.due_at, zone=row.zone)


async def told_of(connection: AsyncConnection, case_id: UUID) -> Sequence[Row[Any]]:
    """Who was told of a case, and what, in order."""
    return (await connection.execute(
        select(notices, officers.c.login, officers.c.role).join(officers, officers.c.id == notices.c.officer_id)
        .where(notices.c.case_id == case_id).order_by(notices.c.at, notices.c.kind)
    )).all()

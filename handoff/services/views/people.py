"""Who works in the office, as who decides about their duty sees them: leave, the end of a duty, and whom each open case
goes to. A supervisor and an administrator see everybody, a head their unit, everybody else themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, and_, any_, func, literal, or_, select, true

from handoff.domain.case import Reason, Role
from handoff.services.errors import NotFound
from handoff.services.people.duty import ENDS_DUTY, GIVES_LEAVE, Handed
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, officers, units
from handoff.store.schema_clocks import leaves


@dataclass(frozen=True)
class Leave:
    """Days on which somebody does not work, not yet over."""

    id: UUID
    first_day: date
    last_day: date
    begun: bool


@dataclass(frozen=True)
class Person:
    """An officer with what is known of their duty; `today` is the day in their unit. `open_cases` is a number."""

    row: Row[Any]
    open_cases: int
    today: date
    leaves: tuple[Leave, ...]

    @property
    def on_leave(self) -> bool:
        """Whether they are on leave today."""
        return any(leave.begun for leave in self.leaves)


@dataclass(frozen=True)
class May:
    """What the viewer may decide about somebody."""

    leave: bool
    end: bool


@dataclass(frozen=True)
class Going:
    """Whom a case goes to; nothing of a case that the viewer may not know of."""

    number: str | None
    name: str = ""
    title: str = ""
    unit: str = ""


def may(viewer: Row[Any], person: Row[Any]) -> May:
    """As `services.people.duty` decides; nobody ends their own duty."""
    role, own = Role(viewer.role), viewer.id == person.id
    leads = role in GIVES_LEAVE and (role is not Role.head or viewer.unit_id == person.unit_id)
    return May(leave=own or leads, end=role in ENDS_DUTY and not own)


async def listed(runtime: Runtime, viewer: Row[Any]) -> list[Person]:
    """Everybody whom the viewer sees, by unit and name, those who have left last."""
    return await _people(runtime, _seen(viewer))


async def one(runtime: Runtime, viewer: Row[Any], login: str) -> Person:
    """One of them. Raises `NotFound`."""
    found = await _people(runtime, _seen(viewer), officers.c.login == login)
    if not found:
        raise NotFound()
    return found[0]


async def goings(runtime: Runtime, viewer: Row[Any], handed: Sequence[Handed]) -> list[Going]:
    """Whom each case goes to, in words, by number; the hidden ones last."""
    async with db.statement(runtime.pool) as connection:
        hidden = set((await connection.execute(
            select(cases.c.id).where(
                cases.c.id.in_([one.case_id for one in handed]), cases.c.officer_id != viewer.id,
                or_(cases.c.reason == Reason.confidential_report.value,
                    literal(viewer.id) == any_(cases.c.kept_from)),
            )
        )).scalars())
        people = {row.id: row for row in (await connection.execute(
            select(officers.c.id, officers.c.name, officers.c.title, units.c.name.label("unit"))
            .join(units, units.c.id == officers.c.unit_id)
            .where(officers.c.id.in_([one.officer_id for one in handed]))
        )).all()}
    shown = [Going(None) if one.case_id in hidden else _going(one.number, people[one.officer_id]) for one in handed]
    return sorted(shown, key=lambda going: (going.number is None, going.number or ""))


def _going(number: str, to: Any) -> Going:
    return Going(number, to.name, to.title, to.unit)


def _seen(viewer: Row[Any]) -> ColumnElement[bool]:
    role = Role(viewer.role)
    if role in ENDS_DUTY:
        return true()
    if role is Role.head:
        return and_(officers.c.unit_id == viewer.unit_id, officers.c.active)
    return and_(officers.c.id == viewer.id)


async def _people(runtime: Runtime, *which: ColumnElement[bool]) -> list[Person]:
    number = (
        select(func.count()).where(cases.c.officer_id == officers.c.id, cases.c.status != "closed")
        .correlate(officers).scalar_subquery()
    )
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(officers, units.c.name.label("unit_name"), units.c.zone, number.label("open_cases"))
            .join(units, units.c.id == officers.c.unit_id).where(*which)
            .order_by(officers.c.active.desc(), units.c.name, officers.c.name)
        )).all()
        absent = (await connection.execute(
            select(leaves).where(leaves.c.officer_id.in_([row.id for row in rows])).order_by(leaves.c.first_day)
        )).all()
    at = runtime.clock()
    people = []
    for row in rows:
        today = at.astimezone(ZoneInfo(row.zone)).date()
        own = [one for one in absent if one.officer_id == row.id and one.last_day >= today]
        people.append(Person(row, row.open_cases, today, tuple(
            Leave(one.id, one.first_day, one.last_day, one.first_day <= today) for one in own
        )))
    return people

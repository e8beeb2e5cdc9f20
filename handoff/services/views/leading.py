"""What who leads sees: a unit's open cases by deadline, grouped by the officer who has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.access import Permission
from handoff.domain.case import Role
from handoff.services.errors import Forbidden, NotFound
from handoff.services.people import office
from handoff.services.people.office import Colleague
from handoff.services.runtime import Runtime
from handoff.services.views import lists
from handoff.services.views.desk import seen_by
from handoff.services.views.lists import OPEN
from handoff.store import db
from handoff.store.schema import cases, units

LEADING = frozenset({Role.supervisor, Role.head})


@dataclass(frozen=True)
class Holder:
    """An officer with their cases. `colleague` is nobody for a supervisor or somebody of another unit."""

    name: str
    title: str
    colleague: Colleague | None
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class UnitBoard:
    """One unit; `units` are all that this officer leads, with how many open cases each has."""

    unit: Row[Any]
    units: Sequence[Row[Any]]
    holders: list[Holder]


async def board(runtime: Runtime, officer: Row[Any], slug: str | None = None) -> UnitBoard:
    """The unit `slug`, or the one with the most open cases. Who has the next deadline comes first, who has no case
    last. Raises `Forbidden`, `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        led = await _led(connection, officer)
        unit = next((one for one in led if one.slug == slug), None) if slug else max(led, key=lambda one: one.open)
        if unit is None:
            raise NotFound()
        people = await office.colleagues(connection, unit, runtime.clock())
    holders: dict[str, Holder] = {}
    for line in await lists.of_unit(runtime, officer, unit.id):
        who = line["officer"]
        there = next((one for one in people if str(one.id) == who["id"]), None)
        holders.setdefault(who["id"], Holder(who["name"], who["title"], there, [])).lines.append(line)
    idle = [Holder(one.name, one.title, one, []) for one in people if str(one.id) not in holders]
    return UnitBoard(unit, led, [*holders.values(), *idle])


async def colleagues(runtime: Runtime, officer: Row[Any], slug: str) -> list[Colleague]:
    """Who of the unit `slug` can be given a case. Raises `Forbidden`, `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        unit = next((one for one in await _led(connection, officer) if one.slug == slug), None)
        if unit is None:
            raise NotFound()
        return await office.colleagues(connection, unit, runtime.clock())


async def case_id(runtime: Runtime, officer: Row[Any], number: str) -> UUID:
    """The id of a case in a unit that the officer leads. Raises `Forbidden`, `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        led = [one.id for one in await _led(connection, officer)]
        found: UUID | None = (await connection.execute(
            select(cases.c.id).where(cases.c.number == number, cases.c.unit_id.in_(led),
                                     seen_by(officer, Permission.see_cases))
        )).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


async def _led(connection: AsyncConnection, officer: Row[Any]) -> Sequence[Row[Any]]:
    """The units that the officer leads: a supervisor every one, a head their own."""
    role = Role(officer.role)
    if role not in LEADING:
        raise Forbidden()
    number = (
        select(func.count()).where(OPEN, cases.c.unit_id == units.c.id, seen_by(officer, Permission.see_cases))
        .correlate(units).scalar_subquery()
    )
    query = select(units, number.label("open")).order_by(units.c.name)
    if role is Role.head:
        query = query.where(units.c.id == officer.unit_id)
    return (await connection.execute(query)).all()

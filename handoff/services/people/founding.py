"""An office from its file: units, the people in them, their duty. `example_office.yml` shows the form (ADR 0034)."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.calendar import CalendarError, WorkingCalendar
from handoff.domain.case import Role
from handoff.services.errors import Conflict
from handoff.services.people import staff
from handoff.services.people.office import HAS_DUTY
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import offices, shifts, units

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NotAnOffice(Exception):
    """The file describes no office; `problems` are one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Person(_Part):
    role: Role
    name: Name
    title: Name


class _Unit(_Part):
    """`desk`: which of the catalogue's desks it is; its own short name unless given. No two units of all offices
    have the same short name, no two of one office the same desk."""

    slug: Slug
    name: Name
    desk: Slug | None = None
    default: bool = False
    people: tuple[_Person, ...] = ()


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no time zone, such as Asia/Jakarta")
    return name


def _hours(weekly: dict[str, list[list[str]]]) -> dict[str, list[list[str]]]:
    spans = {int(day): tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in of)
             for day, of in weekly.items()}
    try:
        WorkingCalendar(ZoneInfo("UTC"), spans)
    except CalendarError as error:
        raise ValueError(str(error)) from None
    if not any(spans.values()):
        raise ValueError("never open")
    return weekly


class Office(_Part):
    """What the file says. Officers are on duty in all of the office's hours; shifts of their own come later."""

    slug: Slug
    name: Name
    zone: Annotated[str, AfterValidator(_zone)]
    weekly_hours: Annotated[dict[str, list[list[str]]], AfterValidator(_hours)]
    units: Annotated[tuple[_Unit, ...], Field(min_length=1)]

    @classmethod
    def of(cls, given: Any) -> Office:
        """Raises `NotAnOffice`."""
        try:
            office = cls.model_validate(given)
        except ValidationError as error:
            raise NotAnOffice([f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()]
                              ) from None
        if sum(unit.default for unit in office.units) != 1:
            raise NotAnOffice(["units: exactly one is the default, which takes what no topic claims"])
        return office

    @property
    def people(self) -> int:
        """How many."""
        return sum(len(unit.people) for unit in self.units)


async def found(runtime: Runtime, office: Office) -> list[dict[str, str]]:
    """Make one more office. Its officers' `login`, `one_time_password`, `name`, `title`, `role` and `unit`. Raises
    `Conflict("short_name_taken")`."""
    passwords = await prepared(office)
    async with db.transaction(runtime.pool) as connection:
        taken = select(offices.c.slug).where(offices.c.slug == office.slug).union(
            select(units.c.slug).where(units.c.slug.in_([unit.slug for unit in office.units])))
        if (await connection.execute(taken)).first() is not None:
            raise Conflict("short_name_taken")
        return await make(connection, office, passwords, runtime.clock())


async def prepared(office: Office) -> list[tuple[str, str]]:
    """A one-time password with its hash for everybody in it."""
    passwords = [staff.new_password() for _ in range(office.people)]
    return list(zip(passwords, await staff.hashed(passwords), strict=True))


async def make(
    connection: AsyncConnection, office: Office, passwords: list[tuple[str, str]], at: datetime, *,
    is_example: bool = False,
) -> list[dict[str, str]]:
    """The office's rows, as part of the caller's transaction; its officers as `found` tells them."""
    office_id, left, made = uuid4(), iter(passwords), []
    await connection.execute(insert(offices).values(
        id=office_id, slug=office.slug, name=office.name, is_example=is_example, created_at=at,
    ))
    for unit in office.units:
        unit_id = uuid4()
        await connection.execute(insert(units).values(
            id=unit_id, office_id=office_id, slug=unit.slug, desk=unit.desk or unit.slug, name=unit.name,
            zone=office.zone, weekly_hours=office.weekly_hours, is_default=unit.default,
        ))
        for person in unit.people:
            password, password_hash = next(left)
            officer_id, login = await staff.enlist(
                connection, unit_id=unit_id, name=person.name, title=person.title, role=person.role, email=None,
                login=None, password_hash=password_hash, at=at,
            )
            if person.role.value in HAS_DUTY and person.role is not Role.head:  # others: whenever their unit is open
                await _duty(connection, officer_id, office.weekly_hours)
            made.append({"login": login, "one_time_password": password, "name": person.name, "title": person.title,
                         "role": person.role.value, "unit": unit.name})
    return made


async def _duty(connection: AsyncConnection, officer_id: UUID, weekly: dict[str, list[list[str]]]) -> None:
    await connection.execute(insert(shifts), [
        {"id": uuid4(), "officer_id": officer_id, "weekday": int(day), "start_time": time.fromisoformat(start),
         "end_time": time.fromisoformat(end)}
        for day, of in weekly.items() for start, end in of
    ])

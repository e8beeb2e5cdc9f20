"""The example office of a first run (`example_office.yml`), so that there is somebody to hand over to."""

from __future__ import annotations

import asyncio
from datetime import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Role
from handoff.services.people import staff
from handoff.services.people.office import HAS_DUTY
from handoff.services.runtime import Runtime
from handoff.settings import Settings
from handoff.store import db
from handoff.store.schema import offices, shifts, units

FILE = Path(__file__).parents[2] / "example_office.yml"
LOCK = 7267004  # two first starts at once: the second finds an office


def seed_example(settings: Settings) -> list[dict[str, str]]:
    """`seed` for a caller without an event loop; `settings.database_url` is the application's. Blocking.

    The logins and one-time passwords of the office made now; none when there is an office.
    """
    return asyncio.run(_seed(settings))


async def _seed(settings: Settings) -> list[dict[str, str]]:
    runtime = Runtime.create(settings, pool_size=1)
    try:
        return await seed(runtime) or []
    finally:
        await runtime.close()


async def seed(runtime: Runtime) -> list[dict[str, str]] | None:
    """Make the example office where there is none. Its officers' `login`, `one_time_password`, `name`, `title`,
    `role` and `unit`, this once; None when there is an office already."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        if (await connection.execute(select(offices.c.id).limit(1))).first() is not None:
            return None
        office = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        passwords = [staff.new_password() for unit in office["units"] for _ in unit["people"]]
        hashes = await staff.hashed(passwords)
        return await _Example(runtime, connection, office, zip(passwords, hashes, strict=True)).make()


class _Example:
    """The office being made, inside its transaction."""

    def __init__(self, runtime: Runtime, connection: AsyncConnection, office: dict[str, Any], passwords: Any) -> None:
        self._at = runtime.clock()
        self._connection = connection
        self._office = office
        self._passwords = passwords
        self._made: list[dict[str, str]] = []

    async def make(self) -> list[dict[str, str]]:
        office_id = uuid4()
        await self._connection.execute(insert(offices).values(
            id=office_id, slug=self._office["slug"], name=self._office["name"], is_example=True, created_at=self._at,
        ))
        for unit in self._office["units"]:
            unit_id = uuid4()
            await self._connection.execute(insert(units).values(
                id=unit_id, office_id=office_id, slug=unit["slug"], name=unit["name"], zone=self._office["zone"],
                weekly_hours=self._office["weekly_hours"], is_default=unit.get("default", False),
            ))
            for person in unit["people"]:
                await self._person(unit_id, unit["name"], person)
        return self._made

    async def _person(self, unit_id: UUID, unit_name: str, person: dict[str, str]) -> None:
        password, password_hash = next(self._passwords)
        role = Role(person["role"])
        officer_id, login = await staff.enlist(
            self._connection, unit_id=unit_id, name=person["name"], title=person["title"], role=role, email=None,
            login=None, password_hash=password_hash, at=self._at,
        )
        if role.value in HAS_DUTY and role is not Role.head:  # the others are on duty whenever their unit is open
            await self._duty(officer_id)
        self._made.append({"login": login, "one_time_password": password, "name": person["name"],
                           "title": person["title"], "role": role.value, "unit": unit_name})

    async def _duty(self, officer_id: UUID) -> None:
        await self._connection.execute(insert(shifts), [
            {"id": uuid4(), "officer_id": officer_id, "weekday": int(day),
             "start_time": time.fromisoformat(start), "end_time": time.fromisoformat(end)}
            for day, hours in self._office["weekly_hours"].items() for start, end in hours
        ])

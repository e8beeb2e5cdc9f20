"""Calling who looks after the installation: a number at Meta that may no longer send. Told once for each stop, by
e-mail to every administrator who has an address; shown in the console and in the figures for as long as it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Role
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import officers
from handoff.store.schema_clocks import mails
from handoff.store.schema_whatsapp import whatsapp_stops

TOLD = frozenset({Role.admin, Role.supervisor})  # whom the console shows it
STOPPED = "number_stopped"


async def call(runtime: Runtime, connection: AsyncConnection) -> None:
    """A number has stopped: write to the administrators, as part of the transaction that stops it."""
    if runtime.settings.smtp_url is None:
        return
    at = runtime.clock()
    called = (await connection.execute(
        select(officers.c.id)
        .where(officers.c.role == Role.admin.value, officers.c.active, officers.c.email.isnot(None))
    )).scalars().all()
    for officer_id in called:
        await connection.execute(insert(mails).values(
            id=uuid4(), officer_id=officer_id, kind=STOPPED, created_at=at, next_try_at=at))


async def stops_in(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """The numbers that cannot send now: `number_id`, `code`, `since`."""
    return (await connection.execute(select(whatsapp_stops).order_by(whatsapp_stops.c.since))).all()


async def stops(runtime: Runtime) -> Sequence[Row[Any]]:
    """`stops_in` by itself; none while the channel is off."""
    if runtime.settings.whatsapp is None:
        return ()
    async with db.statement(runtime.pool) as connection:
        return await stops_in(connection)

"""Whose case it is when its officer leaves (P2): every open case moves to a named person in the very transaction in
which the officer goes, or they do not go."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Role
from handoff.services.case import cases, transfers
from handoff.services.case.holding import Held
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.post import sending
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import officers, sessions, units
from handoff.store.schema_clocks import leaves

TRIES = 5  # a case that comes while its officer goes sends us round again


async def deactivate(runtime: Runtime, actor: Row[Any] | None, login: str) -> int:
    """The officer leaves for good: open cases move, sessions end. Returns how many cases moved. `actor`: who does it;
    None is the operator at the command line.

    Raises `NotFound`, `Forbidden`, `Conflict("nobody_else")` when somebody's case would have nobody.
    """
    for _ in range(TRIES):
        try:
            return await _go(runtime, actor, login)
        except IntegrityError:  # a case came meanwhile
            continue
    raise Conflict()


async def _go(runtime: Runtime, actor: Row[Any] | None, login: str) -> int:
    async with db.transaction(runtime.pool) as connection:
        leaving = await _whom(connection, actor, login, frozenset({Role.admin, Role.supervisor}))
        moved = await hand_on(runtime, connection, leaving.id, "deactivated")
        await connection.execute(update(officers).where(officers.c.id == leaving.id).values(active=False))
        await connection.execute(delete(sessions).where(sessions.c.officer_id == leaving.id))
    for conversation_id in moved:
        await sending.dispatch(runtime, conversation_id)
    return len(moved)


async def leave(runtime: Runtime, actor: Row[Any], login: str, first_day: date, last_day: date) -> int:
    """The officer is away on these days. Open cases move as it begins: now, or by `begin_leaves` on that day. Returns
    how many moved now.

    Raises `NotFound`, `Forbidden`, `Unprocessable("bad_day")`, `Conflict("nobody_else")`.
    """
    async with db.transaction(runtime.pool) as connection:
        leading = frozenset({Role.supervisor, Role.head})
        absent = await _whom(connection, actor, login, frozenset() if login == actor.login else leading)
        zone = (await connection.execute(select(units.c.zone).where(units.c.id == absent.unit_id))).scalar_one()
        today = runtime.clock().astimezone(ZoneInfo(zone)).date()
        if not today <= first_day <= last_day:
            raise Unprocessable("bad_day")
        await connection.execute(insert(leaves).values(
            id=uuid4(), officer_id=absent.id, first_day=first_day, last_day=last_day, created_at=runtime.clock(),
        ))
        moved = await hand_on(runtime, connection, absent.id, "leave") if first_day == today else []
    for conversation_id in moved:
        await sending.dispatch(runtime, conversation_id)
    return len(moved)


async def begin_leaves(runtime: Runtime) -> int:
    """Whoever is on leave today keeps no open case; safe to run twice and by two at once. Returns how many moved."""
    today, total = func.date(func.timezone(units.c.zone, runtime.clock())), 0
    async with db.statement(runtime.pool) as connection:
        absent = (await connection.execute(
            select(officers.c.id).distinct().join(leaves, leaves.c.officer_id == officers.c.id)
            .join(units, units.c.id == officers.c.unit_id)
            .join(case_table, officers.c.id.in_([case_table.c.officer_id, case_table.c.transfer_officer_id]))
            .where(leaves.c.first_day <= today, leaves.c.last_day >= today, case_table.c.status != "closed")
        )).scalars().all()
    for officer_id in absent:
        try:
            async with db.transaction(runtime.pool) as connection:
                moved = await hand_on(runtime, connection, officer_id, "leave")
        except Conflict:
            continue  # nobody else is there: it stays with them, by name
        for conversation_id in moved:
            await sending.dispatch(runtime, conversation_id)
        total += len(moved)
    return total


async def hand_on(runtime: Runtime, connection: AsyncConnection, officer_id: UUID, because: str) -> list[UUID]:
    """Every open case of the officer goes to somebody else by name, who is told, and so is the citizen; where they
    were asked to take another unit's case, a colleague is asked. Returns the conversations. Raises
    `Conflict("nobody_else")`."""
    held = (await connection.execute(
        select(case_table.c.conversation_id).where(
            or_(case_table.c.officer_id == officer_id, case_table.c.transfer_officer_id == officer_id),
            case_table.c.status != "closed",
        ).order_by(case_table.c.conversation_id)
    )).scalars().all()
    # Every conversation before the first unit is locked: who opens a case locks in the same order.
    conversations = [await ownership.lock(connection, conversation_id) for conversation_id in held]
    moved = []
    for conversation in conversations:
        if conversation.open_case_id is None:
            continue
        facts = await cases.load(connection, conversation.open_case_id)
        if facts.row.officer_id == officer_id:  # or it went to somebody else while we waited
            conversation = await cases.to_another(runtime, connection, conversation, facts, {officer_id}, because)
            facts = await cases.load(connection, facts.id)
            moved.append(conversation.id)
        if facts.row.transfer_officer_id == officer_id:
            await transfers.ask_another(runtime, Held(connection, conversation, facts), officer_id)
    return moved


async def _whom(
    connection: AsyncConnection, actor: Row[Any] | None, login: str, roles: frozenset[Role]
) -> Row[Any]:
    """The officer `login`, if the actor may decide about them: with one of the roles, a head in their own unit; without
    roles it is about themselves."""
    found = (await connection.execute(
        select(officers).where(officers.c.login == login, officers.c.active)
    )).one_or_none()
    if actor is not None and roles:
        role = Role(actor.role)
        own = found is not None and found.unit_id == actor.unit_id
        if role not in roles or (role is Role.head and not own):
            raise Forbidden()
    if found is None:
        raise NotFound()
    return found

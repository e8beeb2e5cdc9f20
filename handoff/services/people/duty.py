"""Whose case it is when its officer leaves (P2): every open case moves to a named person in the very transaction in
which the officer goes, or they do not go."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import officers, sessions, units
from handoff.store.schema_clocks import leaves

TRIES = 5  # a case that comes while its officer goes sends us round again
LONGEST = timedelta(days=366)  # a leave, and how far ahead the end of a duty is known
ENDS_DUTY = frozenset({Role.admin, Role.supervisor})
GIVES_LEAVE = frozenset({Role.supervisor, Role.head})


@dataclass(frozen=True)
class Handed:
    """A case that goes to somebody else: which one, and to whom."""

    case_id: UUID
    conversation_id: UUID
    number: str
    officer_id: UUID


def plan_of(handed: Sequence[Handed]) -> str:
    """Names whom each case goes to: another plan, another name."""
    told = sorted(f"{one.number} {one.officer_id}" for one in handed)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


async def foresee(runtime: Runtime, actor: Row[Any], login: str, roles: frozenset[Role]) -> list[Handed]:
    """Whom each open case of the officer would go to now. It is done as it will be, and taken back.

    Raises as `deactivate`.
    """
    try:
        async with db.transaction(runtime.pool) as connection:
            leaving = await whom(connection, actor, login, roles)
            raise _Seen(await hand_on(runtime, connection, leaving.id, "leave"))
    except _Seen as seen:
        return seen.handed


class _Seen(Exception):
    """What was to be seen before it is taken back."""

    def __init__(self, handed: list[Handed]) -> None:
        super().__init__()
        self.handed = handed


async def deactivate(runtime: Runtime, actor: Row[Any] | None, login: str, plan: str | None = None) -> list[Handed]:
    """The officer leaves for good: open cases move, sessions end. Returns what moved. `actor`: who does it; None is the
    operator at the command line. `plan`: whom each case goes to, as the actor has seen it.

    Raises `NotFound`, `Forbidden`, `Conflict`: `nobody_else` when somebody's case would have nobody, `plan_changed`
    when a case would go to somebody else than was seen, `yourself`.
    """
    for _ in range(TRIES):
        try:
            return await _go(runtime, actor, login, plan)
        except IntegrityError:  # a case came meanwhile
            continue
    raise Conflict()


async def _go(runtime: Runtime, actor: Row[Any] | None, login: str, plan: str | None) -> list[Handed]:
    async with db.transaction(runtime.pool) as connection:
        leaving = await whom(connection, actor, login, ENDS_DUTY)
        _another(actor, leaving)
        handed = await hand_on(runtime, connection, leaving.id, "deactivated")
        _as_seen(handed, plan)
        await connection.execute(update(officers).where(officers.c.id == leaving.id).values(active=False))
        await connection.execute(delete(sessions).where(sessions.c.officer_id == leaving.id))
    await _send(runtime, handed)
    return handed


async def reactivate(runtime: Runtime, actor: Row[Any], login: str) -> None:
    """An officer who was deactivated is back, with the password they had. What moved stays where it is. Raises
    `NotFound` for who is not deactivated, `Forbidden`."""
    if Role(actor.role) not in ENDS_DUTY:
        raise Forbidden()
    async with db.statement(runtime.pool) as connection:
        back = (await connection.execute(
            update(officers).where(officers.c.login == login, ~officers.c.active)
            .values(active=True, last_day=None, away_since=None).returning(officers.c.id)
        )).first()
    if back is None:
        raise NotFound()


async def end(runtime: Runtime, actor: Row[Any], login: str, last_day: date | None) -> None:
    """The officer's duty ends with this day: on the next one `end_duties` deactivates them. None: it no longer does.

    Raises `NotFound`, `Forbidden`, `Unprocessable("bad_last_day")`, `Conflict("yourself")`.
    """
    async with db.transaction(runtime.pool) as connection:
        leaving = await whom(connection, actor, login, ENDS_DUTY)
        _another(actor, leaving)
        today = await _today(runtime, connection, leaving)
        if last_day is not None and not today <= last_day <= today + LONGEST:
            raise Unprocessable("bad_last_day")
        await connection.execute(update(officers).where(officers.c.id == leaving.id).values(last_day=last_day))


async def end_duties(runtime: Runtime) -> tuple[int, list[str]]:
    """Whoever's last day has passed is deactivated; safe to run twice and by two at once. Returns how many were, and
    the logins of those whose cases nobody else can take: they stay, by name."""
    today = func.date(func.timezone(units.c.zone, runtime.clock()))
    async with db.statement(runtime.pool) as connection:
        over = (await connection.execute(
            select(officers.c.login).join(units, units.c.id == officers.c.unit_id)
            .where(officers.c.active, officers.c.last_day < today).order_by(officers.c.login)
        )).scalars().all()
    stay: list[str] = []
    gone = await each(over, lambda login: _end_duty(runtime, login, stay), "the duty of %s could not be ended")
    return gone, stay


async def _end_duty(runtime: Runtime, login: str, stay: list[str]) -> bool:
    try:
        await deactivate(runtime, None, login)
    except NotFound:
        return False  # the other worker was first
    except Conflict:
        stay.append(login)
        return False
    return True


async def leave(
    runtime: Runtime, actor: Row[Any], login: str, first_day: date, last_day: date, plan: str | None = None
) -> list[Handed]:
    """The officer is away on these days. Open cases move as it begins: now, or by `begin_leaves` on that day. Returns
    what moved now. `plan` as in `deactivate`, where it begins today.

    Raises `NotFound`, `Forbidden`, `Unprocessable("bad_leave")`, `Conflict`: `nobody_else`, `plan_changed`.
    """
    async with db.transaction(runtime.pool) as connection:
        absent = await whom(connection, actor, login, may_give_leave(actor, login))
        today = await _today(runtime, connection, absent)
        if not today <= first_day <= last_day <= today + LONGEST:
            raise Unprocessable("bad_leave")
        await connection.execute(insert(leaves).values(
            id=uuid4(), officer_id=absent.id, first_day=first_day, last_day=last_day, created_at=runtime.clock(),
        ))
        handed = await hand_on(runtime, connection, absent.id, "leave") if first_day == today else []
        if first_day == today:
            _as_seen(handed, plan)
    await _send(runtime, handed)
    return handed


async def end_leave(runtime: Runtime, actor: Row[Any], login: str, leave_id: UUID) -> None:
    """A leave that has not begun is taken back; one that has ends with yesterday. Cases that moved stay where they are.
    Raises `NotFound`, `Forbidden`."""
    async with db.transaction(runtime.pool) as connection:
        absent = await whom(connection, actor, login, may_give_leave(actor, login))
        today = await _today(runtime, connection, absent)
        this = (leaves.c.id == leave_id, leaves.c.officer_id == absent.id, leaves.c.last_day >= today)
        taken_back = (await connection.execute(
            delete(leaves).where(*this, leaves.c.first_day >= today).returning(leaves.c.id)
        )).first() or (await connection.execute(
            update(leaves).where(*this).values(last_day=today - timedelta(days=1)).returning(leaves.c.id)
        )).first()
        if taken_back is None:
            raise NotFound()


async def begin_leaves(runtime: Runtime) -> int:
    """Whoever is on leave today keeps no open case; safe to run twice and by two at once. Returns how many moved."""
    today = func.date(func.timezone(units.c.zone, runtime.clock()))
    async with db.statement(runtime.pool) as connection:
        absent = (await connection.execute(
            select(officers.c.id).distinct().join(leaves, leaves.c.officer_id == officers.c.id)
            .join(units, units.c.id == officers.c.unit_id)
            .join(case_table, officers.c.id.in_([case_table.c.officer_id, case_table.c.transfer_officer_id]))
            .where(leaves.c.first_day <= today, leaves.c.last_day >= today, case_table.c.status != "closed")
        )).scalars().all()
    return await each(absent, lambda officer_id: _begin_leave(runtime, officer_id),
                      "the cases of officer %s, who is on leave, could not be moved")


async def _begin_leave(runtime: Runtime, officer_id: UUID) -> int:
    try:
        async with db.transaction(runtime.pool) as connection:
            handed = await hand_on(runtime, connection, officer_id, "leave")
    except Conflict:
        return 0  # nobody else is there: it stays with them, by name
    await _send(runtime, handed)
    return len(handed)


async def hand_on(runtime: Runtime, connection: AsyncConnection, officer_id: UUID, because: str) -> list[Handed]:
    """Every open case of the officer goes to somebody else by name, who is told, and so is the citizen; where they
    were asked to take another unit's case, a colleague is asked. Raises `Conflict("nobody_else")`."""
    held = (await connection.execute(
        select(case_table.c.conversation_id).where(
            or_(case_table.c.officer_id == officer_id, case_table.c.transfer_officer_id == officer_id),
            case_table.c.status != "closed",
        ).order_by(case_table.c.conversation_id)
    )).scalars().all()
    # Every conversation before the first unit is locked: who opens a case locks in the same order.
    conversations = [await ownership.lock(connection, conversation_id) for conversation_id in held]
    handed = []
    for conversation in conversations:
        if conversation.open_case_id is None:
            continue
        facts = await cases.load(connection, conversation.open_case_id)
        if facts.row.officer_id == officer_id:  # or it went to somebody else while we waited
            conversation = await cases.to_another(runtime, connection, conversation, facts, {officer_id}, because)
            facts = await cases.load(connection, facts.id)
            handed.append(Handed(facts.id, conversation.id, facts.row.number, facts.row.officer_id))
        if facts.row.transfer_officer_id == officer_id:
            await transfers.ask_another(runtime, Held(connection, conversation, facts), officer_id)
    return handed


def may_give_leave(actor: Row[Any], login: str) -> frozenset[Role]:
    """The roles that may decide about this leave: none is needed for one's own."""
    return frozenset() if login == actor.login else GIVES_LEAVE


async def whom(
    connection: AsyncConnection, actor: Row[Any] | None, login: str, roles: frozenset[Role]
) -> Row[Any]:
    """The officer `login`, if the actor may decide about them: with one of the roles, a head in their own unit; without
    roles it is about themselves. Raises `Forbidden`, `NotFound`."""
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


def _another(actor: Row[Any] | None, leaving: Row[Any]) -> None:
    """Nobody shuts themselves out: somebody else must still be there to let them in again."""
    if actor is not None and actor.id == leaving.id:
        raise Conflict("yourself")


def _as_seen(handed: Sequence[Handed], plan: str | None) -> None:
    if plan is not None and plan_of(handed) != plan:
        raise Conflict("plan_changed")


async def _today(runtime: Runtime, connection: AsyncConnection, officer: Row[Any]) -> date:
    zone = (await connection.execute(select(units.c.zone).where(units.c.id == officer.unit_id))).scalar_one()
    return runtime.clock().astimezone(ZoneInfo(zone)).date()


async def _send(runtime: Runtime, handed: Sequence[Handed]) -> None:
    for one in handed:
        await sending.dispatch(runtime, one.conversation_id)

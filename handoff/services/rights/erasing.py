"""Erasing a citizen (docs/adr/0039): asked for with what goes and what stays said before, to be taken back for a day,
then destroyed in one transaction; what lies outside the database is cleared away after it, however often it takes.

An open case is the citizen's to close (P5): it is withdrawn only if they said so when they asked, by its number.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.bot import BotAway, BotFailed
from handoff.domain.case import Actor, Verb, transition
from handoff.services import rounds
from handoff.services.attachments import uploads
from handoff.services.case import cases
from handoff.services.errors import Unavailable
from handoff.services.post import notices, sending
from handoff.services.post.outbox import Outgoing, button, notify, store
from handoff.services.rights import held
from handoff.services.rights.links import digest
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db, erasure
from handoff.store.schema import messages
from handoff.store.schema_rights import erasure_leftovers, erasures

log = logging.getLogger(__name__)

GRACE = timedelta(hours=24)  # well within the 3 x 24 hours of UU 27/2022, and a night to think it over
AT_ONCE = 50
LEFTOVERS_AT_ONCE = 200


@dataclass(frozen=True)
class Asked:
    """A wish to be erased: when it will be carried out, and the token of its receipt."""

    id: UUID
    due_at: datetime
    receipt: str


async def waiting(connection: AsyncConnection, citizen_id: UUID) -> Row[Any] | None:
    """The citizen's wish that has not been carried out yet."""
    return (await connection.execute(
        select(erasures).where(erasures.c.citizen_id == citizen_id, erasures.c.state == "waiting")
    )).one_or_none()


async def ask(
    runtime: Runtime, connection: AsyncConnection, citizen_id: UUID, open_cases: Sequence[Row[Any]],
    locked: dict[UUID, Row[Any]], *, officer: Row[Any] | None = None, reference: str | None = None,
    grace: timedelta = GRACE,
) -> Asked:
    """Note the wish, with the open cases that the citizen agreed to withdraw; their officers are told. `officer` and
    `reference`: the data officer whom the citizen asked, and by which letter. The caller holds the locks."""
    token, at = secrets.token_urlsafe(18), runtime.clock()
    asked = Asked(uuid4(), at + grace, token)
    await connection.execute(insert(erasures).values(
        id=asked.id, citizen_id=citizen_id, receipt_hash=digest(token), agreed=[case.id for case in open_cases],
        asked_by=officer.login if officer is not None else None, asked_at=at, due_at=asked.due_at,
    ))
    await held.note(runtime, connection, citizen_id, "erasure_asked",
                    officer_id=officer.id if officer is not None else None, detail=reference)
    actor = cases.CITIZEN if officer is None else Actor("officer", str(officer.id))
    for case in open_cases:
        await _tell_case(runtime, connection, locked[case.conversation_id], case, "erasure_requested", actor,
                         due_at=asked.due_at)
    return asked


async def keep(
    runtime: Runtime, connection: AsyncConnection, citizen_id: UUID, locked: dict[UUID, Row[Any]]
) -> bool:
    """The citizen has thought better of it. False when nothing waits. The caller holds the locks."""
    taken = (await connection.execute(
        update(erasures).where(erasures.c.citizen_id == citizen_id, erasures.c.state == "waiting")
        .values(state="cancelled", settled_at=runtime.clock()).returning(erasures.c.agreed)
    )).one_or_none()
    if taken is None:
        return False
    await held.note(runtime, connection, citizen_id, "erasure_cancelled")
    for case in await held.cases_of(connection, citizen_id):
        if case.id in taken.agreed:
            await _tell_case(runtime, connection, locked[case.conversation_id], case, "erasure_cancelled",
                             cases.CITIZEN)
    return True


async def _tell_case(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], case: Row[Any], event: str, actor: Actor,
    due_at: datetime | None = None,
) -> None:
    """The case's record and its officer."""
    await cases.record(runtime, connection, conversation, case.id, event, actor,
                       **({"due_at": due_at} if due_at else {}))
    await notices.tell(runtime, connection, case.officer_id, case.id, event, due_at)
    await notify(connection, conversation.id, conversation.next_seq - 1)


# --- when it is time --------------------------------------------------------------------------------------------------


async def carry_out_due(runtime: Runtime) -> int:
    """Destroy what is due, then clear away what lies elsewhere. Returns how many citizens were erased. Safe to run
    twice, by two at once, and to be killed anywhere."""
    at = runtime.clock()
    async with db.statement(runtime.pool) as connection:
        due = (await connection.execute(
            select(erasures.c.id).where(erasures.c.state == "waiting", erasures.c.due_at <= at)
            .order_by(erasures.c.due_at).limit(AT_ONCE)
        )).scalars().all()
    destroyed = await rounds.each(due, partial(destroy, runtime), "erasure %s could not be carried out")
    await clear_away(runtime)
    return destroyed


async def destroy(runtime: Runtime, erasure_id: UUID) -> bool:
    """One wish, in one transaction. False when a message of the citizen still waits for its fate (it is tried again),
    when they have a case that they did not agree to withdraw (they are told), or when somebody else was first."""
    async with db.transaction(runtime.pool) as connection:
        citizen_id = (await connection.execute(
            select(erasures.c.citizen_id).where(erasures.c.id == erasure_id)
        )).scalar_one()
        locked = await held.lock(connection, citizen_id)
        row = (await connection.execute(
            select(erasures).where(erasures.c.id == erasure_id, erasures.c.state == "waiting").with_for_update()
        )).one_or_none()
        if row is None or await _has_unsettled(connection, locked):
            return False
        theirs = await held.cases_of(connection, citizen_id)
        new = [case for case in theirs if case.status != "closed" and case.id not in row.agreed]
        if new:
            await _block(runtime, connection, row, locked[new[0].conversation_id], new)
            forgotten = None
        else:
            await _end_cases(runtime, connection, locked, theirs)
            forgotten = await erasure.forget(connection, citizen_id, erasure_id, runtime.clock())
            await held.note(runtime, connection, citizen_id, "erased")
            await connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(
                state="destroyed", destroyed_at=runtime.clock(), counts=forgotten.counts,
            ))
            for conversation in locked.values():
                await notify(connection, conversation.id, conversation.next_seq - 1)
    if forgotten is None:
        await sending.dispatch(runtime, new[0].conversation_id)
        return False
    for key_id in forgotten.keys:
        runtime.keyring.forget(key_id)
    # Beside the database and its backups: after a restore these are erased again (docs/privacy.md).
    log.info("erasure %s: the data of citizen %s were destroyed", erasure_id, citizen_id)
    return True


async def _has_unsettled(connection: AsyncConnection, locked: Collection[UUID]) -> bool:
    """P1: every message ends in its fate first; at the latest the sweep gives it one."""
    return bool((await connection.execute(select(exists().where(
        messages.c.conversation_id.in_(list(locked)), messages.c.author == "citizen", messages.c.fate.is_(None),
    )))).scalar_one())


async def _block(
    runtime: Runtime, connection: AsyncConnection, row: Row[Any], conversation: Row[Any], new: Sequence[Row[Any]]
) -> None:
    """A case was opened since: nobody withdraws it but the citizen, so they are asked again."""
    await connection.execute(update(erasures).where(erasures.c.id == row.id).values(
        state="blocked", settled_at=runtime.clock()
    ))
    await held.note(runtime, connection, row.citizen_id, "erasure_blocked")
    await store(runtime, connection, conversation, [Outgoing(
        "system", runtime.texts.say("rights.blocked", cases=new),
        (button(runtime, "data_erase", "data:erase"),), private=True,
    )])


async def _end_cases(
    runtime: Runtime, connection: AsyncConnection, locked: dict[UUID, Row[Any]], theirs: Sequence[Row[Any]]
) -> None:
    """Withdraw what is open, in each case's record say what happened: with the key that is about to go, so that the
    chain goes on as ever."""
    for case in theirs:
        conversation = locked[case.conversation_id]
        if case.status != "closed":
            facts = await cases.load(connection, case.id)
            state = transition(facts.state, Verb.withdraw, cases.CITIZEN)
            await cases.move(connection, facts, state, closed_at=runtime.clock(), waiting_since=None)
            conversation = await ownership.give(connection, conversation, officer_id=None, open_case_id=None,
                                                last_case_id=case.id)
            await cases.record(runtime, connection, conversation, case.id, "withdrawn", cases.CITIZEN,
                               because="erasure")
            await notices.tell(runtime, connection, facts.row.officer_id, case.id, "erased")
        await cases.record(runtime, connection, conversation, case.id, "erased", cases.CITIZEN)


async def clear_away(runtime: Runtime) -> None:
    """Files, pieces of files, and what Rasa remembers of conversations that were destroyed. What cannot be reached now
    is tried again; until then it is ciphertext, or memory that a restart forgets."""
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(erasure_leftovers).order_by(erasure_leftovers.c.kind, erasure_leftovers.c.id)
            .limit(LEFTOVERS_AT_ONCE)
        )).all()
    unreachable: set[str] = set()
    for row in rows:
        if row.kind in unreachable:
            continue
        try:
            await _remove(runtime, row.kind, row.id)
        except (Unavailable, BotAway, BotFailed) as away:
            unreachable.add(row.kind)
            log.warning("erasure %s waits: %s cannot be reached (%s)", row.erasure_id, row.kind, type(away).__name__)
            continue
        async with db.statement(runtime.pool) as connection:
            await connection.execute(delete(erasure_leftovers).where(erasure_leftovers.c.id == row.id))
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(erasures).where(
                erasures.c.state == "destroyed",
                ~exists().where(erasure_leftovers.c.erasure_id == erasures.c.id).correlate(erasures),
            ).values(state="done", settled_at=runtime.clock())
        )
        await erasure.forget_repeated(connection, runtime.clock())


async def _remove(runtime: Runtime, kind: str, leftover_id: UUID) -> None:
    if kind == "file":
        await asyncio.to_thread(runtime.depot.remove, leftover_id)
    elif kind == "upload":
        await asyncio.to_thread(uploads.discard, runtime, leftover_id)
    else:
        await runtime.bot.forget(leftover_id)

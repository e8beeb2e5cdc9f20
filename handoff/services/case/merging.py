"""Two cases of the same citizen about the same thing become one; both numbers stay valid, and who has the one keeps
both."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from handoff.domain.case import Actor, Reason, Refusal, Verb, transition
from handoff.services.case.cases import Facts, key_of, load, move, record
from handoff.services.case.holding import actor_of, given_reason, refused
from handoff.services.errors import Conflict
from handoff.services.post import sending
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import conversations


async def merge(runtime: Runtime, officer: Row[Any], case_id: UUID, into: str, why: str) -> None:
    """Close the case as merged into the open case `into` (a number) of the same citizen. Whoever writes under the old
    number is heard in the other case, and whoever waits for an answer in this one waits there.

    The case that goes on is the one that is to be settled first, else merging would buy time (P7); one of another unit
    only by who has it or leads there, else a case would move without anybody's accepting it (P6). Raises
    `Unprocessable("no_reason")`, `Conflict("not_mergeable")`, `Conflict("merge_later")`."""
    reason = given_reason(why)
    async with db.transaction(runtime.pool) as connection:
        ids = select(case_table.c.id, case_table.c.conversation_id, case_table.c.number).where(
            (case_table.c.id == case_id) | (case_table.c.number == into)
        )
        found = {row.id: row for row in (await connection.execute(ids)).all()}
        other = next((row for row in found.values() if row.number == into and row.id != case_id), None)
        if case_id not in found or other is None:
            raise Conflict("not_mergeable")
        own_id = found[case_id].conversation_id
        locked = {one: await ownership.lock(connection, one) for one in sorted({own_id, other.conversation_id})}
        source, target = await load(connection, case_id), await load(connection, other.id)
        actor = actor_of(officer)
        try:
            state = transition(source.state, Verb.merge, actor)
        except Refusal as refusal:
            raise refused(refusal, source) from None
        if not _same(locked[own_id], locked[other.conversation_id], source, target, officer.id):
            raise Conflict("not_mergeable")
        if source.row.unit_id != target.row.unit_id and not _may_merge(target, actor):
            raise Conflict("not_mergeable")
        if source.row.resolve_by < target.row.resolve_by:
            raise Conflict("merge_later", number=source.row.number)
        kept = {str(one): "merged" for one in source.row.kept_from}
        await move(connection, source, state, closed_at=runtime.clock(), waiting_since=None, merged_into=target.id,
                   officer_id=target.row.officer_id, unit_id=target.row.unit_id)
        if source.row.waiting_since is not None:
            waiting = filter(None, (source.row.waiting_since, target.row.waiting_since))
            await move(connection, target, target.state, waiting_since=min(waiting))
        own = await ownership.give(connection, locked[own_id], officer_id=None, open_case_id=None,
                                   last_case_id=source.id)
        await record(runtime, connection, own, source.id, "merged", actor, why=reason, into=target.row.number)
        await record(runtime, connection, locked[other.conversation_id], target.id, "joined_by_merge", actor,
                     why=reason, number=source.row.number, **({"kept_from": kept} if kept else {}))
        for conversation in (own, locked[other.conversation_id]):
            await store(runtime, connection, conversation, [Outgoing(
                "system", runtime.texts.say("case.merged", **target.said(), old=source.row.number),
                case_id=target.id, shows_case=True,
            )])
    for conversation_id in locked:
        await sending.dispatch(runtime, conversation_id)


def _may_merge(facts: Facts, actor: Actor) -> bool:
    try:
        transition(facts.state, Verb.merge, actor)
    except Refusal:
        return False
    return True


def _same(own: Row[Any], other: Row[Any], source: Facts, target: Facts, actor_id: UUID) -> bool:
    """The same citizen's, both open, neither a confidential report, and the other not with somebody from whom this one
    is kept; nobody merges into what is kept from them."""
    secret = Reason.confidential_report
    return (own.citizen_id == other.citizen_id and own.id != other.id and target.state.is_open
            and secret not in (source.row.reason, target.row.reason)
            and target.row.officer_id not in source.row.kept_from and actor_id not in target.row.kept_from)


async def others(runtime: Runtime, facts: Facts) -> list[tuple[str, str]]:
    """The citizen's other cases, the newest first: number, and the address that opens it. Without confidential reports,
    which nobody's history shows."""
    async with db.statement(runtime.pool) as connection:
        citizen = select(conversations.c.citizen_id).where(conversations.c.id == facts.row.conversation_id)
        rows = (await connection.execute(
            select(case_table).join(conversations, conversations.c.id == case_table.c.conversation_id)
            .where(conversations.c.citizen_id == citizen.scalar_subquery(), case_table.c.id != facts.id,
                   case_table.c.reason != Reason.confidential_report.value)
            .order_by(case_table.c.opened_at.desc()).limit(50)
        )).all()
    return [(row.number, f"/kasus/{row.number}?k={key_of(runtime, row.id, row.key_version)}") for row in rows]


async def target(runtime: Runtime, facts: Facts) -> tuple[str, str] | None:
    """Where a merged case goes on: number, and the address that opens it."""
    if facts.row.merged_into is None:
        return None
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(select(case_table).where(case_table.c.id == facts.row.merged_into))).one()
    return row.number, f"/kasus/{row.number}?k={key_of(runtime, row.id, row.key_version)}"


async def mergeable(runtime: Runtime, case_id: UUID) -> list[str]:
    """The numbers of the open cases that this one can be merged into, the newest first."""
    own, theirs = conversations.alias("own"), conversations.alias("theirs")
    here = case_table.alias("here")
    async with db.statement(runtime.pool) as connection:
        return list((await connection.execute(
            select(case_table.c.number).join(theirs, theirs.c.id == case_table.c.conversation_id)
            .join(own, own.c.citizen_id == theirs.c.citizen_id).join(here, here.c.conversation_id == own.c.id)
            .where(here.c.id == case_id, case_table.c.id != case_id, case_table.c.status != "closed",
                   case_table.c.conversation_id != here.c.conversation_id,
                   case_table.c.reason != Reason.confidential_report.value,
                   func.cardinality(case_table.c.kept_from) == 0,
                   here.c.reason != Reason.confidential_report.value)
            .order_by(case_table.c.opened_at.desc()).limit(20)
        )).scalars())

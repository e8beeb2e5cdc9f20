"""Giving a case to another unit (P6): asked, then accepted or declined there by a named officer. Until somebody
accepts, who has the case answers, and its clocks go on throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, insert, select, update

from handoff.domain.assignment import NobodyToAssign
from handoff.domain.case import CARRYING, Actor, Refusal, Role, Verb, transition
from handoff.domain.notice import Notice
from handoff.domain.transfers import Outcome, Past
from handoff.services.case import cases
from handoff.services.case.cases import move, record
from handoff.services.case.holding import Held, actor_of, given_reason, holding
from handoff.services.errors import Forbidden, NotFound
from handoff.services.people import office
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import officers, offices, units
from handoff.store.schema_moves import transfers

SYSTEM = Actor("system")


@dataclass(frozen=True)
class Asked:
    """Who is asked to take the case."""

    name: str
    title: str
    unit: str


async def request(runtime: Runtime, officer: Row[Any], case_id: UUID, unit: str, why: str) -> Asked:
    """Ask the unit (a slug) to take the case; the one who is asked there by name is chosen as for a new case.

    Raises `NotFound` for an unknown unit, `Unprocessable("no_reason")`, and `Conflict`: `transfer_pending`,
    `transfer_loop` for a unit that has sent the case away before, `not_assignable` for the case's own; `Forbidden` for
    a confidential report.
    """
    reason = given_reason(why)
    async with holding(runtime, case_id) as held:
        facts, at = held.facts, runtime.clock()
        if facts.row.reason == cases.CONFIDENTIAL:  # nobody else may even be asked (docs/adr/0018)
            raise Forbidden()
        to = (await held.connection.execute(select(units).where(units.c.slug == unit))).one_or_none()
        if to is None:
            raise NotFound()
        chosen = await office.choose_officer(held.connection, to, held.conversation.citizen_id, at,
                                             frozenset(facts.row.kept_from))
        if chosen.unit.id != to.id:  # nobody there may have it
            raise Refusal("not_assignable")
        asked = await _officer(held, chosen.officer_id)
        state = transition(facts.state, Verb.transfer, actor_of(officer), actor_of(asked), past=await _past(held))
        await move(held.connection, facts, state)
        await held.connection.execute(insert(transfers).values(
            id=uuid4(), case_id=facts.id, from_unit_id=facts.row.unit_id, to_unit_id=asked.unit_id,
            asked_by=officer.id, asked_id=asked.id, created_at=at,
        ))
        await record(runtime, held.connection, held.conversation, facts.id, "transfer_requested", actor_of(officer),
                     officer_id=asked.id, unit_id=asked.unit_id, unit_name=chosen.unit.name, why=reason)
        head = await notices.leader(held.connection, asked.unit_id, Role.head, facts.row.kept_from)
        for one in dict.fromkeys((asked.id, head.id)):
            await notices.tell(runtime, held.connection, one, facts.id, "transfer_asked")
        await _changed(held)
        return Asked(asked.name, asked.title, chosen.unit.name)


async def accept(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The officer of the asked unit takes the case; number, promises and clocks stay, the citizen learns the name."""
    async with holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.accept_transfer, actor)
        await _settle(runtime, held, Outcome.accepted, officer.id)
        await move(held.connection, facts, state)
        await _give(held, officer.id)
        await record(runtime, held.connection, held.conversation, facts.id, "transfer_accepted", actor,
                     officer_id=officer.id, officer_was=facts.row.officer_id, unit_id=officer.unit_id)
        await notices.tell(runtime, held.connection, facts.row.officer_id, facts.id, "transfer_accepted")
        await _tell(runtime, held, "case.transferred")


async def decline(runtime: Runtime, officer: Row[Any], case_id: UUID, why: str) -> None:
    """The asked unit does not take it, and says why; the case stays where it is. With the third refusal the head of
    that unit has it, by name."""
    reason = given_reason(why)
    async with holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.decline_transfer, actor)
        await _settle(runtime, held, Outcome.declined, officer.id)
        await move(held.connection, facts, state)
        await record(runtime, held.connection, held.conversation, facts.id, "transfer_declined", actor,
                     unit_id=officer.unit_id, why=reason)
        await notices.tell(runtime, held.connection, facts.row.officer_id, facts.id, "transfer_declined")
        if (await _past(held)).is_for_the_head:
            await _to_head(runtime, held)
        await _changed(held)


async def withdraw(runtime: Runtime, officer: Row[Any], case_id: UUID) -> None:
    """The request is taken back; the case stays."""
    async with holding(runtime, case_id) as held:
        state = transition(held.facts.state, Verb.withdraw_transfer, actor_of(officer))
        await _settle(runtime, held, Outcome.withdrawn, officer.id)
        await move(held.connection, held.facts, state)
        await record(runtime, held.connection, held.conversation, held.facts.id, "transfer_withdrawn",
                     actor_of(officer))
        await _changed(held)


async def ask_another(runtime: Runtime, held: Held, gone: UUID) -> None:
    """The officer who was asked to take the case is `gone`: a colleague of that unit is asked by name, or the request
    is taken back where there is none. Part of a transaction that holds the conversation's lock."""
    facts, connection = held.facts, held.connection
    unit = (await connection.execute(select(units).where(units.c.id == facts.row.transfer_unit_id))).one()
    try:
        chosen = await office.choose_officer(connection, unit, held.conversation.citizen_id, runtime.clock(),
                                             frozenset((*facts.row.kept_from, gone)))
    except NobodyToAssign:
        chosen = None
    if chosen is None or chosen.unit.id != unit.id:
        await move(connection, facts, transition(facts.state, Verb.ask_another, SYSTEM))
        await record(runtime, connection, held.conversation, facts.id, "transfer_withdrawn", SYSTEM)
        await notices.tell(runtime, connection, facts.row.officer_id, facts.id, "transfer_declined")
        return
    asked = await _officer(held, chosen.officer_id)
    await move(connection, facts, transition(facts.state, Verb.ask_another, SYSTEM, actor_of(asked)))
    await connection.execute(
        update(transfers).where(transfers.c.case_id == facts.id, transfers.c.outcome == Outcome.pending)
        .values(asked_id=asked.id)
    )
    await record(runtime, connection, held.conversation, facts.id, "transfer_requested", SYSTEM, officer_id=asked.id,
                 unit_id=unit.id, unit_name=unit.name)
    await notices.tell(runtime, connection, asked.id, facts.id, "transfer_asked")


async def _past(held: Held) -> Past:
    rows = (await held.connection.execute(
        select(transfers.c.from_unit_id, transfers.c.outcome).where(transfers.c.case_id == held.facts.id)
        .order_by(transfers.c.created_at, transfers.c.answered_at)
    )).all()
    return Past.of([(str(row.from_unit_id), Outcome(row.outcome)) for row in rows])


async def _settle(runtime: Runtime, held: Held, outcome: Outcome, answered_by: UUID) -> None:
    await held.connection.execute(
        update(transfers).where(transfers.c.case_id == held.facts.id, transfers.c.outcome == Outcome.pending)
        .values(outcome=outcome, answered_by=answered_by, answered_at=runtime.clock())
    )


async def _to_head(runtime: Runtime, held: Held) -> None:
    """Nobody wanted it: who leads the unit that has it decides, and has it until then; where it is kept from the head,
    a supervisor."""
    row = held.facts.row
    head = await notices.decider(held.connection, row.unit_id, row.kept_from)
    leads = head.role == Role.supervisor or (head.role == Role.head and head.unit_id == row.unit_id)
    if head.id == row.officer_id or head.id in row.kept_from or not leads:
        return
    facts = await cases.load(held.connection, held.facts.id)
    await move(held.connection, facts, transition(facts.state, Verb.reassign, actor_of(head), actor_of(head)))
    await _give(held, head.id)
    await record(runtime, held.connection, held.conversation, facts.id, "given_to_head", SYSTEM, officer_id=head.id,
                 officer_was=facts.row.officer_id)
    await notices.tell(runtime, held.connection, head.id, facts.id, "given_to_head")
    await _tell(runtime, held, "case.reassigned")


async def _give(held: Held, officer_id: UUID) -> None:
    """Where the bot speaks it goes on until the officer does."""
    if held.conversation.owner_officer_id is not None:
        held.conversation = await ownership.give(
            held.connection, held.conversation, officer_id=officer_id, open_case_id=held.facts.id
        )


async def _tell(runtime: Runtime, held: Held, text: str) -> None:
    now = await cases.load(held.connection, held.facts.id)
    await store(runtime, held.connection, held.conversation, [Outgoing(
        "system", runtime.texts.say(text, **now.said()), case_id=held.facts.id, shows_case=True,
        notice=Notice.new_officer,
    )])


async def _changed(held: Held) -> None:
    """Nothing goes to the citizen; the officers' lists have changed."""
    await notify(held.connection, held.conversation.id, held.conversation.next_seq - 1)


async def _officer(held: Held, officer_id: UUID) -> Row[Any]:
    return (await held.connection.execute(select(officers).where(officers.c.id == officer_id))).one()


async def units_for(runtime: Runtime, unit_slug: str) -> list[tuple[str, str]]:
    """Units that a case of the unit `unit_slug` can be offered to: slug and name, those with somebody to take it. Its
    own office's first; of another office the name says so."""
    own = select(units.c.office_id).where(units.c.slug == unit_slug).scalar_subquery()
    elsewhere = units.c.office_id.is_distinct_from(own)
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(units.c.slug, units.c.name, offices.c.name.label("office"), elsewhere.label("elsewhere"))
            .join(offices, offices.c.id == units.c.office_id).where(
                units.c.slug != unit_slug,
                select(officers.c.id).where(officers.c.unit_id == units.c.id, officers.c.active,
                                            officers.c.role.in_([role.value for role in CARRYING])).exists(),
            ).order_by(elsewhere, offices.c.name, units.c.name)
        )).all()
    return [(row.slug, f"{row.name} ({row.office})" if row.elsewhere else row.name) for row in rows]

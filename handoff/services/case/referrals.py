"""*Rujuk dan dampingi* (P6): the officer writes to an office outside the system, tells the citizen whom, what, under
which reference and when it will be asked again, and stays the one who answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, insert, select, update

from handoff.domain.case import Actor, Verb
from handoff.domain.notice import Notice
from handoff.services.case.cases import load, move, record
from handoff.services.case.holding import Held, actor_of, holding, last_event, written
from handoff.services.case.verbs import officer_speaks
from handoff.services.errors import NotFound, Unprocessable
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal_json
from handoff.store.schema import cases, conversations, units
from handoff.store.schema_moves import referrals
from handoff.store.schema_record import case_events

LONGEST = timedelta(days=60)
SHORT = 300  # characters of an office's name or a reference
DUE_AT_ONCE = 200


@dataclass(frozen=True)
class Letter:
    """What was sent to whom, their reference if there is one yet, and the day to ask there again."""

    office: str
    sent: str
    reference: str
    ask_again_on: date


async def refer(runtime: Runtime, officer: Row[Any], case_id: UUID, letter: Letter) -> UUID:
    """Record the letter and tell the citizen. Owner and clocks stay: a referral is no answer. Returns its id; the same
    letter again is the same form sent twice.

    Raises `Unprocessable`: `empty_message`, `bad_day` for a day that is not within the next sixty.
    """
    office, sent = written(letter.office)[:SHORT], written(letter.sent)
    async with holding(runtime, case_id) as held:
        state = await officer_speaks(held, actor_of(officer), Verb.refer)
        _check_day(runtime, held, letter.ask_again_on)
        told = {"office": office, "sent": sent, "reference": letter.reference.strip()[:SHORT],
                "ask_again_on": letter.ask_again_on}
        if (before := await _told_last(runtime, held, "referred", told)) is not None:
            return before
        await move(held.connection, held.facts, state)
        referral_id = uuid4()
        await held.connection.execute(insert(referrals).values(
            id=referral_id, case_id=held.facts.id, officer_id=officer.id, ask_again_on=letter.ask_again_on,
            created_at=runtime.clock(),
        ))
        await _say(runtime, held, officer, "referred", referral_id, **told)
    return referral_id


async def follow_up(
    runtime: Runtime, officer: Row[Any], case_id: UUID, referral_id: UUID, heard: str, ask_again_on: date | None
) -> None:
    """What the other office said when it was asked again; None: nothing is waited for there any more.

    Raises `NotFound`, `Unprocessable` as `refer`.
    """
    said = written(heard)
    async with holding(runtime, case_id) as held:
        await officer_speaks(held, actor_of(officer), Verb.refer)
        if ask_again_on is not None:
            _check_day(runtime, held, ask_again_on)
        told = {"sent": said, "ask_again_on": ask_again_on}
        if await _told_last(runtime, held, "referral_followed", told) == referral_id:
            return
        changed = (await held.connection.execute(
            update(referrals).where(referrals.c.id == referral_id, referrals.c.case_id == held.facts.id)
            .values(ask_again_on=ask_again_on, reminded_at=None).returning(referrals.c.id)
        )).first()
        if changed is None:
            raise NotFound()
        await _say(runtime, held, officer, "referral_followed", referral_id, **told)


def _check_day(runtime: Runtime, held: Held, day: date) -> None:
    today = runtime.clock().astimezone(ZoneInfo(held.facts.unit.zone)).date()
    if not today < day <= today + LONGEST:
        raise Unprocessable("bad_day")


async def _told_last(runtime: Runtime, held: Held, event: str, told: dict[str, Any]) -> UUID | None:
    """The referral of which exactly this was the last that was told."""
    last = await last_event(runtime, held, ("referred", "referral_followed"))
    as_kept = {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items()}
    if last is None or last.type != event or any(last.body.get(name) != value for name, value in as_kept.items()):
        return None
    return UUID(last.body["referral_id"])


async def _say(
    runtime: Runtime, held: Held, officer: Row[Any], event: str, referral_id: UUID, **told: Any
) -> None:
    """Into the record and to the citizen, in one."""
    day = told["ask_again_on"]
    await record(runtime, held.connection, held.conversation, held.facts.id, event, actor_of(officer),
                 referral_id=referral_id, **{**told, "ask_again_on": day.isoformat() if day else None})
    await store(runtime, held.connection, held.conversation, [Outgoing(
        "system", runtime.texts.say(f"case.{event}", **held.facts.said(), **told), case_id=held.facts.id,
        shows_case=True, notice=Notice.referral,
    )])


# --- asking again -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A referral that is still waited for, as the officer's page shows it."""

    id: UUID
    office: str
    reference: str
    ask_again_on: date
    due: bool


async def waiting(runtime: Runtime, case_id: UUID) -> list[Waiting]:
    """What the case still waits for elsewhere, the next day first."""
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(referrals).where(referrals.c.case_id == case_id, referrals.c.ask_again_on.isnot(None))
            .order_by(referrals.c.ask_again_on)
        )).all()
        if not rows:
            return []
        facts = await load(connection, case_id)
        key_id = (await connection.execute(
            select(conversations.c.data_key_id).where(conversations.c.id == facts.row.conversation_id)
        )).scalar_one()
        events = (await connection.execute(
            select(case_events).where(case_events.c.case_id == case_id, case_events.c.type == "referred")
        )).all()
        try:
            data_key = await runtime.keyring.open(connection, key_id)
        except ContentGone:
            return []
    letters = [unseal_json(data_key, event.id, event.body_enc) for event in events]
    by_id = {letter["referral_id"]: letter for letter in letters}
    today = runtime.clock().astimezone(ZoneInfo(facts.unit.zone)).date()
    return [Waiting(row.id, by_id[str(row.id)]["office"], by_id[str(row.id)]["reference"], row.ask_again_on,
                    row.ask_again_on <= today) for row in rows]


async def remind(runtime: Runtime) -> int:
    """The day has come to ask again: say so in the case, once, for its officer. Returns how many were told; safe to
    run twice and by two at once."""
    due = await _due(runtime, runtime.clock())
    return await each(due, lambda referral_id: _remind(runtime, due[referral_id], referral_id),
                      "nobody could be told to ask again for referral %s")


async def _remind(runtime: Runtime, conversation_id: UUID, referral_id: UUID) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        officer_id = select(cases.c.officer_id).where(cases.c.id == referrals.c.case_id).scalar_subquery()
        found = (await connection.execute(
            update(referrals).where(referrals.c.id == referral_id, referrals.c.reminded_at.is_(None))
            .values(reminded_at=runtime.clock()).returning(referrals.c.case_id, officer_id)
        )).one_or_none()
        if found is None:
            return False
        case_id, officer = found
        await record(runtime, connection, conversation, case_id, "ask_again_due", Actor("system"),
                     referral_id=referral_id)
        await notices.tell(runtime, connection, officer, case_id, "ask_again")
        await notify(connection, conversation_id, conversation.next_seq - 1)
    return True


async def _due(runtime: Runtime, at: datetime) -> dict[UUID, UUID]:
    """The referrals whose day has come, each with its conversation; the longest due first."""
    today = func.date(func.timezone(units.c.zone, at))
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(
            select(cases.c.conversation_id, referrals.c.id).join(cases, cases.c.id == referrals.c.case_id)
            .join(units, units.c.id == cases.c.unit_id)
            .where(referrals.c.ask_again_on.isnot(None), referrals.c.reminded_at.is_(None),
                   referrals.c.ask_again_on <= today, cases.c.status != "closed")
            .order_by(referrals.c.ask_again_on).limit(DUE_AT_ONCE)
        )).all()
    return {row.id: row.conversation_id for row in rows}

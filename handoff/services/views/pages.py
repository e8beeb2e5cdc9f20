"""What the citizen's pages show: the office's sign, what of the catalogue may be read, one case for who has its key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from handoff.domain.calendar import CalendarError, WorkingCalendar
from handoff.services.case.cases import Facts, key_of, load
from handoff.services.errors import Forbidden
from handoff.services.people.office import calendar_of
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import reply_is_due
from handoff.store import db
from handoff.store.schema import answers, case_items, cases, conversations, messages, offices, units
from handoff.store.schema_desk import publications

_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Sign:
    """What stands over the office's door. `zone` is an IANA name; `units` are names by the catalogue's slugs, and so
    are `calendars`, as far as the database knows them; `default` is the slug of the unit that takes what none claims.
    """

    name: str
    is_example: bool
    zone: str
    units: Mapping[str, str]
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    default: str = ""

    def today(self, now: datetime, slug: str = "") -> Today | None:
        """How the unit (or the default one) is open now; None when nobody knows."""
        calendar = self.calendars.get(slug) or self.calendars.get(self.default)
        if calendar is None:
            return None
        try:
            if calendar.is_open(now):
                day = now.astimezone(calendar.zone).date()
                closes = next(end for start, end in calendar.openings(day) if start <= now < end)
                return Today(True, closes.astimezone(calendar.zone))
            return Today(False, calendar.next_open(now))
        except CalendarError:
            return None


@dataclass(frozen=True)
class Today:
    """Whether a unit is open, and until when; when it is closed, when it opens again. In the unit's zone."""

    is_open: bool
    until: datetime


@dataclass(frozen=True)
class OpenedCase:
    """A case whose key was shown. `first_seq` and `last_seq` are the numbers of its messages in the conversation."""

    facts: Facts
    conversation_id: UUID
    first_seq: int
    last_seq: int
    erased_at: datetime | None = None  # at its citizen's wish

    @property
    def reply_is_due(self) -> bool:
        """Whether the promised reply is still owed: before the first one, and again when the case was reopened."""
        return reply_is_due(self.facts.row)


def sign_without_database(runtime: Runtime) -> Sign:
    """The sign as far as the catalogue knows it."""
    office = runtime.catalogue.office
    desks: dict[str, str] = {slug: desk.name for slug, desk in office.desks.items()}
    return Sign(office.name, False, office.time_zone, desks)


async def sign(runtime: Runtime) -> Sign:
    """The office's sign; what the database does not say comes from the catalogue."""
    known, now = sign_without_database(runtime), runtime.clock()
    async with db.transaction(runtime.pool) as connection:
        office = (await connection.execute(
            select(offices.c.id, offices.c.name, offices.c.is_example).order_by(offices.c.created_at).limit(1)
        )).one_or_none()
        if office is None:
            return known
        rows = (await connection.execute(
            select(units).where(units.c.office_id == office.id)
        )).all()
        calendars = {row.desk: await calendar_of(connection, row, now) for row in rows}
    default = next((row for row in rows if row.is_default), None)
    return Sign(
        office.name, office.is_example, default.zone if default else known.zone,
        {**known.units, **{row.desk: row.name for row in rows}}, calendars, default.desk if default else "",
    )


async def suspended_topics(runtime: Runtime) -> frozenset[str]:
    """The topics whose facts are told nowhere until a person republishes them (P8)."""
    async with db.statement(runtime.pool) as connection:
        return frozenset((await connection.execute(
            select(publications.c.topic).where(publications.c.suspended)
        )).scalars())


async def open_case(runtime: Runtime, number: str, key: str) -> OpenedCase:
    """The case `number` for who shows its key.

    Raises `Forbidden` for a wrong key and for a number that does not exist, after the same work: neither the answer
    nor its time tells which.
    """
    async with db.transaction(runtime.pool) as connection:
        row: Any = (await connection.execute(
            select(cases.c.id, cases.c.conversation_id, cases.c.key_version, conversations.c.next_seq,
                   conversations.c.erased_at)
            .join(conversations, conversations.c.id == cases.c.conversation_id).where(cases.c.number == number)
        )).one_or_none()
        expected = key_of(runtime, row.id if row else _NOBODY, row.key_version if row else 0)
        if not hmac.compare_digest(expected.encode(), key.encode("utf-8", "surrogatepass")) or row is None:
            raise Forbidden()
        first = (await connection.execute(_first_seq(row.id))).scalar_one()
        return OpenedCase(await load(connection, row.id), row.conversation_id, first or 1, row.next_seq - 1,
                          row.erased_at)


def _first_seq(case_id: UUID) -> Any:
    """Where the case begins: with the first message that led to it, or with the question whose answer it disputes."""
    question = messages.alias("question")
    return (
        select(func.min(func.least(messages.c.seq, question.c.seq))).select_from(case_items)
        .join(messages, messages.c.id == case_items.c.message_id)
        .outerjoin(answers, answers.c.id == case_items.c.answer_id)
        .outerjoin(question, question.c.id == answers.c.question_id)
        .where(case_items.c.case_id == case_id)
    )


async def has_fate(runtime: Runtime, message_id: UUID) -> bool:
    """Whether the message is settled: answered, or with a person."""
    async with db.statement(runtime.pool) as connection:
        fate = (await connection.execute(select(messages.c.fate).where(messages.c.id == message_id))).scalar_one()
    return fate is not None

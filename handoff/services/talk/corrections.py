"""An answer was wrong: whoever had it is told what is right, once, by name of the officer who says so (docs/adr/0035).

`correct` writes down the words and, in the same transaction, a row for each conversation that had the answer. `tell`
goes through these rows one conversation at a time: the message and its row's new state are one transaction, so it may
run twice, at two places, or be killed anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, and_, exists, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import ASPECTS
from handoff.domain.access import Permission, allows
from handoff.domain.case import Actor, Role
from handoff.domain.notice import Notice
from handoff.domain.text import clean
from handoff.services.case import cases
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.people import office
from handoff.services.post import numbers, sending
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, unasked
from handoff.store import db
from handoff.store.schema import answers, data_keys, messages, officers
from handoff.store.schema_desk import corrected, corrections, publication_events, publications

WORDS_CHARACTERS = 1000
FURTHEST = timedelta(days=180)  # as long as an entry of the catalogue is good without being looked at
AT_ONCE = 500  # conversations a round
EVENT = "answer_corrected"


@dataclass(frozen=True)
class Wrong:
    """The answers that were wrong: of a topic, about an aspect or all, given from `since` until the topic was suspended
    last."""

    topic: str
    aspect: str | None
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Progress:
    """A correction and how far it has come, in conversations. `arrived`: it provably came to hand; `window`: WhatsApp
    lets it through once the citizen writes, and a template has announced it; `failed`: it did not arrive; `given_up`:
    a fault of ours kept it from being sent."""

    id: UUID
    topic: str
    aspect: str | None
    words: str
    officer: str
    at: datetime
    waiting: int
    told: int
    arrived: int
    window: int
    failed: int
    given_up: int
    unwanted: int
    erased: int


async def reached(runtime: Runtime, officer: Row[Any], topic: str, since: date, aspect: str | None = None) -> int:
    """How many conversations had the answer, and would be told. Raises as `correct`."""
    async with db.transaction(runtime.pool) as connection:
        wrong = await _wrong(runtime, connection, officer, topic, since, aspect)
        who = _who(wrong).subquery()
        return int((await connection.execute(select(func.count()).select_from(who))).scalar_one())


async def correct(
    runtime: Runtime, officer: Row[Any], topic: str, since: date, words: str, aspect: str | None = None,
    correction_id: UUID | None = None,
) -> tuple[UUID, int]:
    """Have everybody told who had the answer on or after the day `since`, in the office's time. Returns the id of the
    correction and how many conversations there are; the same `correction_id` again is the same correction.

    Raises `Forbidden`, `NotFound`, `Unprocessable("empty_message" | "bad_since")`, `Conflict("never_suspended")`, as a
    wrong answer is stopped first, `Conflict("nobody_had_it")`.
    """
    said = clean(words).strip()[:WORDS_CHARACTERS]
    if not said:
        raise Unprocessable("empty_message")
    new_id = correction_id or uuid4()
    async with db.transaction(runtime.pool) as connection:
        wrong = await _wrong(runtime, connection, officer, topic, since, aspect)
        stored = (await connection.execute(
            postgresql.insert(corrections).on_conflict_do_nothing(index_elements=["id"]).values(
                id=new_id, topic=topic, aspect=aspect, since=wrong.since, until=wrong.until, words=said,
                officer_id=officer.id, at=runtime.clock(),
            ).returning(corrections.c.id)
        )).first()
        if stored is not None:
            who = _who(wrong).add_columns(literal(new_id).label("correction_id"))
            await connection.execute(
                insert(corrected).from_select(["conversation_id", "answer_id", "correction_id"], who)
            )
        count = int((await connection.execute(
            select(func.count()).select_from(corrected).where(corrected.c.correction_id == new_id)
        )).scalar_one())
        if not count:
            raise Conflict("nobody_had_it")
    return new_id, count


async def _wrong(
    runtime: Runtime, connection: AsyncConnection, officer: Row[Any], topic: str, since: date, aspect: str | None
) -> Wrong:
    if not allows(Role(officer.role), Permission.publish):
        raise Forbidden()
    if topic not in runtime.catalogue.topics or (aspect is not None and aspect not in ASPECTS):
        raise NotFound()
    until = (await connection.execute(
        select(func.max(publication_events.c.at))
        .where(publication_events.c.topic == topic, publication_events.c.suspended)
    )).scalar_one()
    if until is None:
        raise Conflict("never_suspended")
    zone = (await office.unit_for(connection, None)).zone
    start = datetime.combine(since, datetime.min.time(), ZoneInfo(zone))
    if not runtime.clock() - FURTHEST - timedelta(days=1) <= start < until:
        raise Unprocessable("bad_since", most=FURTHEST.days)
    return Wrong(topic, aspect, start, until)


def _who(wrong: Wrong) -> Select[Any]:
    """The conversations in which the answer was given, each with the newest of them. A whole answer says something of
    every aspect."""
    about = or_(answers.c.aspect == wrong.aspect, answers.c.aspect == "overview") if wrong.aspect else literal(True)
    return (
        select(answers.c.conversation_id, answers.c.id.label("answer_id"))
        .join(messages, messages.c.id == answers.c.message_id)
        .where(answers.c.topic == wrong.topic, answers.c.created_at >= wrong.since, answers.c.created_at <= wrong.until,
               messages.c.delivery != "withheld", about)
        .ext(postgresql.distinct_on(answers.c.conversation_id))
        .order_by(answers.c.conversation_id, answers.c.created_at.desc())
    )


async def listed(runtime: Runtime, officer: Row[Any], most: int = 50) -> list[Progress]:
    """The newest corrections and how far each has come. Raises `Forbidden`."""
    if not allows(Role(officer.role), Permission.publish):
        raise Forbidden()

    state, stands = corrected.c.state, messages.c.delivery
    came = or_(stands.in_(["delivered", "read"]), messages.c.delivered_at.isnot(None))
    counted = {
        "waiting": state == "waiting", "told": state == "told", "arrived": came,
        "window": and_(stands == "waiting_window", ~came), "failed": stands == "failed",
        "given_up": state == unasked.GIVEN_UP,
        "unwanted": state == "unwanted", "erased": state == "erased",
    }
    query = (
        select(
            corrections.c.id, corrections.c.topic, corrections.c.aspect, corrections.c.words,
            officers.c.name.label("officer"), corrections.c.at,
            *(func.count().filter(which).label(name) for name, which in counted.items()),
        )
        .join(officers, officers.c.id == corrections.c.officer_id)
        .join(corrected, corrected.c.correction_id == corrections.c.id)
        .outerjoin(messages, messages.c.id == corrected.c.message_id)
        .group_by(corrections.c.id, officers.c.name).order_by(corrections.c.at.desc()).limit(most)
    )
    async with db.statement(runtime.pool) as connection:
        return [Progress(**row._mapping) for row in (await connection.execute(query)).all()]


async def suspended(runtime: Runtime) -> Sequence[Any]:
    """The topics that were ever suspended, and so can be corrected: `topic`, whether it is `suspended` now."""
    async with db.statement(runtime.pool) as connection:
        return (await connection.execute(
            select(publications.c.topic, publications.c.suspended).where(exists().where(
                publication_events.c.topic == publications.c.topic, publication_events.c.suspended))
        )).all()


# --- telling ----------------------------------------------------------------------------------------------------------


async def tell(runtime: Runtime, most: int = AT_ONCE) -> int:
    """Tell at most `most` conversations, the oldest correction first. Returns how many were told."""
    async with db.statement(runtime.pool) as connection:
        waiting = (await connection.execute(
            select(corrected.c.correction_id, corrected.c.conversation_id)
            .join(corrections, corrections.c.id == corrected.c.correction_id)
            .where(corrected.c.state == "waiting", unasked.is_due(runtime, corrected))
            .order_by(corrections.c.at, corrected.c.conversation_id).limit(most)
        )).all()
    return await each(waiting, lambda row: _try(runtime, row), "correction and conversation %s: it could not be told")


async def _try(runtime: Runtime, row: Any) -> bool:
    which = and_(corrected.c.correction_id == row.correction_id, corrected.c.conversation_id == row.conversation_id)
    return await unasked.attempt(
        runtime, corrected, which, lambda: _tell(runtime, row.correction_id, row.conversation_id))


async def _tell(runtime: Runtime, correction_id: UUID, conversation_id: UUID) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        row = (await connection.execute(
            select(corrections, officers.c.name, officers.c.title, answers.c.created_at.label("given_at"),
                   answers.c.id.label("answer_id"), publications.c.suspended, data_keys.c.destroyed_at)
            .join(corrected, corrected.c.correction_id == corrections.c.id)
            .join(officers, officers.c.id == corrections.c.officer_id)
            .join(answers, answers.c.id == corrected.c.answer_id)
            .join(publications, publications.c.topic == corrections.c.topic)
            .join(data_keys, data_keys.c.id == conversation.data_key_id)
            .where(corrections.c.id == correction_id, corrected.c.conversation_id == conversation_id,
                   corrected.c.state == "waiting")
        )).one_or_none()
        if row is None:
            return False  # another worker was first
        state, message_id = await _say(runtime, connection, conversation, row)
        await connection.execute(
            update(corrected).where(
                corrected.c.correction_id == correction_id, corrected.c.conversation_id == conversation_id
            ).values(state=state, message_id=message_id, settled_at=runtime.clock())
        )
    await sending.dispatch(runtime, conversation_id)
    return message_id is not None


async def _say(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], row: Row[Any]
) -> tuple[str, UUID | None]:
    """Say it, whoever owns the conversation; what became of it, and the message."""
    if row.destroyed_at is not None:
        return "erased", None
    if await numbers.stopped(connection, conversation.id):
        return "unwanted", None
    unit = await office.unit_for(connection, None, conversation.office_id)
    title = runtime.catalogue.topics[row.topic].title if row.topic in runtime.catalogue.topics else row.topic
    said = runtime.texts.say(
        "correction.told", title=title, words=row.words, officer=row,
        given_on=row.given_at.astimezone(ZoneInfo(unit.zone)).date(),
    )
    again = [] if row.suspended else [button(runtime, "read_new", f"topic:{row.topic}")]
    case_id = conversation.open_case_id or conversation.last_case_id
    (message_id,) = await store(runtime, connection, conversation, [Outgoing(
        "system", said, (*again, button(runtime, "person", f"person:{row.answer_id}")), case_id=case_id,
        notice=Notice.correction,
    )])
    if case_id is not None:
        await cases.record(runtime, connection, conversation, case_id, EVENT, Actor("officer", str(row.officer_id)),
                           message_id=message_id, topic=row.topic)
    return "told", message_id

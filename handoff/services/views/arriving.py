"""What of the office's words has not come to the citizen's hands over WhatsApp, since when, why, and what to do: for
officers, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, bindparam, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.refusals import why
from handoff.services.people import office
from handoff.services.post import window
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import local_time
from handoff.store.schema import cases, conversations, messages, outbox, units
from handoff.store.schema_whatsapp import whatsapp_sends, whatsapp_stops
from handoff.texts import working_span

SILENT = timedelta(hours=24)  # taken by WhatsApp, and no sign since: the officer is told

_refused_once = exists().where(
    outbox.c.message_id == messages.c.id, whatsapp_sends.c.outbox_id == outbox.c.id, whatsapp_sends.c.state == "waiting"
).correlate(messages)
_arrived = messages.alias("arrived")
_newest_arrived = (
    select(func.max(_arrived.c.seq)).where(
        _arrived.c.conversation_id == cases.c.conversation_id, _arrived.c.author == "officer",
        _arrived.c.delivered_at.isnot(None),
    ).correlate(cases).scalar_subquery()
)
#: The oldest reply to the case's citizen that has not come to hand, unless a later one has; a condition on messages.
_WAITS = and_(
    messages.c.conversation_id == cases.c.conversation_id, messages.c.author == "officer",
    messages.c.case_id == cases.c.id, messages.c.kind != "note", messages.c.delivered_at.is_(None),
    conversations.c.channel == "whatsapp", messages.c.seq > func.coalesce(_newest_arrived, 0),
    or_(messages.c.delivery.in_(("failed", "waiting_window")),
        and_(messages.c.delivery == "stored", or_(_refused_once, exists(select(whatsapp_stops.c.number_id))))),
)
SINCE = select(func.min(messages.c.created_at)).where(_WAITS).correlate(cases, conversations).scalar_subquery()

_FACTS = text("""
SELECT m.id, m.delivery, m.delivered_at, m.created_at, s.code, s.state IS NOT NULL AS tried
FROM messages m JOIN outbox o ON o.message_id = m.id
LEFT JOIN LATERAL (SELECT code, state FROM whatsapp_sends s WHERE s.outbox_id = o.id
    ORDER BY (state = 'failed') DESC, (state = 'waiting') DESC, part LIMIT 1) s ON true
WHERE m.id = ANY(:ids) AND m.delivery IN ('failed', 'waiting_window', 'stored', 'sent')
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_INVITED = text("""
SELECT state, delivery FROM whatsapp_invitations v
WHERE v.conversation_id = :conversation AND v.created_at > :heard ORDER BY v.created_at DESC LIMIT 1
""")


@dataclass(frozen=True)
class Standing:
    """How the conversation stands with WhatsApp now."""

    window_ends: datetime | None
    invited: str  # the template that announces what waits: none, posting, accepted, delivered, read, failed
    stopped: bool


async def standing(connection: AsyncConnection, conversation_id: UUID) -> Standing:
    """For a conversation over WhatsApp."""
    heard = await window.heard_at(connection, conversation_id)
    row = (await connection.execute(_INVITED, {
        "conversation": conversation_id, "heard": heard or datetime.min.replace(tzinfo=ZoneInfo("UTC")),
    })).one_or_none()
    stopped = (await connection.execute(select(whatsapp_stops.c.number_id).limit(1))).first() is not None
    return Standing(heard + window.WINDOW if heard else None, _invited(row), stopped)


def _invited(row: Row[Any] | None) -> str:
    if row is None:
        return "none"
    if row.state == "accepted":
        return {"delivered": "delivered", "read": "read"}.get(row.delivery, "accepted")
    return "failed" if row.state == "failed" else "posting"


async def tell(
    runtime: Runtime, connection: AsyncConnection, now: Standing, shown: Sequence[dict[str, Any]]
) -> None:
    """Give each of these messages (as `conversations.read` does) its `delivery_reason`: why it has not come to hand and
    what to do, or None."""
    ids = [UUID(one["id"]) for one in shown if one["author"] != "citizen" and one["kind"] != "note"]
    facts = {row.id: row for row in (await connection.execute(_FACTS, {"ids": ids})).all()} if ids else {}
    for one in shown:
        row = facts.get(UUID(one["id"]))
        name = _reason(row, now, runtime.clock()) if row is not None else None
        one["delivery_reason"] = runtime.texts.say(f"delivery.{name}", code=row.code) if row and name else None


def _reason(row: Row[Any], now: Standing, at: datetime) -> str | None:
    """The sentence's name below `delivery`."""
    if row.delivery == "waiting_window":
        return "window.seen" if row.delivered_at is not None else f"window.{now.invited}"
    if row.delivery == "failed":
        return "failed.seen" if row.delivered_at is not None else f"failed.{why(row.code).value}"
    if row.delivery == "stored":
        return "waits.stopped" if now.stopped else "waits.busy" if row.tried and row.code is not None else None
    return "silent" if row.delivered_at is None and at - row.created_at >= SILENT else None


async def of_case(
    runtime: Runtime, connection: AsyncConnection, now: Standing, case: Row[Any]
) -> dict[str, Any] | None:
    """The case's oldest reply that has not come to hand, for a page: since when, how long, and why."""
    row = (await connection.execute(
        select(messages.c.id, messages.c.created_at)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(cases, cases.c.id == messages.c.case_id).where(cases.c.id == case.id, _WAITS)
        .order_by(messages.c.seq).limit(1)
    )).one_or_none()
    if row is None:
        return None
    one: dict[str, Any] = {"id": str(row.id), "author": "officer", "kind": "text"}
    await tell(runtime, connection, now, [one])
    age = (await ages(runtime, connection, {case.id: (case.unit_id, row.created_at)}))[case.id]
    return {"since": local_time(row.created_at, case.zone), "age": age, "reason": one["delivery_reason"]}


async def ages(
    runtime: Runtime, connection: AsyncConnection, waiting: dict[UUID, tuple[UUID, datetime]]
) -> dict[UUID, str]:
    """How long ago these instants are in working time of these units, in words; by the same keys."""
    if not waiting:
        return {}
    rows = (await connection.execute(
        select(units).where(units.c.id.in_({unit_id for unit_id, _ in waiting.values()}))
    )).all()
    at = runtime.clock()
    calendars = {row.id: await office.calendar_of(connection, row, at) for row in rows}
    return {
        key: working_span(calendars[unit_id].days_between(since, at), calendars[unit_id].minutes_between(since, at))
        for key, (unit_id, since) in waiting.items()
    }

"""When 24 hours have passed, only a template may be sent: it invites the citizen to write, and then the text follows.

Of what waits, the most important is announced by the template of its kind, and covers everything that waited beside it.
Of each template one goes out after the citizen's newest message. A reminder is in its template whole: when that came to
hand, the reminder did (P5).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import outcome, pacing, ties
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.channels.whatsapp.templates import catalogue, filled
from handoff.domain import refusals
from handoff.domain.delivering import furthest
from handoff.domain.notice import Notice
from handoff.services.case.cases import key_of
from handoff.services.post import bounces, delivery
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import outbox
from handoff.store.schema_whatsapp import whatsapp_invitations as invitations
from handoff.store.schema_whatsapp import whatsapp_sends
from handoff.texts import long_time

log = logging.getLogger(__name__)

# What waits in a conversation, in order: it belongs to a case, is news without one, or answers what the citizen wrote
# (an outage lasted a day); for who wants no news, only what they asked for. What is no longer true is not announced: a
# reminder of a proposal that was answered on the case's page meanwhile.
_WAITING = text("""
SELECT o.id AS outbox_id, coalesce(o.notice, CASE WHEN k.id IS NULL THEN 'answer' ELSE 'news' END) AS notice,
    m.seq, f.name AS officer, f.title, k.id AS case_id,
    o.conversation_id, k.number, k.key_version, k.proposed_at, u.zone, w.mark_3 AS closes_at, q.mark_3 AS asked_until,
    CASE o.notice WHEN 'proposal' THEN k.proposal_id = m.id AND k.status = 'resolution_proposed'
        WHEN 'first_reminder' THEN w.id IS NOT NULL WHEN 'last_reminder' THEN w.id IS NOT NULL
        WHEN 'question_reminder' THEN q.id IS NOT NULL WHEN 'question' THEN q.id IS NOT NULL
        WHEN 'closed' THEN k.status = 'closed' WHEN 'new_officer' THEN k.status <> 'closed' ELSE true END AS holds
FROM outbox o JOIN messages m ON m.id = o.message_id LEFT JOIN cases k ON k.id = m.case_id
LEFT JOIN officers f ON f.id = coalesce(m.officer_id, k.officer_id) LEFT JOIN units u ON u.id = k.unit_id
LEFT JOIN clocks w ON w.case_id = k.id AND w.kind = 'closing' AND w.ended_at IS NULL
LEFT JOIN clocks q ON q.case_id = k.id AND q.kind = 'question' AND q.ended_at IS NULL
WHERE o.conversation_id = :conversation AND o.state = 'handed'
AND (k.id IS NOT NULL OR coalesce(o.notice, CASE m.author WHEN 'bot' THEN 'answer' END) = ANY(:without_case))
AND (o.notice = 'asked_reminder' OR (o.notice IS NULL AND k.id IS NULL) OR NOT EXISTS (
    SELECT FROM whatsapp_optouts s JOIN whatsapp_addresses a ON s.number_hash IN (a.wa_hash, a.user_hash)
    WHERE a.conversation_id = :conversation AND a.current
)) ORDER BY m.seq
""")
_WITHOUT_CASE = [notice.value for notice in Notice if not notice.of_case]


@dataclass(frozen=True)
class Invitation:
    """A template that is ours to post."""

    ticket: UUID
    body: dict[str, Any]
    tries: int


async def claim(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, heard_at: datetime | None, settle: timedelta
) -> Invitation | None:
    """The next template to post, claimed; the caller holds the conversation's lock."""
    sent = (await connection.execute(
        select(invitations, (invitations.c.due_at <= func.clock_timestamp()).label("due")).where(
            invitations.c.conversation_id == conversation_id, invitations.c.contact_id.is_(None),
            *([invitations.c.created_at > heard_at] if heard_at is not None else []),
        ).order_by(invitations.c.created_at)
    )).all()
    waiting = (await connection.execute(
        _WAITING, {"conversation": conversation_id, "without_case": _WITHOUT_CASE}
    )).all()
    holding = {row.outbox_id: row for row in waiting if row.holds}
    for before in sent:
        if before.state in ("sending", "waiting") and before.due:
            if before.outbox_id in holding:
                return await _mark(runtime, connection, holding[before.outbox_id], before.template, settle, before)
            await connection.execute(
                update(invitations).where(invitations.c.id == before.id).values(state="failed")
            )
    covered = max((row.covers for row in sent if row.state != "failed"), default=0)
    new = [row for row in holding.values() if row.seq > covered]
    for row in sorted(new, key=lambda one: (Notice(one.notice).rank, -one.seq)):
        if (name := _template_for(row, sent)) is not None:
            return await _mark(runtime, connection, row, name, settle, covers=waiting[-1].seq)
    return None


def _template_for(row: Row[Any], sent: Sequence[Row[Any]]) -> str | None:
    """The template of its kind; where that is not approved, the plain one for news of a case; None when the citizen
    has had it."""
    own, plain = (catalogue().named_for(notice) for notice in (Notice(row.notice), Notice.news))
    states = {one.template: one for one in sent}
    if own not in states:
        return own
    not_approved = states[own].code is not None and outcome.verdict(400, states[own].code) is Verdict.template
    if states[own].state == "failed" and not_approved and plain not in states and row.case_id is not None:
        return plain
    return None


def _values(row: Row[Any]) -> dict[str, str]:
    """What the parameters are; none for news without a case."""
    if row.case_id is None:
        return {}
    times = {"diusulkan": row.proposed_at, "batas": row.closes_at, "batas_jawab": row.asked_until}
    return {"petugas": row.officer, "jabatan": row.title, "nomor": row.number} | {
        name: long_time(at, row.zone) for name, at in times.items() if at is not None}


async def _mark(
    runtime: Runtime, connection: AsyncConnection, row: Row[Any], name: str, settle: timedelta,
    before: Row[Any] | None = None, covers: int = 0,
) -> Invitation:
    due_at = func.clock_timestamp() + settle
    page = f"{row.number}.{key_of(runtime, row.case_id, row.key_version)}" if row.case_id is not None else ""
    body = filled(name, _values(row), row.case_id or row.conversation_id, page)
    if before is not None:
        await connection.execute(
            update(invitations).where(invitations.c.id == before.id)
            .values(state="sending", tries=before.tries + 1, due_at=due_at)
        )
        return Invitation(before.id, body, before.tries + 1)
    ticket = uuid4()
    await connection.execute(insert(invitations).values(
        id=ticket, conversation_id=row.conversation_id, outbox_id=row.outbox_id, template=name, state="sending",
        covers=covers, created_at=runtime.clock(), due_at=due_at,
    ))
    return Invitation(ticket, body, 1)


async def post(runtime: Runtime, graph: Graph, number_id: str, to: dict[str, str], it: Invitation) -> Refused | None:
    """Post it and record what was said. The refusal, when it was refused: it may concern the whole number."""
    try:
        wamid = await graph.send(number_id, to, it.body, str(it.ticket))
    except Unknown as error:
        log.warning("WhatsApp template %s: what became of it is not known (%s)", it.ticket, error)
    except NotReached:
        await _record(runtime, it, "waiting")
    except Refused as refused:
        verdict = outcome.verdict(refused.http_status, refused.code)
        log.log(logging.CRITICAL if verdict is Verdict.template else logging.ERROR,
                "WhatsApp refused template %s: %s (%s)", it.ticket, refused, verdict.value)
        again = verdict is Verdict.stop or (verdict is Verdict.again and it.tries < outcome.TRIES)
        await _record(runtime, it, "waiting" if again else "failed", refused.code)
        return refused
    else:
        await _accepted(runtime, it.ticket, number_id, wamid)
    return None


async def _accepted(runtime: Runtime, ticket: UUID, number_id: str, wamid: str) -> None:
    """As `settling.accepted`: what came of it without our ticket before this was known counts from now on."""
    wamid_hash = runtime.keyring.blind("wamid", wamid)
    async with db.transaction(runtime.pool) as connection:
        await ties.hold(connection, wamid_hash)
        await ties.learn(connection, ticket, wamid_hash, anew=True)
        await reported(runtime, connection, ticket, "sent", None)
        for one in await ties.came_before(connection, wamid_hash):
            if one.ticket != ticket:
                await reported(runtime, connection, ticket, one.status, one.code)
        await pacing.runs_again(connection, number_id)


async def _record(runtime: Runtime, it: Invitation, state: str, code: int | None = None) -> None:
    async with db.transaction(runtime.pool) as connection:
        await _lock(connection, it.ticket)
        row = (await connection.execute(
            update(invitations).where(invitations.c.id == it.ticket, invitations.c.state == "sending")
            .values(state=state, code=code, due_at=func.clock_timestamp() + outcome.pause(it.tries))
            .returning(invitations)
        )).one_or_none()
        if row is not None and state == "failed":
            await _failed(runtime, connection, row, code)


async def _lock(connection: AsyncConnection, ticket: UUID) -> Row[Any] | None:
    """The template's row; its conversation is locked, as `claim` does, before any row of it."""
    known = (await connection.execute(
        select(invitations.c.conversation_id).where(invitations.c.id == ticket)
    )).scalar_one_or_none()
    if known is None:
        return None
    await ownership.lock(connection, known)
    return (await connection.execute(select(invitations).where(invitations.c.id == ticket))).one()


async def _failed(runtime: Runtime, connection: AsyncConnection, row: Row[Any], code: int | None) -> None:
    """News for a number that was given on the web did not arrive: its officer is told, who knows other ways."""
    if row.contact_id is not None:
        unreachable = refusals.why(code) is refusals.Why.unreachable
        await bounces.unreached(runtime, connection, row.case_id, row.contact_id, permanent=unreachable, way="number")


async def reported(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID, report: str, code: int | None
) -> None:
    """A status of a template has come, or its answer."""
    row = await _lock(connection, ticket)
    if row is None or (stands := furthest(row.delivery, report)) == row.delivery:
        return
    await connection.execute(
        update(invitations).where(invitations.c.id == ticket)
        .values(delivery=stands, state="failed" if stands == "failed" else "accepted", code=code)
    )
    if stands == "failed":
        await _failed(runtime, connection, row, code)
    template = catalogue().templates.get(row.template)
    if stands in ("delivered", "read") and template is not None and template.whole:
        await _came_whole(runtime, connection, row.outbox_id, stands)


async def _came_whole(runtime: Runtime, connection: AsyncConnection, outbox_id: UUID, stands: str) -> None:
    """The template was the message: it has come to hand, and nothing of it waits."""
    posted = select(whatsapp_sends.c.id).where(whatsapp_sends.c.outbox_id == outbox_id).exists()
    await connection.execute(
        update(outbox).where(outbox.c.id == outbox_id, outbox.c.state == "handed", ~posted)
        .values(state="sent", settled_at=runtime.clock())
    )
    await delivery.reported(runtime, connection, outbox_id, stands)

"""Posting what the outbox handed over: one conversation, one message after the other (docs/adr/0029).

Claim, post, record. The claim is a row committed before the request; whoever is killed after it leaves `sending`, and
the status that Meta sends with our ticket settles it. Only when none came for `SETTLE` is it posted again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import inviting, outcome, shape
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.inviting import Invitation
from handoff.channels.whatsapp.outcome import Verdict
from handoff.channels.whatsapp.payload import Status
from handoff.domain.delivering import furthest, least
from handoff.services.post import delivery
from handoff.services.post import sending as outbox_service
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, ownership
from handoff.store import db
from handoff.store.crypto import unseal
from handoff.store.schema import messages, outbox
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_sends, whatsapp_stops

log = logging.getLogger(__name__)

WINDOW = timedelta(hours=24)    # after the citizen's newest message anything may be sent, later only templates
SETTLE = timedelta(seconds=60)  # how long a status may take to tell what became of a post
UNTIL_WRITTEN = timedelta(days=365)

_NEXT = text("""
SELECT o.id, o.message_id, m.seq, clock_timestamp() AS now, (
    (o.owner_epoch IS NULL OR (c.owner_epoch = o.owner_epoch AND c.owner_officer_id IS NULL))
    AND NOT EXISTS (
        SELECT FROM publications p
        WHERE p.topic = o.topic AND (p.suspended OR p.epoch <> coalesce(o.publication_epoch, 0))
    )
) AS may_go,
(SELECT max(s.claimed_at) FROM whatsapp_sends s WHERE s.conversation_id = c.id) AS paced_from,
(SELECT max(least(coalesce(i.sent_at, i.created_at), i.created_at)) FROM messages i
    WHERE i.conversation_id = c.id AND i.author = 'citizen') AS heard_at
FROM outbox o JOIN messages m ON m.id = o.message_id JOIN conversations c ON c.id = o.conversation_id
WHERE o.conversation_id = :conversation AND o.state = 'handed' ORDER BY m.seq LIMIT 1
""")
_HANDED = text("""
SELECT DISTINCT o.conversation_id FROM outbox o JOIN messages m ON m.id = o.message_id
WHERE o.state = 'handed' AND (m.delivery <> 'waiting_window' OR EXISTS (
    SELECT FROM whatsapp_invitations v WHERE v.conversation_id = o.conversation_id
        AND v.state IN ('sending', 'waiting') AND v.due_at <= clock_timestamp()
)) LIMIT 500
""")


@dataclass(frozen=True)
class Claimed:
    """One message of WhatsApp that is ours to post."""

    ticket: UUID
    number_id: str
    to: dict[str, str]
    body: shape.Body
    tries: int


@dataclass(frozen=True)
class Invited:
    """A template that is ours to post."""

    invitation: Invitation
    number_id: str
    to: dict[str, str]


@dataclass(frozen=True)
class Later:
    """Nothing may be posted for so many seconds; None: until somebody writes or an operator acts."""

    seconds: float | None


@dataclass(frozen=True)
class Late:
    """What was handed over is no longer true; it must be withheld."""

    message_id: UUID


async def post_due(runtime: Runtime, graph: Graph, conversation_id: UUID) -> float | None:
    """Post what is due in this conversation. The seconds after which there is more to do, or None."""
    while True:
        async with db.transaction(runtime.pool) as connection:
            step = await _claim(runtime, connection, conversation_id)
        if isinstance(step, Later):
            return step.seconds
        if isinstance(step, Late):
            await outbox_service.withhold(runtime, conversation_id, step.message_id)
        elif isinstance(step, Invited):
            refused = await inviting.post(runtime, graph, step.number_id, step.to, step.invitation)
            if refused is not None:
                await _stop(runtime, step.number_id, refused.code)
        else:
            await _post(runtime, graph, step)


async def post_overdue(runtime: Runtime) -> None:
    """Have posted what nobody is at: after a crash, a pause, a stopped number."""
    async with db.statement(runtime.pool) as connection:
        handed = (await connection.execute(_HANDED)).scalars().all()
    for conversation_id in handed:
        await outbox_service.post(runtime, conversation_id)


async def citizen_wrote(runtime: Runtime, conversation_id: UUID) -> None:
    """The window is open again: what waited for it goes out."""
    async with db.transaction(runtime.pool) as connection:
        waiting = (await connection.execute(
            select(outbox.c.id).where(outbox.c.conversation_id == conversation_id, outbox.c.state == "handed").limit(1)
        )).first()
        if waiting is None:
            return
        await connection.execute(
            update(whatsapp_sends).where(
                whatsapp_sends.c.conversation_id == conversation_id, whatsapp_sends.c.state == "waiting"
            ).values(due_at=func.clock_timestamp())
        )
    await outbox_service.post(runtime, conversation_id)


# --- claim ------------------------------------------------------------------------------------------------------------


async def _claim(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID
) -> Claimed | Invited | Later | Late:
    """The next message to post, claimed under the conversation's lock: two workers never post the same one."""
    await ownership.lock(connection, conversation_id)
    row = (await connection.execute(_NEXT, {"conversation": conversation_id})).one_or_none()
    if row is None:
        return Later(None)
    sends = {s.part: s for s in (await connection.execute(
        select(whatsapp_sends).where(whatsapp_sends.c.outbox_id == row.id)
    )).all()}
    if not row.may_go and not sends:
        return Late(row.message_id)
    address = await _address(connection, conversation_id)
    if address is None:
        log.error("conversation %s has no address on WhatsApp", conversation_id)
        return Later(None)
    if row.heard_at is None or runtime.clock() >= row.heard_at + WINDOW:
        await _wait_for_window(connection, conversation_id)
        return await _invite(runtime, connection, row, address)
    (message,) = await conversations.read_in(runtime, connection, conversation_id, row.seq - 1, limit=1)
    bodies = shape.bodies(runtime.texts, message)
    open_parts = [n for n in range(1, len(bodies) + 1) if n not in sends or sends[n].state in ("sending", "waiting")]
    part = open_parts[0] if open_parts else 1
    until = await _not_before(connection, row, sends.get(part), address.number_id)
    if until > row.now:
        rest = until - row.now
        return Later(None if rest > outcome.LONGEST else rest.total_seconds())
    ticket, tries = await _mark(connection, row, conversation_id, part, len(bodies))
    return Claimed(ticket, address.number_id, await _recipient(runtime, connection, address), bodies[part - 1], tries)


async def _invite(
    runtime: Runtime, connection: AsyncConnection, row: Row[Any], address: Row[Any]
) -> Invited | Later:
    """Outside the window: a template, at the same pace."""
    until = await _not_before(connection, row, None, address.number_id)
    if until > row.now:
        return Later((until - row.now).total_seconds())
    found = await inviting.claim(runtime, connection, address.conversation_id, row.heard_at, SETTLE)
    if found is None:
        return Later(None)
    return Invited(found, address.number_id, await _recipient(runtime, connection, address))


async def _not_before(connection: AsyncConnection, row: Row[Any], send: Row[Any] | None, number_id: str) -> datetime:
    """When the next post may be made: paced for its receiver, after its own pause, not while its number is stopped."""
    times = [row.now, row.paced_from + outcome.PAIR if row.paced_from else row.now]
    if send is not None:
        times.append(send.claimed_at + SETTLE if send.state == "sending" else send.due_at)
    stopped = (await connection.execute(
        select(whatsapp_stops.c.until).where(whatsapp_stops.c.number_id == number_id)
    )).scalar_one_or_none()
    return max(*times, stopped or row.now)


async def _mark(
    connection: AsyncConnection, row: Row[Any], conversation_id: UUID, part: int, parts: int
) -> tuple[UUID, int]:
    claim = postgresql.insert(whatsapp_sends).values(
        id=uuid4(), outbox_id=row.id, conversation_id=conversation_id, part=part, parts=parts, state="sending",
        tries=1, claimed_at=row.now, due_at=row.now,
    )
    marked = (await connection.execute(claim.on_conflict_do_update(
        index_elements=["outbox_id", "part"],
        set_={"state": "sending", "tries": whatsapp_sends.c.tries + 1, "claimed_at": row.now},
    ).returning(whatsapp_sends.c.id, whatsapp_sends.c.tries))).one()
    return marked.id, marked.tries


async def _address(connection: AsyncConnection, conversation_id: UUID) -> Row[Any] | None:
    """Where the citizen wrote from last."""
    return (await connection.execute(
        select(whatsapp_addresses).where(whatsapp_addresses.c.conversation_id == conversation_id)
        .order_by(whatsapp_addresses.c.current.desc(), whatsapp_addresses.c.created_at.desc()).limit(1)
    )).one_or_none()


async def _recipient(runtime: Runtime, connection: AsyncConnection, address: Row[Any]) -> dict[str, str]:
    key = await conversations.data_key_in(runtime, connection, address.conversation_id)
    if address.wa_enc is not None:
        return {"to": unseal(key, address.id, address.wa_enc).decode()}
    return {"recipient": unseal(key, address.id, address.user_enc).decode()}


async def _wait_for_window(connection: AsyncConnection, conversation_id: UUID) -> None:
    """Everything that is still to go says that it waits for the citizen."""
    handed = select(outbox.c.message_id).where(outbox.c.conversation_id == conversation_id, outbox.c.state == "handed")
    await connection.execute(
        update(messages).where(messages.c.id.in_(handed), messages.c.delivery.in_(("stored", "sent")))
        .values(delivery="waiting_window")
    )


# --- post and record --------------------------------------------------------------------------------------------------


async def _post(runtime: Runtime, graph: Graph, claimed: Claimed) -> None:
    try:
        wamid = await graph.send(claimed.number_id, claimed.to, claimed.body, str(claimed.ticket))
    except Unknown as error:  # it stays `sending`
        log.warning("WhatsApp post %s: what became of it is not known (%s)", claimed.ticket, error)
        return
    except NotReached as error:
        log.warning("WhatsApp is not reached: %s", error)
        await _record(runtime, claimed.ticket, state="waiting", pause=outcome.pause(claimed.tries))
        return
    except Refused as refused:
        await _refused(runtime, claimed, refused)
        return
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(whatsapp_sends).where(whatsapp_sends.c.id == claimed.ticket)
            .values(wamid_hash=runtime.keyring.blind("wamid", wamid))
        )
        await _came(runtime, connection, claimed.ticket, "sent")


async def _refused(runtime: Runtime, claimed: Claimed, refused: Refused) -> None:
    verdict = outcome.verdict(refused.http_status, refused.code)
    log.log(logging.INFO if verdict in (Verdict.again, Verdict.window) else logging.ERROR,
            "WhatsApp refused post %s: %s (%s)", claimed.ticket, refused, verdict.value)
    if verdict is Verdict.stop:
        await _stop(runtime, claimed.number_id, refused.code)
        await _record(runtime, claimed.ticket, state="waiting", code=refused.code)
    elif verdict is Verdict.window:
        await _record(runtime, claimed.ticket, state="waiting", code=refused.code, pause=UNTIL_WRITTEN)
    elif verdict is Verdict.again and claimed.tries < outcome.TRIES:
        await _record(runtime, claimed.ticket, state="waiting", code=refused.code, pause=outcome.pause(claimed.tries))
    else:
        await _record(runtime, claimed.ticket, state="failed", code=refused.code)


async def _stop(runtime: Runtime, number_id: str, code: int | None) -> None:
    """Nothing more is posted from this number for a while, and the operator is called."""
    log.critical("WhatsApp number %s is stopped: Meta refuses its token, its rights or its account (code %s). "
                 "Nothing is lost; check WHATSAPP_ACCESS_TOKEN and the account.", number_id, code)
    until = func.clock_timestamp() + outcome.STOPPED_FOR
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            postgresql.insert(whatsapp_stops).values(number_id=number_id, code=code, since=runtime.clock(), until=until)
            .on_conflict_do_update(index_elements=["number_id"], set_={"code": code, "until": until})
        )


async def _record(
    runtime: Runtime, ticket: UUID, *, state: str, code: int | None = None, pause: timedelta = timedelta()
) -> None:
    """What the API said, unless a status has told more meanwhile."""
    async with db.transaction(runtime.pool) as connection:
        send = (await connection.execute(
            update(whatsapp_sends).where(whatsapp_sends.c.id == ticket, whatsapp_sends.c.state == "sending").values(
                state=state, code=code, due_at=func.clock_timestamp() + pause,
                delivery="failed" if state == "failed" else whatsapp_sends.c.delivery,
            ).returning(whatsapp_sends)
        )).one_or_none()
        if send is not None:
            await _sum_up(runtime, connection, send, waits=pause == UNTIL_WRITTEN)


async def reported(runtime: Runtime, connection: AsyncConnection, ticket: UUID, status: Status) -> None:
    """A status has come: it also settles a post of which we never heard."""
    await inviting.reported(runtime, connection, ticket, status.status, status.code)
    refused = status.status == "failed" and outcome.verdict(400, status.code) is Verdict.window
    if not refused:
        await _came(runtime, connection, ticket, status.status, status.code)
        return
    send = (await connection.execute(
        update(whatsapp_sends).where(
            whatsapp_sends.c.id == ticket, whatsapp_sends.c.delivery.notin_(("delivered", "read"))
        ).values(state="waiting", delivery="stored", code=status.code, due_at=func.clock_timestamp() + UNTIL_WRITTEN)
        .returning(whatsapp_sends)
    )).one_or_none()
    if send is not None:
        await _sum_up(runtime, connection, send, waits=True)


async def _came(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID, report: str, code: int | None = None
) -> None:
    send = (await connection.execute(
        select(whatsapp_sends).where(whatsapp_sends.c.id == ticket).with_for_update()
    )).one_or_none()
    if send is None or (stands := furthest(send.delivery, report)) == send.delivery:
        return
    await connection.execute(
        update(whatsapp_sends).where(whatsapp_sends.c.id == ticket)
        .values(delivery=stands, state="failed" if stands == "failed" else "accepted", code=code)
    )
    number = select(whatsapp_addresses.c.number_id).where(
        whatsapp_addresses.c.conversation_id == send.conversation_id).scalar_subquery()
    if stands == "sent":  # the number can send again
        await connection.execute(whatsapp_stops.delete().where(whatsapp_stops.c.number_id.in_(number)))
    await _sum_up(runtime, connection, send)


async def _sum_up(runtime: Runtime, connection: AsyncConnection, send: Row[Any], *, waits: bool = False) -> None:
    """The outbox row and our message stand where the least of their parts stands."""
    found = (await connection.execute(
        select(whatsapp_sends.c.state, whatsapp_sends.c.delivery).where(whatsapp_sends.c.outbox_id == send.outbox_id)
    )).all()
    done = len(found) == send.parts and all(s.state in ("accepted", "failed") for s in found)
    stands = least([s.delivery for s in found]) if done else "stored"
    state = "handed" if not done else "failed" if stands == "failed" else "sent"
    await connection.execute(
        update(outbox).where(outbox.c.id == send.outbox_id)
        .values(state=state, settled_at=runtime.clock() if done else None)
    )
    if waits:
        await _wait_for_window(connection, send.conversation_id)
    elif done:
        await delivery.reported(runtime, connection, send.outbox_id, stands)

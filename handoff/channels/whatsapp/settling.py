"""What became of a post: what the API answered, and what Meta reports later, late, twice and out of order.

A status settles what nobody heard of, found by our ticket or by the id of the post (`ties`). What one message of
WhatsApp carries stands where it stands.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import inviting, outcome, pacing, ties
from handoff.channels.whatsapp.claiming import carried_by, wait_for_window
from handoff.channels.whatsapp.outcome import Verdict
from handoff.domain.delivering import furthest, least
from handoff.services.post import delivery
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import outbox
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_sends

UNTIL_WRITTEN = timedelta(days=365)
_ARRIVED = ("delivered", "read")


async def accepted(runtime: Runtime, ticket: UUID, number_id: str, wamid: str) -> None:
    """The API took it: the number can send. Of what was reported of it before this was known, a failure has the last
    word over the acceptance; what came without our ticket counts from now on."""
    wamid_hash = runtime.keyring.blind("wamid", wamid)
    async with db.transaction(runtime.pool) as connection:
        await ties.hold(connection, wamid_hash)
        await ties.learn(connection, ticket, wamid_hash, anew=True)
        await pacing.runs_again(connection, number_id)
        before = await ties.came_before(connection, wamid_hash)
        if not any(one.status == "failed" for one in before):
            await _came(runtime, connection, ticket, "sent")
        for one in before:
            if one.ticket != ticket:
                await _reported(runtime, connection, ticket, wamid_hash, one.status, one.code)


async def refused(
    runtime: Runtime, ticket: UUID, number_id: str, tries: int, verdict: Verdict, code: int | None
) -> None:
    """The API said no."""
    async with db.transaction(runtime.pool) as connection:
        await _settle(runtime, connection, ticket, number_id, tries, verdict, code, only_sending=True)


async def not_reached(runtime: Runtime, ticket: UUID, tries: int) -> None:
    """The request never arrived: our line is down, which is no reason to give a message up."""
    async with db.transaction(runtime.pool) as connection:
        await _record(runtime, connection, ticket, state="waiting", pause=outcome.pause(tries), only_sending=True)


async def reported(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID | None, wamid: str, status: str, code: int | None, *,
    again: bool = False,
) -> None:
    """A status was stored. `ticket`: what came with it, if it may be one of ours; `again`: it was there already, and
    counts only if nobody knew until now whose it is."""
    wamid_hash = runtime.keyring.blind("wamid", wamid)
    await ties.hold(connection, wamid_hash)
    if again and (ticket is None or await ties.is_told(connection, wamid_hash, status, ticket)):
        return
    news = ticket is not None and await ties.learn(connection, ticket, wamid_hash)
    if (news or not again) and (whose := await ties.ticket_of(connection, wamid_hash)) is not None:
        await _reported(runtime, connection, whose, wamid_hash, status, code)


async def _reported(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID, wamid_hash: bytes, status: str, code: int | None
) -> None:
    """What is reported of a post of ours. A failure that may pass is tried again, like one that the API told at
    once."""
    await inviting.reported(runtime, connection, ticket, status, code)
    send = (await connection.execute(
        select(whatsapp_sends).where(whatsapp_sends.c.id == ticket).with_for_update()
    )).one_or_none()
    if send is None or (status == "sent" and await _has_failed(connection, wamid_hash)):
        return
    if status != "failed":
        await _came(runtime, connection, ticket, status)
    elif send.delivery not in _ARRIVED and send.state != "failed" and send.wamid_hash == wamid_hash:
        number_id = (await connection.execute(
            select(whatsapp_addresses.c.number_id).where(whatsapp_addresses.c.conversation_id == send.conversation_id)
            .order_by(whatsapp_addresses.c.current.desc(), whatsapp_addresses.c.created_at.desc()).limit(1)
        )).scalar_one()
        await _settle(runtime, connection, ticket, number_id, send.tries, outcome.verdict(400, code), code)


async def _has_failed(connection: AsyncConnection, wamid_hash: bytes) -> bool:
    """Whether this very post failed: its `sent`, late, tells nothing of the next one."""
    return any(one.status == "failed" for one in await ties.came_before(connection, wamid_hash))


async def _settle(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID, number_id: str, tries: int, verdict: Verdict,
    code: int | None, *, only_sending: bool = False,
) -> None:
    """What becomes of a message that was refused."""
    state, pause = "failed", timedelta()
    if verdict is Verdict.stop:
        await pacing.stop(runtime, connection, number_id, code)
        state = "waiting"
    elif verdict is Verdict.window:
        state, pause = "waiting", UNTIL_WRITTEN
    elif verdict is Verdict.again and (tries < outcome.TRIES or outcome.is_crowded(code)):
        state, pause = "waiting", outcome.pause(tries)
    await _record(runtime, connection, ticket, state=state, code=code, pause=pause, only_sending=only_sending)


async def _record(
    runtime: Runtime, connection: AsyncConnection, ticket: UUID, *, state: str, code: int | None = None,
    pause: timedelta, only_sending: bool,
) -> None:
    """`only_sending`: a status may have told more meanwhile than the API's own answer."""
    sends = (await connection.execute(
        update(whatsapp_sends).where(
            carried_by(ticket), *([whatsapp_sends.c.state == "sending"] if only_sending else [])
        ).values(
            state=state, code=code, due_at=func.clock_timestamp() + pause,
            delivery="failed" if state == "failed" else "stored",
        ).returning(whatsapp_sends)
    )).all()
    for send in sends:
        await _sum_up(runtime, connection, send, waits=pause == UNTIL_WRITTEN)


async def _came(runtime: Runtime, connection: AsyncConnection, ticket: UUID, report: str) -> None:
    sends = (await connection.execute(
        select(whatsapp_sends).where(carried_by(ticket)).order_by(whatsapp_sends.c.id).with_for_update()
    )).all()
    for send in sends:
        stands = furthest(send.delivery, report)
        if stands == send.delivery:
            continue
        await connection.execute(
            update(whatsapp_sends).where(whatsapp_sends.c.id == send.id)
            .values(delivery=stands, state="accepted", code=None)
        )
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
        await wait_for_window(connection, send.conversation_id)
    elif done:
        await delivery.reported(runtime, connection, send.outbox_id, stands)

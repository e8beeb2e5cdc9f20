"""Posting what the outbox handed over: one conversation, one message after the other (docs/adr/0029, 0031).

Claim (`claiming`), wait for the number's turn (`pacing`), post, record (`settling`). The claim is a row committed
before the request; whoever is killed after it leaves `sending`, and the status that Meta sends with our ticket settles
it. Only when none came for `outcome.SETTLE` is it posted again.
"""

from __future__ import annotations

import logging
from uuid import UUID

from sqlalchemy import func, select, text, update

from handoff.channels.whatsapp import attention, claiming, inviting, outcome, pacing, settling
from handoff.channels.whatsapp.claiming import Claimed, Invited, Late, Later, Nowhere
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.domain import refusals
from handoff.services.post import sending as outbox_service
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import outbox
from handoff.store.schema_whatsapp import whatsapp_sends

log = logging.getLogger(__name__)

_HANDED = text(f"""
SELECT DISTINCT o.conversation_id FROM outbox o JOIN messages m ON m.id = o.message_id
WHERE o.state = 'handed' AND (m.delivery <> 'waiting_window' OR EXISTS (
    SELECT FROM whatsapp_invitations v WHERE v.conversation_id = o.conversation_id
        AND v.state IN ('sending', 'waiting') AND v.due_at <= clock_timestamp()
) OR EXISTS (  -- Meta said later that the window was closed: a template may announce it
    SELECT FROM whatsapp_sends s WHERE s.outbox_id = o.id AND s.state = 'waiting' AND s.code = {refusals.WINDOW}
        AND s.claimed_at > clock_timestamp() - interval '1 day'
        AND NOT EXISTS (SELECT FROM whatsapp_invitations v WHERE v.conversation_id = o.conversation_id
                        AND v.contact_id IS NULL AND v.created_at >= m.created_at)
)) LIMIT 500
""")
_LEVELS = {Verdict.again: logging.INFO, Verdict.window: logging.INFO, Verdict.template: logging.CRITICAL}


async def post_due(runtime: Runtime, graph: Graph, conversation_id: UUID) -> float | None:
    """Post what is due in this conversation. The seconds after which there is more to do, or None."""
    posted = False
    while True:
        async with db.transaction(runtime.pool) as connection:
            step = await claiming.claim(runtime, connection, conversation_id)
        if isinstance(step, Later):
            if posted or step.seconds is not None:
                await attention.attend(runtime, graph, conversation_id, step.seconds)
            return step.seconds
        if isinstance(step, Late):
            await outbox_service.withhold(runtime, conversation_id, step.message_id)
        elif isinstance(step, Nowhere):
            await settling.refused(runtime, step.ticket, "", step.tries, Verdict.failed, refusals.UNREACHABLE)
        elif isinstance(step, Invited):
            await invite(runtime, graph, step)
        else:
            posted = await _post(runtime, graph, step) or posted


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


async def _post(runtime: Runtime, graph: Graph, claimed: Claimed) -> bool:
    """Whether it was accepted."""
    await pacing.wait_for_turn(runtime, claimed.number_id)
    try:
        wamid = await graph.send(claimed.number_id, claimed.to, claimed.body, str(claimed.ticket))
    except Unknown as error:  # it stays `sending`
        log.warning("WhatsApp post %s: what became of it is not known (%s)", claimed.ticket, error)
    except NotReached as error:
        log.warning("WhatsApp is not reached: %s", error)
        await settling.not_reached(runtime, claimed.ticket, claimed.tries)
    except Refused as refusal:
        verdict = outcome.verdict(refusal.http_status, refusal.code)
        log.log(_LEVELS.get(verdict, logging.ERROR), "WhatsApp refused post %s: %s (%s)", claimed.ticket, refusal,
                verdict.value)
        await _slow_if_crowded(runtime, claimed.number_id, refusal)
        await settling.refused(runtime, claimed.ticket, claimed.number_id, claimed.tries, verdict, refusal.code)
    else:
        await settling.accepted(runtime, claimed.ticket, claimed.number_id, wamid)
        return True
    return False


async def invite(runtime: Runtime, graph: Graph, invited: Invited) -> None:
    """Post a template that was claimed."""
    await pacing.wait_for_turn(runtime, invited.number_id)
    refusal = await inviting.post(runtime, graph, invited.number_id, invited.to, invited.invitation)
    if refusal is None:
        return
    await _slow_if_crowded(runtime, invited.number_id, refusal)
    if outcome.verdict(refusal.http_status, refusal.code) is Verdict.stop:
        async with db.transaction(runtime.pool) as connection:
            await pacing.stop(runtime, connection, invited.number_id, refusal.code)


async def _slow_if_crowded(runtime: Runtime, number_id: str, refusal: Refused) -> None:
    """The number as a whole is too fast, or Meta tells so without a code of its own."""
    if outcome.is_crowded(refusal.code) or (refusal.http_status == 429 and refusal.code is None):
        await pacing.slow_down(runtime, number_id)

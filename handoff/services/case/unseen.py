"""An answer that its citizen cannot see is none (P7): WhatsApp refused it for good, or not even the template that
announces it was taken. The clock that it had stopped goes on, and its officer is told.

What waits and was announced counts: it stands on the case's page (docs/adr/0029). On the web nothing fails.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor
from handoff.services.case import cases
from handoff.services.case.cases import record
from handoff.services.post import notices
from handoff.services.post.outbox import notify
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.schema import cases as case_table

log = logging.getLogger(__name__)

AT_ONCE = 100

# The newest words of an officer in a case on which nobody waits any more, if they cannot be seen. `answered_before`: an
# earlier answer could be.
_UNSEEN = """
SELECT m.conversation_id, m.case_id, m.created_at, EXISTS (
        SELECT FROM messages e WHERE e.conversation_id = m.conversation_id AND e.case_id = m.case_id AND e.seq < m.seq
        AND e.author = 'officer' AND e.kind <> 'note' AND (e.delivered_at IS NOT NULL OR e.delivery IN ('sent', 'read'))
    ) AS answered_before
FROM messages m JOIN cases c ON c.id = m.case_id
WHERE m.author = 'officer' AND m.delivery IN ('failed', 'waiting_window') AND m.kind <> 'note'
    AND m.delivered_at IS NULL
    AND c.status <> 'closed' AND c.waiting_since IS NULL AND {which}
    AND (m.delivery = 'failed' OR (
        EXISTS (SELECT FROM whatsapp_invitations i WHERE i.conversation_id = m.conversation_id AND i.state = 'failed'
                AND i.created_at >= m.created_at)
        AND NOT EXISTS (SELECT FROM whatsapp_invitations i WHERE i.conversation_id = m.conversation_id
                        AND i.state <> 'failed' AND i.created_at >= m.created_at)))
    AND NOT EXISTS (SELECT FROM messages l WHERE l.conversation_id = m.conversation_id AND l.seq > m.seq
                    AND (l.author = 'citizen' OR (l.author = 'officer' AND l.kind <> 'note')))
ORDER BY m.seq DESC LIMIT :most
"""
_SOME = text(_UNSEEN.format(which="true"))
_HERE = text(_UNSEEN.format(which="c.id = :case"))


async def go_on(runtime: Runtime) -> int:
    """The clocks of cases whose answer cannot be seen go on. Returns how many; safe to run twice and by two at once."""
    async with db.statement(runtime.pool) as connection:
        found = (await connection.execute(_SOME, {"most": AT_ONCE})).all()
    cases_of = {row.case_id: row.conversation_id for row in found}
    return await each(
        cases_of, lambda case_id: _unless_erased(runtime, cases_of[case_id], case_id),
        "the clocks of case %s could not go on",
    )


async def _unless_erased(runtime: Runtime, conversation_id: UUID, case_id: UUID) -> bool:
    try:
        return await _go_on(runtime, conversation_id, case_id)
    except ContentGone:
        log.warning("case %s was erased; its clocks stay", case_id)
        return False


async def _go_on(runtime: Runtime, conversation_id: UUID, case_id: UUID) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        unseen: Any = (await connection.execute(_HERE, {"case": case_id, "most": 1})).one_or_none()
        if unseen is None:
            return False  # seen after all, answered again, or told already
        await _wait_again(runtime, connection, case_id, unseen)
        facts = await cases.load(connection, case_id)
        await record(runtime, connection, conversation, case_id, "reply_unseen", Actor("system"))
        await notices.tell(runtime, connection, facts.row.officer_id, case_id, "reply_unseen")
        await notify(connection, conversation_id, conversation.next_seq - 1)
    return True


async def _wait_again(runtime: Runtime, connection: AsyncConnection, case_id: UUID, unseen: Any) -> None:
    """The citizen waits since then, and was never answered if this was the first answer."""
    never = {} if unseen.answered_before else {"first_replied_at": None}
    await connection.execute(
        case_table.update().where(case_table.c.id == case_id).values(waiting_since=unseen.created_at, **never)
    )

"""What provably came to a citizen's hands (docs/adr/0022).

On the web a message counts as delivered when it was part of the answer to a request that the citizen's own browser
made, with the conversation's token or the case's key. What was only pushed down an open stream does not count until
the browser asks again: bytes that left this machine may have reached nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases, messages
from handoff.store.schema_clocks import clocks

_OURS = frozenset({"officer", "system"})


async def fetched(runtime: Runtime, conversation_id: UUID, shown: Iterable[Mapping[str, Any]]) -> None:
    """The citizen's browser has fetched these messages (as `conversations.read` gives them)."""
    new = [one["seq"] for one in shown if one["author"] in _OURS and one["delivery"] == "sent"]
    if not new:
        return
    at = runtime.clock()
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(messages).where(
                messages.c.conversation_id == conversation_id, messages.c.seq.in_(new), messages.c.delivery == "sent"
            ).values(delivery="delivered", delivered_at=at)
        )
        await connection.execute(  # what could not be delivered is looked at again now that it was
            update(clocks).where(
                clocks.c.kind == "closing", clocks.c.next_due_at > at,
                clocks.c.case_id.in_(select(cases.c.id).where(
                    cases.c.conversation_id == conversation_id, cases.c.undelivered_since.isnot(None)
                )),
            ).values(next_due_at=at)
        )

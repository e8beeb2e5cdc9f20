"""What a message over WhatsApp may be beside a question: a word that stops news, or the answer of a number that was
only told of a case."""

from __future__ import annotations

from uuid import UUID

from handoff.domain.optout import Wish, wish
from handoff.services.case import cases
from handoff.services.post import numbers
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, reminders
from handoff.store import db


async def carried_out(runtime: Runtime, conversation_id: UUID, message_id: UUID, text: str) -> bool:
    """Whether the message was a wish about news, which is carried out now; whoever owns the conversation."""
    wanted = wish(text)
    if wanted is None:
        return False
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        if await cases.has_fate(connection, message_id):
            return True
        if wanted is Wish.stop:
            await numbers.stop(runtime, connection, conversation_id)
            await reminders.cancel_all(runtime, connection, conversation_id)
        elif not await numbers.start(connection, conversation_id):
            return False  # nothing was stopped: the word means something else
        said = runtime.texts.say("whatsapp.stopped" if wanted is Wish.stop else "whatsapp.started")
        await store(runtime, connection, conversation, [Outgoing("system", said, in_reply_to=message_id)])
        await cases.settle(connection, message_id, "command", runtime.clock())
    return True


async def explain(runtime: Runtime, conversation_id: UUID, message_id: UUID) -> None:
    """Whoever was sent news here without having shown that the case is theirs is told, once, how to answer in it."""
    async with db.statement(runtime.pool) as connection:
        told = await numbers.unproven(connection, conversation_id)
    if not told:
        return
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        await numbers.hinted(runtime, connection, told)
        said = runtime.texts.say("whatsapp.not_proven", number=told[0].number)
        await store(runtime, connection, conversation, [Outgoing("system", said, in_reply_to=message_id)])

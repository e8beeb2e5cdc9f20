"""What a message may be beside a question: a word that stops news; over WhatsApp also the answer of a number that was
only told of a case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.optout import Wish, wish, word
from handoff.services.case import cases
from handoff.services.post import numbers
from handoff.services.post.outbox import Outgoing, store
from handoff.services.rights import held
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, reminders
from handoff.store import db
from handoff.store.schema import contacts
from handoff.store.schema_rights import data_events


async def carried_out(runtime: Runtime, conversation_id: UUID, message_id: UUID, text: str) -> bool:
    """Whether the message was a wish about news, which is carried out now; whoever owns the conversation."""
    wanted = wish(text)
    if wanted is None:
        return False
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        if await cases.has_fate(connection, message_id):
            return True
        if conversation.channel != "whatsapp":
            done = await _on_the_web(runtime, connection, conversation, wanted)
        elif wanted is Wish.stop:
            done = await _on_whatsapp(runtime, connection, conversation_id)
        else:
            done = await numbers.start(connection, conversation_id)
        if not done:
            return False  # there is nothing to stop, or nothing was: the word means something else
        event = "news_stopped" if wanted is Wish.stop else "news_started"
        await held.note(runtime, connection, conversation.citizen_id, event, detail=word(text))
        said = runtime.texts.say(f"{conversation.channel}.{event.removeprefix('news_')}")
        await store(runtime, connection, conversation, [Outgoing("system", said, in_reply_to=message_id)])
        await cases.settle(connection, message_id, "command", runtime.clock())
    return True


async def _on_whatsapp(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> bool:
    await numbers.stop(runtime, connection, conversation_id)
    await reminders.cancel_all(runtime, connection, conversation_id)
    return True


async def _on_the_web(runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], wanted: Wish) -> bool:
    """The addresses that the citizen gave get no news, or again those that they stopped so. Whether there was any."""
    theirs = contacts.c.citizen_id == conversation.citizen_id
    if wanted is Wish.stop:
        change = update(contacts).where(theirs, contacts.c.refused_at.is_(None)).values(refused_at=runtime.clock())
    else:
        stopped = select(data_events.c.at).where(
            data_events.c.citizen_id == conversation.citizen_id, data_events.c.kind == "news_stopped")
        change = update(contacts).where(theirs, contacts.c.refused_at.in_(stopped)).values(refused_at=None)
    return bool((await connection.execute(change.returning(contacts.c.id))).all())


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

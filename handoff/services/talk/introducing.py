"""Who writes over WhatsApp for the first time was not asked anything before, as the widget's readers are: once, and in
the turn of that message, they are told who this is, that a bot answers first, where a person is, and what becomes of
their words (docs/adr/0013). Where life is in danger the numbers that help come first."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Row, select, update

from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import conversations, offices

NAME = 80  # characters of the office's name that fit


def is_due(conversation: Row[tuple[object, ...]]) -> bool:
    """Whether this conversation's citizen has not been told."""
    return bool(conversation.channel == "whatsapp" and conversation.introduced_at is None)


async def introduce(runtime: Runtime, conversation_id: UUID, message_id: UUID) -> None:
    """Tell them, once however often it is tried; it goes out with what is said to the message."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        if not is_due(conversation):
            return
        name = (await connection.execute(
            select(offices.c.name).where(offices.c.id == conversation.office_id)
        )).scalar_one_or_none() or runtime.catalogue.office.name
        url = f"{runtime.settings.base_url}/privasi"
        said = runtime.texts.say("whatsapp.introduction", office=name[:NAME], url=url)
        await store(runtime, connection, conversation, [Outgoing(
            "system", said, (button(runtime, "person", f"person:{message_id}"),), in_reply_to=message_id,
        )])
        await connection.execute(
            update(conversations).where(conversations.c.id == conversation_id).values(introduced_at=runtime.clock())
        )

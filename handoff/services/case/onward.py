"""A message in the conversation of a case that was merged goes on into the case that it was merged into. Part of a
transaction that holds the first conversation's lock."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store.crypto import seal_json, unseal_json
from handoff.store.schema import cases, conversations, messages


async def onward(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> tuple[Row[Any], UUID] | None:
    """The other conversation, locked, and the message's copy in it; None when the last case here was not merged."""
    target = (await connection.execute(
        select(cases.c.merged_into).where(cases.c.id == conversation.last_case_id)
    )).scalar_one_or_none()
    if target is None or conversation.open_case_id is not None:
        return None
    other_id = (await connection.execute(select(cases.c.conversation_id).where(cases.c.id == target))).scalar_one()
    other = await ownership.lock(connection, other_id)
    said = (await connection.execute(select(messages).where(messages.c.id == message_id))).one()
    key = await runtime.keyring.open(connection, conversation.data_key_id)
    body = unseal_json(key, said.id, said.body_enc)
    words = str(body.get("text") or body.get("title") or runtime.texts.say("chat.file_received"))
    return await written_into(runtime, connection, other, words)


async def written_into(
    runtime: Runtime, connection: AsyncConnection, other: Row[Any], words: str
) -> tuple[Row[Any], UUID]:
    """What the citizen wrote elsewhere as their next message in this conversation, which is locked: the conversation as
    it is then, and the message's id."""
    copy, other_key = uuid4(), await runtime.keyring.open(connection, other.data_key_id)
    seq = (await connection.execute(
        update(conversations).where(conversations.c.id == other.id)
        .values(next_seq=conversations.c.next_seq + 1, last_inbound_at=runtime.clock())
        .returning(conversations.c.next_seq - 1)
    )).scalar_one()
    await connection.execute(insert(messages).values(
        id=copy, conversation_id=other.id, seq=seq, author="citizen", kind="text", created_at=runtime.clock(),
        body_enc=seal_json(other_key, copy, {"text": words}),
    ))
    return await ownership.lock(connection, other.id), copy

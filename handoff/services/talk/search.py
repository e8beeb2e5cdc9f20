"""Finding a conversation by the citizen's words without keeping them readable (docs/adr/0012): keyed hashes of single
words, written in the transaction that stores the message."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.words import words_of
from handoff.services.runtime import Runtime
from handoff.store.crypto import unseal_json
from handoff.store.schema import messages
from handoff.store.schema_desk import search_words

PURPOSE = "search"

#: Part of the statement that stores a message, so that it costs no round trip of its own: the hashes of the message's
#: words, with the parameters that `hashes` makes.
REMEMBERED = (
    postgresql.insert(search_words).from_select(
        ["word_hash", "conversation_id"],
        select(func.unnest(bindparam("word_hashes", type_=ARRAY(BYTEA))),
               bindparam("words_of", type_=search_words.c.conversation_id.type)),
    ).on_conflict_do_nothing()
).cte("remembered")


def hashes(runtime: Runtime, conversation_id: UUID, text: str) -> dict[str, Any]:
    """The parameters of `REMEMBERED` for a text of this conversation's citizen."""
    return {"words_of": conversation_id, "word_hashes": _hashed(runtime, text)}


def containing(runtime: Runtime, text: str) -> Select[tuple[UUID]] | None:
    """The ids of the conversations in which the citizen used every word of `text`; None without a word to look for."""
    wanted = _hashed(runtime, text)
    if not wanted:
        return None
    return (
        select(search_words.c.conversation_id).where(search_words.c.word_hash.in_(wanted))
        .group_by(search_words.c.conversation_id).having(func.count() == len(wanted))
    )


async def remember_again(runtime: Runtime, connection: AsyncConnection, conversation: Row[Any]) -> None:
    """Only the words of messages that officers may see are found: what became private is found no more."""
    await forget(connection, conversation.id)
    data_key = await runtime.keyring.open(connection, conversation.data_key_id)
    rows = (await connection.execute(select(messages.c.id, messages.c.body_enc).where(
        messages.c.conversation_id == conversation.id, messages.c.author == "citizen", ~messages.c.private,
        messages.c.kind != "payload",
    ))).all()
    texts = (str(unseal_json(data_key, row.id, row.body_enc).get("text", "")) for row in rows)
    words = {word for text in texts for word in _hashed(runtime, text)}
    if words:
        await connection.execute(insert(search_words), [
            {"word_hash": word, "conversation_id": conversation.id} for word in words
        ])


async def forget(connection: AsyncConnection, conversation_id: UUID) -> None:
    """Nothing is found in this conversation any more: part of erasing what the citizen said."""
    await connection.execute(delete(search_words).where(search_words.c.conversation_id == conversation_id))


def _hashed(runtime: Runtime, text: str) -> list[bytes]:
    return [runtime.keyring.blind(PURPOSE, word) for word in words_of(text)]

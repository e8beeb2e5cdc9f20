"""What goes out to the citizen: stored here in the transaction that decided it, sent by `sending` once it commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.notice import Notice
from handoff.services.runtime import Runtime
from handoff.store.crypto import seal_json
from handoff.store.schema import messages

CHANNEL = "wajah"  # NOTIFY: "<conversation id> <seq>", ids only; HERE for <seq>: who looks at its case has changed
HERE = "here"


@dataclass(frozen=True)
class Outgoing:
    """One message to the citizen, before it has a number."""

    author: str
    text: str
    buttons: tuple[dict[str, str], ...] = ()
    officer_id: UUID | None = None
    case_id: UUID | None = None
    shows_case: bool = False
    notice: Notice | None = None  # what kind of news of the case it is
    in_reply_to: UUID | None = None
    kind: str = "text"
    # Only the bot's own words depend on who owns the conversation and on what is published:
    owner_epoch: int | None = None
    topic: str | None = None
    publication_epoch: int | None = None
    private: bool = False  # for its citizen's eyes only
    key: str | None = None  # an officer's Idempotency-Key
    id: UUID | None = None


# One round trip for what belongs together: the number, the message and, unless it is a note, its place in the outbox.
_NUMBERED = """WITH numbered AS (
    UPDATE conversations SET next_seq = next_seq + 1, last_topic = coalesce(:last_topic, last_topic),
        last_answer_id = coalesce(:last_answer, last_answer_id)
    WHERE id = :conversation RETURNING next_seq - 1 AS seq
)"""
_MESSAGE = """INSERT INTO messages (
    id, conversation_id, seq, author, officer_id, kind, buttons, body_enc, case_id, shows_case, in_reply_to,
    channel_message_id, private, created_at
) VALUES (
    :id, :conversation, (SELECT seq FROM numbered), :author, :officer, :kind, :buttons, :body, :case, :shows_case,
    :in_reply_to, :key, :private, :at
)"""
_POST = """INSERT INTO outbox (
    id, message_id, conversation_id, owner_epoch, topic, publication_epoch, notice, created_at
) VALUES (:post, :id, :conversation, :owner_epoch, :topic, :publication_epoch, :notice, :at)"""
_BUTTONS = bindparam("buttons", type_=messages.c.buttons.type)
_STORE = text(f"{_NUMBERED} {_MESSAGE}").bindparams(_BUTTONS)
_STORE_AND_POST = text(f"{_NUMBERED}, stored AS ({_MESSAGE}) {_POST}").bindparams(_BUTTONS)


def button(runtime: Runtime, name: str, payload: str) -> dict[str, str]:
    """A button whose title stands in the texts."""
    return {"title": runtime.texts.say(f"buttons.{name}"), "payload": payload}


async def store(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], going: Sequence[Outgoing], *,
    last_topic: str | None = None, last_answer_id: UUID | None = None,
) -> list[UUID]:
    """Number and store `going` with its outbox rows; the caller holds the conversation's lock. Returns the ids.

    The topic and the answer, if given, are what the conversation was about last.
    """
    at, ids = runtime.clock(), []
    data_key = await runtime.keyring.open(connection, conversation.data_key_id)
    for one in going:
        message_id = one.id or uuid4()
        row = {
            "id": message_id, "conversation": conversation.id, "author": one.author, "officer": one.officer_id,
            "kind": one.kind, "buttons": list(one.buttons) or None, "case": one.case_id, "shows_case": one.shows_case,
            "body": seal_json(data_key, message_id, {"text": one.text}), "in_reply_to": one.in_reply_to,
            "key": one.key, "private": one.private, "at": at, "last_topic": last_topic, "last_answer": last_answer_id,
        }
        if one.kind == "note":
            await connection.execute(_STORE, row)
        else:
            await connection.execute(_STORE_AND_POST, row | {
                "post": uuid4(), "owner_epoch": one.owner_epoch, "topic": one.topic,
                "publication_epoch": one.publication_epoch, "notice": one.notice,
            })
        ids.append(message_id)
    return ids


async def notify(connection: AsyncConnection, conversation_id: UUID, seq: int) -> None:
    """Tell live readers that the conversation has something new, once this transaction commits."""
    await connection.execute(select(func.pg_notify(CHANNEL, f"{conversation_id} {seq}")))

"""Every message has a fate (P1): stored and numbered here, before anybody acknowledges it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import String, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import complaining, own_data
from handoff.domain.alarm import Alarm, heard
from handoff.domain.text import clean
from handoff.services.attachments import files
from handoff.services.attachments.files import StoredFile
from handoff.services.errors import Conflict, Forbidden, NotFound, TooLarge, Unprocessable
from handoff.services.post.outbox import CHANNEL
from handoff.services.runtime import Runtime
from handoff.services.talk import consents, search
from handoff.store import db, queue
from handoff.store.crypto import seal, seal_json
from handoff.store.schema import attachments, cases, conversations, messages

TEXT_CHARACTERS = 4096
SEE_DATA = "data:see"  # the button that every client may have (docs/adr/0039)
SAID = frozenset({"text", "file", "location"})  # what a citizen tells; the rest are taps and addresses


@dataclass(frozen=True)
class Inbound:
    """One message from a citizen. `key` is the channel's own id of it: the same key again is the same message."""

    kind: str  # text | payload | location | contact | file
    body: dict[str, Any]
    key: str | None = None
    sent_at: datetime | None = None
    over_whatsapp: bool = False  # not what the same citizen writes on the case's page
    files: tuple[StoredFile, ...] = field(default=())
    upload: UUID | None = None  # what the file came as, in pieces; it names the content, so the pieces may be gone

    @classmethod
    def text(cls, text: str, **more: Any) -> Inbound:
        """A text of at most 4,096 characters. Raises `TooLarge`, `Unprocessable`."""
        if len(text) > TEXT_CHARACTERS:
            raise TooLarge()
        cleaned = clean(text)
        if not cleaned.strip():
            raise Unprocessable("empty_message")
        return cls("text", {"text": cleaned}, **more)

    def fingerprint(self) -> bytes:
        """Tells a repeated message from a different one under the same key."""
        given = [str(self.upload)] if self.upload else [f.given.hex() for f in self.files]
        content = json.dumps([self.kind, self.body, given], sort_keys=True)
        return hashlib.sha256(content.encode()).digest()


@dataclass(frozen=True)
class Receipt:
    """What the channel acknowledges with."""

    message_id: UUID
    seq: int
    repeated: bool


# Built once, like every statement that each message needs. Readers are told when the transaction commits.
_at = conversations.c.heard_at
_NUMBER = (
    update(conversations).where(conversations.c.id == bindparam("conversation"), conversations.c.erased_at.is_(None))
    .values(next_seq=conversations.c.next_seq + 1, last_inbound_at=bindparam("at"),
            heard_at=func.greatest(_at, bindparam("heard_at", type_=_at.type)))
    .returning(
        conversations.c.next_seq, conversations.c.data_key_id, conversations.c.confidential,
        conversations.c.channel, conversations.c.owner_officer_id, consents.withdrawn().label("withdrawn"),
        func.pg_notify(CHANNEL, func.concat(conversations.c.id, " ", conversations.c.next_seq - 1)),
    )
)
_STORE = (
    postgresql.insert(messages).on_conflict_do_nothing(
        index_elements=["conversation_id", "channel_message_id"],
        index_where=messages.c.channel_message_id.isnot(None),
    ).returning(messages.c.id).add_cte(search.REMEMBERED)
)


async def receive(runtime: Runtime, conversation_id: UUID, inbound: Inbound) -> Receipt:
    """Store the message with the conversation's next number and have its turn run; one transaction.

    Raises `NotFound` (for what was erased too), `Conflict("key_reused")` when the key was used for something else,
    `Unprocessable` for a button that we did not offer in this conversation, `Forbidden("consent_withdrawn")` on the
    web, where the citizen can be asked again, `DatabaseAway`.
    """
    fingerprint = _fingerprint(runtime, inbound)
    at = runtime.clock()
    heard_at = min(inbound.sent_at or at, at) if inbound.over_whatsapp else None
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(
            _NUMBER, {"conversation": conversation_id, "at": at, "heard_at": heard_at}
        )).one_or_none()
        if row is None:
            raise NotFound()
        body = inbound.body
        if inbound.kind == "payload":
            body = {**body, "title": await _issued_title(runtime, connection, conversation_id, body["payload"])}
        message_id = await _insert(runtime, connection, conversation_id, row, inbound, body, fingerprint)
        refused = message_id is not None and row.withdrawn and row.channel == "web" and _needs_consent(inbound)
        if message_id is not None and not refused:
            await queue.defer_turn(runtime.jobs, connection, conversation_id, message_id)
            return Receipt(message_id, row.next_seq - 1, repeated=False)
        await connection.rollback()  # the number is given back
    # Only now, with the connection given back: who holds one and waits for another can wait for each other.
    for file in inbound.files:
        await asyncio.to_thread(files.discard, runtime, file.id)
    if refused:
        raise Forbidden("consent_withdrawn")
    receipt = await known(runtime, conversation_id, inbound)
    assert receipt is not None
    return receipt


async def known(runtime: Runtime, conversation_id: UUID, inbound: Inbound) -> Receipt | None:
    """The receipt of this message when it is stored already. Raises `Conflict("key_reused")`."""
    if inbound.key is None:
        return None
    async with db.statement(runtime.pool) as connection:
        first = (await connection.execute(
            select(messages.c.id, messages.c.seq, messages.c.request_hash).where(
                messages.c.conversation_id == conversation_id, messages.c.channel_message_id == inbound.key
            )
        )).one_or_none()
    if first is None:
        return None
    if first.request_hash != _fingerprint(runtime, inbound):
        raise Conflict("key_reused")
    return Receipt(first.id, first.seq, repeated=True)


def _fingerprint(runtime: Runtime, inbound: Inbound) -> bytes:
    return runtime.keyring.blind("request", inbound.fingerprint().hex())


async def _insert(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, row: Any, inbound: Inbound,
    body: dict[str, Any], fingerprint: bytes,
) -> UUID | None:
    message_id, at = uuid4(), runtime.clock()
    text = str(inbound.body.get("text", ""))
    private = inbound.kind in SAID if row.confidential else _is_private(inbound, text, row.owner_officer_id is not None)
    data_key = await runtime.keyring.open(connection, row.data_key_id)
    stored = (await connection.execute(_STORE, {
        "id": message_id, "conversation_id": conversation_id, "seq": row.next_seq - 1, "author": "citizen",
        "kind": inbound.kind, "body_enc": seal_json(data_key, message_id, body), "channel_message_id": inbound.key,
        "request_hash": fingerprint, "created_at": at, "sent_at": inbound.sent_at,
        "private": private,  # until its turn has seen whom it names (services.case.confidential, .apart)
        # What was typed, not what stands on a button that we offered.
        **search.hashes(runtime, conversation_id, "" if private else text),
    })).first()
    if stored is None:
        return None
    for file in inbound.files:
        await connection.execute(insert(attachments).values(
            id=file.id, message_id=message_id, conversation_id=conversation_id,
            name_enc=seal(data_key, file.id, file.name.encode()), mime=file.mime, size=file.size, sha256=file.sha256,
            created_at=at,
        ))
    return message_id


def _needs_consent(inbound: Inbound) -> bool:
    """Who took consent back may still see, take and erase what is kept."""
    wish = own_data.wish(str(inbound.body.get("text", ""))) if inbound.kind == "text" else None
    return inbound.kind in consents.NEEDING and wish is None


def _is_private(inbound: Inbound, text: str, owned: bool) -> bool:
    """What no officer sees before its turn: a bribe, and what seems to be said of the officer who would read it."""
    if inbound.kind == "payload":
        return str(inbound.body["payload"]).partition(":")[0] in ("complain", "not_complaint")
    return inbound.kind == "text" and (heard(text) is Alarm.bribery or (owned and complaining.heard(text) is not None))


async def _issued_title(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, payload: str
) -> str:
    """The title of the button that we offered with this payload in this conversation. Raises `Unprocessable`."""
    offered = (await connection.execute(
        select(messages.c.buttons).where(
            messages.c.conversation_id == conversation_id, messages.c.author != "citizen",
            messages.c.buttons.contains([{"payload": payload}]),
        ).order_by(messages.c.seq.desc()).limit(1)
    )).scalar_one_or_none()
    if offered is None:
        if payload == SEE_DATA:  # stands everywhere, whatever was said last
            return runtime.texts.say("buttons.data_see")
        if await _is_invitation(connection, conversation_id, payload):
            return runtime.texts.say("buttons.read")
        raise Unprocessable("unknown_button")
    return next(str(b["title"]) for b in offered if b["payload"] == payload)


async def _is_invitation(connection: AsyncConnection, conversation_id: UUID, payload: str) -> bool:
    """Whether it is the button of a template about this conversation or a case of it: it asks for what waits."""
    kind, _, rest = payload.partition(":")
    if kind != "read":
        return False
    about = select(cast(cases.c.id, String)).where(cases.c.conversation_id == conversation_id)
    return rest == str(conversation_id) or rest in (await connection.execute(about)).scalars().all()

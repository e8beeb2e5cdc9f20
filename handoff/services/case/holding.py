"""An act on a case as one transaction: its conversation is locked, what was stored is sent afterwards, and what the
rules refuse becomes an error that says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor, Refusal, Role
from handoff.domain.text import clean
from handoff.services.case import cases
from handoff.services.case.cases import Facts, record
from handoff.services.errors import Conflict, Forbidden, NotFound, TooLarge, Unprocessable
from handoff.services.post import sending
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.services.talk.inbox import TEXT_CHARACTERS
from handoff.store import db, schema, schema_record
from handoff.store.crypto import unseal_json


def actor_of(officer: Row[Any]) -> Actor:
    """The officer as the rules see them."""
    return Actor("officer", str(officer.id), Role(officer.role), str(officer.unit_id))


@dataclass
class Held:
    """An open transaction on a case: its conversation is locked."""

    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts


@asynccontextmanager
async def holding(runtime: Runtime, case_id: UUID) -> AsyncIterator[Held]:
    """Lock the case's conversation; afterwards send what was stored. A refused verb becomes a typed error."""
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(
            select(schema.cases.c.conversation_id).where(schema.cases.c.id == case_id)
        )).scalar_one_or_none()
        if conversation_id is None:
            raise NotFound()
        conversation = await ownership.lock(connection, conversation_id)
        held = Held(connection, conversation, await cases.load(connection, case_id))
        try:
            yield held
        except Refusal as refusal:
            raise refused(refusal, held.facts) from None
    await sending.dispatch(runtime, conversation_id)


def refused(refusal: Refusal, facts: Facts) -> Exception:
    """A verb that the rules refuse, as what the caller is told."""
    if refusal.code == "forbidden":
        return Forbidden()
    return Conflict(refusal.code, officer=facts.officer.name)


def written(text: str) -> str:
    """What an officer wrote, as it is stored. Raises `TooLarge`, `Unprocessable("empty_message")`."""
    if len(text) > TEXT_CHARACTERS:
        raise TooLarge()
    cleaned = clean(text).strip()
    if not cleaned:
        raise Unprocessable("empty_message")
    return cleaned


def given_reason(why: str) -> str:
    """The reason that an act needs. Raises `TooLarge`, `Unprocessable("no_reason")`."""
    if not why.strip():
        raise Unprocessable("no_reason")
    return written(why)


@dataclass(frozen=True)
class Event:
    """An event of the case that was read again."""

    type: str
    actor_id: str | None
    body: dict[str, Any]


async def last_event(runtime: Runtime, held: Held, types: Sequence[str]) -> Event | None:
    """The newest event of one of these types."""
    row = (await held.connection.execute(
        select(schema_record.case_events).where(
            schema_record.case_events.c.case_id == held.facts.id, schema_record.case_events.c.type.in_(types)
        ).order_by(schema_record.case_events.c.seq.desc()).limit(1)
    )).one_or_none()
    if row is None:
        return None
    data_key = await runtime.keyring.open(held.connection, held.conversation.data_key_id)
    return Event(row.type, row.actor_id, unseal_json(data_key, row.id, row.body_enc))


async def said_before(runtime: Runtime, held: Held, key: str | None, said: str) -> UUID | None:
    """The message that was stored under this key already. Raises `Conflict("key_reused")` when it says otherwise."""
    if key is None:
        return None
    row = (await held.connection.execute(
        select(schema.messages.c.id, schema.messages.c.body_enc).where(
            schema.messages.c.conversation_id == held.conversation.id, schema.messages.c.channel_message_id == key
        )
    )).one_or_none()
    if row is None:
        return None
    data_key = await runtime.keyring.open(held.connection, held.conversation.data_key_id)
    if unseal_json(data_key, row.id, row.body_enc).get("text") != said:
        raise Conflict("key_reused")
    return row.id  # type: ignore[no-any-return]


async def to_bot(runtime: Runtime, held: Held, actor: Actor, event: str) -> None:
    """The bot owns the conversation again; the citizen is told what stays as it is."""
    facts = held.facts
    held.conversation = await ownership.give(held.connection, held.conversation, officer_id=None, open_case_id=facts.id)
    await record(runtime, held.connection, held.conversation, facts.id, event, actor)
    await store(runtime, held.connection, held.conversation, [
        Outgoing("system", runtime.texts.say(f"case.{event}", **facts.said()), case_id=facts.id, shows_case=True)
    ])

"""One citizen, several conversations (docs/adr/0026): who shows a case's number and key in another conversation, on
whatever channel, has one history with it."""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Reason
from handoff.domain.status import asked
from handoff.services.case import cases
from handoff.services.case.cases import key_of
from handoff.services.errors import Forbidden
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.runtime import Runtime
from handoff.services.talk import consents, ownership
from handoff.store import db
from handoff.store.crypto import seal, unseal
from handoff.store.schema import cases as case_table
from handoff.store.schema import citizens, contacts, conversations, messages
from handoff.store.schema import consents as said


async def join(runtime: Runtime, conversation_id: UUID, number: str, key: str) -> None:
    """Make the conversation the same citizen's as the case whose number and key are shown in it. Never for a
    confidential report. Raises `Forbidden` for a wrong key and for a number that does not exist alike."""
    async with db.transaction(runtime.pool) as connection:
        row = await _shown(runtime, connection, number, key)
        if row is None or not await join_in(runtime, connection, conversation_id, row.id):
            raise Forbidden()


async def _shown(runtime: Runtime, connection: AsyncConnection, number: str, key: str) -> Row[Any] | None:
    """The case of which number and key were shown; the same work for a wrong key and for no such number."""
    row: Any = (await connection.execute(select(case_table).where(case_table.c.number == number))).one_or_none()
    expected = key_of(runtime, row.id if row else UUID(int=0), row.key_version if row else 0)
    right = hmac.compare_digest(expected.encode(), key.encode("utf-8", "surrogatepass"))
    return row if right and row is not None else None


async def join_in(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, case_id: UUID) -> bool:
    """`join` for a case whose key was shown, as part of the caller's transaction: everything that is this
    conversation's citizen's is then the case's citizen's, addresses and consent too. False for a confidential report
    and for what was erased.
    """
    before = await _between(connection, conversation_id, case_id)
    mine = (await connection.execute(
        select(conversations.c.id).where(conversations.c.citizen_id == before[conversation_id].citizen_id)
    )).scalars().all()
    locked = {one: await ownership.lock(connection, one) for one in sorted({*mine, *before})}
    facts = await cases.load(connection, case_id)
    own, other = locked[conversation_id], locked[facts.row.conversation_id]
    if facts.row.reason == Reason.confidential_report or own.confidential:
        return False
    if own.erased_at is not None or other.erased_at is not None:
        return False
    if own.citizen_id == other.citizen_id:
        return True
    await _bring_contacts(runtime, connection, own.citizen_id, other.citizen_id)
    await _bring_consent(connection, own.citizen_id, other.citizen_id)
    await connection.execute(
        update(conversations).where(conversations.c.citizen_id == own.citizen_id).values(citizen_id=other.citizen_id)
    )
    for about, in_ in ((own.open_case_id or own.last_case_id, own), (case_id, other)):
        if about is not None:
            await cases.record(runtime, connection, in_, about, "history_joined", cases.CITIZEN)
    return True


async def _between(connection: AsyncConnection, conversation_id: UUID, case_id: UUID) -> dict[UUID, Row[Any]]:
    """Both conversations, not locked yet."""
    theirs = select(case_table.c.conversation_id).where(case_table.c.id == case_id).scalar_subquery()
    rows = (await connection.execute(select(conversations).where(
        (conversations.c.id == conversation_id) | (conversations.c.id == theirs)
    ))).all()
    return {row.id: row for row in rows}


async def _bring_contacts(runtime: Runtime, connection: AsyncConnection, own: UUID, other: UUID) -> None:
    """Addresses come along, sealed with the other's key; what is known there already stays where it is."""
    keys = {row.id: await runtime.keyring.open(connection, row.data_key_id) for row in (await connection.execute(
        select(citizens.c.id, citizens.c.data_key_id).where(citizens.c.id.in_([own, other]))
    )).all()}
    rows = (await connection.execute(select(contacts).where(contacts.c.citizen_id.in_([own, other])))).all()
    known = {(row.kind, row.value_hash, row.conversation_id) for row in rows if row.citizen_id == other}
    for row in rows:
        if row.citizen_id == own and (row.kind, row.value_hash, row.conversation_id) not in known:
            await connection.execute(update(contacts).where(contacts.c.id == row.id).values(
                citizen_id=other, value_enc=seal(keys[other], row.id, unseal(keys[own], row.id, row.value_enc)),
            ))


async def _bring_consent(connection: AsyncConnection, own: UUID, other: UUID) -> None:
    """What was said last holds, in whichever conversation it was said."""
    rows = (await connection.execute(
        select(said).where(said.c.citizen_id.in_([own, other])).order_by(said.c.at.desc(), said.c.id).limit(1)
    )).all()
    for last in rows:
        if last.citizen_id == own:
            await consents.record(connection, other, last.version, last.given, last.at)


async def offer(runtime: Runtime, conversation: Row[Any], message_id: UUID, text: str) -> bool:
    """Whether the text shows a case's link with its key: then one tap makes it one history with this conversation. Not
    by itself: whoever helps a neighbour pastes links too, and a link of WhatsApp's own can put any text into anybody's
    mouth, who would give their cases to whoever made it. Said to the citizen alone, and once for each message."""
    named = asked(text) if "/kasus/" in text else None
    if named is None or named.key is None:
        return False
    async with db.transaction(runtime.pool) as connection:
        case = await _shown(runtime, connection, named.number, named.key)
        if case is None or case.reason == Reason.confidential_report.value or conversation.confidential:
            return False
        own = await ownership.lock(connection, conversation.id)
        theirs = (await connection.execute(
            select(conversations.c.citizen_id).where(
                conversations.c.id == case.conversation_id, conversations.c.erased_at.is_(None))
        )).scalar_one_or_none()
        tap = button(runtime, "join", f"join:{case.id}")
        offered = (await connection.execute(select(messages.c.id).where(
            messages.c.in_reply_to == message_id, messages.c.buttons.contains([tap]),
        ))).first()
        if theirs is not None and own.citizen_id != theirs and offered is None:
            await store(runtime, connection, own, [Outgoing(
                "system", runtime.texts.say("chat.join", number=case.number), (tap,), in_reply_to=message_id,
                private=True,
            )])
    return True

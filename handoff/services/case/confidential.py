"""Confidential reports (P11, docs/adr/0018): a bribe is reported to the inspectorate in a conversation of its own, with
a data key of its own. The ordinary conversation keeps a one-time link and nothing else; no officer sees even that.

Every function that takes a connection is part of a transaction that holds the ordinary conversation's lock.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.alarm import BRIBE
from handoff.domain.assignment import Place, kept_from
from handoff.domain.case import Role
from handoff.domain.naming import Person, named
from handoff.services.case import cases, taking
from handoff.services.case.cases import CONFIDENTIAL, Facts
from handoff.services.errors import NotFound
from handoff.services.people.office import Taker
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import search
from handoff.store import db
from handoff.store.crypto import seal_json, unseal_json
from handoff.store.schema import citizens, conversations, messages, officers
from handoff.store.schema_moves import confidential_reports

INTENT = BRIBE


async def take_down(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> Facts | None:
    """Make the message a confidential report; the same message again is the same report. None when it has another fate
    already. The caller sends afterwards, in both conversations."""
    origin = runtime.keyring.blind("report-origin", str(message_id))
    known = (await connection.execute(
        select(confidential_reports.c.case_id).where(confidential_reports.c.origin_hash == origin)
    )).scalar_one_or_none()
    if known is not None:
        return await cases.load(connection, known)
    if await cases.has_fate(connection, message_id):
        return None
    said = await _said(runtime, connection, conversation, message_id)
    kept = await _kept_from(connection, str(said.get("text", "")))
    own, own_message_id = await _own_conversation(runtime, connection, conversation.office_id, message_id, said)
    token = secrets.token_urlsafe(24)
    facts = await taking.take_in(
        runtime, connection, own, own_message_id, reason=CONFIDENTIAL, topic=INTENT,
        taker=Taker(role=Role.inspector, barred=kept),
    )
    await connection.execute(insert(confidential_reports).values(
        case_id=facts.id, kept_from=list(kept), origin_hash=origin, link_hash=_hash(token),
    ))
    await _leave_no_trace(runtime, connection, conversation, message_id)
    link = f"{runtime.settings.base_url}/lapor/{token}"
    await store(runtime, connection, conversation, [Outgoing(
        "system", runtime.texts.say("report.received", link=link), in_reply_to=message_id, private=True,
    )])
    await cases.settle(connection, message_id, "command", runtime.clock())  # not `case`: that would tell whose it is
    await notify(connection, conversation.id, conversation.next_seq - 1)
    return facts


async def keep_from_named(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], text: str
) -> Row[Any]:
    """A further message of a report may name its own officer, who then must never read it: another one takes over.
    Returns the conversation as it is afterwards."""
    facts = await cases.load(connection, conversation.open_case_id or conversation.last_case_id)
    kept = await _kept_from(connection, text)
    if not kept:
        return conversation
    report = confidential_reports.c.case_id == facts.id
    known = (await connection.execute(select(confidential_reports.c.kept_from).where(report))).scalar_one()
    everybody = kept | set(known)
    await connection.execute(update(confidential_reports).where(report).values(kept_from=list(everybody)))
    if facts.row.officer_id not in everybody or conversation.open_case_id is None:
        return conversation  # a closed one finds its officer when it is opened again
    return await cases.to_another(runtime, connection, conversation, facts, set(everybody), "complaint")


async def show_to_officer(connection: AsyncConnection, message_id: UUID) -> None:
    """The message's turn has seen whom it names: its officer may read it."""
    await connection.execute(update(messages).where(messages.c.id == message_id).values(private=False))


async def exchange(runtime: Runtime, token: str) -> tuple[str, str | None]:
    """The report's number, and at the first use of its one-time link the key of its page; None ever after. Raises
    `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        report = select(confidential_reports).where(confidential_reports.c.link_hash == _hash(token))
        row = (await connection.execute(report.with_for_update())).one_or_none()
        if row is None:
            raise NotFound()
        facts = await cases.load(connection, row.case_id)
        if row.link_used_at is not None:
            return facts.row.number, None
        await connection.execute(update(confidential_reports).where(
            confidential_reports.c.case_id == row.case_id
        ).values(link_used_at=runtime.clock()))
    return facts.row.number, cases.key_of(runtime, facts.id, facts.row.key_version)


async def exists(runtime: Runtime, token: str) -> bool:
    """Whether this is the token of a link; looking does not use it up."""
    async with db.statement(runtime.pool) as connection:
        found = (await connection.execute(
            select(confidential_reports.c.case_id).where(confidential_reports.c.link_hash == _hash(token))
        )).first()
    return found is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def _said(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> dict[str, Any]:
    body = (await connection.execute(select(messages.c.body_enc).where(messages.c.id == message_id))).scalar_one()
    said: dict[str, Any] = unseal_json(
        await runtime.keyring.open(connection, conversation.data_key_id), message_id, body
    )
    return said


async def _own_conversation(
    runtime: Runtime, connection: AsyncConnection, office_id: UUID | None, message_id: UUID, said: dict[str, Any]
) -> tuple[Row[Any], UUID]:
    """A new conversation of a new citizen with a new key, which holds the message as its first: nothing in the database
    ties it to the old one."""
    at, citizen_id, own_id, own_message_id = runtime.clock(), uuid4(), uuid4(), uuid4()
    key_id = await runtime.keyring.create(connection, at)
    await connection.execute(insert(citizens).values(id=citizen_id, data_key_id=key_id, created_at=at))
    own = (await connection.execute(insert(conversations).values(
        id=own_id, citizen_id=citizen_id, data_key_id=key_id, channel="web", office_id=office_id, confidential=True,
        next_seq=2, last_inbound_at=at, created_at=at,
    ).returning(conversations))).one()
    await connection.execute(insert(messages).values(
        id=own_message_id, conversation_id=own_id, seq=1, author="citizen", kind="text", created_at=at,
        body_enc=seal_json(await runtime.keyring.open(connection, key_id), own_message_id, said),
    ))
    return own, own_message_id


async def _leave_no_trace(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID
) -> None:
    """The ordinary conversation forgets the words: the message's own, and those kept for searching."""
    data_key = await runtime.keyring.open(connection, conversation.data_key_id)
    await connection.execute(update(messages).where(messages.c.id == message_id).values(
        body_enc=seal_json(data_key, message_id, {"text": runtime.texts.say("report.moved")}), private=True,
    ))
    await search.remember_again(runtime, connection, conversation)


async def _kept_from(connection: AsyncConnection, text: str) -> frozenset[UUID]:
    """The officers whom the text names, and their direct superiors."""
    people = (await connection.execute(select(officers).where(officers.c.active))).all()
    called = named(text, [Person(one.id, one.name, one.title) for one in people])
    places = [Place(str(one.id), str(one.unit_id), Role(one.role)) for one in people]
    return frozenset(UUID(one) for one in kept_from({str(one) for one in called}, set(), places))

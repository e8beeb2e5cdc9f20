"""News of a case to the WhatsApp number that its citizen gave on the web: a row for the channel, which posts a template
(`channels.whatsapp.telling`). And numbers whose owner wants no news (docs/adr/0030).

Only numbers given in the case's own conversation get any. Whose number it is nobody has proven: what goes there holds
the case's number and what kind of news it is, never a word and never the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Reason
from handoff.domain.notice import OF_EVENT, Notice
from handoff.services.runtime import Runtime
from handoff.store.crypto import unseal
from handoff.store.schema import cases, contacts, conversations
from handoff.store.schema_whatsapp import whatsapp_addresses as addresses
from handoff.store.schema_whatsapp import whatsapp_invitations as invitations
from handoff.store.schema_whatsapp import whatsapp_optouts as optouts

KIND = "whatsapp"


def hash_of(runtime: Runtime, number: str) -> bytes:
    """The keyed hash of a number, as `channels.whatsapp.addresses` has it: the same one is found in both places."""
    return runtime.keyring.blind("whatsapp", number.lstrip("+"))


async def news(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], case_id: UUID, event: str
) -> None:
    """Have the citizen told of the event at the number that they gave in this conversation, once for each kind of news
    until they write again. Nothing of a confidential report."""
    if runtime.settings.whatsapp is None or (notice := OF_EVENT.get(event)) is None:
        return
    given = (await connection.execute(
        select(contacts.c.id).join(cases, cases.c.id == case_id).where(
            contacts.c.conversation_id == conversation.id, contacts.c.kind == KIND, contacts.c.refused_at.is_(None),
            cases.c.reason != Reason.confidential_report.value, ~wants_none(contacts.c.value_hash),
        )
    )).scalars().all()
    for contact_id in given:
        told = (await connection.execute(
            select(invitations.c.notice).where(
                invitations.c.contact_id == contact_id, invitations.c.case_id == case_id,
                *([invitations.c.created_at >= conversation.last_inbound_at] if conversation.last_inbound_at else []),
            )
        )).scalars().all()
        if notice is Notice.first_reminder and notice in told:
            notice = Notice.last_reminder
        if notice not in told:
            await connection.execute(insert(invitations).values(
                id=uuid4(), conversation_id=conversation.id, contact_id=contact_id, case_id=case_id, notice=notice,
                state="waiting", tries=0, created_at=runtime.clock(), due_at=func.clock_timestamp(),
            ))


def wants_none(number_hash: ColumnElement[bytes]) -> ColumnElement[bool]:
    """Whether the owner of the number has said that they want no news."""
    return exists().where(optouts.c.number_hash == number_hash)


async def stopped(connection: AsyncConnection, conversation_id: UUID) -> bool:
    """Whether who writes in this conversation of WhatsApp wants no news."""
    told = await _numbers(connection, conversation_id)
    return bool(told) and (await connection.execute(
        select(optouts.c.number_hash).where(optouts.c.number_hash.in_(told))
    )).first() is not None


async def stop(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> None:
    """Who writes in this conversation of WhatsApp wants no news at their number, from whichever case."""
    for number in await _numbers(connection, conversation_id):
        await connection.execute(
            postgresql.insert(optouts).values(number_hash=number, at=runtime.clock()).on_conflict_do_nothing()
        )


async def start(connection: AsyncConnection, conversation_id: UUID) -> bool:
    """They want it again. Whether they had stopped it."""
    numbers = await _numbers(connection, conversation_id)
    return bool((await connection.execute(
        delete(optouts).where(optouts.c.number_hash.in_(numbers)).returning(optouts.c.number_hash)
    )).all())


async def _numbers(connection: AsyncConnection, conversation_id: UUID) -> list[bytes]:
    rows = (await connection.execute(
        select(addresses.c.wa_hash, addresses.c.user_hash)
        .where(addresses.c.conversation_id == conversation_id, addresses.c.current)
    )).all()
    return [one for row in rows for one in row if one is not None]


async def name_of(runtime: Runtime, connection: AsyncConnection, row: Row[Any]) -> str:
    """What a sender calls themself on WhatsApp, "" when nobody told; `row`: their address, with `data_key_id`."""
    if row.name_enc is None:
        return ""
    name: str = unseal(await runtime.keyring.open(connection, row.data_key_id), row.id, row.name_enc).decode()
    return name


async def called(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> str | None:
    """What who writes in this conversation calls themself now; nobody has checked it."""
    row = (await connection.execute(
        select(addresses, conversations.c.data_key_id)
        .join(conversations, conversations.c.id == addresses.c.conversation_id)
        .where(addresses.c.conversation_id == conversation_id, addresses.c.name_enc.isnot(None))
        .order_by(addresses.c.current.desc(), addresses.c.created_at.desc()).limit(1)
    )).one_or_none()
    return await name_of(runtime, connection, row) if row is not None else None


async def unproven(connection: AsyncConnection, conversation_id: UUID) -> Sequence[Any]:
    """News that was sent to whoever writes here, about a case (`number`) that they have not shown to be theirs, and of
    which they were not told how to; the newest first."""
    own, theirs = conversations.alias("own"), conversations.alias("theirs")
    about = (
        select(invitations.c.id, cases.c.number, invitations.c.created_at)
        .join(contacts, contacts.c.id == invitations.c.contact_id).join(cases, cases.c.id == invitations.c.case_id)
        .join(addresses, (addresses.c.wa_hash == contacts.c.value_hash) & addresses.c.current)
        .join(own, own.c.id == addresses.c.conversation_id).join(theirs, theirs.c.id == invitations.c.conversation_id)
        .where(own.c.id == conversation_id, own.c.citizen_id != theirs.c.citizen_id,
               or_(invitations.c.state == "accepted", invitations.c.delivery != "stored"),
               invitations.c.hinted_at.is_(None))
        .order_by(invitations.c.created_at.desc())
    )
    return (await connection.execute(about)).all()


async def hinted(runtime: Runtime, connection: AsyncConnection, told: Sequence[Any]) -> None:
    """They were told how to answer in the case."""
    await connection.execute(
        update(invitations).where(invitations.c.id.in_([row.id for row in told])).values(hinted_at=runtime.clock())
    )

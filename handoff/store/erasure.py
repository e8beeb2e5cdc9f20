"""What erasing a citizen takes beside their data key (docs/adr/0005): whatever would find them by their number, and
what was kept of them under keys of its own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.store.schema import contacts, conversations, data_keys
from handoff.store.schema_clocks import asked_reminders
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_events


async def forget_numbers(connection: AsyncConnection, citizen_id: UUID, at: datetime) -> list[UUID]:
    """Clear what the citizen wanted to be reminded of and the keyed hashes of their WhatsApp numbers and chosen
    addresses, and destroy the keys of what came from them over WhatsApp and was kept apart. Nobody is found by the
    number any more: who writes from it again is a new citizen. Part of the transaction that destroys the citizen's own
    key.

    Returns the ids of the destroyed keys, for `Keyring.forget` once this is committed.
    """
    theirs = select(conversations.c.id).where(conversations.c.citizen_id == citizen_id)
    await connection.execute(delete(asked_reminders).where(asked_reminders.c.conversation_id.in_(theirs)))
    await connection.execute(
        update(whatsapp_addresses).where(whatsapp_addresses.c.conversation_id.in_(theirs))
        .values(wa_hash=None, wa_enc=None, user_hash=None, user_enc=None, current=False)
    )
    await connection.execute(  # the row's own id instead: still one of its kind, and it says nothing
        update(contacts).where(contacts.c.citizen_id == citizen_id).values(value_hash=func.uuid_send(contacts.c.id))
    )
    kept = select(whatsapp_events.c.data_key_id).where(whatsapp_events.c.conversation_id.in_(theirs))
    return list((await connection.execute(
        update(data_keys).where(data_keys.c.id.in_(kept), data_keys.c.destroyed_at.is_(None))
        .values(wrapped=None, destroyed_at=at).returning(data_keys.c.id)
    )).scalars())

"""Whose conversation a WhatsApp number is.

A citizen is found by the keyed hash of their number, else by Meta's own id of them; the number itself is sealed under
their data key. A number that was given up finds nobody any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, ScalarSelect, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp.payload import Message
from handoff.services.post import numbers
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations
from handoff.store import db
from handoff.store.crypto import seal, unseal
from handoff.store.schema import conversations as conversations_table
from handoff.store.schema import messages, offices
from handoff.store.schema_rights import whatsapp_forgotten
from handoff.store.schema_whatsapp import whatsapp_addresses as addresses


@dataclass(frozen=True)
class Sender:
    """A sender in one of our numbers, as keyed hashes; None is what Meta did not tell. `parent_id`: their id across all
    numbers of one owner."""

    number_id: str
    wa_id: str
    user_id: str
    parent_id: str
    wa_hash: bytes | None
    user_hash: bytes | None
    parent_hash: bytes | None

    @classmethod
    def of(cls, runtime: Runtime, number_id: str, wa_id: str, user_id: str, parent_id: str = "") -> Sender:
        """The sender as we look them up."""
        def blind(value: str) -> bytes | None:
            return runtime.keyring.blind("whatsapp", value) if value else None
        return cls(number_id, wa_id, user_id, parent_id, blind(wa_id), blind(user_id), blind(parent_id))

    @classmethod
    def who(cls, runtime: Runtime, message: Message) -> Sender:
        """Who sent the message."""
        return cls.of(runtime, message.number_id, message.wa_id, message.user_id, message.parent_id)


def message_key(runtime: Runtime, wamid: str) -> str:
    """What a message of WhatsApp is known by here: its id holds the sender's number, so a keyed hash of it."""
    return runtime.keyring.blind("wamid", wamid).hex()


async def conversation_of(runtime: Runtime, message: Message) -> UUID | None:
    """The sender's conversation, begun now for a new one. None: the message is a repeated one, of a number that has
    been given up since."""
    sender = Sender.who(runtime, message)
    async with db.statement(runtime.pool) as connection:
        if await _was_received(connection, sender, message_key(runtime, message.wamid)):
            return None
        found = await _find(runtime, connection, sender)
        if found is not None and _known(found, sender) and await _named(runtime, connection, found, message.name):
            return found.conversation_id
    async with db.transaction(runtime.pool) as connection:
        await _lock(connection, sender)
        found = await _find(runtime, connection, sender)
        if found is None:
            return await _begin(runtime, connection, sender, message.name)
        if not _known(found, sender):
            await _learn(runtime, connection, sender, found, message.name)
        elif message.name:
            await _name(runtime, connection, found, message.name)
        return found.conversation_id


async def whose(runtime: Runtime, message: Message) -> UUID | None:
    """The sender's conversation, if they have one."""
    async with db.statement(runtime.pool) as connection:
        found = await _find(runtime, connection, Sender.who(runtime, message))
    return found.conversation_id if found is not None else None


async def moved(runtime: Runtime, connection: AsyncConnection, old: Sender, new: Sender) -> UUID | None:
    """The citizen of `old` writes from `new` now, in the same conversation; its id. None where nobody has `old`."""
    for one in sorted((old, new), key=lambda s: s.wa_hash or s.user_hash or b""):
        await _lock(connection, one)
    found = await _find(runtime, connection, old)
    if found is None:
        return None
    await connection.execute(
        update(addresses).where(
            addresses.c.number_id == old.number_id, addresses.c.current,
            addresses.c.wa_hash.in_([h for h in (old.wa_hash, new.wa_hash) if h is not None]),
        ).values(current=False)
    )
    await _store(runtime, connection, new, found)
    return UUID(str(found.conversation_id))


async def _find(runtime: Runtime, connection: AsyncConnection, sender: Sender) -> Row[Any] | None:
    """The number decides before the id of the person; of several rows the newest. A number that comes with another id
    than it had is somebody else's now: numbers are given to new owners, ids are not."""
    for column, value in ((addresses.c.wa_hash, sender.wa_hash), (addresses.c.user_hash, sender.user_hash),
                          (addresses.c.parent_hash, sender.parent_hash)):
        if value is None:
            continue
        found = (await connection.execute(
            select(addresses, conversations_table.c.data_key_id, _office(runtime, sender.number_id).label("office_now"))
            .join(conversations_table, conversations_table.c.id == addresses.c.conversation_id)
            .where(addresses.c.number_id == sender.number_id, column == value, addresses.c.current)
            .order_by(addresses.c.created_at.desc()).limit(1)
        )).one_or_none()
        if found is not None and not _is_another(found, sender):
            return found
    return None


def _is_another(found: Row[Any], sender: Sender) -> bool:
    """Whether Meta says that this is another person than had the number: another id, unless the one across all numbers
    is the same."""
    def differ(ours: bytes | None, theirs: bytes | None) -> bool | None:
        return None if ours is None or theirs is None else ours != theirs
    user, parent = differ(found.user_hash, sender.user_hash), differ(found.parent_hash, sender.parent_hash)
    return parent is True if user is None else user and parent is not False


def _known(found: Row[Any], sender: Sender) -> bool:
    return found.office_id == found.office_now and all(theirs in (None, ours) for theirs, ours in (
        (sender.wa_hash, found.wa_hash), (sender.user_hash, found.user_hash), (sender.parent_hash, found.parent_hash)
    ))


async def _named(runtime: Runtime, connection: AsyncConnection, found: Row[Any], name: str) -> bool:
    """Whether this is what they were called before; who tells no name keeps theirs."""
    return not name or name == await numbers.name_of(runtime, connection, found)


async def _name(runtime: Runtime, connection: AsyncConnection, found: Row[Any], name: str) -> None:
    key = await runtime.keyring.open(connection, found.data_key_id)
    await connection.execute(
        update(addresses).where(addresses.c.id == found.id).values(name_enc=seal(key, found.id, name.encode())))


async def _was_received(connection: AsyncConnection, sender: Sender, key: str) -> bool:
    """Whether the message came already, from whoever had this number before, or from somebody who was erased."""
    forgotten = select(whatsapp_forgotten.c.message_key).where(whatsapp_forgotten.c.message_key == key)
    if (await connection.execute(forgotten)).first() is not None:
        return True
    return (await connection.execute(
        select(messages.c.id).join(addresses, addresses.c.conversation_id == messages.c.conversation_id)
        .where(addresses.c.wa_hash == sender.wa_hash, ~addresses.c.current, messages.c.channel_message_id == key)
        .limit(1)
    )).first() is not None


async def _begin(runtime: Runtime, connection: AsyncConnection, sender: Sender, name: str) -> UUID:
    """A conversation of its own. Whoever had the number before is not found by it any more."""
    if sender.wa_hash is not None:
        await connection.execute(update(addresses).where(
            addresses.c.number_id == sender.number_id, addresses.c.wa_hash == sender.wa_hash, addresses.c.current
        ).values(current=False))
    office_id = (await connection.execute(select(_office(runtime, sender.number_id)))).scalar_one()
    _, conversation_id, key_id = await conversations.begin_in(runtime, connection, "whatsapp", office_id=office_id)
    key = await runtime.keyring.open(connection, key_id)
    await connection.execute(insert(addresses).values(
        **_sealed(key, sender, name), conversation_id=conversation_id, created_at=runtime.clock(), office_id=office_id,
    ))
    return conversation_id


async def _learn(
    runtime: Runtime, connection: AsyncConnection, sender: Sender, found: Row[Any], name: str
) -> None:
    """Meta told more than we knew: another number of the same person, or the id of who has this number. Or the number
    belongs to another office now: what is new goes there, a case that is open stays with its officer."""
    await connection.execute(
        update(conversations_table).where(conversations_table.c.id == found.conversation_id)
        .values(office_id=found.office_now)
    )
    await connection.execute(update(addresses).where(addresses.c.id == found.id).values(current=False))
    await _store(runtime, connection, sender, found, name)


async def _store(
    runtime: Runtime, connection: AsyncConnection, sender: Sender, found: Row[Any], name: str = ""
) -> None:
    """A row for the sender in the conversation of `found`, which also knows what `sender` does not tell."""
    key = await runtime.keyring.open(connection, found.data_key_id)
    wa_id = sender.wa_id or _opened(key, found, found.wa_enc)
    user_id = sender.user_id or _opened(key, found, found.user_enc)
    parent_id = sender.parent_id or _opened(key, found, found.parent_enc)
    known = Sender.of(runtime, sender.number_id, wa_id, user_id, parent_id)
    await connection.execute(insert(addresses).values(
        **_sealed(key, known, name or _opened(key, found, found.name_enc)), conversation_id=found.conversation_id,
        office_id=found.office_now, created_at=runtime.clock(),
    ))


def _opened(key: bytes, row: Row[Any], sealed: bytes | None) -> str:
    return unseal(key, row.id, sealed).decode() if sealed is not None else ""


def _sealed(key: bytes, sender: Sender, name: str) -> dict[str, Any]:
    row_id = uuid4()

    def sealed(value: str) -> bytes | None:
        return seal(key, row_id, value.encode()) if value else None
    return {
        "id": row_id, "number_id": sender.number_id, "wa_hash": sender.wa_hash, "user_hash": sender.user_hash,
        "parent_hash": sender.parent_hash, "wa_enc": sealed(sender.wa_id), "user_enc": sealed(sender.user_id),
        "parent_enc": sealed(sender.parent_id), "name_enc": sealed(name),
    }


async def _lock(connection: AsyncConnection, sender: Sender) -> None:
    """One at a time for each sender: two deliveries at once begin one conversation."""
    for value in sorted(h for h in (sender.wa_hash, sender.user_hash, sender.parent_hash) if h is not None):
        number = int.from_bytes(value[:8], signed=True)
        await connection.execute(select(func.pg_advisory_xact_lock(number)))


def _office(runtime: Runtime, number_id: str) -> ScalarSelect[UUID]:
    """The office that the number belongs to; the first one where none is named, or none that there is: `doctor` says
    so, and until then every case still gets its officer."""
    assert runtime.settings.whatsapp is not None
    named = offices.c.slug == runtime.settings.whatsapp.offices.get(number_id)
    return select(offices.c.id).order_by(named.desc(), offices.c.created_at, offices.c.id).limit(1).scalar_subquery()

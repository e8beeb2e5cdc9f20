"""What erasing a citizen takes beside their data keys (docs/adr/0005, 0039): whatever would find them by their number,
whatever was still to be sent to them, and the ciphertext wherever the record lets it go.

What cannot be rewritten (events of cases, what came over WhatsApp and was kept apart, comments beside stars, how
letters were received) stays as ciphertext that nobody can open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, literal, select, union, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.store.schema import (
    attachments,
    cases,
    citizens,
    contacts,
    conversations,
    data_keys,
    messages,
    outbox,
    uploads,
)
from handoff.store.schema_clocks import asked_reminders, mails
from handoff.store.schema_desk import corrected, drafts, search_words
from handoff.store.schema_rights import data_links, erasure_leftovers, whatsapp_forgotten
from handoff.store.schema_whatsapp import (
    whatsapp_addresses,
    whatsapp_events,
    whatsapp_invitations,
    whatsapp_media,
)

REPEATED_FOR = timedelta(days=8)  # Meta delivers again for seven days
GONE = b""


@dataclass(frozen=True)
class Forgotten:
    """The ids of the destroyed keys, for `Keyring.forget` once this is committed, and how much went."""

    keys: list[UUID]
    counts: dict[str, int]


@dataclass(frozen=True)
class _Theirs:
    """Which rows are the citizen's, as subqueries."""

    citizens: list[UUID]
    conversations: list[UUID]

    @property
    def cases(self) -> Select[tuple[UUID]]:
        return select(cases.c.id).where(cases.c.conversation_id.in_(self.conversations))


async def forget(connection: AsyncConnection, citizen_id: UUID, erasure_id: UUID, at: datetime) -> Forgotten:
    """Destroy every key of the citizen and all that would find, tell or reach them; part of a transaction that holds
    the locks of all their conversations. What lies outside the database is left as `erasure_leftovers`."""
    theirs = await _theirs(connection, citizen_id)
    counts = await _count(connection, theirs)
    await _note_leftovers(connection, theirs, erasure_id)
    await _empty(connection, theirs, at)
    await _send_nothing(connection, theirs, at)
    await _find_nobody(connection, theirs, at)
    return Forgotten(await _destroy_keys(connection, theirs, at), counts)


async def _theirs(connection: AsyncConnection, citizen_id: UUID) -> _Theirs:
    """Who brought a conversation into another history left a row behind, under the same key (docs/adr/0026)."""
    own = list((await connection.execute(
        select(conversations.c.id).where(conversations.c.citizen_id == citizen_id)
    )).scalars())
    keys = select(conversations.c.data_key_id).where(conversations.c.id.in_(own))
    people = list((await connection.execute(
        select(citizens.c.id).where((citizens.c.id == citizen_id) | citizens.c.data_key_id.in_(keys))
    )).scalars())
    return _Theirs(people, own)


async def _count(connection: AsyncConnection, theirs: _Theirs) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, query in {
        "messages": select(func.count()).select_from(messages).where(
            messages.c.conversation_id.in_(theirs.conversations)),
        "files": select(func.count()).select_from(attachments).where(
            attachments.c.conversation_id.in_(theirs.conversations)),
        "addresses": select(func.count()).select_from(contacts).where(contacts.c.citizen_id.in_(theirs.citizens)),
        "cases": select(func.count()).select_from(cases).where(cases.c.conversation_id.in_(theirs.conversations)),
    }.items():
        found[name] = int((await connection.execute(query)).scalar_one())
    return found


async def _note_leftovers(connection: AsyncConnection, theirs: _Theirs, erasure_id: UUID) -> None:
    outside: dict[str, Any] = {
        "file": select(attachments.c.id, literal(erasure_id), literal("file")).where(
            attachments.c.conversation_id.in_(theirs.conversations)),
        "upload": select(uploads.c.id, literal(erasure_id), literal("upload")).where(
            uploads.c.conversation_id.in_(theirs.conversations)),
        "tracker": select(conversations.c.id, literal(erasure_id), literal("tracker")).where(
            conversations.c.id.in_(theirs.conversations)),
    }
    for rows in outside.values():
        await connection.execute(insert(erasure_leftovers).from_select(["id", "erasure_id", "kind"], rows))


async def _empty(connection: AsyncConnection, theirs: _Theirs, at: datetime) -> None:
    """Words, names of files, what was begun to be written, and the hashes by which a text could be guessed."""
    own = theirs.conversations
    await connection.execute(postgresql.insert(whatsapp_forgotten).from_select(
        ["message_key", "at"],
        select(messages.c.channel_message_id, literal(at)).join(
            conversations, conversations.c.id == messages.c.conversation_id
        ).where(messages.c.conversation_id.in_(own), conversations.c.channel == "whatsapp",
                messages.c.author == "citizen", messages.c.channel_message_id.isnot(None),
                messages.c.created_at > at - REPEATED_FOR),
    ).on_conflict_do_nothing())
    await connection.execute(
        update(messages).where(messages.c.conversation_id.in_(own))
        .values(body_enc=GONE, request_hash=None, channel_message_id=None)
    )
    await connection.execute(delete(attachments).where(attachments.c.conversation_id.in_(own)))
    await connection.execute(delete(uploads).where(uploads.c.conversation_id.in_(own)))
    await connection.execute(delete(search_words).where(search_words.c.conversation_id.in_(own)))
    await connection.execute(delete(drafts).where(drafts.c.case_id.in_(theirs.cases)))
    await connection.execute(delete(data_links).where(data_links.c.citizen_id.in_(theirs.citizens)))
    await connection.execute(
        update(conversations).where(conversations.c.id.in_(own))
        .values(erased_at=at, token_hash=None, last_topic=None, last_answer_id=None)
    )


async def _send_nothing(connection: AsyncConnection, theirs: _Theirs, at: datetime) -> None:
    own = theirs.conversations
    await connection.execute(delete(asked_reminders).where(asked_reminders.c.conversation_id.in_(own)))
    await connection.execute(
        update(outbox).where(outbox.c.conversation_id.in_(own), outbox.c.state.in_(("pending", "handed")))
        .values(state="withheld", settled_at=at)
    )
    addressed = select(contacts.c.id).where(contacts.c.citizen_id.in_(theirs.citizens))
    await connection.execute(
        update(mails).where(mails.c.contact_id.in_(addressed), mails.c.state == "pending")
        .values(state="failed", refusal="erased", settled_at=at)
    )
    await connection.execute(
        update(whatsapp_invitations).where(
            whatsapp_invitations.c.conversation_id.in_(own), whatsapp_invitations.c.state.in_(("sending", "waiting"))
        ).values(state="failed")
    )
    await connection.execute(
        update(whatsapp_media).where(whatsapp_media.c.conversation_id.in_(own), whatsapp_media.c.state == "waiting")
        .values(state="failed", reason="erased")
    )
    await connection.execute(
        update(corrected).where(corrected.c.conversation_id.in_(own), corrected.c.state == "waiting")
        .values(state="erased", settled_at=at)
    )


async def _find_nobody(connection: AsyncConnection, theirs: _Theirs, at: datetime) -> None:
    """Nobody is found by the number any more: who writes from it again is a new citizen."""
    await connection.execute(
        update(whatsapp_addresses).where(whatsapp_addresses.c.conversation_id.in_(theirs.conversations))
        .values(wa_hash=None, wa_enc=None, user_hash=None, user_enc=None, parent_hash=None, parent_enc=None,
                name_enc=None, current=False)
    )
    await connection.execute(  # the row's own id instead: still one of its kind, and it says nothing
        update(contacts).where(contacts.c.citizen_id.in_(theirs.citizens))
        .values(value_hash=func.uuid_send(contacts.c.id), value_enc=GONE,
                refused_at=func.coalesce(contacts.c.refused_at, at))
    )
    await connection.execute(
        update(citizens).where(citizens.c.id.in_(theirs.citizens)).values(language="id", consented_at=None)
    )


async def _destroy_keys(connection: AsyncConnection, theirs: _Theirs, at: datetime) -> list[UUID]:
    held = union(
        select(citizens.c.data_key_id).where(citizens.c.id.in_(theirs.citizens)),
        select(conversations.c.data_key_id).where(conversations.c.id.in_(theirs.conversations)),
        select(whatsapp_events.c.data_key_id).where(whatsapp_events.c.conversation_id.in_(theirs.conversations)),
    )
    return list((await connection.execute(
        update(data_keys).where(data_keys.c.id.in_(held), data_keys.c.destroyed_at.is_(None))
        .values(wrapped=None, destroyed_at=at).returning(data_keys.c.id)
    )).scalars())


async def forget_repeated(connection: AsyncConnection, at: datetime) -> None:
    """What Meta no longer repeats need not be known any more."""
    await connection.execute(delete(whatsapp_forgotten).where(whatsapp_forgotten.c.at < at - REPEATED_FOR))

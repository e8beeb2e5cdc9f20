"""A complaint about the officer who owns the conversation it is written in: a case of its own, in a conversation of its
own of the same citizen, which that officer and their direct superior neither get nor see (docs/adr/0032).

Every function that takes a connection is part of a transaction that holds the ordinary conversation's lock; both
conversations are sent afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.assignment import NobodyToAssign
from handoff.domain.case import Reason, Role
from handoff.services.case import cases, complaints, taking
from handoff.services.case.cases import Facts
from handoff.services.case.onward import written_into
from handoff.services.case.wishes import Tap
from handoff.services.errors import Conflict
from handoff.services.people.office import Taker
from handoff.services.post.outbox import Outgoing, button, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, search
from handoff.store.crypto import seal_json, unseal_json
from handoff.store.schema import case_items, conversations, messages, officers
from handoff.store.schema_moves import complaints_apart


async def is_about_owner(connection: AsyncConnection, conversation: Row[Any], text: str) -> bool:
    """Whether what is said of "an officer" is said of this conversation's: in a complaint's own one it is said of whom
    the complaint is about, unless its officer is called by name."""
    facts = await cases.load(connection, conversation.open_case_id)
    if facts.row.reason != Reason.complaint:
        return True
    return await complaints.names(connection, text, facts.row.officer_id)


async def take_apart(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, text: str,
    about_id: UUID | None = None,
) -> Facts | None:
    """Make a complaint about the officer `about_id` (the conversation's owner) of the message, with `text` as what is
    said. None when the message has a fate, or when nobody is left who could read it."""
    if await cases.has_fate(connection, message_id):
        return None
    about = (await connection.execute(
        select(officers).where(officers.c.id == (about_id or conversation.owner_officer_id))
    )).one()
    case = await cases.load(connection, conversation.open_case_id)
    kept = await complaints.kept_away(connection, conversation, text, about.id)
    told = await _told(runtime, connection, conversation, about, kept, text)
    if told is None:
        return None
    facts, copy = told
    own = await ownership.lock(connection, facts.row.conversation_id)
    await store(runtime, connection, own, [Outgoing(
        "system", runtime.texts.say("complaint.about", about=about, number=case.row.number), case_id=facts.id,
    )])
    await _hide(runtime, connection, conversation, message_id, copy)
    received = runtime.texts.say("complaint.received", **facts.said(), about=about, old=case.row.number,
                                 link=cases.url_of(runtime, facts))
    await store(runtime, connection, conversation, [Outgoing(
        "system", received, (button(runtime, "not_complaint", f"not_complaint:{facts.id}:{message_id}"),),
        in_reply_to=message_id, private=True,
    )])
    await cases.settle(connection, message_id, "command", runtime.clock())
    await notify(connection, conversation.id, conversation.next_seq - 1)
    return facts


async def _told(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], about: Row[Any], kept: Mapping[UUID, str],
    text: str,
) -> tuple[Facts, UUID] | None:
    """The complaint's case and the text's message in its own conversation: the one that there is about this officer
    from here, or a new one. Where everybody is kept from it, at least whom it is about is; None when nobody is left."""
    known = (await connection.execute(
        select(complaints_apart.c.own_conversation_id).where(
            complaints_apart.c.conversation_id == conversation.id, complaints_apart.c.officer_id == about.id,
        ).order_by(complaints_apart.c.at.desc()).limit(1)
    )).scalar_one_or_none()
    closest = {one: why for one, why in kept.items() if why != "superior"}
    for barred in (kept, closest):
        with contextlib.suppress(NobodyToAssign, Conflict):
            async with connection.begin_nested():  # what is refused leaves no conversation behind
                own_id = known or await _own_conversation(runtime, connection, conversation)
                own, copy = await written_into(runtime, connection, await ownership.lock(connection, own_id), text)
                facts = await taking.take_in(runtime, connection, own, copy, reason=Reason.complaint.value,
                                             taker=Taker(role=Role.inspector), kept=barred)
                if known is None:
                    await connection.execute(insert(complaints_apart).values(
                        case_id=facts.id, conversation_id=conversation.id, own_conversation_id=own_id,
                        officer_id=about.id, at=runtime.clock(),
                    ))
                return facts, copy
    return None


async def _own_conversation(runtime: Runtime, connection: AsyncConnection, conversation: Row[Any]) -> UUID:
    """A new conversation of the same citizen, with a key of its own; entered by the key of its case."""
    own_id, at = uuid4(), runtime.clock()
    await connection.execute(insert(conversations).values(
        id=own_id, citizen_id=conversation.citizen_id, data_key_id=await runtime.keyring.create(connection, at),
        channel="web", office_id=conversation.office_id, created_at=at,
    ))
    return own_id


async def _hide(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, copy: UUID
) -> None:
    """In the ordinary conversation the words are gone, for searching too; which message has them is sealed there."""
    key = await runtime.keyring.open(connection, conversation.data_key_id)
    await connection.execute(update(messages).where(messages.c.id == message_id).values(
        body_enc=seal_json(key, message_id, {"text": runtime.texts.say("complaint.moved"), "copy": str(copy)}),
        private=True,
    ))
    await search.remember_again(runtime, connection, conversation)


async def bring_back(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], case_id: UUID, question_id: UUID,
    tap_id: UUID,
) -> UUID | None:
    """*Ini bukan keluhan*: the words stand in the ordinary conversation again, and its officer gets them; a complaint
    that was nothing else is withdrawn. Returns the complaint's conversation; None when nothing can be brought back."""
    if conversation.open_case_id is None:
        return None
    key = await runtime.keyring.open(connection, conversation.data_key_id)
    row = (await connection.execute(select(messages).where(
        messages.c.id == question_id, messages.c.conversation_id == conversation.id, messages.c.private,
    ))).one_or_none()
    copy = unseal_json(key, row.id, row.body_enc).get("copy") if row is not None else None
    if copy is None:
        return None
    facts = await cases.load(connection, case_id)
    own = await ownership.lock(connection, facts.row.conversation_id)
    facts = await cases.load(connection, case_id)
    sealed = (await connection.execute(select(messages.c.body_enc).where(messages.c.id == UUID(copy)))).scalar_one()
    words = unseal_json(await runtime.keyring.open(connection, own.data_key_id), UUID(copy), sealed)
    await connection.execute(update(messages).where(messages.c.id == question_id).values(
        body_enc=seal_json(key, question_id, {"text": words["text"]}), private=False,
    ))
    await search.remember_again(runtime, connection, conversation)
    items = (await connection.execute(
        select(func.count()).select_from(case_items).where(case_items.c.case_id == case_id)
    )).scalar_one()
    if items == 1 and facts.state.is_open:
        await Tap(runtime, connection, own, facts, tap_id).withdraw()
    officer = (await cases.load(connection, conversation.open_case_id)).officer
    await store(runtime, connection, conversation, [Outgoing(
        "system", runtime.texts.say("complaint.brought_back", officer=officer), in_reply_to=tap_id, private=True,
    )])
    if conversation.owner_officer_id is not None:
        await taking.message_arrived(runtime, connection, conversation, tap_id)
    else:
        await taking.take_in(runtime, connection, conversation, tap_id, reason=Reason.asked_for_officer.value)
    own_id: UUID = own.id
    return own_id

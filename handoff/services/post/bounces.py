"""Mail that came back (P7): one of ours that its reader did not get, refused at once or returned later. The mail, the
case's record and its officer say so; where it is of no use to write again, nothing more is sent."""

from __future__ import annotations

import asyncio
from typing import Literal
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.bounces import read
from handoff.domain.case import Actor
from handoff.services.case import cases
from handoff.services.post import notices
from handoff.services.post.outbox import notify
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.schema import cases as case_table
from handoff.store.schema import contacts
from handoff.store.schema_clocks import mails

Outcome = Literal["bounced", "other"]


async def take_in(runtime: Runtime, raw: bytes) -> Outcome:
    """What a returned mail means for the one of ours that it names; `other` when it names none, or one of which this is
    known already. One transaction; safe to run twice. Raises `DatabaseAway`."""
    found = await asyncio.to_thread(read, raw)  # anybody may have sent it; a long one takes seconds
    if found is None or not found.tickets:
        return "other"
    ours = or_(mails.c.id.in_(found.tickets), mails.c.letter_id.in_(found.tickets))
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            update(mails).where(ours, mails.c.state.in_(("sent", "pending"))).values(
                state="bounced", refusal=f"{found.status or 'no status'}: came back", settled_at=runtime.clock(),
            ).returning(mails.c.case_id, mails.c.contact_id)
        )).all()
        for case_id, contact_id in {(row.case_id, row.contact_id) for row in rows if row.contact_id is not None}:
            await unreached(runtime, connection, case_id, contact_id, permanent=found.permanent)
    return "bounced" if rows else "other"


async def unreached(
    runtime: Runtime, connection: AsyncConnection, case_id: UUID, contact_id: UUID, *, permanent: bool,
    way: Literal["mail", "number"] = "mail",
) -> None:
    """The citizen did not get a mail, or a message at their WhatsApp number, about the case. `permanent`: the address
    does not work, so nothing goes there."""
    conversation_id = (await connection.execute(
        select(case_table.c.conversation_id).where(case_table.c.id == case_id)
    )).scalar_one()
    conversation = await ownership.lock(connection, conversation_id)
    if permanent:
        await connection.execute(
            update(contacts).where(contacts.c.id == contact_id)
            .values(refused_at=func.coalesce(contacts.c.refused_at, runtime.clock()))
        )
    facts = await cases.load(connection, case_id)
    kind = f"{way}_refused" if permanent else f"{way}_unreached"
    await notices.tell(runtime, connection, facts.row.officer_id, case_id, kind)
    try:
        await runtime.keyring.open(connection, conversation.data_key_id)
    except ContentGone:
        return  # erased at the citizen's wish: nothing more is written about them
    await cases.record(runtime, connection, conversation, case_id, f"{way}_unreached", Actor("system"),
                       permanent=permanent)
    await notify(connection, conversation.id, conversation.next_seq - 1)

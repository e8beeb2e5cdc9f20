"""Somebody is in danger (docs/adr/0017): the numbers that help are said first, and the case is urgent.

Every function here is part of a transaction that holds the conversation's lock.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.alarm import Alarm
from handoff.domain.case import Actor
from handoff.services.case.cases import Facts, load, record
from handoff.services.people.office import Taker
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.store.schema import cases


async def tell_numbers(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, alarm: Alarm
) -> None:
    """Whom to call now; not again to who writes on while an officer talks about it with them."""
    if await _known(connection, conversation):
        return
    emergency = runtime.catalogue.office.emergency
    said = runtime.texts.say("alarm.numbers", kind=alarm.value, numbers=emergency.numbers if emergency else ())
    await store(runtime, connection, conversation, [Outgoing("system", said, in_reply_to=message_id)])


async def _known(connection: AsyncConnection, conversation: Row[Any]) -> bool:
    if conversation.owner_officer_id is None:
        return False
    facts = await load(connection, conversation.open_case_id)
    return bool(facts.row.urgent)


def taker(runtime: Runtime) -> Taker:
    """The unit that the office names for this, or whoever is there."""
    emergency = runtime.catalogue.office.emergency
    return Taker(emergency.unit if emergency else None)


async def mark(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: Facts, message_id: UUID, alarm: Alarm
) -> None:
    """The case is urgent from now on; nothing marks it down again."""
    if facts.row.urgent:
        return
    await connection.execute(update(cases).where(cases.c.id == facts.id).values(urgent=True))
    await record(runtime, connection, conversation, facts.id, "marked_urgent", Actor("system"), alarm=alarm.value,
                 message_id=message_id)

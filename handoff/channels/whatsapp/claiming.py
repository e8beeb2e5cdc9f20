"""The next message of a conversation, claimed: a row committed before the request (docs/adr/0029, 0031).

Short texts of one author that wait behind each other are claimed together and go out as one message. Which ones is
fixed here, by rows that name their carrier: a second try posts the same ones again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import inviting, outcome, pacing, shape
from handoff.channels.whatsapp.inviting import Invitation
from handoff.domain import refusals
from handoff.services.post import window
from handoff.services.post.outbox import notify
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, ownership
from handoff.store.crypto import unseal
from handoff.store.schema import messages, outbox
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_sends

_SETTLED = ("accepted", "failed")
TOGETHER = 10  # at most so many texts in one message

_NEXT = text("""
SELECT o.id, o.message_id, o.conversation_id, m.seq, clock_timestamp() AS now, (
    (o.owner_epoch IS NULL OR (c.owner_epoch = o.owner_epoch AND c.owner_officer_id IS NULL))
    AND NOT EXISTS (
        SELECT FROM publications p
        WHERE p.topic = o.topic AND (p.suspended OR p.epoch <> coalesce(o.publication_epoch, 0))
    )
) AS may_go,
(SELECT max(s.claimed_at) FROM whatsapp_sends s WHERE s.conversation_id = c.id) AS paced_from,
c.heard_at
FROM outbox o JOIN messages m ON m.id = o.message_id JOIN conversations c ON c.id = o.conversation_id
WHERE o.conversation_id = :conversation AND o.state = 'handed' ORDER BY m.seq LIMIT :most
""")


@dataclass(frozen=True)
class Claimed:
    """One message of WhatsApp that is ours to post."""

    ticket: UUID
    number_id: str
    to: dict[str, str]
    body: shape.Body
    tries: int


@dataclass(frozen=True)
class Invited:
    """A template that is ours to post."""

    invitation: Invitation
    number_id: str
    to: dict[str, str]


@dataclass(frozen=True)
class Later:
    """Nothing may be posted for so many seconds; None: until somebody writes or an operator acts."""

    seconds: float | None


@dataclass(frozen=True)
class Nowhere:
    """The citizen has no number any more that is known to be theirs: it cannot be sent."""

    ticket: UUID
    tries: int


@dataclass(frozen=True)
class Late:
    """What was handed over is no longer true; it must be withheld."""

    message_id: UUID


async def claim(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID
) -> Claimed | Invited | Later | Late | Nowhere:
    """The next message to post, claimed under the conversation's lock: two workers never post the same one."""
    await ownership.lock(connection, conversation_id)
    waiting = (await connection.execute(_NEXT, {"conversation": conversation_id, "most": TOGETHER})).all()
    if not waiting:
        return Later(None)
    row = waiting[0]
    sends = (await connection.execute(
        select(whatsapp_sends).where(whatsapp_sends.c.outbox_id.in_([one.id for one in waiting]))
    )).all()
    mine = {s.part: s for s in sends if s.outbox_id == row.id}
    if not row.may_go and not mine:
        return Late(row.message_id)
    address = await address_of(connection, conversation_id)
    if address is None:
        parts = next((s.parts for s in mine.values()), 1)
        rest = next((n for n in range(1, parts + 1) if n not in mine or mine[n].state not in _SETTLED), 1)
        return Nowhere(*await _mark(connection, [row], conversation_id, rest, parts))
    if not window.is_open(row.heard_at, runtime.clock()) or _is_shut(row, sends):
        await wait_for_window(connection, conversation_id)
        return await _invite(runtime, connection, row, address)
    group, bodies = await _together(runtime, connection, waiting, sends)
    if not bodies:
        return Later(1.0)
    open_parts = [n for n in range(1, len(bodies) + 1) if n not in mine or mine[n].state in ("sending", "waiting")]
    part = open_parts[0] if open_parts else 1
    until = await pacing.not_before(connection, row, mine.get(part), address.number_id)
    if until > row.now:
        rest = until - row.now
        return Later(None if rest > outcome.LONGEST else rest.total_seconds())
    ticket, tries = await _mark(connection, group, conversation_id, part, len(bodies))
    return Claimed(ticket, address.number_id, await _recipient(runtime, connection, address), bodies[part - 1], tries)


def _is_shut(row: Row[Any], sends: Sequence[Row[Any]]) -> bool:
    """Whether Meta said that the window is closed, whatever our clock says, and the citizen has not written since."""
    return any(s.state == "waiting" and s.code == refusals.WINDOW and s.due_at - row.now > outcome.LONGEST
               for s in sends)


def carried_by(ticket: UUID) -> ColumnElement[bool]:
    """The send with this ticket, and those that its message carries."""
    return or_(whatsapp_sends.c.id == ticket, whatsapp_sends.c.carrier_id == ticket)


async def wait_for_window(connection: AsyncConnection, conversation_id: UUID) -> None:
    """Everything that is still to go says that it waits for the citizen."""
    handed = select(outbox.c.message_id).where(outbox.c.conversation_id == conversation_id, outbox.c.state == "handed")
    waits = (await connection.execute(
        update(messages).where(messages.c.id.in_(handed), messages.c.delivery.in_(("stored", "sent")))
        .values(delivery="waiting_window").returning(messages.c.seq)
    )).scalars().all()
    if waits:
        await notify(connection, conversation_id, max(waits))


async def _together(
    runtime: Runtime, connection: AsyncConnection, waiting: Sequence[Row[Any]], sends: Sequence[Row[Any]]
) -> tuple[Sequence[Row[Any]], list[shape.Body]]:
    """The first row with those that go out with it, and the messages of WhatsApp that they are; none while the first
    one may not be read yet."""
    first, claimed = waiting[0], {s.outbox_id: s for s in sends}
    fixed = first.id in claimed
    group = [first]
    for one in waiting[1:]:
        joins = claimed[one.id].carrier_id == claimed[first.id].id if fixed and one.id in claimed else (
            not fixed and one.id not in claimed and one.may_go)
        if not joins:
            break
        group.append(one)
    said = await _read(runtime, connection, group)
    if not said:
        return group, []
    for many in range(len(said), 1, -1):
        if (body := shape.merged(runtime.texts, said[:many])) is not None:
            return group[:many], [body]
    if fixed and len(group) > 1:  # they no longer fit, whoever was renamed: each for itself
        await connection.execute(
            update(whatsapp_sends).where(whatsapp_sends.c.carrier_id == claimed[first.id].id)
            .values(carrier_id=None, state="waiting", due_at=first.now)
        )
    return group[:1], shape.bodies(runtime.texts, said[0])


async def _read(runtime: Runtime, connection: AsyncConnection, group: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """The messages of the group, up to the first that may not be shown."""
    first, last = group[0], group[-1]
    shown = {one["id"]: one for one in await conversations.read_in(
        runtime, connection, first.conversation_id, first.seq - 1, limit=last.seq - first.seq + 1)}
    said: list[dict[str, Any]] = []
    for one in group:
        if str(one.message_id) not in shown:
            break
        said.append(shown[str(one.message_id)])
    return said


async def _invite(
    runtime: Runtime, connection: AsyncConnection, row: Row[Any], address: Row[Any]
) -> Invited | Later:
    """Outside the window: a template, at the same pace."""
    until = await pacing.not_before(connection, row, None, address.number_id)
    if until > row.now:
        return Later((until - row.now).total_seconds())
    found = await inviting.claim(runtime, connection, address.conversation_id, row.heard_at, outcome.SETTLE)
    if found is None:
        return Later(None)
    return Invited(found, address.number_id, await _recipient(runtime, connection, address))


async def _mark(
    connection: AsyncConnection, group: Sequence[Row[Any]], conversation_id: UUID, part: int, parts: int
) -> tuple[UUID, int]:
    first, *carried = group
    columns = {"conversation_id": conversation_id, "state": "sending", "tries": 1, "claimed_at": first.now,
               "due_at": first.now}
    claim = postgresql.insert(whatsapp_sends).values(
        id=uuid4(), outbox_id=first.id, part=part, parts=parts, **columns
    )
    marked = (await connection.execute(claim.on_conflict_do_update(
        index_elements=["outbox_id", "part"],
        set_={"state": "sending", "tries": whatsapp_sends.c.tries + 1, "claimed_at": first.now, "wamid_hash": None},
    ).returning(whatsapp_sends.c.id, whatsapp_sends.c.tries))).one()
    if marked.tries > 1:
        await connection.execute(
            update(whatsapp_sends).where(whatsapp_sends.c.carrier_id == marked.id)
            .values(state="sending", tries=marked.tries, claimed_at=first.now, wamid_hash=None)
        )
    elif carried:
        await connection.execute(insert(whatsapp_sends), [
            {"id": uuid4(), "outbox_id": one.id, "part": 1, "parts": 1, "carrier_id": marked.id, **columns}
            for one in carried
        ])
    return marked.id, marked.tries


async def address_of(connection: AsyncConnection, conversation_id: UUID) -> Row[Any] | None:
    """Where the citizen wrote from last. None when that number is known to be somebody else's by now, or they were
    erased: what is for one person goes to no other."""
    other = whatsapp_addresses.alias("other")
    taken = select(other.c.id).where(
        other.c.number_id == whatsapp_addresses.c.number_id, other.c.wa_hash == whatsapp_addresses.c.wa_hash,
        other.c.current, other.c.user_hash != whatsapp_addresses.c.user_hash,
    ).exists()
    return (await connection.execute(
        select(whatsapp_addresses).where(
            whatsapp_addresses.c.conversation_id == conversation_id, ~taken,
            or_(whatsapp_addresses.c.wa_enc.isnot(None), whatsapp_addresses.c.user_enc.isnot(None)),
        ).order_by(whatsapp_addresses.c.current.desc(), whatsapp_addresses.c.created_at.desc()).limit(1)
    )).one_or_none()


async def _recipient(runtime: Runtime, connection: AsyncConnection, address: Row[Any]) -> dict[str, str]:
    key = await conversations.data_key_in(runtime, connection, address.conversation_id)
    if address.wa_enc is not None:
        return {"to": unseal(key, address.id, address.wa_enc).decode()}
    return {"recipient": unseal(key, address.id, address.user_enc).decode()}

"""Posting news to numbers that citizens gave on the web (`services.post.numbers`): one template, with the case's number
and what kind of news it is; no word, no key, no name. Claimed, paced, posted and recorded like every template."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import outcome, pacing, sending
from handoff.channels.whatsapp.claiming import Invited
from handoff.channels.whatsapp.graph import Graph
from handoff.channels.whatsapp.inviting import Invitation
from handoff.channels.whatsapp.templates import catalogue, filled
from handoff.services.post import numbers
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.crypto import ContentGone, ContentTampered, UnknownKey, unseal
from handoff.store.schema import contacts
from handoff.store.schema_whatsapp import whatsapp_invitations as invitations

log = logging.getLogger(__name__)

AT_ONCE = 100  # a round; the next one begins some seconds later

# The oldest that is due and whose receiver was not written to within the pair rate.
_NEXT = text("""
SELECT v.*, c.value_enc, c.value_hash, c.refused_at, z.data_key_id, k.number, o.slug AS office
FROM whatsapp_invitations v JOIN contacts c ON c.id = v.contact_id JOIN citizens z ON z.id = c.citizen_id
JOIN cases k ON k.id = v.case_id JOIN units u ON u.id = k.unit_id JOIN offices o ON o.id = u.office_id
WHERE v.contact_id IS NOT NULL AND v.state IN ('sending', 'waiting') AND v.due_at <= clock_timestamp()
ORDER BY v.due_at LIMIT 1 FOR UPDATE OF v SKIP LOCKED
""")


@dataclass(frozen=True)
class _Passed:
    """This one is not posted now, or not at all; there may be others."""


async def post_due(runtime: Runtime, graph: Graph) -> int:
    """Post what is due. Returns how much was tried. Safe to run by several at once."""
    tried = 0
    for _ in range(AT_ONCE):
        async with db.transaction(runtime.pool) as connection:
            step = await _claim(runtime, connection)
        if step is None:
            break
        if isinstance(step, Invited):
            tried += 1
            await sending.invite(runtime, graph, step)
    return tried


async def _claim(runtime: Runtime, connection: AsyncConnection) -> Invited | _Passed | None:
    row = (await connection.execute(_NEXT)).one_or_none()
    if row is None:
        return None
    number_id = _number_of(runtime, row.office)
    if (until := await pacing.held_until(connection, number_id)) is not None:
        await _set(connection, row, state="waiting", due_at=until)
        return _Passed()
    try:
        to = await _receiver(runtime, connection, row)
    except (ContentTampered, UnknownKey):  # not for ever, but the others first
        log.exception("the number of news %s cannot be read", row.id)
        await _set(connection, row, state="waiting", due_at=func.clock_timestamp() + outcome.LONGEST)
        return _Passed()
    if to is None:
        await _set(connection, row, state="failed")
        return _Passed()
    name = catalogue().for_numbers
    kind = runtime.texts.say(f"whatsapp.news.{row.notice}")
    body = filled(name, {"nomor": row.number, "kabar": kind}, row.case_id, row.number)
    await _set(connection, row, state="sending", template=name, tries=row.tries + 1,
               due_at=func.clock_timestamp() + outcome.SETTLE)
    same = select(contacts.c.id).where(contacts.c.value_hash == row.value_hash)
    await connection.execute(  # the others for this person wait their turn
        update(invitations).where(
            invitations.c.contact_id.in_(same), invitations.c.id != row.id, invitations.c.state == "waiting",
        ).values(due_at=func.greatest(invitations.c.due_at, func.clock_timestamp() + outcome.PAIR))
    )
    return Invited(Invitation(row.id, body, row.tries + 1), number_id, {"to": to})


async def _receiver(runtime: Runtime, connection: AsyncConnection, row: Row[Any]) -> str | None:
    """The number; None for one that is erased, does not work, or whose owner wants no news."""
    wants_none = select(numbers.wants_none(contacts.c.value_hash)).where(contacts.c.id == row.contact_id)
    if row.refused_at is not None or (await connection.execute(wants_none)).scalar_one():
        return None
    try:
        key = await runtime.keyring.open(connection, row.data_key_id)
    except ContentGone:
        return None
    return unseal(key, row.contact_id, row.value_enc).decode().lstrip("+")


def _number_of(runtime: Runtime, office: str) -> str:
    """Our number of the case's office; the first one where it has none."""
    assert runtime.settings.whatsapp is not None
    known = runtime.settings.whatsapp.numbers
    return next((number_id for number_id, slug in known if slug == office), known[0][0])


async def _set(connection: AsyncConnection, row: Row[Any], **columns: Any) -> None:
    await connection.execute(update(invitations).where(invitations.c.id == row.id).values(**columns))

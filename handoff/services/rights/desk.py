"""A citizen who comes by letter or to the desk: the data officer finds them by the number of a case or by an address,
has a copy made, or has them erased. Each such act names the officer and the letter.

A confidential report is never found so: whose it is must not become known by asking (docs/adr/0018).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import ColumnElement, Row, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor, Reason, Role
from handoff.domain.number import InvalidNumber, parse
from handoff.services.case import cases
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.people import office
from handoff.services.post import numbers
from handoff.services.post.outbox import Outgoing, button, notify, store
from handoff.services.rights import copying, erasing, held
from handoff.services.rights.copying import Copy
from handoff.services.rights.erasing import Asked
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import citizens, contacts, conversations, officers
from handoff.store.schema_record import access_log
from handoff.store.schema_whatsapp import whatsapp_addresses

_REFERENCE = re.compile(r"[\w./ ()-]{3,80}")  # of a letter: it outlives the citizen's data, so it is no place for names
_REPORT = Reason.confidential_report.value


async def data_officer(connection: AsyncConnection, login: str) -> Row[Any]:
    """The active data officer with this login. Raises `Forbidden`."""
    row = (await connection.execute(select(officers).where(
        officers.c.login == login, officers.c.active, officers.c.role == Role.data_officer.value
    ))).one_or_none()
    if row is None:
        raise Forbidden()
    return row


async def by_case(connection: AsyncConnection, number: str) -> UUID:
    """The citizen of a case. Raises `NotFound`, for a confidential report too."""
    try:
        known = parse(number)
    except InvalidNumber:
        raise NotFound() from None
    citizen_id: UUID | None = (await connection.execute(
        select(conversations.c.citizen_id).join(case_table, case_table.c.conversation_id == conversations.c.id)
        .where(case_table.c.number == known, case_table.c.reason != _REPORT)
    )).scalar_one_or_none()
    if citizen_id is None:
        raise NotFound()
    return citizen_id


async def by_address(runtime: Runtime, connection: AsyncConnection, address: str) -> UUID:
    """The citizen who gave this e-mail or number, or writes from it. Raises `NotFound`, `Conflict("several")`, as
    anybody can give any address."""
    found = (await connection.execute(
        select(citizens.c.id).where(_has(runtime, address), ~exists().where(
            conversations.c.citizen_id == citizens.c.id, conversations.c.confidential))
    )).scalars().all()
    if not found:
        raise NotFound()
    if len(found) > 1:
        raise Conflict("several")
    citizen_id: UUID = found[0]
    return citizen_id


def _has(runtime: Runtime, address: str) -> ColumnElement[bool]:
    if "@" in address:
        return exists().where(contacts.c.citizen_id == citizens.c.id, contacts.c.kind == "email",
                              contacts.c.value_hash == runtime.keyring.blind("contact-email", address))
    try:
        given = phonenumbers.format_number(phonenumbers.parse(address, "ID"), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        raise NotFound() from None
    number = numbers.hash_of(runtime, given)
    return or_(
        exists().where(contacts.c.citizen_id == citizens.c.id, contacts.c.value_hash == number),
        exists().where(conversations.c.citizen_id == citizens.c.id, whatsapp_addresses.c.wa_hash == number,
                       whatsapp_addresses.c.conversation_id == conversations.c.id),
    )


async def is_erased(connection: AsyncConnection, citizen_id: UUID) -> bool:
    """Whether nothing is left of the citizen. Raises `NotFound` for nobody at all."""
    if (await connection.execute(select(citizens.c.id).where(citizens.c.id == citizen_id))).first() is None:
        raise NotFound()
    return (await connection.execute(select(conversations.c.id).where(
        conversations.c.citizen_id == citizen_id, conversations.c.erased_at.is_(None)
    ).limit(1))).first() is None


def referenced(reference: str) -> str:
    """The letter's number. Raises `Unprocessable("bad_reference")`."""
    if not _REFERENCE.fullmatch(reference.strip()):
        raise Unprocessable("bad_reference")
    return reference.strip()


async def copy_for(runtime: Runtime, officer: Row[Any], citizen_id: UUID, reference: str) -> Copy:
    """A copy to hand to the citizen; the officer has looked at every conversation that is in it. Raises
    `Unprocessable("bad_reference")`, `ContentGone`."""
    letter = referenced(reference)
    copy = await copying.of(runtime, citizen_id, officer)
    async with db.transaction(runtime.pool) as connection:
        locked = await held.lock(connection, citizen_id)
        theirs = await held.cases_of(connection, citizen_id)
        hidden = {case.conversation_id for case in theirs if officer.id in case.kept_from}
        for conversation_id in locked.keys() - hidden:
            await connection.execute(insert(access_log).values(
                officer_id=officer.id, conversation_id=conversation_id, what="export", at=runtime.clock()
            ))
        for case in theirs:
            if case.conversation_id not in hidden:
                await cases.record(runtime, connection, locked[case.conversation_id], case.id, "data_exported",
                                   Actor("officer", str(officer.id)))
        await held.note(runtime, connection, citizen_id, "copy_made", officer_id=officer.id, detail=letter)
    return copy


async def erase_for(
    runtime: Runtime, officer: Row[Any], citizen_id: UUID, reference: str, *, withdraw: bool, grace: timedelta,
) -> Asked:
    """Note the wish that the citizen brought; they are told in their conversation, where they can take it back.
    `withdraw`: they said that their open cases may end. Raises `Unprocessable("bad_reference")`,
    `Conflict("open_cases", numbers=…)`, `Conflict("waiting", due_at=…)`."""
    letter = referenced(reference)
    async with db.transaction(runtime.pool) as connection:
        locked = await held.lock(connection, citizen_id)
        if (row := await erasing.waiting(connection, citizen_id)) is not None:
            raise Conflict("waiting", due_at=row.due_at)
        open_cases = [case for case in await held.cases_of(connection, citizen_id) if case.status != "closed"]
        if open_cases and not withdraw:
            shown = [case.number for case in open_cases if officer.id not in case.kept_from]
            raise Conflict("open_cases", numbers=", ".join(shown) or "-")
        asked = await erasing.ask(runtime, connection, citizen_id, open_cases, locked, officer=officer,
                                  reference=letter, grace=grace)
        newest = max(locked.values(), key=lambda row: row.last_inbound_at or row.created_at)
        zone = (await office.unit_for(connection, None, newest.office_id)).zone
        await store(runtime, connection, newest, [Outgoing(
            "system", runtime.texts.say("rights.asked_for_you", officer=officer, due_at=asked.due_at, zone=zone,
                                        cases=open_cases),
            (button(runtime, "data_keep", "data:keep"),), private=True,
        )])
        await notify(connection, newest.id, newest.next_seq)
    return asked

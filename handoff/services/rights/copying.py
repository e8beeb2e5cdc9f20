"""A copy of everything that is kept about a citizen (UU 27/2022, art. 7 and 13), read for them alone.

No internal note is in it, nothing of another citizen, and nothing of a confidential report, which is another citizen's
as far as the record knows. Made for an officer, it also leaves out what no officer may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.status import without_keys
from handoff.services.attachments import files
from handoff.services.case import cases
from handoff.services.case.case_steps import doings
from handoff.services.deadlines import clocks
from handoff.services.people import office
from handoff.services.rights import held
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations as talk
from handoff.store import db
from handoff.store.crypto import unseal
from handoff.store.schema import citizens, consents, contacts, conversations, messages, officers
from handoff.store.schema_clocks import asked_reminders
from handoff.store.schema_moves import ratings
from handoff.store.schema_record import access_log
from handoff.store.schema_rights import data_events
from handoff.store.schema_whatsapp import whatsapp_addresses


@dataclass(frozen=True)
class CopiedFile:
    """A file of the citizen's: where it stands in the copy, and which it is."""

    path: str
    id: UUID
    conversation_id: UUID


@dataclass(frozen=True)
class Copy:
    """`facts` as JSON has them (times in RFC 3339), the files beside them, and the office's zone for reading."""

    facts: dict[str, Any]
    files: Sequence[CopiedFile]
    zone: str


async def of(runtime: Runtime, citizen_id: UUID, officer: Row[Any] | None = None) -> Copy:
    """The copy for the citizen; for an `officer` without what is private to the citizen, and without conversations
    whose case is kept from this officer. Raises `ContentGone` once they are erased."""
    async with db.transaction(runtime.pool) as connection:
        theirs = (await connection.execute(
            select(conversations).where(conversations.c.citizen_id == citizen_id).order_by(conversations.c.created_at)
        )).all()
        of_cases = await held.cases_of(connection, citizen_id)
        if officer is not None:
            hidden = {case.conversation_id for case in of_cases if officer.id in case.kept_from}
            theirs = [row for row in theirs if row.id not in hidden]
            of_cases = [case for case in of_cases if case.conversation_id not in hidden]
        person = await _person(runtime, connection, citizen_id, [row.id for row in theirs])
        zone = (await office.unit_for(connection, None, theirs[0].office_id if theirs else None)).zone
    found: list[CopiedFile] = []
    talks = [await _talk(runtime, row, found, private=officer is None) for row in theirs]
    return Copy({
        "made_at": runtime.clock().isoformat(timespec="seconds"), "office": runtime.catalogue.office.name,
        "law": "UU 27/2022 Pasal 7 dan 13", "purpose": runtime.texts.say("rights.purpose"), **person,
        "conversations": talks, "cases": [await _case(runtime, case) for case in of_cases],
    }, found, zone)


async def content(runtime: Runtime, file: CopiedFile) -> bytes:
    """The clear content of a file of the copy; `NotFound` when it is lost, `Unavailable` when it cannot be reached."""
    row, data_key, _ = await talk.file_row(runtime, file.conversation_id, file.id)
    return await asyncio.to_thread(files.read, runtime, data_key, row.id)


async def _person(
    runtime: Runtime, connection: AsyncConnection, citizen_id: UUID, own: Sequence[UUID]
) -> dict[str, Any]:
    """Addresses, what was agreed to, reminders, who looked, and what was done with these rights."""
    citizen = (await connection.execute(select(citizens).where(citizens.c.id == citizen_id))).one()
    key = await runtime.keyring.open(connection, citizen.data_key_id)
    addresses = (await connection.execute(select(contacts).where(contacts.c.citizen_id == citizen_id))).all()
    return {
        "language": citizen.language,
        "addresses": [{"kind": row.kind, "value": unseal(key, row.id, row.value_enc).decode(),
                       "given_at": _time(row.created_at), "refused_at": _time(row.refused_at)} for row in addresses],
        "whatsapp_numbers": await _told_by_whatsapp(runtime, connection, own, "wa_enc"),
        "whatsapp_names": await _told_by_whatsapp(runtime, connection, own, "name_enc"),
        "whatsapp_ids": [*await _told_by_whatsapp(runtime, connection, own, "user_enc"),
                         *await _told_by_whatsapp(runtime, connection, own, "parent_enc")],
        "consents": [{"version": row.version, "given": row.given, "at": _time(row.at)} for row in (
            await connection.execute(select(consents).where(consents.c.citizen_id == citizen_id)
                                     .order_by(consents.c.at))).all()],
        "reminders": [{"topic": row.topic, "due_at": _time(row.due_at), "state": row.state} for row in (
            await connection.execute(select(asked_reminders).where(asked_reminders.c.conversation_id.in_(own))
                                     .order_by(asked_reminders.c.due_at))).all()],
        "looks": await _looks(connection, own),
        "requests": await _requests(connection, citizen_id),
    }


async def _told_by_whatsapp(
    runtime: Runtime, connection: AsyncConnection, own: Sequence[UUID], column: str
) -> list[str]:
    """What Meta told of the sender, each thing once."""
    rows = (await connection.execute(
        select(whatsapp_addresses, conversations.c.data_key_id)
        .join(conversations, conversations.c.id == whatsapp_addresses.c.conversation_id)
        .where(whatsapp_addresses.c.conversation_id.in_(own), whatsapp_addresses.c[column].isnot(None))
        .order_by(whatsapp_addresses.c.created_at)
    )).all()
    return list(dict.fromkeys([
        unseal(await runtime.keyring.open(connection, row.data_key_id), row.id, row._mapping[column]).decode()
        for row in rows
    ]))


async def _looks(connection: AsyncConnection, own: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = (await connection.execute(
        select(access_log.c.at, access_log.c.what, officers.c.name, officers.c.title)
        .join(officers, officers.c.id == access_log.c.officer_id)
        .where(access_log.c.conversation_id.in_(own)).order_by(access_log.c.at, access_log.c.id)
    )).all()
    return [{"at": _time(row.at), "what": row.what, "officer": {"name": row.name, "title": row.title}} for row in rows]


async def _requests(connection: AsyncConnection, citizen_id: UUID) -> list[dict[str, Any]]:
    rows = (await connection.execute(
        select(data_events, officers.c.name, officers.c.title)
        .outerjoin(officers, cast(officers.c.id, Text) == data_events.c.actor_id)
        .where(data_events.c.citizen_id == citizen_id).order_by(data_events.c.at)
    )).all()
    return [{"kind": row.kind, "at": _time(row.at), "detail": row.detail,
             "officer": {"name": row.name, "title": row.title} if row.name else None} for row in rows]


async def _talk(runtime: Runtime, row: Row[Any], found: list[CopiedFile], *, private: bool) -> dict[str, Any]:
    hidden: set[int] = set()
    if not private:
        async with db.statement(runtime.pool) as connection:
            hidden = set((await connection.execute(
                select(messages.c.seq).where(messages.c.conversation_id == row.id, messages.c.private)
            )).scalars())
    said: list[dict[str, Any]] = []
    after = 0
    while some := await talk.read(runtime, row.id, after):
        said += [_message(one, row.id, found) for one in some if one["seq"] not in hidden]
        after = some[-1]["seq"]
    return {"channel": row.channel, "began_at": _time(row.created_at), "messages": said}


def _message(one: Mapping[str, Any], conversation_id: UUID, found: list[CopiedFile]) -> dict[str, Any]:
    """Without our own ids, and without keys that open something."""
    attached = []
    for file in one["attachments"]:
        path = f"berkas/{len(found) + 1:03d}-{file['name']}"
        found.append(CopiedFile(path, UUID(file["id"]), conversation_id))
        attached.append({"path": path, "mime": file["mime"], "size": file["size"]})
    answer = one["answer"]
    return {
        "seq": one["seq"], "at": one["sent_at"] or one["created_at"], "author": one["author"],
        "officer": one["officer"], "text": without_keys(one["text"]), "location": one.get("location"),
        "files": attached,
        "answer": {key: answer[key] for key in ("topic", "aspect", "confidence", "threshold", "sources", "reviewed",
                                                "model_version")} if answer else None,
        "case": one["case"]["number"] if one["case"] else None, "delivery": one["delivery"],
    }


async def _case(runtime: Runtime, case: Row[Any]) -> dict[str, Any]:
    async with db.transaction(runtime.pool) as connection:
        facts = await cases.load(connection, case.id)
        key = await talk.data_key_in(runtime, connection, case.conversation_id)
        given = (await connection.execute(
            select(ratings).where(ratings.c.case_id == case.id).order_by(ratings.c.at)
        )).all()
        stars = [{"stars": row.stars, "at": _time(row.at),
                  "comment": unseal(key, row.id, row.comment_enc).decode() if row.comment_enc else None}
                 for row in given]
    return {
        "number": case.number, "status": case.status, "closed_reason": case.closed_reason, "reason": case.reason,
        "topic": case.topic, "officer": {"name": facts.officer.name, "title": facts.officer.title},
        "unit": facts.unit.name,
        **{name: _time(getattr(case, name)) for name in (
            "opened_at", "respond_by", "resolve_by", "first_replied_at", "proposed_at", "closed_at")},
        "steps": [{"at": _time(step.at), "text": step.text} for step in (await doings(runtime, facts)).steps],
        "promises": [{"kind": one.kind, "due_at": _time(one.due_at), "became": one.became}
                     for one in await clocks.promises(runtime, facts.row)],
        "ratings": stars,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None

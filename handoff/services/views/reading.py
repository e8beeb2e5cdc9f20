"""What the citizen of a case has given, wherever in the conversation: the opening words, files, places, addresses for
news. The caller has been let in to the case's words, and the look is recorded (`desk.case_in_full`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.identity import mask
from handoff.domain.status import without_keys
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import read_in
from handoff.store import db
from handoff.store.schema import case_items, cases, contacts, conversations, messages

MOST = 40  # files and places; more are in the conversation


@dataclass(frozen=True)
class Given:
    """`wish`: the message that opened the case, without its identity numbers; `files` and `places` with the number of
    their message, newest last; `numbers`: kinds of identity numbers, with the messages that hold them."""

    wish: dict[str, Any] | None
    files: list[dict[str, Any]]
    places: list[dict[str, Any]]
    contacts: list[str]
    numbers: dict[str, list[int]]


async def given(runtime: Runtime, number: str, shown: list[dict[str, Any]]) -> Given:
    """What the citizen of the case `number` has given; `shown` are the messages that `desk.case_in_full` told."""
    async with db.transaction(runtime.pool) as connection:
        case = (await connection.execute(
            select(cases.c.id, cases.c.conversation_id, conversations.c.citizen_id)
            .join(conversations, conversations.c.id == cases.c.conversation_id).where(cases.c.number == number)
        )).one()
        opening = (await connection.execute(
            select(messages.c.seq).join(case_items, case_items.c.message_id == messages.c.id)
            .where(case_items.c.case_id == case.id).order_by(messages.c.seq).limit(1)
        )).scalar_one_or_none()
        holding = [m.seq for m in (await connection.execute(
            select(messages.c.seq, messages.c.kind).where(
                messages.c.conversation_id == case.conversation_id, messages.c.author == "citizen",
                messages.c.kind.in_(("file", "location")),
            ).order_by(messages.c.seq.desc()).limit(MOST)
        )).all()]
        told = {message["seq"]: message for message in shown}
        for seq in {*holding, *([opening] if opening else [])} - told.keys():
            told[seq] = await _message(runtime, connection, case.conversation_id, seq)
        kinds = (await connection.execute(
            select(contacts.c.kind, func.bool_and(contacts.c.refused_at.isnot(None)).label("refused"))
            .where(contacts.c.citizen_id == case.citizen_id).group_by(contacts.c.kind).order_by(contacts.c.kind)
        )).all()
    held = [told[seq] for seq in sorted(holding)]
    return Given(
        told.get(opening) if opening else None,
        [{**file, "seq": message["seq"]} for message in held for file in message["attachments"]],
        [{**message["location"], "seq": message["seq"]} for message in held if "location" in message],
        [f"{one.kind}_refused" if one.refused else one.kind for one in kinds], _numbers(shown),
    )


async def _message(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, seq: int
) -> dict[str, Any]:
    [message] = await read_in(runtime, connection, conversation_id, seq - 1, with_notes=True, limit=1)
    message["text"] = mask(without_keys(message["text"])).text
    for file in message["attachments"]:
        file["name"] = mask(file["name"]).text
    return message


def _numbers(shown: list[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for message in shown:
        for kind in dict.fromkeys(message.get("masked", ())):
            found.setdefault(kind, []).append(message["seq"])
    return found

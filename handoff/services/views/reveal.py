"""Identity numbers in a citizen's message, shown to an officer who says why; each time is an event of the case and a
line of the access log (P11)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select

from handoff.domain.status import without_keys
from handoff.domain.text import clean
from handoff.services.case.cases import record
from handoff.services.case.holding import actor_of
from handoff.services.errors import NotFound, TooLarge, Unprocessable
from handoff.services.post.outbox import notify
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.services.talk.conversations import read_in
from handoff.store import db
from handoff.store.schema import cases
from handoff.store.schema_record import access_log

LEAST_LETTERS = 5
MOST_CHARACTERS = 300


async def reveal(runtime: Runtime, officer: Row[Any], case_id: UUID, seq: int, reason: str) -> str:
    """The citizen's message number `seq` as it was written. The officer may read the case's words (`desk.locate`).

    Raises `Unprocessable("reason_missing")` for a reason of fewer than five letters, `TooLarge`, `NotFound`.
    """
    why = clean(reason).strip()
    if sum(letter.isalpha() for letter in why) < LEAST_LETTERS:
        raise Unprocessable("reason_missing")
    if len(why) > MOST_CHARACTERS:
        raise TooLarge()
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(
            select(cases.c.conversation_id).where(cases.c.id == case_id)
        )).scalar_one_or_none()
        if conversation_id is None:
            raise NotFound()
        conversation = await ownership.lock(connection, conversation_id)
        found = await read_in(runtime, connection, conversation_id, seq - 1, with_notes=True, limit=1)
        if not found or found[0]["seq"] != seq or found[0]["author"] != "citizen" or not found[0]["text"]:
            raise NotFound()
        # Not `reason`: those who may not read words see that one, and this sentence may name what it shall not.
        await record(runtime, connection, conversation, case_id, "identity_revealed", actor_of(officer), why=why,
                     message_id=found[0]["id"])
        await connection.execute(insert(access_log).values(
            officer_id=officer.id, conversation_id=conversation_id, what="identity", at=runtime.clock()
        ))
        await notify(connection, conversation_id, conversation.next_seq - 1)
    return without_keys(str(found[0]["text"]))

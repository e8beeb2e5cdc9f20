"""A case's link that somebody else has seen: its citizen gets another one, and the old one opens nothing any more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update

from handoff.services.case import cases
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import cases as case_table


async def renew(runtime: Runtime, conversation_id: UUID, case_id: UUID) -> str:
    """The address of the case's page with a new key; the keys before it are wrong from now on."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        await connection.execute(update(case_table).where(case_table.c.id == case_id).values(
            key_version=case_table.c.key_version + 1
        ))
        await cases.record(runtime, connection, conversation, case_id, "key_renewed", cases.CITIZEN)
        return cases.url_of(runtime, await cases.load(connection, case_id))

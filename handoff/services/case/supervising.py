"""Who is brought into a case when it goes badly, by name, and what the citizen is told then. Part of a transaction that
holds the conversation's lock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor, Role
from handoff.services.case import complaints
from handoff.services.case.cases import CONFIDENTIAL, Facts, record
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.store.schema import cases

SYSTEM = Actor("system")


async def bring_in(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: Facts, because: str
) -> Row[Any] | None:
    """A supervisor joins the case by name, who may be there already; its officer stays. They are told why (`because`:
    a sentence of `notices`), and the citizen who it is. Nobody joins a confidential report: its reporter is told the
    ways outside this office."""
    if facts.row.reason == CONFIDENTIAL:
        await tell_outside_ways(runtime, connection, conversation, facts, because)
        return None
    known = await notices.person(connection, facts.row.supervisor_id) if facts.row.supervisor_id else None
    barred = await complaints.barred_from(connection, facts.row)
    leader = known or await notices.leader(connection, facts.row.unit_id, Role.supervisor, barred)
    await notices.tell(runtime, connection, leader.id, facts.id, because)
    if known is not None:
        return known
    await connection.execute(update(cases).where(cases.c.id == facts.id).values(supervisor_id=leader.id))
    await record(runtime, connection, conversation, facts.id, "supervisor_joined", SYSTEM, officer_id=leader.id,
                 because=because)
    await store(runtime, connection, conversation, [Outgoing(
        "system", runtime.texts.say("case.supervisor_joined", **facts.said(), supervisor=leader), case_id=facts.id,
        shows_case=True,
    )])
    return leader


async def tell_outside_ways(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: Facts, because: str
) -> None:
    """The citizen may go on outside this office, with the dossier of the case in hand."""
    await record(runtime, connection, conversation, facts.id, "outside_ways_told", SYSTEM, because=because)
    await store(runtime, connection, conversation, [Outgoing(
        "system", runtime.texts.say("case.outside_ways", **facts.said()), case_id=facts.id, shows_case=True,
    )])

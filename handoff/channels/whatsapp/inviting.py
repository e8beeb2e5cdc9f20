"""When 24 hours have passed, only a template may be sent: it invites the citizen to write, and then the text follows.

Of each template one goes out after the citizen's newest message, however many texts wait.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml
from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import outcome
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.domain.delivering import furthest
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_invitations as invitations

log = logging.getLogger(__name__)

FILE = Path(__file__).with_name("templates.yml")
LANGUAGE = "id"

# What waits in a conversation and belongs to a case, oldest first, with what was sent for it.
_WAITING = text("""
SELECT o.id AS outbox_id, m.author, f.name AS officer, k.number FROM outbox o
JOIN messages m ON m.id = o.message_id JOIN cases k ON k.id = m.case_id LEFT JOIN officers f ON f.id = m.officer_id
WHERE o.conversation_id = :conversation AND o.state = 'handed' ORDER BY m.seq
""")


@functools.cache
def catalogue() -> dict[str, dict[str, Any]]:
    """The templates by name, as they are submitted to Meta."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Invitation:
    """A template that is ours to post."""

    ticket: UUID
    body: dict[str, Any]
    tries: int


async def claim(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, heard_at: datetime | None, settle: timedelta
) -> Invitation | None:
    """The next template to post, claimed; the caller holds the conversation's lock."""
    sent = {row.template: row for row in (await connection.execute(
        select(invitations, (invitations.c.due_at <= func.clock_timestamp()).label("due")).where(
            invitations.c.conversation_id == conversation_id,
            *([invitations.c.created_at > heard_at] if heard_at is not None else []),
        )
    )).all()}
    for waiting in (await connection.execute(_WAITING, {"conversation": conversation_id})).all():
        name, parameters = _for(waiting)
        before = sent.get(name)
        if before is None or (before.due and before.state in ("sending", "waiting")):
            ticket, tries = await _mark(runtime, connection, conversation_id, waiting.outbox_id, name, before, settle)
            return Invitation(ticket, body(name, parameters), tries)
    return None


def _for(waiting: Row[Any]) -> tuple[str, list[str]]:
    if waiting.author == "officer":
        return "balasan_petugas", [waiting.officer, waiting.number]
    return "kabar_kasus", [waiting.number]


def body(name: str, parameters: list[str]) -> dict[str, Any]:
    """The template as the API takes it. Parameters are one line each: no newline, no row of blanks."""
    assert len(parameters) == len(catalogue()[name]["parameters"])
    return {"type": "template", "template": {
        "name": name, "language": {"policy": "deterministic", "code": LANGUAGE},
        "components": [{"type": "body", "parameters": [
            {"type": "text", "text": " ".join(parameter.split())} for parameter in parameters]}],
    }}


async def _mark(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, outbox_id: UUID, name: str,
    before: Row[Any] | None, settle: timedelta,
) -> tuple[UUID, int]:
    due_at = func.clock_timestamp() + settle
    if before is not None:
        await connection.execute(
            update(invitations).where(invitations.c.id == before.id)
            .values(state="sending", tries=before.tries + 1, due_at=due_at)
        )
        return before.id, before.tries + 1
    ticket = uuid4()
    await connection.execute(insert(invitations).values(
        id=ticket, conversation_id=conversation_id, outbox_id=outbox_id, template=name, state="sending",
        created_at=runtime.clock(), due_at=due_at,
    ))
    return ticket, 1


async def post(runtime: Runtime, graph: Graph, number_id: str, to: dict[str, str], it: Invitation) -> Refused | None:
    """Post it and record what was said. The refusal, when the whole number is refused."""
    try:
        await graph.send(number_id, to, it.body, str(it.ticket))
    except Unknown as error:
        log.warning("WhatsApp template %s: what became of it is not known (%s)", it.ticket, error)
    except NotReached:
        await _record(runtime, it, "waiting")
    except Refused as refused:
        verdict = outcome.verdict(refused.http_status, refused.code)
        log.error("WhatsApp refused template %s: %s (%s)", it.ticket, refused, verdict.value)
        again = verdict is Verdict.stop or (verdict is Verdict.again and it.tries < outcome.TRIES)
        await _record(runtime, it, "waiting" if again else "failed", refused.code)
        return refused if verdict is Verdict.stop else None
    else:
        async with db.transaction(runtime.pool) as connection:
            await reported(connection, it.ticket, "sent", None)
    return None


async def _record(runtime: Runtime, it: Invitation, state: str, code: int | None = None) -> None:
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(invitations).where(invitations.c.id == it.ticket, invitations.c.state == "sending")
            .values(state=state, code=code, due_at=func.clock_timestamp() + outcome.pause(it.tries))
        )


async def reported(connection: AsyncConnection, ticket: UUID, report: str, code: int | None) -> None:
    """A status of a template has come, or its answer."""
    row = (await connection.execute(
        select(invitations).where(invitations.c.id == ticket).with_for_update()
    )).one_or_none()
    if row is not None and (stands := furthest(row.delivery, report)) != row.delivery:
        await connection.execute(
            update(invitations).where(invitations.c.id == ticket)
            .values(delivery=stands, state="failed" if stands == "failed" else "accepted", code=code)
        )

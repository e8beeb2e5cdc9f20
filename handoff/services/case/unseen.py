"""An answer that its citizen cannot see is none (P7): WhatsApp refused it for good, or not even the template that
announces it was taken (docs/adr/0037).

The promise that it had met goes on with its own deadline, as if the answer had never been; where a later answer has
come, that one met it. The officer is told, and the event stands in the record. What waits and was announced counts: it
stands on the case's page (docs/adr/0029). On the web nothing fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Actor, Status, Verb, transition
from handoff.domain.substance import is_answer
from handoff.services.case import cases
from handoff.services.case.cases import Facts, move, record
from handoff.services.deadlines import clocks
from handoff.services.post import notices
from handoff.services.post.outbox import notify
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.crypto import unseal_json
from handoff.store.schema import messages

AT_ONCE = 100

# An officer's words (`m`) of which their citizen has seen nothing, not even that they are there.
_UNSEEN = """(m.author = 'officer' AND m.kind <> 'note' AND m.delivered_at IS NULL
    AND m.delivery IN ('failed', 'waiting_window') AND (m.delivery = 'failed' OR (
    EXISTS (SELECT FROM whatsapp_invitations i WHERE i.conversation_id = m.conversation_id AND i.state = 'failed'
                AND i.created_at >= m.created_at)
    AND NOT EXISTS (SELECT FROM whatsapp_invitations i WHERE i.conversation_id = m.conversation_id
                    AND i.state <> 'failed' AND i.created_at >= m.created_at))))"""
# Those that met a promise, and those after which nothing was said and nobody waits.
_FOUND = text(f"""
SELECT DISTINCT m.conversation_id, m.case_id FROM messages m JOIN cases c ON c.id = m.case_id
JOIN conversations v ON v.id = m.conversation_id JOIN data_keys d ON d.id = v.data_key_id
WHERE {_UNSEEN} AND d.destroyed_at IS NULL AND c.status <> 'closed' AND (
    EXISTS (SELECT FROM clocks k WHERE k.ended_by = m.id AND (k.kind NOT IN ('first_reply', 'next_reply')
        OR k.mark_2 < :at OR NOT EXISTS (SELECT FROM clocks o WHERE o.case_id = k.case_id AND o.kind = k.kind
            AND o.ended_at IS NULL)))
    OR (c.waiting_since IS NULL AND NOT EXISTS (
        SELECT FROM messages l WHERE l.conversation_id = m.conversation_id AND l.seq > m.seq
        AND (l.author = 'citizen' OR (l.author = 'officer' AND l.kind <> 'note')))))
LIMIT :most
""")
_WORDS = text(f"""
SELECT m.id, m.seq, m.created_at, m.body_enc, {_UNSEEN} AS unseen FROM messages m
WHERE m.case_id = :case AND m.author = 'officer' AND m.kind <> 'note' AND m.delivery <> 'withheld' ORDER BY m.seq
""")


async def go_on(runtime: Runtime) -> int:
    """The clocks of cases whose answer cannot be seen go on. Returns how many; safe to run twice and by two at once."""
    async with db.statement(runtime.pool) as connection:
        found = (await connection.execute(_FOUND, {"most": AT_ONCE, "at": runtime.clock()})).all()
    cases_of = {row.case_id: row.conversation_id for row in found}
    return await each(cases_of, lambda case_id: _go_on(runtime, cases_of[case_id], case_id),
                      "the clocks of case %s could not go on")


async def _go_on(runtime: Runtime, conversation_id: UUID, case_id: UUID) -> bool:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        facts = await cases.load(connection, case_id)
        if facts.row.status == Status.closed.value:
            return False
        words = (await connection.execute(_WORDS, {"case": case_id})).all()
        data_key = await runtime.keyring.open(connection, conversation.data_key_id)
        told = await _Case(runtime, connection, facts, words, data_key).look()
        if told is None:
            return False  # seen after all, answered again, or told already
        await record(runtime, connection, conversation, case_id, "reply_unseen", Actor("system"), **told)
        await notices.tell(runtime, connection, facts.row.officer_id, case_id, "reply_unseen")
        await notify(connection, conversation_id, conversation.next_seq - 1)
    return True


@dataclass
class _Case:
    """One case whose answers are looked at again, inside its transaction. `columns`: what becomes of its row."""

    runtime: Runtime
    connection: AsyncConnection
    facts: Facts
    words: Any
    data_key: bytes
    columns: dict[str, Any] = field(default_factory=dict)

    async def look(self) -> dict[str, Any] | None:
        """Put right what the unseen answers had met; what the event says of it. None: there is nothing to put right."""
        unseen = {one.id: one for one in self.words if one.unseen}
        told: dict[str, Any] = {}
        for clock in await clocks.ended_by(self.connection, self.facts.id, list(unseen)):
            if (became := await self._again(clock, unseen[clock.ended_by])) is not None:
                told |= {"message_id": clock.ended_by, **became}
        last = self.words[-1] if self.words else None
        if not told and self.facts.row.waiting_since is None and last is not None and last.unseen:
            if await self._answered_since(last):
                return None
            told = {"message_id": last.id}  # nobody waited for these words; who was not told them waits now
            self.columns["waiting_since"] = last.created_at
            if not any(not one.unseen for one in self.words):
                self.columns["first_replied_at"] = None
        if not told:
            return None
        if last is not None and last.unseen and self.facts.row.status == Status.waiting_citizen.value:
            state = transition(self.facts.state, Verb.go_on, Actor("system"))  # nobody was asked anything
        else:
            state = self.facts.state
        await move(self.connection, self.facts, state, **self.columns)
        return told

    async def _again(self, clock: Row[Any], answer: Row[Any]) -> dict[str, Any] | None:
        """The clock that the answer had ended. None: it cannot run now, and its deadline has not come."""
        later = self._seen_after(answer)
        if later is not None:
            await clocks.ended_later(self.connection, clock, self.facts.row.unit_id, later.created_at, later.id,
                                     self.runtime.clock())
            if clock.kind == "first_reply":
                self.columns["first_replied_at"] = later.created_at
            return {"counted_at": later.created_at}
        runs = await clocks.resume(self.connection, clock, self.facts.row.unit_id, self.runtime.clock())
        if runs is None:
            return None
        if runs and clock.kind != "receipt":
            row = self.facts.row
            self.columns |= {"waiting_since": _earlier(clock.started_at, row.waiting_since),
                             "reply_by": _earlier(clock.mark_2, row.reply_by)}
        if clock.kind != "next_reply":
            self.columns["first_replied_at"] = None
        return {}

    def _seen_after(self, answer: Row[Any]) -> Row[Any] | None:
        """The first later answer that the citizen can see. Sending them elsewhere is none (P6), patience neither."""
        return next((one for one in self.words if one.seq > answer.seq and not one.unseen and is_answer(
            str(unseal_json(self.data_key, one.id, one.body_enc).get("text", "")))), None)

    async def _answered_since(self, last: Row[Any]) -> bool:
        """Whether the citizen has written since: their message has its own clock."""
        return (await self.connection.execute(
            select(messages.c.id).where(
                messages.c.conversation_id == self.facts.row.conversation_id, messages.c.seq > last.seq,
                messages.c.author == "citizen",
            ).limit(1)
        )).first() is not None


def _earlier(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, other)

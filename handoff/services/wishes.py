"""What citizens do to their case with a button; part of a turn's transaction, which holds the conversation's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import CaseState, ClosedReason, Status, Verb, transition
from handoff.services import ownership
from handoff.services.cases import CITIZEN, Facts, move, record
from handoff.services.holding import Held, to_bot
from handoff.services.outbox import Outgoing, store
from handoff.services.runtime import Runtime
from handoff.store import schema
from handoff.store.crypto import unseal_json


@dataclass(frozen=True)
class Tap:
    """A citizen's button on a case, inside the transaction of its turn."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    facts: Facts
    message_id: UUID

    async def confirm(self) -> None:
        """*Sudah selesai*: the citizen closes the case."""
        await self._close(Verb.confirm, "confirmed")

    async def withdraw(self) -> None:
        """The citizen no longer needs the case."""
        await self._close(Verb.withdraw, "withdrawn")

    async def refuse(self) -> None:
        """*Belum selesai*: the officer goes on."""
        state = transition(self.facts.state, Verb.refuse, CITIZEN)
        await move(self.connection, self.facts, state, proposed_at=None, waiting_since=self.runtime.clock())
        await self._say("refused")

    async def bot_again(self) -> None:
        """*Tanya bot lagi*: the bot may speak, case and officer stay."""
        transition(self.facts.state, Verb.bot_again, CITIZEN)
        await to_bot(self.runtime, Held(self.connection, self.conversation, self.facts), CITIZEN, "bot_again")

    async def unhelpful(self, reply_id: str) -> None:
        """The officer's reply did not help: recorded for the officer, the citizen waits again."""
        state = transition(self.facts.state, Verb.citizen_message, CITIZEN)
        await move(self.connection, self.facts, state, waiting_since=self.runtime.clock())
        await self._say("unhelpful", reply_id=reply_id)

    async def not_this(self) -> None:
        """*Ini pertanyaan lain*: the case that this message reopened is closed again as it was."""
        was = await self._closed_before()
        transition(self.facts.state, Verb.withdraw, CITIZEN)  # who may withdraw may undo the reopening
        state = CaseState(Status.closed, self.facts.state.officer_id, self.facts.state.unit_id, ClosedReason(was))
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        await record(self.runtime, self.connection, self.conversation, self.facts.id, "reopening_undone", CITIZEN)
        owned = await ownership.give(self.connection, self.conversation, officer_id=None, open_case_id=None)
        await store(self.runtime, self.connection, owned, [
            Outgoing("system", self.runtime.texts.say("case.other", **self.facts.said()), in_reply_to=self.message_id)
        ])

    async def _close(self, verb: Verb, event: str) -> None:
        state = transition(self.facts.state, verb, CITIZEN)
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        owned = await ownership.give(
            self.connection, self.conversation, officer_id=None, open_case_id=None, last_case_id=self.facts.id
        )
        await record(self.runtime, self.connection, owned, self.facts.id, event, CITIZEN, message_id=self.message_id)
        await store(self.runtime, self.connection, owned, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()), case_id=self.facts.id,
            shows_case=True, in_reply_to=self.message_id,
        )])

    async def _say(self, event: str, **more: Any) -> None:
        await record(self.runtime, self.connection, self.conversation, self.facts.id, event, CITIZEN,
                     message_id=self.message_id, **more)
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()), case_id=self.facts.id,
            shows_case=True, in_reply_to=self.message_id,
        )])

    async def _closed_before(self) -> str:
        event = (await self.connection.execute(
            select(schema.case_events).where(
                schema.case_events.c.case_id == self.facts.id, schema.case_events.c.type == "reopened"
            ).order_by(schema.case_events.c.seq.desc()).limit(1)
        )).one()
        data_key = await self.runtime.keyring.open(self.connection, self.conversation.data_key_id)
        return str(unseal_json(data_key, event.id, event.body_enc)["was_closed"])

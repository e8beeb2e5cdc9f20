"""A citizen in integration tests: real database, real use cases; what Rasa would say is given as its reply."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from handoff.bot import BotReply
from handoff.services.post import sending
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, inbox, turn
from handoff.services.talk.inbox import Inbound, Receipt
from handoff.store import db
from handoff.store.schema import cases, messages, officers


def reply(
    *custom: dict[str, Any], text: str | None = None, intent: str = "ktp_hilang", confidence: float = 0.9,
    abstained: bool = False,
) -> BotReply:
    """What Rasa's gateway channel returns."""
    said = [{"custom": c} for c in custom] + ([{"text": text}] if text else [])
    return BotReply.model_validate({
        "replies": said, "intent": {"name": intent, "confidence": confidence},
        "ranking": [{"name": intent, "confidence": confidence}, {"name": "ktp_rusak", "confidence": 0.05}],
        "threshold": 0.5, "abstained": abstained, "model_version": "test",
    })


def answers(topic: str) -> BotReply:
    """Rasa recognises a routine topic."""
    return reply({"do": "answer", "topic": topic}, intent=topic)


UNSURE = reply(intent="ktp_hilang", confidence=0.2, abstained=True)


@dataclass
class Citizen:
    """One conversation over the use cases."""

    runtime: Runtime
    id: UUID
    keys: Any = field(default_factory=itertools.count)

    @classmethod
    async def arrives(cls, runtime: Runtime) -> Citizen:
        """A new conversation."""
        return cls(runtime, (await conversations.begin(runtime)).conversation_id)

    async def writes(self, text: str, key: str | None = None) -> Receipt:
        """A text is received; nobody has looked at it yet."""
        return await inbox.receive(self.runtime, self.id, Inbound.text(text, key=key or f"k{next(self.keys)}"))

    async def taps(self, title: str) -> None:
        """The newest button with this title is tapped, and its turn runs."""
        offered = [b for m in await self.sees() for b in m["buttons"] if b["title"] == title]
        await inbox.receive(self.runtime, self.id, Inbound("payload", {"payload": offered[-1]["payload"]}))
        await turn.drain(self.runtime, self.id)

    async def hears(self, bot: BotReply) -> None:
        """The oldest waiting message gets this reply of Rasa."""
        question = await turn._next(self.runtime, self.id)
        assert question is not None
        await turn.apply(self.runtime, question, bot)
        await sending.dispatch(self.runtime, self.id)

    async def asks(self, text: str, bot: BotReply) -> list[dict[str, Any]]:
        """Writes and hears; returns what came after the question."""
        receipt = await self.writes(text)
        await self.hears(bot)
        return await self.sees(after=receipt.seq)

    async def sees(self, after: int = 0) -> list[dict[str, Any]]:
        """The conversation as its citizen sees it."""
        return await conversations.read(self.runtime, self.id, after)

    async def fates(self) -> list[str | None]:
        """The fates of the citizen's messages, in order."""
        async with db.transaction(self.runtime.pool) as connection:
            return list((await connection.execute(
                select(messages.c.fate).where(messages.c.conversation_id == self.id, messages.c.author == "citizen")
                .order_by(messages.c.seq)
            )).scalars())

    async def case(self) -> Row[Any]:
        """The conversation's only case."""
        async with db.transaction(self.runtime.pool) as connection:
            return (await connection.execute(select(cases).where(cases.c.conversation_id == self.id))).one()

    async def officer(self) -> Row[Any]:
        """The officer of that case."""
        return await officer(self.runtime, (await self.case()).officer_id)


async def officer(runtime: Runtime, officer_id: UUID) -> Row[Any]:
    """An officer's row."""
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(officers).where(officers.c.id == officer_id))).one()


async def colleague(runtime: Runtime, of: Row[Any]) -> Row[Any]:
    """Another officer of the same unit."""
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(
            select(officers).where(
                officers.c.unit_id == of.unit_id, officers.c.id != of.id, officers.c.role == "officer"
            )
        )).first()

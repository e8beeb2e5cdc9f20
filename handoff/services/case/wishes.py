"""What citizens do to their case with a button; part of a turn's transaction, which holds the conversation's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import CaseState, ClosedReason, Status, Verb, transition
from handoff.services.case.cases import CITIZEN, Facts, move, record
from handoff.services.case.holding import Held, to_bot
from handoff.services.case.supervising import bring_in, tell_outside_ways
from handoff.services.case.taking import take_in
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import schema_record
from handoff.store.crypto import seal, unseal_json
from handoff.store.schema import cases, messages
from handoff.store.schema_moves import ratings, unhelpful_replies

SECOND = 2  # the second "not yet", the second unhelpful reply of a case
POOR = 2    # stars from which down the case is offered to be opened again


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
        """*Belum selesai*: the officer goes on. The second one brings the supervisor, from the third on the citizen is
        told the ways outside this office."""
        state = transition(self.facts.state, Verb.refuse, CITIZEN)
        times = self.facts.row.refusals + 1
        await move(self.connection, self.facts, state, proposed_at=None, waiting_since=self.runtime.clock(),
                   refusals=times)
        await self._say("refused", times=times)
        if times == SECOND:
            await bring_in(self.runtime, self.connection, self.conversation, self.facts, "second_refusal")
        elif times > SECOND:
            await tell_outside_ways(self.runtime, self.connection, self.conversation, self.facts, "third_refusal")

    async def bot_again(self) -> None:
        """*Tanya bot lagi*: the bot may speak, case and officer stay."""
        transition(self.facts.state, Verb.bot_again, CITIZEN)
        await to_bot(self.runtime, Held(self.connection, self.conversation, self.facts), CITIZEN, "bot_again")

    async def unhelpful(self, reply_id: str) -> None:
        """The officer's reply did not help: recorded, the citizen waits again. The second such reply in a case brings
        the supervisor; the same one counts once."""
        state = transition(self.facts.state, Verb.citizen_message, CITIZEN)
        at = self.runtime.clock()
        new = (await self.connection.execute(
            insert(unhelpful_replies).values(message_id=UUID(reply_id), case_id=self.facts.id, at=at)
            .on_conflict_do_nothing().returning(unhelpful_replies.c.message_id)
        )).first()
        await move(self.connection, self.facts, state, waiting_since=func.coalesce(cases.c.waiting_since, at))
        await self._say("unhelpful", reply_id=reply_id)
        times = (await self.connection.execute(
            select(func.count()).select_from(unhelpful_replies).where(unhelpful_replies.c.case_id == self.facts.id)
        )).scalar_one()
        if new is not None and times >= SECOND:
            await bring_in(self.runtime, self.connection, self.conversation, self.facts, "second_unhelpful")

    async def rate(self, stars: str, comment: str = "") -> None:
        """One to five for how it was handled, with a word if the citizen likes, which the case's officer is told of and
        whoever reads the case can read. A poor one offers to open the case again."""
        transition(self.facts.state, Verb.rate, CITIZEN)
        given, rating_id = int(stars), uuid4()
        data_key = await self.runtime.keyring.open(self.connection, self.conversation.data_key_id)
        await self.connection.execute(insert(ratings).values(
            id=rating_id, case_id=self.facts.id, stars=given, at=self.runtime.clock(),
            comment_enc=seal(data_key, rating_id, comment.encode()) if comment else None,
        ))
        await record(self.runtime, self.connection, self.conversation, self.facts.id, "rated", CITIZEN,
                     message_id=self.message_id, stars=given, **({"comment": comment} if comment else {}))
        if comment:
            await notices.tell(self.runtime, self.connection, self.facts.row.officer_id, self.facts.id, "rated")
        poor = given <= POOR
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "system", self.runtime.texts.say("chat.rated_poor" if poor else "chat.rated", **self.facts.said()),
            (button(self.runtime, "reopen", f"reopen:{self.facts.id}"),) if poor else (), case_id=self.facts.id,
            in_reply_to=self.message_id,
        )])

    async def reopen(self) -> None:
        """*Buka lagi*: the same case, under its number; one that was merged is heard where it goes on."""
        await take_in(self.runtime, self.connection, self.conversation, self.message_id, reason="reopened")

    async def not_this(self, question_id: str) -> bool:
        """*Ini pertanyaan lain*: the case that this question reopened is closed again as it was. False when it was
        another message that reopened it last, or an officer has answered since: nothing closes a case on which the talk
        went on (P5)."""
        was = await self._closed_before()
        if was is None or was.get("message_id") != question_id or await self._answered_since(UUID(question_id)):
            return False
        transition(self.facts.state, Verb.withdraw, CITIZEN)  # who may withdraw may undo the reopening
        state = CaseState(Status.closed, self.facts.state.officer_id, self.facts.state.unit_id,
                          ClosedReason(was["was_closed"]), dismissal_by=was.get("dismissed_by"))
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        await record(self.runtime, self.connection, self.conversation, self.facts.id, "reopening_undone", CITIZEN)
        owned = await ownership.give(self.connection, self.conversation, officer_id=None, open_case_id=None)
        await store(self.runtime, self.connection, owned, [
            Outgoing("system", self.runtime.texts.say("case.other", **self.facts.said()), case_id=self.facts.id,
                     in_reply_to=self.message_id)
        ])
        return True

    async def _close(self, verb: Verb, event: str) -> None:
        state = transition(self.facts.state, verb, CITIZEN)
        await move(self.connection, self.facts, state, closed_at=self.runtime.clock(), waiting_since=None)
        owned = await ownership.give(
            self.connection, self.conversation, officer_id=None, open_case_id=None, last_case_id=self.facts.id
        )
        await record(self.runtime, self.connection, owned, self.facts.id, event, CITIZEN, message_id=self.message_id)
        await store(self.runtime, self.connection, owned, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()),
            (*self._undo(verb), *rate_buttons(self.runtime, self.facts)), case_id=self.facts.id, shows_case=True,
            in_reply_to=self.message_id,
        )])

    def _undo(self, verb: Verb) -> tuple[dict[str, str], ...]:
        """*Batalkan kasus* is one tap, and so is taking it back."""
        again = button(self.runtime, "reopen", f"reopen:{self.facts.id}")
        return (again,) if verb is Verb.withdraw else ()

    async def _say(self, event: str, **more: Any) -> None:
        await record(self.runtime, self.connection, self.conversation, self.facts.id, event, CITIZEN,
                     message_id=self.message_id, **more)
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "system", self.runtime.texts.say(f"case.{event}", **self.facts.said()), case_id=self.facts.id,
            shows_case=True, in_reply_to=self.message_id,
        )])

    async def _answered_since(self, message_id: UUID) -> bool:
        asked = select(messages.c.seq).where(messages.c.id == message_id).scalar_subquery()
        return (await self.connection.execute(select(messages.c.id).where(
            messages.c.conversation_id == self.conversation.id, messages.c.seq > asked,
            messages.c.author == "officer", messages.c.kind != "note",
        ).limit(1))).first() is not None

    async def _closed_before(self) -> dict[str, Any] | None:
        """What the last reopening wrote down; None when there was none."""
        event = (await self.connection.execute(
            select(schema_record.case_events).where(
                schema_record.case_events.c.case_id == self.facts.id, schema_record.case_events.c.type == "reopened"
            ).order_by(schema_record.case_events.c.seq.desc()).limit(1)
        )).one_or_none()
        if event is None:
            return None
        data_key = await self.runtime.keyring.open(self.connection, self.conversation.data_key_id)
        body: dict[str, Any] = unseal_json(data_key, event.id, event.body_enc)
        return body


def rate_buttons(runtime: Runtime, facts: Facts) -> tuple[dict[str, str], ...]:
    """Five buttons, the best first."""
    return tuple(button(runtime, f"rate_{stars}", f"rate:{facts.id}:{stars}") for stars in (5, 4, 3, 2, 1))

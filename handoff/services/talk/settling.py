"""What becomes of a question once it is understood: an answer, a question back, a command, or a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.bot import BotReply, Instruction
from handoff.catalogue import Aspect
from handoff.domain import alarm
from handoff.domain.case import ClosedReason
from handoff.domain.substance import is_courtesy
from handoff.services.case import cases, confidential, taking
from handoff.services.case.wishes import Tap
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.runtime import Runtime
from handoff.services.talk import answering, followup, status, stepping

COMMON_TOPICS = ("ktp_baru", "kk_baru", "akta_kelahiran")  # offered when an aspect is asked of no service
MOST_OFFERED = 3
LIKELY = 0.1  # at least how likely a service must be to be offered before the common ones
#: Politeness after a case was closed, which reopens nothing. Who asks for help, or says no, is not being polite.
TALK = frozenset({"sapa", "terima_kasih", "pamit", "basa_basi", "setuju", "bot_siapa"})


@dataclass(frozen=True)
class Settlement:
    """One question being settled inside the turn's transaction. Each way ends in exactly one fate."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    question_id: UUID
    text: str

    async def as_planned(self, plan: followup.Plan) -> None:
        """Answer what was understood together with what was said before."""
        if plan.which is not None:
            await self._ask_which(plan.which, ())
        elif plan.step is not None:
            await stepping.tell(self.runtime, self.connection, self.conversation, self.question_id, plan.step)
        else:
            await self._answer(plan.wanted, plan.person, plan.seen)

    async def as_found(self, told: status.Told) -> None:
        """Say where the case or the application stands."""
        await status.give(self.runtime, self.connection, self.conversation, self.question_id, told)

    async def as_told(self, reply: BotReply) -> None:
        """Carry out what Rasa said."""
        instructions = [m.custom for m in reply.replies if m.custom]
        texts = [m.text for m in reply.replies if m.text]
        if self.conversation.last_case_id is not None and await self._reopens(reply):
            await self._person("reopened", reply)  # P5: a later message reopens the closed case
        elif reply.abstained:
            await self._person("low_confidence", reply)  # its action did not open the case
        elif instructions:
            await self._instruction(instructions[0], reply)
        elif texts:
            await self._say("\n\n".join(texts))
        else:
            await self._person("bot_failure", reply)

    async def _reopens(self, reply: BotReply) -> bool:
        """Politeness does not, and nothing but politeness by its words: Rasa also reads "makasih, tapi masih salah" as
        thanks. Except after a dismissal, for who was sent away was not heard (docs/adr/0009)."""
        if reply.intent.name not in TALK or not is_courtesy(self.text):
            return True
        facts = await cases.load(self.connection, self.conversation.last_case_id)
        return bool(facts.row.closed_reason == ClosedReason.not_a_request.value)

    async def _instruction(self, instruction: Instruction, reply: BotReply) -> None:
        topics = self.runtime.catalogue.topics
        if instruction.do == "answer" and instruction.topic is not None and instruction.topic in topics:
            await self._answer(
                followup.wanted(self.runtime, instruction.topic, self.text, reply.classification())
            )
        elif instruction.do == "aspect" and instruction.aspect:
            await self._aspect(instruction.aspect, reply)
        elif instruction.do == "command" and instruction.command:
            await self._command(instruction.command, reply)
        else:
            await self._person("bot_failure", reply)

    async def _answer(
        self, wanted: Sequence[answering.Wanted], person: answering.Handover | None = None, seen: Sequence[str] = ()
    ) -> None:
        await answering.give_answers(
            self.runtime, self.connection, self.conversation, self.question_id, wanted, said=self.text,
            person=person, seen=seen,
        )

    async def _aspect(self, aspect: Aspect, reply: BotReply) -> None:
        topic = self.conversation.last_topic
        if topic in self.runtime.catalogue.topics:
            await self._answer([answering.Wanted(topic, aspect, reply.classification())])
        else:
            likely = [r.name for r in reply.ranking if r.name is not None and r.confidence >= LIKELY]
            await self._ask_which(aspect, likely)

    async def _ask_which(self, aspect: str, likely: Sequence[str]) -> None:
        """An aspect of no service: the likeliest ones as buttons, then the common ones."""
        topics = self.runtime.catalogue.topics
        services = [topics[t] for t in dict.fromkeys((*likely, *COMMON_TOPICS)) if t in topics]
        offered = [topic for topic in services if topic.kind == "service"][:MOST_OFFERED]
        await self._say(
            self.runtime.texts.say("chat.which_service"),
            tuple({"title": topic.title, "payload": f"aspect:{topic.id}:{aspect}"} for topic in offered),
        )

    async def _command(self, command: str, reply: BotReply) -> None:
        """Said in words, a closing is asked back by buttons: nobody closes a case by a misread sentence (P5)."""
        if self.conversation.open_case_id is None:
            await self._say(self.runtime.texts.say("case.nothing_open"))
            return
        facts = await cases.load(self.connection, self.conversation.open_case_id)
        tap = Tap(self.runtime, self.connection, self.conversation, facts, self.question_id)
        if command == "bot_again":
            await tap.bot_again()
        elif facts.row.status == "resolution_proposed":
            await self._say(self.runtime.texts.say("case.ask_confirm"), cases.confirm_buttons(self.runtime, facts))
            return
        else:
            await self._person("reopened" if command == "not_yet" else "asked_for_officer", reply)
            return
        await cases.settle(self.connection, self.question_id, "command", self.runtime.clock())

    async def _person(self, reason: str, reply: BotReply) -> None:
        bribe = alarm.nearly(reply.classification()) is alarm.Alarm.bribery
        if bribe and not self.conversation.confidential:
            await confidential.take_down(self.runtime, self.connection, self.conversation, self.question_id)
            return
        await taking.take_in(self.runtime, self.connection, self.conversation, self.question_id, reason=reason,
                            classification=reply.classification())

    async def _say(self, text: str, buttons: tuple[dict[str, str], ...] = ()) -> None:
        await store(self.runtime, self.connection, self.conversation, [Outgoing(
            "bot", text, (*buttons, button(self.runtime, "person", f"person:{self.question_id}")),
            in_reply_to=self.question_id, owner_epoch=self.conversation.owner_epoch,
        )])
        await cases.settle(self.connection, self.question_id, "answer", self.runtime.clock())

"""A citizen's button. The gateway carries it out itself: no tap needs Rasa (P3), and every tap has a fate (P1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.catalogue import ASPECTS
from handoff.domain.case import Refusal
from handoff.services.case import apart, cases, joining, taking
from handoff.services.case.wishes import Tap
from handoff.services.post import numbers, sending
from handoff.services.post.outbox import Outgoing, store
from handoff.services.rights import wishes as rights
from handoff.services.runtime import Runtime
from handoff.services.talk import answering, ownership, reminders, stepping
from handoff.store import db
from handoff.store.crypto import seal, unseal_json
from handoff.store.schema import contacts, messages, officers

ON_A_CASE: dict[str, Callable[[Tap, str], Awaitable[None]]] = {
    "confirm": lambda tap, _: tap.confirm(),
    "not_yet": lambda tap, _: tap.refuse(),
    "withdraw": lambda tap, _: tap.withdraw(),
    "bot_again": lambda tap, _: tap.bot_again(),
    "unhelpful_reply": lambda tap, rest: tap.unhelpful(rest),
}
ON_A_CLOSED_CASE: dict[str, Callable[[Tap, str], Awaitable[None]]] = {
    "rate": lambda tap, rest: tap.rate(*rest.split(":", 1)),
    "reopen": lambda tap, _: tap.reopen(),
}


@dataclass(frozen=True)
class AskInstead:
    """The text that this tap sends to the bot, and the conversation as it is now."""

    text: str
    conversation: Row[Any]


async def carry_out(
    runtime: Runtime, conversation_id: UUID, message_id: UUID, payload: str, comment: str = ""
) -> AskInstead | None:
    """Do what the button says; `payload` is one that we offered in this conversation (checked when it came in), with
    what was written beside a rating."""
    kind, _, rest = payload.partition(":")
    if kind == rights.KIND:
        await rights.tapped(runtime, conversation_id, message_id, rest)
        return None
    rest = f"{rest}:{comment}" if kind == "rate" and comment else rest
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        if await cases.has_fate(connection, message_id):
            return None
        desk = _Desk(runtime, connection, conversation, message_id)
        if kind == "other":
            return await desk.other(rest)
        await desk.do(kind, rest)
    for other in desk.also:
        await sending.dispatch(runtime, other)
    return None


async def save_contact(runtime: Runtime, conversation_id: UUID, message_id: UUID, body: dict[str, Any]) -> None:
    """Keep where news of the citizen's case should reach them."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, conversation_id)
        if await cases.has_fate(connection, message_id):
            return
        (kind, value), = body.items()
        number = kind == numbers.KIND
        if number and (why_not := await _no_news_there(runtime, connection, conversation, str(value))):
            await _Desk(runtime, connection, conversation, message_id).done(why_not)
            return
        contact_id, data_key = uuid4(), await runtime.keyring.open(connection, conversation.data_key_id)
        await connection.execute(postgresql.insert(contacts).values(
            id=contact_id, citizen_id=conversation.citizen_id, kind=kind, created_at=runtime.clock(),
            value_enc=seal(data_key, contact_id, str(value).encode()),
            value_hash=numbers.hash_of(runtime, str(value)) if number else runtime.keyring.blind(
                f"contact-{kind}", str(value)),
            conversation_id=conversation_id if number else None,
        ).on_conflict_do_update(  # given again, an address that did not work is tried again
            index_elements=["citizen_id", "kind", "value_hash", "conversation_id"], set_={"refused_at": None},
        ))
        await _Desk(runtime, connection, conversation, message_id).done("chat.contact_saved")


async def _no_news_there(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], number: str
) -> str | None:
    """Why no news can go to this WhatsApp number; None when it can."""
    if runtime.settings.whatsapp is None:
        return "chat.contact_off"
    if conversation.confidential:
        return "chat.contact_confidential"
    stopped = select(numbers.wants_none(literal(numbers.hash_of(runtime, number))))
    return "chat.contact_stopped" if (await connection.execute(stopped)).scalar_one() else None


@dataclass(frozen=True)
class _Desk:
    """One tap being carried out, inside its transaction."""

    runtime: Runtime
    connection: AsyncConnection
    conversation: Row[Any]
    message_id: UUID
    also: list[UUID] = field(default_factory=list)  # other conversations in which something is to be sent

    async def do(self, kind: str, rest: str) -> None:
        """What the button says; one that means nothing here is said to be outdated, or told to the officer."""
        if kind == "read":
            await self.settle()  # what waited goes out because somebody was heard; nobody need answer
        elif kind in ON_A_CASE:
            await self.on_case(ON_A_CASE[kind], self.conversation.open_case_id, rest)
        elif kind in ON_A_CLOSED_CASE:
            await self.on_case(ON_A_CLOSED_CASE[kind], self.conversation.last_case_id, rest)
        elif kind in ("topic", "aspect", "step"):
            await self.topic(kind, rest)
        elif kind in reminders.KINDS:
            await self.remind(f"{kind}:{rest}")
        elif kind in TO_A_PERSON:
            await TO_A_PERSON[kind](self, rest)
        elif self.conversation.owner_officer_id is not None:
            await taking.message_arrived(self.runtime, self.connection, self.conversation, self.message_id)
        elif kind == "person":
            await taking.take_in(
                self.runtime, self.connection, self.conversation, self.message_id, reason="asked_for_officer"
            )
        else:
            await self.outdated()

    async def remind(self, payload: str) -> None:
        """*Ingatkan saya*, the day for it, *Batalkan pengingat*: whoever owns the conversation."""
        if await reminders.tapped(self.runtime, self.connection, self.conversation, self.message_id, payload):
            await self.settle()
        else:
            await self.outdated()

    async def dispute(self, rest: str) -> None:
        """*Jawaban ini salah*: a person looks at the answer."""
        await taking.take_in(self.runtime, self.connection, self.conversation, self.message_id,
                             reason="disputed_answer", answer_id=UUID(rest))

    async def complain(self, rest: str) -> None:
        """*Keluhkan petugas ini*, under something that the officer said: somebody else reads it, where more can be
        written."""
        case_id, _, reply_id = rest.partition(":")
        said = (await self.connection.execute(
            select(messages.c.id, messages.c.body_enc, officers.c.id.label("officer_id"), officers.c.name,
                   officers.c.title)
            .join(officers, officers.c.id == messages.c.officer_id)
            .where(messages.c.id == UUID(reply_id), messages.c.conversation_id == self.conversation.id)
        )).one_or_none()
        if said is None or str(self.conversation.open_case_id) != case_id:
            await self.outdated()
            return
        data_key = await self.runtime.keyring.open(self.connection, self.conversation.data_key_id)
        quoted = str(unseal_json(data_key, said.id, said.body_enc).get("text", ""))
        text = self.runtime.texts.say("complaint.by_tap", about=said, quoted=quoted)
        facts = await apart.take_apart(self.runtime, self.connection, self.conversation, self.message_id, text,
                                       said.officer_id)
        if facts is None:
            await self.done("complaint.nobody")
        else:
            self.also.append(facts.row.conversation_id)

    async def not_complaint(self, rest: str) -> None:
        """*Ini bukan keluhan*: the officer gets the message after all."""
        case_id, _, question_id = rest.partition(":")
        own = await apart.bring_back(
            self.runtime, self.connection, self.conversation, UUID(case_id), UUID(question_id), self.message_id
        )
        if own is None:
            await self.outdated()
        else:
            self.also.append(own)

    async def join(self, case_id: str) -> None:
        """*Ini kasus saya*: the case whose link was shown here and this conversation are one history."""
        joined = await joining.join_in(self.runtime, self.connection, self.conversation.id, UUID(case_id))
        await self.done("chat.joined" if joined else "chat.outdated_button")

    async def on_case(self, wish: Callable[[Tap, str], Awaitable[None]], about: UUID | None, rest: str) -> None:
        """Carry out what the citizen wants of the case `about`, if that is the one the button belongs to."""
        case_id, _, more = rest.partition(":")
        if about is None or str(about) != case_id:
            await self.outdated()
            return
        facts = await cases.load(self.connection, about)
        tap = Tap(self.runtime, self.connection, self.conversation, facts, self.message_id)
        try:
            await wish(tap, more)
        except Refusal:
            await self.outdated()
            return
        await self.settle()

    async def topic(self, kind: str, rest: str) -> None:
        """Answered as long as no officer has begun: afterwards a person owns the conversation (P4)."""
        topic, _, aspect = rest.partition(":")
        if self.conversation.owner_officer_id is not None:
            facts = await cases.load(self.connection, self.conversation.open_case_id)
            if facts.row.status != "assigned":
                await taking.message_arrived(self.runtime, self.connection, self.conversation, self.message_id)
                return
        if kind == "step":
            await self.step(rest)
            return
        if topic not in self.runtime.catalogue.topics or (aspect and aspect not in ASPECTS):
            await self.outdated()
            return
        await answering.give_answer(
            self.runtime, self.connection, self.conversation, self.message_id, topic, aspect or "overview", chosen=True,
        )

    async def step(self, rest: str) -> None:
        step = stepping.named(self.runtime, rest)
        if step is None:
            await self.outdated()
        else:
            await stepping.tell(
                self.runtime, self.connection, self.conversation, self.message_id, step, chosen=True
            )

    async def other(self, rest: str) -> AskInstead | None:
        """The text that reopened the case goes to the bot instead; an older one's button no longer means anything."""
        case_id, _, question_id = rest.partition(":")
        if not (await self._undone(case_id) or await self._undo(case_id, question_id)):
            await self.outdated()
            return None
        conversation = await ownership.lock(self.connection, self.conversation.id)
        row = (await self.connection.execute(
            select(messages.c.id, messages.c.body_enc).where(
                messages.c.id == UUID(question_id), messages.c.conversation_id == conversation.id
            )
        )).one()
        data_key = await self.runtime.keyring.open(self.connection, conversation.data_key_id)
        return AskInstead(str(unseal_json(data_key, row.id, row.body_enc).get("text", "")), conversation)

    async def _undo(self, case_id: str, question_id: str) -> bool:
        if str(self.conversation.open_case_id) != case_id:
            return False
        facts = await cases.load(self.connection, self.conversation.open_case_id)
        return await Tap(self.runtime, self.connection, self.conversation, facts, self.message_id).not_this(question_id)

    async def _undone(self, case_id: str) -> bool:
        """Whether this tap has undone the reopening already: the bot was away then, or its turn was killed."""
        return (await self.connection.execute(select(messages.c.id).where(
            messages.c.conversation_id == self.conversation.id, messages.c.in_reply_to == self.message_id,
            messages.c.author == "system", messages.c.case_id == UUID(case_id),
        ))).first() is not None

    async def outdated(self) -> None:
        await self.done("chat.outdated_button")

    async def done(self, text: str) -> None:
        await store(self.runtime, self.connection, self.conversation, [
            Outgoing("system", self.runtime.texts.say(text), in_reply_to=self.message_id)
        ])
        await self.settle()

    async def settle(self) -> None:
        await cases.settle(self.connection, self.message_id, "command", self.runtime.clock())


TO_A_PERSON: dict[str, Callable[[_Desk, str], Awaitable[None]]] = {
    "dispute": _Desk.dispute, "complain": _Desk.complain, "not_complaint": _Desk.not_complaint,
    "join": _Desk.join,
}

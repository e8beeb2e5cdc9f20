"""The turn: every waiting message of a conversation, oldest first, ends in exactly one fate (P1, design §3).

The job queue's lock orders turns; it does not fence them. What fences is the database: the conversation's lock, the
owner's epoch, and the fate that can be set once. A turn may therefore run twice, or be killed anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, exists, func, select

from handoff.bot import BotAway, BotFailed, BotReply
from handoff.domain import alarm, choosing, optout
from handoff.services.case import joining, taking
from handoff.services.post import sending
from handoff.services.rights import wishes as rights
from handoff.services.runtime import Runtime
from handoff.services.talk import (
    alarms,
    followup,
    introducing,
    newsletter,
    ownership,
    reminders,
    status,
    taps,
)
from handoff.services.talk.settling import Settlement
from handoff.store import db, queue
from handoff.store.crypto import unseal_json
from handoff.store.schema import conversations, messages

log = logging.getLogger(__name__)

AT_ONCE = 20  # messages that one turn settles while later ones have turns of their own
WAKE_SECONDS = 1.0  # how soon to ask a bot that is away again


@dataclass(frozen=True)
class Question:
    """A message of the citizen that has no fate yet, and the conversation as it was when it was read."""

    id: UUID
    kind: str
    body: dict[str, Any]
    conversation: Row[Any]
    outstanding: list[dict[str, str]]
    created_at: datetime
    waited: timedelta  # by the database's own clock
    last: bool  # no later one waited when it was read

    @property
    def text(self) -> str:
        """What the citizen wrote."""
        return str(self.body.get("text", ""))

    @property
    def payload(self) -> str | None:
        """The button that was tapped, or chosen in words among those offered last. A number chooses right after the
        offer only; typed to an officer it is a number, unless topics were offered."""
        if self.kind != "text":
            return self.body.get("payload")
        topics = any(button["payload"].startswith("topic:") for button in self.outstanding)
        numbers = self.conversation.owner_officer_id is None or topics
        numbers = numbers and self.conversation.author_before != "citizen"
        return choosing.chosen(self.text, self.outstanding, numbers=numbers)


Ask = Callable[["Runtime", Question], Awaitable[bool]]


async def drain(runtime: Runtime, conversation_id: UUID, until: UUID | None = None) -> bool:
    """Settle every waiting message of the conversation. False when the bot is away and the rest waits for it.

    `until` is the message that this turn was deferred for; the later ones have turns of their own, which are dropped
    as far as this one has done their work. It leaves them theirs when it has settled many, so that others get theirs.
    """
    done: set[UUID] = set()
    question = await _next(runtime, conversation_id)
    if question is None:  # settled before, by a turn that may have been killed before it sent
        await sending.dispatch(runtime, conversation_id)
    while question is not None:
        try:
            settled = await _settle(runtime, question)
        except BotAway:
            await queue.defer_wake(runtime.jobs, conversation_id, WAKE_SECONDS)
            return False
        await sending.dispatch(runtime, conversation_id)
        if settled:
            done.add(question.id)
        if until in done and (question.last or len(done) >= AT_ONCE):
            break
        question = await _next(runtime, conversation_id)
    if others := done - {until}:
        async with db.statement(runtime.pool) as connection:
            await queue.drop_turns(connection, conversation_id, others)
    return True


_this = messages.alias("this")
# What stood before it; what came after it was written is nothing that it could mean.
_before = select(messages.c.author, messages.c.buttons).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.seq < _this.c.seq,
    messages.c.kind != "note", messages.c.delivery != "withheld",
).order_by(messages.c.seq.desc()).limit(1).correlate(_this)
_offered = _before.with_only_columns(messages.c.buttons).where(messages.c.author != "citizen").scalar_subquery()
_author_before = _before.with_only_columns(messages.c.author).scalar_subquery()
_later = messages.alias("later")
_NEXT = (
    select(
        conversations, _this.c.id.label("message_id"), _this.c.kind, _this.c.body_enc,
        _this.c.created_at.label("asked_at"), _this.c.private.label("is_private"),
        (func.now() - _this.c.stored_at).label("waited"),
        _offered.label("offered"), _author_before.label("author_before"),
        exists().where(
            _later.c.conversation_id == conversations.c.id, _later.c.author == "citizen", _later.c.fate.is_(None),
            _later.c.seq > _this.c.seq,
        ).label("followed"),
    )
    .join(_this, _this.c.conversation_id == conversations.c.id)
    .where(conversations.c.id == bindparam("conversation"), _this.c.author == "citizen", _this.c.fate.is_(None))
    .order_by(_this.c.seq).limit(1)
)


async def drain_without_bot(runtime: Runtime, conversation_id: UUID, waited: timedelta) -> int:
    """The sweep's way (P3): what has waited for longer than `waited` goes to a person without asking Rasa; taps are
    carried out. Returns how many messages got their fate."""
    settled = 0
    while (question := await _next(runtime, conversation_id)) is not None:
        if question.waited < waited and question.created_at > runtime.clock() - waited:
            break
        await _settle_or_hand_over(runtime, question)
        await sending.dispatch(runtime, conversation_id)
        settled += 1
    return settled


async def _settle_or_hand_over(runtime: Runtime, question: Question) -> None:
    """What we fail to settle goes to a person, as if the bot had failed: else it waits, and all that follows it."""
    try:
        await _settle(runtime, question, ask=_bot_failed)
    except db.DatabaseAway:
        raise
    except Exception:
        log.exception("message %s could not be settled; it goes to an officer", question.id)
        await _bot_failed(runtime, question)


async def _next(runtime: Runtime, conversation_id: UUID) -> Question | None:
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(_NEXT, {"conversation": conversation_id})).one_or_none()
        if row is None:
            return None
        data_key = await runtime.keyring.open(connection, row.data_key_id)
    body = unseal_json(data_key, row.message_id, row.body_enc)
    return Question(row.message_id, row.kind, body, row, row.offered or [], row.asked_at, row.waited,
                    not row.followed)


async def _settle(runtime: Runtime, question: Question, ask: Ask | None = None) -> bool:
    """False when the question must be asked again. A new citizen is told first who this is, in danger afterwards."""
    due = introducing.is_due(question.conversation) and optout.wish(question.text) is not optout.Wish.stop
    danger = alarms.is_danger(question)
    if due and not danger:
        await introducing.introduce(runtime, question.conversation.id, question.id)
    settled = await _see_to(runtime, question, ask)
    if due and danger:
        await introducing.introduce(runtime, question.conversation.id, question.id)
    return settled


async def _see_to(runtime: Runtime, question: Question, ask: Ask | None) -> bool:
    conversation = question.conversation
    if question.kind == "text" and not alarms.is_danger(question):
        if await _wish(runtime, question):
            return True
        shown = await joining.offer(runtime, conversation, question.id, question.text)
        if conversation.channel == "whatsapp" and not shown:
            await newsletter.explain(runtime, conversation.id, question.id)
    if (payload := question.payload) is not None:
        other = await taps.carry_out(
            runtime, question.conversation.id, question.id, payload, str(question.body.get("comment") or "")
        )
        if other is None:
            return True
        # "Ini pertanyaan lain": the earlier text goes to the bot, as this tap's question
        question = replace(question, body={"text": other.text}, conversation=other.conversation)
        return await (ask or _ask)(runtime, question)
    if await alarms.answered(runtime, question):
        return True
    if question.kind == "contact":
        await taps.save_contact(runtime, question.conversation.id, question.id, question.body)
    elif question.conversation.owner_officer_id is not None or question.kind in ("file", "location"):
        await _to_officer(runtime, question, "unreadable_message")
    else:
        return await (ask or _ask)(runtime, question)
    return True


async def _wish(runtime: Runtime, question: Question) -> bool:
    """Whether the text says nothing but what becomes of the citizen's own data, or what we are to send unasked."""
    conversation = question.conversation
    if await rights.carried_out(runtime, conversation.id, question.id, question.text):
        return True
    if await newsletter.carried_out(runtime, conversation.id, question.id, question.text):
        return True
    return await reminders.carried_out(runtime, conversation, question.id, question.text, question.outstanding)


async def _bot_failed(runtime: Runtime, question: Question) -> bool:
    await _to_officer(runtime, question, "bot_failure")
    return True


async def _to_officer(
    runtime: Runtime, question: Question, reason: str, classification: dict[str, Any] | None = None
) -> None:
    """The message goes to the officer who owns the conversation, or to a new one for `reason`."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        if conversation.fate is not None:
            return
        if conversation.owner_officer_id is not None:
            await taking.message_arrived(runtime, connection, conversation, question.id)
        else:
            await taking.take_in(
                runtime, connection, conversation, question.id, reason=reason, classification=classification
            )


async def _ask(runtime: Runtime, question: Question) -> bool:
    conversation = question.conversation
    if await status.by_number(runtime, conversation, question.text):
        return await _status(runtime, question, {})
    try:
        plan = await followup.plan(runtime, conversation, question.text)
        if plan is not None:
            return await _planned(runtime, question, plan)
        hold = followup.may_need_context(runtime, conversation, question.text)
        reply = await runtime.bot.ask(conversation.id, question.id, question.text, {
            "hold_if_unclear": hold, "last_topic": conversation.last_topic,
            "last_answer_id": str(conversation.last_answer_id) if conversation.last_answer_id else None,
            "outstanding_buttons": question.outstanding, "case_open": conversation.open_case_id is not None,
        })
        if hold and reply.abstained and alarm.said(reply.classification()) is None:
            plan = await followup.unclear(runtime, conversation, question.text, reply)
            if plan is not None:
                return await _planned(runtime, question, plan)
    except BotFailed as failure:
        log.warning("the bot failed (%s); message %s goes to an officer", failure, question.id)
        return await _bot_failed(runtime, question)
    return await apply(runtime, question, reply)


async def apply(runtime: Runtime, question: Question, reply: BotReply) -> bool:
    """Carry out what Rasa said, if the conversation is still as it was when we asked."""
    if status.is_asked(reply) and question.conversation.last_case_id is None:
        return await _status(runtime, question, reply.classification())
    return await _unchanged(runtime, question, partial(Settlement.as_told, reply=reply))


async def _status(runtime: Runtime, question: Question, classification: dict[str, Any]) -> bool:
    """Look first, with no transaction open, then say it."""
    told = await status.look_up(runtime, question.conversation, question.text, classification)
    return await _unchanged(runtime, question, partial(Settlement.as_found, told=told))


async def _planned(runtime: Runtime, question: Question, plan: followup.Plan) -> bool:
    """Carry the plan out; a bribe that was read in a part of the message makes a report of all of it."""
    if plan.person is not None and not question.conversation.confidential and (
        alarm.nearly(plan.person.classification) is alarm.Alarm.bribery
    ):
        await alarms.report(runtime, question)
        return True
    return await _unchanged(runtime, question, partial(Settlement.as_planned, plan=plan))


async def _unchanged(
    runtime: Runtime, question: Question, settle: Callable[[Settlement], Awaitable[None]]
) -> bool:
    """Settle the question if the conversation is still as it was when it was read (design §3, step 4). False when it
    was taken over and handed back meanwhile: the question must be asked again."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        if conversation.fate is not None:
            return True  # a custom action opened the case, or the sweep did
        if conversation.owner_officer_id is not None:
            await taking.message_arrived(runtime, connection, conversation, question.id)
        elif conversation.owner_epoch != question.conversation.owner_epoch:
            return False
        else:
            await settle(Settlement(runtime, connection, conversation, question.id, question.text))
    return True

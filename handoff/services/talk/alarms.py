"""Messages that cannot wait for the bot (`domain.alarm`): heard before Rasa is asked, while an officer owns the
conversation, and by the sweep too."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import complaining
from handoff.domain.alarm import EMERGENCIES, Alarm, heard, taken_by
from handoff.services.case import apart, confidential, danger, taking
from handoff.services.people.office import Taker
from handoff.services.post import sending
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership, search
from handoff.services.talk.inbox import SAID
from handoff.store import db


class Asked(Protocol):
    """A message of the citizen without a fate, as a turn reads it."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def kind(self) -> str:
        """`text`, `file`, `location`, …"""

    @property
    def text(self) -> str:
        """What was written; of a file, what was written with it."""

    @property
    def conversation(self) -> Row[Any]:
        """The conversation as it was when the message was read."""


def is_danger(question: Asked) -> bool:
    """Whether somebody is in danger: nothing is said before the numbers that help."""
    return heard(question.text) in EMERGENCIES


async def answered(runtime: Runtime, question: Asked) -> bool:
    """Whether the message was not for the bot to answer: it has been given its fate here."""
    alarm = heard(question.text)
    if question.conversation.confidential and question.kind in SAID:
        await _to_person(runtime, question, alarm if alarm in EMERGENCIES else None)
    elif alarm in EMERGENCIES:
        await _to_person(runtime, question, alarm)
    elif alarm is Alarm.bribery and question.kind == "text":
        await report(runtime, question)
    elif question.kind == "text" and (question.conversation.is_private or _owned(question)) and (
        aim := complaining.heard(question.text)
    ) is not None:
        return await _complains(runtime, question, aim)
    elif alarm is Alarm.data_misuse and not _owned(question):
        return await _to_data_officer(runtime, question)
    else:
        return False
    return True


def _owned(question: Asked) -> bool:
    return question.conversation.owner_officer_id is not None


async def _complains(runtime: Runtime, question: Asked, aim: complaining.Aim) -> bool:
    """About the officer who would read it: somebody else does. False when it is about somebody else, or when the bot
    has the conversation by now, or nobody is left to read it; then it is no secret from who reads it."""
    facts = None
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        if conversation.fate is not None:
            return True
        if conversation.owner_officer_id is not None and (
            aim is complaining.Aim.you or await apart.is_about_owner(connection, conversation, question.text)
        ):
            facts = await apart.take_apart(runtime, connection, conversation, question.id, question.text)
        if facts is None:
            await confidential.show_to_officer(connection, question.id)
            await search.remember_again(runtime, connection, conversation)
    if facts is not None:
        await sending.dispatch(runtime, facts.row.conversation_id)
    return facts is not None


async def _to_person(runtime: Runtime, question: Asked, alarm: Alarm | None) -> None:
    """The message goes to its officer, in a confidential report to one whom it does not name; in danger the numbers
    that help come first, and the case is urgent."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        if conversation.fate is not None:
            return
        confidential_too = bool(conversation.confidential)
        if confidential_too:
            conversation = await confidential.keep_from_named(runtime, connection, conversation, question.text)
        if conversation.owner_officer_id is not None:
            await _to_owner(runtime, connection, conversation, question.id, alarm)
        elif alarm is not None:
            await taking.take_in(runtime, connection, conversation, question.id, reason="emergency",
                                 classification={"alarm": alarm.value})
        else:
            await taking.take_in(runtime, connection, conversation, question.id, reason="asked_for_officer")
        if confidential_too:
            await confidential.show_to_officer(connection, question.id)


async def _to_owner(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], message_id: UUID, alarm: Alarm | None
) -> None:
    if alarm is not None:
        await danger.tell_numbers(runtime, connection, conversation, message_id, alarm)
    facts = await taking.message_arrived(runtime, connection, conversation, message_id)
    if alarm is not None:
        await danger.mark(runtime, connection, conversation, facts, message_id, alarm)


async def report(runtime: Runtime, question: Asked) -> None:
    """A bribe: never in a shared thread, whoever owns it."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        facts = await confidential.take_down(runtime, connection, conversation, question.id)
    if facts is not None:
        await sending.dispatch(runtime, facts.row.conversation_id)


async def _to_data_officer(runtime: Runtime, question: Asked) -> bool:
    """False when somebody else has the conversation by now: then it is their message."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock_for(connection, question.conversation.id, question.id)
        if conversation.fate is not None:
            return True
        if conversation.owner_officer_id is not None:
            return False
        await taking.take_in(
            runtime, connection, conversation, question.id, reason="individual_matter",
            taker=Taker(role=taken_by(Alarm.data_misuse.value)), classification={"alarm": Alarm.data_misuse.value},
        )
    return True

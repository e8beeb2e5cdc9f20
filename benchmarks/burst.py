"""(d) Many citizens write at once, faster than the bot answers: how fast is it worked off, and is anything lost?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

from benchmarks.conversation import Conversation
from benchmarks.http import Client, connected
from benchmarks.questions import Asked, Question

POSTERS = 8
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Burst:
    """What became of it. Seconds from the first post: until all were acknowledged, and until the last reply was
    readable. `faults` says what was lost, doubled or out of order, a line each."""

    messages: int
    posted: float
    drained: float
    faults: list[str]

    @property
    def rate(self) -> float:
        """Messages a second, from the first post to the last reply."""
        return self.messages / self.drained


@dataclass(frozen=True)
class _Talk:
    conversation: Conversation
    questions: list[Question]


async def burst(port: int, questions: Asked, messages: int, conversations: int) -> Burst:
    """Posts `messages` over `conversations` by several connections at once, waits for the replies, checks each."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(port)) for _ in range(POSTERS)]
        talks = [_Talk(await Conversation.begin(clients[0]), list(islice(questions, messages // conversations)))
                 for _ in range(conversations)]
        began = perf_counter()
        await asyncio.gather(*(_post(client, talks[number::POSTERS]) for number, client in enumerate(clients)))
        posted = perf_counter() - began
        for talk in talks:
            await _until_answered(port, talk)
        drained = perf_counter() - began
        faults = [fault for talk in talks for fault in _faults(talk, await talk.conversation.read(clients[0]))]
    return Burst(sum(len(talk.questions) for talk in talks), posted, drained, faults)


async def _post(client: Client, talks: list[_Talk]) -> None:
    """One poster's conversations, a message of each in turn, so that all of them grow at once."""
    for questions in zip(*(talk.questions for talk in talks), strict=True):
        for talk, question in zip(talks, questions, strict=True):
            await talk.conversation.write(client, question.text)


async def _until_answered(port: int, talk: _Talk) -> None:
    """One conversation's last reply is waited for, then the next one's: listening to all of them would be load."""
    async with asyncio.timeout(PATIENCE_SECONDS), talk.conversation.heard(port, 2 * len(talk.questions) - 1) as heard:
        await heard.get()


def _faults(talk: _Talk, messages: list[dict[str, Any]]) -> list[str]:
    asked = [message["text"] for message in messages if message["author"] == "citizen"]
    answered = [message["answer"]["topic"] if message["answer"] else None for message in messages
                if message["author"] != "citizen"]
    found = []
    if [message["seq"] for message in messages] != list(range(1, 2 * len(talk.questions) + 1)):
        found.append("numbers")
    if asked != [question.text for question in talk.questions]:
        found.append("questions")
    if answered != [question.topic for question in talk.questions]:
        found.append("answers")
    return [f"{talk.conversation.id}: {what} lost, doubled or out of order" for what in found]

"""(a) Rasa's gateway channel alone, (b) the same through the gateway, (c) Rasa's default pipeline behind REST."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from time import perf_counter
from uuid import uuid4

from benchmarks.conversation import Conversation, answer_to
from benchmarks.figures import Timing
from benchmarks.http import connected
from benchmarks.questions import Asked, turn

QUESTIONS_A_CONVERSATION = 10

Asking = Callable[[Asked, int], Awaitable[Timing]]


def gateway_channel(rasa_port: int, token: str) -> Asking:
    """(a): what the gateway's worker asks of Rasa, asked directly."""

    async def ask(questions: Asked, count: int) -> Timing:
        timing = Timing()
        async with connected(rasa_port, Authorization=f"Bearer {token}") as rasa:
            for number, question in enumerate(islice(questions, count)):
                if number % QUESTIONS_A_CONVERSATION == 0:
                    conversation = str(uuid4())
                began = perf_counter()
                await rasa.call("POST", "/webhooks/gateway/webhook", turn(conversation, question.text))
                timing.each.append(perf_counter() - began)
        return timing

    return ask


def whole_way(port: int) -> Asking:
    """(b): from posting to the Chat API until the stored reply can be read, on the conversation's stream."""

    async def ask(questions: Asked, count: int) -> Timing:
        timing = Timing()
        async with connected(port) as web:
            for first in range(0, count, QUESTIONS_A_CONVERSATION):
                conversation = await Conversation.begin(web)
                async with conversation.heard(port) as heard:
                    for question in islice(questions, min(QUESTIONS_A_CONVERSATION, count - first)):
                        began = perf_counter()
                        seq = await conversation.write(web, question.text)
                        await answer_to(seq, heard)
                        timing.each.append(perf_counter() - began)
        return timing

    return ask


def rest(rasa_port: int) -> Asking:
    """(c): Rasa's own REST channel."""

    async def ask(questions: Asked, count: int) -> Timing:
        timing = Timing()
        async with connected(rasa_port) as rasa:
            for number, question in enumerate(islice(questions, count)):
                if number % QUESTIONS_A_CONVERSATION == 0:
                    conversation = str(uuid4())
                began = perf_counter()
                await rasa.call("POST", "/webhooks/rest/webhook", {"sender": conversation, "message": question.text})
                timing.each.append(perf_counter() - began)
        return timing

    return ask


async def clients(ask: Asking, questions: Asked, count: int, number: int = 1) -> Timing:
    """`count` questions by `number` clients at once."""
    began = perf_counter()
    parts = await asyncio.gather(*(ask(questions, count // number) for _ in range(number)))
    return Timing([seconds for part in parts for seconds in part.each], perf_counter() - began)

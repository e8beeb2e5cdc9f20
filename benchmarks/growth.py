"""(f) Does a reply take longer the longer a conversation is? The 500th message of one against the 5th of others."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

from benchmarks.conversation import Conversation, answer_to
from benchmarks.http import Client, connected
from benchmarks.questions import Asked, Question

EARLY, LATE = 5, 500
SAMPLES = 40


async def growth(port: int, questions: Asked) -> tuple[list[float], list[float]]:
    """Seconds to the reply: at the 5th message of fresh conversations, and around the 500th of one that has grown;
    the two are measured in turns, on one client."""
    early, late = [], []
    async with connected(port) as web:
        old = await Conversation.begin(web)
        async with old.heard(port) as heard_old:
            for _ in range(LATE - SAMPLES // 2):
                await _ask(web, old, heard_old, next(questions))
            for _ in range(SAMPLES):
                late.append(await _ask(web, old, heard_old, next(questions)))
                fresh = await Conversation.begin(web)
                async with fresh.heard(port) as heard:
                    for number in range(1, EARLY + 1):
                        seconds = await _ask(web, fresh, heard, next(questions))
                        if number == EARLY:
                            early.append(seconds)
    return early, late


async def _ask(web: Client, talk: Conversation, heard: asyncio.Queue[dict[str, Any]], question: Question) -> float:
    began = perf_counter()
    await answer_to(await talk.write(web, question.text), heard)
    return perf_counter() - began

"""What is asked: routine questions in slang, from the held-out set that the bot was never trained on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import yaml

from benchmarks.http import connected
from handoff.catalogue import load
from handoff.domain import asking
from handoff.settings import REPOSITORY, Settings


@dataclass(frozen=True)
class Question:
    """A text, and the topic that the bot answers it with."""

    text: str
    topic: str


async def routine(settings: Settings, rasa_port: int) -> list[Question]:
    """The slang questions that this model answers itself; what goes to a person is another path, with other costs."""
    catalogue = load(settings.catalogue)
    found = []
    async with connected(rasa_port, Authorization=f"Bearer {settings.internal_token}") as rasa:
        for text in _slang():
            said = await rasa.call("POST", "/webhooks/gateway/webhook", turn(str(uuid4()), text))
            custom = (said["replies"] or [{}])[0].get("custom") or {}
            topic = catalogue.topics.get(str(custom.get("topic")))
            if asking.questions(text) or asking.cuts(text) or len(asking.aspects(text)) > 1:
                continue  # may be two questions, with two answers
            if custom.get("do") == "answer" and topic and not topic.individual_matter and not said["abstained"]:
                found.append(Question(text, topic.id))
    if not found:
        raise RuntimeError("The bot answers none of the slang questions in tests/nlu/held_out.yml.")
    return found


Asked = Iterator[Question]


def endless(questions: list[Question]) -> Asked:
    """The questions, over and over, each about something else than the one before: who asks the same again and again
    gets an officer."""
    by_topic: dict[str, list[Question]] = {}
    for question in questions:
        by_topic.setdefault(question.topic, []).append(question)
    rounds = [[question for question in one if question] for one in itertools.zip_longest(*by_topic.values())]
    return itertools.cycle([question for one in rounds if len(one) > 1 for question in one])


def turn(conversation_id: str, text: str) -> dict[str, object]:
    """The body that the gateway posts to Rasa's gateway channel."""
    return {
        "conversation_id": conversation_id, "message_id": str(uuid4()), "text": text,
        "metadata": {"last_topic": None, "last_answer_id": None, "outstanding_buttons": [], "case_open": False,
                     "hold_if_unclear": False},
    }


def _slang() -> list[str]:
    held_out = yaml.safe_load((REPOSITORY / "tests" / "nlu" / "held_out.yml").read_text(encoding="utf-8"))
    return [
        example["text"] for intent in held_out["nlu"] for example in intent["examples"]
        if example["metadata"]["style"] == "slang"
    ]

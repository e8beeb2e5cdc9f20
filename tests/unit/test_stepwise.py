"""The same answer one step a message: nothing of it is lost, each step ends as every answer does and fits WhatsApp."""

from __future__ import annotations

import re
from datetime import date

import pytest

from handoff.catalogue import load, render, stepwise
from handoff.catalogue.schema import ASPECTS
from handoff.settings import REPOSITORY

TOPICS = load(REPOSITORY / "data" / "catalogue").topics


def flat(text: str) -> str:
    return re.sub(r"\W+", " ", text)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_every_answer_can_be_told_step_by_step(topic) -> None:
    for aspect in ASPECTS:
        count = stepwise.count(topic, aspect)
        steps = [stepwise.step(topic, aspect, number) for number in range(1, count + 1)]
        told = flat(" ".join(step.text for step in steps))
        for block in render.blocks(topic, aspect):
            assert all(flat(line.text).strip() in told for line in block.lines)
        for number, step in enumerate(steps, start=1):
            assert step.text.startswith(f"{topic.title}, bagian {number} dari {count}\n")
            assert step.sources
            assert step.text.splitlines()[-1].startswith(f"Sumber: {step.sources[0]}")
            assert "Diperiksa" in step.text.splitlines()[-1]
            assert len(step.text) <= render.MAX_LENGTH
            following = [f"step:{topic.id}:{aspect}:{number + 1}"] if number < count else []
            assert [button.payload for button in step.related] == following
            assert all(len(button.title) <= 20 for button in step.related)


def test_steps_to_be_taken_come_one_by_one_and_short_lists_together() -> None:
    assert stepwise.step(TOPICS["ktp_hilang"], "steps", 1).text.splitlines()[1] == "Langkah 1:"
    requirements = stepwise.step(TOPICS["ktp_hilang"], "requirements", 1).text
    assert requirements.splitlines()[1] == "Syarat:"
    assert requirements.count("• ") > 1


def test_an_answer_that_became_shorter_ends_with_its_last_step() -> None:
    topic = TOPICS["ktp_hilang"]
    assert stepwise.step(topic, "fee", 99) == stepwise.step(topic, "fee", stepwise.count(topic, "fee"))
    assert stepwise.step(topic, "fee", 0) == stepwise.step(topic, "fee", 1)


def test_a_step_of_an_entry_overdue_for_review_says_so() -> None:
    assert "diperiksa ulang" in stepwise.step(TOPICS["ktp_hilang"], "fee", 1, date(2099, 1, 1)).text

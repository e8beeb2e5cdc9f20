"""The same question again after its answer: the officer is offered, and the third time given the question."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.catalogue import render
from handoff.services.talk import turn
from tests.support.citizen import Citizen, answers, reply

pytestmark = pytest.mark.parametrize("postgres", [16], indirect=True, ids=["pg16"])  # one is enough

LOST, FEE = answers("ktp_hilang"), reply({"do": "aspect", "aspect": "fee"}, intent="tanya_biaya")


async def test_p03_the_second_time_the_officer_is_offered_and_the_third_the_case_opens(runtime):
    citizen = await Citizen.arrives(runtime)
    (first,) = await citizen.asks("ktp sy ilang", LOST)
    second = await citizen.asks("ktp saya hilang gimana", LOST)
    assert "jawaban yang sama" in second[0]["text"]
    assert second[-1]["answer"]["topic"] == "ktp_hilang"
    assert second[-1]["text"].endswith(first["text"])
    assert "Bicara dengan petugas" in [b["title"] for b in second[-1]["buttons"]]
    (third,) = await citizen.asks("KTP HILANG!!", LOST)
    assert (third["case"]["reason"], (await citizen.case()).topic) == ("repeated_question", "ktp_hilang")
    assert await citizen.fates() == ["answer", "answer", "new_case"]


async def test_another_question_in_between_a_tap_and_another_day_are_no_complaint(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    for bot in (LOST, FEE, LOST, FEE):
        await citizen.asks("x", bot)
    await citizen.taps("Syarat")
    await citizen.taps("Syarat")
    await citizen.asks("ktp ilang", LOST)
    clock.forward(timedelta(days=2))
    (again,) = await citizen.asks("ktp ilang", LOST)
    assert "jawaban yang sama" not in again["text"]
    assert set(await citizen.fates()) == {"answer"}


async def test_who_writes_twice_before_there_is_an_answer_does_not_repeat_it(runtime):
    citizen = await Citizen.arrives(runtime)
    for text in ("ktp ilang", "ktp ilang", "ktp ilang pak"):
        await citizen.writes(text)
    for _ in range(3):
        await citizen.hears(LOST)
    assert await citizen.fates() == ["answer"] * 3


async def test_an_aspect_in_words_counts_as_the_question_that_it_is(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp ilang", LOST)
    await citizen.asks("brp duitnya", FEE)
    for _ in range(2):
        await citizen.writes("biayanya?")
        await turn.drain(runtime, citizen.id)
    assert await citizen.fates() == ["answer", "answer", "answer", "new_case"]
    assert (await citizen.case()).reason == "repeated_question"


async def test_the_offer_fits_whatsapp_before_the_longest_answer_too(runtime):
    topics = [topic for topic in runtime.catalogue.topics.values() if not topic.individual_matter]
    longest = max(topics, key=lambda topic: len(render.answer(topic).text))
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("apa", answers(longest.id))
    said = await citizen.asks("apa", answers(longest.id))
    assert "jawaban yang sama" in said[0]["text"]
    assert all(len(message["text"]) <= render.MAX_LENGTH for message in said)
    assert (said[-1]["answer"]["topic"], said[0]["delivery"]) == (longest.id, "sent")

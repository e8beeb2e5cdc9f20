"""What is typed instead of tapped: one of the buttons offered last, by number, order or title; else a question."""

from __future__ import annotations

import pytest

from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from tests.support.citizen import UNSURE, Citizen, answers, reply

pytestmark = pytest.mark.parametrize("postgres", [16], indirect=True, ids=["pg16"])  # one is enough

WHICH = reply({"do": "aspect", "aspect": "fee"}, intent="tanya_biaya")


async def types(citizen: Citizen, text: str) -> dict:
    """The text is settled without Rasa (nobody listens there); the last message of the conversation."""
    await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return (await citizen.sees())[-1]


@pytest.mark.parametrize("text", ["2", "yang kedua", "nomor dua kak", "kk baru", "KK bru"])
async def test_a_typed_choice_is_answered_as_the_tap_would_be(runtime, text):
    citizen = await Citizen.arrives(runtime)
    (asked,) = await citizen.asks("biayanya berapa", WHICH)
    assert asked["buttons"][1] == {"title": "KK baru", "payload": "aspect:kk_baru:fee"}
    said = await types(citizen, text)
    assert (said["answer"]["topic"], said["answer"]["aspect"], said["answer"]["confidence"]) == ("kk_baru", "fee", None)
    assert await citizen.fates() == ["answer", "answer"]


async def test_without_an_outstanding_button_a_number_is_a_question(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("2", UNSURE)
    assert (await citizen.case()).reason == "low_confidence"


async def test_only_what_was_offered_before_it_was_written_can_be_meant(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("biayanya berapa")
    await citizen.writes("2")  # written before anything was offered
    await citizen.hears(WHICH)
    question = await turn._next(runtime, citizen.id)
    assert (question.text, question.payload) == ("2", None)


async def test_p04_a_number_typed_to_an_officer_is_a_number_and_a_guess_is_still_chosen(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp anu", UNSURE)
    assert (await types(citizen, "1"))["answer"]["topic"] == "ktp_hilang"  # the nearest reading
    await inbox.receive(runtime, citizen.id, Inbound.text("anak saya berapa"))
    await turn.drain(runtime, citizen.id)
    await types(citizen, "1")
    assert await citizen.fates() == ["new_case", "answer", "case", "case"]


async def test_p05_nobody_withdraws_a_case_by_a_number(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau bicara", reply(intent="minta_petugas"))
    card = (await citizen.sees())[-1]
    assert [b["title"] for b in card["buttons"]] == ["Tanya bot lagi", "Batalkan kasus"]
    await types(citizen, "2")
    assert (await citizen.case()).status == "assigned"
    await types(citizen, "batalkan kasus")
    assert (await citizen.case()).closed_reason == "withdrawn"


async def test_a_title_typed_after_an_answer_is_its_button(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert (await types(citizen, "cara mengurus"))["answer"]["aspect"] == "steps"

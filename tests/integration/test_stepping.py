"""Bingung: the same answer one step a message, each accountable; who is still lost gets a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.catalogue import stepwise
from handoff.services.talk import publications, turn
from handoff.store import db
from handoff.store import schema as tables
from tests.support.citizen import Citizen, answers
from tests.support.rasa import reading, understanding

pytestmark = pytest.mark.parametrize("postgres", [16], indirect=True, ids=["pg16"])  # one is enough


async def types(citizen: Citizen, text: str) -> dict:
    """The text is settled without Rasa; the last message of the conversation."""
    await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return (await citizen.sees())[-1]


@pytest.fixture
async def told(runtime) -> Citizen:
    """Somebody who was told about a lost KTP."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    return citizen


async def test_a_tap_on_bingung_tells_the_first_step(runtime, told):
    await told.taps("Bingung")
    said = (await told.sees())[-1]
    assert "bagian 1 dari" in said["text"]
    assert "Bingung" not in [b["title"] for b in said["buttons"]]  # there is no plainer way than this one: a person


@pytest.mark.parametrize("how", ["tap", "lanjut", "ya kak"])
async def test_p08_one_step_a_message_by_tap_or_word_to_the_end(runtime, told, how):
    count = stepwise.count(runtime.catalogue.topics["ktp_hilang"], "overview")
    said = await types(told, "bingung pak")
    for number in range(1, count + 1):
        assert f"bagian {number} dari {count}" in said["text"]
        assert (said["answer"]["topic"], said["answer"]["aspect"]) == ("ktp_hilang", "overview")
        titles = [b["title"] for b in said["buttons"]]
        assert titles == [*(["Lanjut"] if number < count else []), "Jawaban ini salah", "Bicara dengan petugas"]
        assert said["answer"]["sources"][0] in said["text"].splitlines()[-1]
        if number == count:
            break
        if how == "tap":
            await told.taps("Lanjut")
            said = (await told.sees())[-1]
        else:
            said = await types(told, how)
    assert set(await told.fates()) == {"answer"}
    async with db.transaction(runtime.pool) as connection:
        steps = (await connection.execute(
            select(tables.answers.c.step).where(tables.answers.c.step.isnot(None)).order_by(tables.answers.c.step)
        )).scalars().all()
    assert steps == list(range(1, count + 1))
    await told.taps("Jawaban ini salah")
    assert (await told.case()).topic == "ktp_hilang"


async def test_p03_lost_again_in_the_steps_is_a_case(told):
    await types(told, "maksudnya gimana")
    card = await types(told, "tetap bingung, masih belum paham")
    assert card["case"]["reason"] == "repeated_question"
    assert (await told.case()).topic == "ktp_hilang"


async def test_lost_without_an_answer_is_for_rasa(runtime):
    async with understanding(runtime, {"bingung": reading("sapa")}) as (knows, seen):
        fresh = await Citizen.arrives(runtime)
        await fresh.writes("bingung")
        assert await turn.drain(knows, fresh.id)
    assert seen == ["bingung"]


async def test_the_name_of_the_button_is_a_tap_on_it_days_later_too(told, clock):
    clock.forward(timedelta(days=2))
    said = await types(told, "bingung")
    assert "bagian 1 dari" in said["text"]


async def test_p08_a_suspended_answer_is_not_told_in_steps_either(runtime, told):
    await types(told, "bingung")
    async with db.transaction(runtime.pool) as connection:
        head = (await connection.execute(select(tables.officers).where(tables.officers.c.role == "head"))).first()
    await publications.suspend(runtime, head, "ktp_hilang", "keliru")
    await told.taps("Lanjut")
    assert (await told.case()).reason == "suspended_answer"


async def test_being_lost_does_not_make_a_question_a_repeated_one(told):
    await types(told, "bingung")
    (again,) = await told.asks("ktp ilang", answers("ktp_hilang"))
    assert "jawaban yang sama" in again["text"]  # the second time, not the third

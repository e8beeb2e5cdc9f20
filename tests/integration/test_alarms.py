"""Danger is heard before the bot is asked: the numbers first, then an urgent case; misused data goes to its officer."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.domain.case import Role
from handoff.services.case import verbs
from handoff.services.case.case_steps import doings
from handoff.services.case.cases import load
from handoff.services.deadlines import sweep
from handoff.services.talk import answering, turn
from handoff.services.views import lists
from handoff.store import db
from handoff.store.schema import officers, units
from handoff.store.schema_record import case_events
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.office import open_case, person
from tests.support.rasa import with_bot

NOBODY_THERE = "http://127.0.0.1:9"


async def says(citizen: Citizen, text: str) -> list[dict]:
    receipt = await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return await citizen.sees(after=receipt.seq)


async def events_of(runtime, case_id) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(case_events.c.type).where(case_events.c.case_id == case_id).order_by(case_events.c.seq)
        )).scalars())


async def unit_of(runtime, officer_id) -> str:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(
            select(units.c.slug).join(officers, officers.c.unit_id == units.c.id).where(officers.c.id == officer_id)
        )).scalar_one()


async def test_an_emergency_gets_the_numbers_first_then_an_urgent_case_without_rasa(runtime):
    citizen = await Citizen.arrives(with_bot(runtime, NOBODY_THERE))
    numbers, card = await says(citizen, "suami mukulin saya, takut")
    first, *others = (line for line in numbers["text"].splitlines() if ": " in line)
    assert first == "Nomor darurat Kabupaten Contoh: 000-0112 (nomor contoh)"
    assert "Polisi: 110" in others
    case = await citizen.case()
    assert (case.reason, case.urgent, case.status) == ("emergency", True, "assigned")
    assert case.number in card["text"]
    assert "mendesak" in card["text"]
    assert await unit_of(runtime, case.officer_id) == "sosial"
    assert await events_of(runtime, case.id) == ["opened", "marked_urgent"]
    assert await citizen.fates() == ["new_case"]


async def test_an_office_without_numbers_opens_the_urgent_case_all_the_same(runtime):
    office = runtime.catalogue.office.model_copy(update={"emergency": None})
    bare = dataclasses.replace(runtime, catalogue=dataclasses.replace(runtime.catalogue, office=office))
    citizen = await Citizen.arrives(bare)
    said, _ = await says(citizen, "saya mau bunuh diri")
    assert "orang terdekat" in said["text"]
    assert "tidak sendirian" in said["text"]
    assert (await citizen.case()).urgent


async def test_while_an_officer_talks_the_case_becomes_urgent_by_an_event_once(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    officer = await citizen.officer()
    await verbs.take_over(runtime, officer, (await citizen.case()).id)
    assert len(await says(citizen, "pak tolong, anak saya dipukul bapaknya")) == 1  # the numbers; the officer answers
    assert await says(citizen, "dipukul lagi barusan") == []  # they were told
    case = await citizen.case()
    assert (case.urgent, case.reason, case.officer_id) == (True, "low_confidence", officer.id)
    events = await events_of(runtime, case.id)
    assert (events.count("marked_urgent"), events.count("citizen_message")) == (1, 2)
    async with db.transaction(runtime.pool) as connection:
        facts = await load(connection, case.id)
    assert "Kasus ini ditandai mendesak." in [step.text for step in (await doings(runtime, facts)).steps]


async def test_urgent_cases_come_first_in_the_queue_whatever_their_deadline(runtime, clock):
    await open_case(runtime, topic="bansos_cek")
    clock.forward(timedelta(hours=2))
    citizen = await Citizen.arrives(runtime)
    await says(citizen, "rumah kebanjiran anak demam belum makan")
    head = await person(runtime, "head", "sosial")
    shown = await lists.queue(runtime, head, lists.Wanted(scope="unit"))
    assert [line["urgent"] for line in shown] == [True, False]
    assert shown[0]["number"] == (await citizen.case()).number


async def test_queue_and_case_page_show_the_badge(served):
    citizen = await Citizen.arrives(served.runtime)
    await says(citizen, "saya disekap majikan tolong")
    desk = await served.desk(await citizen.officer())
    for page in ("/petugas", f"/petugas/kasus/{(await citizen.case()).number}"):
        assert "</span> Mendesak</strong>" in (await desk.get(page)).text


async def test_a_closed_case_is_reopened_as_urgent(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    await citizen.taps("Batalkan kasus")
    await says(citizen, "saya dianiaya tetangga")
    case = await citizen.case()
    assert (case.status, case.urgent) == ("in_progress", True)


async def test_the_sweep_hears_it_too(queued_runtime, clock):
    citizen = await Citizen.arrives(with_bot(queued_runtime, NOBODY_THERE))
    await citizen.writes("anak saya diculik")
    clock.forward(timedelta(seconds=61))
    await sweep.once(citizen.runtime)
    assert ((await citizen.case()).reason, (await citizen.case()).urgent) == ("emergency", True)


@pytest.mark.parametrize("text", ["ktp saya dipakai pinjol padahal tidak pernah pinjam", "data saya disalahgunakan"])
async def test_misused_data_goes_to_the_data_officer(runtime, text):
    citizen = await Citizen.arrives(with_bot(runtime, NOBODY_THERE))
    (card,) = await says(citizen, text)
    case, officer = await citizen.case(), await citizen.officer()
    assert (officer.role, case.reason, case.unit_id) == ("data_officer", "individual_matter", officer.unit_id)
    assert officer.title in card["text"]


@pytest.mark.parametrize("unsure", [False, True])
async def test_danger_that_only_the_bot_hears_is_an_emergency_too(runtime, unsure):
    citizen = await Citizen.arrives(runtime)
    numbers, card = await citizen.asks("titip anak anak ya, saya pamit", reply(intent="darurat", abstained=unsure))
    assert "Polisi: 110" in numbers["text"]
    case = await citizen.case()
    assert (case.reason, case.urgent, await unit_of(runtime, case.officer_id)) == ("emergency", True, "sosial")
    assert case.number in card["text"]
    assert await events_of(runtime, case.id) == ["opened", "marked_urgent"]


async def test_an_action_that_opens_the_case_for_danger_opens_an_emergency_once(runtime):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("titip anak anak ya, saya pamit")
    classification = reply(intent="darurat", confidence=0.2, abstained=True).classification()
    for _ in range(2):
        await answering.open_for_bot(
            runtime, citizen.id, receipt.message_id, reason="low_confidence", topic=None, answer_id=None,
            classification=classification,
        )
    case = await citizen.case()
    assert (case.reason, case.urgent) == ("emergency", True)
    assert [m["author"] for m in await citizen.sees(after=receipt.seq)] == ["system", "system"]


async def test_misused_data_that_only_the_bot_hears_goes_to_the_data_officer(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("kok saya jadi direktur PT", reply(intent="data_disalahgunakan", abstained=True))
    assert (await citizen.officer()).role == "data_officer"


async def test_a_wish_to_be_forgotten_goes_to_the_data_officer(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("hapus data saya", reply(intent="hapus_data"))
    assert (await citizen.officer()).role == "data_officer"


async def test_what_was_only_guessed_to_be_such_a_wish_stays_with_the_services(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("semua", reply(intent="hapus_data", confidence=0.2, abstained=True))
    assert (await citizen.officer()).role == "officer"


async def test_without_a_data_officer_a_head_of_unit_answers_by_name(runtime):
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(officers.update().where(officers.c.role == Role.data_officer).values(active=False))
    citizen = await Citizen.arrives(runtime)
    await says(citizen, "data saya disalahgunakan")
    assert (await citizen.officer()).role == "head"


async def test_an_ordinary_question_is_the_bots(runtime):
    citizen = await Citizen.arrives(runtime)
    (given,) = await citizen.asks("KTP saya mati", answers("ktp_ubah_data"))
    assert given["answer"]["topic"] == "ktp_ubah_data"

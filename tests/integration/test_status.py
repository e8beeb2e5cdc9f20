"""`cek_status`: a case of ours, an application at an agency, and the honest word when neither can be seen."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from handoff.connectors import Connectors, load
from handoff.domain import number as case_number
from handoff.services.case import verbs
from handoff.services.case.cases import key_of
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import answers as given_answers
from handoff.store.schema import conversations
from tests.support.agency import agency, described, written
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import open_case
from tests.support.rasa import with_bot

STATUS = answers("cek_status")
NO_RASA = "http://127.0.0.1:9"


async def says(citizen: Citizen, text: str) -> str:
    """What follows the text, without Rasa."""
    silent = Citizen(with_bot(citizen.runtime, NO_RASA), citizen.id, citizen.keys)
    receipt = await silent.writes(text)
    assert await turn.drain(silent.runtime, silent.id)
    return "\n".join(m["text"] for m in await silent.sees(after=receipt.seq))


async def with_case(runtime) -> tuple[Citizen, object, object]:
    """A citizen with a case, to whom the bot talks again."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    await citizen.taps("Tanya bot lagi")
    return citizen, await citizen.case(), await citizen.officer()


@pytest.fixture
async def served_agency(runtime, tmp_path):
    """The agency's server, and the runtime with a connector to it."""
    async with agency() as there:
        folder = written(tmp_path / "connectors", "izin", described(there.url))
        topics = frozenset(runtime.catalogue.topics)
        connectors = Connectors(load(folder, {"IZIN_TOKEN": "x"}, topics))
        yield there, dataclasses.replace(runtime, connectors=connectors)
        await connectors.close()


async def under_way(runtime, citizen: Citizen, there) -> asyncio.Task:
    """The conversation's turn, which has just asked the agency."""
    working = asyncio.create_task(turn.drain(runtime, citizen.id))
    async with asyncio.timeout(10):
        await there.happened.wait()
    return working


# --- a case of ours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["{0}", "kasus {1}", "status kasus {1} gmn"])
async def test_whose_conversation_it_is_learns_officer_times_and_the_last_step(runtime, spelled):
    citizen, case, officer = await with_case(runtime)
    said = await says(citizen, spelled.format(case.number, case.number.replace("-", " ")))
    for told in (case.number, "menunggu dibaca petugas", officer.name, officer.title, "Dibalas paling lambat: Selasa",
                 "Selesai paling lambat", "Langkah terakhir", "Anda bertanya lagi kepada bot"):
        assert told in said
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(select(given_answers))).one()
    assert (row.topic, row.sources, row.intent) == ("cek_status", ["Catatan kasus di kantor ini"], None)  # P8


async def test_without_a_number_the_open_case_of_the_conversation_is_meant(runtime):
    citizen, case, officer = await with_case(runtime)
    await verbs.reply(runtime, officer, case.id, "Hari ini saya cek.")
    await citizen.taps("Tanya bot lagi")
    (said,) = await citizen.asks("sampai mana ya prosesnya", STATUS)
    assert "sedang ditangani petugas" in said["text"]
    assert said["case"]["number"] == case.number
    assert "Dibalas paling lambat" not in said["text"]  # that promise was kept


async def test_a_stranger_with_the_number_learns_nothing_and_not_even_whether_it_exists(runtime):
    _, case, officer = await with_case(runtime)
    stranger = await Citizen.arrives(runtime)
    nobodys = case_number.new(lambda most: 7000001 % most)
    existing, none = await says(stranger, case.number), await says(stranger, nobodys)
    assert existing.replace(case.number, "…") == none.replace(nobodys, "…")
    assert officer.name not in existing
    assert "tautan lengkap" in existing
    assert "Bicara dengan petugas" in [b["title"] for b in (await stranger.sees())[-1]["buttons"]]


async def test_who_pastes_the_link_with_its_key_learns_it_and_no_officer_sees_the_key(runtime):
    _, case, officer = await with_case(runtime)
    other = await Citizen.arrives(runtime)
    key = key_of(runtime, case.id, case.key_version)
    link = f"http://localhost:8080/kasus/{case.number}?k={key}"
    assert officer.name in await says(other, link)
    assert officer.name not in await says(other, link.replace(key, "x" * len(key)))
    await other.taps("Bicara dengan petugas")
    theirs = await other.case()
    full = await desk.case_in_full(runtime, await other.officer(), theirs.number)
    assert case.number in str(full)
    assert key not in str(full)


async def test_of_a_confidential_report_nothing_is_said_even_with_its_key(runtime):
    case = await open_case(runtime, reason="complaint", topic="pengaduan_pungli")
    other = await Citizen.arrives(runtime)
    said = await says(other, f"/kasus/{case.number}?k={key_of(runtime, case.id, 0)}")
    assert "tautan lengkap" in said


async def test_after_the_closing_a_number_reopens_as_any_message_does(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    await citizen.taps("Batalkan kasus")
    await citizen.asks(f"status {(await citizen.case()).number}", STATUS)
    assert (await citizen.case()).status == "in_progress"  # P5


async def test_without_a_connector_the_place_is_the_desk_of_what_was_talked_about(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("bansos saya", answers("bansos_cek"))
    assert "Tempat: Dinas Sosial" in (await citizen.asks("cek status", STATUS))[-1]["text"]
    (said,) = await (await Citizen.arrives(runtime)).asks("cek status", STATUS)
    assert "Tempat: Dinas Kependudukan" in said["text"]


# --- an agency's ------------------------------------------------------------------------------------------------------


async def test_an_application_is_told_as_the_agencys_word_with_its_date(served_agency):
    there, runtime = served_agency
    citizen = await Citizen.arrives(runtime)
    said = await says(citizen, "cek izn-2026-0001")
    for told in ("Menurut Dinas Perizinan Contoh, per 20 November 2026: Berkas sedang diperiksa petugas.",
                 "Petugas di sana: Endang Sulastri.", "bukan oleh mesin"):
        assert told in said
    assert there.asked == ["/permohonan/IZN-2026-0001/status?v=1"]


@pytest.mark.parametrize("state", ["DITOLAK", "disetujui", "KODE 77"])
async def test_p12_a_state_that_decides_or_is_unknown_is_quoted(served_agency, state):
    there, runtime = served_agency
    there.state = state
    said = await says(await Citizen.arrives(runtime), "IZN-2026-0001")
    assert f"Dinas Perizinan Contoh, per 20 November 2026, status nomor IZN-2026-0001 tertulis: “{state}”" in said


@pytest.mark.parametrize(("mode", "told"), [
    ("unknown", "tidak menemukan nomor IZN-2026-0001"), ("error", "tidak bisa melihat status"),
    ("html", "tidak bisa melihat status"), ("slow", "tidak bisa melihat status"),
])
async def test_when_it_fails_the_bot_says_so_says_where_and_offers_the_officer(served_agency, mode, told):
    there, runtime = served_agency
    there.mode = mode
    citizen = await Citizen.arrives(runtime)
    said = await says(citizen, "IZN-2026-0001")
    assert told in said
    assert "Nama saja tidak cukup" in said  # the catalogue's entry
    assert "Tempat: Dinas Perizinan" in said  # the desk that knows of such a number
    assert "Bicara dengan petugas" in [b["title"] for b in (await citizen.sees())[-1]["buttons"]]
    assert await citizen.fates() == ["answer"]


async def test_the_number_that_was_asked_for_needs_no_rasa(served_agency):
    _, runtime = served_agency
    citizen = await Citizen.arrives(runtime)
    (asked,) = await citizen.asks("izin saya sampai mana", STATUS)
    assert "contoh nomor IZN-2026-0001" in asked["text"]
    assert "Menurut Dinas" in await says(citizen, "oh ya ini nomornya, dapat dari loket dua: IZN-2026-0007")


async def test_without_a_connector_the_bot_says_that_it_cannot_see_it(runtime):
    citizen = await Citizen.arrives(runtime)
    (said,) = await citizen.asks("permohonan ktp saya sampai mana", STATUS)
    assert said["text"].startswith("Saya tidak bisa melihat permohonan di instansi")
    assert "Nama saja tidak cukup" in said["text"]


async def test_no_connection_of_ours_is_held_while_the_agency_thinks(served_agency, clock):
    """One connection in the pool, and it is free while the slow agency is waited for."""
    there, runtime = served_agency
    there.mode = "slow"
    lone = dataclasses.replace(with_bot(runtime, NO_RASA), pool=db.engine(runtime.settings.database_url, 1))
    citizen = await Citizen.arrives(lone)
    await citizen.writes("IZN-2026-0001")
    working = await under_way(lone, citizen, there)
    async with asyncio.timeout(0.5), db.statement(lone.pool) as connection:
        assert (await connection.execute(select(conversations.c.id))).scalars().all() == [citizen.id]
    assert not working.done()
    assert await working
    await lone.pool.dispose()


async def test_who_took_the_conversation_meanwhile_gets_the_message(served_agency):
    there, runtime = served_agency
    citizen, case, officer = await with_case(runtime)
    there.mode = "slow"
    silent = Citizen(with_bot(runtime, NO_RASA), citizen.id, citizen.keys)
    await silent.writes("IZN-2026-0001")
    working = await under_way(silent.runtime, silent, there)
    await verbs.take_over(runtime, officer, case.id)
    assert await working
    assert (await silent.fates())[-1] == "case"


@pytest.mark.parametrize("hour", ["00:30", "06:59", "07:00", "23:59"])
async def test_what_was_seen_today_was_seen_on_the_offices_day_also_before_seven_in_the_morning(
    runtime, clock, hour
):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    await citizen.taps("Tanya bot lagi")
    clock.set(datetime.fromisoformat(f"2026-12-10T{hour}+07:00").astimezone(UTC))  # as the machine tells it
    await citizen.writes((await citizen.case()).number)
    await turn.drain(runtime, citizen.id)
    assert (await citizen.sees())[-1]["answer"]["reviewed"] == "2026-12-10"

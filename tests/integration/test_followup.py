"""Texts that mean something only with what was said before, and messages with two questions: both, or a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.domain import alarm
from handoff.services.deadlines import sweep
from handoff.services.talk import inbox, late, publications, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store import schema as tables
from tests.support.citizen import Citizen, answers
from tests.support.office import person
from tests.support.rasa import reading, understanding

pytestmark = pytest.mark.parametrize("postgres", [16], indirect=True, ids=["pg16"])  # one is enough


async def says(runtime, citizen: Citizen, text: str) -> list[dict[str, Any]]:
    """The text is settled by that runtime; what came after it."""
    receipt = await citizen.writes(text)
    assert await turn.drain(runtime, citizen.id)
    return await citizen.sees(after=receipt.seq)


def given(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(m["answer"]["topic"], m["answer"]["aspect"]) for m in messages if m["answer"]]


@pytest.fixture
async def after_a_lost_ktp(runtime) -> Citizen:
    """Somebody who was told about a lost KTP."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    return citizen


@pytest.mark.parametrize(("text", "aspect"), [
    ("biayanya?", "fee"), ("berapa lama?", "time"), ("syaratnya apa aja", "requirements"), ("di mana", "place"),
    ("langkahnya", "steps"), ("caranya gimana kak", "steps"),
])
async def test_an_aspect_in_so_many_words_is_of_the_topic_before_and_needs_no_bot(
    runtime, after_a_lost_ktp, text, aspect
):
    said = await says(runtime, after_a_lost_ktp, text)  # nobody listens where this runtime's Rasa should be
    assert given(said) == [("ktp_hilang", aspect)]
    assert said[0]["answer"]["confidence"] is None  # nothing was guessed


async def test_how_long_somebody_has_waited_said_after_the_answer_is_a_case_once_it_is_late(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy kok blm jadi", answers("ktp_belum_jadi"))
    assert given(await says(runtime, citizen, "baru 5 hari")) == [("ktp_belum_jadi", "time")]
    (card,) = await says(runtime, citizen, "udah 3 bulan kak")
    assert (card["case"]["reason"], (await citizen.case()).topic) == ("individual_matter", "ktp_belum_jadi")


async def test_a_question_about_the_office_in_between_does_not_change_the_topic(runtime, after_a_lost_ktp):
    await after_a_lost_ktp.asks("jam buka?", answers("jam_layanan"))
    assert given(await says(runtime, after_a_lost_ktp, "biayanya?")) == [("ktp_hilang", "fee")]


@pytest.mark.parametrize(("read", "topic"), [
    ({"kalau rusak?": reading("ktp_rusak", 0.4), "ktp kalau rusak?": reading("ktp_rusak")}, "ktp_rusak"),
    # read alone it resembles another family; behind "ktp" it does not
    ({"kalau rusak?": reading("kk_hilang_rusak", 0.7, "ktp_rusak"), "ktp kalau rusak?": reading("ktp_rusak")},
     "ktp_rusak"),
])
async def test_a_short_text_is_read_again_with_the_family_of_the_topic_before(
    runtime, after_a_lost_ktp, read, topic
):
    async with understanding(runtime, read) as (knows, _):
        (said,) = await says(knows, after_a_lost_ktp, "kalau rusak?")
    assert (said["answer"]["topic"], said["answer"]["confidence"]) == (topic, 0.9)  # of the reading that it rests on


LAPSED, DANGER = "kalo udah mati sehari gmn", reading("darurat", 0.5, "sim_perpanjang")


@pytest.mark.parametrize(("last", "read", "topic"), [
    ("sim_perpanjang", {f"sim {LAPSED}": reading("sim_perpanjang")}, "sim_perpanjang"),
    ("sim_baru", {f"sim {LAPSED}": reading("sim_perpanjang")}, "sim_perpanjang"),
    ("skck", {f"SKCK {LAPSED}": reading("skck")}, "skck"),  # has no family: behind its title
    ("pajak_kendaraan", {f"pajak {LAPSED}": reading("pbb", 0.3),
                         f"Pajak kendaraan {LAPSED}": reading("pajak_kendaraan")}, "pajak_kendaraan"),
])
async def test_a_licence_that_is_mati_is_no_danger(runtime, last, read, topic):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau tanya", answers(last))
    async with understanding(runtime, {LAPSED: DANGER, **read}) as (knows, _):
        assert given(await says(knows, citizen, LAPSED)) == [(topic, "overview")]


async def test_p03_what_may_be_mati_but_is_not_read_goes_to_a_person_and_rings_no_bell(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau tanya", answers("skck"))
    async with understanding(runtime, {LAPSED: DANGER}) as (knows, _):
        (card,) = await says(knows, citizen, LAPSED)
    assert card["case"]["reason"] == "low_confidence"


async def test_with_nothing_talked_about_what_reads_as_danger_is_danger(runtime):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, {LAPSED: DANGER}) as (knows, _):
        await says(knows, citizen, LAPSED)
    assert (await citizen.case()).reason == "emergency"


@pytest.mark.parametrize("read", [
    {"anu itu": reading("ktp_rusak", 0.2)},  # behind "ktp" it is as unclear
    {"anu itu": reading(None), "ktp anu itu": reading("ktp_rusak")},  # by itself it resembles nothing
    {"anu itu": reading("ktp_hilang", 0.2, "ktp_baru"), "ktp anu itu": reading("ktp_rusak")},  # they disagree
])
async def test_p03_what_stays_unclear_goes_to_a_person(runtime, after_a_lost_ktp, read):
    async with understanding(runtime, read) as (knows, _):
        await says(knows, after_a_lost_ktp, "anu itu")
    assert (await after_a_lost_ktp.case()).reason == "low_confidence"


async def test_an_aspect_of_nothing_asks_which_service_and_the_tap_gives_the_aspect(runtime):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, {"kena charge ga": reading("tanya_biaya", 0.9, "sktm")}) as (knows, _):
        (asked,) = await says(knows, citizen, "kena charge ga")
        (steps,) = await says(knows, citizen, "langkahnya?")
    payloads = [b["payload"] for b in asked["buttons"]]
    assert payloads[:3] == ["aspect:sktm:fee", "aspect:ktp_baru:fee", "aspect:kk_baru:fee"]  # the likeliest first
    assert steps["buttons"][0]["payload"] == "aspect:ktp_baru:steps"
    await citizen.taps("Surat tidak mampu")
    assert given(await citizen.sees()) == [("sktm", "fee")]


TWO = "syarat bikin KTP apa dan jam buka kantor berapa?"
HALVES = {
    TWO: reading("jam_layanan", 0.4, "ktp_baru"), "syarat bikin KTP apa": reading("ktp_baru"),
    "jam buka kantor berapa?": reading("jam_layanan"),
}


async def test_p01_p08_two_questions_get_two_answers_and_one_fate(runtime):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, HALVES) as (knows, seen):
        said = await says(knows, citizen, TWO)
    assert given(said) == [("ktp_baru", "requirements"), ("jam_layanan", "overview")]
    assert await citizen.fates() == ["answer"]
    assert len(seen) == 3  # read, and not acted on
    for message in said:
        assert len(message["text"]) <= 1024
        assert message["answer"]["sources"][-1] in message["text"].splitlines()[-1]
        titles = [b["title"] for b in message["buttons"]]
        assert len(titles) <= 3
        assert {"Jawaban ini salah", "Bicara dengan petugas"} <= set(titles)
    first = next(b for b in said[0]["buttons"] if b["payload"].startswith("dispute:"))
    await inbox.receive(runtime, citizen.id, Inbound("payload", {"payload": first["payload"]}))
    await turn.drain(runtime, citizen.id)
    async with db.transaction(runtime.pool) as connection:
        item = (await connection.execute(select(tables.case_items))).one()
    assert str(item.answer_id) == said[0]["answer"]["id"]  # each is disputable by itself


@pytest.mark.parametrize(("second", "reason"), [
    (reading("luar_cakupan"), "low_confidence"), (reading("jam_layanan", 0.3), "low_confidence"),
    (reading(None), "low_confidence"), (reading("minta_petugas"), "asked_for_officer"),
    (reading("nik_bermasalah"), "individual_matter"), (reading("pengaduan"), "complaint"),
], ids=["out of scope", "unsure", "nothing", "person", "matter", "complaint"])
async def test_p03_a_second_question_that_the_bot_cannot_answer_goes_to_a_person_and_the_first_is_explained(
    runtime, second, reason
):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, {**HALVES, "jam buka kantor berapa?": second}) as (knows, _):
        said = await says(knows, citizen, TWO)
    assert given(said) == [("ktp_baru", "requirements")]
    assert said[-1]["case"]["reason"] == reason
    assert await citizen.fates() == ["new_case"]
    assert [m["delivery"] for m in said] == ["sent", "sent"]


async def late_after_an_outage(runtime, clock, read: dict, text: str = TWO) -> tuple[Citizen, int]:
    """The bot was away, the sweep gave the text to an officer, and now the bot is back and reads it so."""
    citizen = await Citizen.arrives(runtime)
    await citizen.writes(text)
    clock.forward(timedelta(minutes=2))
    await sweep.once(runtime)
    async with understanding(runtime, read) as (knows, _):
        answered = await late.answer_late(knows)
        assert await late.answer_late(knows) == 0  # once for each case
    return citizen, answered


async def test_p03_after_an_outage_two_questions_get_two_answers_in_the_case(runtime, clock):
    citizen, answered = await late_after_an_outage(runtime, clock, HALVES)
    assert answered == 1
    assert given(await citizen.sees()) == [("ktp_baru", "requirements"), ("jam_layanan", "overview")]
    introduced = [m["text"] for m in await citizen.sees() if "Mesin penjawab sudah pulih" in m["text"]]
    assert len(introduced) == 1
    assert (await citizen.case()).status == "assigned"


@pytest.mark.parametrize("second", [reading("pengaduan"), reading(None)])
async def test_p03_after_an_outage_two_matters_are_left_to_the_officer_together(runtime, clock, second):
    citizen, answered = await late_after_an_outage(runtime, clock, {**HALVES, "jam buka kantor berapa?": second})
    assert (answered, given(await citizen.sees())) == (0, [])
    assert (await citizen.case()).status == "assigned"


async def test_p08_after_an_outage_half_an_answer_is_none(runtime, clock):
    await publications.suspend(runtime, await person(runtime, "head"), "jam_layanan", "keliru")
    citizen, answered = await late_after_an_outage(runtime, clock, HALVES)
    assert (answered, given(await citizen.sees())) == (0, [])


async def test_after_an_outage_one_question_is_answered_about_what_it_asks(runtime, clock):
    text = "berapa biaya bikin ktp"
    citizen, answered = await late_after_an_outage(runtime, clock, {text: reading("ktp_baru")}, text)
    assert (answered, given(await citizen.sees())) == (1, [("ktp_baru", "fee")])


async def test_politeness_is_no_second_question(runtime):
    citizen = await Citizen.arrives(runtime)
    text = "apa kabar min? syarat bikin KTP apa"
    read = {text: reading("ktp_baru"), "apa kabar min?": reading("sapa"), "syarat bikin KTP apa": reading("ktp_baru")}
    async with understanding(runtime, read) as (knows, _):
        assert given(await says(knows, citizen, text)) == [("ktp_baru", "requirements")]


async def test_a_whole_that_needs_a_person_is_not_taken_apart(runtime):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, {**HALVES, TWO: reading("minta_petugas")}) as (knows, _):
        said = await says(knows, citizen, TWO)
    assert given(said) == []
    assert said[-1]["case"]


@pytest.mark.parametrize(("text", "read", "expected"), [
    ("syarat dan biaya bikin KTP", {"syarat dan biaya bikin KTP": reading("ktp_baru"),
                                    "biaya bikin KTP": reading("ktp_baru")},
     [("ktp_baru", "requirements"), ("ktp_baru", "fee")]),
    ("berapa biaya bikin ktp", {"berapa biaya bikin ktp": reading("ktp_baru")}, [("ktp_baru", "fee")]),
    ("ktp hilang dan kk rusak gimana", {
        "ktp hilang dan kk rusak gimana": reading("kk_hilang_rusak", 0.4, "ktp_hilang"),
        "ktp hilang": reading("ktp_hilang"), "kk rusak gimana": reading("kk_hilang_rusak"),
     }, [("ktp_hilang", "overview"), ("kk_hilang_rusak", "overview")]),
    ("ktp dan kk hilang", {
        "ktp dan kk hilang": reading("kk_hilang_rusak", 0.8, "ktp_hilang"), "ktp hilang": reading("ktp_hilang"),
        "kk hilang": reading("kk_hilang_rusak"),
     }, [("ktp_hilang", "overview"), ("kk_hilang_rusak", "overview")]),
    # three: the second is found within the half, and within the first question
    ("ktp hilang, kk rusak terus paspor habis", {
        "ktp hilang, kk rusak terus paspor habis": reading("paspor_ganti", 0.4, "ktp_hilang", "kk_hilang_rusak"),
        "ktp hilang, kk rusak": reading("ktp_hilang", 0.7, "kk_hilang_rusak"),
        "paspor habis": reading("paspor_ganti"), "kk rusak terus paspor habis": reading("kk_hilang_rusak", 0.4),
        "ktp hilang": reading("ktp_hilang"), "kk rusak": reading("kk_hilang_rusak"),
    }, [("ktp_hilang", "overview"), ("kk_hilang_rusak", "overview"), ("paspor_ganti", "overview")]),
    ("ktp hilang sama kk rusak gimana? paspor habis gimana?", {
        "ktp hilang sama kk rusak gimana? paspor habis gimana?": reading("paspor_ganti", 0.4, "ktp_hilang"),
        "ktp hilang sama kk rusak gimana?": reading("ktp_hilang", 0.7, "kk_hilang_rusak"),
        "paspor habis gimana?": reading("paspor_ganti"),
        "ktp hilang": reading("ktp_hilang"), "kk rusak gimana?": reading("kk_hilang_rusak"),
    }, [("ktp_hilang", "overview"), ("paspor_ganti", "overview"), ("kk_hilang_rusak", "overview")]),
    ("habis nikah dan mau bikin kk baru", {  # told, not asked: it says the other half's topic a little, too
        "habis nikah dan mau bikin kk baru": reading("kk_baru"), "mau bikin kk baru": reading("kk_baru"),
        "habis nikah": reading("akta_perkawinan", 0.9, "kk_baru"),
     }, [("kk_baru", "overview")]),
])
async def test_one_topic_or_two_and_the_aspects_that_are_named(runtime, text, read, expected):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, read) as (knows, _):
        said = await says(knows, citizen, text)
    assert given(said) == expected
    assert await citizen.fates() == ["answer"]


PERHAPS = "ktp hilang, kk rusak"
ALMOST = {
    PERHAPS: reading("ktp_hilang", 0.9, "kk_hilang_rusak"), "ktp hilang": reading("ktp_hilang"),
    "kk rusak": reading("kk_hilang_rusak", 0.45),
}


async def test_p01_what_may_be_another_matter_is_said_beside_the_answer_and_a_tap_answers_it(runtime):
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, ALMOST) as (knows, _):
        answer, other = await says(knows, citizen, PERHAPS)
    assert given([answer, other]) == [("ktp_hilang", "overview")]
    assert "hal lain" in other["text"]
    assert [b["payload"].split(":")[0] for b in other["buttons"]] == ["topic", "person"]
    assert await citizen.fates() == ["answer"]
    await citizen.taps("KK hilang atau rusak")
    assert given(await citizen.sees())[-1] == ("kk_hilang_rusak", "overview")


async def test_p03_what_may_be_a_matter_for_a_person_is_offered_to_one(runtime):
    citizen, text = await Citizen.arrives(runtime), "ktp hilang dan petugas judes"
    rude = reading("pengaduan", 0.49)
    read = {text: reading("ktp_hilang"), "ktp hilang": reading("ktp_hilang"), "petugas judes": rude}
    async with understanding(runtime, read) as (knows, _):
        answer, other = await says(knows, citizen, text)
    assert given([answer, other]) == [("ktp_hilang", "overview")]
    assert [b["payload"].split(":")[0] for b in other["buttons"]] == ["person"]
    await citizen.taps("Bicara dengan petugas")
    assert (await citizen.case()).reason == "asked_for_officer"


@pytest.mark.parametrize(("second", "buttons"), [
    (reading(None), []), (reading("luar_cakupan"), []), (reading("skck", 0.4), []),
    (reading("jam_layanan"), ["topic", "person"]), (reading("pengaduan"), ["person"]),
], ids=["nothing", "out of scope", "unsure", "another", "complaint"])
async def test_a_story_that_asks_twice_is_one_matter_and_what_else_was_surely_read_is_said(runtime, second, buttons):
    told = "Kakek saya dulu tinggal jauh di tengah hutan dan baru tahun ini turun ke kota. " * 4
    text = f"{told}Syarat bikin KTP apa? Bagaimana kalau beliau sakit?"
    read = {text: reading("ktp_baru"), f"{told}Syarat bikin KTP apa?": reading("ktp_baru"),
            "Bagaimana kalau beliau sakit?": second}
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, read) as (knows, _):
        answer, *other = await says(knows, citizen, text)
    assert given([answer]) == [("ktp_baru", "requirements")]
    assert [b["payload"].split(":")[0] for m in other for b in m["buttons"]] == buttons
    assert await citizen.fates() == ["answer"]


async def test_p11_a_bribe_in_one_of_two_questions_makes_a_report_of_the_message(runtime):
    text = "KTP saya hilang, urusnya gimana? Kalau tidak kasih rokok tidak diproses ya?"
    read = {
        text: reading("ktp_hilang", 0.4, "pengaduan_pungli"), "KTP saya hilang, urusnya gimana?": reading("ktp_hilang"),
        "Kalau tidak kasih rokok tidak diproses ya?": reading("pengaduan_pungli", 0.4),
        "KTP hilang Kalau tidak kasih rokok tidak diproses ya?": reading("pengaduan_pungli", 0.4),
    }
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, read) as (knows, _):
        (told,) = await says(knows, citizen, text)
    assert "/lapor/" in told["text"]
    assert told["case"] is None


async def test_p03_a_danger_at_the_end_of_a_story_goes_to_a_person(runtime):
    told = "Kakek saya dulu tinggal jauh di tengah hutan dan baru tahun ini turun ke kota. " * 4
    text = f"{told}Syarat bikin KTP apa? Bagaimana kalau beliau diapa-apakan?"
    read = {text: reading("ktp_baru"), f"{told}Syarat bikin KTP apa?": reading("ktp_baru"),
            "Bagaimana kalau beliau diapa-apakan?": reading(alarm.DANGER)}
    citizen = await Citizen.arrives(runtime)
    async with understanding(runtime, read) as (knows, _):
        await says(knows, citizen, text)
    assert await citizen.fates() == ["new_case"]


async def test_p08_of_two_answers_one_suspended_the_message_goes_to_a_person_once(runtime):
    citizen = await Citizen.arrives(runtime)
    async with db.transaction(runtime.pool) as connection:
        head = (await connection.execute(select(tables.officers).where(tables.officers.c.role == "head"))).first()
    await publications.suspend(runtime, head, "jam_layanan", "keliru")
    async with understanding(runtime, HALVES) as (knows, _):
        said = await says(knows, citizen, TWO)
    assert given(said) == [("ktp_baru", "requirements")]
    assert said[-1]["case"]["reason"] == "suspended_answer"
    assert await citizen.fates() == ["new_case"]


async def test_p03_a_bot_that_is_away_is_waited_for(queued_runtime):
    citizen = await Citizen.arrives(queued_runtime)
    await citizen.writes(TWO)
    assert not await turn.drain(queued_runtime, citizen.id)
    assert await citizen.fates() == [None]


async def test_p11_a_number_of_a_person_and_a_command_are_hidden_in_every_part_that_is_read(runtime):
    nik, citizen = "3171234567890123", await Citizen.arrives(runtime)
    async with understanding(runtime, {}) as (knows, seen):
        await says(knows, citizen, f"/restart syarat ktp nik {nik} apa? /restart jam buka nik {nik} berapa?")
    assert len(set(seen)) == 3  # the whole and its two parts, and then the whole for Rasa's rules to act on
    assert not [text for text in seen if nik in text or text.startswith("/")]
    assert await citizen.fates() == ["new_case"]

"""What a citizen lives through, over the Chat API, the officers' API and the real Rasa."""

from __future__ import annotations

import io
import re
import threading
from datetime import datetime
from typing import Any

import pytest
from PIL import Image

from tests.support.house import House
from tests.support.people import Citizen, Officer, Officers
from tests.support.record import rows, until_settled
from tests.support.waiting import until

COLLEAGUES = ("Siti Rahayu", "Bonar Simanjuntak")  # of the unit that takes what no topic claims


def last_button_titles(shown: list[dict[str, Any]]) -> list[str]:
    return [button["title"] for button in shown[-1]["buttons"]]


def opened(citizen: Citizen, text: str = "mau bicara sama petugas") -> dict[str, Any]:
    """The case that this text opens, as the citizen is told of it."""
    case = citizen.asks(text)[-1]["case"]
    assert case is not None
    return dict(case)


# --- the bot answers --------------------------------------------------------------------------------------------------


def test_p01_a_message_sent_while_rasa_still_starts_waits_and_is_answered(opening: tuple[House, Citizen]) -> None:
    house, citizen = opening
    (said,) = citizen.hears(1, seconds=120)
    assert (said["author"], said["answer"]["topic"]) == ("bot", "ktp_hilang")
    assert until_settled(house.home, citizen.id) == ["answer"]


@pytest.mark.parametrize(("words", "topic"), [
    ("ktp sy ilang gmn ngurusnya", "ktp_hilang"), ("mo bikin kk baru syaratnya apa aja", "kk_baru"),
    ("anak sy br lahir, bikin akte nya gmn?", "akta_kelahiran"),
])
def test_a_question_in_slang_is_answered_with_its_source(citizen: Citizen, words: str, topic: str) -> None:
    (said,) = citizen.asks(words)
    answer = said["answer"]
    assert (said["author"], said["case"], answer["topic"]) == ("bot", None, topic)
    assert answer["confidence"] >= answer["threshold"] > 0
    assert answer["sources"]
    assert answer["sources"][0] in said["text"]
    assert datetime.fromisoformat(answer["reviewed"])
    assert {"Jawaban ini salah", "Bicara dengan petugas"} <= set(last_button_titles([said]))


def test_a_follow_up_is_about_the_topic_before(citizen: Citizen) -> None:
    citizen.asks("ktp sy ilang gmn ngurusnya")
    (said,) = citizen.asks("biayanya brp?")
    assert (said["answer"]["topic"], said["answer"]["aspect"]) == ("ktp_hilang", "fee")


def test_a_button_of_an_answer_is_answered(citizen: Citizen) -> None:
    citizen.asks("ktp sy ilang gmn ngurusnya")
    (said,) = citizen.hears(citizen.taps("Cara mengurus"))
    assert (said["answer"]["topic"], said["answer"]["aspect"]) == ("ktp_hilang", "steps")


def test_a_greeting_is_returned_without_a_case(citizen: Citizen) -> None:
    (said,) = citizen.asks("selamat pagi")
    assert (said["author"], said["case"], said["answer"]) == ("bot", None, None)


# --- a person takes over ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "reason"), [
    ("qwpo zxmn vbty plok", "low_confidence"), ("mau bicara sama petugas", "asked_for_officer"),
    ("saya mau mengadu, petugas loketnya kasar dan antreannya berjam-jam", "complaint"),
    ("permohonan saya ditolak, saya keberatan dengan keputusan itu", "disputed_decision"),
])
def test_p03_what_needs_a_person_gets_one_by_name_with_two_times(citizen: Citizen, words: str, reason: str) -> None:
    card = citizen.asks(words)[-1]
    case = card["case"]
    assert (case["reason"], case["status"]) == (reason, "assigned")
    for said in (case["number"], case["officer"]["name"], case["officer"]["title"], case["officer"]["unit"]):
        assert said in card["text"]
    respond_by, resolve_by = (datetime.fromisoformat(case[name]) for name in ("respond_by", "resolve_by"))
    assert datetime.now(respond_by.tzinfo) < respond_by < resolve_by
    for at in (respond_by, resolve_by):
        assert f"{at:%H.%M} WIB" in card["text"]


def test_p03_nonsense_also_offers_the_two_nearest_topics_and_a_way_to_withdraw(house: House, citizen: Citizen) -> None:
    card = citizen.asks("ktp anu itu lho yang begituan")[-1]
    assert card["case"]["reason"] == "low_confidence"
    payloads = [button["payload"] for button in card["buttons"]]
    assert [payload.partition(":")[0] for payload in payloads] == ["topic", "topic", "bot_again", "withdraw"]
    citizen.hears(citizen.taps("Batalkan kasus"))
    closed = rows(house.home, "SELECT closed_reason FROM cases WHERE number = %s", card["case"]["number"])
    assert closed == [("withdrawn",)]


@pytest.mark.parametrize("how", ["typed", "tapped"])
def test_p08_a_dispute_opens_a_case_that_names_the_answer(citizen: Citizen, officer: Officers, how: str) -> None:
    (answered,) = citizen.asks("ktp sy ilang gmn ngurusnya")
    seq = citizen.taps("Jawaban ini salah") if how == "tapped" else citizen.says("jawabannya salah")
    case = citizen.hears(seq)[-1]["case"]
    assert case["reason"] == "disputed_answer"
    (item,) = officer(case["officer"]["name"]).case(case["number"])["items"]
    assert (item["seq"], item["answer"]["id"]) == (seq, answered["answer"]["id"])
    assert item["answer"]["sources"] == answered["answer"]["sources"]


def photo() -> bytes:
    """A small photo that tells where and with what it was taken."""
    picture, exif, out = Image.new("RGB", (40, 30), "red"), Image.Exif(), io.BytesIO()
    exif[0x0110] = "Telepon Rahasia"
    exif.get_ifd(0x8825)[1] = "S"
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


VOICE = b"OggS\x00\x02" + b"\x00" * 20 + b"\x01\x13OpusHead\x01\x01" + b"\x00" * 64


@pytest.mark.parametrize("what", ["photo", "voice note", "location"])
def test_p03_what_the_bot_cannot_read_goes_to_an_officer_who_can(
    citizen: Citizen, officer: Officers, what: str
) -> None:
    if what == "location":
        seq = citizen.is_at(-2.13, 106.11)
    else:
        seq = citizen.sends_file("ktp.jpg", photo()) if what == "photo" else citizen.sends_file("suara.ogg", VOICE)
    case = citizen.hears(seq)[-1]["case"]
    assert case["reason"] == "unreadable_message"
    helper = officer(case["officer"]["name"])
    seen = next(message for message in helper.case(case["number"])["messages"] if message["seq"] == seq)
    if what == "location":
        assert seen["location"] == {"latitude": -2.13, "longitude": 106.11}
        return
    (attached,) = seen["attachments"]
    got = helper.http.get(f"{helper.url}{attached['url']}")
    assert got.headers["content-disposition"].startswith("attachment")
    if what == "photo":
        assert b"Telepon Rahasia" not in got.content
        assert Image.open(io.BytesIO(got.content)).size == (40, 30)
    else:
        assert got.content == VOICE


def test_p03_a_matter_that_only_a_person_can_mend_is_explained_and_handed_over(citizen: Citizen) -> None:
    explained, card = citizen.asks("nik saya tidak ditemukan waktu daftar, katanya data ganda")
    assert explained["answer"]["topic"] == "nik_bermasalah"
    assert card["case"]["reason"] == "individual_matter"


def test_what_comes_while_a_case_waits_goes_into_the_case(house: House, citizen: Citizen) -> None:
    case = opened(citizen)
    citizen.says("ktp sy ilang gmn ngurusnya")
    assert until_settled(house.home, citizen.id) == ["new_case", "case"]
    assert [m["author"] for m in citizen.sees()] == ["citizen", "system", "citizen"]
    assert rows(house.home, "SELECT count(*) FROM cases WHERE conversation_id = %s", citizen.id) == [(1,)]
    assert case["status"] == "assigned"


# --- one owner --------------------------------------------------------------------------------------------------------


def test_p04_of_two_officers_at_once_one_wins_and_the_other_hears_who(citizen: Citizen, officer: Officers) -> None:
    number = opened(citizen)["number"]
    together, responses = threading.Barrier(2), {}

    def take(name: str) -> None:
        colleague = officer(name)
        together.wait()
        responses[name] = colleague.tries("takeover", number)

    officers = [officer(name) for name in COLLEAGUES]  # signed in before the race
    racers = [threading.Thread(target=take, args=(one.name,)) for one in officers]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    outcome = {response.status_code: name for name, response in responses.items()}
    assert set(outcome) == {200, 409}
    winner, refused = outcome[200], responses[outcome[409]].json()["error"]
    assert (refused["code"], winner in refused["message"]) == ("already_taken", True)
    assert officer(winner).case(number)["officer"]["name"] == winner
    assert winner in citizen.sees()[-1]["text"]


@pytest.fixture
def talk(citizen: Citizen, officer: Officers) -> tuple[Citizen, Officer, str]:
    """A case that its officer has taken over."""
    case = opened(citizen)
    helper = officer(case["officer"]["name"])
    assert helper.does("takeover", case["number"])["status"] == "in_progress"
    return citizen, helper, case["number"]


Talk = tuple[Citizen, Officer, str]


def test_p04_the_bot_is_silent_while_an_officer_owns_the_conversation(house: House, talk: Talk) -> None:
    citizen, helper, number = talk
    citizen.says("ktp sy ilang gmn ngurusnya")
    assert until_settled(house.home, citizen.id)[-1] == "case"
    helper.does("reply", number, "Surat kehilangannya sudah ada, Pak?")
    citizen.says("sudah bu")
    assert until_settled(house.home, citizen.id)[-1] == "case"
    authors = [m["author"] for m in citizen.sees()]
    assert authors == ["citizen", "system", "system", "citizen", "officer", "citizen"]


def test_the_talk_of_citizen_and_officer_is_the_same_on_both_sides(house: House, talk: Talk) -> None:
    citizen, helper, number = talk
    helper.does("reply", number, "Selamat pagi, saya ubah hari ini.", key="r1")
    helper.does("reply", number, "Selamat pagi, saya ubah hari ini.", key="r1")  # sent twice, said once
    helper.does("note", number, "cek blangko di gudang")
    citizen.says("terima kasih bu, ktp saya gimana")
    until_settled(house.home, citizen.id)
    said = citizen.sees()
    assert [m["text"] for m in said].count("Selamat pagi, saya ubah hari ini.") == 1
    assert "blangko" not in str(said)
    assert said[-2]["officer"]["name"] == helper.name
    at_the_desk = helper.case(number)["messages"]
    assert [m["text"] for m in at_the_desk if m["kind"] != "note"] == [m["text"] for m in said]
    assert [m["text"] for m in at_the_desk if m["kind"] == "note"] == ["cek blangko di gudang"]


def test_p05_proposed_refused_proposed_confirmed_and_reopened_by_a_later_message(talk: Talk) -> None:
    citizen, helper, number = talk
    assert helper.does("propose", number, "KTP Ibu sudah jadi.")["status"] == "resolution_proposed"
    assert "Hanya Anda yang bisa menutup" in citizen.sees()[-1]["text"]
    citizen.hears(citizen.taps("Belum selesai"))
    assert helper.case(number)["status"] == "in_progress"
    helper.does("propose", number, "Sekarang sudah bisa diambil di loket 3.")
    citizen.hears(citizen.taps("Sudah selesai"))
    closed = helper.case(number)
    assert (closed["status"], closed["closed_reason"], closed["owner"]) == ("closed", "confirmed", "bot")
    assert helper.tries("reply", number, "Halo").status_code == 409

    (thanked,) = citizen.asks("makasih ya")  # thanks are no new matter
    assert (thanked["author"], thanked["case"]) == ("bot", None)
    assert helper.case(number)["status"] == "closed"

    again = citizen.asks("ternyata fotonya salah, ktp nya bukan punya saya")[-1]["case"]
    assert (again["number"], again["status"]) == (number, "in_progress")
    assert helper.case(number)["owner"] == "officer"


def test_p05_another_question_after_a_closed_case_reaches_the_bot_by_one_tap(talk: Talk) -> None:
    citizen, helper, number = talk
    helper.does("propose", number, "Sudah kami cetak ya.")
    citizen.hears(citizen.taps("Sudah selesai"))
    assert citizen.asks("mo bikin kk baru syaratnya apa aja")[-1]["case"]["number"] == number
    seq = citizen.taps("Ini pertanyaan lain")
    answered = until(lambda: [m for m in citizen.sees(seq) if m["answer"]], 30, "the bot's answer")
    assert answered[0]["answer"]["topic"] == "kk_baru"
    assert (helper.case(number)["status"], helper.case(number)["closed_reason"]) == ("closed", "confirmed")


@pytest.mark.parametrize("how", ["tapped", "handed back"])
def test_p04_tanya_bot_lagi_keeps_case_and_officer_until_the_bot_does_not_know(
    house: House, talk: Talk, how: str
) -> None:
    citizen, helper, number = talk
    if how == "handed back":
        assert helper.does("hand_back", number)["owner"] == "bot"
    else:
        citizen.hears(citizen.taps("Tanya bot lagi"))
    (said,) = citizen.asks("ktp sy ilang gmn ngurusnya")
    assert said["answer"]["topic"] == "ktp_hilang"
    case = helper.case(number)
    assert (case["owner"], case["officer"]["name"], case["status"]) == ("bot", helper.name, "in_progress")
    assert citizen.asks("qwpo zxmn vbty plok")[-1]["case"]["number"] == number
    assert helper.case(number)["owner"] == "officer"
    citizen.says("halo bu")
    assert until_settled(house.home, citizen.id)[-1] == "case"


def test_p08_a_suspended_answer_is_given_to_nobody_until_it_is_republished(house: House, officer: Officers) -> None:
    head, topic = officer("Ratna Wulandari"), "kia"
    words = "cara bikin kartu identitas anak gimana"
    assert Citizen.arrives(house.url).asks(words)[-1]["answer"]["topic"] == topic
    assert head.http.post(f"/topics/{topic}/suspend", json={"reason": "biaya keliru"}).status_code == 200
    try:
        assert opened(Citizen.arrives(house.url), words)["reason"] == "suspended_answer"
    finally:
        assert head.http.post(f"/topics/{topic}/republish").status_code == 200
    assert Citizen.arrives(house.url).asks(words)[-1]["answer"]["topic"] == topic


# --- what must not get through ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    "/restart", "/ktp_hilang", "/ktp_hilang@0.99{}", "//back", " /session_start", "EXTERNAL: ktp_hilang",
    "/minta_petugas{}",
])
def test_free_text_never_reaches_rasa_as_a_command(citizen: Citizen, officer: Officers, words: str) -> None:
    citizen.asks("mo bikin kk baru syaratnya apa aja")
    said = citizen.asks(words)[-1]
    if said["case"] is not None:
        assert said["case"]["reason"] in ("low_confidence", "asked_for_officer")
        case = officer(said["case"]["officer"]["name"]).case(said["case"]["number"])
        confidence = case["events"][0]["body"]["confidence"]
    elif said["answer"] is not None:
        confidence = said["answer"]["confidence"]
    else:
        return  # small talk rests on nothing
    assert 0 < confidence < 1  # a command would be believed without a doubt, or as the citizen says
    assert confidence != 0.99
    assert citizen.sees()[2]["text"] == words


def test_an_identity_number_typed_by_a_citizen_is_in_no_file_in_clear(house: House, citizen: Citizen) -> None:
    numbers = ["3171234567890123", "3171 2345 6789 0123", "09.254.294.3-407.000"]
    for number in numbers:
        citizen.says(f"nik saya {number} kenapa tidak ditemukan, tolong dicek")
    until_settled(house.home, citizen.id)
    assert numbers[0] in str(citizen.sees())  # the record has it, for the citizen and the officer
    rows(house.home, "CHECKPOINT")
    secrets = [text.encode() for number in numbers for text in (number, re.sub(r"\D", "", number))]
    for file in house.home.path.rglob("*"):
        if file.is_file() and "models" not in file.parts:
            content = file.read_bytes()
            assert not [secret for secret in secrets if secret in content], file
    assert (house.home.logs / "rasa.log").stat().st_size > 0

"""What people write in the course of a talk, over the Chat API and the real Rasa: follow-ups, two questions, choices in
words, confusion; and what no keyboard was made for. Each message ends in one fate, and nothing is lost."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from tests.support.house import House
from tests.support.people import Citizen
from tests.support.record import rows, until_quiet, until_settled

LOST = "ktp sy ilang gmn ngurusnya"


def says(house: House, citizen: Citizen, text: str) -> list[dict[str, Any]]:
    """Everything that was said to this text."""
    seq = citizen.says(text)
    until_settled(house.home, citizen.id)
    until_quiet(house.home, citizen.id)
    return [message for message in citizen.sees(seq) if message["author"] != "citizen"]


def given(said: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(m["answer"]["topic"], m["answer"]["aspect"]) for m in said if m["answer"]]


@pytest.mark.parametrize(("before", "text", "expected"), [
    (LOST, "kalau rusak?", ("ktp_rusak", "overview")),
    ("mo bikin kk baru syaratnya apa aja", "klo hilang gimana", ("kk_hilang_rusak", "overview")),
    ("anak sy br lahir, bikin akte nya gmn?", "kalau terlambat?", ("akta_kelahiran_terlambat", "overview")),
    (LOST, "langkahnya apa aja kak", ("ktp_hilang", "steps")), (LOST, "di mana?", ("ktp_hilang", "place")),
    (LOST, "berapa lama ya", ("ktp_hilang", "time")),
])
def test_a_follow_up_is_read_with_what_was_said_before(
    house: House, citizen: Citizen, before: str, text: str, expected: tuple[str, str]
) -> None:
    citizen.asks(before)
    assert given(says(house, citizen, text)) == [expected]


def test_nonsense_after_an_answer_is_no_follow_up(house: House, citizen: Citizen) -> None:
    citizen.asks(LOST)
    assert says(house, citizen, "anu itu yang begituan")[-1]["case"]["reason"] == "low_confidence"


@pytest.mark.parametrize(("text", "topics"), [
    ("syarat bikin KTP apa dan jam buka kantor berapa?", [("ktp_baru", "requirements"), ("jam_layanan", "overview")]),
    ("KTP saya hilang, gimana ngurusnya? Terus KK juga mau pisah gimana?",
     [("ktp_hilang", "overview"), ("kk_pisah", "overview")]),
    ("syarat dan biaya bikin KTP", [("ktp_baru", "requirements"), ("ktp_baru", "fee")]),
    ("ktp hilang dan kk rusak gimana ngurusnya", [("ktp_hilang", "overview"), ("kk_hilang_rusak", "overview")]),
    ("ktp saya hilang abis itu mau bikin paspor baru", [("ktp_hilang", "overview"), ("paspor_baru", "overview")]),
    ("1. ktp hilang\n2. jam buka kantor", [("ktp_hilang", "overview"), ("jam_layanan", "overview")]),
    ("ktp hilang, kk rusak, paspor habis masa berlaku",
     [("ktp_hilang", "overview"), ("kk_hilang_rusak", "overview"), ("paspor_ganti", "overview")]),
])
def test_p01_two_questions_are_both_answered_with_one_fate(
    house: House, citizen: Citizen, text: str, topics: list[tuple[str, str]]
) -> None:
    said = says(house, citizen, text)
    assert given(said) == topics
    assert until_settled(house.home, citizen.id) == ["answer"]
    for message in said:
        assert len(message["buttons"]) <= 3
        assert {"Jawaban ini salah", "Bicara dengan petugas"} <= {button["title"] for button in message["buttons"]}


def test_p01_what_one_sentence_tells_before_the_next_asks_is_offered_and_a_tap_answers_it(
    house: House, citizen: Citizen
) -> None:
    answer, other = says(house, citizen, "KTP saya hilang. Bagaimana cara membuat paspor?")
    assert given([answer, other]) == [("paspor_baru", "overview")]
    assert other["buttons"][0]["payload"] == "topic:ktp_hilang"
    assert given(says(house, citizen, other["buttons"][0]["title"])) == [("ktp_hilang", "overview")]


def test_p03_of_two_questions_one_that_nobody_here_can_answer_goes_to_a_person(house: House, citizen: Citizen) -> None:
    said = says(house, citizen, "jam buka kantor berapa? sama cara ternak lele gimana?")
    assert given(said) == [("jam_layanan", "overview")]
    assert said[-1]["case"]["reason"] == "low_confidence"
    assert until_settled(house.home, citizen.id) == ["new_case"]


def test_a_choice_in_words_confusion_and_the_same_question_again(house: House, citizen: Citizen) -> None:
    (which,) = says(house, citizen, "biayanya brp?")
    assert given(says(house, citizen, "yang kedua kak")) == [(which["buttons"][1]["payload"].split(":")[1], "fee")]
    citizen.asks(LOST)
    assert "bagian 1 dari" in says(house, citizen, "bingung")[0]["text"]
    assert "bagian 2 dari" in says(house, citizen, "lanjut")[0]["text"]
    assert "jawaban yang sama" in says(house, citizen, LOST)[0]["text"]
    assert says(house, citizen, LOST)[-1]["case"]["reason"] == "repeated_question"


SCRIPTS = {
    "emoji": "😭😭😭🙏", "one sign": "?", "signs": "!?!?!… ***", "nonsense": "asdfgh qwerty zxcvb", "digits": "8888",
    "arabic": "مرحبا، أريد بطاقة هوية جديدة", "javanese": "ꦱꦸꦒꦼꦁ\u200bꦲꦺꦚ꧀ꦗꦁ ꦏꦠꦼꦥꦺ ꦲꦶꦭꦁ", "chinese": "你好，我的身份证丢了",
    "joined emoji": "👨‍👩‍👧‍👦🏳️‍🌈", "right to left": "\u202eKTP ganlih", "combining": "k" + "\u0301" * 300 + "tp",
    "longest": ("cerita saya panjang sekali soal tetangga dan ayam. " * 100)[:4096], "one word": "w" * 4096,
    "lines": "\n".join(["?"] * 2000), "slash": "/", "restart": "/restart", "intent": "/ktp_hilang@0.99",
    "questions": "apa? " * 800, "joins": "dan " * 1000, "template": "{{7*7}} ${jndi:x} %s <script>alert(1)</script>",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("after", [None, LOST], ids=["first", "after an answer"])
def test_p01_whatever_is_written_is_kept_as_it_was_and_ends_with_one_fate(
    house: House, citizen: Citizen, text: str, after: str | None
) -> None:
    if after is not None:
        citizen.asks(after)
    said = says(house, citizen, text)
    *_, kept = [m["text"] for m in citizen.sees() if m["author"] == "citizen"]
    assert kept == unicodedata.normalize("NFC", text)
    fate = until_settled(house.home, citizen.id)[-1]
    if fate == "answer":
        assert 0.99 not in {m["answer"]["confidence"] for m in said if m["answer"]}  # no command was believed
    else:
        assert said[-1]["case"]["reason"] in ("low_confidence", "asked_for_officer", "repeated_question")
        assert fate == "new_case"


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b\u200b", "\u3164"])
def test_what_says_nothing_at_all_is_refused_or_kept(house: House, citizen: Citizen, text: str) -> None:
    response = citizen.post({"text": text})
    assert response.status_code in (202, 422)
    if response.status_code == 202:
        assert until_settled(house.home, citizen.id) == ["new_case"]


def test_p11_a_nik_in_a_question_is_answered_and_never_reaches_rasa(house: House, citizen: Citizen) -> None:
    nik = "3171234567890123"
    said = says(house, citizen, f"ktp saya hilang nik {nik} gimana ngurusnya? jam buka kantor berapa? nik {nik}")
    assert "ktp_hilang" in {topic for topic, _ in given(said)} or said[-1]["case"]
    assert nik in citizen.sees()[0]["text"]
    assert nik not in str(said)
    for file in house.home.logs.iterdir():
        assert nik.encode() not in file.read_bytes()
    tried = rows(house.home, "SELECT count(*) FROM answers WHERE ranking::text LIKE %s", f"%{nik}%")
    assert tried == [(0,)]

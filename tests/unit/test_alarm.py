"""What must not wait for the bot: recall first, and no false alarm over a dead battery."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.alarm import (
    BRIBE,
    DANGER,
    EMERGENCIES,
    NEAR,
    SPECIALISTS,
    TRACE,
    Alarm,
    heard,
    nearly,
    normalised,
    said,
    taken_by,
    traced,
)
from handoff.domain.case import Role
from handoff.domain.spelling import near

EXAMPLES = yaml.safe_load(Path(__file__).with_name("alarm_examples.yml").read_text(encoding="utf-8"))
TAUGHT = Path(__file__).parents[2] / "data" / "nlu"
RIGHTLY = {  # taught as a complaint about work or as none of the office's business, and danger all the same
    "- dilecehkan atasan di tempat kerja, takut lapor", "- anak hilang di mal", "- rumah kebanjiran minta dievakuasi",
    "- anak saya dibully di sekolah", "- pelecehan sama atasan di kantor, lapor ke dinas tenaga kerja bisa?",
    "- dilecehkan atasan di kantor, mau lapor ke dinas tenaga kerja",
}
RIGHTLY_IN_A_STORY = (
    "saya merasa dilecehkan", "soal kekerasan, dia ngancem", "dipasung ku kulawarga", "ibu saya kejang",
)
OWN_ALARM = {DANGER, "data_disalahgunakan"}  # taught to be heard
DANGEROUS = [text for texts in EXAMPLES["alarms"].values() for text in texts]


def test_there_are_enough_of_both() -> None:
    assert len(set(DANGEROUS)) >= 60
    assert len(set(EXAMPLES["ordinary"])) >= 80


@pytest.mark.parametrize("text", DANGEROUS)
def test_danger_is_heard(text: str) -> None:
    assert heard(text) in EMERGENCIES


@pytest.mark.parametrize("text", EXAMPLES["ordinary"])
def test_ordinary_messages_raise_nothing(text: str) -> None:
    assert heard(text) is None


@pytest.mark.parametrize(("text", "alarm"), [
    *((text, Alarm(name)) for name in ("bribery", "data_misuse") for text in EXAMPLES[name]),
    *((text, None) for name in ("not_bribery", "not_data_misuse") for text in EXAMPLES[name]),
])
def test_bribes_and_misused_data(text: str, alarm: Alarm | None) -> None:
    assert heard(text) is alarm


@pytest.mark.parametrize("kind", EXAMPLES["alarms"])
def test_most_are_heard_as_what_they_are(kind: str) -> None:
    texts = EXAMPLES["alarms"][kind]
    assert sum(heard(text) is Alarm(kind) for text in texts) >= 0.7 * len(texts)


def test_danger_comes_before_anything_else_in_the_same_message() -> None:
    assert heard("petugas minta uang 200rb, waktu saya menolak saya dipukul") is Alarm.violence


def test_what_the_bot_was_taught_for_services_raises_no_emergency() -> None:
    """More than five thousand questions of everyday life: none of them may ring the bell, but where it should."""
    rung = {}
    for file in TAUGHT.glob("*.yml"):
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            for line in str(entry["examples"]).splitlines():
                if any(part in line for part in RIGHTLY_IN_A_STORY) or entry.get("intent") in OWN_ALARM:
                    continue
                if heard(line.removeprefix("- ")) in EMERGENCIES:
                    rung[line] = entry.get("intent")
    assert set(rung) <= RIGHTLY


def read(**confidence: float) -> dict:
    """How the bot read a message: the intents in this order."""
    ranking = [{"name": name, "confidence": one} for name, one in confidence.items()]
    return {"intent": next(iter(confidence), None), "ranking": ranking}


@pytest.mark.parametrize(("classification", "alarm"), [
    ({}, None),
    ({"alarm": "suicide"}, Alarm.suicide),
    (read(ktp_hilang=0.9, ktp_rusak=0.1), None),
    (read(darurat=0.1, pengaduan=0.09), Alarm.danger),  # unsure is enough
    (read(pengaduan=0.4, darurat=0.4 * NEAR), Alarm.danger),
    (read(pengaduan=0.4, darurat=0.39 * NEAR), None),
    (read(kk_hilang_rusak=0.2, kk_pisah=0.16, darurat=0.12), None),  # a third reading of what was not understood
    (read(pengaduan_pungli=0.2, darurat=0.01), Alarm.bribery),
    (read(pengaduan=0.2, pengaduan_pungli=0.19), None),
    (read(data_disalahgunakan=0.9), None),  # its officer is found by the intent (`taken_by`)
    ({"intent": None, "ranking": []}, None),
])
def test_the_bots_reading_is_the_second_ear(classification: dict, alarm: Alarm | None) -> None:
    assert said(classification) is alarm


UNSURE = {"confidence": 0.4, "threshold": 0.5}


@pytest.mark.parametrize(("classification", "alarm"), [
    (read(pengaduan=0.4, pengaduan_pungli=0.4 * NEAR) | UNSURE, Alarm.bribery),
    (read(bansos_cek=0.4, data_disalahgunakan=0.4 * NEAR) | UNSURE, Alarm.data_misuse),
    (read(luar_cakupan=0.4, data_disalahgunakan=0.3, pengaduan_pungli=0.2) | UNSURE, Alarm.bribery),
    (read(pengaduan=0.4, pengaduan_pungli=0.39 * NEAR) | UNSURE, None),
    (read(pengaduan=0.6, pengaduan_pungli=0.5) | {"confidence": 0.6, "threshold": 0.5}, None),  # surely something else
    (read(pengaduan=0.4, darurat=0.3, pengaduan_pungli=0.3) | UNSURE, Alarm.danger),
    ({"intent": None, "ranking": [], "confidence": 0.0, "threshold": 0.5}, None),
    ({"alarm": "suicide"}, Alarm.suicide), ({}, None),
])
def test_where_the_bot_was_not_sure_a_bribe_or_misuse_may_also_be_the_second_reading(
    classification: dict, alarm: Alarm | None
) -> None:
    assert nearly(classification) is alarm


@pytest.mark.parametrize(("classification", "expected"), [
    (read(akta_kematian=0.8, darurat=0.8 * TRACE), True), (read(akta_kematian=0.8, darurat=0.79 * TRACE), False),
    (read(darurat=0.1), True), ({}, False), ({"ranking": [{"name": "ktp_baru"}]}, False),
])
def test_danger_leaves_a_trace_in_the_whole(classification: dict, expected: bool) -> None:
    assert traced(classification) is expected


def test_the_second_ear_knows_the_bots_intents() -> None:
    taught = {entry["intent"] for file in TAUGHT.glob("*.yml")
              for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]}
    assert {DANGER, BRIBE, *SPECIALISTS} - {Alarm.data_misuse.value} <= taught


@given(st.text(max_size=300))
def test_any_text_can_be_listened_to(text: str) -> None:
    heard(text)
    assert normalised(normalised(text)) == normalised(text)


def test_4096_characters_are_heard_at_once() -> None:
    assert heard("belum " * 600 + "anak saya dipukul") is Alarm.violence
    assert heard("makan mati anak saya ktp " * 160) is None


@pytest.mark.parametrize(("word", "known", "expected"), [
    ("kekersan", "kekerasan", True), ("kekeraasan", "kekerasan", True), ("kekerasan", "kekerasan", True),
    ("kekerasna", "kekerasan", True), ("kekeraxan", "kekerasan", True), ("kekeringan", "kekerasan", False),
    ("keras", "kekerasan", False),
])
def test_one_slip_of_the_finger(word: str, known: str, expected: bool) -> None:
    assert near(word, known) is expected


def test_what_was_only_guessed_is_no_specialists_matter_except_misuse() -> None:
    assert taken_by("hapus_data") is Role.data_officer
    assert taken_by("hapus_data", sure=False) is None
    assert taken_by("data_disalahgunakan", sure=False) is Role.data_officer
    assert taken_by("ktp_hilang") is None

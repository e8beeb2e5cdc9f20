"""Danger, bribes, misused data and statuses in the whole house, with the real Rasa."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from handoff.bot import Bot
from handoff.domain.alarm import heard, said, taken_by
from handoff.settings import Settings
from tests.support.house import House
from tests.support.people import Citizen, Officers, read_to

ALARM_TEXTS = yaml.safe_load(Path(__file__).with_name("alarm_texts.yml").read_text(encoding="utf-8"))


def test_danger_gets_numbers_and_an_urgent_case_at_the_top(citizen: Citizen, officer: Officers) -> None:
    seq = citizen.says("suami mukulin saya, saya takut")
    with citizen.stream(last=seq) as events:
        read_to(events, seq + 2)
    numbers, card = citizen.hears(seq)
    assert "Polisi: 110" in numbers["text"]
    assert card["case"]["reason"] == "emergency"
    holder = officer(card["case"]["officer"]["name"])
    listed = holder.cases()
    urgent = [case for case in listed if case["urgent"]]
    assert card["case"]["number"] in {case["number"] for case in urgent}
    assert listed[: len(urgent)] == urgent


@pytest.mark.parametrize("words", [
    "kalau ga bayar berkas ga diproses",  # as the bot reads it
    "pak Bonar minta uang 200 ribu buat ktp",  # in the words themselves
])
def test_p11_a_bribe_becomes_a_report_behind_a_one_time_link(
    house: House, citizen: Citizen, officer: Officers, words: str
) -> None:
    (told,) = citizen.asks(words)
    link = re.search(r"http\S+/lapor/\S+", told["text"])
    assert link
    assert told["case"] is None
    path = urlsplit(link[0]).path
    with httpx.Client(base_url=house.url, follow_redirects=True, timeout=30) as browser:
        assert "Buka laporan" in browser.get(path).text
        page = browser.post(path)
        number = page.url.path.rpartition("/")[2]
        assert "Hanya Anda dan" in page.text
        assert words in page.text
    assert httpx.get(f"{house.url}/kasus/{number}", timeout=30).status_code == 403
    inspectors = [officer(name) for name in ("Dewi Anggraini", "Lalu Wirajaya")]
    assert sum(number in [case["number"] for case in one.cases()] for one in inspectors) == 1
    for other in ("Tri Wahyuni", "Maria Goreti Lake", "Bonar Simanjuntak"):
        assert officer(other).http.get(f"/cases/{number}").status_code == 404


@pytest.mark.parametrize("words", [
    "hapus semua yang pernah saya ketik",
    "nik saya dipake orang buat pinjol",
])
def test_matters_of_personal_data_go_to_the_data_officer(citizen: Citizen, words: str) -> None:
    card = citizen.asks(words)[-1]
    assert card["case"]["officer"]["name"] == "Rizky Pangestu"


def test_most_of_what_cannot_wait_is_heard_by_words_or_by_the_bot(house: House) -> None:
    """Nobody who wrote these had seen the rules or what was taught. Floors, some way under what was measured (ADR
    0017): they fall when somebody breaks an ear."""
    share = {kind: asyncio.run(share_heard(house, texts)) for kind, texts in ALARM_TEXTS.items()}
    print({kind: round(value, 3) for kind, value in share.items()})
    assert share["emergency"] >= 0.8
    assert share["bribery"] >= 0.65
    assert share["misuse"] >= 0.5
    assert share["harmless"] <= 0.12


async def share_heard(house: House, texts: list[str]) -> float:
    """The share of the texts that are taken for something that cannot wait, of whatever kind."""
    token = Settings.from_env(house.environment).internal_token
    bot = Bot(f"http://127.0.0.1:{house.environment['WAJAH_RASA_PORT']}", token, call_seconds=60)
    readings = [reading for start in range(0, len(texts), 12) for reading in await bot.read(texts[start:start + 12])]
    await bot.close()
    taken = [heard(text) or said(reading.classification()) or taken_by(reading.intent.name)
             for text, reading in zip(texts, readings, strict=True)]
    return sum(one is not None for one in taken) / len(texts)


def test_a_status_that_cannot_be_seen_is_said_to_be_so_and_our_own_is_shown(citizen: Citizen) -> None:
    shown = citizen.asks("mau cek status permohonan saya sudah sampai mana")
    assert "tidak bisa melihat permohonan di instansi" in shown[0]["text"]
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    citizen.hears(citizen.taps("Tanya bot lagi"))  # its reply is not the next question's
    (status,) = citizen.asks(f"kasus {case['number'].replace('-', ' ')}")
    assert f"Kasus {case['number']}: menunggu dibaca petugas." in status["text"]
    assert case["officer"]["name"] in status["text"]

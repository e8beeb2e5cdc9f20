"""News without a case in a browser: a reminder is asked for and taken back in the widget; a wrong answer is corrected
by who leads, and everybody who had it is told while they look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.support.browser import ask, inspect, talk, tap
from tests.support.people import Officers

WORDS = "Kartunya gratis. Tidak ada biaya apa pun."


def test_a_reminder_is_asked_for_and_taken_back(open_page: Callable[..., Page]) -> None:
    phone = open_page("/", width=360)
    ask(phone, "ktp sy ilang gmn ngurusnya")
    tap(phone, "Ingatkan saya")
    asked = talk(phone).get_by_text("Kapan Anda mau diingatkan")
    expect(asked).to_be_visible()
    inspect(phone, "chat-reminder")
    talk(phone).get_by_role("button").filter(has_text=", ").last.click()
    expect(talk(phone).get_by_text("Baik. Kami ingatkan Anda")).to_be_visible()
    tap(phone, "Batalkan pengingat")
    expect(talk(phone).get_by_text("tidak jadi diingatkan")).to_be_visible()


def test_p08_a_wrong_answer_is_corrected_before_the_eyes_of_who_had_it(
    open_page: Callable[..., Page], as_officer: Callable[..., Page], officer: Officers
) -> None:
    topic, boss = "kia", officer("Tri Wahyuni")
    phone = open_page("/", width=360)
    ask(phone, "cara bikin kartu identitas anak (KIA)")
    assert boss.http.post(f"/topics/{topic}/suspend", json={"reason": "biayanya keliru"}).status_code == 200
    try:
        desk = as_officer("Tri Wahyuni", "/petugas/papan")
        desk.get_by_role("link", name="Perbaikan jawaban keliru").click()
        desk.get_by_label("Jawaban yang keliru").select_option(topic)
        desk.get_by_label("Keliru sejak tanggal").fill((datetime.now(UTC) - timedelta(days=2)).date().isoformat())
        inspect(desk, "desk-correction")
        desk.get_by_role("button", name="Lihat siapa yang menerimanya").click()
        desk.get_by_label("Yang benar").fill(WORDS)
        inspect(desk, "desk-correction-words")
        desk.get_by_role("button", name="Kirim kepada").click()
        expect(desk.locator("#hasil")).to_contain_text("Perbaikan tercatat")
        expect(talk(phone).get_by_text(WORDS)).to_be_visible()
        desk.reload()
        expect(desk.locator("#perbaikan")).to_contain_text("percakapan sudah dikabari, 0 menunggu giliran.")
        inspect(desk, "desk-corrections")
    finally:
        assert boss.http.post(f"/topics/{topic}/republish").status_code == 200

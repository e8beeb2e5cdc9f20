"""Suspending an answer and giving it again in the browser: by keyboard, on a telephone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.browser import ask, inspect, talk
from tests.support.people import Officers

TOPIC, TITLE = "kia", "Kartu anak (KIA)"


def test_p08_an_answer_is_stopped_and_given_again_by_keyboard_on_a_telephone(
    open_page: Callable[..., Page], as_officer: Callable[..., Page], officer: Officers
) -> None:
    desk = as_officer("Tri Wahyuni", "/petugas/papan", width=360)
    try:
        desk.keyboard.press("g")
        desk.keyboard.press("j")
        expect(desk.get_by_role("heading", level=1)).to_have_text("Jawaban otomatis")
        inspect(desk, "desk-answers")
        desk.get_by_label("Layanan", exact=True).select_option(TOPIC)
        desk.get_by_role("button", name="Lihat jawabannya").click()
        expect(desk.locator("main")).to_contain_text(TITLE)
        inspect(desk, "desk-answer")
        desk.get_by_label("Mengapa ditahan").fill("Biayanya keliru.")
        desk.get_by_role("button", name="Tahan jawaban ini").focus()
        desk.keyboard.press("Enter")
        expect(desk.locator("#hasil")).to_contain_text("sekarang ditahan")
        inspect(desk, "desk-answer-suspended")
        phone = open_page("/", width=360)
        ask(phone, "cara bikin kartu identitas anak (KIA)")
        expect(talk(phone).get_by_text("sedang diperiksa").first).to_be_visible()
        desk.get_by_label("Mengapa boleh diberikan lagi").fill("Sudah dibetulkan.")
        desk.get_by_role("button", name="Berikan lagi jawaban ini").focus()
        desk.keyboard.press("Enter")
        expect(desk.locator("#hasil")).to_contain_text("diberikan lagi")
    finally:
        officer("Tri Wahyuni").http.post(f"/topics/{TOPIC}/republish")

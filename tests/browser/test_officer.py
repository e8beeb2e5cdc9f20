"""One case in the officer's browser: alive, by keyboard, and nothing that is typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Network, inspect
from tests.support.people import Citizen
from tests.support.waiting import until

NIK = "3171011708450001"


@pytest.fixture
def case(citizen: Citizen) -> tuple[str, str]:
    """A case whose citizen wrote a NIK and told where they are: its number and its officer's name."""
    citizen.says(f"saya mau bicara dengan petugas, NIK saya {NIK}")
    citizen.is_at(-2.43, 115.25)
    cards = until(lambda: [one["case"] for one in citizen.sees() if one["case"]], what="a case")
    return cards[-1]["number"], cards[-1]["officer"]["name"]


def last(page: Page):
    return page.locator("#pesan-pesan > li").last


def box(page: Page, kind: str = "reply"):
    return page.locator(f"#pesan-{kind}")


def notice(page: Page):
    return page.locator("#kabar-kasus")


def test_a_case_is_worked_on_by_keyboard_alone(as_officer, citizen, case):
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    inspect(desk, "officer-case")
    desk.keyboard.press("t")
    expect(notice(desk)).to_contain_text("sekarang Anda tangani")
    desk.keyboard.press("r")
    desk.keyboard.type("Selamat pagi.")
    desk.keyboard.press("Control+Enter")
    expect(last(desk)).to_contain_text("Selamat pagi.")
    expect(box(desk)).to_have_value("")
    desk.evaluate("document.activeElement.blur()")
    desk.keyboard.press("n")
    desk.keyboard.type("hanya untuk kita")
    desk.keyboard.press("Control+Enter")
    expect(last(desk)).to_contain_text("Catatan internal")
    desk.evaluate("document.activeElement.blur()")
    desk.keyboard.press("p")
    desk.keyboard.type("Sudah beres.")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#keadaan")).to_contain_text("menunggu jawaban warga")
    said = [one["text"] for one in citizen.sees()]
    assert "Selamat pagi." in said
    assert "hanya untuk kita" not in str(said)
    inspect(desk, "officer-case-proposed")


def test_what_comes_in_moves_nothing_that_is_typed_and_the_draft_outlives_a_reload(as_officer, citizen, case):
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    box(desk).click()
    desk.keyboard.type("baru separuh")
    before = box(desk).bounding_box()
    citizen.says("halo <b>masih di sana?</b>")
    expect(last(desk)).to_contain_text("halo <b>masih di sana?</b>")
    expect(box(desk)).to_have_value("baru separuh")
    expect(box(desk)).to_be_focused()
    assert before is not None
    until(lambda: abs(box(desk).bounding_box()["y"] - before["y"]) < 2, what="the box where it was")
    expect(desk.locator("#draf")).to_have_text("Draf tersimpan")
    desk.reload()
    expect(box(desk)).to_have_value("baru separuh")


def test_without_a_network_the_text_stays_and_is_sent_once(as_officer, citizen, case):
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    network = Network(desk)
    network.cut()
    box(desk).fill("jangan hilang")
    desk.get_by_role("button", name="Kirim balasan").click()
    expect(notice(desk)).to_contain_text("Belum terkirim")
    expect(box(desk)).to_have_value("jangan hilang")
    network.restore()
    desk.get_by_role("button", name="Kirim balasan").click()
    expect(notice(desk)).to_contain_text("tersimpan dan dikirim")
    assert [one["text"] for one in citizen.sees()].count("jangan hilang") == 1

"""The pages where no script runs, and the page of a case where one does: read and answered in every state."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import PHONE, axe, fits, shot
from tests.support.people import Citizen, Officer, Officers

Open = Callable[..., Page]
EXE = {"name": "surat.exe", "mimeType": "application/octet-stream", "buffer": b"MZ\x90\x00" + bytes(2000)}


def case_of(citizen: Citizen) -> tuple[str, str, str]:
    """A new case: its number, its address without the office's name, and its officer."""
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    return case["number"], re.sub(r"^\w+://[^/]+", "", case["url"]), case["officer"]["name"]


def look(page: Page, name: str) -> None:
    """Pictures, and no sideways scroll. (axe needs timers, which do not run here.)"""
    shot(page, name)
    fits(page)


def state(page: Page) -> Locator:
    return page.locator("#keadaan")


def writes(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Pesan Anda").fill(text)
    page.get_by_role("button", name="Kirim", exact=True).click()


def sent(page: Page, text: str) -> None:
    """It stands in the talk as stored, and only then is called sent."""
    writes(page, text)
    expect(page.get_by_role("status").filter(has_text="Terkirim")).to_be_visible()
    expect(page.locator("ol.talk .citizen .text").last).to_have_text(text)


def test_without_a_script_a_case_is_read_and_answered_in_every_state(
    open_page: Open, citizen: Citizen, officer: Officers
) -> None:
    number, path, name = case_of(citizen)
    helper: Officer = officer(name)
    page = open_page(path, javascript=False, width=PHONE)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Kasus {number}")
    assert "k=" not in page.url
    expect(state(page)).to_contain_text("Menunggu balasan petugas")
    expect(state(page)).to_contain_text(name)
    look(page, "case-plain-assigned")
    sent(page, "ini saya tambahkan")
    helper.does("takeover", number)
    helper.does("reply", number, "Selamat pagi, besok saya periksa.")
    page.get_by_role("link", name="Muat ulang").click()
    expect(state(page)).to_contain_text("Sedang ditangani petugas")
    expect(page.locator("ol.talk .officer .text").last).to_have_text("Selamat pagi, besok saya periksa.")
    look(page, "case-plain-in-progress")
    sent(page, "terima kasih, saya tunggu")
    for answer, after in (("Belum selesai", "Sedang ditangani petugas"), ("Sudah selesai", "Ditutup")):
        helper.does("propose", number, "KTP sudah jadi.")
        page.reload()
        expect(state(page)).to_contain_text("Apakah masalah Anda sudah selesai?")
        look(page, "case-plain-proposed")
        page.get_by_role("button", name=answer).click()
        expect(state(page)).to_contain_text(after)
    expect(state(page)).to_contain_text("atas persetujuan Anda")
    look(page, "case-plain-closed")
    sent(page, "ternyata fotonya salah")
    expect(state(page)).not_to_contain_text("Ditutup")
    assert [one["text"] for one in citizen.sees() if one["author"] == "citizen"][-1] == "ternyata fotonya salah"


def test_without_a_script_what_was_not_stored_is_said_and_stays_in_the_box(open_page: Open, citizen: Citizen) -> None:
    _, path, _ = case_of(citizen)
    before = len(citizen.sees())
    page = open_page(path, javascript=False, width=PHONE)
    page.locator("#berkas").set_input_files(EXE)  # type: ignore[arg-type]
    writes(page, "ini suratnya")
    expect(page.get_by_role("heading", level=1)).to_have_text("Belum terkirim")
    expect(page.get_by_role("alert")).to_contain_text("Jenis berkas ini tidak diterima")
    expect(page.get_by_role("textbox", name="Pesan Anda")).to_have_value("ini suratnya")
    look(page, "case-plain-unsent")
    assert len(citizen.sees()) == before
    sent(page, "ini suratnya")


def test_without_a_script_consent_is_taken_back_and_given_again(open_page: Open, citizen: Citizen) -> None:
    _, path, _ = case_of(citizen)
    page = open_page(path, javascript=False, width=PHONE)
    page.locator("summary", has_text="Tarik persetujuan").click()
    expect(page.get_by_text("Kasus yang sudah ada tetap diurus")).to_be_visible()
    look(page, "case-consent")
    page.get_by_role("button", name="Tarik persetujuan").click()
    expect(page.get_by_text("Anda menarik persetujuan pada")).to_be_visible()
    look(page, "case-consent-withdrawn")
    page.get_by_role("textbox", name="Pesan Anda").fill("saya setuju lagi")
    page.get_by_role("button", name="Setuju dan kirim").click()
    expect(page.get_by_role("status").filter(has_text="Terkirim")).to_be_visible()
    expect(page.get_by_role("button", name="Kirim", exact=True)).to_be_visible()


def test_without_a_script_the_office_says_what_still_works_and_a_service_is_found(open_page: Open) -> None:
    page = open_page("/", width=PHONE, javascript=False)
    instead = page.locator("#percakapan noscript .notice")
    expect(instead).to_be_visible()
    assert instead.inner_text().startswith("Percakapan tidak bisa dibuka di peramban ini")
    expect(page.get_by_text("Percakapan sedang dibuka")).to_be_hidden()
    expect(page.get_by_text("Telepon").first).to_be_visible()
    look(page, "office-plain")
    instead.locator("a[href='/layanan']").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Layanan")
    page.get_by_role("searchbox").fill("ktp ilang")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("main").get_by_role("link", name="KTP hilang").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("KTP hilang")
    expect(page.get_by_text("UU 24/2013").first).to_be_visible()


def test_the_open_page_of_a_case_follows_what_happens_and_keeps_what_is_typed(
    open_page: Open, citizen: Citizen, officer: Officers
) -> None:
    number, path, name = case_of(citizen)
    page = open_page(path, width=PHONE)
    typed, told = page.get_by_role("textbox", name="Pesan Anda"), page.locator("#baru")
    typed.press_sequentially("baru separuh")
    officer(name).does("takeover", number)
    expect(state(page)).to_contain_text("Sedang ditangani petugas")
    officer(name).does("reply", number, "Sudah ada suratnya?")
    expect(page.locator("ol.talk .officer .text").last).to_have_text("Sudah ada suratnya?")
    expect(told).to_have_text("Ada pesan baru dari petugas.")
    expect(typed).to_have_value("baru separuh")
    expect(typed).to_be_focused()
    axe(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Kirim", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Belum terkirim. Sambungan internet terputus")
    expect(typed).to_have_value("baru separuh")
    page.context.set_offline(False)
    page.reload()
    expect(typed).to_have_value("baru separuh")
    sent(page, "baru separuh, sekarang penuh")
    officer(name).does("propose", number, "Sudah jadi.")
    expect(state(page).get_by_role("button", name="Sudah selesai")).to_be_visible()
    axe(page)
    assert [one["text"] for one in citizen.sees()].count("baru separuh, sekarang penuh") == 1


@pytest.mark.parametrize("path", ["/layanan/ktp_hilang", "/petugas/masuk"])
def test_nothing_but_the_office_and_open_cases_needs_a_script(open_page: Open, path: str) -> None:
    page = open_page(path, javascript=False)
    expect(page.locator("noscript")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()

"""Leave and the end of a duty in the browser: by keyboard, on a telephone, and the day in words beneath the picker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from handoff.texts import MONTHS
from tests.support.browser import inspect
from tests.support.people import Citizen, Officers

pytestmark = pytest.mark.timeout(300)
Open = Callable[..., Page]


def case_of(citizen: Citizen) -> tuple[str, str]:
    """A case: its number and its officer's name."""
    told = next(said["case"] for said in reversed(citizen.asks("mau bicara sama petugas")) if said["case"])
    return told["number"], told["officer"]["name"]


def test_a_leave_is_planned_by_keyboard_on_a_telephone_and_taken_back(
    as_officer: Open, officer: Officers, citizen: Citizen
) -> None:
    number, owner = case_of(citizen)
    login = officer.login(owner).login
    page = as_officer("Tri Wahyuni", width=360)
    page.goto("/petugas")  # loaded, keys and all
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orang di kantor ini")
    inspect(page, "people")
    page.get_by_role("link", name=owner).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(owner)

    day = datetime.now(UTC).date() + timedelta(days=9)
    words = f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    page.get_by_label("Hari pertama cuti").fill(day.isoformat())
    expect(page.locator("[data-day-of=cuti-dari]")).to_contain_text(words)  # whatever order the picker shows
    page.get_by_label("Hari terakhir cuti").fill(day.isoformat())
    inspect(page, "person")
    page.get_by_role("button", name="Lihat rencana cuti").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Periksa rencana cuti")
    expect(page.locator("main")).to_contain_text(words)
    row = page.locator("tr", has_text=number)
    expect(row).to_be_visible()
    expect(row).not_to_contain_text(owner)  # somebody else, by name
    inspect(page, "person-plan")
    expect(page.get_by_role("button", name="Ya, simpan cuti")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#hasil")).to_have_text("Cuti tersimpan.")
    assert officer(owner).case(number)["officer"]["name"] == owner  # it begins in nine days
    page.get_by_role("button", name="Batalkan cuti ini").click()
    expect(page.locator("#hasil")).to_contain_text("Cuti dibatalkan.")
    expect(page.get_by_role("button", name="Batalkan cuti ini")).to_have_count(0)

    page.get_by_role("button", name="Lihat rencana menonaktifkan sekarang").click()
    expect(page.locator("tr", has_text=number)).to_be_visible()
    page.get_by_role("link", name="Kembali, jangan simpan").click()
    assert page.url.endswith(f"/petugas/orang/{login}")
    assert officer(owner).case(number)["officer"]["name"] == owner


def test_ones_own_leave_without_a_script(as_officer: Open) -> None:
    page = as_officer("Samsul Bahri", width=360, javascript=False)
    page.locator("#menu-saya summary").click()
    page.get_by_role("link", name="Cuti saya").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Samsul Bahri")
    expect(page.get_by_role("heading", name="Akhir tugas")).to_have_count(0)
    page.get_by_label("Hari pertama cuti").fill("2020-01-01")
    page.get_by_label("Hari terakhir cuti").fill("2020-01-02")
    page.get_by_role("button", name="Lihat rencana cuti").click()
    expect(page.locator("#ditolak")).to_contain_text("Paling awal hari ini")
    expect(page.get_by_label("Hari pertama cuti")).to_have_value("2020-01-01")

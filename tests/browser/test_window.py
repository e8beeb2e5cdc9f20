"""Until when a reply reaches the citizen's WhatsApp at once, counted down while the officer looks; and how old a reply
is that has not arrived. This house has no number at Meta: what WhatsApp would have done is written into the record."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import inspect
from tests.support.house import House
from tests.support.people import Citizen, Officers
from tests.support.record import rows

LEFT = """
    UPDATE conversations SET heard_at = now() - interval '24 hours' + make_interval(secs => %s)
    WHERE id = %s RETURNING 1
"""
OVER_WHATSAPP = """
    UPDATE conversations SET channel = 'whatsapp', heard_at = now() - interval '24 hours' + make_interval(secs => %s)
    WHERE id = %s RETURNING 1
"""
WAITS = """
    UPDATE messages SET delivery = 'waiting_window', created_at = created_at - interval '20 days'
    WHERE conversation_id = %s AND author = 'officer' RETURNING 1
"""


def over_whatsapp(house: House, citizen: Citizen, seconds: int) -> dict[str, Any]:
    """The citizen's case, as if they had written over WhatsApp; so many seconds of the window are left."""
    case = next(said["case"] for said in reversed(citizen.asks("mau bicara sama petugas")) if said["case"])
    assert rows(house.home, OVER_WHATSAPP, seconds, citizen.id)
    return dict(case)


def test_the_window_is_counted_down_and_its_end_is_said(
    as_officer: Callable[..., Page], citizen: Citizen, house: House
) -> None:
    case = over_whatsapp(house, citizen, 7000)
    page = as_officer(case["officer"]["name"], f"/petugas/kasus/{case['number']}")
    assert rows(house.home, LEFT, 3612, citizen.id)
    page.reload()
    window, spoken = page.locator("#jendela"), page.locator("#ucapan")
    expect(window).to_contain_text("Balasan langsung sampai di WhatsApp warga sampai")
    expect(window.get_by_role("timer")).to_have_text(re.compile(r"Sisa (1 jam 0 menit|59 menit)\."))
    expect(spoken).to_have_text(re.compile("di WhatsApp tinggal (1 jam 0 menit|59 menit)"))  # once, for who listens
    expect(page.locator("#pesan-reply")).to_have_attribute("aria-describedby", "jendela")
    inspect(page, "case-window")
    assert rows(house.home, LEFT, 15, citizen.id)
    page.reload()
    expect(window.get_by_role("timer")).to_have_text(re.compile(r"Sisa \d+ detik\."))
    page.locator("#pesan-reply").fill("sedang ditulis")
    expect(window).to_contain_text("di WhatsApp warga diberi tahu dengan pesan templat")
    expect(spoken).to_contain_text("Sudah lebih dari 24 jam")
    expect(page.locator("#pesan-reply")).to_have_value("sedang ditulis")  # what is typed stays


def test_without_a_script_the_window_is_a_time(
    as_officer: Callable[..., Page], citizen: Citizen, house: House
) -> None:
    case = over_whatsapp(house, citizen, 3600)
    page = as_officer(case["officer"]["name"], f"/petugas/kasus/{case['number']}", javascript=False)
    expect(page.locator("#jendela time")).to_have_text(re.compile(r"\w+, \d+ \w+ \d{4} pukul \d\d\.\d\d WI"))
    expect(page.locator("#jendela [data-countdown]")).to_be_empty()


def test_p02_an_undelivered_reply_shows_its_age_everywhere(
    as_officer: Callable[..., Page], citizen: Citizen, house: House, officer: Officers
) -> None:
    case = over_whatsapp(house, citizen, -60)
    name, number = case["officer"]["name"], case["number"]
    officer(name).does("takeover", number)
    officer(name).does("reply", number, "Berkas Anda sudah lengkap.")
    assert rows(house.home, WAITS, citizen.id)
    page = as_officer(name, f"/petugas/kasus/{number}")
    age = re.compile(r"Belum tersampaikan\s*1\d hari kerja")
    expect(page.locator("#keadaan")).to_contain_text(age)
    expect(page.locator("#pesan-pesan")).to_contain_text("WhatsApp baru mengizinkannya sesudah warga menulis lagi")
    inspect(page, "case-undelivered")
    page.goto("/petugas")
    page.get_by_role("searchbox", name="Cari kasus").fill(number)  # however many others this house's tests have left
    page.keyboard.press("Enter")
    expect(page.locator(f"li:has(#kasus-{number})")).to_contain_text(age)

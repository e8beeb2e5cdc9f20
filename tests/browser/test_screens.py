"""Every page that needs no story: pictures for people to look at, axe, no sideways scroll."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import axe, fits, inspect, picture, printed
from tests.support.people import Citizen

Open = Callable[..., Page]
PAGES = {
    "services": "/layanan", "services-found": "/layanan?q=ktp", "services-none": "/layanan?q=zebra",
    "service": "/layanan/ktp_hilang", "service-refused": "/layanan/bansos_cek", "privacy": "/privasi",
    "figures": "/transparansi",
    "case-locked": "/kasus/KTP-0000", "missing": "/tidak-ada", "desk-door": "/petugas",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_anybody_sees(open_page: Open, name: str) -> None:
    page = open_page(PAGES[name])
    inspect(page, name)
    if name.startswith("service"):
        printed(page, f"{name}-print")


def test_the_page_for_programmers(open_page: Open) -> None:
    page = open_page("/docs")
    axe(page)
    fits(page)
    picture(page, "docs")


def test_the_page_of_a_case(open_page: Open, citizen: Citizen) -> None:
    citizen.asks("ktp sy ilang gmn ngurusnya")
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    page = open_page(re.sub(r"^\w+://[^/]+", "", case["url"]))
    inspect(page, "case")
    page.get_by_role("textbox", name="Pesan Anda").fill("ini saya tambahkan")
    page.get_by_role("button", name="Kirim", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Terkirim")).to_be_visible()
    inspect(page, "case-sent")
    printed(page, "case-print")
    page.get_by_role("button", name="Hapus dari perangkat ini").click()
    inspect(page, "case-forgotten")


def test_a_wrong_password(open_page: Open) -> None:
    page = open_page("/petugas")
    page.get_by_label("Nama masuk").fill("siapa.saja")
    page.get_by_label("Kata sandi").fill("salah sama sekali")
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("alert")).to_contain_text("salah")
    inspect(page, "desk-door-wrong")


@pytest.mark.parametrize("name", ["Siti Rahayu", "Ratna Wulandari", "Tri Wahyuni", "Lidya Manoppo"])
def test_the_console_of_each_role(as_officer: Open, citizen: Citizen, name: str) -> None:
    citizen.asks("mau bicara sama petugas")
    desk = as_officer(name)
    inspect(desk, f"desk-queue-{name.split()[0].lower()}")


def test_the_password_page(as_officer: Open) -> None:
    inspect(as_officer("Siti Rahayu", "/petugas/kata-sandi"), "desk-password")

"""Bad networks, no JavaScript, and what a first visit costs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, Network, ask, box, heard, sizes, talk, tap
from tests.support.people import Citizen

pytestmark = pytest.mark.timeout(180)
Open = Callable[..., Page]
KB = 1000


def test_at_50_kb_a_second_with_800_ms_delay_the_chat_is_usable(open_page: Open) -> None:
    phone = open_page(None, width=PHONE)
    Network(phone).slow()
    phone.goto("/")
    expect(ask(phone, "ktp sy ilang gmn ngurusnya")).to_contain_text("UU 24/2013")
    tap(phone, "Bicara dg petugas")
    expect(heard(phone, 2)).to_contain_text("Nomor kasus")


def test_p01_a_network_that_is_cut_again_and_again_loses_and_doubles_nothing(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    network = Network(phone)
    network.slow()
    state = phone.locator("wajah-chat").get_by_role("status")
    send = phone.get_by_role("button", name="Kirim", exact=True)
    words = ["ktp sy ilang gmn ngurusnya", "biayanya brp", "mau bicara sama petugas"]
    ask(phone, words[0])
    for number, text in enumerate(words[1:], 2):
        box(phone).fill(text)
        network.cut()                                 # before it is sent: it stays in the box, and is tried again
        send.click()
        expect(state).to_contain_text("Belum terkirim")
        expect(box(phone)).to_have_value(text)
        expect(talk(phone).locator(".message.citizen")).to_have_count(number - 1)
        network.slow()
        expect(box(phone)).to_have_value("")
        network.cut()                                 # before it is answered, or just after
        network.slow()
        heard(phone, number)
    expect(talk(phone).locator(".message.citizen .text")).to_have_text(words)
    expect(talk(phone).locator(".message:not(.citizen)")).to_have_count(len(words))


def test_without_javascript_a_case_is_read_and_answered(open_page: Open, citizen: Citizen) -> None:
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    page = open_page(re.sub(r"^\w+://[^/]+", "", case["url"]), width=PHONE, javascript=False)
    expect(page.get_by_role("heading", level=1)).to_contain_text(case["number"])
    assert "k=" not in page.url
    expect(page.get_by_text(case["officer"]["name"]).first).to_be_visible()
    page.get_by_role("textbox", name="Pesan Anda").fill("ini saya tambahkan")
    page.get_by_role("button", name="Kirim", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Terkirim")).to_be_visible()
    expect(page.get_by_text("ini saya tambahkan").first).to_be_visible()
    assert citizen.sees()[-1]["text"] == "ini saya tambahkan"


def test_without_javascript_a_service_is_found_and_read(open_page: Open) -> None:
    page = open_page("/", width=PHONE, javascript=False)
    expect(page.get_by_text("Telepon").first).to_be_visible()
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Layanan").click()
    page.get_by_role("searchbox").fill("ktp hilang")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("main").get_by_role("link", name="KTP hilang").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("KTP hilang")
    expect(page.get_by_text("UU 24/2013").first).to_be_visible()


@pytest.mark.parametrize(("path", "most"), [("/", 150 * KB), ("/layanan", 150 * KB), ("/layanan/ktp_hilang", 150 * KB)])
def test_a_first_visit_is_small(open_page: Open, path: str, most: int) -> None:
    assert 2 * KB < sizes(open_page, path).bytes <= most
    sizes(open_page, path, slow=True)


def test_a_first_visit_to_a_case_is_small(open_page: Open, citizen: Citizen) -> None:
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    path = re.sub(r"^\w+://[^/]+", "", case["url"])
    assert 2 * KB < sizes(open_page, path, told="/kasus/…").bytes <= 150 * KB


def test_a_first_visit_of_an_officer_is_small(as_officer: Open, citizen: Citizen) -> None:
    number = citizen.asks("mau bicara sama petugas")[-1]["case"]["number"]
    desk = as_officer("Siti Rahayu")
    assert 2 * KB < sizes(as_officer, "/petugas", device=desk).bytes <= 300 * KB
    case = sizes(as_officer, f"/petugas/kasus/{number}", device=desk, told="/petugas/kasus/…")
    assert 2 * KB < case.bytes <= 300 * KB


def test_the_widget_is_at_most_12_kb(open_page: Open) -> None:
    page = open_page(None)
    got = page.request.get("/widget.js", headers={"Accept-Encoding": "gzip"})
    assert got.headers["content-encoding"] == "gzip"
    assert 2 * KB < int(got.headers["content-length"]) <= 12 * 1024

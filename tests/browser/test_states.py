"""Every state that a case can be in, on the citizen's page and on the officer's: pictures, axe, no sideways scroll."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.support.browser import inspect
from tests.support.house import House
from tests.support.people import Citizen, Officers
from tests.support.record import rows
from tests.support.waiting import until

Open = Callable[..., Page]
SOON = (datetime.now(UTC).date() + timedelta(days=7)).isoformat()
UNFOLD = "() => document.querySelectorAll('#tindakan details, #pindah details').forEach((one) => { one.open = true })"
OLDER = """
    WITH found AS (
        UPDATE cases SET opened_at = opened_at - interval '60 days', respond_by = respond_by - interval '60 days',
            resolve_by = resolve_by - interval '60 days', reply_by = reply_by - interval '60 days' WHERE number = %s
        RETURNING id
    ) UPDATE clocks SET started_at = started_at - interval '60 days', counted_from = counted_from - interval '60 days',
        mark_1 = mark_1 - interval '60 days', mark_2 = mark_2 - interval '60 days',
        mark_3 = mark_3 - interval '60 days', next_due_at = next_due_at - interval '60 days'
    FROM found WHERE case_id = found.id
"""


def case_of(citizen: Citizen, words: str = "mau bicara sama petugas") -> dict[str, Any]:
    """A new case as its citizen is told of it."""
    return dict(next(said["case"] for said in reversed(citizen.asks(words)) if said["case"]))


def path_of(case: dict[str, Any]) -> str:
    at = urlsplit(case["url"])
    return f"{at.path}?{at.query}"


def posts(officer: Officers, name: str, number: str, verb: str, **body: Any) -> None:
    done = officer(name).http.post(f"/cases/{number}/{verb}", json=body or None)
    assert done.status_code in (200, 204), done.text


def unfold(page: Page) -> Page:
    """Every form of the case's page opened."""
    page.locator("#pindah").evaluate(UNFOLD)
    return page


def test_every_form_of_a_case(as_officer: Open, officer: Officers, citizen: Citizen, house: House) -> None:
    case, other = case_of(citizen), Citizen.arrives(house.url)
    case_of(other)
    (key,) = parse_qs(urlsplit(case["url"]).query)["k"]
    joined = other.http.post(f"{other.address}/join", headers=other.headers(),
                             json={"number": case["number"], "key": key})
    assert joined.status_code == 204
    number, name = case["number"], case["officer"]["name"]
    posts(officer, name, number, "refer", office="Kantor Pertanahan", sent="Meminta salinan surat ukur.",
          reference="560/1", ask_again_on=SOON)
    desk = unfold(as_officer(name, f"/petugas/kasus/{number}"))
    for action in ("transfer", "refer", "follow_up", "merge", "dismiss", "ask", "propose"):
        expect(desk.locator(f"[data-action={action}]")).to_be_visible()
    inspect(desk, "desk-case-forms")


def test_a_pending_transfer_on_both_sides(as_officer: Open, officer: Officers, citizen: Citizen) -> None:
    case = case_of(citizen)
    number, name = case["number"], case["officer"]["name"]
    desk = as_officer(name, f"/petugas/kasus/{number}")
    posts(officer, name, number, "transfer", unit="sosial", reason="Yang ditanyakan adalah bantuan sosial.")
    expect(desk.locator("[data-action=withdraw_transfer]")).to_be_visible()  # by itself, on the page that is open
    inspect(desk, "desk-case-transfer-asked")
    asked = as_officer(officer(name).case(number)["offer"]["officer"]["name"], "/petugas/kabar")
    expect(asked.get_by_role("link", name=f"Kasus {number}")).to_be_visible()
    inspect(asked, "desk-news-unread")
    asked.goto(f"/petugas/kasus/{number}")
    inspect(unfold(asked), "desk-case-transfer-offered")
    asked.locator("[data-action=accept_transfer]").click()
    expect(asked.locator("#hasil")).to_contain_text("sekarang Anda tangani")
    asked.goto("/petugas/kabar")
    asked.get_by_role("button", name="Tandai semua sudah dibaca").click()
    expect(asked.get_by_role("button", name="Tandai semua sudah dibaca")).to_have_count(0)


def test_no_news(as_officer: Open) -> None:
    desk = as_officer("Samsul Bahri", "/petugas/kabar")
    expect(desk.get_by_text("Belum ada kabar")).to_be_visible()
    inspect(desk, "desk-news-none")


def test_a_case_that_is_no_request(as_officer: Open, officer: Officers, citizen: Citizen) -> None:
    case = case_of(citizen)
    posts(officer, case["officer"]["name"], case["number"], "dismiss", reason="Pesanan makanan.")
    inspect(as_officer("Ratna Wulandari", f"/petugas/kasus/{case['number']}"), "desk-case-no-request")


def test_a_case_that_presses(
    open_page: Open, as_officer: Open, officer: Officers, citizen: Citizen, house: House
) -> None:
    case = case_of(citizen, "suami mukulin saya, saya takut")
    number, name = case["number"], case["officer"]["name"]
    posts(officer, name, number, "refer", office="Unit Pelayanan Perempuan dan Anak", sent="Meminta pendampingan.",
          ask_again_on=SOON)
    posts(officer, name, number, "propose", text="Pendamping sudah menghubungi Ibu.", cause="conduct")
    citizen.taps("Belum selesai")
    rows(house.home, OLDER, number)
    until(lambda: "overdue" in [event["type"] for event in officer(name).case(number)["events"]], what="it is overdue")
    rows(house.home, "UPDATE cases SET undelivered_since = now() WHERE number = %s", number)
    desk = as_officer(name)
    line = desk.locator(f"li:has(#kasus-{number})")
    for sign in ("Mendesak", "Terlambat", "Belum tersampaikan"):
        expect(line).to_contain_text(sign)
    inspect(desk, "desk-queue-pressing")
    desk.goto(f"/petugas/kasus/{number}")
    inspect(desk, "desk-case-pressing")
    assert parse_qs(urlsplit(case["url"]).query)["k"][0] not in desk.content()  # who has the key can close the case
    page = open_page(path_of(case))
    expect(page.locator("#batas")).to_contain_text("Terlambat, dan ini tercatat")
    inspect(page, "case-missed")


def test_a_closed_case_asks_for_a_rating(open_page: Open, officer: Officers, citizen: Citizen, house: House) -> None:
    case, other = case_of(citizen), Citizen.arrives(house.url)
    (key,) = parse_qs(urlsplit(case["url"]).query)["k"]
    case_of(other)
    other.http.post(f"{other.address}/join", headers=other.headers(), json={"number": case["number"], "key": key})
    posts(officer, case["officer"]["name"], case["number"], "propose", text="KTP Bapak sudah jadi.", cause="delay")
    page = open_page(path_of(case))
    inspect(page, "case-proposed")
    page.get_by_role("button", name="Sudah selesai").click()
    expect(page.get_by_text("Bagaimana kasus ini ditangani?")).to_be_visible()
    expect(page.get_by_text("Kasus Anda yang lain")).to_be_visible()
    inspect(page, "case-closed")


def test_a_confidential_report(open_page: Open, citizen: Citizen) -> None:
    (told,) = citizen.asks("pak Bonar minta uang 200 ribu buat ktp")
    link = re.search(r"/lapor/\S+", told["text"])
    assert link
    page = open_page(link[0])
    inspect(page, "report-link")
    page.get_by_role("button", name="Buka laporan di perangkat ini").click()
    expect(page.locator("#rahasia")).to_be_visible()
    inspect(page, "report")
    used = open_page(link[0])
    used.get_by_role("button", name="Buka laporan di perangkat ini").click()
    expect(used.get_by_role("heading", level=1)).to_have_text("Tautan ini sudah dipakai")
    inspect(used, "report-link-used")

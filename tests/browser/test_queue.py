"""The officers' queue in a browser: live in every tab over one stream, by keyboard alone, and what it says when the
line is lost."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.browser import DESK, HEIGHTS, inspect, menu
from tests.support.house import House
from tests.support.people import Citizen, Officers

UNIT = "/petugas?lingkup=unit"


def case_of(citizen: Citizen, text: str = "mau bicara sama petugas") -> tuple[str, str]:
    """A new case: its number, and the name of its officer."""
    seen = citizen.asks(text)
    case = next(message["case"] for message in reversed(seen) if message["case"])
    return case["number"], case["officer"]["name"]


def live(page: Page) -> Page:
    """The page, once its stream has told it to look at everything and what is unread stands in its head."""
    expect(page.locator("#belum-dibaca")).to_be_attached()
    return page


def test_a_new_case_appears_in_every_tab_over_one_stream(
    as_officer: Callable[..., Page], citizen: Citizen
) -> None:
    # One topic, so that the case stands on the first page however many others this house's tests have left.
    page = as_officer("Ratna Wulandari", f"{UNIT}&topik=nik_bermasalah")
    streams: list[str] = []
    page.context.on("request", lambda request: request.url.endswith("/events") and streams.append(request.url))
    live(page)
    streams.clear()  # its own
    other = page.context.new_page()
    other.goto("/petugas/papan")
    live(other)
    page.locator("#cari").fill("sedang ditulis")
    number, _ = case_of(citizen, "nik saya tidak ditemukan waktu daftar, katanya data ganda")
    expect(page.locator(f"#kasus-{number}")).to_be_visible()
    expect(other.locator(f"#kasus-{number}")).to_be_visible()
    expect(page.locator("#cari")).to_have_value("sedang ditulis")
    expect(page.locator("#cari")).to_be_focused()
    assert streams == []  # the second tab hears from the first
    page.close()  # the one with the stream
    citizen.says("halo?")
    expect(other.locator(f"li:has(#kasus-{number})")).to_contain_text("2 belum dibaca")
    assert len(streams) == 1


def test_the_queue_by_keyboard_alone(as_officer: Callable[..., Page], citizen: Citizen, officer: Officers) -> None:
    number, _ = case_of(citizen)
    page = live(as_officer("Tri Wahyuni", "/petugas?lingkup=semua"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Pintasan papan ketik")).to_be_visible()
    expect(page.locator("#pintasan")).to_contain_text("Cari kasus")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#cari")).to_be_focused()
    page.keyboard.type(f"kasus {number.replace('-', ' ')}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hasil pencarian")
    live(page)
    page.keyboard.press("j")
    expect(page.locator(f"#kasus-{number}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Kasus {number}")
    live(page)
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", level=1)).to_have_text("Papan unit")


def test_many_cases_are_seen_at_a_glance(as_officer: Callable[..., Page], house: House) -> None:
    for _ in range(6):
        case_of(Citizen.arrives(house.url))
    desk = live(as_officer("Ratna Wulandari", UNIT, width=1366))
    desk.set_viewport_size({"width": 1366, "height": 768})
    whole = desk.locator(".cases > li").evaluate_all(
        "(lines) => lines.filter((one) => one.getBoundingClientRect().bottom <= innerHeight).length")
    assert whole >= 5
    hint = desk.locator("#petunjuk-cari")
    expect(hint).to_be_hidden()
    before = desk.locator("#daftar").bounding_box()
    desk.keyboard.press("/")
    expect(hint).to_be_visible()
    assert desk.locator("#daftar").bounding_box() == before  # nothing jumps


def test_who_looks_after_the_system_does_not_begin_with_a_refusal(as_officer: Callable[..., Page]) -> None:
    desk = as_officer("Hendra Gunawan")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Orang di kantor ini")
    expect(desk.get_by_role("navigation", name="Menu petugas").get_by_role("link", name="Kasus")).to_have_count(0)


def test_a_lost_line_says_what_to_do_and_a_press_is_answered_at_once(as_officer: Callable[..., Page]) -> None:
    page = live(as_officer("Made Suardana"))
    page.context.set_offline(True)
    expect(page.locator("#sambungan")).to_contain_text("muat ulang halaman")
    page.context.set_offline(False)
    expect(page.locator("#sambungan")).to_be_hidden()
    milliseconds, said = page.evaluate("""() => new Promise((told) => {
        const button = document.querySelector('[data-key="g t"]');
        const began = performance.now();
        new MutationObserver(() => told([performance.now() - began, button.textContent]))
            .observe(button, {childList: true});
        button.click();
    })""")
    assert milliseconds <= 100
    assert said == "Menyimpan…"
    expect(page.locator("#istirahat")).to_be_visible()
    menu(page).get_by_role("button", name="Kembali bertugas").click()
    expect(menu(page).get_by_role("button", name="Istirahat")).to_be_visible()


def test_how_it_looks(as_officer: Callable[..., Page], citizen: Citizen) -> None:
    number, _ = case_of(citizen)
    page = live(as_officer("Ratna Wulandari", UNIT))
    inspect(page, "petugas-daftar")
    page.set_viewport_size({"width": DESK, "height": HEIGHTS[DESK]})
    menu(page)
    inspect(page, "petugas-menu")
    page.get_by_role("button", name="Pintasan papan ketik").click()
    inspect(page, "petugas-bantuan")
    page.goto(f"/petugas/papan/{number}")
    inspect(live(page), "petugas-serahkan")
    page.goto("/petugas/papan")
    inspect(live(page), "petugas-papan")
    page.goto("/petugas?lingkup=unit&ditutup=1&alasan=emergency")
    inspect(live(page), "petugas-daftar-kosong")

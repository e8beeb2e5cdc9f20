"""The citizen's widget: first contact, the case as it stands, what came unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import PHONE, Network, agree, ask, axe, box, fits, heard, inspect, kept, say, talk, tap
from tests.support.house import House
from tests.support.people import Officers
from tests.support.record import rows
from tests.support.waiting import until

Open = Callable[..., Page]


def button(page: Page, name: str) -> Locator:
    return page.locator("wajah-chat").get_by_role("button", name=name, exact=True)


def consents(house: House, page: Page) -> list[tuple[Any, ...]]:
    return rows(house.home, "SELECT version, given FROM consents JOIN conversations USING (citizen_id) "
                            "WHERE conversations.id = %s ORDER BY at", kept(page)["id"])


# --- first contact ----------------------------------------------------------------------------------------------------


def test_p11_nothing_is_sent_before_the_reader_agrees_and_refusing_shows_other_ways(
    open_page: Open, house: House
) -> None:
    phone = open_page("/", width=PHONE)
    sent: list[str] = []
    phone.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    expect(talk(phone)).to_contain_text("Bot menjawab lebih dulu")
    expect(talk(phone).get_by_role("link", name="Bagaimana data Anda dipakai")).to_be_visible()
    box(phone).fill("ktp sy ilang gmn ngurusnya")
    button(phone, "Kirim").click()
    expect(button(phone, "Setuju dan lanjutkan")).to_be_focused()
    inspect(phone, "chat-consent")
    button(phone, "Tidak setuju").click()
    expect(talk(phone)).to_contain_text("Jalan Contoh Nomor 1")
    expect(talk(phone).get_by_role("link", name="Baca keterangan layanan")).to_be_visible()
    expect(box(phone)).to_have_value("ktp sy ilang gmn ngurusnya")
    inspect(phone, "chat-refused")
    assert sent == []
    assert "id" not in kept(phone)
    button(phone, "Kirim").click()  # a changed mind
    agree(phone)
    expect(heard(phone, 1)).to_contain_text("UU 24/2013")
    expect(talk(phone).locator(".refused")).to_have_count(0)
    assert consents(house, phone) == [(kept(phone)["consent"], True)]


def test_p11_consent_is_taken_back_in_the_chat_and_asked_for_again(open_page: Open, house: House) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "selamat pagi")
    button(phone, "Data saya").click()
    inspect(phone, "chat-data")
    button(phone, "Tarik persetujuan").click()
    expect(phone.locator("wajah-chat").get_by_role("status")).to_contain_text("Persetujuan ditarik")
    expect(button(phone, "Data saya")).to_be_focused()
    inspect(phone, "chat-withdrawn")
    phone.reload()
    box(phone).fill("mau bicara sama petugas")
    button(phone, "Kirim").click()
    expect(button(phone, "Setuju dan lanjutkan")).to_be_focused()
    expect(box(phone)).to_have_value("mau bicara sama petugas")
    agree(phone)
    expect(heard(phone, 2)).to_contain_text("Nomor kasus")
    assert [given for _, given in consents(house, phone)] == [True, False, True]


def test_p11_consent_is_taken_back_on_the_privacy_page_and_an_open_chat_hears_of_it(
    open_page: Open, house: House
) -> None:
    phone = open_page("/", width=PHONE)
    page = phone.context.new_page()
    page.goto("/privasi")
    expect(page.get_by_role("button", name="Tarik persetujuan")).to_be_hidden()  # nothing on this device
    ask(phone, "selamat pagi")
    page.reload()
    inspect(page, "privacy")
    page.get_by_role("button", name="Tarik persetujuan").click()
    expect(page.get_by_role("status")).to_contain_text("Persetujuan ditarik")
    box(phone).fill("halo?")
    button(phone, "Kirim").click()  # the chat in the other tab does not know
    expect(phone.locator("wajah-chat").get_by_role("status")).to_contain_text("Persetujuan Anda sudah ditarik")
    expect(box(phone)).to_have_value("halo?")
    button(phone, "Kirim").click()
    agree(phone)
    expect(talk(phone).locator(".message.citizen")).to_have_count(2)
    assert [given for _, given in consents(house, phone)] == [True, False, True]


def test_shared_telephones_forget(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "selamat pagi")
    button(phone, "Data saya").click()
    button(phone, "Hapus dari perangkat ini").click()
    expect(talk(phone).locator(".message")).to_have_count(0)
    assert kept(phone) == {}
    expect(button(phone, "KTP saya hilang")).to_be_visible()


def test_a_starter_costs_one_tap_more_once(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    button(phone, "KTP saya hilang").click()
    agree(phone)
    heard(phone, 1)
    say(phone, "biayanya brp")
    expect(button(phone, "Setuju dan lanjutkan")).to_be_hidden()
    heard(phone, 2)


# --- the case ---------------------------------------------------------------------------------------------------------


def test_the_case_above_the_talk_stays_true(open_page: Open, officer: Officers) -> None:
    phone = open_page("/", width=PHONE)
    strip = phone.locator("wajah-chat .case")
    expect(strip).to_be_hidden()
    ask(phone, "mau bicara sama petugas")
    case = until(lambda: live(phone), 20, "the case")
    number, name = case["number"], case["officer"]["name"]
    expect(strip.locator("summary")).to_contain_text(f"Kasus {number}")
    expect(strip.locator("summary")).to_contain_text(f"Menunggu balasan petugas · {name}")
    strip.locator("summary").click()
    expect(strip).to_contain_text("Dibalas paling lambat")
    expect(strip.get_by_role("link", name="Buka halaman kasus")).to_have_attribute("href", case["url"])
    inspect(phone, "chat-case-strip")
    officer(name).does("takeover", number)
    officer(name).does("reply", number, "Hari ini saya periksa.")  # this message shows no case
    expect(strip.locator("summary")).to_contain_text("Sedang ditangani petugas")
    expect(strip).not_to_contain_text("Dibalas paling lambat")
    expect(strip).to_contain_text("Selesai paling lambat")
    officer(name).does("propose", number, "Sudah kami cetak.")
    expect(strip.locator("summary")).to_contain_text("Menunggu jawaban Anda")
    phone.reload()
    expect(strip.locator("summary")).to_contain_text("Menunggu jawaban Anda")
    tap(phone, "Sudah selesai")
    expect(strip.locator("summary")).to_contain_text("Ditutup")
    expect(talk(phone).get_by_role("button", name="Batalkan kasus")).to_have_count(0)


def live(page: Page) -> dict[str, Any] | None:
    """The case as the API tells it to this page's citizen."""
    known = kept(page)
    got = page.request.get(f"/api/v1/conversations/{known['id']}/messages",
                           headers={"Authorization": f"Bearer {known['token']}"})
    case: dict[str, Any] | None = got.json()["case"]
    return case


def test_where_else_news_should_go_is_asked_once_and_checked(open_page: Open, house: House) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "mau bicara sama petugas")
    field = talk(phone).get_by_role("textbox", name="Mau dikabari juga")
    for wrong in ("", "budi@", "0812", "telepon saja"):
        field.fill(wrong)
        button(phone, "Simpan").click()
        expect(talk(phone).get_by_role("alert")).to_contain_text("Itu belum lengkap")
        expect(field).to_be_focused()
    inspect(phone, "chat-contact")
    field.fill("budi@contoh.id")
    button(phone, "Simpan").click()
    expect(field).to_have_count(0)
    expect(heard(phone, 2)).to_contain_text("juga akan dikirim ke alamat itu")
    stored = rows(house.home, "SELECT kind FROM contacts JOIN conversations USING (citizen_id) "
                              "WHERE conversations.id = %s", kept(phone)["id"])
    assert stored == [("email",)]
    phone.reload()
    heard(phone, 2)
    expect(phone.locator("wajah-chat .case")).to_be_visible()
    expect(field).to_have_count(0)


def test_the_offer_is_skipped_in_one_tap_and_does_not_come_back(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "mau bicara sama petugas")
    button(phone, "Lewati").click()
    expect(talk(phone)).to_be_focused()
    phone.reload()
    heard(phone, 1)
    expect(phone.locator("wajah-chat .case")).to_be_visible()
    expect(button(phone, "Lewati")).to_have_count(0)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_where_the_place_cannot_be_read_it_is_written(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)  # its owner has not allowed the location
    ask(phone, "selamat pagi")
    button(phone, "Lokasi").click()
    phone.locator("wajah-chat").get_by_role("group").get_by_role("button", name="Kirim").click()
    expect(phone.locator("wajah-chat").get_by_role("status")).to_contain_text("tidak bisa dibaca")
    button(phone, "Tulis alamatnya").click()
    expect(box(phone)).to_be_focused()
    expect(box(phone)).to_have_value("Alamat: ")


def test_a_place_is_sent_after_asking(open_page: Open) -> None:
    phone = open_page("/", width=PHONE, geolocation={"latitude": -7.79, "longitude": 110.36},
                      permissions=["geolocation"])
    ask(phone, "selamat pagi")
    button(phone, "Lokasi").click()
    phone.locator("wajah-chat").get_by_role("group").get_by_role("button", name="Kirim").click()
    expect(talk(phone).locator(".message.citizen").last).to_contain_text("-7.79, 110.36")


def test_the_buttons_of_one_answer_are_told_from_those_of_another(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "ktp sy ilang gmn ngurusnya")
    ask(phone, "mo bikin kk baru syaratnya apa aja")
    disputes = talk(phone).get_by_role("button", name="Jawaban ini salah", exact=True)
    expect(disputes).to_have_count(2)
    expect(disputes.nth(0)).to_have_accessible_description("KTP hilang")
    expect(disputes.nth(1)).not_to_have_accessible_description("KTP hilang")
    for one in (*disputes.all(), *talk(phone).get_by_role("button", name="Bicara dengan petugas").all()):
        size = one.bounding_box()
        assert size
        assert size["height"] >= 44


def test_p08_under_an_answer_the_ways_to_a_person_are_in_sight_and_the_rest_is_one_tap_away(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    first = ask(phone, "ktp sy ilang gmn ngurusnya").locator(".buttons")
    expect(first.get_by_role("button")).to_have_text(["Jawaban ini salah", "Bingung", "Bicara dengan petugas"])
    size = first.bounding_box()
    assert size
    assert size["height"] < 110  # two rows on a small telephone
    more = first.get_by_text("Pilihan lain")
    more.click()
    expect(first.get_by_role("button", name="Ingatkan saya")).to_be_visible()
    expect(first.get_by_role("button", name="Cara mengurus")).to_be_visible()
    inspect(phone, "chat-more")
    ask(phone, "mo bikin kk baru syaratnya apa aja")
    expect(first.get_by_role("button")).to_have_text(["Jawaban ini salah"])  # of an older answer less is in the way
    more.click()
    expect(first.get_by_role("button")).to_have_text(["Ingatkan saya", "Bingung", "Bicara dengan petugas",
                                                      "Jawaban ini salah"])
    phone.reload()
    first.get_by_role("button", name="Jawaban ini salah").click()
    expect(heard(phone, 3)).to_contain_text("Jawaban itu kami periksa")


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1366, 768)])
def test_where_to_write_is_seen_without_scrolling(open_page: Open, width: int, height: int) -> None:
    page = open_page(None, width=width)
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/")
    expect(box(page)).to_be_in_viewport(ratio=1)
    expect(button(page, "Kirim")).to_be_in_viewport(ratio=1)


def test_the_answer_to_what_was_asked_is_seen_from_its_beginning(open_page: Open) -> None:
    phone = open_page(None, width=PHONE)
    phone.set_viewport_size({"width": PHONE, "height": 640})
    phone.goto("/")
    ask(phone, "ktp sy ilang gmn ngurusnya")
    phone.evaluate("scrollTo(0, scrollY + 200)")  # as a telephone does when its keyboard opens
    expect(ask(phone, "biayanya brp").locator(".who")).to_be_in_viewport(ratio=1)


# What is read out: nodes that came in the log, outside what is not read out.
_READ_OUT = """() => {
    const log = document.querySelector('wajah-chat').shadowRoot.querySelector('[role=log]');
    window.readOut = [];
    new MutationObserver((changes) => changes.forEach(({ target, addedNodes }) =>
        !target.closest('[aria-live=off]') && readOut.push(...[...addedNodes].map((one) => one.className))
    )).observe(log, { childList: true, subtree: true });
}"""


def test_a_screen_reader_hears_each_message_once(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "ktp sy ilang gmn ngurusnya")
    phone.evaluate(_READ_OUT)
    ask(phone, "biayanya brp")  # puts away the buttons of the answer before
    assert phone.evaluate("readOut") == ["message citizen", "message bot"]


def test_nothing_jumps_under_a_finger_while_the_chat_comes(open_page: Open) -> None:
    phone = open_page(None, width=PHONE)
    phone.add_init_script("""window.moved = 0;
        new PerformanceObserver((seen) => seen.getEntries().forEach((one) => { window.moved += one.value; }))
            .observe({ type: 'layout-shift', buffered: true });""")
    phone.set_viewport_size({"width": PHONE, "height": 1200})  # with what stands below the chat
    Network(phone).slow()
    phone.goto("/")
    expect(box(phone)).to_be_visible()
    assert phone.evaluate("new Promise((told) => requestAnimationFrame(() => setTimeout(() => told(moved))))") < 0.05


@pytest.mark.parametrize("path", ["/", "/layanan/ktp_hilang", "/petugas/masuk"])
def test_letters_twice_as_large_fit_a_small_telephone(open_page: Open, path: str) -> None:
    phone = open_page(path, width=PHONE)
    phone.evaluate("document.documentElement.style.fontSize = '200%'")
    if path == "/":
        said = ask(phone, "ktp sy ilang gmn ngurusnya").locator(".text")
        assert said.evaluate("(one) => getComputedStyle(one).fontSize") == "32px"
    fits(phone, PHONE)


@pytest.fixture
def foreign(house: House) -> Iterator[str]:
    """The address of somebody else's site with our script on its only page."""
    page = ("<!doctype html><html lang='id'><title>Situs lain</title><main><h1>Situs lain</h1></main>"
            f"<script src='{house.url}/widget.js' defer></script></html>").encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_on_a_foreign_site_what_came_unseen_is_counted_on_the_button(
    open_page: Open, foreign: str, officer: Officers
) -> None:
    page = open_page(foreign)
    launcher = page.locator("wajah-chat .launcher")
    expect(launcher).to_have_accessible_name("Tanya kami")
    launcher.click()
    expect(box(page)).to_be_focused()
    ask(page, "mau bicara sama petugas")
    number, name = number_and_officer(page)
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    officer(name).does("takeover", number)
    officer(name).does("reply", number, "Selamat pagi.")
    expect(launcher).to_have_accessible_name("Tanya kami 2 pesan baru")
    assert page.title() == "Situs lain"
    axe(page)
    fits(page)
    page.reload()
    expect(launcher).to_have_accessible_name("Tanya kami 2 pesan baru")
    launcher.click()
    expect(talk(page)).to_contain_text("Selamat pagi.")
    page.keyboard.press("Escape")
    expect(launcher).to_have_accessible_name("Tanya kami")


def number_and_officer(page: Page) -> tuple[str, str]:
    summary = page.locator("wajah-chat summary")
    expect(summary).to_contain_text("Menunggu balasan petugas")
    number, name = summary.locator("b").inner_text(), summary.locator("span").inner_text()
    return number.removeprefix("Kasus "), name.rpartition(" · ")[2]

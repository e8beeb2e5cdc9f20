"""What a citizen and an officer live through, each in a window of their own, with the real Rasa between them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, act, ask, box, fits, heard, inspect, picture, say, tab_to, talk, tap
from tests.support.house import House
from tests.support.people import PASSWORD, Citizen, Officers

Open = Callable[..., Page]
COLLEAGUES = ("Siti Rahayu", "Bonar Simanjuntak")  # of the unit that takes what no topic claims


def case_in(page: Page) -> tuple[str, str]:
    """The number of the case that the widget shows last, and its officer's name."""
    card = talk(page).locator(".card").last
    number = re.search(r"Kasus (\S+)", card.get_by_role("heading").inner_text())
    officer = re.search(r"Petugas: ([^,]+),", card.inner_text())
    assert number
    assert officer
    return number[1], officer[1]


def opened(citizen: Citizen) -> dict[str, str]:
    """A case over the API: its number and its officer's name."""
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    return {"number": case["number"], "officer": case["officer"]["name"]}


def test_the_whole_story_in_two_windows(open_page: Open, as_officer: Open) -> None:
    phone = open_page("/", width=PHONE)
    inspect(phone, "chat-new")
    answer = ask(phone, "ktp sy ilang gmn ngurusnya")
    expect(answer).to_contain_text("UU 24/2013")
    inspect(phone, "chat-answer")

    tap(phone, "Jawaban ini salah")
    expect(heard(phone, 2)).to_contain_text("Nomor kasus")
    number, name = case_in(phone)
    inspect(phone, "chat-case")

    desk = as_officer(name, f"/petugas/kasus/{number}")
    expect(desk.get_by_role("heading", level=1)).to_contain_text(number)
    inspect(desk, "desk-case-assigned")
    act(desk, "takeover")
    expect(heard(phone, 3)).to_contain_text(f"{name}, ")
    expect(heard(phone, 3)).to_contain_text("sekarang melayani Anda")
    inspect(desk, "desk-case-taken")

    act(desk, "reply", "Selamat pagi. Surat kehilangannya sudah ada?")
    reply = heard(phone, 4)
    expect(reply).to_contain_text("Surat kehilangannya sudah ada?")
    expect(reply).to_contain_text(name)
    say(phone, "sudah bu, kemarin dari polsek")  # comes to the desk by itself
    expect(desk.get_by_text("sudah bu, kemarin dari polsek")).to_be_visible()

    act(desk, "propose", "KTP Ibu sudah jadi.")
    expect(heard(phone, 5)).to_contain_text("Hanya Anda yang bisa menutup")
    inspect(phone, "chat-proposed")
    inspect(desk, "desk-case-proposed")
    tap(phone, "Belum selesai")
    expect(heard(phone, 6)).to_contain_text("tetap terbuka")
    desk.reload()
    act(desk, "propose", "Sekarang bisa diambil di loket 3.")
    expect(heard(phone, 7)).to_contain_text("loket 3")
    tap(phone, "Sudah selesai")
    expect(heard(phone, 8)).to_contain_text("ditutup atas persetujuan Anda")
    inspect(phone, "chat-closed")
    desk.reload()
    expect(desk.get_by_text("atas persetujuan warga")).to_be_visible()
    inspect(desk, "desk-case-closed")

    say(phone, "ternyata fotonya salah, ktp nya bukan punya saya")
    expect(heard(phone, 9)).to_contain_text(f"Kasus {number} dibuka lagi dengan nomor yang sama")
    desk.reload()
    expect(desk.locator("button[data-action=reply]")).to_be_visible()


def test_a_reload_in_the_middle_loses_and_doubles_nothing(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "ktp sy ilang gmn ngurusnya")
    before = talk(phone).locator(".message .text").all_text_contents()
    box(phone).press_sequentially("biayanya brp")
    phone.reload()
    expect(talk(phone).locator(".message .text")).to_have_text(before)
    expect(box(phone)).to_have_value("biayanya brp")
    expect(ask(phone, "biayanya brp")).to_contain_text("gratis", ignore_case=True)


def test_p01_a_server_killed_in_the_middle_loses_and_doubles_nothing(
    open_page: Open, house: House, officer: Officers
) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "mau bicara sama petugas")
    number, name = case_in(phone)
    officer(name).does("takeover", number)
    heard(phone, 2)

    restarts = house.kill("web")
    box(phone).fill("masih ada bu?")
    phone.get_by_role("button", name="Kirim", exact=True).click()
    house.until_back("web", restarts)
    expect(talk(phone).locator(".message.citizen").filter(has_text="masih ada bu?")).to_have_count(1)
    expect(box(phone)).to_have_value("")
    officer(name).does("reply", number, "Masih, saya di sini.")
    expect(heard(phone, 3)).to_contain_text("Masih, saya di sini.")
    said = [message["text"] for message in officer(name).case(number)["messages"]]
    assert said.count("masih ada bu?") == 1
    phone.reload()
    expect(talk(phone).locator(".message.citizen")).to_have_text([re.compile("petugas"), re.compile("masih ada bu")])


def test_p04_of_two_officers_in_two_windows_one_wins_and_the_other_reads_who(
    citizen: Citizen, as_officer: Open
) -> None:
    number = opened(citizen)["number"]
    desks = {name: as_officer(name) for name in COLLEAGUES}
    for desk in desks.values():
        desk.route("**/api/v1/officer/events", lambda route: route.abort())  # neither page hears of the other's success
        desk.goto(f"/petugas/kasus/{number}")
        expect(desk.locator("button[data-action=takeover]")).to_be_visible()
    for desk in desks.values():  # both at once: nobody waits for the other's page
        desk.evaluate("setTimeout(() => document.querySelector('button[data-action=takeover]').click(), 50)")
    refusal = re.compile(f"sudah diambil alih oleh ({'|'.join(COLLEAGUES)})")
    winners = []
    for name, desk in desks.items():
        told = desk.get_by_text(refusal).or_(desk.get_by_text("Percakapan ini sekarang Anda tangani"))
        expect(told.first).to_be_visible()
        if desk.get_by_text(refusal).count():
            inspect(desk, "desk-case-refused")
        else:
            winners.append(name)
    (winner,) = winners
    loser = next(desk for name, desk in desks.items() if name != winner)
    expect(loser.get_by_text(refusal)).to_contain_text(winner)


def test_a_citizen_with_only_a_keyboard(open_page: Open) -> None:
    page = open_page("/")
    tab_to(page, box(page))
    page.keyboard.type("ktp sy ilang gmn ngurusnya")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Setuju dan lanjutkan")).to_be_focused()
    page.keyboard.press("Enter")
    heard(page, 1)
    person = talk(page).get_by_role("button", name="Bicara dengan petugas")
    tab_to(page, person, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(heard(page, 2)).to_contain_text("Nomor kasus")
    link = page.locator("wajah-chat").get_by_role("link", name="Buka halaman kasus").last
    tab_to(page, link)
    with page.context.expect_page() as opening:
        page.keyboard.press("Enter")
    case = opening.value
    tab_to(case, case.get_by_role("textbox", name="Pesan Anda"))
    case.keyboard.type("saya tunggu ya bu")
    tab_to(case, case.get_by_role("button", name="Kirim", exact=True), steps=3)
    case.keyboard.press("Enter")
    expect(case.get_by_role("status").filter(has_text="Terkirim")).to_be_visible()
    expect(case.get_by_text("Jawaban baru muncul di halaman ini dengan sendirinya.")).to_be_visible()
    expect(case.get_by_role("link", name="Muat ulang")).to_have_count(0)  # nobody is sent to do what the page does


def test_an_officer_with_only_a_keyboard(open_page: Open, officer: Officers, citizen: Citizen) -> None:
    case = opened(citizen)
    officer(case["officer"])
    desk = open_page("/petugas")
    tab_to(desk, desk.get_by_label("Nama masuk"))
    desk.keyboard.type(officer.login(case["officer"]).login)
    desk.keyboard.press("Tab")
    expect(desk.get_by_label("Kata sandi")).to_be_focused()
    desk.keyboard.type(PASSWORD)
    desk.keyboard.press("Enter")
    expect(desk.locator("#menu-saya")).to_be_visible()
    desk.goto(f"/petugas/kasus/{case['number']}")
    tab_to(desk, desk.locator("button[data-action=takeover]"))
    desk.keyboard.press("Enter")
    reply = desk.locator("button[data-action=reply]")
    writing = desk.locator("form").filter(has=reply).get_by_role("textbox")
    tab_to(desk, writing)
    desk.keyboard.type("Selamat pagi, saya ubah hari ini.")
    tab_to(desk, reply, steps=12)
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status").filter(has_text="Balasan Anda tersimpan")).to_be_visible()
    assert citizen.sees()[-1]["text"] == "Selamat pagi, saya ubah hari ini."


NASTY = {
    "markup": '<img src=x onerror="document.title=1"><script>document.title=1</script></textarea></div>{{7*7}}&amp;',
    "right to left": "nama saya \u202e\u2066 محمد \u2067 tolong\u202e dibantu \u200f",
    "emoji": "😀" * 4096,
}


@pytest.mark.parametrize("kind", NASTY)
def test_what_a_citizen_writes_is_only_ever_text(
    open_page: Open, as_officer: Open, citizen: Citizen, kind: str
) -> None:
    words = NASTY[kind]
    phone = open_page("/", width=PHONE)
    ask(phone, "mau bicara sama petugas")
    number, name = case_in(phone)
    mine = say(phone, words).locator(".text")
    desk = as_officer(name, f"/petugas/kasus/{number}")
    with phone.context.expect_page() as opening:
        phone.locator("wajah-chat").get_by_role("link", name="Buka halaman kasus").last.click()
    theirs = [page.locator("ol.talk .citizen .text").filter(has_text=words) for page in (desk, opening.value)]
    windows = zip(("phone", "desk", "case"), (phone, desk, opening.value), (mine, *theirs), strict=True)
    for window, page, shown in windows:
        expect(shown).to_be_visible()
        assert shown.inner_text() == words
        assert shown.locator("*").count() == 0
        assert page.title() != "1"
        fits(page)
        picture(page, f"nasty-{kind.replace(' ', '-')}-{window}")

"""The story that started this project, lived through in a browser, with the mail that comes of it and a clock in hand:
"tolong ubah data usaha saya"; nobody touches it for eight months; then "please e-mail that address"; closed the same
day; a reply box that takes text and sends nothing. Each step of it is impossible.

A house of its own, since months pass in it. Its bot never comes (`RASA_URL` leads nowhere), so that even the last
resort keeps the promises: the case is opened by the sweep. tests/integration/test_the_story.py has the bot's way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from handoff.processes import free_port
from tests.support.browser import PHONE, Devices, act, ask, heard, inspect, talk
from tests.support.house import House, running_house
from tests.support.mailbox import Mailbox, mailbox
from tests.support.office import HandClock
from tests.support.people import PASSWORD, Officers
from tests.support.record import rows
from tests.support.waiting import until

CITIZEN = "pemilik.usaha@contoh.id"
SUPERVISOR = "Tri Wahyuni"
ADDRESS = (
    "Selamat siang Bapak, terima kasih sudah menunggu dan mohon maaf atas lamanya tanggapan ini. Menindaklanjuti "
    "permohonan Bapak mengenai perubahan data usaha, silakan kirim surel ke wlkp [at] kemnaker titik go titik id. "
    "Demikian kami sampaikan, atas perhatian Bapak kami ucapkan terima kasih."
)
MISSED = "Terlambat, dan ini tercatat"
# What an officer or a supervisor may do; a proposal waits for the citizen, `dismiss` for a second person.
MOVES = {"reply", "ask", "note", "propose", "takeover", "hand_back", "transfer", "refer", "merge", "dismiss",
         "allow_address"}


class Months:
    """The house of this story, with its clock, its mail and the devices of the people in it."""

    def __init__(self, house: House, box: Mailbox, clock: HandClock, devices: Devices) -> None:
        self.house, self.box, self.clock, self.devices = house, box, clock, devices
        self.officers = Officers(house)

    def now(self, text: str) -> None:
        """It is this time in western Indonesia, for every process of the house."""
        self.clock.set(datetime.fromisoformat(f"{text}:00+07:00"))

    def address(self, name: str) -> str:
        """Where mail for somebody of the office goes."""
        return f"{self.officers.login(name).login}@contoh.go.id"

    def mail(self, address: str, words: str, seconds: float = 60.0) -> str:
        """The newest mail for this address that has these words, as soon as it came."""
        def found() -> str | None:
            texts = [letter.get_content() for letter in self.box.to(address)]
            return next((text for text in reversed(texts) if words in text), None)

        return until(found, seconds, f"mail for {address} about {words!r}") or ""

    def desk(self, name: str, path: str) -> Page:
        """Somebody of the office signs in; a session does not outlive the months."""
        page = self.devices.open("/petugas")
        page.get_by_label("Nama masuk").fill(self.officers.login(name).login)
        page.get_by_label("Kata sandi").fill(PASSWORD)
        page.get_by_role("button", name="Masuk").click()
        expect(page.locator("#menu-saya")).to_be_visible()
        page.goto(path)
        return page

    def case_page(self) -> Page:
        """The citizen follows the link in the newest mail, on a device that was never here."""
        text = self.mail(CITIZEN, "/kasus/")
        return self.devices.open(re.search(r"\S+/kasus/\S+", text)[0], width=PHONE)  # type: ignore[index]

    def events(self, kind: str) -> int:
        """How often this happened to the case."""
        return int(rows(self.house.home, "SELECT count(*) FROM case_events WHERE type = %s", kind)[0][0])

    def told(self, kinds: str) -> int:
        """How often the office was told something of this kind."""
        return int(rows(self.house.home, "SELECT count(*) FROM notices WHERE kind LIKE %s", kinds)[0][0])

    def running(self) -> set[str]:
        """The promises that are not kept yet."""
        return {kind for (kind,) in rows(self.house.home, "SELECT kind FROM clocks WHERE ended_at IS NULL")}


@pytest.fixture
def months(browser: Browser, tmp_path: Path) -> Iterator[Months]:
    clock = HandClock(tmp_path / "clock")
    nowhere = f"http://127.0.0.1:{free_port()}"
    with mailbox() as box, running_house(
        WAJAH_DEMO="1", WAJAH_CLOCK_FILE=str(clock.file), SMTP_URL=box.url, RASA_URL=nowhere, WAJAH_BOT_TIMEOUT="1",
    ) as house:
        house.until_open()
        rows(house.home, "UPDATE officers SET email = login || '@contoh.go.id'")
        devices = Devices(browser, house.url)
        yield Months(house, box, clock, devices)
        devices.close()
        assert devices.faults == []


def reloaded(page: Page, words: str) -> None:
    """The page says so, after as many reloads as the house needs."""
    def says() -> bool:
        page.reload()
        return words in page.inner_text("main")

    until(says, 60, f"{words!r} on {page.url}")


def test_eight_months_cannot_pass_in_silence(months: Months) -> None:
    # --- "tolong ubah data usaha saya": a number, a name, two times; news by mail too (P2)
    phone = months.devices.open("/", width=PHONE)
    card = ask(phone, "tolong ubah data usaha saya")
    for words in ("Nomor kasus", "Dibalas paling lambat", "Selesai paling lambat"):
        expect(card).to_contain_text(words)
    shown = talk(phone).locator(".card").last.inner_text()
    number, owner = re.search(r"Kasus (\S+)", shown)[1], re.search(r"Petugas: ([^,]+),", shown)[1]  # type: ignore[index]
    talk(phone).get_by_role("textbox", name="Mau dikabari juga").fill(CITIZEN)
    talk(phone).get_by_role("button", name="Simpan", exact=True).click()
    expect(heard(phone, 2)).to_contain_text("juga akan dikirim ke alamat itu")
    for name in (owner, SUPERVISOR):
        months.officers(name)  # knows the way in; nobody touches the case

    nobody_touches_it(months, phone, number, owner)
    page = months.case_page()
    the_address_is_no_answer(months, page, number, owner)
    phone.close()
    page.close()  # the citizen is away from now on; mail comes all the same
    nothing_closes_it(months, number, owner)
    silence_closes_nothing_unseen(months, number, owner)
    page = months.case_page()
    silence_closes_what_was_seen(months, page)
    the_reply_box_sends(page, number, owner)


def nobody_touches_it(months: Months, phone: Page, number: str, owner: str) -> None:
    """Officer, supervisor, head; the citizen once; the ways outside; and it does not fall silent (P7)."""
    months.now("2026-11-24T10:35")
    assert number in months.mail(months.address(owner), "separuh waktu")
    assert months.box.to(months.address(SUPERVISOR)) == []

    months.now("2026-11-25T10:00")
    late = heard(phone, 3)
    expect(late).to_contain_text(f"{SUPERVISOR}, ")
    expect(late).to_contain_text("sekarang ikut mengawasi")
    expect(late).to_contain_text("sudah diberi tahu")
    head = re.search(r"^(.+?), Kepala .*sudah diberi tahu", late.inner_text(), re.M)[1]  # type: ignore[index]
    for leader in (SUPERVISOR, head):
        assert number in months.mail(months.address(leader), "balasan pertama")
    assert number in months.mail(CITIZEN, "terlambat dari janji kami")

    months.now("2026-12-07T10:00")  # past the five working days of an information request
    outside = heard(phone, 4)
    for words in ("ombudsman.go.id/pengaduan", "SP4N-LAPOR!", "tetap kami kerjakan"):
        expect(outside).to_contain_text(words)

    for day in ("2026-12-15", "2026-12-23"):  # five working days later, and again
        told_again(months, day)
    told_again(months, "2027-07-26")  # the rest of the eight months at one leap, as after an outage
    for leader in (SUPERVISOR, head):
        assert number in months.mail(months.address(leader), "masih belum ada")
    phone.reload()
    expect(talk(phone).locator(".message").filter(has_text="Ombudsman")).to_have_count(1)
    late = talk(phone).locator(".message").filter(has_text="tercatat dan tidak bisa dihapus")
    expect(late).to_have_count(2)  # once for each promise


def told_again(months: Months, day: str) -> None:
    """On this day the supervisor and the head hear of it again."""
    before = months.told("still_late%")
    months.now(f"{day}T10:00")
    until(lambda: months.told("still_late%") >= before + 2, 60, f"told again on {day}")


def the_address_is_no_answer(months: Months, page: Page, number: str, owner: str) -> None:
    """As a resolution it is refused, with the two ways out; as a reply it is sent and stops no clock (P6)."""
    expect(page.get_by_text(MISSED)).to_have_count(2)
    inspect(page, "case-eight-months")
    with page.expect_download() as dossier:
        page.get_by_role("link", name="Unduh seluruh berkas kasus").click()
    assert Path(dossier.value.path()).read_bytes().startswith(b"%PDF-")
    desk = months.desk(owner, f"/petugas/kasus/{number}")
    act(desk, "propose", ADDRESS)
    refusal = desk.locator("#ditolak")
    for words in ("hanya mengarahkan warga ke tempat lain", "pindahkan kasusnya", "rujuk dan dampingi"):
        expect(refusal).to_contain_text(words)
    desk.reload()
    act(desk, "reply", ADDRESS)
    expect(desk.locator("#hasil")).to_contain_text("Waktu janji tetap berjalan")
    assert months.running() == {"first_reply", "resolution"}
    reloaded(page, "wlkp [at] kemnaker")
    expect(page.get_by_text(MISSED)).to_have_count(2)
    expect(page.locator("#keadaan")).to_contain_text("Keterlambatan ini tercatat")


def nothing_closes_it(months: Months, number: str, owner: str) -> None:
    """No button of the officer's, none of the supervisor's; and a proposal is not an end (P5)."""
    desk = months.desk(owner, f"/petugas/kasus/{number}")
    for console in (desk, months.desk(SUPERVISOR, f"/petugas/kasus/{number}")):
        expect(console.locator("button[data-action]").first).to_be_attached()
        moves = console.locator("button[data-action]").evaluate_all("all => all.map((one) => one.dataset.action)")
        assert set(moves) <= MOVES
        expect(console.get_by_role("button", name=re.compile("tutup", re.I))).to_have_count(0)
    act(desk, "propose", "Data usaha Bapak sudah kami ubah hari ini.")
    expect(desk.locator("#hasil")).to_contain_text("Hanya warga yang bisa menutup kasus")
    assert number in months.mail(CITIZEN, "mengusulkan penyelesaian")


def silence_closes_nothing_unseen(months: Months, number: str, owner: str) -> None:
    """Reminders after three and seven working days; after ten nothing is closed, for nobody saw them (P5)."""
    for day in ("2027-07-29", "2027-08-04"):
        reminded(months, day)
    months.now("2027-08-10T10:30")
    until(lambda: months.told("undelivered") == 2, 60, "the officer and the supervisor are told")
    desk = months.desk(owner, f"/petugas/kasus/{number}")
    expect(desk.locator("#keadaan")).to_contain_text("Tidak ada bukti warga melihat usulan penyelesaian")


def reminded(months: Months, day: str) -> None:
    """On this day a reminder comes by mail."""
    before = len(months.box.to(CITIZEN))
    months.now(f"{day}T16:30")
    until(lambda: len(months.box.to(CITIZEN)) > before, 60, f"a reminder on {day}")
    assert "sudah selesai atau belum?" in months.box.to(CITIZEN)[-1].get_content()


def silence_closes_what_was_seen(months: Months, page: Page) -> None:
    """The citizen followed the link in the mail at last, has two more working days, and is silent still (P5)."""
    expect(page.get_by_text("Apakah masalah Anda sudah selesai?").first).to_be_visible()
    months.now("2027-08-11T16:30")
    until(lambda: months.events("delivered_at_last"), 60, "seen at last")
    months.now("2027-08-13T15:00")
    reloaded(page, "karena tidak ada balasan dari Anda")
    expect(page.get_by_text(MISSED)).to_have_count(2)  # closing takes nothing back


def the_reply_box_sends(page: Page, number: str, owner: str) -> None:
    """It works after the end too, says so once the text is stored, and the same number is open again."""
    page.get_by_role("textbox", name="Pesan Anda").fill("Email itu tidak pernah dibalas.")
    page.get_by_role("button", name="Kirim", exact=True).click()
    expect(page.locator("#terkirim")).to_contain_text("Terkirim.")
    expect(page.locator("#pesan-pesan")).to_contain_text("Email itu tidak pernah dibalas.")
    reloaded(page, f"Kasus {number} dibuka lagi dengan nomor yang sama")
    expect(page.locator("#keadaan")).to_contain_text(owner)

"""One case in the officer's browser: alive, by keyboard, felt at once, and nothing that is typed is lost; masked
numbers, colleagues at the same case, sound and notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Network, inspect, menu
from tests.support.house import House
from tests.support.people import Citizen, Officers
from tests.support.record import rows
from tests.support.waiting import until

Open = Callable[..., Page]
NIK = "3171011708450001"


@pytest.fixture
def case(citizen: Citizen) -> tuple[str, str]:
    """A case whose citizen wrote a NIK and told where they are: its number and its officer's name."""
    citizen.says(f"saya mau bicara dengan petugas, NIK saya {NIK}")
    citizen.is_at(-2.43, 115.25)
    cards = until(lambda: [one["case"] for one in citizen.sees() if one["case"]], what="a case")
    return cards[-1]["number"], cards[-1]["officer"]["name"]


def live(page: Page) -> Page:
    """The page, once its scripts and its stream work."""
    expect(page.locator("#belum-dibaca")).to_be_attached()
    return page


def last(page: Page) -> Locator:
    return page.locator("#pesan-pesan > li").last


def box(page: Page, kind: str = "reply") -> Locator:
    return page.locator(f"#pesan-{kind}")


def notice(page: Page) -> Locator:
    return page.locator("#kabar-kasus")


def test_the_queue_and_a_case_by_keyboard_alone(as_officer: Open, citizen: Citizen, case: tuple[str, str]) -> None:
    number, owner = case
    desk = live(as_officer(owner))
    press, line = desk.keyboard.press, desk.locator(f"#kasus-{number}")
    press("?")
    help_ = desk.get_by_role("dialog", name="Pintasan papan ketik")
    expect(help_).to_contain_text("Cari kasus")
    press("Escape")
    expect(help_).to_be_hidden()
    press("j")
    while not line.evaluate("(one) => one === document.activeElement"):
        before = desk.evaluate("document.activeElement.id")
        press("j")
        assert desk.evaluate("document.activeElement.id") != before, "the case is not in the queue"
    press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text(f"Kasus {number}")
    live(desk)
    press("t")
    expect(notice(desk)).to_contain_text("sekarang Anda tangani")
    press("?")
    expect(help_).to_contain_text("Balasan untuk warga")
    expect(help_).to_contain_text("Usulan penyelesaian")
    press("Escape")
    for key, words, shown in (
        ("r", "Selamat pagi.", last(desk)), ("n", "hanya untuk kita", last(desk)),
        ("p", "Sudah kami cetak.", desk.locator("#pesan-pesan")),
    ):
        press(key)
        desk.keyboard.type(words)
        if key == "p":  # the cause, which nobody chooses for the officer
            press("Tab")
            desk.keyboard.type("Berkas")
        press("Control+Enter")
        expect(shown).to_contain_text(words)
        expect(box(desk, {"r": "reply", "n": "note", "p": "propose"}[key])).to_have_value("")
        press("Escape")  # out of the box: letters are keys again
    expect(desk.locator("#keadaan")).to_contain_text("menunggu jawaban warga")
    said = str([one["text"] for one in citizen.sees()])
    assert "Selamat pagi." in said
    assert "Sudah kami cetak." in said
    assert "hanya untuk kita" not in said
    inspect(desk, "officer-case-proposed")
    press("g")
    press("q")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Kasus saya")


def test_tab_goes_on_from_what_an_act_made(as_officer: Open, case: tuple[str, str]) -> None:
    number, owner = case
    desk = live(as_officer(owner, f"/petugas/kasus/{number}"))
    desk.locator("button[data-action=takeover]").focus()
    desk.keyboard.press("Enter")
    expect(notice(desk)).to_contain_text("sekarang Anda tangani")
    expect(desk.locator("#tindakan")).to_be_focused()  # its button went
    desk.keyboard.press("Tab")
    expect(box(desk)).to_be_focused()


# What is said at once is read in the page itself: a moment later the news of what was done may already stand there.
PRESSED = """(button) => new Promise((told) => {
    const began = performance.now();
    new MutationObserver(() => told([performance.now() - began, button.textContent, button.ariaDisabled,
                                     document.getElementById("ucapan").textContent]))
        .observe(button, { childList: true });
    button.click();
})"""


def test_every_act_on_a_case_is_felt_within_100_ms(as_officer: Open, case: tuple[str, str]) -> None:
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    felt: dict[str, float] = {}
    for action, words, done in (
        ("takeover", "", "sekarang Anda tangani"), ("note", "catatan", "Catatan internal tersimpan"),
        ("reply", "Kami ubah.", "Balasan Anda tersimpan"), ("propose", "Kami cetak.", "Usulan penyelesaian dikirim"),
        ("hand_back", "", "Bot boleh menjawab lagi"),
    ):
        button = desk.locator(f"button[data-action={action}]")
        if words:
            for summary in desk.locator(f"#tindakan-{action} summary").all():
                summary.click()
            box(desk, action).fill(words)
        if action == "propose":
            desk.get_by_label("Sebab masalahnya").select_option(label="Berkas tertahan")
        milliseconds, said, busy, announced = button.evaluate(PRESSED)
        felt[action] = milliseconds
        assert (said, busy, announced) == ("Mengirim…", "true", "Mengirim…")
        expect(notice(desk)).to_contain_text(done)
    shown = desk.locator(".unmask")
    shown.locator("summary").click()
    shown.get_by_role("textbox").fill("cocokkan data")
    felt["show"], said, busy, announced = shown.get_by_role("button").evaluate(PRESSED)
    assert (said, busy, announced) == ("Menyimpan…", "true", "Menyimpan…")
    print({action: round(milliseconds, 1) for action, milliseconds in felt.items()})
    assert max(felt.values()) <= 100, felt


def test_p11_a_masked_number_is_shown_for_a_reason_only_and_that_is_recorded(
    as_officer: Open, officer: Officers, house: House, case: tuple[str, str]
) -> None:
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    said, asked = desk.locator("ol.talk .citizen").first, desk.locator(".unmask")
    expect(said).to_contain_text("[NIK]")
    asked.locator("summary").click()
    show = asked.get_by_role("button", name="Tampilkan")
    show.click()  # without a reason the browser itself holds the form back
    expect(asked.get_by_role("textbox")).to_be_focused()
    asked.get_by_role("textbox").fill("12345")
    show.click()
    expect(notice(desk).get_by_role("alert")).to_contain_text("Tulis alasannya dulu")
    assert NIK not in desk.content()
    asked.get_by_role("textbox").fill("cocokkan di SIAK")
    show.click()
    expect(said).to_contain_text(NIK)
    expect(asked).to_have_count(0)
    expect(notice(desk).get_by_role("alert")).to_have_count(0)
    expect(desk.locator("#riwayat")).to_contain_text("Nomor identitas ditampilkan: cocokkan di SIAK")
    inspect(desk, "officer-case-revealed")
    desk.reload()
    expect(said).to_contain_text("[NIK]")
    assert NIK not in desk.content()
    looks = rows(house.home, "SELECT officers.name FROM access_log JOIN officers ON officers.id = officer_id JOIN cases"
                             " USING (conversation_id) WHERE what = 'identity' AND number = %s", number)
    assert looks == [(owner,)]
    assert "identity_revealed" in [event["type"] for event in officer(owner).case(number)["events"]]


def test_colleagues_see_each_other_come_type_and_leave_by_the_stream(as_officer: Open, case: tuple[str, str]) -> None:
    number, owner = case
    other = "Ratna Wulandari"  # the head of their unit
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    here = desk.locator("#hadir")
    live(desk)
    expect(here).to_be_hidden()
    patience = 5_000  # nobody asks in between: the stream tells
    colleague = as_officer(other, f"/petugas/kasus/{number}")
    expect(here).to_have_text(f"{other} sedang membuka kasus ini.", timeout=patience)
    expect(colleague.locator("#hadir")).to_have_text(f"{owner} sedang membuka kasus ini.")
    colleague.locator("#tindakan-note summary").click()
    colleague.keyboard.type("saya lihat dulu")
    expect(here).to_have_text(f"{other} sedang mengetik.", timeout=patience)
    inspect(desk, "officer-case-present")
    colleague.close(run_before_unload=True)
    expect(here).to_be_hidden(timeout=patience)


COUNTING = """
    window.told = []; window.tones = 0;
    window.Notification = class extends Notification {
        constructor(title, options) { super(title, options); window.told.push(`${title} ${JSON.stringify(options)}`); }
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...at) { window.tones += 1; return start.apply(this, at); };
"""


def test_sound_and_notices_come_on_demand_for_other_cases_and_say_no_word_of_the_citizen(
    as_officer: Open, citizen: Citizen, case: tuple[str, str]
) -> None:
    number, owner = case
    desk = as_officer(owner, permissions=["notifications"])
    desk.context.add_init_script(COUNTING)
    desk.goto("/petugas")
    live(desk)

    def unread() -> int:
        return int(desk.locator("#belum-dibaca").inner_text().rpartition(" ")[2])

    def heard(words: str) -> list[int]:
        before = unread()
        citizen.says(words)
        until(lambda: unread() == before + 1, what="the message is counted")
        return list(desk.evaluate("[window.told.length, window.tones]"))

    assert heard("satu") == [0, 0]  # nobody asked for it
    menu(desk).get_by_role("button", name="Pemberitahuan").click()
    ways = desk.get_by_role("dialog", name="Pemberitahuan")
    ways.get_by_label("Bunyikan nada pendek").check()
    ways.get_by_label("Tampilkan pemberitahuan").check()
    inspect(desk, "petugas-pemberitahuan")
    ways.get_by_role("button", name="Tutup").click()
    assert desk.evaluate("window.tones") == 1  # what it will sound like
    assert heard("RAHASIA dua") == [1, 2]
    (told,) = desk.evaluate("window.told")
    assert told.startswith(f"Ada pesan baru di kasus {number}")
    assert "RAHASIA" not in told
    desk.goto(f"/petugas/kasus/{number}")  # who reads the case itself needs no bell
    live(desk)
    citizen.says("RAHASIA tiga")
    expect(last(desk)).to_contain_text("RAHASIA tiga")
    assert desk.evaluate("[window.told.length, window.tones]") == [0, 0]


def test_notices_that_the_browser_forbids_are_not_promised(as_officer: Open) -> None:
    desk = as_officer("Made Suardana")
    desk.evaluate("Notification.requestPermission = async () => 'denied'")
    menu(desk).get_by_role("button", name="Pemberitahuan").click()
    wanted = desk.get_by_label("Tampilkan pemberitahuan")
    wanted.click()
    expect(desk.locator("#notis-ditolak")).to_contain_text("Peramban tidak mengizinkan")
    expect(wanted).not_to_be_checked()


def test_what_comes_in_moves_nothing_that_is_typed_and_the_draft_outlives_a_reload(as_officer, citizen, case):
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    box(desk).click()
    desk.keyboard.type("baru separuh")
    before = box(desk).bounding_box()
    citizen.says("halo <b>masih di sana?</b>")
    expect(last(desk)).to_contain_text("halo <b>masih di sana?</b>")
    expect(box(desk)).to_have_value("baru separuh")
    expect(box(desk)).to_be_focused()
    assert before is not None
    until(lambda: abs(box(desk).bounding_box()["y"] - before["y"]) < 2, what="the box where it was")
    expect(desk.locator("#draf")).to_have_text("Draf tersimpan")
    desk.reload()
    expect(box(desk)).to_have_value("baru separuh")


def test_without_a_network_the_text_stays_and_is_sent_once(as_officer, citizen, case):
    number, owner = case
    desk = as_officer(owner, f"/petugas/kasus/{number}")
    network = Network(desk)
    network.cut()
    box(desk).fill("jangan hilang")
    desk.get_by_role("button", name="Kirim balasan").click()
    expect(notice(desk)).to_contain_text("Belum terkirim")
    expect(box(desk)).to_have_value("jangan hilang")
    network.restore()
    desk.get_by_role("button", name="Kirim balasan").click()
    expect(notice(desk)).to_contain_text("tersimpan dan dikirim")
    assert [one["text"] for one in citizen.sees()].count("jangan hilang") == 1

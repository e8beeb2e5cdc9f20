"""Bad networks, and what a first visit costs."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.bad_line import bad_line
from tests.support.browser import PHONE, SLOW_BYTES, SLOW_MS, Network, agree, ask, box, heard, kept, sizes, talk
from tests.support.house import House
from tests.support.people import Citizen
from tests.support.record import rows

Open = Callable[..., Page]
KB = 1000
DROPS = 2.5  # seconds


def test_p01_at_50_kb_a_second_with_800_ms_delay_and_drops_in_the_middle_nothing_is_lost_or_doubled(
    open_page: Open, house: House
) -> None:
    words = ["ktp sy ilang gmn ngurusnya", "biayanya brp", "mau bicara sama petugas", "saya tunggu ya"]
    with bad_line(house.port, SLOW_BYTES, SLOW_MS / 1000) as line:
        phone = open_page(line.url, width=PHONE)
        send, mine = phone.get_by_role("button", name="Kirim", exact=True), talk(phone).locator(".message.citizen")
        line.drop_every(DROPS)  # of 20 s, shortened: still longer than a message needs there and back
        for number, text in enumerate(words, 1):
            box(phone).fill(text)
            send.click()
            agree(phone)
            expect(mine).to_have_count(number, timeout=60_000)  # sent by the widget itself, as often as it takes
            expect(box(phone)).to_have_value("")
        picture = {"name": "surat.jpg", "mimeType": "image/jpeg", "buffer": noise(110_000)}  # in two pieces
        phone.locator("wajah-chat input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
        phone.locator("wajah-chat").get_by_role("group").get_by_role("button", name="Kirim").click()
        expect(mine).to_have_count(len(words) + 1, timeout=90_000)
        expect(talk(phone)).to_contain_text("Nomor kasus")
        dropped = line.drops
        line.drop_every(0)
        expect(talk(phone).get_by_role("button", name="surat.jpg")).to_have_count(1)
        expect(mine.locator(".text")).to_have_text([*words, "(berkas)"])
        known = kept(phone)
    assert dropped >= 3
    stored = rows(house.home, "SELECT author, fate FROM messages WHERE conversation_id = %s ORDER BY seq", known["id"])
    fates = [fate for author, fate in stored if author == "citizen"]
    assert fates == ["answer", "answer", "new_case", "case", "case"]
    assert len([author for author, _ in stored if author == "bot"]) == 2


def noise(size: int) -> bytes:
    """A small photo that packs no further, of at least so many bytes."""
    side, out = 64, io.BytesIO()
    while out.tell() < size:
        side, out = side + 32, io.BytesIO()
        Image.effect_noise((side, side), 90).convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


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

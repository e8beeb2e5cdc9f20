"""P11 in the citizen's browser: what is kept, a copy, and being erased, from the chat and with nobody's help."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from handoff.embedded import SUPERUSER
from tests.support.browser import PHONE, ask, box, fits, inspect, kept, say, talk, tap
from tests.support.erased import found
from tests.support.house import House
from tests.support.people import Citizen, Officers
from tests.support.record import rows
from tests.support.waiting import until

Open = Callable[..., Page]
WORDS = "Kampung Randublatung Lor"


def path_of(page: Page, part: str) -> str:
    """The address of ours that was said last and has this part, without the house's name."""
    link = talk(page).get_by_role("link").filter(has_text=part).last
    expect(link).to_be_visible()
    return urlsplit(str(link.get_attribute("href"))).path


def said_last(page: Page) -> Any:
    return talk(page).locator(".message.system").last


def soon(house: House, page: Page) -> None:
    """A day has passed for this citizen's wish."""
    rows(house.home, "UPDATE erasures SET due_at = now() - %s FROM conversations c"
                     " WHERE c.citizen_id = erasures.citizen_id AND c.id = %s", timedelta(minutes=1), kept(page)["id"])


def test_p11_seen_taken_and_erased_from_the_chat(open_page: Open, house: House, tmp_path: Path) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, f"mau bicara sama petugas, saya di {WORDS}")
    conversation, token = kept(phone)["id"], kept(phone)["token"]
    talk(phone).page.locator("wajah-chat").get_by_role("button", name="Data saya", exact=True).click()
    inspect(phone, "chat-own-data-asked")
    phone.locator("wajah-chat").get_by_role("button", name="Lihat atau hapus").click()
    expect(said_last(phone)).to_contain_text("Belum ada petugas yang membuka percakapan Anda")
    inspect(phone, "chat-own-data")
    tap(phone, "Unduh data saya")
    expect(said_last(phone)).to_contain_text("hanya berlaku satu kali")
    copy = phone.context.new_page()
    copy.goto(path_of(phone, "/data/"))
    inspect(copy, "own-data-link")
    copy.get_by_role("button", name="Buka di perangkat ini").click()
    expect(copy.get_by_role("heading", level=1)).to_have_text("Salinan data Anda")
    expect(copy.get_by_text(WORDS)).to_be_visible()
    inspect(copy, "own-data-copy")
    with copy.expect_download() as loading:
        copy.get_by_role("link", name="Unduh semuanya (ZIP)").click()
    loading.value.save_as(tmp_path / "data.zip")
    archive = zipfile.ZipFile(tmp_path / "data.zip")
    assert WORDS in archive.read("data.json").decode()
    (tmp_path / "baca.html").write_bytes(archive.read("baca.html"))
    copy.get_by_role("button", name="Selesai, tutup di perangkat ini").click()
    expect(copy.get_by_role("heading", level=1)).to_have_text("Salinan sudah ditutup")

    say(phone, "hapus data saya")
    expect(said_last(phone)).to_contain_text("ikut dibatalkan")
    inspect(phone, "chat-erase-asked")
    tap(phone, "Batalkan dan hapus")
    expect(said_last(phone)).to_contain_text("Berubah pikiran?")
    receipt = phone.context.new_page()
    receipt.goto(path_of(phone, "/data/bukti/"))
    expect(receipt.get_by_role("heading", level=1)).to_have_text("Data belum dihapus")
    tap(phone, "Jangan dihapus")
    expect(said_last(phone)).to_contain_text("penghapusan dibatalkan")
    say(phone, "hapus data saya")
    tap(phone, "Batalkan dan hapus")
    expect(said_last(phone)).to_contain_text("Berubah pikiran?")
    receipt.goto(path_of(phone, "/data/bukti/"))
    soon(house, phone)
    until(lambda: rows(house.home, "SELECT erased_at FROM conversations WHERE id = %s AND erased_at IS NOT NULL",
                       conversation), 60, "the worker erased it")
    receipt.reload()
    expect(receipt.get_by_role("heading", level=1)).to_have_text("Data sudah dihapus")
    inspect(receipt, "own-data-receipt")

    expect(phone.locator("wajah-chat").get_by_role("status")).to_contain_text("telah dihapus atas permintaan warga")
    expect(talk(phone).locator(".message")).to_have_count(0)
    inspect(phone, "chat-erased")
    box(phone).fill("selamat pagi")
    phone.locator("wajah-chat").get_by_role("button", name="Kirim", exact=True).click()
    expect(talk(phone).locator(".message.citizen")).to_have_count(1)
    assert kept(phone)["id"] != conversation
    until(lambda: rows(house.home, "SELECT 1 FROM erasures e JOIN conversations c USING (citizen_id)"
                                   " WHERE c.id = %s AND e.state = 'done'", conversation), 60, "Rasa forgot too")
    traces = {"words": WORDS.encode(), "token": token.encode()}
    assert found(house.home.cluster.url(SUPERUSER), house.home.path, traces) == []  # nor in the database's own files


def test_p11_officers_and_the_case_page_say_that_it_was_erased(
    open_page: Open, house: House, citizen: Citizen, officer: Officers, as_officer: Callable[..., Page]
) -> None:
    card = citizen.asks(f"mau bicara sama petugas, saya di {WORDS}")[-1]["case"]
    name = card["officer"]["name"]
    as_officer(name, f"/petugas/kasus/{card['number']}").close()  # a look
    page = open_page(urlsplit(card["url"]).path + "?" + urlsplit(card["url"]).query)
    page.get_by_role("button", name="Lihat atau hapus").click()
    expect(page.get_by_text(f"{name} (").first).to_be_visible()
    page.get_by_text("Pilihan lain").click()
    page.get_by_role("button", name="Hapus data saya").click()
    page.get_by_text("Pilihan lain").click()
    page.get_by_role("button", name="Batalkan dan hapus").click()
    expect(page.get_by_text("Berubah pikiran?")).to_be_visible()
    inspect(page, "case-erase-asked")
    rows(house.home, "UPDATE erasures SET due_at = now() - interval '1 minute' FROM conversations c"
                     " WHERE c.citizen_id = erasures.citizen_id AND c.id = %s", citizen.id)
    until(lambda: rows(house.home, "SELECT 1 FROM conversations WHERE id = %s AND erased_at IS NOT NULL", citizen.id),
          60, "the worker erased it")
    page = page.context.new_page()  # the open one has seen it happen and may be loading itself anew
    page.goto(urlsplit(card["url"]).path)
    expect(page.get_by_text("Data ini telah dihapus atas permintaan warga.").first).to_be_visible()
    expect(page.get_by_text(WORDS)).to_have_count(0)
    inspect(page, "case-erased")
    desk = as_officer(name, f"/petugas/kasus/{card['number']}")
    expect(desk.get_by_text("Data ini telah dihapus atas permintaan warga.").first).to_be_visible()
    expect(desk.get_by_text("Data warga dihapus atas permintaannya")).to_be_visible()
    expect(desk.get_by_text(WORDS)).to_have_count(0)
    fits(desk)

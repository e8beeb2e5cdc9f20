"""Photos from a telephone, over bad lines: sent once, made smaller, called off."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, Network, agree, ask, box, kept, say, talk
from tests.support.house import House

Open = Callable[..., Page]


def photo() -> bytes:
    """A telephone's photo, larger than is needed to read it."""
    out = io.BytesIO()
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def test_p01_a_photo_over_a_line_that_drops_and_a_server_that_dies_arrives_once(open_page: Open, house: House) -> None:
    phone = open_page("/", width=PHONE)
    ask(phone, "selamat pagi")
    network = Network(phone)
    network.slow(200_000, 100)
    begun: list[str] = []
    phone.on("request", lambda request: request.method == "PATCH" and begun.append(request.headers["upload-offset"]))
    phone.locator("wajah-chat input[type=file]").set_input_files(
        {"name": "ktp saya.png", "mimeType": "image/png", "buffer": photo()})
    question = phone.locator("wajah-chat").get_by_role("group")
    expect(question).to_contain_text("ktp saya.jpg")
    bar = phone.locator("wajah-chat progress")
    with phone.expect_request(lambda request: request.headers.get("upload-offset", "0") != "0"):
        question.get_by_role("button", name="Kirim").click()
    expect(bar).to_be_visible()
    network.cut()
    expect(phone.locator("wajah-chat").get_by_role("status")).to_contain_text("Belum terkirim")
    restarts = house.kill("web")
    house.until_back("web", restarts)
    network.restore()
    expect(talk(phone).get_by_role("button", name="ktp saya.jpg")).to_have_count(1)
    expect(bar).to_be_hidden()
    assert len([offset for offset in begun if offset == "0"]) == 1  # it went on where it was
    known = kept(phone)
    headers = {"Authorization": f"Bearer {known['token']}"}
    got = phone.request.get(f"/api/v1/conversations/{known['id']}/messages", headers=headers).json()
    (file,) = [file for message in got["messages"] for file in message["attachments"]]
    with Image.open(io.BytesIO(phone.request.get(file["url"], headers=headers).body())) as arrived:
        assert (arrived.format, arrived.size) == ("JPEG", (1600, 1200))


def test_p01_while_a_photo_is_under_way_words_are_sent_and_nobody_is_torn_from_writing(open_page: Open) -> None:
    phone = open_page("/", width=PHONE)
    network = Network(phone)
    phone.locator("wajah-chat input[type=file]").set_input_files(
        {"name": "ktp saya.png", "mimeType": "image/png", "buffer": photo()})
    agree(phone)
    network.slow(30_000, 100)
    question = phone.locator("wajah-chat .foot .ask")
    question.get_by_role("button", name="Kirim").click()
    expect(phone.locator("wajah-chat progress")).to_be_visible()
    expect(question.get_by_role("button")).to_have_text(["Batal"])  # it is asked once
    expect(say(phone, "itu foto ktp saya").locator(".who")).to_contain_text("Terkirim")
    expect(phone.locator("wajah-chat progress")).to_be_visible()
    box(phone).fill("yang lama")
    network.restore()
    expect(talk(phone).get_by_role("button", name="ktp saya.jpg")).to_have_count(1)
    expect(question).to_be_hidden()
    expect(box(phone)).to_be_focused()
    expect(box(phone)).to_have_value("yang lama")


def test_a_small_picture_is_sent_as_it_is_and_a_file_called_off_is_not_sent(open_page: Open) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "PNG")
    phone = open_page("/", width=PHONE)
    picker, question = phone.locator("wajah-chat input[type=file]"), phone.locator("wajah-chat").get_by_role("group")
    file: Any = {"name": "kecil.png", "mimeType": "image/png", "buffer": out.getvalue()}
    picker.set_input_files(file)
    agree(phone)  # a file, too, is not sent before its reader agrees
    expect(question).to_contain_text("kecil.png")
    question.get_by_role("button", name="Batal").click()
    picker.set_input_files(file)
    question.get_by_role("button", name="Kirim").click()
    expect(talk(phone).get_by_role("button", name="kecil.png")).to_have_count(1)

"""The dossier of a case: what its citizen carries elsewhere, as PDF."""

from __future__ import annotations

import io
import os

import pikepdf
import pypdfium2
import pytest

from handoff.services.case import verbs
from handoff.services.case.cases import key_of
from handoff.services.views import dossier, pages
from tests.support.case_page import browser, with_case
from tests.support.citizen import UNSURE

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


def words(file: bytes) -> str:
    """Everything that is printed in it, page after page."""
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(file))


async def test_the_dossier_is_a_pdf_with_all_the_citizen_may_carry_and_no_note(served, runtime):
    citizen = await with_case(runtime)
    case, officer = await citizen.case(), await citizen.officer()
    await verbs.note(runtime, officer, case.id, "RAHASIA kantor")
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini. 🙏 " + "a" * 300)
    client, _ = await browser(served, citizen)
    answer = await client.get(f"/kasus/{case.number}/berkas.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="kasus-{case.number}.pdf"'
    assert "no-store" in answer.headers["cache-control"]
    with pikepdf.open(io.BytesIO(answer.content)) as document:
        assert str(document.docinfo["/Title"]) == f"Berkas kasus {case.number}"
    assert "Kami ubah hari ini. 🙏" in words(answer.content)
    found = await dossier.of(runtime, await pages.open_case(runtime, case.number, key_of(runtime, case.id, 0)))
    assert "RAHASIA" not in repr([m["text"] for m in found.messages])
    assert [m["text"] for m in found.messages][-1].startswith("Kami ubah hari ini.")
    assert any(officer.name in step.text for step in found.steps)
    assert {promise.kind for promise in found.promises} >= {"first_reply", "resolution"}
    nobody = await served.client()
    assert (await nobody.get(f"/kasus/{case.number}/berkas.pdf")).status_code == 403
    assert (await client.get("/kasus/0000-0000/berkas.pdf")).status_code in (403, 404)


async def test_the_dossier_prints_other_scripts_joined_and_from_the_right_and_says_what_it_cannot(served, runtime):
    citizen = await with_case(runtime, "محمد")
    await citizen.asks("ꦱꦸꦒꦼꦁ ꦫꦮꦸꦃ. ᬒᬁ ᮞᮥᮔ᮪ᮓ ᨒᨚᨈᨑ ✅ ☎ 🙏", UNSURE)
    page = await printed(served, citizen)
    text = page.get_textpage().get_text_bounded()
    assert set("محمد") | set("ꦱꦒꦫꦮ") | set("ᬒᮞᮔᮓᨒᨈᨑ✅☎🙏") <= set(text)
    assert "◊" not in text
    assert "tidak bisa dicetak" not in text
    edges = edges_of(page, "محمد")
    assert edges == sorted(edges, reverse=True)  # read from the right
    assert edges[0] > page.get_width() / 2       # and set there
    assert pieces(page, "محمد") == 1             # the four letters are joined

    await citizen.asks("{nb} 陈美玲", UNSURE)
    text = (await printed(served, citizen)).get_textpage().get_text_bounded()
    assert "{nb} ◊" in text  # one for the three of them, and no number of pages
    assert "◊ menggantikan huruf lain" in text


async def printed(served, citizen) -> pypdfium2.PdfPage:
    """The first page of the citizen's dossier."""
    client, _ = await browser(served, citizen)
    answer = await client.get(f"/kasus/{(await citizen.case()).number}/berkas.pdf")
    page = pypdfium2.PdfDocument(answer.content)[0]
    if folder := os.environ.get("DOSSIER_PICTURES"):  # to look at
        page.render(scale=2).to_pil().save(f"{folder}/dossier-{len(answer.content)}.png")
    return page


def boxes_of(page: pypdfium2.PdfPage, letters: str) -> list[tuple[float, float, float, float]]:
    """Where each of these letters stands, in points from the lower left."""
    text = page.get_textpage()
    said = [text.get_text_range(index, 1) for index in range(text.count_chars())]
    first = next(i for i in range(len(said)) if sorted(said[i : i + len(letters)]) == sorted(letters))
    boxes = [(said[i], text.get_charbox(i)) for i in range(first, first + len(letters))]
    return [box for letter in letters for sign, box in [boxes.pop(next(
        n for n, (sign, _) in enumerate(boxes) if sign == letter))]]


def edges_of(page: pypdfium2.PdfPage, letters: str) -> list[float]:
    """The right edges of these letters in the order in which they are read."""
    return [box[2] for box in boxes_of(page, letters)]


def pieces(page: pypdfium2.PdfPage, word: str) -> int:
    """How many pieces the ink of a word falls into on the drawn page."""
    boxes, zoom = boxes_of(page, word), 4
    left, low = (min(box[n] for box in boxes) for n in (0, 1))
    right, high = (max(box[n] for box in boxes) for n in (2, 3))
    height = page.get_height()
    area = (left - 1, height - high - 1, right + 1, height - low + 1)
    drawn = page.render(scale=zoom).to_pil().convert("L").crop(tuple(round(edge * zoom) for edge in area))
    ink = {(x, y) for x in range(drawn.width) for y in range(drawn.height) if drawn.getpixel((x, y)) < 128}
    found = 0
    while ink:
        found, edge = found + 1, [ink.pop()]
        while edge:
            x, y = edge.pop()
            near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & ink
            ink -= near
            edge += near
    return found

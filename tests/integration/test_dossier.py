"""The dossier of a case: what its citizen carries elsewhere, as PDF."""

from __future__ import annotations

import io
import re

import pikepdf
import pytest

from handoff.services.case import verbs
from handoff.services.case.cases import key_of
from handoff.services.views import dossier, pages
from tests.support.case_page import browser, with_case

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


def letters(document: pikepdf.Pdf) -> set[str]:
    """Every letter that is printed somewhere in it."""
    fonts = [font for page in document.pages for font in page.resources["/Font"].values()]
    maps = b"".join(font["/ToUnicode"].read_bytes() for font in fonts)
    return {chr(int(code, 16)) for code in re.findall(rb"<([0-9A-Fa-f]{4})>\s", maps)}


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
        assert "◊" in letters(document)  # for the praying hands, of which the font knows nothing
    found = await dossier.of(runtime, await pages.open_case(runtime, case.number, key_of(runtime, case.id, 0)))
    assert "RAHASIA" not in repr([m["text"] for m in found.messages])
    assert [m["text"] for m in found.messages][-1].startswith("Kami ubah hari ini.")
    assert any(officer.name in step.text for step in found.steps)
    assert {promise.kind for promise in found.promises} >= {"first_reply", "resolution"}
    nobody = await served.client()
    assert (await nobody.get(f"/kasus/{case.number}/berkas.pdf")).status_code == 403
    assert (await client.get("/kasus/0000-0000/berkas.pdf")).status_code in (403, 404)

"""Transfer, refer and accompany, no request at all: the forms on a case's page, and whom they are shown to."""

from __future__ import annotations

from datetime import date

import pytest

from handoff.services.case import dismissals, transfers
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.console import browser, does, moves, opened
from tests.support.office import person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
REDIRECT = "Silakan hubungi dinas terkait."


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def sends(client, page: Page, ending: str, **fields: str) -> Page:
    form = next(f for f in page.forms if f.action.endswith(ending))
    response = await client.post(form.action, data={**form.fields, **fields})
    return Page(response)


async def test_a_case_moves_to_another_unit_by_two_forms(served, runtime):
    citizen = await with_case(runtime)
    case = await citizen.case()
    here = await browser(served, await citizen.officer())
    there = await browser(served, await person(runtime, "officer", "sosial"))
    page = await opened(here, case.number)
    assert {"transfer", "refer", "dismiss"} <= moves(page)
    page = await sends(here, page, "/pindah", unit="sosial", pesan="Ini urusan bansos.")
    assert "Permintaan terkirim." in page.text
    assert moves(page) >= {"withdraw_transfer"}
    assert "transfer" not in moves(page)
    page = await opened(there, case.number)
    assert "Ini urusan bansos." in page.text
    assert moves(page) == {"accept_transfer", "decline_transfer"}
    page = await sends(there, page, "/pindah/terima")
    assert "Kasus ini sekarang Anda tangani." in page.text
    assert "transfer" in moves(page)


async def test_a_declined_case_goes_back_to_the_list(served, runtime):
    citizen = await with_case(runtime)
    case, owner = await citizen.case(), await citizen.officer()
    await transfers.request(runtime, owner, case.id, "sosial", "Ini urusan bansos.")
    there = await browser(served, await person(runtime, "officer", "sosial"))
    page = await opened(there, case.number)
    form = next(f for f in page.forms if f.action.endswith("/pindah/tolak"))
    answer = await there.post(form.action, data={**form.fields, "pesan": "Bukan urusan kami."})
    assert (answer.status_code, answer.url.path.rstrip("/")) == (200, "/petugas")
    assert (await there.get(f"/petugas/kasus/{case.number}")).status_code == 404


async def test_refer_and_accompany_on_the_page(served, runtime, clock):
    citizen = await with_case(runtime)
    case = await citizen.case()
    client = await browser(served, await citizen.officer())
    page = await opened(client, case.number)
    page = await sends(client, page, "/rujuk", kantor="Kemenaker", pesan="Minta <b>ubah</b> data", hari="2026-11-20")
    assert "Pilih hari dalam 60 hari ke depan" in page.text
    assert "Minta <b>ubah</b> data" in page.text  # what was typed is not lost
    page = await sends(client, page, "/rujuk", kantor="Kemenaker", pesan="Minta ubah data", rujukan="560/1",
                       hari="2026-11-30")
    assert "Kasus tetap Anda tangani." in page.text
    assert "Tanyakan lagi: Kemenaker (560/1), 30 November 2026" in page.text
    page = await sends(client, page, next(f.action for f in page.forms if "/rujuk/" in f.action), pesan="Sudah diubah")
    assert "Tanyakan lagi" not in page.text
    assert "Sudah diubah" in (await citizen.sees())[-1]["text"]
    assert date(2026, 11, 24) == clock().date()


async def test_no_request_takes_a_second_person_on_the_page(served, runtime):
    citizen = await with_case(runtime)
    case, owner = await citizen.case(), await citizen.officer()
    first, second = await browser(served, owner), await browser(served, await colleague(runtime, owner))
    page = await sends(first, await opened(first, case.number), "/bukan-permintaan", pesan="pesan pizza")
    assert "confirm_dismissal" not in moves(page)
    page = await opened(second, case.number)
    assert moves(page) == {"confirm_dismissal"}
    page = await sends(second, page, "/bukan-permintaan/benarkan", pesan="benar")
    assert (await citizen.case()).closed_reason == "not_a_request"
    with pytest.raises(Exception, match="closed"):
        await dismissals.dismiss(runtime, owner, case.id, "lagi")


async def test_a_redirect_is_told_on_the_page_and_the_head_sees_what_was_held_back(served, runtime):
    citizen = await with_case(runtime)
    case = await citizen.case()
    client = await browser(served, await citizen.officer())
    page = Page(await does(client, await opened(client, case.number), "reply", REDIRECT))
    assert "Waktu janji tetap berjalan" in page.text
    answer = await does(client, page, "propose", REDIRECT)
    assert answer.status_code == 422
    assert "hanya mengarahkan warga ke tempat lain: “Silakan hubungi dinas terkait”" in Page(answer).text
    assert "allow_address" not in moves(Page(answer))
    head = await browser(served, await person(runtime, "head", "kependudukan"))
    page = await opened(head, case.number)
    assert "allow_address" in moves(page)
    await sends(head, page, "/benarkan-alamat", pesan="Warga hanya menanyakan alamat.")
    assert (await citizen.case()).status == "resolution_proposed"


@pytest.mark.parametrize(("role", "unit", "status"), [
    ("officer", "sosial", 404), ("head", "sosial", 404), ("inspector", None, 404), ("data_officer", None, 404),
    ("auditor", None, 403), ("admin", None, 403),
])
async def test_who_cannot_read_the_case_cannot_move_it(served, runtime, role, unit, status):
    case = await (await with_case(runtime)).case()
    client = await browser(served, await person(runtime, role, unit))
    token = Page(await client.get("/petugas")).form("tanda").fields["tanda"]
    for ending in ("pindah", "pindah/batal", "pindah/terima", "pindah/tolak", "rujuk", "bukan-permintaan",
                   "bukan-permintaan/benarkan", "benarkan-alamat", f"rujuk/{case.id}"):
        answer = await client.post(f"/petugas/kasus/{case.number}/{ending}", data={"tanda": token, "pesan": "x"})
        assert answer.status_code == status, ending
        answer = await client.post(f"/petugas/kasus/{case.number}/{ending}", data={"pesan": "x"})
        assert answer.status_code == 403, ending

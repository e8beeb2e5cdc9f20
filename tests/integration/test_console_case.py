"""`/petugas/kasus/…`: one case in the console as a browser without JavaScript has it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from handoff.services import verbs
from handoff.store import db
from handoff.store.schema import access_log
from tests.integration.test_case_page import reachable
from tests.support.citizen import UNSURE, Citizen, answers, colleague
from tests.support.console import browser, does, form_of, offered, opened, spoken
from tests.support.office import officer_row, open_case, open_case_with_file
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def test_the_case_shows_what_the_bot_answered_and_on_what_it_rested(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    case = await citizen.case()
    client = await browser(served, await citizen.officer())
    page = await opened(client, case.number)
    title = runtime.catalogue.topics["ktp_hilang"].title
    for told in ("ktp sy ilang", "Jawaban bot dibantah", f"Topik: {title}", "Keyakinan bot 90%, batas 50%",
                 "Model test", "Sumber: ", "Kasus dibuka: Jawaban bot dibantah", "Dibalas paling lambat"):
        assert told in page.text
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(access_log.c.what))).scalars().all() == ["case"]
    assert (await client.get(f"/petugas/kasus/{case.number.replace('-', '')}")).url.path.endswith(case.number)


async def test_what_a_citizen_writes_is_text_and_every_script_is_a_file_of_ours(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("<script>alert('x')</script> <img src=x onerror=y> \"'&amp;", UNSURE)
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "<script>alert('x')</script> <img src=x onerror=y> \"'&amp;" in page.text
    assert not {"img", "style"} & {tag for tag, _ in page.tags}
    assert all(given.get("src", "").startswith("/static/") for tag, given in page.tags if tag == "script")
    assert not [name for _, given in page.tags for name in given if name == "style" or name.startswith("on")]


async def test_files_are_downloads(served):
    case, file = await open_case_with_file(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    link = next(h for h in (await opened(client, case.number)).attributes("a", "href") if str(file) in h)
    response = await client.get(link)
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''ktp.png"


async def test_a_long_talk_is_read_page_by_page(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    for n in range(230):
        await citizen.writes(f"pesan-{n:03}.")
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "pesan-229." in page.text
    assert "pesan-010." not in page.text
    first = Page(await client.get(next(h for h in page.attributes("a", "href") if "setelah=" in h)))
    assert "pesan-010." in first.text
    assert "pesan-229." not in first.text
    last = Page(await client.get([h for h in first.attributes("a", "href") if "setelah=" in h][-1]))
    assert "pesan-229." in last.text


# --- acting -----------------------------------------------------------------------------------------------------------


async def test_of_two_officers_one_takes_over_and_the_other_reads_who(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    people = [owner, await colleague(served.runtime, owner)]
    clients = [await browser(served, officer) for officer in people]
    pages = [await opened(client, case.number) for client in clients]
    both = await asyncio.gather(*(does(c, p, "takeover") for c, p in zip(clients, pages, strict=True)))
    assert sorted(r.status_code for r in both) == [200, 409]
    won, lost = sorted(both, key=lambda r: r.status_code)
    winner = people[both.index(won)]
    assert "Percakapan ini sekarang Anda tangani." in Page(won).text
    assert f"sudah diambil alih oleh {winner.name}" in Page(lost).text
    assert offered(Page(won)) == ["reply", "propose", "note", "hand_back"]
    assert offered(Page(lost)) == []


async def test_a_talk_from_takeover_to_the_citizens_yes(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    number = (await citizen.case()).number
    client = await browser(served, await citizen.officer())
    page = Page(await does(client, await opened(client, number), "takeover"))
    page = Page(await does(client, page, "note", "RAHASIA kantor"))
    assert "Catatan internal tersimpan." in page.text
    assert "Catatan internal, tidak terlihat warga" in page.text
    page = Page(await does(client, page, "reply", "Selamat pagi,\r\nsaya bantu."))
    assert "Balasan Anda tersimpan" in page.text
    page = Page(await does(client, page, "hand_back"))
    assert "Bot boleh menjawab lagi." in page.text
    assert offered(page) == ["takeover", "reply", "propose", "note"]
    page = Page(await does(client, page, "propose", "KTP sudah jadi."))
    assert "Penyelesaian diusulkan, menunggu jawaban warga" in page.text
    seen = [m["text"] for m in await citizen.sees()]
    assert "Selamat pagi,\nsaya bantu." in seen
    assert "RAHASIA" not in str(seen)
    assert any(text.startswith("KTP sudah jadi.") for text in seen)
    await citizen.taps("Sudah selesai")
    refused = await does(client, page, "reply", "Satu hal lagi <b>")
    assert refused.status_code == 409
    page = Page(refused)
    assert "Kasus ini sudah ditutup." in page.text
    assert "Satu hal lagi <b>" in page.text
    assert offered(page) == ["note"]
    assert "Ditutup" in Page(await client.get("/petugas?ditutup=1")).text


@pytest.mark.parametrize("action", ["reply", "note", "propose"])
async def test_a_form_sent_twice_says_it_once(served, action):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    both = await asyncio.gather(*(does(client, page, action, "Baik.") for _ in range(2)))
    assert [r.status_code for r in both] == [200, 200]
    assert await spoken(served.runtime) == 1
    await does(client, page, action, "Yang lain, dari halaman yang sama.")
    assert await spoken(served.runtime) == 2


@pytest.mark.parametrize(("text", "status", "why"), [
    (" \n", 422, "Pesannya masih kosong."), ("a" * 4097, 413, "Terlalu besar."),
])
async def test_what_cannot_be_said_stays_in_its_box(served, text, status, why):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    for action in ("reply", "note", "propose"):
        response = await does(client, await opened(client, case.number), action, text)
        page = Page(response)
        assert response.status_code == status
        assert why in page.text
        assert {a: form_of(page, a).fields["pesan"] for a in ("reply", "note", "propose")} == {
            **dict.fromkeys(("reply", "note", "propose"), ""), action: text
        }
    assert await spoken(served.runtime) == 0


async def test_without_the_database_nothing_typed_is_lost_and_the_same_form_still_says_it_once(served, database):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    await reachable(database, False)
    response = await does(client, page, "reply", "jangan hilang <b>")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert (await client.get("/petugas")).status_code == 503
    await reachable(database, True)
    again = Page(response)
    assert "Layanan sedang terganggu." in again.text
    assert form_of(again, "reply").fields["pesan"] == "jangan hilang <b>"
    for sent in (again, page):
        told = Page(await does(client, sent, "reply", "jangan hilang <b>")).text
        assert "Balasan Anda tersimpan" in told
        assert told.count("jangan hilang <b>") == 1


async def test_nothing_is_called_done_that_this_officer_did_not_do(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    await verbs.take_over(served.runtime, owner, case.id)
    client = await browser(served, await colleague(served.runtime, owner))
    for claimed in ("takeover", "reply", "x"):
        page = Page(await client.get(f"/petugas/kasus/{case.number}?hasil={claimed}"))
        assert "hasil" not in [given.get("id") for _, given in page.tags]

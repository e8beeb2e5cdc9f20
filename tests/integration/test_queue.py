"""The officers' queue: what waits, how long, what is unread, and what of it is looked for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handoff.domain.access import Matter, Permission, may
from handoff.domain.case import Reason, Role, Status
from handoff.services.case import verbs
from handoff.services.errors import Forbidden, NotFound
from handoff.services.people import office
from handoff.services.views import desk, lists
from handoff.services.views.lists import Wanted
from handoff.store import db
from handoff.store.schema import cases, officers
from handoff.store.schema_desk import read_marks
from handoff.store.schema_record import access_log
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.console import browser, form_of
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def numbers(runtime, officer, **wanted) -> list[str]:
    return [line["number"] for line in await lists.queue(runtime, officer, Wanted(**wanted))]


async def change(runtime, case, **values) -> None:
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(cases).where(cases.c.id == case.id).values(**values))


async def searched(runtime, officer, text: str) -> set[str]:
    found = await lists.find(runtime, officer, text, {"ktp_hilang": "KTP hilang"})
    return {line["number"] for line in found.lines}


async def looks(runtime) -> list[tuple]:
    async with db.transaction(runtime.pool) as connection:
        return [tuple(row) for row in (await connection.execute(
            select(access_log.c.conversation_id, access_log.c.what)
        )).all()]


# --- lists ------------------------------------------------------------------------------------------------------------


async def test_filters_choose_and_counts_count(runtime, clock):
    first = await open_case(runtime, topic="ktp_hilang")
    clock.forward(timedelta(minutes=50))
    second = await open_case(runtime, reason="low_confidence")
    head = await person(runtime, "head", "kependudukan")
    await change(runtime, second, urgent=True)
    owner = await officer_row(runtime, second.officer_id)
    await verbs.take_over(runtime, owner, second.id)
    clock.forward(timedelta(minutes=20))  # the first is late by ten minutes
    await desk.mark_read(runtime, head, first.number, 9)
    for wanted, expected in (
        ({}, [second.number, first.number]), ({"late": True}, [first.number]), ({"unread": True}, [second.number]),
        ({"reason": Reason.low_confidence}, [second.number]), ({"topic": "ktp_hilang"}, [first.number]),
        ({"status": Status.in_progress}, [second.number]), ({"closed": True}, []), ({"offset": 1}, [first.number]),
        ({"late": True, "unread": True}, []),
    ):
        assert await numbers(runtime, head, scope="unit", **wanted) == expected, wanted
    assert await lists.counts(runtime, head, "unit") == lists.Counts(mine=0, unit=2, all=2, late=1, unread=1)
    assert await lists.counts(runtime, head, "mine") == lists.Counts(mine=0, unit=2, all=2, late=0, unread=0)
    other, one = await lists.queue(runtime, head, Wanted(scope="unit"))  # the urgent one first
    assert (one["late_by"], one["due_in"], one["urgent"], one["unread"]) == (timedelta(minutes=10), None, False, 0)
    assert (other["late_by"], other["urgent"], other["unread"]) == (None, True, 1)
    clock.forward(timedelta(minutes=25))
    assert (await lists.queue(runtime, head, Wanted(scope="unit")))[0]["due_in"] == timedelta(minutes=15)
    stranger = await person(runtime, "officer", "sosial")
    assert await lists.counts(runtime, stranger, "unit") == lists.Counts(0, 0, 0, 0, 0)


async def test_how_long_the_citizen_waits_counts_from_the_oldest_message_without_an_answer(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    officer = await citizen.officer()
    clock.forward(timedelta(hours=2))
    await citizen.asks("halo?", UNSURE)
    clock.forward(timedelta(minutes=10))
    (line,) = await lists.queue(runtime, officer, Wanted())
    assert (line["waited"], line["wrote_ago"]) == (timedelta(hours=2, minutes=10), timedelta(minutes=10))
    assert await lists.unread(runtime, officer) == {line["number"]: 2}
    await verbs.reply(runtime, officer, (await citizen.case()).id, "Kami ubah hari ini.")
    await desk.mark_read(runtime, officer, line["number"], 99)
    (line,) = await lists.queue(runtime, officer, Wanted())
    assert line["waited"] is None
    assert await lists.unread(runtime, officer) == {}


# --- searching --------------------------------------------------------------------------------------------------------


async def test_a_case_is_found_by_number_topic_and_words_and_a_find_by_words_is_a_look(runtime):
    case = await open_case(runtime, "sertifikat Cempaka hilang", topic="ktp_hilang")
    other = await open_case(runtime, "Cempaka juga")
    officer = await person(runtime, "head", "kependudukan")
    for text in (case.number, case.number.replace("-", ""), f"kasus {case.number.replace('-', ' ')}", "ktp HILANG"):
        assert await searched(runtime, officer, text) == {case.number}, text
    assert await looks(runtime) == []
    assert await searched(runtime, officer, "cempaka") == {case.number, other.number}
    assert set(await looks(runtime)) == {(case.conversation_id, "search"), (other.conversation_id, "search")}
    assert await searched(runtime, officer, "cempaka sertifikat") == {case.number}
    assert await searched(runtime, officer, "%") == await searched(runtime, officer, "yang di") == set()


async def test_p11_words_find_only_what_the_officer_may_read(runtime):
    case = await open_case(runtime, "rahasia Cempaka")
    owner = await officer_row(runtime, case.officer_id)
    for reason in ("asked_for_officer", "confidential_report"):
        await change(runtime, case, reason=reason)
        matter = Matter(str(case.officer_id), str(owner.unit_id), confidential=reason == "confidential_report")
        for officer in [owner, await colleague(runtime, owner), await person(runtime, "officer", "sosial"),
                        *[await person(runtime, role) for role in set(Role) - {"admin", "officer"}],
                        await person(runtime, "head", "kependudukan")]:
            viewer = desk.viewer(officer)
            before = len(await looks(runtime))
            found = await searched(runtime, officer, "cempaka")
            assert bool(found) is may(viewer, Permission.read_words, matter), (officer.role, reason)
            assert len(await looks(runtime)) == before + len(found)
            by_number = await searched(runtime, officer, case.number)
            assert bool(by_number) is may(viewer, Permission.see_cases, matter), (officer.role, reason)
    with pytest.raises(Forbidden):
        await searched(runtime, await person(runtime, "admin"), case.number)


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_the_page_names_what_presses_in_words_and_searches_without_an_address(served, clock):
    case = await open_case(served.runtime, "akta di Cempaka")
    await change(served.runtime, case, urgent=True)
    clock.forward(timedelta(minutes=45))
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = Page(await client.get("/petugas"))
    for told in ("Kasus saya 1", "Unit saya 1", "Terlambat 0", "Belum dibaca 1", "Mendesak",
                 "Jatuh tempo 15 menit lagi", "1 belum dibaca", "Menunggu 45 menit"):
        assert told in page.text, told
    form = form_of(page, "cari")
    for sought, told in (("cempaka", case.number), ("tidakada", "Coba kata lain"), ("di", "lebih khas"),
                         ("1234-5671", "Periksa lagi nomornya"), (case.number, "1 kasus ditemukan")):
        response = await client.post(form.action, data={**form.fields, "cari": sought})
        assert (response.status_code, response.url.query) == (200, b"")
        assert told in Page(response).text, sought
    assert (await client.post(form.action, data={**form.fields, "cari": " "})).url.path == "/petugas"
    assert (await client.post(form.action, data={"cari": "x"})).status_code == 403
    for query in ("keadaan=x", "alasan=x", "dari=x", "lingkup=x"):
        assert (await client.get(f"/petugas?{query}")).status_code == 400
    filtered = Page(await client.get("/petugas?lingkup=unit&alasan=complaint&belum=1"))
    assert "yang cocok dengan saringan" in filtered.text


async def test_the_list_alone_is_what_the_page_shows(served):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    whole, part = [await client.get(f"/petugas{path}?lingkup=unit&belum=1") for path in ("", "/daftar")]
    assert part.text.strip() in whole.text
    assert "<html" not in part.text
    unread = await client.get("/petugas/hitungan")
    assert json.loads(Page(unread).attributes("a", "data-unread")[0]) == {case.number: 1}


async def test_a_page_with_many_cases_is_small(served):
    for _ in range(lists.SHOWN + 1):
        await open_case(served.runtime, topic="ktp_hilang")
    client = await browser(served, await person(served.runtime, "supervisor"))
    response = await client.get("/petugas?lingkup=semua")
    page = Page(response)
    assert page.text.count("Dibalas paling lambat") == lists.SHOWN
    scripts, styles = page.attributes("script", "src"), page.attributes("link", "href")
    loaded = [len((await client.get(address)).content) for address in (*scripts, *styles)]
    assert len(scripts) == 2
    assert len(response.content) + sum(loaded) <= 300 * 1024
    later = next(h for h in page.attributes("a", "href") if "dari=50" in h)
    assert Page(await client.get(later)).text.count("Dibalas paling lambat") == 1


async def test_a_fragment_without_a_session_is_refused_and_leads_nowhere(served):
    client = await browser(served)
    for path in ("/petugas/daftar", "/petugas/hitungan"):
        assert (await client.get(path, headers={"HX-Request": "true"})).status_code == 401


# --- duty -------------------------------------------------------------------------------------------------------------


async def test_who_is_on_a_break_gets_no_new_case_until_they_are_back_or_the_day_ends(served, clock):
    runtime = served.runtime
    siti = await officer_row(runtime, (await open_case(runtime)).officer_id)
    bonar = await colleague(runtime, siti)
    client = await browser(served, siti)
    page = Page(await client.get("/petugas"))
    assert "Anda bertugas" in page.text
    form = form_of(page, "tugas")
    page = Page(await client.post(form.action, data={**form.fields, "keadaan": "istirahat"}))
    assert "Anda sedang istirahat" in page.text
    assert "(sedang istirahat)" in page.text  # at her case, as her colleagues see it too
    assert [(await open_case(runtime)).officer_id for _ in range(3)] == [bonar.id] * 3
    await office.set_away(runtime, bonar, True)
    head = await person(runtime, "head", "kependudukan")
    assert (await open_case(runtime)).officer_id == head.id
    await client.post(form.action, data={**form.fields, "keadaan": "bertugas"})
    assert (await open_case(runtime)).officer_id == siti.id
    clock.forward(timedelta(days=1))
    assert (await open_case(runtime)).officer_id == siti.id  # two cases, Bonar has three
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).values(away_since=clock()))
    assert (await open_case(runtime)).officer_id in (siti.id, bonar.id)  # all away: as if nobody were


async def test_the_duty_switch_leads_back_to_a_page_of_the_console_only(served):
    client = await browser(served, await person(served.runtime, "officer"))
    form = form_of(Page(await client.get("/petugas")), "tugas")
    client.follow_redirects = False
    for back, expected in (("//lain.example", "/petugas"), ("/petugas/kasus/1234-5671", "/petugas/kasus/1234-5671"),
                           ("/petugas\r\nX: y", "/petugas")):
        response = await client.post(form.action, data={**form.fields, "keadaan": "bertugas", "kembali": back})
        assert (response.status_code, response.headers["location"]) == (303, expected)
    assert (await client.post(form.action, data={**form.fields, "keadaan": "x"})).status_code == 400


# --- what is read -----------------------------------------------------------------------------------------------------


async def test_a_read_mark_never_goes_back_nor_beyond_what_there_is(runtime):
    case = await open_case(runtime)
    officer = await officer_row(runtime, case.officer_id)
    marks = []
    for seq in (1, 99, 0):
        await desk.mark_read(runtime, officer, case.number, seq)
        async with db.transaction(runtime.pool) as connection:
            marks.append((await connection.execute(select(read_marks.c.seq))).scalar_one())
    assert marks == [1, 2, 2]
    for role, unit, error in (("auditor", None, Forbidden), ("officer", "sosial", NotFound)):
        with pytest.raises(error):
            await desk.mark_read(runtime, await person(runtime, role, unit), case.number, 2)

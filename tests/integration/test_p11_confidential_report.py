"""P11: a confidential report hides the reporter from everyone but the officer on it, and is kept from whom it names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from handoff.domain.case import Role
from handoff.services.case import confidential, transfers, verbs
from handoff.services.deadlines import escalation
from handoff.services.errors import Forbidden, NotFound
from handoff.services.post import sending
from handoff.services.talk import conversations, turn
from handoff.services.talk.answering import open_for_bot
from handoff.services.views import desk, leading, lists
from handoff.store import audit, db
from handoff.store.schema import cases, messages, officers
from handoff.store.schema_clocks import notices
from handoff.store.schema_desk import search_words
from handoff.store.schema_moves import confidential_reports
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.office import officer_row, person
from tests.support.pages import Page
from tests.support.rasa import with_bot

LINK = re.compile(r"http\S+/lapor/([\w-]+)")
ACCUSATION = "lapor, pak Bonar minta uang 200rb biar ktp cepat"


async def report(runtime, said: str = ACCUSATION, citizen: Citizen | None = None) -> tuple[Citizen, Any, str]:
    """Somebody reports a bribe: they, the report's case, and the token of their link."""
    citizen = citizen or await Citizen.arrives(with_bot(runtime, "http://127.0.0.1:9"))
    receipt = await citizen.writes(said)
    assert await turn.drain(citizen.runtime, citizen.id)
    (told,) = await citizen.sees(after=receipt.seq)
    token = LINK.search(told["text"])
    assert token, told["text"]
    return citizen, (await reports_of(runtime))[-1], token[1]


async def reports_of(runtime) -> list[Any]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(cases).where(cases.c.reason == "confidential_report").order_by(cases.c.opened_at)
        )).all())


async def inside(runtime, case) -> Citizen:
    """The reporter in the report's own conversation, as its page lets them write."""
    return Citizen(with_bot(runtime, "http://127.0.0.1:9"), case.conversation_id)


async def everybody(runtime) -> list[Any]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(select(officers).order_by(officers.c.login))).all())


# --- what becomes of it ---------------------------------------------------------------------------------------------


async def test_p11_the_ordinary_conversation_keeps_a_link_and_the_report_its_own_number_officer_and_times(runtime):
    citizen, case, _ = await report(runtime)
    own = await conversations.read(runtime, case.conversation_id)
    assert case.conversation_id != citizen.id
    inspector = await officer_row(runtime, case.officer_id)
    assert (inspector.role, case.sla_class, case.status) == ("inspector", "inspection", "assigned")
    assert [m["text"] for m in own[:1]] == [ACCUSATION]
    for promised in (case.number, inspector.name, inspector.title, "Dibalas paling lambat", "Selesai paling lambat"):
        assert promised in own[1]["text"]  # P2
    assert [b["title"] for b in own[1]["buttons"]] == ["Batalkan kasus"]
    shown = await citizen.sees()
    assert [m["text"] for m in shown[:1]] == ["(laporan rahasia)"]
    assert case.number not in str(shown)
    assert inspector.name not in str(shown)
    assert await citizen.fates() == ["command"]


async def test_p11_nothing_in_the_database_ties_the_report_to_its_reporter(runtime):
    citizen, case, token = await report(runtime)
    async with db.transaction(runtime.pool) as connection:
        citizens = (await connection.execute(text("SELECT citizen_id, data_key_id FROM conversations"))).all()
        assert len({row.citizen_id for row in citizens}) == len({row.data_key_id for row in citizens}) == 2
        assert (await connection.execute(select(search_words))).all() == []
        dump = str((await connection.execute(select(confidential_reports))).all())
    assert token not in dump
    assert str(citizen.id) not in dump
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(messages).where(messages.c.conversation_id == citizen.id))).all()
    assert {row.case_id for row in rows} == {row.fate_case_id for row in rows} == {None}
    assert str(case.id) not in str(rows)


async def test_p11_as_the_bot_reads_it_the_same_message_is_one_report_and_its_words_are_found_no_more(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau urus kartu keluarga hilang", answers("kk_hilang_rusak"))
    receipt = await citizen.writes("katanya gratis tapi disuruh bayar juga di loket belakang")
    opened = [await open_for_bot(
        runtime, citizen.id, receipt.message_id, reason="complaint", topic="pengaduan_pungli", answer_id=None,
        classification={"intent": "pengaduan_pungli"},
    ) for _ in range(2)]
    assert opened[0].id == opened[1].id
    assert opened[0].row.conversation_id != citizen.id
    assert len(await reports_of(runtime)) == 1
    assert LINK.search((await citizen.sees())[-1]["text"])
    supervisor = await person(runtime, "supervisor")
    await citizen.asks("zzz", UNSURE)  # an ordinary case in the same conversation
    assert (await lists.find(runtime, supervisor, "loket belakang", {})).lines == []
    assert len((await lists.find(runtime, supervisor, "kartu keluarga", {})).lines) == 1


async def test_p11_when_the_action_failed_the_turn_makes_it_a_report_all_the_same(runtime):
    citizen = await Citizen.arrives(runtime)
    (told,) = await citizen.asks("disuruh bayar di loket belakang", reply(intent="pengaduan_pungli"))
    assert LINK.search(told["text"])


async def test_p11_when_the_action_failed_a_bribe_in_the_second_place_is_a_report_too(runtime):
    citizen = await Citizen.arrives(runtime)
    unsure = reply(intent="pengaduan", confidence=0.3, abstained=True)
    second = unsure.ranking[1].model_copy(update={"name": "pengaduan_pungli", "confidence": 0.2})
    (told,) = await citizen.asks(
        "disuruh bayar di loket belakang", unsure.model_copy(update={"ranking": [unsure.ranking[0], second]})
    )
    assert LINK.search(told["text"])


async def test_p11_the_officer_who_is_talking_never_sees_what_is_said_of_them(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    case, accused = await citizen.case(), await citizen.officer()
    await verbs.take_over(runtime, accused, case.id)
    before = (await desk.case_in_full(runtime, accused, case.number))["messages"]
    receipt = await citizen.writes(f"{accused.name} minta duit 300 ribu")  # stored, and its turn has not run yet
    assert (await desk.case_in_full(runtime, accused, case.number))["messages"] == before
    await turn.drain(runtime, citizen.id)
    full = await desk.case_in_full(runtime, accused, case.number)
    assert full["messages"] == before
    assert await lists.unread(runtime, accused) == {case.number: sum(m["author"] == "citizen" for m in before)}
    assert LINK.search((await citizen.sees(after=receipt.seq))[-1]["text"])
    (made,) = await reports_of(runtime)
    assert made.officer_id != accused.id


# --- whom it is kept from -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [
    "bu Dewi Anggraini minta uang 1 juta", "pak Wirajaya dari inspektorat minta duit 500rb",
])
async def test_p11_an_accused_inspector_does_not_get_the_report(runtime, said):
    _, case, _ = await report(runtime, said)
    assigned = await officer_row(runtime, case.officer_id)
    assert assigned.role == "inspector"
    assert not {*assigned.name.casefold().split()} & {*said.casefold().split()}


async def test_p11_when_both_inspectors_are_accused_it_goes_past_them_and_their_head(runtime):
    _, case, _ = await report(runtime, "Dewi Anggraini dan Lalu Wirajaya minta uang 2 juta")
    assigned = await officer_row(runtime, case.officer_id)
    assert assigned.role == "head"
    assert assigned.name != "Maria Goreti Lake"  # the head of the inspectorate


async def test_p11_a_report_that_comes_to_name_its_own_officer_goes_to_another_before_they_can_read_it(runtime):
    _, case, _ = await report(runtime)
    first = await officer_row(runtime, case.officer_id)
    await verbs.take_over(runtime, first, case.id)
    citizen = await inside(runtime, case)
    receipt = await citizen.writes(f"ternyata {first.name.split()[0]} juga ikut terima setoran")
    assert "ternyata" not in str(await desk.case_in_full(runtime, first, case.number))
    await turn.drain(citizen.runtime, citizen.id)
    with pytest.raises(NotFound):
        await desk.case_in_full(runtime, first, case.number)
    now = await citizen.officer()
    assert (now.role, now.id != first.id) == ("inspector", True)
    full = await desk.case_in_full(runtime, now, case.number)
    assert "ternyata" in str(full["messages"])
    assert now.name in (await citizen.sees(after=receipt.seq))[0]["text"]
    assert [event["type"] for event in full["events"]][-2:] == ["handed_on", "citizen_message"]
    async with db.transaction(runtime.pool) as connection:
        await audit.verify(connection, runtime.settings)  # P10


async def test_p11_a_further_message_reaches_the_officer_and_danger_makes_it_urgent(runtime):
    _, case, _ = await report(runtime)
    citizen, inspector = await inside(runtime, case), await officer_row(runtime, case.officer_id)
    await citizen.writes("ada kuitansinya")
    await citizen.writes("sekarang saya diancam mau dibunuh")
    await turn.drain(citizen.runtime, citizen.id)
    full = await desk.case_in_full(runtime, inspector, case.number)
    assert [m["text"] for m in full["messages"] if m["author"] == "citizen"] == [
        ACCUSATION, "ada kuitansinya", "sekarang saya diancam mau dibunuh"
    ]
    assert full["urgent"]
    assert len(await reports_of(runtime)) == 1


async def test_p11_a_late_report_brings_in_nobody_but_the_reporter_is_told_and_its_officer_reminded(runtime, clock):
    _, case, _ = await report(runtime)
    clock.forward(timedelta(days=3))
    await escalation.once(runtime)
    async with db.transaction(runtime.pool) as connection:
        told = (await connection.execute(select(notices.c.officer_id).distinct())).scalars().all()
    assert told == [case.officer_id]
    (late,) = await reports_of(runtime)
    assert (late.supervisor_id, late.head_id) == (None, None)
    assert "terlambat" in (await conversations.read(runtime, case.conversation_id))[-1]["text"]


async def test_p11_it_cannot_be_offered_to_another_unit_and_no_supervisor_joins_when_it_goes_badly(runtime):
    _, case, _ = await report(runtime)
    inspector, citizen = await officer_row(runtime, case.officer_id), await inside(runtime, case)
    with pytest.raises(Forbidden):
        await transfers.request(runtime, inspector, case.id, "sosial", "bukan urusan kami")
    await verbs.take_over(runtime, inspector, case.id)
    for _ in range(2):
        await verbs.propose(runtime, inspector, case.id, "Uang sudah dikembalikan kepada Anda.", cause="delay")
        await citizen.taps("Belum selesai")
    (now,) = await reports_of(runtime)
    assert (now.refusals, now.supervisor_id) == (2, None)
    async with db.transaction(runtime.pool) as connection:
        assert set((await connection.execute(select(notices.c.officer_id))).scalars()) <= {inspector.id}


# --- who sees it ----------------------------------------------------------------------------------------------------


async def test_p11_no_list_no_count_no_search_and_no_board_shows_it_to_anybody_else(runtime):
    _, case, _ = await report(runtime)
    for one in await everybody(runtime):
        mine = one.id == case.officer_id
        auditor = one.role == Role.auditor
        for scope in ("mine", "unit", "all"):
            try:
                listed = await desk.cases_of(runtime, one, scope) + await lists.queue(
                    runtime, one, lists.Wanted(scope=scope)
                )
                counted = await lists.counts(runtime, one, scope)
            except Forbidden:
                continue
            wanted = mine or (auditor and scope == "all")
            assert [line["number"] for line in listed] == ([case.number] * 2 if wanted else []), (one.name, scope)
            assert (counted.all, counted.mine) == (int(mine or auditor), int(mine)), one.name
        if one.role != Role.admin:
            for sought in (case.number, "uang ktp cepat", "pungutan liar"):
                found = await lists.find(runtime, one, sought, {"pengaduan_pungli": "Pengaduan pungutan liar"})
                assert bool(found.lines) == ((mine or auditor) and sought != "uang ktp cepat"), (one.name, sought)
        if one.role in (Role.head, Role.supervisor):
            for slug in ("inspektorat", None) if one.role == Role.supervisor else (None,):
                board = await leading.board(runtime, one, slug)
                assert sum(unit.open for unit in board.units) == 0
                assert not any(holder.lines for holder in board.holders)
            with pytest.raises(NotFound):
                await leading.case_id(runtime, one, case.number)


async def test_p11_an_auditor_sees_events_without_content_unless_the_report_names_them(runtime):
    _, case, _ = await report(runtime)
    auditor = await person(runtime, "auditor")
    full = await desk.case_in_full(runtime, auditor, case.number)
    assert (full["words"], "messages" in full) == (False, False)
    assert [event["type"] for event in full["events"]] == ["opened"]
    assert "message_id" not in full["events"][0]["body"]
    await report(runtime, f"{auditor.name} minta uang 5 juta")
    other = (await reports_of(runtime))[-1]
    with pytest.raises(NotFound):
        await desk.case_in_full(runtime, auditor, other.number)
    assert [line["number"] for line in await desk.cases_of(runtime, auditor, "all")] == [case.number]


def addresses(served, number: str) -> Iterator[tuple[str, str]]:
    """Every officers' route that takes a case's number, now and whatever is added later."""
    for route in served.app.router.routes:
        path = "/" + route.path
        if "<number:str>" in path and path.startswith(("/petugas", "/api/v1/officer")):
            filled = path.replace("<number:str>", number).replace("<file:str>", str(uuid4()))
            for action in ("reply", "takeover") if "<action:str>" in filled else ("",):
                for method in route.methods - {"HEAD", "OPTIONS"}:
                    yield method, re.sub(r"<\w+:\w+>", action or "x", filled)


async def answers_to(served, one, number: str) -> dict[tuple[str, str], int]:
    client = await served.desk(one)
    client.headers["Accept"] = "text/html"
    told = {}
    fields = {"tanda": client.headers["X-CSRF-Token"], "pesan": "Kami ubah.", "text": "Kami ubah.",
              "reason": "alasan lengkap", "alasan": "alasan lengkap", "petugas": str(one.id)}
    for method, path in addresses(served, number):
        body = {"json" if path.startswith("/api") else "data": fields} if method != "GET" else {}
        response = await client.request(method, path, **body)
        told[method, path.replace(number, "…")] = response.status_code
    return told


@pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])
@pytest.mark.parametrize("role", Role)
async def test_p11_every_route_answers_as_if_there_were_no_such_case(served, role):
    _, case, _ = await report(served.runtime)
    for one in await everybody(served.runtime):
        if one.role != role or one.id == case.officer_id or (role == Role.officer and one.login > "b"):
            continue  # the officers of all units are alike
        there, nowhere = [
            {re.sub(r"[0-9a-f-]{36}", "…", f"{m} {p}"): status for (m, p), status in
             (await answers_to(served, one, number)).items()} for number in (case.number, "0000-0000")
        ]
        assert len(there) > 12
        if role == Role.auditor:
            seen = {route for route, status in there.items() if status == 200}
            assert {"GET /api/v1/officer/cases/…"} <= seen
            assert all(route.startswith("GET /") for route in seen)
        else:
            assert there == nowhere, one.name
        client = await served.desk(one)
        for page in ("/petugas", "/petugas?lingkup=unit", "/petugas/papan?unit=inspektorat", "/petugas/papan"):
            assert role == Role.auditor or case.number not in (await client.get(page)).text


# --- the one-time link ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])
async def test_p11_the_link_opens_the_page_once_and_only_when_the_button_is_pressed(served):
    _, case, token = await report(served.runtime)
    mine, preview, thief = [await served.client() for _ in range(3)]
    assert "Buka laporan di perangkat ini" in (await preview.get(f"/lapor/{token}")).text
    opened = await mine.post(f"/lapor/{token}")
    assert (opened.status_code, opened.headers["location"]) == (303, f"/kasus/{case.number}")
    assert "HttpOnly" in opened.headers["set-cookie"]
    page = await mine.get(f"/kasus/{case.number}")
    inspector = await officer_row(served.runtime, case.officer_id)
    for told in (case.number, inspector.name, "Hanya Anda dan", ACCUSATION):
        assert told in page.text
    form = Page(page).form("pesan")
    said = await mine.post(form.action, data={**form.fields, "pesan": "ada kuitansinya"})
    assert said.status_code == 303
    await turn.drain((await inside(served.runtime, case)).runtime, case.conversation_id)
    assert "ada kuitansinya" in str((await desk.case_in_full(served.runtime, inspector, case.number))["messages"])
    again = await thief.post(f"/lapor/{token}")
    assert "set-cookie" not in again.headers
    assert (await thief.get(f"/kasus/{case.number}")).status_code == 403
    assert (await thief.get("/lapor/tebakan")).status_code == 404
    assert (await thief.post("/lapor/tebakan")).status_code == 404


async def test_p11_two_presses_at_once_give_one_key(runtime):
    _, case, token = await report(runtime)
    opened = await asyncio.gather(*(confidential.exchange(runtime, token) for _ in range(4)))
    assert sum(key is not None for _, key in opened) == 1
    assert {number for number, _ in opened} == {case.number}


async def test_p11_what_opens_a_closed_report_again_may_name_its_officer_too(runtime):
    _, case, _ = await report(runtime)
    citizen, first = await inside(runtime, case), await officer_row(runtime, case.officer_id)
    await citizen.taps("Batalkan kasus")
    await citizen.writes(f"ternyata {first.name} ikut terima")
    await turn.drain(citizen.runtime, citizen.id)
    assert (await citizen.officer()).id != first.id
    with pytest.raises(NotFound):
        await desk.case_in_full(runtime, first, case.number)


async def test_p11_the_report_is_closed_and_reopened_with_an_inspector(runtime):
    _, case, _ = await report(runtime)
    citizen = await inside(runtime, case)
    await sending.dispatch(runtime, case.conversation_id)
    await citizen.taps("Batalkan kasus")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(officers.update().where(officers.c.id == case.officer_id).values(active=False))
    await citizen.writes("maaf, ternyata masih terjadi")
    await turn.drain(citizen.runtime, citizen.id)
    now = await citizen.officer()
    assert (now.role, now.id != case.officer_id) == ("inspector", True)

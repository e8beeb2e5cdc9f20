"""After 24 hours without a word of the citizen: a template goes out, the text waits, and follows when they write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, outcome, sending
from handoff.domain.closing import Cause
from handoff.services.case import supervising, verbs
from handoff.services.deadlines import escalation
from handoff.services.post import delivery as delivery_service
from handoff.services.post import sending as dispatching
from handoff.services.talk import ownership, turn
from handoff.store import db
from handoff.store.schema import messages
from handoff.store.schema_whatsapp import whatsapp_invitations
from tests.support import whatsapp
from tests.support.citizen import UNSURE
from tests.support.citizen import answers as answered
from tests.support.line import case_and_silence, later, names, replies, reports, stands, writes
from tests.support.office import officer_row
from tests.support.whatsapp import SENDER, delivery, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


async def invitations(runtime: Any) -> list[tuple[str, str, str]]:
    async with db.transaction(runtime.pool) as connection:
        return [(r.template, r.state, r.delivery) for r in (await connection.execute(
            select(whatsapp_invitations).order_by(whatsapp_invitations.c.created_at))).all()]


async def test_p02_the_reply_is_announced_once_by_name_and_follows_when_the_citizen_writes(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await replies(runtime, citizen, officer, case, "Besok bisa diambil.")
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    (announced,) = api.texts
    assert announced.startswith(
        f"Ada balasan dari {officer.name}, {officer.title}, untuk kasus Anda nomor {case.number}.")
    assert (await stands(runtime))[-2:] == ["waiting_window"] * 2
    (ticket,) = [one["biz_opaque_callback_data"] for one in api.accepted]
    for name in ("read", "sent"):
        one = whatsapp.status("wamid.t", name, ticket)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
    assert await invitations(runtime) == [("balasan_petugas", "accepted", "read")]
    assert (await stands(runtime))[-2:] == ["waiting_window"] * 2  # the template was read, the reply was not
    api.open_for.add(SENDER)
    await writes(runtime, "ya")
    await sending.post_due(runtime, graph, citizen.id)
    assert "Berkas Anda sudah lengkap.\n\nBesok bisa diambil." in api.texts[1]
    assert api.refused == []


async def test_a_template_that_was_not_taken_is_tried_again_one_that_is_refused_is_not(
    runtime, graph, api, clock, monkeypatch
):
    monkeypatch.setattr(outcome, "pause", lambda tries: timedelta(seconds=6))
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    api.troubles = [(500, 131000)]
    await sending.post_due(runtime, graph, citizen.id)
    assert api.texts == []
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_invitations SET due_at = clock_timestamp()"))
    del api.templates["balasan_petugas"], api.templates["kabar_kasus"]
    await sending.post_due(runtime, graph, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert (api.texts, api.refused) == ([], [131000, 132001, 132001])
    assert await invitations(runtime) == [(name, "failed", "stored") for name in ("balasan_petugas", "kabar_kasus")]
    assert (await stands(runtime))[-1] == "waiting_window"


@pytest.mark.parametrize("by_status", [False, True])
async def test_what_meta_finds_too_late_is_announced_although_our_clock_says_otherwise(
    queued_runtime, graph, api, clock, by_status
):
    """131047 an hour before our window ends: the reply becomes an obligation with its template, not a silent wait."""
    runtime = queued_runtime
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    clock.forward(timedelta(hours=-1))
    if by_status:
        api.open_for.add(SENDER)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, citizen.id)
    if by_status:
        failed = whatsapp.status(api.accepted.pop()["wamid"], "failed", code=131047)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[failed]))))
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(text("DELETE FROM procrastinate_jobs"))
        await sending.post_overdue(runtime)  # the round that every worker makes
        async with db.transaction(runtime.pool) as connection:
            assert (await connection.execute(text("SELECT task_name FROM procrastinate_jobs"))).scalars().all() == [
                "post"]
        assert await sending.post_due(runtime, graph, citizen.id) is None
    assert names(api) == ["balasan_petugas"]
    assert (await stands(runtime))[-1] == "waiting_window"
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == ["balasan_petugas"]
    api.open_for.add(SENDER)
    await writes(runtime, "ya", at=int(clock().timestamp()))
    await sending.post_due(runtime, graph, citizen.id)
    assert "Berkas Anda sudah lengkap." in api.texts[-1]


async def test_what_the_citizen_writes_on_the_cases_page_does_not_open_the_window(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await citizen.writes("saya tulis di halaman kasus")
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, citizen.id)
    assert api.refused == []
    assert names(api) == ["balasan_petugas"]


async def test_a_refused_token_stops_templates_too_and_they_go_out_later(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    api.token = "a new one"
    assert (await sending.post_due(runtime, graph, citizen.id) or 0) > 200
    api.token = "token"
    await later(runtime, 301)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_invitations SET due_at = clock_timestamp()"))
    await sending.post_due(runtime, graph, citizen.id)
    assert len(api.texts) == 1


async def test_of_several_that_wait_the_most_important_is_announced_and_no_template_twice(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Sebentar lagi.")
    await verbs.propose(runtime, officer, case.id, "Data Anda sudah kami perbaiki.", cause=Cause.wrong_data)
    await replies(runtime, citizen, officer, case, "Satu hal lagi.")
    await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == ["usulan_penyelesaian"]
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, citizen.id)
        facts = await escalation.cases.load(connection, case.id)
        await supervising.bring_in(runtime, connection, conversation, facts, "second_refusal")
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    await replies(runtime, citizen, officer, case, "Masih ada.")
    await sending.post_due(runtime, graph, citizen.id)
    await replies(runtime, citizen, officer, case, "Dan ini.")
    await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == ["usulan_penyelesaian", "kabar_kasus", "balasan_petugas"]
    assert api.refused == []


async def test_a_template_that_is_not_approved_gives_way_to_the_plain_one(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    api.templates["pertanyaan_petugas"]["status"] = "PAUSED"
    await verbs.ask(runtime, officer, case.id, "Nama ibu kandung Anda siapa?")
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == ["kabar_kasus"]
    assert await invitations(runtime) == [
        ("pertanyaan_petugas", "failed", "stored"), ("kabar_kasus", "accepted", "sent")]


async def test_a_tap_on_the_template_brings_what_waits_and_owes_nobody_an_answer(runtime, graph, api, clock, served):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, citizen.id)
    _, tap, page = api.accepted[0]["template"]["components"]
    api.open_for.add(SENDER)
    for payload in (tap["parameters"][0]["payload"], f"read:{officer.id}"):  # the second is none of ours: words
        said = {"type": "button", "context": {"from": "62211500", "id": api.accepted[0]["wamid"]},
                "button": {"payload": payload, "text": "Kirim balasannya"}}
        await intake.take_in(runtime, whatsapp.written(delivery(value(whatsapp.message(said)))))
    assert (await turn.drain(runtime, citizen.id)) is True
    await sending.post_due(runtime, graph, citizen.id)
    assert "Berkas Anda sudah lengkap." in api.texts[1]
    assert await citizen.fates() == ["new_case", "command", "case"]
    async with httpx.AsyncClient(base_url=served.url, follow_redirects=True) as browser:
        answered = await browser.get(f"/kasus/{page['parameters'][0]['text']}")
    assert answered.status_code == 200
    assert answered.url.path == f"/kasus/{case.number}"
    assert officer.name in answered.text


@pytest.mark.parametrize(("report", "closes"), [("read", True), ("delivered", True), ("sent", False)])
async def test_p05_a_reminder_counts_when_its_template_came_to_hand(runtime, graph, api, clock, report, closes):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    await verbs.propose(runtime, await officer_row(runtime, case.officer_id), case.id, "Data Anda sudah kami perbaiki.",
                        cause=Cause.wrong_data)
    await sending.post_due(runtime, graph, citizen.id)
    for one in api.reports(names=("read",)):
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
    api.open_for.clear()
    for name, days in (("pengingat_pertama", 6), ("pengingat_terakhir", 4)):
        clock.forward(timedelta(days=days))
        await escalation.once(runtime)
        await sending.post_due(runtime, graph, citizen.id)
        assert names(api)[-1] == name
        assert (await stands(runtime))[-1] == "waiting_window"
        await reports(runtime, api, report, name)
        assert (await stands(runtime))[-1] == ("waiting_window" if report == "sent" else report)
    clock.forward(timedelta(days=21))
    await escalation.once(runtime)
    await sending.post_due(runtime, graph, citizen.id)
    assert ((await citizen.case()).status == "closed") is closes
    assert names(api)[2:] == (["kasus_ditutup"] if closes else [])
    assert api.refused == []


async def test_p05_a_reminder_that_was_overtaken_on_the_page_is_not_announced(runtime, graph, api, clock):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    await verbs.propose(runtime, await officer_row(runtime, case.officer_id), case.id, "Data Anda sudah kami perbaiki.",
                        cause=Cause.wrong_data)
    await sending.post_due(runtime, graph, citizen.id)
    api.open_for.clear()
    clock.forward(timedelta(days=6))
    await escalation.once(runtime)
    await sending.post_due(runtime, graph, citizen.id)
    assert (await stands(runtime))[-1] == "waiting_window"
    await delivery_service.fetched(runtime, citizen.id, await citizen.sees())  # on the page
    assert (await stands(runtime))[-1] == "waiting_window"
    async with db.transaction(runtime.pool) as connection:
        read = (await connection.execute(select(messages.c.delivered_at).order_by(messages.c.seq.desc()).limit(1)))
        assert read.scalar_one() == clock()
    await citizen.taps("Sudah selesai")
    api.accepted.clear()
    clock.forward(timedelta(days=2))
    await sending.post_due(runtime, graph, citizen.id)
    assert "pengingat_pertama" not in names(api)


async def test_an_answer_that_an_outage_delayed_for_a_day_is_announced(runtime, graph, api, clock):
    """Without a case, too: who asked would otherwise never hear that there is an answer."""
    asked = clock()
    clock.forward(timedelta(hours=26))  # Meta had to try for a day; its message still tells when it was sent
    api.open_for.clear()
    citizen = await writes(runtime, "ktp sy ilang", at=int(asked.timestamp()))
    await citizen.hears(answered("ktp_hilang"))
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == ["jawaban_tertunda"]
    assert api.refused == []
    payload = api.accepted[0]["template"]["components"][0]["parameters"][0]["payload"]
    assert payload == f"read:{citizen.id}"
    api.open_for.add(SENDER)
    tap = whatsapp.message({"type": "button", "button": {"payload": payload, "text": "Kirim jawabannya"}},
                           at=int(clock().timestamp()))
    await intake.take_in(runtime, whatsapp.written(delivery(value(tap))))
    await turn.drain(runtime, citizen.id)
    while await sending.post_due(runtime, graph, citizen.id) is not None:
        pass
    assert any("KTP" in one for one in api.texts[1:])

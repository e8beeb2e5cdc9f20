"""P7: an answer that WhatsApp refuses for good has met no promise, whatever was shown before that was known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import intake, sending
from handoff.services.case import cases as case_service
from handoff.services.case import unseen, verbs
from handoff.services.case.case_steps import doings
from handoff.services.deadlines import clocks as case_clocks
from handoff.services.deadlines import escalation
from handoff.services.post import delivery as delivery_service
from handoff.services.post import notices
from handoff.services.post import sending as dispatching
from handoff.services.views import figures
from handoff.store import db
from handoff.store.schema_clocks import breaches
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.line import case_and_silence, replies, stands, writes
from tests.support.office import officer_row
from tests.support.whatsapp import SENDER, delivery, status, value

# What became of a promise does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
MINUTE = timedelta(minutes=1)


async def fresh_case(runtime: Any, graph: Any) -> tuple[Citizen, Any, Any]:
    """A citizen who has written just now; the first reply is due in 60 working minutes."""
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    return citizen, case, await officer_row(runtime, case.officer_id)


async def answers(runtime: Any, graph: Any, api: Any, found: tuple[Any, Any, Any], words: str) -> str:
    """The officer's answer, which WhatsApp takes; its id."""
    citizen, case, officer = found
    await replies(runtime, citizen, officer, case, words)
    await sending.post_due(runtime, graph, citizen.id)
    return str(api.accepted[-1]["wamid"])


async def fails(runtime: Any, wamid: str, code: int = 131026) -> None:
    await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[status(wamid, "failed", code=code)]))))


async def promised(runtime: Any, citizen: Citizen) -> list[tuple[str, str]]:
    """What the case's page and the dossier say of each reply that was promised, in order."""
    return [(one.kind.value, one.became.value) for one in await case_clocks.promises(runtime, await citizen.case())
            if "reply" in one.kind.value]


async def events(runtime: Any, case: Any) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        facts = await case_service.load(connection, case.id)
    return [step.text for step in (await doings(runtime, facts)).steps if "tidak sampai" in step.text]


async def missed(runtime: Any) -> set[tuple[str, int]]:
    async with db.transaction(runtime.pool) as connection:
        return {(b.kind, b.level) for b in (await connection.execute(select(breaches))).all()}


async def test_p07_a_refused_answer_has_met_no_promise_which_goes_on_as_it_was(runtime, graph, api, clock):
    found = citizen, case, officer = await fresh_case(runtime, graph)
    clock.forward(30 * MINUTE)
    wamid = await answers(runtime, graph, api, found, "Berkas Anda sudah lengkap.")
    assert await promised(runtime, citizen) == [("first_reply", "kept")]
    await fails(runtime, wamid)
    assert [await unseen.go_on(runtime) for _ in range(2)] == [1, 0]
    after = await citizen.case()
    assert (after.first_replied_at, after.waiting_since, after.reply_by) == (None, case.waiting_since, case.reply_by)
    assert await promised(runtime, citizen) == [("first_reply", "running")]
    assert await events(runtime, case) == [
        "Balasan petugas tidak sampai lewat WhatsApp, jadi tidak kami hitung sebagai balasan. Janji waktu untuk "
        "membalas Anda tetap berlaku."]
    async with db.transaction(runtime.pool) as connection:
        told = [one.kind for one in await notices.told_of(connection, case.id) if one.login == officer.login]
    assert told[-1] == "reply_unseen"
    clock.forward(10 * MINUTE)
    await answers(runtime, graph, api, found, "Kami kirim lagi: berkas Anda sudah lengkap.")
    assert await unseen.go_on(runtime) == 0
    assert await promised(runtime, citizen) == [("first_reply", "kept")]
    assert (await citizen.case()).first_replied_at == clock()


async def test_p07_what_is_refused_after_the_deadline_was_missed_and_that_is_counted(runtime, graph, api, clock):
    found = citizen, case, _ = await fresh_case(runtime, graph)
    clock.forward(30 * MINUTE)
    wamid = await answers(runtime, graph, api, found, "Berkas Anda sudah lengkap.")
    clock.forward(3 * 60 * MINUTE)
    await escalation.once(runtime)
    assert (await figures.count(runtime)).ever_late == 0
    await fails(runtime, wamid)
    await unseen.go_on(runtime)
    assert await promised(runtime, citizen) == [("first_reply", "missed")]
    await escalation.once(runtime)
    assert await missed(runtime) == {("first_reply", 100), ("first_reply", 150)}
    counted = await figures.count(runtime)
    assert (counted.ever_late, counted.far_late) == (1, 1)
    assert case.id == (await citizen.case()).id


async def test_p07_who_wrote_again_meanwhile_waits_on_the_first_promise_too(runtime, graph, api, clock):
    """The failure is told only after the citizen has asked again, which began a promise of its own."""
    found = citizen, case, _ = await fresh_case(runtime, graph)
    clock.forward(30 * MINUTE)
    wamid = await answers(runtime, graph, api, found, "Berkas Anda sudah lengkap.")
    clock.forward(5 * MINUTE)
    await writes(runtime, "halo? sudah dibaca belum?", at=int(clock().timestamp()))
    await citizen.hears(UNSURE)
    assert await promised(runtime, citizen) == [("first_reply", "kept"), ("next_reply", "running")]
    await fails(runtime, wamid)
    assert await unseen.go_on(runtime) == 1
    assert await promised(runtime, citizen) == [("first_reply", "running"), ("next_reply", "running")]
    after = await citizen.case()
    assert (after.waiting_since, after.reply_by) == (case.waiting_since, case.reply_by)
    clock.forward(40 * MINUTE)
    await answers(runtime, graph, api, found, "Maaf menunggu: berkas Anda sudah lengkap.")
    assert await promised(runtime, citizen) == [("first_reply", "missed"), ("next_reply", "kept")]
    assert await missed(runtime) == {("first_reply", 100)}


async def test_p07_where_a_later_answer_came_that_one_is_counted(runtime, graph, api, clock):
    found = citizen, case, _ = await fresh_case(runtime, graph)
    clock.forward(30 * MINUTE)
    wamid = await answers(runtime, graph, api, found, "Berkas Anda sudah lengkap.")
    clock.forward(5 * MINUTE)
    await answers(runtime, graph, api, found, "Silakan hubungi Dinas Sosial.")  # sends them elsewhere: none (P6)
    clock.forward(40 * MINUTE)
    await answers(runtime, graph, api, found, "Besok bisa diambil.")
    second = clock()
    await fails(runtime, wamid)
    assert [await unseen.go_on(runtime) for _ in range(2)] == [1, 0]
    after = await citizen.case()
    assert (after.first_replied_at, after.waiting_since) == (second, None)
    assert await promised(runtime, citizen) == [("first_reply", "missed")]
    (told,) = await events(runtime, case)
    assert "Yang dihitung adalah balasan berikutnya" in told


async def test_p07_a_question_that_nobody_saw_holds_no_time(runtime, graph, api, clock):
    citizen, case, officer = await fresh_case(runtime, graph)
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa?")
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert (await citizen.case()).status == "waiting_citizen"
    await fails(runtime, str(api.accepted[-1]["wamid"]))
    assert await unseen.go_on(runtime) == 1
    after = await citizen.case()
    assert (after.status, after.waiting_since) == ("in_progress", case.waiting_since)


async def test_what_was_refused_and_read_on_the_cases_page_has_been_seen(runtime, graph, api, clock):
    found = citizen, _, _ = await fresh_case(runtime, graph)
    await fails(runtime, await answers(runtime, graph, api, found, "Berkas Anda sudah lengkap."))
    await delivery_service.fetched(runtime, citizen.id, await citizen.sees())
    assert await unseen.go_on(runtime) == 0
    assert (await citizen.case()).waiting_since is None
    assert (await stands(runtime))[-1] == "failed"


async def test_p07_neither_the_text_nor_a_template_was_taken(runtime, graph, api, clock):
    """The citizen knows of nothing, so they wait as before, and what was promised a day ago is missed."""
    found = citizen, case, _ = await case_and_silence(runtime, graph, api, clock)
    del api.templates["balasan_petugas"], api.templates["kabar_kasus"]
    await replies(runtime, found[0], found[2], case, "Berkas Anda sudah lengkap.")
    assert (await citizen.case()).first_replied_at == clock()
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    clock.forward(5 * MINUTE)
    assert [await unseen.go_on(runtime) for _ in range(2)] == [1, 0]
    after = await citizen.case()
    assert (after.first_replied_at, after.waiting_since) == (None, case.waiting_since)
    assert await promised(runtime, citizen) == [("first_reply", "missed")]


async def test_p07_an_answer_that_was_announced_or_may_still_come_is_one(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    assert await unseen.go_on(runtime) == 0  # nobody has tried yet
    await sending.post_due(runtime, graph, citizen.id)
    assert await unseen.go_on(runtime) == 0  # it stands on the case's page, and a template says so
    assert (await citizen.case()).waiting_since is None


async def test_p07_words_that_met_no_promise_and_were_refused_begin_one(runtime, graph, api, clock):
    """The officer had answered and writes again by themself: what the citizen was not told they wait for."""
    found = citizen, _, _ = await fresh_case(runtime, graph)
    await answers(runtime, graph, api, found, "Kami periksa besok.")
    clock.forward(20 * MINUTE)
    wamid = await answers(runtime, graph, api, found, "Besok bisa diambil.")
    clock.forward(MINUTE)
    await fails(runtime, wamid)
    assert [await unseen.go_on(runtime) for _ in range(2)] == [1, 0]
    assert await promised(runtime, citizen) == [("first_reply", "kept"), ("next_reply", "running")]
    assert (await citizen.case()).waiting_since == clock() - MINUTE


async def test_one_case_that_cannot_go_on_holds_up_no_other(runtime, graph, api, clock, monkeypatch):
    found = citizen, case, _ = await fresh_case(runtime, graph)
    other = await writes(runtime, "mau bicara sama petugas", sender="6281111111111")
    api.open_for.add("6281111111111")
    await other.hears(UNSURE)
    for one in (found, (other, await other.case(), await officer_row(runtime, (await other.case()).officer_id))):
        await fails(runtime, await answers(runtime, graph, api, one, "Berkas Anda sudah lengkap."))
    load = case_service.load

    async def breaks(connection: Any, case_id: Any) -> Any:
        if case_id == case.id:
            raise RuntimeError
        return await load(connection, case_id)

    monkeypatch.setattr(case_service, "load", breaks)
    assert await unseen.go_on(runtime) == 1
    assert (await other.case()).first_replied_at is None
    assert SENDER in api.open_for
    assert (await citizen.case()).first_replied_at is not None

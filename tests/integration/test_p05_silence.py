"""P5: silence after a proposed resolution closes the case only when it is proven, and nothing else of ours does."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handoff.services.case import cases, verbs
from handoff.services.deadlines import escalation
from handoff.services.errors import Conflict
from handoff.services.post import delivery, notices
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.schema import messages
from tests.support.citizen import Citizen
from tests.support.office import officer_row, open_case, person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")
# Proposed on Tuesday the 24th: reminders after 3 and 7 working days, the end after 10.
DAY_3, DAY_7, DAY_10 = "11-27 16:30", "12-03 16:00", "12-08 16:00"


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


async def proposed(runtime):
    case = await open_case(runtime)
    officer = await officer_row(runtime, case.officer_id)
    await verbs.propose(runtime, officer, case.id, "Data sudah kami perbaiki.", cause="delay")
    return case, officer, Citizen(runtime, case.conversation_id)


async def row_of(runtime, case):
    async with db.transaction(runtime.pool) as connection:
        return (await cases.load(connection, case.id)).row


async def fetches(runtime, citizen) -> list[str]:
    """The citizen's browser reads the conversation."""
    shown = await citizen.sees()
    await delivery.fetched(runtime, citizen.id, shown)
    return [one["text"] for one in shown]


async def passes(runtime, clock, at: str) -> None:
    clock.set(wib(at))
    await escalation.once(runtime)


async def test_p05_what_is_proposed_anew_has_ten_days_and_reminders_of_its_own(runtime, clock):
    """Else another text, two days before the end, would be agreed to by who has not had time to read it."""
    case, officer, citizen = await proposed(runtime)
    for at in (DAY_3, DAY_7):
        await passes(runtime, clock, at)
        await fetches(runtime, citizen)
    clock.set(wib("12-07 09:00"))
    await verbs.propose(runtime, officer, case.id, "Permohonan kami tolak.", cause="other")
    await fetches(runtime, citizen)
    for at in (DAY_10, "12-09 16:00", "12-10 16:30"):
        await passes(runtime, clock, at)
        assert (await row_of(runtime, case)).status == "resolution_proposed"
    assert "7 Desember" in (await fetches(runtime, citizen))[-1]  # the first reminder of it
    await passes(runtime, clock, "12-17 16:00")
    assert "pengingat terakhir" in (await fetches(runtime, citizen))[-1]
    await passes(runtime, clock, "12-23 16:00")
    assert (await row_of(runtime, case)).closed_reason == "no_reply"


async def test_p07_proposals_that_nobody_answers_do_not_hold_a_clock_for_ever(runtime, clock):
    case, officer, citizen = await proposed(runtime)
    for day in ("11-25", "11-26"):
        clock.set(wib(f"{day} 10:00"))
        await verbs.propose(runtime, officer, case.id, f"Sudah kami perbaiki, {day}.", cause="delay")
    with pytest.raises(Conflict, match="proposed_enough"):
        await verbs.propose(runtime, officer, case.id, "Sekali lagi: datanya benar.", cause="delay")
    clock.forward(timedelta(minutes=1))
    await citizen.taps("Belum selesai")
    await verbs.propose(runtime, officer, case.id, "Sekarang datanya benar.", cause="delay")


async def test_p05_two_reminders_and_ten_working_days(runtime, clock):
    case, officer, citizen = await proposed(runtime)
    await passes(runtime, clock, "11-27 15:00")
    assert not [text for text in await fetches(runtime, citizen) if "ditutup" in text]
    await passes(runtime, clock, DAY_3)
    assert "Apakah masalah Anda sudah selesai?" in (await fetches(runtime, citizen))[-1]
    await passes(runtime, clock, DAY_7)
    assert "pengingat terakhir" in (await fetches(runtime, citizen))[-1]
    await passes(runtime, clock, "12-08 15:59")
    assert (await row_of(runtime, case)).status == "resolution_proposed"
    await passes(runtime, clock, DAY_10)
    row = await row_of(runtime, case)
    assert (row.status, row.closed_reason) == ("closed", "no_reply")
    said = (await citizen.sees())[-1]
    assert "dua pengingat" in said["text"]
    assert "dibuka lagi" in said["text"]

    clock.forward(timedelta(days=30))
    await citizen.writes("maaf baru baca, datanya masih salah")
    await turn.drain_without_bot(runtime, citizen.id, timedelta(0))
    again = await row_of(runtime, case)
    assert (again.status, again.number, again.officer_id) == ("in_progress", case.number, officer.id)


async def test_p05_one_fetched_reminder_is_proof_enough(runtime, clock):
    case, _, citizen = await proposed(runtime)
    await passes(runtime, clock, DAY_3)
    await fetches(runtime, citizen)
    await passes(runtime, clock, DAY_7)
    await passes(runtime, clock, DAY_10)
    assert (await row_of(runtime, case)).closed_reason == "no_reply"


async def test_p05_what_nobody_fetched_stays_open_and_says_so(runtime, clock):
    case, officer, citizen = await proposed(runtime)
    for at in (DAY_3, DAY_7, DAY_10, "12-09 16:00", "12-20 16:00"):
        await passes(runtime, clock, at)
    row = await row_of(runtime, case)
    assert row.status == "resolution_proposed"
    assert row.undelivered_since == wib(DAY_10)
    async with db.transaction(runtime.pool) as connection:
        told = [(n.login, n.kind) for n in await notices.told_of(connection, case.id)]
    supervisor = await person(runtime, "supervisor")
    assert sorted(told) == sorted([(officer.login, "undelivered"), (supervisor.login, "undelivered")])  # once each

    clock.set(wib("12-21 09:00"))
    await fetches(runtime, citizen)  # the citizen comes back at last, and still has two working days
    await passes(runtime, clock, "12-21 16:00")
    row = await row_of(runtime, case)
    assert (row.status, row.undelivered_since) == ("resolution_proposed", None)
    await passes(runtime, clock, "12-22 16:00")
    assert (await row_of(runtime, case)).status == "resolution_proposed"
    await passes(runtime, clock, "12-23 16:00")
    assert (await row_of(runtime, case)).closed_reason == "no_reply"


async def test_p05_who_has_written_is_not_silent(runtime, clock):
    case, officer, citizen = await proposed(runtime)
    await passes(runtime, clock, DAY_3)
    await fetches(runtime, citizen)
    await citizen.writes("sebentar, saya cek dulu")
    await turn.drain(runtime, citizen.id)
    await passes(runtime, clock, "12-20 16:00")
    assert (await row_of(runtime, case)).status == "resolution_proposed"
    await verbs.reply(runtime, officer, case.id, "Silakan, kami tunggu besok.")
    await fetches(runtime, citizen)
    await passes(runtime, clock, "12-21 16:00")  # the ten days begin anew
    assert (await row_of(runtime, case)).status == "resolution_proposed"


async def test_p05_after_an_outage_nobody_is_closed_without_the_time_to_answer(runtime, clock):
    case, _, citizen = await proposed(runtime)
    await fetches(runtime, citizen)
    await passes(runtime, clock, "12-30 10:00")  # the house stood still until far beyond the tenth day
    assert (await row_of(runtime, case)).status == "resolution_proposed"
    reminders = [text for text in await fetches(runtime, citizen) if "Apakah masalah Anda sudah selesai?" in text]
    assert len(reminders) == 2  # the proposal itself, and one reminder
    await passes(runtime, clock, "12-31 16:00")
    assert (await row_of(runtime, case)).status == "resolution_proposed"


async def test_p05_a_refused_proposal_starts_no_silence(runtime, clock):
    case, _, citizen = await proposed(runtime)
    await citizen.taps("Belum selesai")
    for at in (DAY_3, DAY_7, DAY_10, "12-31 16:00"):
        await passes(runtime, clock, at)
        await fetches(runtime, citizen)
    assert (await row_of(runtime, case)).status == "in_progress"


async def test_only_what_the_browser_asked_for_counts_as_delivered(served):
    case = await open_case(served.runtime)
    await verbs.reply(served.runtime, await officer_row(served.runtime, case.officer_id), case.id, "Kami ubah.")

    async def state() -> list[str]:
        async with db.transaction(served.runtime.pool) as connection:
            return list((await connection.execute(
                select(messages.c.delivery).where(
                    messages.c.conversation_id == case.conversation_id, messages.c.author == "officer"
                )
            )).scalars())

    assert await state() == ["sent"]
    client = await served.client()
    address = f"/api/v1/conversations/{case.conversation_id}/messages"
    assert (await client.get(address, headers={"Authorization": "Bearer wrong"})).status_code == 401
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    assert (await desk.get(f"/api/v1/officer/cases/{case.number}")).status_code == 200
    assert await state() == ["sent"]  # neither a stranger nor the officer is the citizen
    await client.get(address, headers={"Authorization": f"Bearer {case.token}"})
    assert await state() == ["delivered"]

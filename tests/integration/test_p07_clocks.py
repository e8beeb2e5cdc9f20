"""P7 in the database: which clocks a case has after each verb, and what became of the deadlines, on real PostgreSQL."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import insert, select, update

from handoff.services.case import verbs
from handoff.services.deadlines.clocks import adopt
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.schema import cases, units
from handoff.store.schema_clocks import breaches, clocks, leaves
from tests.support.citizen import Citizen
from tests.support.office import officer_row, open_case

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


async def running(runtime, case_id) -> dict[str, datetime | None]:
    """Deadlines of the clocks that have not ended; None while held."""
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(clocks).where(clocks.c.case_id == case_id, clocks.c.ended_at.is_(None))
        )).all()
    return {row.kind: row.mark_2 if row.next_due_at else None for row in rows}


async def row_of(runtime, case_id):
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(cases).where(cases.c.id == case_id))).one()


async def missed(runtime, case_id) -> list[tuple[str, int]]:
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(breaches).where(breaches.c.case_id == case_id).order_by(breaches.c.due_at, breaches.c.level)
        )).all()
    return [(row.kind, row.level) for row in rows]


async def test_p07_clocks_follow_the_case(runtime, clock):
    case = await open_case(runtime)
    officer = await officer_row(runtime, case.officer_id)
    citizen = Citizen(runtime, case.conversation_id)
    assert await running(runtime, case.id) == {"first_reply": wib("11-24 11:00"), "resolution": wib("12-01 16:00")}

    clock.forward(timedelta(minutes=20))
    await verbs.note(runtime, officer, case.id, "catatan")
    await verbs.take_over(runtime, officer, case.id)  # neither is an answer
    assert (await row_of(runtime, case.id)).next_deadline == wib("11-24 11:00")
    await verbs.reply(runtime, officer, case.id, "Kami periksa besok.")
    assert await running(runtime, case.id) == {"resolution": wib("12-01 16:00")}
    row = await row_of(runtime, case.id)
    assert (row.reply_by, row.next_deadline) == (None, wib("12-01 16:00"))

    clock.set(wib("11-24 13:00"))
    await citizen.writes("bagaimana kelanjutannya?")
    await turn.drain(runtime, citizen.id)
    assert (await running(runtime, case.id))["next_reply"] == wib("11-24 14:00")
    clock.set(wib("11-24 13:30"))
    await citizen.writes("halo?")  # asking again does not win the office time
    await turn.drain(runtime, citizen.id)
    row = await row_of(runtime, case.id)
    assert (row.reply_by, row.respond_by, row.next_deadline) == (wib("11-24 14:00"),) * 3

    clock.set(wib("11-24 15:00"))
    await verbs.propose(runtime, officer, case.id, "Sudah diperbaiki.", cause="delay")
    assert set(await running(runtime, case.id)) == {"resolution", "closing"}
    assert (await running(runtime, case.id))["resolution"] is None  # held
    await citizen.taps("Belum selesai")
    assert await running(runtime, case.id) == {"next_reply": wib("11-24 16:00"), "resolution": wib("12-01 16:00")}
    await verbs.propose(runtime, officer, case.id, "Sekarang benar-benar selesai.", cause="delay")
    await citizen.taps("Sudah selesai")
    assert await running(runtime, case.id) == {}
    assert (await row_of(runtime, case.id)).next_deadline is None
    assert await missed(runtime, case.id) == [("next_reply", 100), ("next_reply", 150)]


async def test_p07_a_complaint_has_the_laws_clock_too(runtime):
    case = await open_case(runtime, "saya mengadu", reason="complaint")
    assert (await running(runtime, case.id))["receipt"] == wib("12-08 10:00")
    await verbs.take_over(runtime, await officer_row(runtime, case.officer_id), case.id)
    assert "receipt" in await running(runtime, case.id)
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Pengaduan Anda lengkap.")
    assert set(await running(runtime, case.id)) == {"resolution"}


async def test_p07_reopening_starts_clocks_anew_and_keeps_what_was_missed(runtime, clock):
    case = await open_case(runtime)
    officer, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    clock.set(wib("12-03 09:00"))  # the resolution was due on the first
    await verbs.propose(runtime, officer, case.id, "Sudah kami cetak.", cause="delay")
    await citizen.taps("Sudah selesai")
    before = await missed(runtime, case.id)
    assert before == [("resolution", 100)]
    await citizen.writes("ternyata belum")
    await turn.drain_without_bot(runtime, citizen.id, timedelta(0))
    assert await running(runtime, case.id) == {"next_reply": wib("12-03 10:00"), "resolution": wib("12-10 16:00")}
    assert await missed(runtime, case.id) == before


async def test_p07_nobody_takes_a_breach_back(runtime, clock, database):
    case = await open_case(runtime)
    clock.set(wib("11-24 12:00"))
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Maaf, terlambat.")
    assert await missed(runtime, case.id) == [("first_reply", 100), ("first_reply", 150)]
    with psycopg.connect(database.app_url, options="-c role=wajah_app") as connection:
        for statement in ("UPDATE breaches SET level = 150", "DELETE FROM breaches", "TRUNCATE breaches",
                          "DELETE FROM clocks"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


async def test_what_is_told_comes_from_the_queue_and_the_target_is_still_measured(runtime):
    """Two officers, nothing measured yet: the fourteenth who waits is not promised the hour."""
    opened = [await open_case(runtime) for _ in range(14)]
    rows = [await row_of(runtime, one.id) for one in opened]
    assert {row.reply_by for row in rows} == {wib("11-24 11:00")}
    assert [row.respond_by for row in rows[:12]] == [wib("11-24 11:00")] * 12
    assert [row.respond_by for row in rows[12:]] == [wib("11-24 11:05"), wib("11-24 11:10")]
    said = (await Citizen(runtime, opened[13].conversation_id).sees())[-1]
    assert "11.10 WIB" in said["text"]
    assert said["case"]["respond_by"] == "2026-11-24T11:10:00+07:00"
    assert (await running(runtime, opened[13].id))["first_reply"] == wib("11-24 11:00")


async def test_who_is_on_leave_gets_no_case_and_the_promise_waits_for_who_is_there(runtime, clock):
    first = await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(insert(leaves).values(
            id=uuid4(), officer_id=first.officer_id, first_day=date(2026, 11, 24), last_day=date(2026, 11, 26),
            created_at=clock(),
        ))
    others = [await open_case(runtime) for _ in range(3)]
    assert {one.officer_id for one in others} != {first.officer_id}
    assert first.officer_id not in {one.officer_id for one in others}
    clock.set(wib("11-27 10:00"))
    assert (await open_case(runtime)).officer_id == first.officer_id  # back, and the least busy


async def test_p07_cases_older_than_clocks_are_given_theirs(runtime, clock, database):
    case = await open_case(runtime)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM clocks")
    clock.set(wib("11-24 13:00"))
    assert await adopt(runtime) == 1
    assert await running(runtime, case.id) == {"first_reply": wib("11-24 11:00"), "resolution": wib("12-01 16:00")}
    assert await adopt(runtime) == 0


async def test_a_target_that_changes_moves_no_running_deadline(runtime):
    case = await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(units).values(
            first_reply_minutes=5, weekly_hours={str(day): [["00:00", "00:00"]] for day in range(7)}
        ))
    await verbs.note(runtime, await officer_row(runtime, case.officer_id), case.id, "catatan")
    assert await running(runtime, case.id) == {"first_reply": wib("11-24 11:00"), "resolution": wib("12-01 16:00")}

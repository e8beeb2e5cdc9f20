"""P7: a changed calendar moves what was promised by an event that keeps the old time, and nothing that was missed."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select

from handoff.domain.calendar import CalendarError
from handoff.services.case import case_steps, cases, verbs
from handoff.services.deadlines import calendars, escalation
from handoff.services.errors import NotFound
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import shifts
from handoff.store.schema_clocks import breaches, clocks
from tests.support.citizen import Citizen
from tests.support.office import officer_row, open_case

pytestmark = [pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")
FRIDAY = date(2026, 11, 27)


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


async def row_of(runtime, case):
    async with db.transaction(runtime.pool) as connection:
        return await cases.load(connection, case.id)


async def due(runtime, case) -> dict[str, datetime]:
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(clocks).where(clocks.c.case_id == case.id))).all()
    return {row.kind: row.mark_2 for row in rows}


async def test_p07_a_new_day_off_moves_deadlines_by_an_event_that_keeps_the_old_one(runtime):
    case = await open_case(runtime)
    assert (await row_of(runtime, case)).row.resolve_by == wib("12-01 16:00")
    assert await calendars.close(runtime, FRIDAY, "Hari jadi kabupaten") == 1
    row = (await row_of(runtime, case)).row
    assert row.resolve_by == wib("12-03 08:30")  # the same working minutes: that Friday had eight hours and a half
    assert (row.reply_by, row.respond_by) == (wib("11-24 11:00"),) * 2  # today is not touched
    assert (await due(runtime, case))["resolution"] == row.resolve_by
    shown = await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number)
    (event,) = [event for event in shown["events"] if event["type"] == "deadlines_moved"]
    assert datetime.fromisoformat(event["body"]["resolve_by_was"]) == wib("12-01 16:00")
    assert event["body"]["why"] == "Hari jadi kabupaten"
    steps = (await case_steps.doings(runtime, await row_of(runtime, case))).steps
    assert any("jam kerja atau hari libur berubah" in step.text for step in steps)
    assert await calendars.redate(runtime, "lagi") == 0  # once


async def test_p07_what_was_missed_stays_missed(runtime, clock):
    case = await open_case(runtime)
    clock.set(wib("11-24 12:00"))
    await escalation.once(runtime)
    await calendars.close(runtime, date(2026, 11, 24), "Libur mendadak")
    async with db.transaction(runtime.pool) as connection:
        assert [tuple(one) for one in (await connection.execute(
            select(breaches.c.kind, breaches.c.due_at).where(breaches.c.level == 100)
        )).all()] == [("first_reply", wib("11-24 11:00"))]
    assert (await due(runtime, case))["first_reply"] == wib("11-24 11:00")


async def test_p07_changed_hours_and_a_half_day(runtime, clock):
    clock.set(wib("11-26 15:30"))
    case = await open_case(runtime)
    assert (await row_of(runtime, case)).row.reply_by == wib("11-27 08:30")
    await calendars.close(runtime, FRIDAY, "Setengah hari", [(time(10), time(12))], unit="kependudukan")
    row = (await row_of(runtime, case)).row
    assert (row.reply_by, row.respond_by) == (wib("11-27 10:30"),) * 2
    await calendars.set_hours(runtime, "kependudukan", 3, [(time(8), time(15, 45))])  # Thursdays end earlier
    assert (await row_of(runtime, case)).row.reply_by == wib("11-27 10:45")
    other = await open_case(runtime, "soal bantuan", topic="bansos_cek")
    assert (await row_of(runtime, other)).row.reply_by == wib("11-27 08:30")  # another unit's hours are its own


@pytest.mark.parametrize(("office", "unit", "due"), [
    ([(time(8), time(10))], None, "11-30 08:30"), (None, [(time(13), time(15))], "11-27 13:30"),
    ([(time(8), time(10))], [(time(13), time(15))], "11-27 13:30"),
])
@pytest.mark.parametrize("first", ["office", "unit"])
async def test_what_a_unit_says_of_a_day_prevails_over_the_whole_office(runtime, clock, office, unit, due, first):
    clock.set(wib("11-26 15:30"))
    entries = [(office, None), (unit, "kependudukan")]
    for hours, slug in entries if first == "office" else reversed(entries):
        await calendars.close(runtime, FRIDAY, "Hari itu", hours, unit=slug)
    assert (await row_of(runtime, await open_case(runtime))).row.reply_by == wib(due)


async def test_p07_a_day_off_that_comes_while_the_citizen_is_asked_takes_nothing_from_what_was_left(runtime, clock):
    case = await open_case(runtime)
    clock.set(wib("11-25 10:00"))
    await verbs.ask(runtime, await officer_row(runtime, case.officer_id), case.id, "Nomor KK Anda berapa ya?")
    await calendars.close(runtime, date(2026, 11, 30), "Libur baru")
    clock.set(wib("11-26 10:00"))
    citizen = Citizen(runtime, case.conversation_id)
    await citizen.writes("3201")
    await turn.drain(runtime, citizen.id)
    assert (await row_of(runtime, case)).row.resolve_by == wib("12-03 16:00")  # a day asked, a day off


async def test_p07_what_passed_before_anybody_looked_is_missed_whatever_is_said_of_the_day_later(runtime, clock):
    case = await open_case(runtime)
    clock.set(wib("11-24 12:00"))  # nothing swept since eleven
    await calendars.close(runtime, date(2026, 11, 24), "Libur mendadak")
    assert (await due(runtime, case))["first_reply"] == wib("11-24 11:00")
    await escalation.once(runtime)
    async with db.transaction(runtime.pool) as connection:
        assert wib("11-24 11:00") in (await connection.execute(select(breaches.c.due_at))).scalars().all()


async def test_p07_shifts_that_change_while_a_case_runs_move_nothing(runtime, clock):
    case = await open_case(runtime)
    before = (await row_of(runtime, case)).row
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(delete(shifts).where(shifts.c.officer_id == case.officer_id))
        await connection.execute(insert(shifts).values(
            id=uuid4(), officer_id=case.officer_id, weekday=2, start_time=time(13), end_time=time(16)
        ))
    citizen = Citizen(runtime, case.conversation_id)
    await citizen.writes("halo")
    await turn.drain(runtime, citizen.id)
    after = (await row_of(runtime, case)).row
    assert (after.reply_by, after.resolve_by) == (before.reply_by, before.resolve_by)
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Kami periksa hari ini.")
    clock.set(wib("11-24 11:00"))
    await citizen.writes("lalu?")
    await turn.drain(runtime, citizen.id)
    # Whoever has it works on Wednesday from one: a new promise knows it, and stays within one working day.
    assert (await row_of(runtime, case)).row.reply_by == wib("11-25 14:00")


async def test_what_is_no_calendar_changes_nothing(runtime):
    with pytest.raises(NotFound):
        await calendars.close(runtime, FRIDAY, "x", unit="tidak_ada")
    with pytest.raises(CalendarError):
        await calendars.set_hours(runtime, "sosial", 0, [(time(12), time(8))])
    for day in range(1, 5):
        await calendars.set_hours(runtime, "sosial", day, [])
    with pytest.raises(CalendarError):
        await calendars.set_hours(runtime, "sosial", 0, [])

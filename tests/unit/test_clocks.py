"""Clocks (P7): which run in which state, where their marks fall, what a pause and a changed calendar do to them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.__main__ import parser
from handoff.domain import clocks
from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Status
from handoff.domain.clocks import Act, Kind, Standing
from tests.unit.test_calendar import _calendars, _instants, in_hours

WIB = ZoneInfo("Asia/Jakarta")
WEEK = {day: ((time(8), time(12)), (time(13), time(16))) for day in range(5)}
OFFICE = WorkingCalendar(WIB, WEEK, frozenset({date(2026, 12, 24), date(2026, 12, 25)}))


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


@pytest.mark.parametrize(("status", "waits", "replied", "complaint", "expected"), [
    ("assigned", True, False, False, "first_reply resolution"),
    ("assigned", True, False, True, "first_reply receipt resolution"),
    ("in_progress", False, True, True, "resolution"),
    ("in_progress", True, True, False, "next_reply resolution"),
    ("in_progress", False, False, True, "receipt resolution"),  # taken over, nothing said yet
    ("waiting_citizen", False, True, False, "question"),
    ("waiting_citizen", True, True, False, "question next_reply"),
    ("resolution_proposed", False, True, False, "closing"),
    ("resolution_proposed", True, True, False, "next_reply"),  # who has written is not silent
    ("closed", True, False, True, ""),
])
def test_which_clocks_run(status: str, waits: bool, replied: bool, complaint: bool, expected: str) -> None:
    assert clocks.running(Standing(Status(status), waits, replied, complaint)) == set(expected.split())


@settings(deadline=None)  # some calendars open once in months
@given(st.sampled_from(Status), st.booleans(), st.booleans(), st.booleans())
def test_p07_an_open_case_never_goes_without_a_clock(
    status: Status, waits: bool, replied: bool, complaint: bool
) -> None:
    standing = Standing(status, waits, replied, complaint)
    assert bool(clocks.running(standing)) is (status is not Status.closed)
    assert (Kind.resolution in clocks.running(standing)) is (status in (Status.assigned, Status.in_progress))
    assert not (clocks.held(standing) and Kind.resolution in clocks.running(standing))


@pytest.mark.parametrize(("start", "due", "half", "late"), [
    ("11-24 10:00", "11-24 11:00", "11-24 10:30", "11-24 11:30"),
    ("11-24 11:30", "11-24 13:30", "11-24 12:00", "11-24 14:00"),  # the lunch break is nobody's time
    ("11-24 15:30", "11-25 08:30", "11-24 16:00", "11-25 09:00"),
    ("11-28 10:00", "11-30 09:00", "11-30 08:30", "11-30 09:30"),  # a Saturday's case begins on Monday
    ("12-23 15:00", "12-28 09:00", "12-23 16:00", "12-28 10:00"),  # over the holidays
    ("11-23 09:00", "11-30 16:00", "11-26 08:30", "12-03 15:30"),  # five working days: 41 hours, half and half again
])
def test_marks_of_a_measured_clock(start: str, due: str, half: str, late: str) -> None:
    clock = clocks.measured(Kind.first_reply, OFFICE, wib(start), wib(due))
    assert clock.marks == (wib(half), wib(due), wib(late))
    assert clock.due_at == wib(due)


@settings(deadline=None)  # some calendars open once in months
@given(_calendars, _instants, st.integers(1, 3000))
def test_p07_marks_are_in_order_and_in_office_hours(calendar: WorkingCalendar, start: datetime, minutes: int) -> None:
    clock = clocks.measured(Kind.next_reply, calendar, start, calendar.add_minutes(start, minutes))
    assert start <= clock.marks[0] <= clock.marks[1] < clock.marks[2]
    assert all(in_hours(calendar, mark) for mark in clock.marks)
    assert [calendar.minutes_between(start, mark) for mark in clock.marks] == [
        minutes // 2, minutes, minutes + max(minutes // 2, 1)
    ]


@settings(deadline=None)  # some calendars open once in months
@given(_calendars, _instants, st.integers(1, 3000), st.integers(0, 4000), st.integers(0, 20000))
def test_p07_a_pause_gives_back_exactly_what_was_left(
    calendar: WorkingCalendar, start: datetime, minutes: int, worked: int, paused: int
) -> None:
    clock = clocks.measured(Kind.resolution, calendar, start, calendar.add_minutes(start, minutes))
    held_from = calendar.add_minutes(start, worked)
    now = held_from + timedelta(minutes=paused)
    after = clocks.shifted(clock, calendar, held_from, now)
    for before, mark in zip(clock.marks, after.marks, strict=True):
        if before <= held_from:
            assert mark == before
        else:
            assert calendar.minutes_between(now, mark) == calendar.minutes_between(held_from, before)
            assert in_hours(calendar, mark)


@settings(deadline=None)  # some calendars open once in months
@given(_calendars, _instants, st.integers(1, 3000), st.frozensets(st.dates(date(2026, 6, 1), date(2027, 2, 1))))
def test_p07_a_changed_calendar_keeps_the_working_minutes(
    calendar: WorkingCalendar, start: datetime, minutes: int, days: frozenset[date]
) -> None:
    clock = clocks.measured(Kind.resolution, calendar, start, calendar.add_minutes(start, minutes))
    changed = calendar.without(days)
    after = clocks.redated(clock, changed)
    assert [changed.minutes_between(start, mark) for mark in after.marks[:2]] == list(clock.spans[:2])
    assert all(new >= old for old, new in zip(clock.marks, after.marks, strict=True))
    assert clocks.redated(after, calendar).marks[:2] == clock.marks[:2]
    assert clocks.redated(clock, calendar, latest=start).due_at <= start


def test_a_changed_calendar_does_not_move_the_laws_own_days() -> None:
    clock = clocks.receipt(wib("11-24 10:00"))
    assert clock.marks == (wib("12-01 10:00"), wib("12-08 10:00"), wib("12-15 10:00"))
    assert clocks.redated(clock, OFFICE.without([date(2026, 12, 8)])) == clock


def test_question_and_silence() -> None:
    assert clocks.question(wib("11-24 10:00")).marks == (wib("12-04 10:00"), wib("12-14 10:00"), wib("12-24 10:00"))
    assert clocks.closing(OFFICE, wib("11-24 10:00")).marks == (
        wib("11-27 16:00"), wib("12-03 16:00"), wib("12-08 16:00")
    )


SUPERVISOR = {Act.bring_supervisor, Act.tell_citizen}
HEAD = {Act.bring_head, Act.tell_citizen}
BOTH = {Act.bring_head, Act.bring_supervisor}


@pytest.mark.parametrize(("kind", "expected"), [
    ("first_reply", [{Act.remind_officer}, SUPERVISOR, HEAD, BOTH, BOTH]),
    ("next_reply", [{Act.remind_officer}, SUPERVISOR, HEAD, BOTH, BOTH]),
    ("resolution", [{Act.remind_officer}, SUPERVISOR | {Act.outside_ways}, HEAD, BOTH, BOTH]),
    ("receipt", [{Act.remind_officer}, SUPERVISOR, HEAD, BOTH, BOTH]),
    ("question", [{Act.remind_citizen}, {Act.remind_citizen}, {Act.go_on, Act.bring_supervisor}]),
    ("closing", [{Act.remind_citizen}, {Act.remind_citizen}, {Act.settle_silence}, {Act.settle_silence}]),
])
def test_p07_what_each_mark_asks_for(kind: str, expected: list[set[Act]]) -> None:
    assert [clocks.acts(Kind(kind), number) for number in range(1, len(expected) + 1)] == expected


def test_p07_it_does_not_fall_silent() -> None:
    told = wib("12-22 10:00")
    assert clocks.again(OFFICE, told) == wib("12-31 16:00")  # five working days, two holidays between
    assert clocks.again(WorkingCalendar(WIB, {}), told) == told + timedelta(days=5)


def test_an_office_that_never_opens_again_loses_no_deadline() -> None:
    once = WorkingCalendar(WIB, {}, special={date(2026, 11, 24): ((time(8), time(9)),)})
    clock = clocks.measured(Kind.first_reply, once, wib("11-24 08:00"), wib("11-24 09:00"))
    assert clock.marks == (wib("11-24 08:30"), wib("11-24 09:00"), wib("11-24 09:30"))


def test_leave_is_a_closed_day_for_one_officer() -> None:
    special = WorkingCalendar(WIB, WEEK, special={date(2026, 11, 25): ((time(8), time(9)),)})
    leave = [date(2026, 11, 24) + timedelta(days=ahead) for ahead in range(2)]
    assert special.without(leave).next_open(wib("11-24 10:00")) == wib("11-26 08:00")
    assert special.without([]) is special


def test_the_zones_keep_their_own_evening() -> None:
    at = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    for (first, second) in itertools.pairwise(("Jakarta", "Makassar", "Jayapura")):
        west, east = (WorkingCalendar(ZoneInfo(f"Asia/{city}"), WEEK) for city in (first, second))
        due = [clocks.measured(Kind.resolution, calendar, at, calendar.add_working_days(at, 5)).due_at
               for calendar in (west, east)]
        assert due[0] - due[1] == timedelta(hours=1)


def test_the_calendar_command_reads_days_and_hours() -> None:
    words = ["calendar", "close", "--day", "2026-11-27", "--name", "Libur", "--hours", "08:00-11:00"]
    given = parser().parse_args(words)
    assert (given.day, given.hours, given.unit) == (date(2026, 11, 27), [(time(8), time(11))], None)
    assert parser().parse_args(["calendar", "hours", "--unit", "sosial", "--weekday", "4", "--hours", ""]).hours == []


@pytest.mark.parametrize(("due", "now", "ended", "held", "settled", "expected"), [
    ("11-24 11:00", "11-24 10:30", None, None, True, "running"),
    ("11-24 11:00", "11-24 11:01", None, None, True, "missed"),
    ("11-24 11:00", "11-25 08:00", "11-24 10:59", None, True, "kept"),
    ("11-24 11:00", "11-25 08:00", "11-24 11:01", None, True, "missed"),
    ("11-24 11:00", "11-25 08:00", "11-24 10:00", None, False, "dropped"),
    ("11-24 11:00", "11-25 08:00", None, "11-24 10:00", True, "held"),
])
def test_what_became_of_a_promise(due, now, ended, held, settled, expected) -> None:
    instants = [wib(at) if at else None for at in (due, now, ended, held)]
    assert clocks.became(*instants, settled) == expected

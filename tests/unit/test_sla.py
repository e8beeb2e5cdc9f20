"""Deadlines: the classes' working days, the unit's target, the law's own bound."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.calendar import CalendarError, WorkingCalendar
from handoff.domain.sla import RESOLVE_DAYS, deadlines, legal_bound, pace, resolve_days, said

WIB = ZoneInfo("Asia/Jakarta")
OFFICE = WorkingCalendar(
    WIB, {day: ((time(8), time(16)),) for day in range(5)}, frozenset({date(2026, 12, 24), date(2026, 12, 25)})
)


def wib(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WIB)


def test_the_classes() -> None:
    assert {name: resolve_days(name) for name in RESOLVE_DAYS} == {"information": 5, "complaint": 14, "inspection": 60}
    with pytest.raises(ValueError, match="no such class: 'urgent'"):
        resolve_days("urgent")


@pytest.mark.parametrize(
    ("opened", "target", "sla_class", "respond_by", "resolve_by"),
    [
        ("2026-11-23 09:00", 60, "information", "2026-11-23 10:00", "2026-11-30 16:00"),
        ("2026-11-23 15:30", 60, "complaint", "2026-11-24 08:30", "2026-12-11 16:00"),
        # Night, Saturday, holidays: the times are honest, the case opens all the same.
        ("2026-11-23 22:00", 60, "information", "2026-11-24 09:00", "2026-12-01 16:00"),
        ("2026-11-28 10:00", 60, "information", "2026-11-30 09:00", "2026-12-07 16:00"),
        ("2026-12-23 17:00", 60, "information", "2026-12-28 09:00", "2027-01-04 16:00"),
        # A lax target is cut to the end of the next working day.
        ("2026-11-23 09:00", 6000, "information", "2026-11-24 16:00", "2026-11-30 16:00"),
        # 60 working days would end in February; the 60 days of the law end on Friday 22 January at 9.
        ("2026-11-23 09:00", 60, "inspection", "2026-11-23 10:00", "2027-01-21 16:00"),
    ],
)
def test_deadlines(opened: str, target: int, sla_class: str, respond_by: str, resolve_by: str) -> None:
    found = deadlines(OFFICE, wib(opened), target, sla_class)
    assert (found.respond_by, found.resolve_by) == (wib(respond_by), wib(resolve_by))


def test_an_office_that_hardly_opens_still_keeps_the_law() -> None:
    yearly = WorkingCalendar(WIB, {}, special={date(2027, 6, day): ((time(8), time(16)),) for day in range(1, 30)})
    found = deadlines(yearly, wib("2026-11-23 09:00"), 60, "information")
    assert found.resolve_by == found.respond_by == wib("2027-01-22 09:00")
    with pytest.raises(CalendarError):
        deadlines(WorkingCalendar(WIB, {}), wib("2026-11-23 09:00"), 60, "information")


def test_the_time_in_which_the_citizen_was_asked_is_not_the_offices() -> None:
    """UU 25/2009: the 60 days run from a complete file."""
    opened = wib("2026-11-23 09:00")
    assert legal_bound(OFFICE, opened) == wib("2027-01-21 16:00")
    assert legal_bound(OFFICE, opened, timedelta(days=10)) == wib("2027-01-29 16:00")


def served(*spans: tuple[str, str]) -> list[tuple[datetime, datetime]]:
    return [(wib(f"2026-11-24 {a}"), wib(f"2026-11-24 {b}")) for a, b in spans]


@pytest.mark.parametrize(("spans", "expected"), [
    ((), None), ((("09:00", "09:10"),) * 4, None),  # too few to say
    ((("09:00", "09:05"), ("10:00", "10:05"), ("11:00", "11:05"), ("12:00", "12:05"), ("13:00", "13:05")), 5.0),
    # All came at nine and were answered one after the other: a queue, twelve minutes each.
    ((("09:00", "09:12"), ("09:00", "09:24"), ("09:00", "09:36"), ("09:00", "09:48"), ("09:00", "10:00")), 12.0),
])
def test_pace(spans: tuple[tuple[str, str], ...], expected: float | None) -> None:
    assert pace(OFFICE, served(*spans)) == expected


@pytest.mark.parametrize(("ahead", "each", "people", "expected"), [
    (0, None, 2, "2026-11-24 11:00"),      # the target can be met
    (11, None, 2, "2026-11-24 11:00"),
    (12, None, 2, "2026-11-24 11:05"),     # the thirteenth cannot be promised the hour
    (2499, None, 2, "2027-01-01 10:20"),   # 12,500 minutes at eight hours a day
    (3, 20.0, 2, "2026-11-24 11:20"),
    (0, 1.5, 1, "2026-11-24 11:00"),
])
def test_what_is_told_comes_from_the_queue(ahead: int, each: float | None, people: int, expected: str) -> None:
    start = wib("2026-11-24 10:00")
    assert said(OFFICE, start, wib("2026-11-24 11:00"), ahead, each, people) == wib(expected)


_first, _last = (wib(day).replace(tzinfo=None) for day in ("2026-01-01", "2027-01-01"))


@given(
    st.datetimes(_first, _last, timezones=st.sampled_from([UTC, WIB])),
    st.integers(0, 2000),
    st.sampled_from(sorted(RESOLVE_DAYS)),
    st.sampled_from(["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]),
)
def test_always_ordered_and_within_the_law(at: datetime, target: int, sla_class: str, zone: str) -> None:
    calendar = WorkingCalendar(ZoneInfo(zone), OFFICE.weekly, OFFICE.closed)
    found = deadlines(calendar, at, target, sla_class)
    assert at <= found.respond_by <= found.resolve_by <= at + timedelta(days=60)
    assert calendar.minutes_between(at, found.respond_by) <= target
    for instant in (found.respond_by, found.resolve_by):
        assert instant.tzinfo is calendar.zone
        assert calendar.is_open(instant) or calendar.last_close(instant) == instant

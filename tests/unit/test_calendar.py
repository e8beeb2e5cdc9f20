"""Working time: tables of a normal office's week, then properties over any office in the three zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handoff.domain.calendar import CalendarError, WorkingCalendar
from handoff.texts import working_span

WIB, WITA, WIT = (ZoneInfo(f"Asia/{city}") for city in ("Jakarta", "Makassar", "Jayapura"))
MORNING, AFTERNOON = (time(8), time(12)), (time(13), time(16))
WEEK = dict.fromkeys(range(4), (MORNING, AFTERNOON)) | {4: ((time(8), time(11, 30)), (time(13), time(16)))}
# November 2026: Mon 23 … Fri 27. Thu 24 December is cuti bersama, Fri 25 Christmas, Thu 31 a half day here.
OFFICE = WorkingCalendar(
    WIB, WEEK, frozenset({date(2026, 12, 24), date(2026, 12, 25)}), {date(2026, 12, 31): ((time(8), time(11)),)}
)


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


@pytest.mark.parametrize(
    ("at", "is_open", "next_open"),
    [
        ("11-23 08:00", True, "11-23 08:00"),
        ("11-23 07:59:59", False, "11-23 08:00"),
        ("11-23 11:59:59", True, "11-23 11:59:59"),
        ("11-23 12:00", False, "11-23 13:00"),
        ("11-23 16:00", False, "11-24 08:00"),
        ("11-27 11:30", False, "11-27 13:00"),
        ("11-27 16:00", False, "11-30 08:00"),
        ("11-28 10:00", False, "11-30 08:00"),
        ("12-23 16:00", False, "12-28 08:00"),
        ("12-31 10:59", True, "12-31 10:59"),
    ],
)
def test_open_or_not(at: str, is_open: bool, next_open: str) -> None:
    assert OFFICE.is_open(wib(at)) is is_open
    assert OFFICE.next_open(wib(at)) == wib(next_open)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("11-23 09:00", 60, "11-23 10:00"),
        ("11-23 11:30", 30, "11-23 12:00"),
        ("11-23 11:30", 31, "11-23 13:01"),
        ("11-23 15:30", 60, "11-24 08:30"),
        ("11-27 15:30", 60, "11-30 08:30"),
        ("11-28 23:00", 60, "11-30 09:00"),
        ("12-23 15:59:30", 1, "12-28 08:00:30"),
        ("11-23 12:15", 0, "11-23 13:00"),
        ("12-31 10:00", 60, "12-31 11:00"),
    ],
)
def test_minutes_run_in_office_hours(start: str, minutes: int, end: str) -> None:
    assert OFFICE.add_minutes(wib(start), minutes) == wib(end)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("11-23 07:00", 1, "11-24 16:00"),
        ("11-23 15:59", 1, "11-24 16:00"),
        ("11-23 16:00", 1, "11-25 16:00"),  # after hours: as if it came on the 24th
        ("11-23 12:30", 1, "11-24 16:00"),  # the lunch break is not "after hours"
        ("11-28 10:00", 1, "12-01 16:00"),
        ("11-23 10:00", 5, "11-30 16:00"),
        ("11-23 10:00", 0, "11-23 16:00"),
        ("12-23 10:00", 1, "12-28 16:00"),
        ("12-30 10:00", 1, "12-31 11:00"),  # a half day ends early
    ],
)
def test_working_days_end_with_office_hours(start: str, days: int, end: str) -> None:
    assert OFFICE.add_working_days(wib(start), days) == wib(end)


def test_minutes_between() -> None:
    assert OFFICE.minutes_between(wib("11-27 11:00"), wib("11-30 09:00")) == 30 + 180 + 60
    assert OFFICE.minutes_between(wib("11-30 09:00"), wib("11-27 11:00")) == -270
    assert OFFICE.minutes_between(wib("12-24 09:00"), wib("12-26 09:00")) == 0


def test_last_close() -> None:
    assert OFFICE.last_close(wib("11-23 16:00")) == wib("11-23 16:00")
    assert OFFICE.last_close(wib("11-23 15:59")) == wib("11-23 12:00")
    assert OFFICE.last_close(wib("12-27 09:00")) == wib("12-23 16:00")
    assert WorkingCalendar(WIB, {}).last_close(wib("12-27 09:00")) is None


def test_special_hours_prevail_over_a_day_off_and_over_the_week() -> None:
    day = date(2026, 12, 24)
    calendar = WorkingCalendar(WIB, WEEK, frozenset({day}), {day: (MORNING,), date(2026, 12, 23): ()})
    assert calendar.is_open(wib("12-24 09:00"))
    assert calendar.next_open(wib("12-23 09:00")) == wib("12-24 08:00")


def test_the_same_instant_is_another_hour_in_another_zone() -> None:
    at = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)  # 15:30 WIB, 16:30 WITA, 17:30 WIT
    open_in = [zone for zone in (WIB, WITA, WIT) if WorkingCalendar(zone, WEEK).is_open(at)]
    assert open_in == [WIB]
    assert WorkingCalendar(WIT, WEEK).next_open(at).isoformat() == "2026-11-24T08:00:00+09:00"


def test_around_the_clock() -> None:
    always = WorkingCalendar(WITA, {day: ((time(0), time(0)),) for day in range(7)})
    at = datetime(2026, 11, 23, 23, 59, tzinfo=WITA)
    assert always.is_open(at)
    assert always.next_open(at) == at
    assert always.add_minutes(at, 24 * 60) == at + timedelta(days=1)
    assert always.add_working_days(at, 1) == datetime(2026, 11, 25, tzinfo=WITA)


@pytest.mark.parametrize("hours", [
    ((time(9), time(9)),), ((time(9), time(8)),), (AFTERNOON, MORNING), (MORNING, (time(11), time(13))),
    ((time(22), time(0)), (time(23), time(0))), ((time(8, tzinfo=UTC), time(9, tzinfo=UTC)),),
])
def test_malformed_hours_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(CalendarError):
        WorkingCalendar(WIB, {0: hours})


def test_an_office_that_never_opens() -> None:
    at = wib("11-23 09:00")
    for calendar in (WorkingCalendar(WIB, {}), WorkingCalendar(WIB, {}, special={date(2026, 11, 1): (MORNING,)})):
        assert not calendar.is_open(at)
        for search in (calendar.next_open, lambda x, c=calendar: c.add_minutes(x, 1),
                       lambda x, c=calendar: c.add_working_days(x, 1)):
            with pytest.raises(CalendarError):
                search(at)
    with pytest.raises(CalendarError):
        WorkingCalendar(WIB, {7: (MORNING,)})


def test_the_last_opening_of_all_can_still_be_reached() -> None:
    once = WorkingCalendar(WIB, {}, special={date(2026, 11, 24): (MORNING,)})
    start, end = wib("11-23 09:00"), wib("11-24 12:00")
    assert once.add_minutes(start, 240) == once.add_working_days(start, 0) == end


def test_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        OFFICE.is_open(wib("11-23 09:00").replace(tzinfo=None))
    with pytest.raises(ValueError, match="never taken away"):
        OFFICE.add_minutes(wib("11-23 09:00"), -1)
    with pytest.raises(ValueError, match="never taken away"):
        OFFICE.add_working_days(wib("11-23 09:00"), -1)


@st.composite
def _hours(draw: st.DrawFn) -> tuple[tuple[time, time], ...]:
    edges = sorted(draw(st.lists(st.integers(0, 24 * 60), min_size=2, max_size=6, unique=True)))
    clocks = [time(edge // 60 % 24, edge % 60) for edge in edges]
    return tuple(zip(clocks[::2], clocks[1::2], strict=False))


_days = st.dates(date(2026, 6, 1), date(2027, 2, 1))
_calendars = st.builds(
    WorkingCalendar,
    zone=st.sampled_from([WIB, WITA, WIT]),
    weekly=st.dictionaries(st.integers(0, 6), _hours(), min_size=1, max_size=6),
    closed=st.frozensets(_days, max_size=20),
    special=st.dictionaries(_days, _hours(), max_size=5),
)
_first, _last = (wib(day).replace(tzinfo=None) for day in ("06-01", "12-31"))
_instants = st.datetimes(_first, _last, timezones=st.sampled_from([UTC, WIB, WITA, WIT]))
_minutes = st.integers(0, 3000)


def in_hours(calendar: WorkingCalendar, at: datetime) -> bool:
    """Inside office hours, or at the very instant in which they end."""
    return calendar.is_open(at) or calendar.is_open(at - timedelta(microseconds=1))


@given(_calendars, _instants, _minutes)
def test_add_then_measure(calendar: WorkingCalendar, start: datetime, minutes: int) -> None:
    end = calendar.add_minutes(start, minutes)
    assert end >= start
    assert end.tzinfo is calendar.zone
    assert calendar.minutes_between(start, end) == minutes
    assert in_hours(calendar, end)


@given(_calendars, _instants, _instants, _minutes, st.integers(1, 500))
def test_monotone(calendar: WorkingCalendar, a: datetime, b: datetime, minutes: int, more: int) -> None:
    a, b = sorted((a, b))
    assert calendar.next_open(a) <= calendar.next_open(b)
    assert calendar.add_minutes(a, minutes) <= calendar.add_minutes(b, minutes)
    assert calendar.add_minutes(a, minutes) < calendar.add_minutes(a, minutes + more)
    assert calendar.add_minutes(calendar.add_minutes(a, minutes), more) == calendar.add_minutes(a, minutes + more)


@given(_calendars, _instants, _instants, st.integers(0, 15))
def test_days_are_monotone_and_end_with_office_hours(
    calendar: WorkingCalendar, a: datetime, b: datetime, days: int
) -> None:
    a, b = sorted((a, b))
    end = calendar.add_working_days(a, days)
    assert end <= calendar.add_working_days(b, days)
    assert end < calendar.add_working_days(a, days + 1)
    assert end > a
    assert end.tzinfo is calendar.zone
    assert calendar.last_close(end) == end


@given(_calendars, _instants, _instants, _instants)
def test_minutes_add_up(calendar: WorkingCalendar, a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted(at.replace(second=0, microsecond=0) for at in (a, b, c))
    parts = calendar.minutes_between(a, b) + calendar.minutes_between(b, c)
    assert parts == calendar.minutes_between(a, c) == -calendar.minutes_between(c, a)


@given(_calendars, _instants, _minutes, st.sampled_from([UTC, WIB, WIT, ZoneInfo("America/New_York")]))
def test_the_zone_of_the_argument_is_of_no_matter(
    calendar: WorkingCalendar, at: datetime, minutes: int, zone: ZoneInfo
) -> None:
    same = at.astimezone(zone)
    assert calendar.is_open(at) is calendar.is_open(same)
    assert calendar.next_open(at) == calendar.next_open(same)
    assert calendar.add_minutes(at, minutes) == calendar.add_minutes(same, minutes)
    assert calendar.add_working_days(at, 3) == calendar.add_working_days(same, 3)


@given(_calendars, _instants)
def test_next_open_is_the_first(calendar: WorkingCalendar, at: datetime) -> None:
    opening = calendar.next_open(at)
    assert calendar.is_open(opening)
    assert calendar.minutes_between(at, opening) == 0
    assume(opening > at)
    assert not calendar.is_open(at)
    assert not calendar.is_open(opening - timedelta(microseconds=1))


@given(_calendars, _instants, st.integers(0, 12))
def test_days_between_counts_as_deadlines_do(calendar: WorkingCalendar, start: datetime, days: int) -> None:
    try:
        end = calendar.add_working_days(start, days)
    except CalendarError:
        return
    assert calendar.days_between(start, end) == days
    assert calendar.days_between(start, end - timedelta(seconds=1)) == max(0, days - 1)
    assert calendar.days_between(end, start) == 0


def test_working_time_in_words() -> None:
    assert [working_span(*span) for span in ((0, 0), (0, 59), (0, 60), (0, 470), (1, 470), (12, 0))] == [
        "kurang dari 1 jam kerja", "kurang dari 1 jam kerja", "1 jam kerja", "7 jam kerja", "1 hari kerja",
        "12 hari kerja"]

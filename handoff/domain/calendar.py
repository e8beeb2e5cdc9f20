"""Working time: when an office is open, and how deadlines run in its hours.

Everything is counted in UTC and given back in the calendar's own zone, so the zone of an argument never matters, nor
does a change of the zone's offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = tuple[tuple[time, time], ...]

MIDNIGHT = time(0)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
#: A calendar without an opening for this many days in a row is taken never to open.
SEARCH_DAYS = 731


class CalendarError(Exception):
    """The calendar is malformed, or never opens again."""


@dataclass(frozen=True)
class WorkingCalendar:
    """The hours of one office.

    `weekly` maps a weekday (0 = Monday) to its intervals, a missing one is closed; `closed` are days off (holidays,
    *cuti bersama*); `special` are days with hours of their own, half days above all, and prevails over both: an
    office that works on a *cuti bersama* says so there. An interval is open from its start until just before its end;
    an end of 00:00 is the midnight that ends the day. Raises `CalendarError` for intervals that are empty, overlap or
    are out of order.
    """

    zone: ZoneInfo
    weekly: Mapping[int, Hours]
    closed: frozenset[date] = frozenset()
    special: Mapping[date, Hours] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.weekly.keys() <= set(range(7)):
            raise CalendarError("weekdays go from 0 (Monday) to 6")
        for hours in (*self.weekly.values(), *self.special.values()):
            _check(hours)

    def without(self, days: Iterable[date]) -> WorkingCalendar:
        """The same hours with these days off, whatever else holds for them: one officer's calendar with their leave."""
        off = frozenset(days)
        if not off:
            return self
        special = {day: hours for day, hours in self.special.items() if day not in off}
        return WorkingCalendar(self.zone, self.weekly, self.closed | off, special)

    def is_open(self, at: datetime) -> bool:
        """Whether the office works at this instant."""
        at = _utc(at)
        return any(start <= at < end for start, end in self.openings(self._day(at)))

    def next_open(self, at: datetime) -> datetime:
        """The first instant from `at` on in which the office works: `at` itself when it is open."""
        at = _utc(at)
        _, start, _ = next(self._openings_after(at))
        return self._local(max(start, at))

    def last_close(self, at: datetime) -> datetime | None:
        """The latest end of an interval that is not after `at`; None when there was none within two years."""
        at = _utc(at)
        day = self._day(at)
        for back in range(SEARCH_DAYS):
            ends = [end for _, end in self.openings(day - back * DAY) if end <= at]
            if ends:
                return self._local(ends[-1])
        return None

    def add_minutes(self, start: datetime, minutes: int) -> datetime:
        """The instant after this many working minutes; the very end of an interval when it is just used up.

        Raises `ValueError` for negative minutes, `CalendarError` when the calendar never opens.
        """
        if minutes < 0:
            raise ValueError("working minutes are added, never taken away")
        at, left = _utc(start), minutes * MINUTE
        openings = self._openings_after(at)
        while True:
            _, opening, closing = next(openings)
            begin = max(opening, at)
            if begin + left <= closing:
                return self._local(begin + left)
            left -= closing - begin

    def minutes_between(self, a: datetime, b: datetime) -> int:
        """Whole working minutes from `a` to `b`; negative when `b` comes first."""
        a, b = _utc(a), _utc(b)
        if b < a:
            return -self.minutes_between(b, a)
        total, day, last = timedelta(), self._day(a), self._day(b)
        while day <= last:
            for start, end in self.openings(day):
                total += max(min(end, b) - max(start, a), timedelta())
            day += DAY
        return total // MINUTE

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """The end of office hours of the `days`-th working day after the day of `start`.

        A start on a closed day or after hours counts as one on the next working day: a message of Saturday is treated
        like the first of Monday. Raises `ValueError` for negative days, `CalendarError` when the calendar never opens.
        """
        if days < 0:
            raise ValueError("working days are added, never taken away")
        left, counted = days, None
        openings = self._openings_after(_utc(start))
        while True:
            day, _, _ = next(openings)
            if day == counted:
                continue
            if left == 0:
                return self._local(self.openings(day)[-1][1])
            left, counted = left - 1, day

    def days_between(self, a: datetime, b: datetime) -> int:
        """Whole working days from `a` to `b`, as `add_working_days` counts them: the working days after that of `a`
        whose office hours have ended by `b`. 0 when `b` comes first."""
        a, b = _utc(a), _utc(b)
        day, last, begun, whole = self._day(a), self._day(b), False, 0
        while day <= last:
            hours = self.openings(day)
            if hours and hours[-1][1] > a:
                whole += begun and hours[-1][1] <= b
                begun = True
            day += DAY
        return whole

    def openings(self, day: date) -> list[tuple[datetime, datetime]]:
        """The instants (UTC) between which the office works on this date of its zone, in order."""
        hours = self.special.get(day)
        if hours is None:
            hours = () if day in self.closed else self.weekly.get(day.weekday(), ())
        return [(self._at(day, start), self._at(day if end > MIDNIGHT else day + DAY, end)) for start, end in hours]

    def _openings_after(self, at: datetime) -> Iterator[tuple[date, datetime, datetime]]:
        """Date, start and end (UTC) of every opening that ends after `at`, without end; `CalendarError` when dry."""
        day, dry = self._day(at), 0
        while dry < SEARCH_DAYS:
            dry += 1
            for start, end in self.openings(day):
                if end > at:
                    dry = 0
                    yield day, start, end
            day += DAY
        raise CalendarError(f"no office hours within {SEARCH_DAYS} days of {self._local(at):%Y-%m-%d}")

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone is no instant")
    return at.astimezone(UTC)


def _check(hours: Hours) -> None:
    previous = MIDNIGHT
    for index, (start, end) in enumerate(hours):
        ends_day = end == MIDNIGHT
        if start.tzinfo or end.tzinfo or (start >= end and not ends_day):
            raise CalendarError(f"no such hours: {start}-{end}")
        if start < previous or (ends_day and index < len(hours) - 1):
            raise CalendarError(f"hours overlap or are out of order: {start}-{end}")
        previous = end

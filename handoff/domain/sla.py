"""Deadlines of a case: when a person answers at the latest, and when the matter is settled.

Computed once, when the case opens, and stored (promise P7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from handoff.domain.calendar import WorkingCalendar

#: Working days to settle a matter, by the classes of SP4N-LAPOR! (PermenPANRB 62/2018): a request for information,
#: a complaint without inspection (*tidak berkadar pengawasan*), one that needs it (*berkadar pengawasan*).
RESOLVE_DAYS: Mapping[str, int] = MappingProxyType({"information": 5, "complaint": 14, "inspection": 60})

#: UU 25/2009 Ps. 50(1): a complaint is decided within 60 days. The law says days, not working days, and lets them run
#: from a complete file; counted from the opening they never run out too late.
LEGAL_BOUND = timedelta(days=60)

#: A person answers within one working day whatever the unit's own target (UU 25/2009 Ps. 44(3) would allow 14 days).
RESPOND_DAYS = 1


#: Working minutes that one officer needs for an answer where nothing was measured yet: a guess that errs on the side of
#: promising less.
ASSUMED_MINUTES = 10
#: A unit's pace is measured over its latest answers, and believed from so many on.
PACE_ANSWERS, PACE_NEEDED = 20, 5


@dataclass(frozen=True)
class Deadlines:
    """The two promises to the citizen: instants in the calendar's zone, `respond_by` never after `resolve_by`."""

    respond_by: datetime
    resolve_by: datetime


def resolve_days(sla_class: str) -> int:
    """Working days that SP4N-LAPOR! (PermenPANRB 62/2018) gives this class; `ValueError` for an unknown one."""
    try:
        return RESOLVE_DAYS[sla_class]
    except KeyError:
        raise ValueError(f"no such class: {sla_class!r}; known are {', '.join(RESOLVE_DAYS)}") from None


def deadlines(calendar: WorkingCalendar, opened_at: datetime, first_reply_minutes: int, sla_class: str) -> Deadlines:
    """When a case opened at `opened_at` must be answered by a person and when settled.

    The answer: `first_reply_minutes` working minutes (the unit's target), at most the end of the next working day.
    The settlement: the working days of `sla_class`, and within the 60 days of UU 25/2009 Ps. 50(1); where that law
    comes first, the last end of office hours within it, because nobody settles a matter in the night it runs out.

    Raises `ValueError` for an unknown class or negative minutes, `CalendarError` when the calendar never opens.
    """
    days = resolve_days(sla_class)
    resolve_by = min(calendar.add_working_days(opened_at, days), legal_bound(calendar, opened_at))
    respond_by = min(
        calendar.add_minutes(opened_at, first_reply_minutes),
        calendar.add_working_days(opened_at, RESPOND_DAYS),
        resolve_by,
    )
    return Deadlines(respond_by, resolve_by)


def legal_bound(calendar: WorkingCalendar, opened_at: datetime, waited: timedelta = timedelta()) -> datetime:
    """When UU 25/2009 Ps. 50(1) wants the matter decided: the last end of office hours within its 60 days. They run
    from a complete file, so the time in which the citizen was asked for something (`waited`) is added."""
    bound = opened_at.astimezone(calendar.zone) + LEGAL_BOUND + waited
    closing = calendar.last_close(bound)
    return closing if closing is not None and closing > opened_at else bound


def pace(calendar: WorkingCalendar, served: Sequence[tuple[datetime, datetime]]) -> float | None:
    """Working minutes that a unit needed for each of its latest answers while anybody waited. `served`: when each of
    them began to wait and was answered. None when too few were measured to say.

    Time in which nobody waited does not count: an idle unit is not a slow one.
    """
    if len(served) < PACE_NEEDED:
        return None
    busy, reached = 0, None
    for start, end in sorted(served):
        begin = start if reached is None or start > reached else reached
        if end > begin:
            busy += calendar.minutes_between(begin, end)
            reached = end
    return busy / len(served)


def said(
    calendar: WorkingCalendar, start: datetime, target: datetime, ahead: int, minutes_each: float | None,
    people: int = 1,
) -> datetime:
    """The time that a citizen is told for the answer: the target, or later when `ahead` others wait before them and
    the unit cannot meet it (`minutes_each`: its measured pace; else `ASSUMED_MINUTES` for each of `people`)."""
    each = minutes_each if minutes_each is not None else ASSUMED_MINUTES / max(people, 1)
    return max(target, calendar.add_minutes(start, math.ceil(each * (ahead + 1))))

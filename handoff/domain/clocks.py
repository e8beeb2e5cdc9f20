"""The clocks of a case (promise P7): which run, when each of their marks falls, and what a mark asks for.

Every clock has three marks. Those that measure the office have them at half of the time, at its end and at half as
much again, in the unit's working time. A citizen who was asked something and one who was offered a resolution are
reminded twice before their time is up. All of it is computed when the clock is set, and stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from handoff.domain.calendar import MINUTE, CalendarError, WorkingCalendar
from handoff.domain.case import Status

#: A citizen who was asked something has this long (UU 25/2009 Ps. 44(4): 30 days to complete a complaint); calendar
#: days, with a reminder after each third.
QUESTION_DAYS = (10, 20, 30)
#: UU 25/2009 Ps. 44(3): within 14 days the citizen is told at least whether the complaint is complete. The law says
#: days, not working days.
RECEIPT_DAYS = (7, 14, 21)
#: Working days from the proposed resolution to two reminders and to the end; SP4N-LAPOR! closes after 10 without reply.
CLOSING_DAYS = (3, 7, 10)
#: After the third mark head and supervisor are told again, every so many working days.
AGAIN_DAYS = 5


class Kind(StrEnum):
    """What a clock measures."""

    first_reply = "first_reply"  # until a person has answered at all
    next_reply = "next_reply"    # each further time the citizen waits for an answer
    receipt = "receipt"          # a complaint's 14 days of UU 25/2009
    resolution = "resolution"    # until a resolution is proposed that the citizen does not refuse
    question = "question"        # until the citizen has answered what they were asked
    closing = "closing"          # the citizen's silence after a proposed resolution


#: Clocks that measure the office: a missed one is a breach. The others measure the citizen and accuse nobody.
MEASURED = frozenset({Kind.first_reply, Kind.next_reply, Kind.receipt, Kind.resolution})
REPLIES = frozenset({Kind.first_reply, Kind.next_reply})
#: Clocks that an officer's word to the citizen ends.
ANSWERED = REPLIES | {Kind.receipt}
#: Clocks in working minutes, which a changed calendar re-dates; the law's own bound runs in plain days.
IN_HOURS = frozenset({Kind.first_reply, Kind.next_reply, Kind.resolution})


class Act(StrEnum):
    """What is done when a mark is reached."""

    remind_officer = "remind_officer"
    bring_supervisor = "bring_supervisor"
    bring_head = "bring_head"
    tell_citizen = "tell_citizen"
    outside_ways = "outside_ways"    # once a case: Ombudsman and SP4N-LAPOR!, with the dossier
    remind_citizen = "remind_citizen"
    go_on = "go_on"                  # no answer came: the case is worked on without it
    settle_silence = "settle_silence"  # close, or say why not (`domain.closing`)


_ESCALATION: Mapping[int, frozenset[Act]] = MappingProxyType({
    1: frozenset({Act.remind_officer}),
    2: frozenset({Act.bring_supervisor, Act.tell_citizen}),
    3: frozenset({Act.bring_head, Act.tell_citizen}),
    4: frozenset({Act.bring_head, Act.bring_supervisor}),
})


@dataclass(frozen=True)
class Standing:
    """What of a case decides which clocks run. `waits`: the citizen waits for a person; `replied`: a person has
    answered before; `complaint`: the complaint law counts too."""

    status: Status
    waits: bool
    replied: bool
    complaint: bool


def running(case: Standing) -> frozenset[Kind]:
    """The clocks that run. A resolution's is held, not ended, while the citizen is asked or has a proposal (`held`).

    Who has written since the proposal is not silent, so the closing clock runs only while nobody waits for us.
    """
    if case.status is Status.closed:
        return frozenset()
    kinds = set()
    if case.waits:
        kinds.add(Kind.next_reply if case.replied else Kind.first_reply)
    if case.complaint and not case.replied:
        kinds.add(Kind.receipt)
    if case.status is Status.waiting_citizen:
        kinds.add(Kind.question)
    elif case.status is Status.resolution_proposed:
        kinds |= set() if case.waits else {Kind.closing}
    else:
        kinds.add(Kind.resolution)
    return frozenset(kinds)


def held(case: Standing) -> bool:
    """Whether the resolution clock stands still. A question gives its time back (`shifted`); a proposal buys none: if
    the citizen refuses it, the old deadline stands."""
    return case.status in (Status.waiting_citizen, Status.resolution_proposed)


@dataclass(frozen=True)
class Clock:
    """A clock that was set. `spans`: working minutes from `counted_from` to each mark, so that a changed calendar can
    date them anew; the second mark is the deadline."""

    kind: Kind
    counted_from: datetime
    marks: tuple[datetime, datetime, datetime]
    spans: tuple[int, int, int]

    @property
    def due_at(self) -> datetime:
        """The deadline."""
        return self.marks[1]


def measured(kind: Kind, calendar: WorkingCalendar, start: datetime, due: datetime) -> Clock:
    """A clock that measures the office: half of the working time from `start` to `due`, `due`, half as much again."""
    whole = max(calendar.minutes_between(start, due), 0)
    half = whole // 2
    first = min(_later(calendar, start, half), due)
    more = max(half, 1)
    return Clock(kind, start, (first, due, max(_later(calendar, due, more), due)), (half, whole, whole + more))


def receipt(start: datetime) -> Clock:
    """The complaint law's 14 days from `start`."""
    return _in_days(Kind.receipt, start, RECEIPT_DAYS)


def question(start: datetime) -> Clock:
    """A citizen's time to answer what they were asked at `start`."""
    return _in_days(Kind.question, start, QUESTION_DAYS)


def closing(calendar: WorkingCalendar, start: datetime) -> Clock:
    """The silence after a resolution proposed at `start`: two reminders and the end, at the close of those days."""
    first, second, last = (calendar.add_working_days(start, days) for days in CLOSING_DAYS)
    return Clock(Kind.closing, start, (first, second, last), (0, 0, 0))


def _in_days(kind: Kind, start: datetime, days: tuple[int, int, int]) -> Clock:
    first, second, third = (start + timedelta(days=number) for number in days)
    return Clock(kind, start, (first, second, third), (0, 0, 0))


def shifted(clock: Clock, calendar: WorkingCalendar, held_from: datetime, now: datetime) -> Clock:
    """The clock after it stood still from `held_from` to `now`: what was left then is left now, mark by mark. Marks
    that had passed stay where they were."""
    left = [calendar.minutes_between(held_from, mark) for mark in clock.marks]
    dates = [
        mark if mark <= held_from else _later(calendar, now, minutes)
        for mark, minutes in zip(clock.marks, left, strict=True)
    ]
    return replace(clock, counted_from=now, marks=(dates[0], dates[1], dates[2]), spans=(left[0], left[1], left[2]))


def redated(clock: Clock, calendar: WorkingCalendar, latest: datetime | None = None) -> Clock:
    """The same working minutes under a changed calendar; never after `latest`, the law's own bound. Clocks in plain
    days and marks that were past when the counting began stay."""
    if clock.kind not in IN_HOURS:
        return clock
    first, due, third = (
        mark if span < 0 else _later(calendar, clock.counted_from, span)
        for mark, span in zip(clock.marks, clock.spans, strict=True)
    )
    due = min(due, latest) if latest else due
    return replace(clock, marks=(min(first, due), due, max(third, due)))


def acts(kind: Kind, mark: int) -> frozenset[Act]:
    """What the mark (1, 2, 3, and 4 for every later one) asks for."""
    if kind is Kind.closing:
        return frozenset({Act.remind_citizen if mark < 3 else Act.settle_silence})
    if kind is Kind.question:
        return frozenset({Act.remind_citizen}) if mark < 3 else frozenset({Act.go_on, Act.bring_supervisor})
    found = _ESCALATION[min(mark, 4)]
    return found | {Act.outside_ways} if kind is Kind.resolution and mark == 2 else found


class Kept(StrEnum):
    """What became of a promised time."""

    running = "running"
    held = "held"        # the citizen was asked, or has a proposal
    kept = "kept"
    missed = "missed"
    dropped = "dropped"  # the case ended otherwise before it was due


def became(due: datetime, now: datetime, ended: datetime | None, held: datetime | None, settled: bool) -> Kept:
    """What became of a time promised for `due`; `settled`: its clock ended because what was promised had come."""
    stopped = ended or held
    if (stopped or now) > due:
        return Kept.missed
    if ended is not None:
        return Kept.kept if settled else Kept.dropped
    return Kept.held if held is not None else Kept.running


def again(calendar: WorkingCalendar, told_at: datetime) -> datetime:
    """When head and supervisor are told again of a deadline that is missed by more than half."""
    try:
        return calendar.add_working_days(told_at, AGAIN_DAYS)
    except CalendarError:
        return told_at + timedelta(days=AGAIN_DAYS)


def _later(calendar: WorkingCalendar, at: datetime, minutes: int) -> datetime:
    """`minutes` of working time after `at`; an office that never opens again counts plain minutes, so that no deadline
    is lost with its calendar."""
    try:
        return calendar.add_minutes(at, max(minutes, 0))
    except CalendarError:
        return at + minutes * MINUTE

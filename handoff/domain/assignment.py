"""Who gets a case, and when an officer is on duty (promise P2: always somebody, by name)."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from handoff.domain.calendar import DAY, MIDNIGHT, SEARCH_DAYS, WorkingCalendar
from handoff.domain.case import Role

#: How many more open cases an officer who knows the citizen may have than the least busy one, and still be chosen.
KNOWN_MARGIN = 3

# Who is asked first, among those with a duty and among those without; auditors and administrators carry no cases.
_RANKS = {Role.officer: 0, Role.inspector: 0, Role.data_officer: 0, Role.head: 1, Role.supervisor: 2}
_RANKS_WITHOUT_DUTY = {**_RANKS, Role.head: -2, Role.supervisor: -1}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class NobodyToAssign(Exception):
    """Not one active officer can carry the case."""


@dataclass(frozen=True)
class Candidate:
    """An active officer as the choice sees them. `next_duty` is None without shifts; `open_cases` is a number of
    cases; `knows_citizen`: had a case of this citizen before; `languages` are ISO 639-1 codes; `away`: on a break.
    """

    officer_id: str
    on_duty: bool
    next_duty: datetime | None
    open_cases: int
    knows_citizen: bool
    languages: frozenset[str]
    role: Role
    last_assigned_at: datetime | None
    away: bool = False


@dataclass(frozen=True)
class Shift:
    """A weekly duty from `start` until just before `end`, in the unit's zone (0 = Monday); an end of 00:00 is the
    midnight that ends the day. A night is two shifts. Raises `ValueError` when it is empty.
    """

    weekday: int
    start: time
    end: time

    def __post_init__(self) -> None:
        if self.weekday not in range(7) or (self.start >= self.end and self.end != MIDNIGHT):
            raise ValueError(f"no such shift: {self}")


def choose(candidates: Sequence[Candidate], language: str = "id") -> Candidate:
    """The officer who gets the case; the same for the same candidates in any order.

    An officer with a duty, now or coming, before the head of unit, the head before a supervisor; where nobody has
    one, the head. Nobody who is away gets it while somebody else is on duty. Of these whoever is on duty, else who
    comes on duty first; of these who speaks the language, if anyone does; on duty, who knows the citizen, if not much
    busier than the others (`KNOWN_MARGIN`); then the fewest open cases, then the longest without a new one. Raises
    `NobodyToAssign`.
    """
    pool = [candidate for candidate in candidates if candidate.role in _RANKS]
    if not pool:
        raise NobodyToAssign
    if any(candidate.on_duty and not candidate.away for candidate in pool):
        pool = [candidate for candidate in pool if not candidate.away]
    pool = _least(pool, _standing)
    if not pool[0].on_duty:
        pool = _least(pool, lambda candidate: candidate.next_duty or _LONG_AGO)
    pool = _least(pool, lambda candidate: language not in candidate.languages)
    if pool[0].on_duty:
        limit = min(candidate.open_cases for candidate in pool) + KNOWN_MARGIN
        pool = _least(pool, lambda candidate: not (candidate.knows_citizen and candidate.open_cases <= limit))
    return min(pool, key=lambda c: (c.open_cases, c.last_assigned_at or _LONG_AGO, c.officer_id))


@dataclass(frozen=True)
class Place:
    """An officer's place in the office, as far as who answers for whom is concerned."""

    officer_id: str
    unit_id: str
    role: Role


def kept_from(named: Set[str], spoke: Set[str], places: Sequence[Place]) -> dict[str, str]:
    """Who does not get a complaint, by id, and why: whom it names (`named`), who spoke with the citizen before it
    (`spoke`), and the direct superior of either (`superior`): the head of an officer's unit, the supervisors of a head.
    """
    kept = dict.fromkeys(spoke, "spoke") | dict.fromkeys(named, "named")
    about = [place for place in places if place.officer_id in kept]
    units = {place.unit_id for place in about if place.role is not Role.head}
    heads = any(place.role is Role.head for place in about)
    for place in places:
        leads = (place.role is Role.head and place.unit_id in units) or (place.role is Role.supervisor and heads)
        if leads:
            kept.setdefault(place.officer_id, "superior")
    return kept


def is_away(since: datetime | None, at: datetime, zone: tzinfo) -> bool:
    """Whether an officer who said at `since` that they are on a break still is: a break that was forgotten ends with
    its day, so that nobody is left out for ever by it.
    """
    return since is not None and _aware(since).astimezone(zone).date() == _aware(at).astimezone(zone).date()


def on_duty(shifts: Sequence[Shift], at: datetime, calendar: WorkingCalendar | None = None) -> bool:
    """Whether one of the shifts runs at this instant.

    With the unit's calendar its zone, days off and half days count. Without, `at` is read as it stands: it must be in
    the unit's zone, and days off are unknown.
    """
    zone = calendar.zone if calendar else at.tzinfo
    local = _aware(at).astimezone(zone)
    return any(start <= local < end for start, end in _duties(shifts, local.date(), zone, calendar))


def next_duty(shifts: Sequence[Shift], at: datetime, calendar: WorkingCalendar) -> datetime | None:
    """The first instant from `at` on with duty, in the calendar's zone: `at` itself during a shift.

    No shift runs on a day that the calendar closes; on a day with special hours it runs only within them. None
    without shifts, or when none comes within two years.
    """
    local = _aware(at).astimezone(calendar.zone)
    for ahead in range(SEARCH_DAYS if shifts else 0):
        for start, end in _duties(shifts, local.date() + ahead * DAY, calendar.zone, calendar):
            if local < end:
                return max(start, local).astimezone(calendar.zone)
    return None


def _duties(
    shifts: Sequence[Shift], day: date, zone: tzinfo | None, calendar: WorkingCalendar | None
) -> list[tuple[datetime, datetime]]:
    """When the shifts run on this date, earliest first."""
    spans = sorted(
        (datetime.combine(day, s.start, zone), datetime.combine(day if s.end > MIDNIGHT else day + DAY, s.end, zone))
        for s in shifts if s.weekday == day.weekday()
    )
    if calendar is None:
        return spans
    if day in calendar.special:
        clipped = [(max(a, c), min(b, d)) for a, b in spans for c, d in calendar.openings(day)]
        return [(start, end) for start, end in clipped if start < end]
    return [] if day in calendar.closed else spans


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone is no instant")
    return at


def _standing(candidate: Candidate) -> tuple[bool, int, bool]:
    """Who is asked before whom, smallest first. Where nobody has a duty at all, the head answers for the unit."""
    has_duty = candidate.on_duty or candidate.next_duty is not None
    ranks = _RANKS if has_duty else _RANKS_WITHOUT_DUTY
    return not has_duty, ranks[candidate.role], not candidate.on_duty


def _least[Key: (bool, datetime, tuple[bool, int, bool])](
    pool: list[Candidate], key: Callable[[Candidate], Key]
) -> list[Candidate]:
    """The candidates whose key is the smallest."""
    best = min(map(key, pool))
    return [candidate for candidate in pool if key(candidate) == best]

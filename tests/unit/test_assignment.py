"""Who gets a case, and who is on duty."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.assignment import (
    KNOWN_MARGIN,
    Candidate,
    NobodyToAssign,
    Shift,
    choose,
    is_away,
    next_duty,
    on_duty,
)
from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Role

WITA = ZoneInfo("Asia/Makassar")
MONDAY = datetime(2026, 11, 23, 8, tzinfo=WITA)
TUESDAY = MONDAY + timedelta(days=1)


def candidate(officer_id: str, **differing: object) -> Candidate:
    fields: dict[str, object] = {
        "on_duty": True, "next_duty": None, "open_cases": 0, "knows_citizen": False,
        "languages": frozenset({"id"}), "role": Role.officer, "last_assigned_at": None,
    }
    return Candidate(officer_id, **(fields | differing))  # type: ignore[arg-type]


def off(officer_id: str, next_duty: datetime | None, **differing: object) -> Candidate:
    return candidate(officer_id, on_duty=False, next_duty=next_duty, **differing)


# The first of each row is to be chosen.
ROWS: dict[str, list[Candidate]] = {
    "the fewest open cases": [candidate("b", open_cases=1), candidate("a", open_cases=2)],
    "longest without a new one": [candidate("b", last_assigned_at=MONDAY), candidate("a", last_assigned_at=TUESDAY)],
    "never had one": [candidate("b"), candidate("a", last_assigned_at=MONDAY)],
    "all equal: by id": [candidate("a"), candidate("b")],
    "on duty before a lighter load": [candidate("b", open_cases=9), off("a", MONDAY)],
    "on duty before language": [candidate("b", languages=frozenset()), off("a", MONDAY)],
    "language before load": [candidate("b", open_cases=9), candidate("a", languages=frozenset({"jv"}))],
    "language before knowing": [candidate("b"), candidate("a", languages=frozenset(), knows_citizen=True)],
    "nobody speaks it": [candidate("b", languages=frozenset()), candidate("c", languages=frozenset(), open_cases=1)],
    "who knows the citizen": [candidate("b", open_cases=KNOWN_MARGIN, knows_citizen=True), candidate("a")],
    "unless much busier": [candidate("a"), candidate("b", open_cases=KNOWN_MARGIN + 1, knows_citizen=True)],
    "the lightest of those who know": [
        candidate("c", open_cases=1, knows_citizen=True), candidate("b", open_cases=2, knows_citizen=True),
        candidate("a"),
    ],
    "nobody on duty: who comes first": [off("b", MONDAY, open_cases=9), off("a", TUESDAY)],
    "the same start: language, then load": [
        off("c", MONDAY, open_cases=5), off("a", MONDAY, languages=frozenset()), off("b", MONDAY, open_cases=6),
    ],
    "off duty, knowing is no reason": [off("a", MONDAY), off("b", MONDAY, open_cases=1, knows_citizen=True)],
    "an officer before the head": [candidate("b", open_cases=9), candidate("a", role=Role.head)],
    "an officer of tomorrow before the head of today": [off("b", TUESDAY), candidate("a", role=Role.head)],
    "the head when no officer comes": [candidate("b", role=Role.head), off("a", None)],
    "the head before a supervisor": [off("b", TUESDAY, role=Role.head), candidate("a", role=Role.supervisor)],
    "no duty at all: the head answers": [off("b", None, role=Role.head), off("a", None), off("c", None)],
    "no duty and no head": [off("b", None), off("a", None, open_cases=1)],
    "nobody on a break while a colleague is on duty": [
        candidate("b", open_cases=9), candidate("a", away=True, knows_citizen=True),
    ],
    "nor while the head is on duty": [candidate("b", role=Role.head), candidate("a", away=True)],
    "all on a break: as if nobody were": [candidate("b", away=True), candidate("a", away=True, open_cases=1)],
    "on a break before one who comes later": [candidate("b", away=True), off("a", TUESDAY)],
    "inspectors carry cases too": [candidate("b", role=Role.inspector), candidate("a", role=Role.head)],
    "auditors and administrators never": [
        off("c", None), candidate("a", role=Role.auditor), candidate("b", role=Role.admin),
    ],
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_first_is_chosen_in_any_order(row: list[Candidate]) -> None:
    for order in itertools.permutations(row):
        assert choose(order) is row[0]


@pytest.mark.parametrize(("since", "away"), [(None, False), ("11-24 08:00", True), ("11-24 00:00", True),
                                             ("11-23 23:59", False)])
def test_a_break_ends_with_its_day_in_the_units_zone(since: str | None, away: bool) -> None:
    began = wita(since).astimezone(UTC) if since else None
    assert is_away(began, wita("11-24 23:30"), WITA) is away


def test_another_language() -> None:
    javanese = candidate("b", languages=frozenset({"id", "jv"}), open_cases=5)
    assert choose([candidate("a"), javanese], "jv") is javanese


@pytest.mark.parametrize("nobody", [[], [candidate("a", role=Role.auditor), candidate("b", role=Role.admin)]])
def test_nobody(nobody: list[Candidate]) -> None:
    with pytest.raises(NobodyToAssign):
        choose(nobody)


NOVEMBER, DECEMBER, NEW_YEAR = (datetime(2026, month, day) for month, day in ((11, 1), (12, 1), (12, 31)))  # noqa: DTZ001
_candidates = st.lists(
    st.builds(
        Candidate,
        officer_id=st.uuids().map(str),
        on_duty=st.booleans(),
        next_duty=st.none() | st.datetimes(NOVEMBER, DECEMBER, timezones=st.just(UTC)),
        open_cases=st.integers(0, 10),
        knows_citizen=st.booleans(),
        languages=st.frozensets(st.sampled_from(["id", "jv", "su"])),
        role=st.sampled_from([Role.officer, Role.head, Role.supervisor]),
        last_assigned_at=st.none() | st.datetimes(NOVEMBER, DECEMBER, timezones=st.just(UTC)),
        away=st.booleans(),
    ),
    min_size=1, max_size=6, unique_by=lambda c: c.officer_id,
)


@given(_candidates, st.randoms(use_true_random=False), st.sampled_from(["id", "jv"]))
def test_p2_always_somebody_and_the_same_one(candidates: list[Candidate], random: object, language: str) -> None:
    chosen = choose(candidates, language)
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, language) is chosen
    somebody = any(c.on_duty and not c.away for c in candidates)
    assert not (somebody and chosen.away)
    there = [c for c in candidates if not (somebody and c.away)]
    plain = [c for c in there if c.role is Role.officer and (c.on_duty or c.next_duty)]
    assert not plain or chosen.role is Role.officer
    assert chosen.on_duty or not any(c.on_duty for c in plain)


SHIFTS = [Shift(0, time(8), time(12)), Shift(0, time(13), time(16)), Shift(4, time(20), time(0))]
WEEK = {day: ((time(8), time(16)),) for day in range(5)}
CALENDAR = WorkingCalendar(
    WITA, WEEK, frozenset({date(2026, 11, 30), date(2026, 12, 7)}),
    {date(2026, 12, 7): ((time(10), time(11)), (time(14), time(18))), date(2026, 12, 14): ()},
)


def wita(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WITA)


@pytest.mark.parametrize(("at", "duty", "following"), [
    ("11-23 08:00", True, "11-23 08:00"),
    ("11-23 07:59", False, "11-23 08:00"),
    ("11-23 12:00", False, "11-23 13:00"),
    ("11-23 16:00", False, "11-27 20:00"),
    ("11-27 23:59", True, "11-27 23:59"),  # beyond office hours, until midnight
    ("11-28 00:00", False, "12-04 20:00"),  # the Monday between is a day off
    ("11-30 09:00", False, "12-04 20:00"),
    ("12-07 09:00", False, "12-07 10:00"),  # special hours on a day off, and duty only within them
    ("12-07 10:30", True, "12-07 10:30"),
    ("12-07 11:00", False, "12-07 14:00"),
    ("12-07 16:30", False, "12-11 20:00"),
    ("12-14 09:00", False, "12-18 20:00"),
])
def test_duty(at: str, duty: bool, following: str) -> None:
    for instant in (wita(at), wita(at).astimezone(UTC)):
        assert on_duty(SHIFTS, instant, CALENDAR) is duty
        found = next_duty(SHIFTS, instant, CALENDAR)
        assert found == wita(following)
        assert found.tzinfo is WITA


def test_duty_without_a_calendar_reads_the_clock_as_it_stands() -> None:
    assert on_duty(SHIFTS, wita("11-30 09:00"))  # a day off is unknown
    assert not on_duty(SHIFTS, wita("11-30 09:00").astimezone(UTC))  # 01:00


def test_no_duty_ever() -> None:
    assert next_duty([], wita("11-23 09:00"), CALENDAR) is None
    assert not on_duty([], wita("11-23 09:00"), CALENDAR)
    closed = WorkingCalendar(WITA, WEEK, frozenset(date(2026, 11, 1) + timedelta(days=n) for n in range(800)))
    assert next_duty(SHIFTS, wita("11-23 09:00"), closed) is None
    with pytest.raises(ValueError, match="without a zone"):
        next_duty(SHIFTS, MONDAY.replace(tzinfo=None), CALENDAR)


@pytest.mark.parametrize("fields", [(7, time(8), time(9)), (-1, time(8), time(9)), (0, time(9), time(9)),
                                    (0, time(22), time(6))])
def test_malformed_shifts_are_refused(fields: tuple[int, time, time]) -> None:
    with pytest.raises(ValueError, match="no such shift"):
        Shift(*fields)


@given(st.datetimes(NOVEMBER, NEW_YEAR, timezones=st.sampled_from([UTC, WITA])))
def test_next_duty_is_duty(at: datetime) -> None:
    found = next_duty(SHIFTS, at, CALENDAR)
    assert found is not None
    assert found >= at
    assert on_duty(SHIFTS, found, CALENDAR)
    assert (found == at) is on_duty(SHIFTS, at, CALENDAR)

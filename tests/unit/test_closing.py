"""Silence closes only when it is proven (P5)."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.domain.calendar import WorkingCalendar
from handoff.domain.case import Actor, CaseState, ClosedReason, Refusal, Status, Verb, transition
from handoff.domain.closing import Reminder, Silence

WIB = ZoneInfo("Asia/Jakarta")
OFFICE = WorkingCalendar(WIB, {day: ((time(8), time(16)),) for day in range(5)}, frozenset({date(2026, 12, 24)}))
PROPOSED = CaseState(Status.resolution_proposed, "sari", "kependudukan")


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


def silence(at: str, proposal: str | None, *reminders: tuple[str, str | None]) -> Silence:
    return Silence(
        OFFICE, wib("11-24 10:00"), wib(at), wib(proposal) if proposal else None,
        tuple(Reminder(wib(sent), wib(reached) if reached else None) for sent, reached in reminders),
    )


R1, R2 = "11-27 16:00", "12-03 16:00"


@pytest.mark.parametrize(("case", "proven"), [
    (silence("12-08 16:00", "11-24 10:01", (R1, R1), (R2, R2)), True),
    (silence("12-08 15:59", "11-24 10:01", (R1, R1), (R2, R2)), False),  # the tenth day is not over
    (silence("12-08 16:00", "11-24 10:01", (R1, None), (R2, R2)), True),  # one of them is enough
    (silence("12-31 16:00", "11-24 10:01", (R1, None), (R2, None)), False),  # nobody saw a reminder
    (silence("12-31 16:00", None, (R1, R1), (R2, R2)), False),  # the proposal itself never came
    (silence("12-31 16:00", "11-24 10:01", (R1, R1)), False),  # one reminder is not two
    (silence("12-31 16:00", "11-24 10:01"), False),
    # Read for the first time on the last day: two more working days.
    (silence("12-08 16:00", "12-08 09:00", (R1, "12-08 09:00"), (R2, "12-08 09:00")), False),
    (silence("12-10 15:59", "12-08 09:00", (R1, "12-08 09:00"), (R2, "12-08 09:00")), False),
    (silence("12-10 16:00", "12-08 09:00", (R1, "12-08 09:00"), (R2, "12-08 09:00")), True),
])
def test_p05_silence_closes_only_with_proof(case: Silence, proven: bool) -> None:
    assert case.proven is proven
    if proven:
        after = transition(PROPOSED, Verb.close_silent, Actor("system"), silence=case)
        assert (after.status, after.closed_reason) == (Status.closed, ClosedReason.no_reply)
    else:
        with pytest.raises(Refusal, match="not_silent"):
            transition(PROPOSED, Verb.close_silent, Actor("system"), silence=case)


PROVEN = silence("12-08 16:00", "11-24 10:01", (R1, R1), (R2, R2))


@pytest.mark.parametrize("kind", ["citizen", "officer", "bot"])
def test_p05_nobody_else_may_call_it_silence(kind) -> None:
    with pytest.raises(Refusal, match="forbidden"):
        transition(PROPOSED, Verb.close_silent, Actor(kind, "sari"), silence=PROVEN)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.resolution_proposed])
def test_p05_only_what_was_proposed_is_closed(status: Status) -> None:
    state = CaseState(status, "sari", "kependudukan", ClosedReason.confirmed if status is Status.closed else None)
    with pytest.raises(Refusal):
        transition(state, Verb.close_silent, Actor("system"), silence=PROVEN)


_moments = st.datetimes(datetime(2026, 11, 24, 10), datetime(2027, 2, 1), timezones=st.just(WIB))  # noqa: DTZ001
_maybe = st.none() | _moments


@settings(deadline=None)
@given(_moments, _maybe, st.lists(st.builds(Reminder, _moments, _maybe), max_size=3))
def test_p05_never_before_ten_working_days_nor_unseen(at, proposal, reminders) -> None:
    case = Silence(OFFICE, wib("11-24 10:00"), at, proposal, tuple(reminders))
    if case.proven:
        assert at >= OFFICE.add_working_days(wib("11-24 10:00"), 10)
        assert proposal is not None
        assert len(reminders) >= 2
        assert any(one.reached_at is not None for one in reminders)

"""The same question again after its answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handoff.domain.repeating import SPAN, Answered, times

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FEE, TIME = ("ktp_hilang", "fee"), ("ktp_hilang", "time")


def answered(*given: tuple[str, str], ago: timedelta = timedelta(minutes=1), typed: bool = True) -> Answered:
    return Answered(NOW - ago, frozenset(given), typed)


@pytest.mark.parametrize(("history", "count"), [
    ([], 0), ([answered(FEE)], 1), ([answered(FEE), answered(FEE)], 2), ([answered(FEE, TIME)], 1),
    ([answered(TIME)], 0), ([answered(TIME), answered(FEE)], 0),  # something else was asked in between
    ([answered(FEE), answered(TIME), answered(FEE)], 1),
    ([answered(FEE, typed=False)], 0), ([answered(FEE, typed=False), answered(FEE)], 1),  # a tap looks again
    ([answered(TIME, typed=False), answered(FEE)], 0),  # but a tap for something else asks something else
    ([answered(FEE, ago=SPAN)], 1), ([answered(FEE, ago=SPAN + timedelta(seconds=1))], 0),
])
def test_how_often_the_same_was_asked_before(history: list[Answered], count: int) -> None:
    assert times(history, frozenset({FEE}), NOW) == count


def test_two_questions_again_are_both_the_same() -> None:
    assert times([answered(FEE, TIME)], frozenset({FEE, TIME}), NOW) == 1
    assert times([answered(FEE)], frozenset({FEE, TIME}), NOW) == 0  # one of them is new

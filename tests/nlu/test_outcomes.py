"""The figures of the report: what counts as answered, as wrong, and what a threshold would change."""

from __future__ import annotations

import pytest

from benchmarks.understanding.outcomes import (
    Outcome,
    Point,
    accuracy,
    at_coverage,
    coverage,
    curve,
    out_of_scope_answered,
    reliability,
    risk,
    separation,
    worst_by_chance,
    worst_group,
)


def outcome(intent: str, read_as: str | None, confidence: float, abstained: bool = False, person: bool = False):
    return Outcome(intent, "short", read_as, confidence, abstained, person)


RIGHT = outcome("a", "a", 0.9)
WRONG = outcome("a", "b", 0.6)
ABSTAINED = outcome("a", "b", 0.3, abstained=True)
TO_A_PERSON = outcome("a", "petugas", 0.8, person=True)
ALL = [RIGHT, WRONG, ABSTAINED, TO_A_PERSON]


def test_only_what_is_answered_can_be_wrong():
    assert [o.wrong for o in ALL] == [False, True, False, False]
    assert (coverage(ALL), risk(ALL), accuracy(ALL)) == (0.5, 0.5, 0.25)


def test_nothing_asked_and_nothing_answered_are_no_risk():
    assert (coverage([]), risk([]), risk([ABSTAINED]), accuracy([])) == (0.0, 0.0, 0.0, 0.0)


def test_the_curve_goes_from_the_surest_down_and_answers_equals_together():
    twins = [outcome("a", "a", 0.5), outcome("a", "b", 0.5)]
    assert curve([RIGHT, *twins, TO_A_PERSON]) == [Point(0.9, 0.25, 0.0), Point(0.5, 0.75, 1 / 3)]


@pytest.mark.parametrize(("wanted", "threshold"), [(0.0, 0.9), (0.25, 0.9), (0.3, 0.6), (0.75, 0.3), (1.0, 0.3)])
def test_a_coverage_is_reached_at_the_highest_threshold_that_gives_it(wanted, threshold):
    assert at_coverage(ALL, wanted).threshold == threshold


def test_out_of_scope_counts_what_would_be_answered():
    foreign = [outcome("x", "a", 0.7), outcome("x", "b", 0.2), outcome("x", "petugas", 0.9, person=True)]
    assert out_of_scope_answered(foreign, 0.5) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("known", "foreign", "area"), [
    ([0.9, 0.8], [0.1, 0.2], 1.0), ([0.1], [0.9], 0.0), ([0.5], [0.5], 0.5), ([0.9, 0.1], [0.5], 0.5),
])
def test_the_area_is_the_chance_that_the_known_is_surer(known, foreign, area):
    assert separation([outcome("a", "a", c) for c in known], [outcome("x", "a", c) for c in foreign]) == area


def test_reliability_sets_confidence_against_truth_band_by_band():
    bands = reliability([outcome("a", "a", 0.91), outcome("a", "b", 0.93), outcome("a", "a", 1.0), WRONG])
    assert bands == [(0.6, 0.0, 1), (pytest.approx(0.9467, abs=1e-4), pytest.approx(2 / 3), 3)]


def test_the_worst_group_is_told_from_bad_luck():
    luck = {"a": [RIGHT] * 99 + [WRONG], "b": [RIGHT] * 100, "c": [RIGHT] * 50 + [ABSTAINED]}
    assert worst_group(luck) == ("a", pytest.approx(2.5))
    assert worst_by_chance(luck) == 1.0  # one mistake lies somewhere, and nowhere is it less
    fault = {"a": [RIGHT] * 90 + [WRONG] * 10, "b": [RIGHT] * 200}
    assert worst_group(fault) == ("a", pytest.approx(3.0))
    assert worst_by_chance(fault) < 0.001


@pytest.mark.parametrize("groups", [{"a": [RIGHT], "b": []}, {"a": [ABSTAINED]}])
def test_where_nothing_is_wrong_no_group_is_worse(groups):
    assert worst_group(groups)[1] == 0.0
    assert worst_by_chance(groups) == 1.0

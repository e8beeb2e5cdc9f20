"""How long a child that keeps failing is waited for."""

from __future__ import annotations

import pytest

from handoff.supervisor import LONGEST_DELAY, delay_after


@pytest.mark.parametrize(("failures", "seconds"), [
    (1, 0.25), (2, 0.5), (3, 1.0), (6, 8.0), (7, LONGEST_DELAY), (8, LONGEST_DELAY),
    (1025, LONGEST_DELAY),  # three hours of a database that is away
    (1_000_000, LONGEST_DELAY),
])
def test_a_child_that_fails_is_tried_again_ever_more_slowly_for_as_long_as_it_takes(failures: int, seconds: float):
    assert delay_after(failures) == seconds

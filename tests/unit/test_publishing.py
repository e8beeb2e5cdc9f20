"""What may be shown of a count: nothing from which a person could be recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.publishing import FEWEST, masked, masked_row


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (4, None), (5, 5), (1000, 1000)])
def test_one_to_four_are_not_shown(count, shown):
    assert masked(count) == shown


@pytest.mark.parametrize(("counts", "shown"), [
    ([0, 0], [0, 0]),
    ([9, 3, 7], [9, None, None]),  # else 3 were the sum less 16
    ([9, 3, 2], [9, None, None]),
    ([0, 3, 0], [0, None, 0]),     # nothing else to hide behind
    ([], []),
])
def test_where_one_alone_is_hidden_the_smallest_other_is_too(counts, shown):
    assert masked_row(counts) == shown


@given(st.lists(st.integers(0, 40), max_size=12))
def test_no_small_count_follows_from_the_sum_of_all(counts):
    shown = masked_row(counts)
    hidden = [count for count, seen in zip(counts, shown, strict=True) if seen is None]
    assert all(seen is None or seen == 0 or seen >= FEWEST for seen in shown)
    assert len(hidden) != 1 or not any(count >= FEWEST for count in counts)

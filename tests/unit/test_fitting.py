"""Long texts as several messages: nothing lost, nothing too long, cut where the meaning allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.fitting import parts


@pytest.mark.parametrize(("text", "limit", "expected"), [
    ("Satu.", 10, ("Satu.",)),
    ("  \n ", 10, ()),
    ("Satu dua.\n\nTiga empat.", 12, ("Satu dua.", "Tiga empat.")),
    ("KTP\nSyarat:\n• Satu\n• Dua\nBiaya: Gratis.", 26, ("KTP\nSyarat:\n• Satu\n• Dua", "Biaya: Gratis.")),
    ("Syarat:\n• Satu\n• Dua\n• Tiga", 16, ("Syarat:\n• Satu", "• Dua\n• Tiga")),
    ("KTP\nSyarat:\n• Satu\n• Dua\n• Tiga", 20, ("KTP\nSyarat:\n• Satu", "• Dua\n• Tiga")),
    ("Datang dulu. Lalu bayar.", 12, ("Datang dulu.", "Lalu bayar.")),
    ("satu dua tiga", 8, ("satu dua", "tiga")),
    ("abcdefgh", 3, ("abc", "def", "gh")),
])
def test_cuts_at_the_strongest_boundary_that_fits(text: str, limit: int, expected: tuple[str, ...]) -> None:
    assert parts(text, limit) == expected


@given(st.text(st.sampled_from("ab .:\n•1"), max_size=200), st.integers(1, 40))
def test_nothing_is_lost_or_too_long(text: str, limit: int) -> None:
    cut = parts(text, limit)
    assert all(0 < len(part) <= limit for part in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())

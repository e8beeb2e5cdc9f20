"""The words by which a text is found again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.words import words_of


@pytest.mark.parametrize(("text", "words"), [
    ("KTP saya hilang di Pasar Lama!", {"ktp", "hilang", "pasar", "lama"}),
    ("José, café; jose/CAFE", {"jose", "cafe"}),
    ("ＫＴＰ　ﬁle", {"ktp", "file"}),
    ("yg sy mau ke RT", set()),
    ("NIK 3171234503900001, telepon 0812-3456-7890", {"nik", "telepon"}),
    ("3171 2345 0390 0001", set()),
    ("rumah no 12a blok b3 abc123", {"rumah", "blok"}),
    ("a" * 41, set()),
    ("<b>denda</b> 😀 مرحبا", {"denda", "مرحبا"}),
    ("", set()),
])
def test_words(text: str, words: set[str]) -> None:
    assert words_of(text) == words


@given(st.text(alphabet=st.sampled_from("aBé -.,0123456789NIK\u200b"), max_size=80))
def test_no_word_holds_a_digit_and_finding_again_is_the_same(text: str) -> None:
    found = words_of(text)
    assert not [word for word in found if any(char.isdigit() for char in word)]
    assert words_of(" ".join(found)) == found

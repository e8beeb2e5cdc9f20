"""Finding by what people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.finding import Entry, Finder, Spelling, _one_error

SPELLING = Spelling("colloquial,standard,note\nilang,hilang,\nktp el,ktp,\nakte,akta,\nsp,siapa,ambigu: dua arti\n")
FINDER = Finder([
    Entry("ktp_hilang", "KTP hilang", ("dicopet",), ("dompet saya dicopet di pasar", "ktp ilang")),
    Entry("ktp_baru", "KTP baru", ("rekam", "umur 17")),
    Entry("akta_kelahiran", "Akta kelahiran", ("bayi", "anak")),
], SPELLING)


@pytest.mark.parametrize(("typed", "found"), [
    ("KTP ilang", ["ktp_hilang"]),
    ("ktp", ["ktp_hilang", "ktp_baru"]),
    ("e-ktp el ilaaang", ["ktp_hilang"]),
    ("akte", ["akta_kelahiran"]),
    ("kelahirna", ["akta_kelahiran"]),       # two letters swapped
    ("kelahirn", ["akta_kelahiran"]),        # one missing, and a beginning of none
    ("kela", ["akta_kelahiran"]),            # begun
    ("dompet hilang", ["ktp_hilang"]),       # as the bot was taught
    ("bagaimana cara mengurus", []),         # only small words
    ("pizza", []), ("", []), ("<script>", []), ("💥", []),
])
def test_what_is_found(typed: str, found: list[str]) -> None:
    assert FINDER.find(typed) == found


def test_an_ambiguous_form_of_the_lexicon_is_left_alone() -> None:
    assert SPELLING.words("sp") == ["sp"]


@pytest.mark.parametrize(("a", "b", "near"), [
    ("akta", "akta", True), ("akta", "aktas", True), ("akta", "akt", True), ("akta", "akka", True),
    ("akta", "atka", True), ("akta", "tak", False), ("akta", "kkka", False), ("", "a", True),
])
def test_one_error(a: str, b: str, near: bool) -> None:
    assert _one_error(a, b) is near
    assert _one_error(b, a) is near


@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered(text: str) -> None:
    found = FINDER.find(text)
    assert len(found) == len(set(found))

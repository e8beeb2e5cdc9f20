"""Case numbers: what is drawn can be read back however a citizen writes it, and a slip is noticed."""

from __future__ import annotations

import contextlib
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.number import InvalidNumber, new, parse

_seeds = st.integers(0, 10**7 - 1)


def number(seed: int) -> str:
    return new(lambda bound: seed % bound)


def test_a_drawn_number_reads_back() -> None:
    drawn = {new(secrets.randbelow) for _ in range(500)}
    assert len(drawn) > 490
    assert all(re.fullmatch(r"\d{4}-\d{4}", text) and parse(text) == text for text in drawn)


@pytest.mark.parametrize("written", [
    "{a}-{b}", "{a} {b}", "{a}{b}", "{a}.{b}", "{a} - {b}", "kasus {a} {b}", "Kasus no. {a}-{b} gimana kabarnya?",
    "#{a}{b}", "  {a}–{b}\n", "nomor kasus saya:{a}-{b}.", "{a}-{b}, sekali lagi {a}-{b}",
])
@given(seed=_seeds)
def test_however_it_is_written(written: str, seed: int) -> None:
    shown = number(seed)
    assert parse(written.format(a=shown[:4], b=shown[5:])) == shown


def test_digit_by_digit_and_full_width() -> None:
    shown = number(1234567)
    assert parse(" ".join(shown.replace("-", ""))) == shown
    assert parse(shown.translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})) == shown


@pytest.mark.parametrize("text", [
    "", "kasus saya", "1234", "1234-567", "1234-56789", "12345-678901", "nomor 0812 3456 7890", "satu dua tiga",
    "\x00\ud800", f"{number(1)} atau {number(2)}",
])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse(text)


@given(_seeds, st.integers(0, 7), st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(seed: int, place: int, shift: int) -> None:
    digits = number(seed).replace("-", "")
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1:]
    with pytest.raises(InvalidNumber):
        parse(wrong)


@given(_seeds, st.integers(0, 6))
def test_every_swap_of_neighbours_is_noticed(seed: int, place: int) -> None:
    digits = number(seed).replace("-", "")
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2:]
    if swapped == digits:
        assert parse(swapped)
    else:
        with pytest.raises(InvalidNumber):
            parse(swapped)


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidNumber):
        assert re.fullmatch(r"\d{4}-\d{4}", parse(text))

"""The number of a case: seven random digits and a check digit, shown as `1234-5678`.

Random, so that it tells neither how many cases there are nor which comes next; short enough for the telephone. The
check digit (Damm) finds every single wrong digit and every swap of two neighbours. The number is no secret: the key
of the case's page is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from stdnum import damm

RANDOM_DIGITS = 7
LENGTH = RANDOM_DIGITS + 1

# Digits with what people put between them: 1234-5678, 1234 5678, 1234.5678, 12 34 56 78.
_DIGITS = re.compile(r"\d(?:[ \t.–-]{0,3}\d)*", re.ASCII)


class InvalidNumber(Exception):
    """The text holds no case number, more than one, or a mistyped one."""


def new(randbelow: Callable[[int], int]) -> str:
    """A fresh number. `randbelow(n)` gives a number from 0 to n-1 (`secrets.randbelow`); uniqueness is the caller's."""
    digits = f"{randbelow(10**RANDOM_DIGITS):0{RANDOM_DIGITS}d}"
    return _shown(digits + damm.calc_check_digit(digits))


def parse(text: str) -> str:
    """The number that a citizen wrote ("kasus 1234 5678"), in the form in which it is shown and stored.

    Meant for places where a number is expected: eight digits may also be a date. Raises `InvalidNumber`.
    """
    plain = unicodedata.normalize("NFKC", text)
    runs = (re.sub(r"[^0-9]", "", run) for run in _DIGITS.findall(plain))
    numbers = {run for run in runs if len(run) == LENGTH}
    if len(numbers) != 1:
        raise InvalidNumber("one case number of eight digits is expected")
    digits = numbers.pop()
    if not damm.is_valid(digits):
        raise InvalidNumber("the check digit does not fit: a digit is wrong or two are swapped")
    return _shown(digits)


def _shown(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:]}"

"""Numbers that identify a person are masked before Rasa or a log sees a text (promise P11).

A text is cut into chains: runs of digits with at most a few separators between them, as people write long numbers
(3171 0117 0845 0001, 01.312.166.0-091.000, +62 812-3456-7890). In each chain three rules look for windows of
neighbouring groups, in this order, so that a telephone number cannot bite off a piece of an identity number:
identity numbers that can be recognised, telephone numbers, long numbers of unknown kind. Dates, times and amounts of
money are known and left alone. Every step is linear in the text: a window never holds more than 16 digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType
from stdnum.id import nik, npwp

#: A text with fewer digits holds nothing to mask.
LEAST_DIGITS = 8

_DIGITS = re.compile(r"\d+")
# Blanks, dots, dashes, slashes, brackets, and the invisible marks that contact lists paste along with a number.
_NEAR = r" \t.()/\-\u00a0\u2007\u202f\u2010-\u2015\u2212\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069"
# What parts one number from the next in a list, and what stands around a digit that is drawn as a key. An identity
# number is known by its shape across these too; a telephone number is not.
_APART = r"\n\r,;:_|*=·\u00ad\u3000\ufe0f\u20e3"
_CHAIN = re.compile(rf"\d+(?:[{_NEAR}{_APART}]{{1,5}}\d+)*")
_FAR = re.compile(rf"[{_APART}]|[{_NEAR}]{{4}}")

_CLOCK = r"(?:[01]?\d|2[0-4])[.:][0-5]\d"
_ORDINARY = re.compile(
    rf"""
      (?<![\d./-]) (?: \d{{1,2}} ([./-]) \d{{1,2}} \1 (?:19|20)\d\d      # 31-01-2026
                     | (?:19|20)\d\d ([./-]) \d{{1,2}} \2 \d{{1,2}}      # 2026-01-31
                     | {_CLOCK} (?: \s? [-–] \s? {_CLOCK} )?             # 08.00-16.00
                     | \d{{1,3}} (?: \. \d{{3}} ){{1,4}}                 # 1.500.000
                   ) (?! [./:-]?\d )
    | \b rp [.\s]{{0,2}} \d{{1,12}} (?! \d ) (?: [.,] \d{{3}} (?! \d ) ){{0,4}}  # Rp 150000, Rp1.500.000
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Groups of equal or round numbers that somebody lists: 2023 2024 2025 2026, 1000 1500 2000 2500.
_YEAR_OR_ROUND = re.compile(r"(?:19|20)\d\d|\d+00")

# Provinces by the Ministry of Home Affairs' codes, with those founded after python-stdnum's list was made.
_PROVINCES = frozenset(
    {*range(11, 20), 21, *range(31, 37), *range(51, 54), *range(61, 66), *range(71, 77), 81, 82, *range(91, 97)}
)
_NPWP_GROUPS = frozenset({(2, 3, 3, 1, 3, 3), (3, 3, 3, 1, 3, 3), (2, 3, 3, 1, 6), (9, 3, 3), (9, 6), (12, 3)})
_LONG_GROUPS = frozenset({(4, 4, 4, 4), (4, 4, 4, 3), (6, 6, 4), (6, 6, 3), (2, 2, 2, 6, 4), (6, 2, 2, 2, 4)})
_PERSONAL_LINES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})

# What a number was announced as; the last word before it decides.
_ANNOUNCED = re.compile(
    r"(?<![a-z])(?:no|nomor|nomer)?(?:(?P<family>kk|kartu\s?keluarga)|nik|e?-?ktp)(?![a-z])", re.IGNORECASE
)
_ANNOUNCED_WITHIN = 40  # characters


@dataclass(frozen=True)
class Masked:
    """A text in which each number found is replaced by its kind in brackets; `found` are the kinds in order: `NIK`,
    `KK`, `NPWP`, `TELEPON`, `NOMOR` (a long number of unknown kind, such as a mistyped NIK).
    """

    text: str
    found: tuple[str, ...]


class _Group(NamedTuple):
    """Digits without a separator between them: where in the text, the digits in ASCII, whether of an everyday thing."""

    start: int
    end: int
    digits: str
    ordinary: bool


class _Finding(NamedTuple):
    start: int
    end: int
    kind: str


_Rule = Callable[[str, Sequence[_Group], str], str | None]


def mask(text: str, tag: str = "[{}]") -> Masked:
    """The text without numbers that identify somebody. Never raises; masking again changes nothing.

    `tag` stands in a number's place, with its kind for `{}`.

    An identity number is found by its shape whatever separates its digits, and every unbroken run of 15 digits or
    more is masked, recognised or not. Case numbers, years, dates, times and prices stay.
    """
    if sum(1 for _ in islice(re.finditer(r"\d", text), LEAST_DIGITS)) < LEAST_DIGITS:
        return Masked(text, ())
    findings = sorted(finding for chain in _chains(text) for finding in _findings(text, chain))
    parts, position = [], 0
    for start, end, kind in findings:
        parts += [text[position:start], tag.format(kind)]
        position = end
    return Masked("".join(parts) + text[position:], tuple(finding.kind for finding in findings))


def _chains(text: str) -> Iterator[list[_Group]]:
    ordinary = {group.start() for thing in _ORDINARY.finditer(text) for group in _DIGITS.finditer(text, *thing.span())}
    for chain in _CHAIN.finditer(text):
        groups = [
            _Group(*group.span(), _ascii(group[0]), group.start() in ordinary)
            for group in _DIGITS.finditer(text, *chain.span())
        ]
        if sum(len(group.digits) for group in groups) >= LEAST_DIGITS:
            yield groups


def _ascii(digits: str) -> str:
    """The same digits when they are written in full width, Arabic or another script."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in digits)


def _findings(text: str, chain: list[_Group]) -> list[_Finding]:
    found: list[_Finding] = []
    pieces = [chain]
    for rule in (_identity, _telephone, _long_number):
        rest: list[list[_Group]] = []
        for piece in pieces:
            rest += _apply(rule, text, piece, found)
        pieces = rest
    return found


def _apply(rule: _Rule, text: str, piece: list[_Group], found: list[_Finding]) -> list[list[_Group]]:
    """Put what the rule finds into `found`, longest window first; give back the pieces between the findings."""
    rest: list[list[_Group]] = [[]]
    first = 0
    while first < len(piece):
        for window, digits in reversed(_windows(piece, first)):
            kind = rule(text, window, digits)
            if kind:
                found.append(_Finding(*_with_signs(text, window[0].start, window[-1].end), kind))
                first += len(window)
                rest.append([])
                break
        else:
            rest[-1].append(piece[first])
            first += 1
    return [groups for groups in rest if groups]


def _windows(piece: list[_Group], first: int) -> list[tuple[list[_Group], str]]:
    """The group at `first` alone, then with as many of its followers as make at most 16 digits."""
    windows, digits = [(piece[first:first + 1], piece[first].digits)], piece[first].digits
    for last in range(first + 1, len(piece)):
        digits += piece[last].digits
        if len(digits) > 16:
            break
        windows.append((piece[first:last + 1], digits))
    return windows


def _with_signs(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the `+` of a telephone number, and the bracket that is closed within it."""
    if text[start - 1:start] == "+":
        start -= 1
    if text[start - 1:start] == "(" and ")" in text[start:end]:
        start -= 1
    return start, end


def _identity(text: str, window: Sequence[_Group], digits: str) -> str | None:
    """NIK, KK and NPWP, and every unbroken run of at least 15 digits."""
    if len(digits) < 15:
        return None
    if len(window) > 1 and all(group.ordinary for group in window):
        return None
    if len(digits) == 16 and (_is_nik(digits) or (len(window) == 1 and nik.is_valid(digits))):
        return "KK" if _announced_as_family_card(text, window[0].start) and int(digits[6:8]) <= 31 else "NIK"
    if len(window) == 1 or tuple(len(group.digits) for group in window) in _NPWP_GROUPS:
        return "NPWP" if _is_npwp(digits) else "NOMOR"
    return None


def _telephone(text: str, window: Sequence[_Group], digits: str) -> str | None:
    """Indonesian numbers with 0, 62 or +62, mobile ones without the 0 too; foreign ones with +."""
    if not 9 <= len(digits) <= 15 or any(group.ordinary for group in window) or _is_parted(text, window):
        return None
    if text[max(window[0].start - 1, 0):window[0].start] == "+" and not digits.startswith("62"):
        return "TELEPON" if _is_foreign_line(digits) else None
    if digits.startswith("62"):
        return "TELEPON" if _is_line(digits[2:].removeprefix("0")) else None
    alone = len(window) == 1
    if alone and digits.startswith("08"):
        return "TELEPON"  # a mistyped one too
    if digits.startswith("0"):
        return "TELEPON" if _grouped_like_a_line(window) and _is_line(digits[1:]) else None
    return "TELEPON" if alone and digits.startswith("8") and len(digits) >= 10 and _is_line(digits) else None


def _is_parted(text: str, window: Sequence[_Group]) -> bool:
    """Whether it is more than one number, as far as signs tell."""
    return len(window) > 1 and _FAR.search(text, window[0].end, window[-1].start) is not None


def _grouped_like_a_line(window: Sequence[_Group]) -> bool:
    """0274 512345 and 08 12 34 56 78 90, but no date with blanks: 02 11 2026 08."""
    if len(window[0].digits) >= 3:
        return True
    return window[0].digits in ("0", "08") and not any(_YEAR_OR_ROUND.fullmatch(group.digits) for group in window)


def _long_number(text: str, window: Sequence[_Group], digits: str) -> str | None:
    """Fifteen or sixteen digits grouped as on identity and bank cards, whatever they are."""
    if len(digits) < 15 or any(group.ordinary for group in window) or _is_parted(text, window):
        return None
    if tuple(len(group.digits) for group in window) not in _LONG_GROUPS:
        return None
    if len({text[a.end:b.start] for a, b in pairwise(window)}) > 1:
        return None
    if all(_YEAR_OR_ROUND.fullmatch(group.digits) for group in window):
        return None
    return "NPWP" if _is_npwp(digits) else "NOMOR"


def _is_nik(digits: str) -> bool:
    """PPRRSS DDMMYY NNNN: place, date of birth (day + 40 for women), serial. A KK has the same shape; its date is the
    one of registration, without the 40. Stricter than python-stdnum, which takes any regency of a known province and
    days above 71, and so sees a NIK across two telephone numbers.
    """
    province, regency, district = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    day, month, year = int(digits[6:8]), int(digits[8:10]), int(digits[10:12])
    return (
        province in _PROVINCES
        and (1 <= regency <= 40 or 71 <= regency <= 80)  # cities count from 71
        and district > 0
        and _is_date(year, month, day - 40 if day > 40 else day)
    )


def _is_npwp(digits: str) -> bool:
    """The office's own numbers: 15 digits, or 16 with a 0 before them. Since 2024 a NIK is one too, but it is a NIK."""
    return (len(digits) == 15 or digits.startswith("0")) and npwp.is_valid(digits)


def _is_date(year: int, month: int, day: int) -> bool:
    """Whether the day exists in that year of either century: 29 February 00 does, in 2000."""
    for century in (1900, 2000):
        try:
            date(century + year, month, day)
        except ValueError:
            continue
        return True
    return False


def _announced_as_family_card(text: str, start: int) -> bool:
    announced = list(_ANNOUNCED.finditer(text, max(0, start - _ANNOUNCED_WITHIN), start))
    return bool(announced) and announced[-1]["family"] is not None


def _is_line(national: str) -> bool:
    """Whether a person or an office may be behind these digits in Indonesia; toll-free and shared lines are public."""
    if not 7 <= len(national) <= 13 or national.startswith("0"):
        return False
    line = phonenumbers.PhoneNumber(country_code=62, national_number=int(national))
    return phonenumbers.number_type(line) in _PERSONAL_LINES


def _is_foreign_line(digits: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}", "ID"))
    except phonenumbers.NumberParseException:
        return False

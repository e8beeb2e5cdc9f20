"""How long citizens say they have been waiting: "udah 3 bln", "dari bulan juli", "setahun lebih", "sejak 3/7".

Everything is read towards the shorter wait, so that nobody is told that an office is late when it may not be: a month
has 28 days, "dari juli" begins when July ends, "hampir 2 bulan" is less than two months. What somebody was promised
("katanya 14 hari"), what lies ahead ("3 hari lagi"), ages and births are no waits.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from handoff.domain.said import POLITE, vocabulary

_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_NUMERIC_DATE = re.compile(r"\b(\d{1,2})(?:/(\d{1,2})|([/.-])(\d{1,2})\3(\d{4}|\d{2}))\b(?![/.-]\d)")  # 3/7, 3-7-2026
_DAYS = {
    1: vocabulary("hari harian hr hri ari dino dina poe"),
    7: vocabulary("minggu mingguan mgg mggu minggon pekan peken"),
    28: vocabulary("bulan bulanan bln bulanane wulan sasi"),
    365: vocabulary("tahun tahunan thn th taun taon warsa"),
}
UNITS = {word: days for days, names in _DAYS.items() for word in names}
_ONE = {f"{prefix}{word}": days for word, days in UNITS.items() for prefix in ("se", "sa")}
_PLURAL = {f"ber{word}": days for word, days in UNITS.items()}  # "berbulan-bulan"
_ONES = {name: number for number, names in enumerate((
    "satu siji hiji", "dua loro", "tiga telu tilu telung", "empat papat opat", "lima limo", "enam nem genep",
    "tujuh pitu", "delapan lapan wolu dalapan", "sembilan sanga salapan",
), start=1) for name in names.split()}
_WHOLE = {"sepuluh": 10, "sapuluh": 10, "sebelas": 11, "sabelas": 11, "beberapa": 2, "bbrp": 2, "sekian": 2}
_NUMBERS = frozenset(_ONES) | frozenset(_WHOLE) | {"belas", "puluh", "ratus"}
_MONTHS = {name: number for number, names in enumerate((
    "januari jan", "februari pebruari feb", "maret mrt", "april apr", "mei", "juni jun", "juli jul",
    "agustus agt agu agust", "september sept sep", "oktober okt", "november nopember nov nop", "desember des",
), start=1) for name in names.split()}
# Said before a time: it has passed; it has not, or is somebody's promise or age. The nearest one decides.
_PASSED = vocabulary("""
    sudah sdh udah udh dah uda wis wes geus atos lah lewat lebih selama nunggu menunggu tunggu nungguin ditunggu dari dr
    sejak sjk semenjak mulai kawit ti
""")
_NOT_PASSED = vocabulary("""
    katanya kata janji janjinya dijanjikan dijanjiin dijanji bilang bilangnya maksimal maks max paling estimasi
    perkiraan batas batasnya harusnya seharusnya mestinya dalam normalnya biasanya selesai berlaku umur umurnya usia
    usianya kurang belum blm benar benarkah bener tiap setiap per lahir kelahiran ttl sampai hingga
""")
_AGO = vocabulary("lalu lepas kemarin kemaren kmrn kemarennya wingi kamari kapungkur")
_SINCE = vocabulary("dari dr sejak sjk semenjak mulai bulan bln tanggal tgl tggl pas waktu rekam daftar urus ngurus")
_DAY_OF = vocabulary("tanggal tgl tggl")
_BIRTH = vocabulary("lahir kelahiran ttl")
# What may stand around a wait in a text that says nothing else.
_AROUND = POLITE | _PASSED | _SINCE | _AGO | vocabulary("""
    yang yg lebih hampir belum blm jadi jadinya juga jg saya sy aku gue gw kami sekarang skrg ini itu masih gak ga nggak
    tidak ada kabar baru ktp ktpnya ktpku lamanya kira nih aja lagi
""")
NEAR = 3  # words that a word is heard over
OLDEST_WAIT_YEARS = 10  # longer is somebody's age
MOST_DIGITS = 4


def waited(text: str, today: date) -> int | None:
    """The fewest days that the text says have passed; None when it says none. Of several, the longest."""
    plain = _plain(text)
    found = [*_numeric_dates(plain, today)]
    tokens = _TOKEN.findall(_NUMERIC_DATE.sub(" ", plain))
    found += [*_spans(tokens), *_dates(tokens, today), *_relative(tokens, today)]
    return max(found, default=None)


def only(text: str, today: date) -> bool:
    """Whether the text says how long, and nothing else: an answer to "sudah berapa lama?"."""
    known = _AROUND | UNITS.keys() | _ONE.keys() | _PLURAL.keys() | _NUMBERS | _MONTHS.keys() | {"kerja", "setengah"}
    return waited(text, today) is not None and all(t.isdecimal() or t in known for t in _TOKEN.findall(_plain(text)))


def is_late(text: str, days: int, working_days: bool, today: date) -> bool:
    """Whether the text says that more than `days` have passed. Working days are five of seven."""
    said = waited(text, today)
    return said is not None and said > (-(-days * 7 // 5) if working_days else days)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))


# --- "3 bulan" --------------------------------------------------------------------------------------------------------


def _spans(tokens: Sequence[str]) -> Iterator[int]:
    for at, token in enumerate(tokens):
        start, days = at, 0
        if token in UNITS and at:
            start, count = _count_before(tokens, at)
            days = int(count * UNITS[token])
        elif token in _ONE:
            days = _ONE[token]
        elif token in _PLURAL:
            days = 2 * _PLURAL[token]
        if 0 < days < OLDEST_WAIT_YEARS * 365 and not _ahead(tokens, at) and _has_passed(tokens, start):
            after = tokens[at + 1] if at + 1 < len(tokens) else ""
            days = days * 7 // 5 if after == "kerja" else days
            yield days * 3 // 4 if "hampir" in tokens[max(0, start - 2):start] else days


def _count_before(tokens: Sequence[str], end: int) -> tuple[int, float]:
    """Where the number that ends before `end` begins, and its value; 0 when there is none. Of a range, the lower."""
    start = end
    while start and (tokens[start - 1] in _NUMBERS or tokens[start - 1].isdecimal()) and end - start < NEAR:
        start -= 1
    if start == end:
        return (end - 1, 0.5) if tokens[end - 1] == "setengah" else (end, 0)
    value = _value(tokens[start:end])
    if start >= 2 and tokens[start - 1] in ("sampai", "atau", "sd"):
        lower = _value(tokens[start - 2:start - 1])
        if 0 < lower < value:
            return start - 2, lower
    return start, value


def _value(words: Sequence[str]) -> int:
    total, ones = 0, 0
    for word in words:
        if word.isdecimal():
            if total or ones or len(word) > MOST_DIGITS:
                break
            total = int(word)
        elif word in _WHOLE:
            total += _WHOLE[word]
        elif word == "belas":
            total, ones = total + ones + 10, 0
        elif word in ("puluh", "ratus"):
            total, ones = total + ones * (10 if word == "puluh" else 100), 0
        elif ones:
            break  # "dua tiga minggu": the lower
        else:
            ones = _ONES.get(word, 0)
    return total + ones


def _ahead(tokens: Sequence[str], at: int) -> bool:
    return "lagi" in tokens[at + 1:at + 2]


def _has_passed(tokens: Sequence[str], start: int) -> bool:
    """What was said last before `start` decides; nothing said, it has passed."""
    for word in reversed(tokens[max(0, start - NEAR):start]):
        if word in _PASSED:
            return "kurang" not in tokens[max(0, start - NEAR):start]  # "kurang dari 2 minggu"
        if word in _NOT_PASSED:
            return False
    return True


# --- "dari bulan juli", "sejak 3/7", "tahun lalu" ---------------------------------------------------------------------


def _numeric_dates(text: str, today: date) -> Iterator[int]:
    for found in _NUMERIC_DATE.finditer(text):
        day, month, year = int(found[1]), int(found[2] or found[4]), found[5]
        before = _TOKEN.findall(text[: found.start()])
        if year is None and not any(word in _SINCE for word in before[-NEAR:]):
            continue  # "1/2 bulan"
        yield from _since(_date(day, month, _year(year), today), before, today)


def _year(written: str | None) -> int | None:
    if written is None:
        return None
    return int(written) if len(written) == MOST_DIGITS else 2000 + int(written)


def _dates(tokens: Sequence[str], today: date) -> Iterator[int]:
    for at, token in enumerate(tokens):
        before, after = tokens[:at], tokens[at + 1:]
        near = before[-NEAR:]
        day = int(before[-1]) if before and before[-1].isdecimal() and len(before[-1]) <= 2 else None
        year = int(after[0]) if after and re.fullmatch(r"20\d\d", after[0]) else None
        if token in _MONTHS and (day or any(word in _SINCE for word in near) or set(after[:1]) & _AGO):
            yield from _since(_date(day, _MONTHS[token], year, today), before, today)
        elif re.fullmatch(r"20\d\d", token) and near and near[-1] in _SINCE | {"tahun", "thn", "taun"}:
            yield from _since(_date(None, 12, int(token), today), before, today)
        elif token in _DAY_OF and after and after[0].isdecimal() and not set(after[1:2]) & _MONTHS.keys():
            yield from _since(_day_of_month(after[0], today), before, today)


def _since(when: date | None, before: Sequence[str], today: date) -> Iterator[int]:
    heard = before[-NEAR - 1:]
    if when is not None and when <= today and not set(heard) & _BIRTH and _has_passed(before, len(before)):
        days = (today - when).days
        if days < OLDEST_WAIT_YEARS * 365:
            yield days


def _date(day: int | None, month: int, year: int | None, today: date) -> date | None:
    """The latest such day that is not after today; without a day, the month's last one or today. None for none."""
    if not 1 <= month <= 12 or (year is not None and not 2000 <= year <= today.year):
        return None
    for candidate in (year,) if year is not None else (today.year, today.year - 1):
        last = calendar.monthrange(candidate, month)[1]
        if day is not None and not 1 <= day <= last:
            continue
        if day is None and (candidate, month) == (today.year, today.month):
            return today
        if (found := date(candidate, month, day or last)) <= today:
            return found
    return None


def _day_of_month(written: str, today: date) -> date | None:
    day = int(written) if len(written) <= 2 else 0
    if not 1 <= day <= 28:
        return None
    return today.replace(day=day) if day <= today.day else (today.replace(day=1) - timedelta(days=1)).replace(day=day)


def _relative(tokens: Sequence[str], today: date) -> Iterator[int]:
    """ "bulan lalu" began to be over when this month began."""
    for at, token in enumerate(tokens[:-1]):
        follows = tokens[at + 1] if tokens[at + 1] != "yang" else tokens[min(at + 2, len(tokens) - 1)]
        if follows not in _AGO or token not in UNITS or (at and _count_before(tokens, at)[1]):
            continue
        if _has_passed(tokens, at):
            yield {1: 1, 7: today.weekday() + 1, 28: today.day, 365: today.timetuple().tm_yday}[UNITS[token]]

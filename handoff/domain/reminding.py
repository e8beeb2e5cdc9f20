"""What a citizen says who wants to be reminded, on which day, and when on that day the office tells them.

Only a text that says nothing else counts: "ingatkan saya hari Senin", never "ingatkan saya minum obat".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from handoff.domain.calendar import DAY, WorkingCalendar
from handoff.domain.said import POLITE, vocabulary, words

#: Working days from today that are offered as buttons.
OFFERED = (1, 3, 7)
#: The furthest day, as far ahead as an entry of the catalogue is good without being looked at.
LATEST = timedelta(days=180)
#: Between these hours people are written to unasked, whenever the office works.
DECENT = (time(8), time(20))
_SEARCH_DAYS = 60

_ASKS = re.compile(
    r"(?:bisa|boleh|mau|minta|pengen|pingin|coba|buat|buatkan|bikin|pasang|pasangkan)?(?: |^)"
    r"(?:(?:di)?inga?tkan|inga?tin|(?:di)?inget(?:in|kan)|(?:peng|reme)inga?t(?:nya)?|reminder)\b"
    r"(?: (?:saya|aku|sy|kami|gue|gw))?"
)
_TAKES_BACK = re.compile(r"(?:batal|batalkan|batalin|hapus|stop) (?:semua )?(?:pengingat|reminder)(?:nya)?")
_AROUND = vocabulary("tentang soal ini itu kasus hal nanti pada di untuk utk tsb tersebut tadi lagi2 aja saja")
_HOUR = re.compile(r"\b(?:jam|pukul|pkl) \d{1,2}(?: \d{2})?(?: (?:pagi|siang|sore|malam|wib|wita|wit))*")
_WEEKDAYS = {name: number for number, names in enumerate((
    "senin snn", "selasa sls", "rabu rbu", "kamis kms", "jumat jum", "sabtu sbt", "minggu ahad"
)) for name in names.split()}
_MONTHS = {name: number for number, names in enumerate((
    "januari jan", "februari feb pebruari", "maret mar", "april apr", "mei", "juni jun", "juli jul",
    "agustus agu ags agt", "september sep sept", "oktober okt", "november nov nop", "desember des",
), start=1) for name in names.split()}
_NUMBERS = {name: number for number, name in enumerate(
    ["satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh"], start=1)}
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(_NUMBERS)})"
_WORKING = re.compile(rf"{_COUNT} hari kerja(?: (?:lagi|kemudian))?")
_DAYS = re.compile(
    rf"(?:{_COUNT} (?P<unit>hari|minggu)|(?P<one>se(?:hari|minggu)))(?: (?:lagi|kemudian))?|(?P<next>minggu depan)"
)
_NAMED = re.compile(rf"(?:hari )?(?P<name>{'|'.join(_WEEKDAYS)})(?: (?:depan|ini|besok))?")
_DATED = re.compile(
    rf"(?:(?:hari )?(?:{'|'.join(_WEEKDAYS)}) )?(?P<called>tanggal |tgl )?(?P<day>\d{{1,2}})"
    rf"(?: (?P<month>\d{{1,2}}|{'|'.join(_MONTHS)})(?: (?P<year>\d{{4}}))?)?"
)


@dataclass(frozen=True)
class Asked:
    """A wish to be reminded; `day` where one was named."""

    day: date | None


def mentions(text: str) -> bool:
    """Whether the text begins as who asks for a reminder, or takes one back: it is worth a closer look."""
    return _ASKS.match(_said(text)) is not None or takes_back(text)


def asked(text: str, calendar: WorkingCalendar, today: date) -> Asked | None:
    """What the text asks for that does nothing else; None for every other text."""
    said = _said(text)
    found = _ASKS.match(said)
    if found is None:
        return None
    rest = _bare(said[found.end() :])
    if not rest:
        return Asked(None)
    named = _day(rest, calendar, today)
    return Asked(named) if named is not None else None


def takes_back(text: str) -> bool:
    """Whether the text says that nothing need be reminded of any more."""
    return _TAKES_BACK.fullmatch(_said(text)) is not None


def named_day(text: str, calendar: WorkingCalendar, today: date) -> date | None:
    """The day that the text names and nothing else, as an answer to when; it may be past."""
    return _day(_bare(_said(text)), calendar, today)


def offered(calendar: WorkingCalendar, today: date) -> tuple[date, ...]:
    """The days to choose from: the next working day, the third and the seventh. Plain days, where the calendar is never
    open."""
    return tuple(_working_day(calendar, today, number) for number in OFFERED)


def moment(calendar: WorkingCalendar, wanted: date, now: datetime) -> datetime | None:
    """When the citizen is told who wants to be reminded on this day: as the office opens. Is it closed then, on the
    last working day before, for a reminder that comes late is none; the next one where that is too soon. None for a
    day that is not after today, or too far away."""
    today = now.astimezone(calendar.zone).date()
    if not today < wanted <= today + LATEST:
        return None
    before = [wanted - n * DAY for n in range((wanted - today).days)]
    after = [wanted + n * DAY for n in range(1, _SEARCH_DAYS)]
    for candidate in (*before, *after):
        if openings := _openings(calendar, candidate):
            return openings[0][0]
    return datetime.combine(wanted, DECENT[0], calendar.zone)


def decent(calendar: WorkingCalendar, now: datetime) -> datetime:
    """The first instant from `now` on at which people are written to unasked: `now` itself while the office works, at
    no hour of the night."""
    today = now.astimezone(calendar.zone).date()
    for n in range(_SEARCH_DAYS):
        for start, end in _openings(calendar, today + n * DAY):
            if now < end:
                return max(start, now)
    return datetime.combine(today + DAY, DECENT[0], calendar.zone)


def _openings(calendar: WorkingCalendar, of: date) -> list[tuple[datetime, datetime]]:
    """When the office works on this day, without the night."""
    first, last = (datetime.combine(of, hour, calendar.zone) for hour in DECENT)
    awake = [(max(start, first), min(end, last)) for start, end in calendar.openings(of)]
    return [(start.astimezone(calendar.zone), end) for start, end in awake if start < end]


def _working_day(calendar: WorkingCalendar, today: date, number: int) -> date:
    left, at = number, today
    while left and at < today + LATEST:
        at += DAY
        left -= bool(_openings(calendar, at))
    return at if not left else today + number * DAY


def _said(text: str) -> str:
    """Without politeness and the hour, which is the office's own; which one it will be is said."""
    said = " ".join(word for word in words(text) if word not in POLITE)
    return " ".join(_HOUR.sub(" ", said).split())


def _bare(said: str) -> str:
    return " ".join(word for word in said.split() if word not in _AROUND)


def _day(said: str, calendar: WorkingCalendar, today: date) -> date | None:
    if said in ("besok", "besuk", "bsk", "esok"):
        return today + DAY
    if said == "lusa":
        return today + 2 * DAY
    if found := _WORKING.fullmatch(said):
        return _working_day(calendar, today, min(_count(found["count"]), LATEST.days))
    if found := _DAYS.fullmatch(said):
        if found["next"]:
            return today + 7 * DAY
        weeks = "minggu" in (found["unit"], (found["one"] or "").removeprefix("se"))
        return today + _count(found["count"] or "1") * (7 if weeks else 1) * DAY
    if found := _NAMED.fullmatch(said):
        if said == "minggu":
            return None  # a week or a Sunday
        return today + ((_WEEKDAYS[found["name"]] - today.weekday() - 1) % 7 + 1) * DAY
    found = _DATED.fullmatch(said)
    return _dated(found, today) if found else None


def _dated(found: re.Match[str], today: date) -> date | None:
    """The next such day; one with a year may be past. A number alone is none: it chooses among buttons."""
    number, month, year = int(found["day"]), found["month"], found["year"]
    if year:
        return _date(int(year), _month(month), number)
    if month:
        return next((one for one in (_date(today.year + n, _month(month), number) for n in (0, 1))
                     if one is not None and one > today), None)
    if not found["called"]:
        return None
    months = [(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1) for n in range(3)]
    return next((one for one in (_date(*at, number) for at in months) if one is not None and one > today), None)


def _month(said: str) -> int:
    return int(said) if said.isdigit() else _MONTHS[said]


def _count(said: str) -> int:
    return int(said) if said.isdigit() else _NUMBERS[said]


def _date(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None

"""Which words ask for a reminder, which day they mean, and when on that day it comes."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from handoff.domain.calendar import WorkingCalendar
from handoff.domain.reminding import asked, decent, moment, named_day, offered, takes_back

JAKARTA = ZoneInfo("Asia/Jakarta")
HOURS = ((time(8), time(12)), (time(13), time(16)))
TODAY = date(2026, 11, 24)  # a Tuesday
HOLIDAY = date(2026, 12, 25)  # a Friday
OFFICE = WorkingCalendar(JAKARTA, dict.fromkeys(range(5), HOURS), frozenset({HOLIDAY}))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), JAKARTA)


@pytest.mark.parametrize("text", [
    "ingatkan saya", "Tolong ingatkan saya ya", "ingetin dong", "minta diingatkan", "ingatkan saya soal ini",
    "pasang pengingat", "bisa ingatkan aku?", "ingatkan saya tentang kasus ini",
    "ingatkan saya jam 8 pagi", "bikin reminder",
])
def test_who_asks_to_be_reminded_and_names_no_day_is_asked_for_one(text):
    found = asked(text, OFFICE, TODAY)
    assert found is not None
    assert found.day is None


@pytest.mark.parametrize(("said", "meant"), [
    ("besok", date(2026, 11, 25)), ("lusa", date(2026, 11, 26)), ("besok jam 9", date(2026, 11, 25)),
    ("hari senin", date(2026, 11, 30)), ("selasa", date(2026, 12, 1)), ("hari Jum'at depan", None),
    ("jumat depan", date(2026, 11, 27)), ("hari minggu", date(2026, 11, 29)), ("minggu", None),
    ("minggu depan", date(2026, 12, 1)), ("seminggu lagi", date(2026, 12, 1)), ("2 minggu lagi", date(2026, 12, 8)),
    ("3 hari lagi", date(2026, 11, 27)), ("tiga hari kerja lagi", date(2026, 11, 27)),
    ("7 hari kerja", date(2026, 12, 3)), ("tanggal 3", date(2026, 12, 3)), ("tgl 24", date(2026, 12, 24)),
    ("tanggal 31", date(2026, 12, 31)), ("2", None), ("12 Desember", date(2026, 12, 12)),
    ("12 des 2026", date(2026, 12, 12)),
    ("12/12/2026", date(2026, 12, 12)), ("3-1", date(2027, 1, 3)), ("senin 30 November", date(2026, 11, 30)),
    ("1 Januari 2020", date(2020, 1, 1)), ("31 februari", None), ("tanggal 45", None), ("5/13", None),
    ("hari ini", None), ("nanti malam", None),
])
def test_a_day_is_understood_as_people_say_it(said, meant):
    assert named_day(said, OFFICE, TODAY) == meant
    found = asked(f"tolong ingatkan saya {said} ya", OFFICE, TODAY)
    assert (found.day if found else None) == meant


@pytest.mark.parametrize("text", [
    "ingatkan saya minum obat jam 8", "ingatkan istri saya besok", "saya sudah ingatkan petugas kemarin",
    "besok libur?", "pengingat pajak motor saya kok tidak datang", "ktp hilang", "", "...",
    "ingatkan saya besok bayar pajak", "remind me to call mom tomorrow", "kemarin sudah diingatkan petugas tapi lupa",
])
def test_whoever_says_anything_else_is_asking_something_else(text):
    assert asked(text, OFFICE, TODAY) is None
    assert not takes_back(text)


@pytest.mark.parametrize("text", ["batalkan pengingat", "Tolong batalkan pengingatnya", "hapus semua pengingat"])
def test_a_reminder_is_taken_back_in_words(text):
    assert takes_back(text)
    assert asked(text, OFFICE, TODAY) is None


def test_the_days_offered_are_working_days():
    assert offered(OFFICE, TODAY) == (date(2026, 11, 25), date(2026, 11, 27), date(2026, 12, 3))
    assert offered(OFFICE, date(2026, 12, 24))[0] == date(2026, 12, 28)
    never = WorkingCalendar(JAKARTA, {})
    assert offered(never, TODAY) == (date(2026, 11, 25), date(2026, 11, 27), date(2026, 12, 1))


@pytest.mark.parametrize(("wanted", "told"), [
    (date(2026, 11, 25), at(date(2026, 11, 25), 8)),
    (date(2026, 11, 29), at(date(2026, 11, 27), 8)),   # a Sunday: on Friday before
    (HOLIDAY, at(date(2026, 12, 24), 8)),
    (TODAY, None), (date(2026, 11, 1), None), (date(2027, 12, 1), None),
])
def test_the_reminder_comes_as_the_office_opens_and_not_after_the_day(wanted, told):
    assert moment(OFFICE, wanted, at(TODAY, 10)) == told


def test_where_there_is_no_working_day_before_it_comes_on_the_next_one():
    friday = date(2026, 11, 27)
    assert moment(OFFICE, date(2026, 11, 28), at(friday, 15)) == at(date(2026, 11, 30), 8)
    never = WorkingCalendar(JAKARTA, {})
    assert moment(never, date(2026, 11, 28), at(friday, 15)) == at(date(2026, 11, 28), 8)


@pytest.mark.parametrize(("now", "then"), [
    (at(TODAY, 10), at(TODAY, 10)), (at(TODAY, 12, 30), at(TODAY, 13)), (at(TODAY, 16), at(date(2026, 11, 25), 8)),
    (at(TODAY, 3), at(TODAY, 8)), (at(TODAY, 22), at(date(2026, 11, 25), 8)),
    (at(date(2026, 11, 28), 10), at(date(2026, 11, 30), 8)),
])
def test_nobody_is_written_to_at_night_or_on_a_closed_day(now, then):
    assert decent(OFFICE, now) == then


def test_an_office_that_never_closes_writes_to_nobody_at_night():
    always = WorkingCalendar(JAKARTA, dict.fromkeys(range(7), ((time(0), time(0)),)))
    assert decent(always, at(TODAY, 2)) == at(TODAY, 8)
    assert moment(always, date(2026, 11, 25), at(TODAY, 10)) == at(date(2026, 11, 25), 8)
    assert decent(always, at(TODAY, 23)) == at(date(2026, 11, 25), 8)
    never = WorkingCalendar(JAKARTA, {})
    assert decent(never, at(TODAY, 23)) == at(date(2026, 11, 25), 8)

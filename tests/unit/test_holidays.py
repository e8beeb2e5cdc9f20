"""The national days off, with cuti bersama."""

from __future__ import annotations

from datetime import date

from handoff.domain.holidays import indonesian_holidays


def test_2026_has_holidays_and_cuti_bersama() -> None:
    days = indonesian_holidays([2026])
    assert days[date(2026, 8, 17)] == "Hari Kemerdekaan Republik Indonesia"
    assert days[date(2026, 12, 24)].startswith("Cuti Bersama")
    assert date(2026, 12, 25) in days
    assert date(2026, 12, 23) not in days
    assert list(days) == sorted(days)


def test_only_the_years_asked_for() -> None:
    assert indonesian_holidays([]) == {}
    both = indonesian_holidays(iter([2027, 2026, 2026]))
    assert {day.year for day in both} == {2026, 2027}
    assert both == indonesian_holidays([2026]) | indonesian_holidays([2027])

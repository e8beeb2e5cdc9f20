"""National holidays and *cuti bersama* of Indonesia."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import holidays

# Without `government` the library leaves out cuti bersama, on which offices are closed like on holidays.
_CATEGORIES = (holidays.PUBLIC, holidays.GOVERNMENT)


def indonesian_holidays(years: Iterable[int]) -> dict[date, str]:
    """The days off of these years, in order, with their Indonesian names.

    They come from the yearly joint decree of three ministers. For a year whose decree the library does not know yet,
    the Islamic days are estimates ("perkiraan" in the name) and cuti bersama is missing; decrees also change during
    the year. Both are mended by an office's own additions to its calendar.
    """
    wanted = sorted(set(years))
    if not wanted:
        return {}
    found = holidays.country_holidays("ID", years=wanted, categories=_CATEGORIES, language="id", expand=False)
    return {day: found[day] for day in sorted(found) if day.year in wanted}

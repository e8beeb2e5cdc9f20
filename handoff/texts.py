"""Every sentence that the gateway itself says to people, read from `texts.yml` (Indonesian, Jinja placeholders)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import yaml

FILE = Path(__file__).with_name("texts.yml")
DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
MONTHS = ("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober",
          "November", "Desember")
ZONES = {7: "WIB", 8: "WITA", 9: "WIT"}


def long_date(day: date) -> str:
    """`23 November 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def long_time(at: datetime, zone: str) -> str:
    """`Senin, 23 November 2026 pukul 10.00 WIB`, in the unit's zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{DAYS[local.weekday()]}, {long_date(local.date())} pukul {clock_time(local)}"


def clock_time(local: datetime) -> str:
    """`10.00 WIB`: the time of day where the moment's own offset holds, with the name of that zone where it has one."""
    offset = local.utcoffset()
    name = ZONES.get(int(offset.total_seconds() // 3600), "") if offset else ""
    return f"{local:%H.%M} {name}".rstrip()


def long_span(span: timedelta) -> str:
    """`2 jam 10 menit`, `3 hari 4 jam`, `1 menit` at least: the two largest units."""
    minutes = max(1, int(span.total_seconds() // 60))
    parts = [(minutes // 1440, "hari"), (minutes // 60 % 24, "jam"), (minutes % 60, "menit")]
    first = next(n for n, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def working_span(days: int, minutes: int) -> str:
    """How much working time has passed: `2 hari kerja`, `3 jam kerja`, and little in words."""
    if days:
        return f"{days} hari kerja"
    return f"{minutes // 60} jam kerja" if minutes >= 60 else "kurang dari 1 jam kerja"


@dataclass(frozen=True)
class Texts:
    """The sentences by dotted name, for example `case.opened`."""

    _templates: dict[str, jinja2.Template]

    @classmethod
    def load(cls, file: Path = FILE) -> Texts:
        """Read and compile all; a missing placeholder is an error when said, not an empty space."""
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
        texts = {name: text.strip() for name, text in _flat(tree, "")}
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                         autoescape=False, loader=jinja2.DictLoader(texts))  # one may include another
        environment.filters["tanggal"] = long_date
        environment.filters["waktu"] = long_time
        return cls({name: environment.get_template(name) for name in texts})

    def say(self, name: str, **facts: Any) -> str:
        """The sentence `name` with its facts filled in. Raises `KeyError` for an unknown name."""
        return self._templates[name].render(**facts).strip()

    def __contains__(self, name: str) -> bool:
        return name in self._templates


def _flat(tree: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in tree.items():
        flat += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", str(value))]
    return flat

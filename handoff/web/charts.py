"""Bars of the public figures as plain numbers, for a template that draws them: SVG from the server, without script or
style of its own. A chart is as wide as a small phone, so that its letters are never smaller than small print."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from handoff.services.views.figures import STILL, Month
from handoff.texts import MONTHS, long_span

WIDTH, LEFT, RIGHT = 340, 62, 100  # in SVG units: all of it, for the month, for the words behind a bar
THICK, BETWEEN, PADDING = 13, 3, 12
MASKED, NOTHING, STILL_WAITING = "disamarkan", "tidak ada", "belum separuh"


@dataclass(frozen=True)
class Value:
    """What a bar stands for, in words; `size` None: it has no bar; infinite: it is longer than the picture."""

    said: str
    size: float | None


@dataclass(frozen=True)
class Bar:
    """A bar where it is drawn. `open`: it goes on beyond the picture."""

    y: float
    width: float
    said: str
    open: bool


@dataclass(frozen=True)
class Row:
    """One month: its name, shortened for the picture, and a bar for each series."""

    name: str
    short: str
    middle: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    """Some months of one or two series; `name` is its anchor."""

    name: str
    title: str
    series: tuple[str, ...]
    rows: tuple[Row, ...]
    height: float

    @property
    def summary(self) -> str:
        """What the picture shows, for who does not see it: the newest month. All stand in the table."""
        newest = self.rows[-1]
        told = ", ".join(f"{name}: {bar.said}" for name, bar in zip(self.series, newest.bars, strict=True))
        return f"Batang untuk {len(self.rows)} bulan. {newest.name}: {told}. Semua angkanya ada di tabel berikut."


def charts(months: Sequence[Month]) -> tuple[Chart, ...]:
    """Every chart of the public page."""
    return (
        _chart("per-bulan", "Kasus yang masuk", months, {
            "Masuk": lambda month: _count(month.opened),
            "Selesai, disetujui warga": lambda month: _count(month.confirmed),
        }),
        _chart("balasan", "Lama menunggu balasan pertama petugas", months, {
            "Separuh kasus dibalas dalam": lambda month: _time(month, month.replied),
        }),
        _chart("penyelesaian", "Lama sampai selesai", months, {
            "Separuh kasus selesai dalam": lambda month: _time(month, month.settled),
        }),
        _chart("bantahan", "Jawaban bot yang dibantah warga", months, {
            "Dibantah": lambda month: _count(month.disputed),
            "Ternyata keliru": lambda month: _count(month.upheld),
        }),
    )


def _chart(name: str, title: str, months: Sequence[Month], series: dict[str, Callable[[Month], Value]]) -> Chart:
    values = [[say(month) for say in series.values()] for month in months]
    sizes = [value.size for row in values for value in row if value.size is not None and math.isfinite(value.size)]
    longest, pitch = max(sizes, default=0) or 1, len(series) * (THICK + BETWEEN) + PADDING
    rows = tuple(
        Row(f"{_named(month)} {month.first.year}", f"{_named(month)[:3]} {month.first:%y}",
            place * pitch + (pitch - PADDING) / 2, tuple(_bars(row, place * pitch, longest)))
        for place, (month, row) in enumerate(zip(months, values, strict=True))
    )
    return Chart(name, title, tuple(series), rows, len(rows) * pitch)


def _bars(values: Sequence[Value], top: float, longest: float) -> Iterator[Bar]:
    whole = WIDTH - LEFT - RIGHT
    for place, value in enumerate(values):
        goes_on = value.size is not None and math.isinf(value.size)
        width = whole if goes_on else whole * (value.size or 0) / longest
        yield Bar(top + place * (THICK + BETWEEN), round(max(width, 1 if value.size else 0), 1), value.said, goes_on)


def _named(month: Month) -> str:
    return MONTHS[month.first.month - 1]


def number(count: int | None) -> str:
    """A count as it is printed."""
    return MASKED if count is None else f"{count:,}".replace(",", ".")


def span(seconds: int | None, of_ten: int = 5) -> str:
    """A time as it is printed, within which so many cases of ten had what they waited for."""
    if seconds is None:
        return MASKED
    if seconds == STILL:
        return STILL_WAITING if of_ten == 5 else f"belum {of_ten} dari 10"
    return long_span(timedelta(seconds=seconds))


def _count(count: int | None) -> Value:
    return Value(number(count), count)


def _time(month: Month, seconds: int | None) -> Value:
    if month.opened == 0:
        return Value(NOTHING, None)
    return Value(span(seconds), math.inf if seconds == STILL else seconds)

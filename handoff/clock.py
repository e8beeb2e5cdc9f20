"""What time it is. Rules receive time as a parameter; this is where the parameter comes from.

In a demonstration (`WAJAH_DEMO=1`) every process follows the instant in `WAJAH_CLOCK_FILE`, so that months can pass
in a test. A file that cannot be read leaves the last instant standing: a clock must not fall back to today.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def file_clock(path: Path) -> Clock:
    """A clock that follows the RFC 3339 instant written in `path`; raises `ValueError` if the first read fails."""
    last = _read(path)

    def now() -> datetime:
        nonlocal last
        with contextlib.suppress(OSError, ValueError):
            last = _read(path)
        return last

    return now


def _read(path: Path) -> datetime:
    instant = datetime.fromisoformat(path.read_text().strip())
    if instant.tzinfo is None:
        raise ValueError(f"{path} must hold an instant with a zone, for example 2026-11-23T10:00:00+07:00")
    return instant.astimezone(UTC)

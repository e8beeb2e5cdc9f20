"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable


def until[T](condition: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """The first true value of `condition`; fails the test when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(0.02)
    return value

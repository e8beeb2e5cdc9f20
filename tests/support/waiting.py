"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable


def until[T](condition: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """The first true value of `condition`; fails the test when there is none within `seconds`.

    It looks at most a tenth later than it could: a look each moment takes from the processes it waits for the very
    processor that they need to come to it.
    """
    began = time.monotonic()
    while not (value := condition()):
        if (waited := time.monotonic() - began) > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(min(max(0.02, waited / 10), 0.5))
    return value

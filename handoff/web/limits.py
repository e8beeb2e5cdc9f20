"""Rate limits: one token bucket for each key, in this process's memory; forgotten when full again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 50_000


class Buckets:
    """Buckets of `burst` tokens that refill with `per_second`."""

    def __init__(self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst = float(burst)
        self._rate = per_second
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> (tokens, when)

    def take(self, key: str) -> float:
        """Take a token; 0.0 when there was one, otherwise the seconds until the next."""
        now = self._now()
        tokens, when = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - when) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[key] = (tokens - 1 if wait == 0.0 else tokens, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return wait

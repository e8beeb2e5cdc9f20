"""Limits in this process's memory: how often (one token bucket for each key, forgotten when full again), and how many
at once."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from handoff.services.errors import TooMany

KEPT = 50_000


class Buckets:
    """Buckets of `burst` tokens that refill with `per_second`."""

    def __init__(self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst = float(burst)
        self._rate = per_second
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> (tokens, when)

    def take(self, key: str, tokens_needed: float = 1.0) -> float:
        """Take a token, or several; 0.0 when there were so many, otherwise the seconds until there are."""
        now = self._now()
        tokens, when = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - when) * self._rate)
        wait = 0.0 if tokens >= tokens_needed else (tokens_needed - tokens) / self._rate
        self._buckets[key] = (tokens - tokens_needed if wait == 0.0 else tokens, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return wait


class Places:
    """Places of which somebody holds one for as long as a stream is open: so many in all, of which one address has a
    quarter at most, and so many in one conversation. Who gets none asks now and then instead of listening."""

    CONVERSATION = 12  # browsers' tabs
    RETRY_SECONDS = 30.0

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._taken: Counter[str] = Counter()

    @contextmanager
    def held(self, conversation: str, address: str) -> Iterator[None]:
        """A place for the length of the block. Raises `TooMany`."""
        claims = {"": self._whole, f"from {address}": self._whole // 4, f"of {conversation}": self.CONVERSATION}
        if any(self._taken[key] >= most for key, most in claims.items()):
            raise TooMany(retry_after=self.RETRY_SECONDS)
        self._taken.update(claims.keys())
        try:
            yield
        finally:
            self._taken.subtract(claims.keys())
            for key in [key for key in claims if not self._taken[key]]:
                del self._taken[key]

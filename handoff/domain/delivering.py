"""How far a message has come. Reports arrive late, twice and out of order; a message never goes back."""

from __future__ import annotations

from collections.abc import Sequence

_FURTHER = {
    "stored": 0, "waiting_window": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5,
}
REPORTED = {"sent": "sent", "failed": "failed", "delivered": "delivered", "read": "read", "played": "read"}


def furthest(stands: str, reported: str) -> str:
    """Where a message stands after a report: the further of the two. What came to hand came to hand, whatever failure
    is reported later; what was withheld, and a report unknown to us, change nothing."""
    now = REPORTED.get(reported)
    if now is None or stands not in _FURTHER:
        return stands
    return max(stands, now, key=_FURTHER.__getitem__)


def least(stand: Sequence[str]) -> str:
    """Where a message of several parts stands: where the part does that has come least far; failed when one has."""
    return "failed" if "failed" in stand else min(stand, key=_FURTHER.__getitem__)

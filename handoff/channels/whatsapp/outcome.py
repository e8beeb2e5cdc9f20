"""What to do when the Cloud API refuses a message, by its error's code (never by its title)."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

PAIR = timedelta(seconds=6)          # one message to one person, about
LONGEST = timedelta(minutes=30)      # between two tries
TRIES = 12                           # then it has failed
STOPPED_FOR = timedelta(minutes=5)   # before a stopped number is tried again


class Verdict(Enum):
    """What becomes of the message, or of the number."""

    again = "again"    # later, by itself
    window = "window"  # when the citizen has written again
    failed = "failed"  # not at all: the officer must see it
    stop = "stop"      # the number cannot send now: nothing is lost, the operator is called
    bug = "bug"        # we asked for nonsense: it failed, and somebody must mend it


_AGAIN = frozenset({1, 2, 80007, 130429, 131000, 131016, 131056})
_STOP = frozenset({0, 3, 10, 190, 368, 131031})
_FAILED = frozenset({130472, 131026, 131048, 131049})
_BUG = frozenset({100, 131008, 131009})


def verdict(http_status: int, code: int | None) -> Verdict:
    """For an answer that is no success. What is unknown to us is tried again while it may be the server's doing."""
    if code in _AGAIN:
        return Verdict.again
    if code == 131047:
        return Verdict.window
    if code is not None and (code in _STOP or 200 <= code <= 299):
        return Verdict.stop
    if code in _FAILED:
        return Verdict.failed
    if code in _BUG or (code is not None and 132000 <= code <= 132999):
        return Verdict.bug
    if http_status in (401, 403):
        return Verdict.stop
    return Verdict.again if http_status == 429 or http_status >= 500 else Verdict.failed


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries (from 1): twice as long each time."""
    return min(PAIR * 2 ** (min(tries, 20) - 1), LONGEST)

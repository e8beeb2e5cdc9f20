"""How patiently a refused message is tried again; what its code means is `domain.refusals`."""

from __future__ import annotations

from datetime import timedelta

from handoff.domain.refusals import Verdict, is_crowded, verdict

__all__ = ["LONGEST", "PAIR", "SETTLE", "STOPPED_FOR", "TRIES", "Verdict", "is_crowded", "pause", "verdict"]

PAIR = timedelta(seconds=6)          # one message to one person, about
SETTLE = timedelta(seconds=60)       # how long a status may take to tell what became of a post
LONGEST = timedelta(minutes=30)      # between two tries
TRIES = 12                           # then it has failed
STOPPED_FOR = timedelta(minutes=5)   # before a stopped number is tried again


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries (from 1): twice as long each time."""
    return min(PAIR * 2 ** (min(tries, 20) - 1), LONGEST)

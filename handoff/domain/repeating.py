"""The same question again after its answer: the answer did not help (docs/adr/0016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SPAN = timedelta(hours=24)  # who asks again another day may just have forgotten
OFFER, PERSON = 1, 2  # answered so often before: offer the officer; give them the question
Said = tuple[str, str]  # topic and aspect


@dataclass(frozen=True)
class Answered:
    """One question of this conversation that the bot answered, and with what."""

    at: datetime
    answers: frozenset[Said]
    typed: bool  # else it was a tap: who taps twice looks again, and complains of nothing


def times(history: Sequence[Answered], asked: frozenset[Said], now: datetime) -> int:
    """How often the same was asked and answered before in a row. `history` is newest first. Another answer in between
    ends the row; a tap for the same does not count."""
    count = 0
    for one in history:
        if now - one.at > SPAN or not asked <= one.answers:
            break
        count += one.typed
    return count

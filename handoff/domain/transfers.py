"""Where a case has been, as far as giving it to another unit is concerned (promise P6). Pure; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DECLINES_TO_HEAD = 3


class Outcome(StrEnum):
    """What became of a request to take a case."""

    pending = "pending"
    accepted = "accepted"
    declined = "declined"
    withdrawn = "withdrawn"


@dataclass(frozen=True)
class Past:
    """`sent_away_by`: units that had the case and gave it away; it does not come back to them by a transfer.
    `declines`: how often it was declined since it came to the unit that has it."""

    sent_away_by: frozenset[str] = frozenset()
    declines: int = 0

    @classmethod
    def of(cls, requests: Sequence[tuple[str, Outcome]]) -> Past:
        """From the case's requests in their order: the unit that asked, and what became of it."""
        moved = [number for number, (_, outcome) in enumerate(requests, 1) if outcome is Outcome.accepted]
        here = requests[moved[-1] if moved else 0 :]
        return cls(
            frozenset(requests[number - 1][0] for number in moved),
            sum(outcome is Outcome.declined for _, outcome in here),
        )

    @property
    def is_for_the_head(self) -> bool:
        """Whether the head of the unit that has the case must decide: nobody wanted it, three times in all."""
        return self.declines >= DECLINES_TO_HEAD

"""When a citizen's silence closes a case (promise P5), and when it does not.

Two reminders, ten working days, and proof that the proposal and a reminder came to the citizen's hands. Without the
proof the case stays open, however long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handoff.domain.calendar import WorkingCalendar

#: Reminders that go before, and working days from the proposal to the end (`domain.clocks.CLOSING_DAYS`).
REMINDERS_NEEDED = 2
CLOSING_WORKING_DAYS = 10
#: Working days that remain after the first reminder that was provably delivered: who read it on the last day has time.
GRACE_WORKING_DAYS = 2


class Cause(StrEnum):
    """What the trouble came from, as the office learns from it; about a matter, never about a person."""

    information = "information"        # it was written nowhere, or not so that people understood it
    wrong_data = "wrong_data"          # data about the citizen were wrong
    system = "system"                  # an application or a network failed
    delay = "delay"                    # it lay somewhere
    procedure = "procedure"            # the procedure itself stood in the way
    conduct = "conduct"                # how the citizen was treated
    other_office = "other_office"      # another office had to act
    other = "other"


@dataclass(frozen=True)
class Reminder:
    """One reminder, and when it provably came to the citizen's hands: delivered, read, or fetched by their browser."""

    sent_at: datetime
    reached_at: datetime | None


@dataclass(frozen=True)
class Silence:
    """Everything that is known of a citizen's silence at `at`, in the unit's calendar. `since`: when the proposal
    was made, or when we last answered what the citizen said to it."""

    calendar: WorkingCalendar
    since: datetime
    at: datetime
    proposal_reached_at: datetime | None
    reminders: tuple[Reminder, ...]

    @property
    def reached_at(self) -> datetime | None:
        """When a reminder first came to the citizen's hands, with the proposal before or by then; else None."""
        reached = [one.reached_at for one in self.reminders if one.reached_at is not None]
        if not reached or self.proposal_reached_at is None:
            return None
        return max(min(reached), self.proposal_reached_at)

    @property
    def closes_at(self) -> datetime | None:
        """When the silence closes the case at the earliest; None while that is not provable."""
        if self.reached_at is None or len(self.reminders) < REMINDERS_NEEDED:
            return None
        return max(
            self.calendar.add_working_days(self.since, CLOSING_WORKING_DAYS),
            self.calendar.add_working_days(self.reached_at, GRACE_WORKING_DAYS),
        )

    @property
    def proven(self) -> bool:
        """Whether it closes the case now."""
        closes = self.closes_at
        return closes is not None and self.at >= closes

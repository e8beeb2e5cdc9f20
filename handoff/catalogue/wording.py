"""The words around the facts, from wording.yml: typed, so that a lost label is found at the first load."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from handoff.catalogue.references import TITLE_LENGTH
from handoff.catalogue.schema import Aspect, Hours, Limit, OfficeList

_FILE = Path(__file__).with_name("wording.yml")


class Wording(BaseModel):
    """Labels and sentences; those with braces are filled by the methods below."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headings: dict[Aspect | OfficeList | Literal["who", "pay", "notes", "examples"], str]
    buttons: dict[Aspect, Annotated[str, Field(max_length=TITLE_LENGTH)]]
    next: dict[Aspect, tuple[Aspect, ...]]
    free: str
    amount: str
    limit: str
    days: str
    working_days: str
    ask_officer: str
    never_cash: str
    rejection: str
    stale: str
    hours: str
    desk_hours: str
    closed: str
    desk: str
    help_desk: str
    contact: str
    help: str
    source: str
    step: str
    go_on: str
    next_step: Annotated[str, Field(max_length=TITLE_LENGTH)]
    reviewed: str
    months: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]

    def rupiah(self, amount: int) -> str:
        """An amount of rupiah with Indonesian thousands separators; 0 is "free"."""
        return self.amount.format(amount=f"{amount:,}".replace(",", ".")) if amount else self.free

    def time_limit(self, limit: Limit) -> str:
        """The law's limit as a sentence."""
        return self.limit.format(days=limit.days, kind=self.working_days if limit.working_days else self.days)

    def opening(self, hours: Hours, zone: str) -> str:
        """Opening hours as a sentence."""
        return self.hours.format(days=hours.days, opens=hours.opens, closes=hours.closes, zone=zone)

    def reviewed_on(self, day: date) -> str:
        """When the facts were last checked."""
        return self.reviewed.format(date=self.day(day))

    def day(self, day: date) -> str:
        """A date in words."""
        return f"{day.day} {self.months[day.month - 1]} {day.year}"


@cache
def wording() -> Wording:
    """The package's wording."""
    return Wording.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))

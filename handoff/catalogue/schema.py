"""What a catalogue entry may say: typed, frozen, and strict about unknown keys.

Texts are Indonesian and come from YAML. A fact without a source cannot be written down; what nobody has verified is
left to the officer in words (`ask_officer`). References (a source's name, a related topic's id) are resolved while
validating, with the `Context` that the loader passes, so an unknown one is reported where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from handoff.catalogue.references import Related, Source, SourceRef, Sources, Text, Title, context_of, keeper_of

Aspect = Literal["overview", "requirements", "fee", "time", "place", "steps", "rejections"]
ASPECTS: tuple[Aspect, ...] = ("overview", "requirements", "fee", "time", "place", "steps", "rejections")
SlaClass = Literal["information", "complaint", "inspection"]

REVIEW_EVERY = 180  # days from one review of an entry to the next, where the entry says nothing else
Unit = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]  # the slug of a unit of the office, as in `office.desks`


def _kept(entries: object) -> object:
    """What an overlay has not emptied with `null`."""
    return {key: value for key, value in entries.items() if value is not None} if isinstance(entries, dict) else entries


class Entry(BaseModel):
    """Base of everything in the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Law(Entry):
    """A law or regulation that was read; facts cite it as "UU 24/2013 Ps. 79A"."""

    name: Text


class WebPage(Entry):
    """A page that was read; facts cite it by its key."""

    name: Text
    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    quotes: Text | None = None  # the regulation it relies on, where that text itself was not read


class Keeper(Entry):
    """Who keeps entries true: a position in a unit, and the person who holds it and reviews them."""

    position: Text
    unit: Unit
    person: Text


KeeperRef = Annotated[Keeper, BeforeValidator(keeper_of)]


class Fact(Entry):
    """One statement with its source. `reviewed` only where it differs from the topic's."""

    text: Text
    sources: Sources
    reviewed: date | None = None


class Rejection(Fact):
    """Why an application is often refused (`text`), and what the citizen can do then."""

    then: Text


class Section(Entry):
    """Facts about one aspect. `local` is what the agency adds to ours in its overlay. `ask_officer` names, in the
    citizen's words, what the officer will tell."""

    facts: tuple[Fact, ...] = ()
    local: tuple[Fact, ...] = ()
    ask_officer: Text | None = None

    @property
    def known(self) -> tuple[Fact, ...]:
        """All facts: ours, then the agency's."""
        return self.facts + self.local

    def says_something(self) -> bool:
        """Whether an answer can be made of it."""
        return bool(self.known or self.ask_officer)

    @model_validator(mode="after")
    def _not_silent(self) -> Self:
        if not self.says_something():
            raise PydanticCustomError("silent", "states nothing: give facts, or ask_officer")
        return self


class Rejections(Section):
    """Common causes of a refusal, each with what can be done."""

    facts: tuple[Rejection, ...] = ()
    local: tuple[Rejection, ...] = ()


class Fee(Section):
    """What the state charges. `amount` in rupiah, 0 for free, None where no single official amount exists. `pay` is how
    it is paid officially; compulsory unless it is free."""

    amount: Annotated[int, Field(strict=True, ge=0)] | None = None
    sources: tuple[SourceRef, ...] = ()
    pay: Section | None = None

    def says_something(self) -> bool:
        """Whether an answer can be made of it."""
        return self.amount is not None or super().says_something()

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if (self.amount is None) != (not self.sources):
            raise PydanticCustomError("fee_source", "amount and sources belong together")
        if (self.amount == 0) != (self.pay is None):
            raise PydanticCustomError("fee_pay", "pay (facts or ask_officer) is needed exactly where it is not free")
        return self


class Limit(Entry):
    """A time limit set by law, counted in days from a complete application."""

    days: Annotated[int, Field(strict=True, ge=1, le=365)]
    working_days: bool = False
    sources: Sources


class Standard(Fact):
    """How long this office says it takes: a promise. `days`, where it is a number, from a complete application."""

    days: Annotated[int, Field(strict=True, ge=1, le=365)] | None = None
    working_days: bool = False


class Time(Section):
    """How long it takes: the law's limit, this office's own standard, and, never promised, what others report."""

    limit: Limit | None = None
    office: Standard | None = None
    examples: tuple[Fact, ...] = ()

    @property
    def official(self) -> tuple[int, bool] | None:
        """Days, and whether working days, after which it is late: the office's promise, else the law's limit."""
        bound = self.office if self.office and self.office.days else self.limit
        return (bound.days, bound.working_days) if bound and bound.days else None

    def says_something(self) -> bool:
        """Whether an answer can be made of it."""
        return self.limit is not None or self.office is not None or super().says_something()


class Hours(Entry):
    """Opening hours on some days, in the office's time zone, as people read them ("08.00")."""

    days: Text
    opens: Annotated[str, Field(pattern=r"^([01]\d|2[0-3])\.[0-5]\d$")]
    closes: Annotated[str, Field(pattern=r"^([01]\d|2[0-3])\.[0-5]\d$")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens >= self.closes:
            raise PydanticCustomError("hours", "opens must be earlier than closes")
        return self


class Desk(Entry):
    """Where a unit receives people. `hours` only where they differ from the office's."""

    name: Text
    address: Text
    hours: tuple[Hours, ...] = ()


class Contact(Entry):
    """A way to reach the office, or to be served from afar."""

    label: Text
    value: Text


class EmergencyNumber(Contact):
    """A number that helps at once. `source`: where it was read; the office itself for its own."""

    source: Text


class Emergency(Entry):
    """What the office does about danger to somebody: which numbers are told first, and which unit takes the case."""

    unit: Unit
    numbers: Annotated[tuple[EmergencyNumber, ...], Field(min_length=1)]


class Common(Entry):
    """What holds of every topic: the rights of whoever is refused."""

    refused: tuple[Fact, ...] = ()


class Office(Entry):
    """The agency that runs this installation."""

    name: Text
    zone: Literal["WIB", "WITA", "WIT"]
    reviewed: date
    hours: Annotated[tuple[Hours, ...], Field(min_length=1)]
    closed: Text
    desks: Annotated[dict[Unit, Desk], BeforeValidator(_kept), Field(min_length=1)]
    contacts: Annotated[tuple[Contact, ...], Field(min_length=1)]
    online: tuple[Contact, ...] = ()
    emergency: Emergency | None = None

    @property
    def time_zone(self) -> str:
        """The zone's IANA name."""
        return {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}[self.zone]


OfficeList = Literal["hours", "desks", "contacts", "online"]


class Topic(Entry):
    """One service or one question about the office. `id` is the intent's name."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Title
    kind: Literal["service", "office"] = "service"
    unit: Unit
    sla_class: SlaClass = "information"
    individual_matter: bool = False
    individual_when_late: bool = False  # only a person can mend it once the official time has passed
    keeper: KeeperRef
    reviewed: date
    review_every: Annotated[int, Field(strict=True, ge=1, le=366)] = REVIEW_EVERY
    keywords: tuple[Text, ...] = ()
    summary: Annotated[tuple[Fact, ...], Field(min_length=1)]
    notes: tuple[Fact, ...] = ()
    who: Section | None = None  # who may apply
    requirements: Section | None = None
    fee: Fee | None = None
    time: Time | None = None
    steps: Section | None = None
    place: Section | None = None
    rejections: Rejections | None = None
    given_at: Fact | None = None  # which other office gives the service, where ours only helps
    shows: tuple[OfficeList, ...] = ()
    related: tuple[Related, ...]

    _office: Office
    _refused: tuple[Fact, ...] = ()

    def model_post_init(self, context: Any) -> None:
        """Keep what holds of every topic: the office, because an answer names the place, and the rights of whoever is
        refused."""
        if context.office is not None:
            self._office = context.office
        self._refused = context.refused

    @property
    def office(self) -> Office:
        """The agency that answers."""
        return self._office

    @property
    def desk(self) -> Desk:
        """Where this topic's unit receives people."""
        return self._office.desks[self.unit]

    @property
    def refused(self) -> tuple[Fact, ...]:
        """What holds of every refusal."""
        return self._refused

    @property
    def next_review(self) -> date:
        """When the keeper must have looked at the entry again."""
        return self.reviewed + timedelta(days=self.review_every)

    def stale(self, today: date) -> bool:
        """Whether that day has passed."""
        return today > self.next_review

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source the entry rests on, each once, in order of appearance."""
        return tuple(dict.fromkeys(source for fact in facts_of(self) for source in fact.sources))

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Self:
        needed = ("who", "requirements", "fee", "time", "steps", "rejections") if self.kind == "service" else ()
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise PydanticCustomError(
                "incomplete", "a service needs {names} (facts or ask_officer)", {"names": ", ".join(missing)}
            )
        if self.individual_when_late and (self.time is None or self.time.official is None):
            raise PydanticCustomError("late", "individual_when_late needs time.limit, or time.office with days")
        if self.shows and self.kind != "office":
            raise PydanticCustomError("shows", "only a topic of kind office has shows")
        office = context_of(info).office
        if office is not None and self.unit not in office.desks:
            raise PydanticCustomError("no_desk", "office.desks has no {unit}: no place to name", {"unit": self.unit})
        if not 2 <= len(set(self.related)) == len(self.related) <= 3 or self.id in {link.id for link in self.related}:
            raise PydanticCustomError("related", "related must name two or three other topics")
        return self


def facts_of(value: object) -> Iterator[Fact | Fee | Limit]:
    """Everything below `value` that states something and cites its sources, depth first."""
    if isinstance(value, Fact | Fee | Limit):
        yield value
    if isinstance(value, tuple):
        for item in value:
            yield from facts_of(item)
    elif isinstance(value, Entry):
        for name in type(value).model_fields:
            yield from facts_of(getattr(value, name))

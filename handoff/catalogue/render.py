"""Answers and page sections from a topic. All words come from the topic, wording.yml and answer.txt.j2.

The chat answer and the web page are made of the same blocks: a heading and lines, each line with its sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from handoff.catalogue.references import Source
from handoff.catalogue.schema import Aspect, Fact, Keeper, Office, OfficeList, Rejection, Section, Topic
from handoff.catalogue.wording import wording
from handoff.domain.fitting import parts

MAX_LENGTH = 1024  # characters of the body of a WhatsApp message with buttons
BUTTONS = 3
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Button:
    """A tap the citizen may want next. `title` has at most 20 characters."""

    title: str
    payload: str


@dataclass(frozen=True)
class Rendered:
    """One answer. `sources` are short labels; `reviewed` is the oldest date of what the text states."""

    text: str
    sources: list[str]
    reviewed: date
    related: list[Button]

    @property
    def parts(self) -> tuple[str, ...]:
        """The text as messages of a channel with buttons; the last one has the sources."""
        return parts(self.text, MAX_LENGTH)


@dataclass(frozen=True)
class Line:
    """One statement as a citizen reads it. Without sources it states no fact: what to ask the officer."""

    text: str
    sources: tuple[Source, ...] = ()
    reviewed: date | None = None


@dataclass(frozen=True)
class Block:
    """Lines under a heading; without a heading, plain sentences. Numbered where their order matters."""

    heading: str
    lines: tuple[Line, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Page:
    """What the web page of a topic shows. `sources` carry addresses; `next_review_text` is a date in words; `stale` is
    a sentence, empty while the entry is not overdue for review. Of `keeper`, citizens are shown the position."""

    title: str
    summary: Line
    blocks: tuple[Block, ...]
    sources: tuple[Source, ...]
    reviewed: date
    reviewed_text: str
    next_review_text: str
    stale: str
    keeper: Keeper


def answer(topic: Topic, aspect: Aspect = "overview", today: date | None = None) -> Rendered:
    """The answer about `aspect` of `topic`: that aspect first, then the short overview and the place.

    An aspect that the topic does not have (the fee of the opening hours) is answered with the overview. With `today`,
    an entry that is overdue for review says so.
    """
    if aspect not in _aspects(topic):
        aspect = "overview"
    shown = blocks(topic, aspect)
    lines = [line for block in shown for line in block.lines]
    sources, reviewed = _sources(lines), _reviewed(topic, lines)
    words = wording()
    text = _template().render(
        title=topic.title,
        blocks=shown,
        stale=_stale(topic, today),
        help=words.help,
        source=words.source,
        sources=[source.label for source in sources],
        reviewed=words.reviewed_on(reviewed),
    )
    return Rendered(text.strip(), [source.label for source in sources], reviewed, _related(topic, aspect))


def blocks(topic: Topic, aspect: Aspect) -> list[Block]:
    """What the answer about `aspect` says, in its order."""
    return _about(topic, aspect) if aspect != "overview" and aspect in _aspects(topic) else _overview(topic)


def page(topic: Topic, first: Aspect = "overview", today: date | None = None) -> Page:
    """Everything known about `topic`, in sections; what somebody asked about may come `first`. With `today`, an entry
    that is overdue for review says so."""
    aspects = sorted(_aspects(topic), key=lambda aspect: aspect != first)
    shown = [block for aspect in aspects if aspect != "overview" for block in _section_blocks(topic, aspect)]
    shown += _who(topic) + [_shown(topic, name) for name in topic.shows]
    shown += _notes(topic)
    if topic.time and topic.time.examples:
        shown.append(Block(wording().headings["examples"], _facts(topic, topic.time.examples)))
    summary = _summary(topic)
    lines = [summary, *(line for block in shown for line in block.lines)]
    reviewed = _reviewed(topic, lines)
    words = wording()
    return Page(
        topic.title, summary, tuple(shown), _sources(lines), reviewed, words.reviewed_on(reviewed),
        words.day(topic.next_review), _stale(topic, today), topic.keeper,
    )


def wording_source() -> str:
    """The text that, with the facts, determines every answer."""
    return wording().model_dump_json() + (_HERE / "answer.txt.j2").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        undefined=StrictUndefined,
        autoescape=False,  # plain text; the web escapes what it shows
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("answer.txt.j2")


# -- the parts of an answer --------------------------------------------------------------------------------------------


def _overview(topic: Topic) -> list[Block]:
    blocks = [Block("", (_summary(topic),))]
    blocks += [_shown(topic, name) for name in topic.shows]
    if topic.kind == "office":
        blocks += [_block(topic, aspect) for aspect in ("requirements", "steps") if aspect in _aspects(topic)]
    else:
        blocks += [_block(topic, "requirements"), _brief(topic, "fee"), _brief(topic, "time")]
    blocks += _notes(topic)
    return blocks if "desks" in topic.shows else [*blocks, _desk(topic)]


def _about(topic: Topic, aspect: Aspect) -> list[Block]:
    summary = Block(wording().headings["overview"], (_summary(topic),))
    first = [_block(topic, aspect)] + (_who(topic) if aspect == "requirements" else [])
    return [*first, summary] + ([] if aspect == "place" else [_desk(topic)])


def _aspects(topic: Topic) -> list[Aspect]:
    """The aspects that `topic` can be asked about, in reading order."""
    has: dict[Aspect, object] = {
        "overview": True,
        "requirements": topic.requirements,
        "fee": topic.fee,
        "time": topic.time,
        "steps": topic.steps,
        "place": topic.place or topic.kind == "service",
        "rejections": topic.rejections,
    }
    return [aspect for aspect, present in has.items() if present]


def _block(topic: Topic, aspect: Aspect) -> Block:
    match aspect:
        case "overview":
            lines = [_summary(topic)]
        case "requirements":
            lines = _section(topic, topic.requirements)
        case "fee":
            lines = [*_cost(topic), *_pay(topic)]
        case "time":
            lines = _time(topic) + _section(topic, topic.time)
        case "steps":
            lines = _section(topic, topic.steps)
        case "place":
            lines = [*_desk(topic).lines, *_hours(topic), *_section(topic, topic.place)]
        case "rejections":
            lines = [*_rejections(topic), *_ask(topic.rejections), *_facts(topic, topic.refused)]
    return Block(wording().headings[aspect], tuple(lines), numbered=aspect == "steps")


def _section_blocks(topic: Topic, aspect: Aspect) -> list[Block]:
    """The aspect as sections of the page: how to pay stands in its own."""
    if aspect != "fee":
        return [_block(topic, aspect)]
    headings, pay = wording().headings, tuple(_pay(topic))
    cost = Block(headings["fee"], tuple(_cost(topic)))
    return [cost, Block(headings["pay"], pay)] if pay else [cost]


def _brief(topic: Topic, aspect: Aspect) -> Block:
    """Fee or time in one line: the official figure and what is left to the officer, else all that is known."""
    section = topic.fee if aspect == "fee" else topic.time
    official = _fee(topic) if aspect == "fee" else _time(topic)
    lines = official + _ask(section) if official else _section(topic, section)
    if aspect == "fee" and topic.fee and topic.fee.pay:
        lines = [*lines, _never_cash(topic)]
    return Block(wording().headings[aspect], (_joined(lines),))


def _fee(topic: Topic) -> list[Line]:
    if topic.fee is None or topic.fee.amount is None:
        return []
    return [Line(wording().rupiah(topic.fee.amount), topic.fee.sources, topic.reviewed)]


def _cost(topic: Topic) -> list[Line]:
    return _fee(topic) + _section(topic, topic.fee)


def _pay(topic: Topic) -> list[Line]:
    """How it is paid officially; whoever pays is told who never gets cash."""
    if topic.fee is None or topic.fee.pay is None:
        return []
    return [*_section(topic, topic.fee.pay), _never_cash(topic)]


def _never_cash(topic: Topic) -> Line:
    return _office_line(topic, wording().never_cash)


def _time(topic: Topic) -> list[Line]:
    if topic.time is None:
        return []
    own = _facts(topic, (topic.time.office,)) if topic.time.office else ()
    limit = topic.time.limit
    law = [Line(wording().time_limit(limit), limit.sources, topic.reviewed)] if limit else []
    return [*own, *law]


def _section(topic: Topic, section: Section | None) -> list[Line]:
    return [*_facts(topic, section.known), *_ask(section)] if section else []


def _ask(section: Section | None) -> list[Line]:
    if section is None or section.ask_officer is None:
        return []
    return [Line(wording().ask_officer.format(about=section.ask_officer))]


def _facts(topic: Topic, facts: Iterable[Fact]) -> tuple[Line, ...]:
    return tuple(Line(fact.text, fact.sources, fact.reviewed or topic.reviewed) for fact in facts)


def _who(topic: Topic) -> list[Block]:
    return [Block(wording().headings["who"], tuple(_section(topic, topic.who)))] if topic.who else []


def _rejections(topic: Topic) -> list[Line]:
    """Each cause with what can be done then."""
    known = topic.rejections.known if topic.rejections else ()
    pattern = wording().rejection
    return [
        Line(pattern.format(cause=one.text, then=one.then), one.sources, one.reviewed or topic.reviewed)
        for one in known if isinstance(one, Rejection)
    ]


def _stale(topic: Topic, today: date | None) -> str:
    return wording().stale if today is not None and topic.stale(today) else ""


def _summary(topic: Topic) -> Line:
    return _joined(_facts(topic, topic.summary))


def _notes(topic: Topic) -> list[Block]:
    return [Block(wording().headings["notes"], _facts(topic, topic.notes))] if topic.notes else []


def _joined(lines: Iterable[Line]) -> Line:
    lines = list(lines)
    dates = [line.reviewed for line in lines if line.reviewed]
    return Line(" ".join(line.text for line in lines), _sources(lines), min(dates, default=None))


# -- what the office itself says ---------------------------------------------------------------------------------------


def _office_line(topic: Topic, text: str) -> Line:
    name = topic.office.name
    return Line(text, (Source(name, name),), topic.office.reviewed)


def _desk(topic: Topic) -> Block:
    """Where to go: our own desk, behind the office that gives the service where another one does."""
    words = wording()
    elsewhere = _facts(topic, (topic.given_at,)) if topic.given_at else ()
    pattern = words.help_desk if elsewhere else words.desk
    desk = _office_line(topic, pattern.format(name=topic.desk.name, address=topic.desk.address))
    return Block(words.headings["place"], (*elsewhere, desk))


def _hours(topic: Topic) -> list[Line]:
    """When this topic's unit is open."""
    office, words = topic.office, wording()
    hours = [words.opening(hours, office.zone) for hours in topic.desk.hours or office.hours]
    return [_office_line(topic, text) for text in (*hours, words.closed.format(closed=office.closed))]


def _shown(topic: Topic, name: OfficeList) -> Block:
    """One of the office's lists, for a topic that asks about the office."""
    office, words = topic.office, wording()
    match name:
        case "hours":
            texts = _all_hours(office)
        case "desks":
            texts = [words.desk.format(name=desk.name, address=desk.address) for desk in office.desks.values()]
        case "contacts":
            texts = [words.contact.format(label=entry.label, value=entry.value) for entry in office.contacts]
        case "online":
            texts = [words.contact.format(label=entry.label, value=entry.value) for entry in office.online]
    return Block(words.headings[name], tuple(_office_line(topic, text) for text in texts))


def _all_hours(office: Office) -> list[str]:
    """The office's hours, then those of the units that keep their own."""
    words = wording()
    common = [words.opening(hours, office.zone) for hours in office.hours]
    own = [
        words.desk_hours.format(desk=desk.name, hours=words.opening(hours, office.zone))
        for desk in office.desks.values()
        for hours in desk.hours
    ]
    return [*common, *own, words.closed.format(closed=office.closed)]


# -- around an answer --------------------------------------------------------------------------------------------------


def _sources(lines: Iterable[Line]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for line in lines for source in line.sources))


def _reviewed(topic: Topic, lines: Iterable[Line]) -> date:
    return min((line.reviewed for line in lines if line.reviewed), default=topic.reviewed)


def _related(topic: Topic, aspect: Aspect) -> list[Button]:
    words = wording()
    aspects = [
        Button(words.buttons[following], f"aspect:{topic.id}:{following}")
        for following in words.next[aspect]
        if topic.kind == "service"  # an office topic says everything in its overview
    ]
    topics = [Button(link.title, f"topic:{link.id}") for link in topic.related]
    return (aspects + topics)[:BUTTONS]

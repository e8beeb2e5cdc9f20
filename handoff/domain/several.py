"""One question or several? Decided from how the whole text and each of its parts were read; nothing is guessed.

A part that is clearly something else than another part is a question of its own. All are answered, or a person gets
the message; a second question never vanishes (docs/adr/0015).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, log10
from typing import Literal

from handoff.domain.asking import Cut, Part, aspects

MOST = 3  # answers to one message; who asks more gets a person as well
OVERVIEW = "overview"
IN_OVERVIEW = frozenset({"requirements", "fee", "time", "place"})  # what an overview tells already
WHOLE = -1  # an answer that rests on the reading of the whole text
TWO, PERHAPS_TWO = 1.0, 0.0  # log-odds from which a text has two matters, or may have
FURTHER = -1.0  # log-odds from which a part of a message with several matters has two itself
WEIGHTS = (0.5, 0.25, -1.4, 0.55, -3.5, -1.0, -1.0)  # of `signals`; fitted by benchmarks.understanding.weigh
MOST_SEEN = 2  # of them that are offered by buttons

Kind = Literal["topic", "aspect", "talk", "person", "unclear"]


@dataclass(frozen=True)
class Heard:
    """How a text was read. `name` is the topic or the aspect, or the intent that a person must see to; `guess` the
    nearest reading where it is unclear; `in_context` the topic it was read as together with the part before it."""

    kind: Kind
    name: str | None = None
    guess: str | None = None
    in_context: str | None = None


@dataclass(frozen=True)
class Give:
    """Answer `aspect` of `topic`; it rests on the reading of part `part`, or of the `WHOLE`."""

    topic: str
    aspect: str
    part: int


@dataclass(frozen=True)
class Several:
    """What to answer, and the part that a person must see to, if any."""

    answers: tuple[Give, ...]
    person: int | None = None


@dataclass(frozen=True)
class Joined:
    """The cut between two matters; or, where they may be two, the readings that were `seen` beside that of the whole,
    too unsure to be answered: the citizen is told."""

    cut: int | None = None
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """A text's readings with their confidence, the nearest first; whether that one is `sure`, and what it is: a topic
    that the bot may answer, a matter for a person, or nothing that a text is cut for (talk, an aspect)."""

    kind: Literal["topic", "person", "other"]
    sure: bool
    ranking: Mapping[str, float]

    @property
    def name(self) -> str:
        """The nearest reading; empty when the text resembles nothing."""
        return next(iter(self.ranking), "")


def decide(
    text: str, whole: Heard, parts: Sequence[tuple[Part, Heard]], last_topic: str | None, aspect_names: frozenset[str]
) -> Several | None:
    """None: it is one question, read it as a whole. `last_topic` is what was talked about before; `aspect_names` the
    intents that ask for an aspect of it."""
    if whole.kind == "person":
        return None  # a person sees all of it
    resolved = [
        _resolved(number, parts, whole, last_topic, aspect_names) for number, (_, heard) in enumerate(parts)
        if heard.kind != "talk"
    ]
    told = [item for item in resolved if item is not None]
    given = tidy([give for item in told if isinstance(item, tuple) for give in item])
    persons = [item for item in told if isinstance(item, int)]
    topics = {give.topic for give in given}
    if not given or (whole.kind == "topic" and topics == {whole.name} and not persons and not aspects(text)):
        return None
    if len(topics) == 1 and not persons and len(aspects(text)) > 1:  # "syarat dan biaya bikin KTP"
        (topic,) = topics
        part = WHOLE if whole == Heard("topic", topic) else given[0].part
        given = tidy([Give(topic, aspect, part) for aspect in aspects(text)])
    if len(given) > MOST:
        return Several(tuple(given[:MOST]), given[MOST].part)
    return Several(tuple(given), persons[0] if persons else None)


def joined(
    whole: Ranked, cuts: Sequence[tuple[Cut, Ranked, Ranked]], *, among_several: bool = False
) -> Joined | None:
    """The matters of a text that names two ("ktp hilang dan kk rusak"), decided by how each cut's halves were read.
    None: it is one, or a person sees all of it anyway. `among_several`: the text is part of a message that is known to
    have several; who asks two things at once may ask three, so less is needed."""
    if whole.kind == "person" and whole.sure:
        return None
    weighed = sorted(
        ((evidence(whole, *cut), number, *cut) for number, cut in enumerate(cuts) if _differ(*cut[1:])),
        key=lambda one: -one[0],
    )
    enough = FURTHER if among_several else TWO
    sure = [one for one in weighed if one[0] >= enough and one[3].sure and one[4].sure]
    if two := [number for _, number, cut, *_ in sure if among_several or not cut.told]:
        return Joined(two[0])
    perhaps = dict.fromkeys(
        half.name for one in weighed if one in sure or (one[0] >= PERHAPS_TWO and not one[2].told) for half in one[3:]
    )
    perhaps.pop(whole.name, None)
    if not perhaps or not whole.sure or whole.kind != "topic":
        return None
    return Joined(seen=tuple(perhaps)[:MOST_SEEN])


def evidence(whole: Ranked, cut: Cut, left: Ranked, right: Ranked) -> float:
    """The log-odds that the halves of a cut, which were read differently, are two matters."""
    return sum(weight * signal for weight, signal in zip(WEIGHTS, signals(whole, cut, left, right), strict=True))


def signals(whole: Ranked, cut: Cut, left: Ranked, right: Ranked) -> tuple[float, ...]:
    """What speaks for two matters and against: how surely the main half and the other were read; how much the other
    still says the main matter, as what tells the circumstances of one does; how much the whole says the other; a comma;
    a matter for a person; and one."""
    left_is_main = left.name == whole.name or (right.name != whole.name and _first(left) >= _first(right))
    main, other = (left, right) if left_is_main else (right, left)
    return (
        _logit(_first(main)), _logit(_first(other)), log10(max(other.ranking.get(main.name, 0.0), 0.001)),
        log10(max(whole.ranking.get(other.name, 0.0), 0.0001)), cut.comma, other.kind == "person", 1.0,
    )


def _differ(left: Ranked, right: Ranked) -> bool:
    return "other" not in (left.kind, right.kind) and left.name != right.name


def _first(half: Ranked) -> float:
    return half.ranking[half.name]


def _logit(confidence: float) -> float:
    return log(max(confidence, 0.01) / max(1 - confidence, 0.01))


def _resolved(
    number: int, parts: Sequence[tuple[Part, Heard]], whole: Heard, last_topic: str | None, aspect_names: frozenset[str]
) -> tuple[Give, ...] | int | None:
    """What to answer to a part; its number when a person must; None when it belongs to the question before it."""
    part, heard = parts[number]
    if heard.kind == "topic" and heard.name is not None:
        return tuple(Give(heard.name, aspect, number) for aspect in aspects(part.text) or (OVERVIEW,))
    sentence = [(p, h) for p, h in parts[number:] if p.sentence == part.sentence]
    about = _topic(reversed(parts[:number])) or _topic(sentence) or last_topic or _topic(parts[number:])
    if heard.kind == "aspect" and heard.name is not None and about is not None:
        return (Give(about, heard.name, number),)
    about_the_same = heard.kind == "unclear" and about is not None and heard.in_context == about
    agreed = heard.guess == about or heard.guess in aspect_names or whole == Heard("topic", about)
    return None if about_the_same and agreed else number


def _topic(parts: Iterable[tuple[Part, Heard]]) -> str | None:
    """The first topic among them: of "syarat dan biaya bikin KTP" the service stands last."""
    return next((heard.name for _, heard in parts if heard.kind == "topic"), None)


def tidy(given: Sequence[Give]) -> list[Give]:
    """Each answer once; what an overview tells is not told beside it, three aspects that it has are one overview."""
    tidy: list[Give] = []
    for topic in dict.fromkeys(give.topic for give in given):
        mine = {give.aspect: give for give in reversed(given) if give.topic == topic}
        covered = IN_OVERVIEW & mine.keys()
        if len(covered) > 2 or OVERVIEW in mine:
            first = mine.get(OVERVIEW) or mine[min(covered)]
            mine = {OVERVIEW: Give(topic, OVERVIEW, first.part)} | {a: g for a, g in mine.items() if a == "steps"}
        order = [give.aspect for give in given if give.topic == topic]
        tidy += sorted(mine.values(), key=lambda give: order.index(give.aspect) if give.aspect in order else -1)
    return tidy

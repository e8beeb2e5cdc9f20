"""One question or several? Decided from how the whole text and each of its parts were read; nothing is guessed.

A part that is clearly something else than another part is a question of its own. All are answered, or a person gets
the message; a second question never vanishes (docs/adr/0015).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from handoff.domain.asking import Part, aspects

MOST = 3  # answers to one message; who asks more gets a person as well
OVERVIEW = "overview"
IN_OVERVIEW = frozenset({"requirements", "fee", "time", "place"})  # what an overview tells already
WHOLE = -1  # an answer that rests on the reading of the whole text
NEAREST = 3  # among so many of the whole text's readings a matter must be that no half was surely read as
RESEMBLES = 0.03  # at least how likely it must be there

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


def joined(whole: Sequence[tuple[str, float]], ways: Sequence[tuple[Heard, Heard]]) -> Several | None:
    """The matters of a text that names two ("ktp hilang dan kk rusak"); `whole` is the ranking of the whole text, names
    with their confidence. Each half was surely read as something that stands in the ranking; or one was, and the other
    is for a person, where the whole resembles both. Parts are numbered through the halves of all ways."""
    ranked = {name for name, _ in whole}
    near = {name for name, confidence in whole[:NEAREST] if confidence >= RESEMBLES}
    sure = [(n, way) for n, way in enumerate(ways) if way[0].kind == way[1].kind == "topic"]
    for number, (left, right) in sure:
        if left.name != right.name and {left.name, right.name} <= ranked:
            return Several((
                Give(str(left.name), OVERVIEW, 2 * number), Give(str(right.name), OVERVIEW, 2 * number + 1)
            ))
    for number, way in enumerate(ways):
        for side, one in enumerate(way):
            other = way[1 - side]
            if one.kind == "topic" and other.kind == "unclear" and one.name != other.guess and (
                {one.name, other.guess} <= near
            ):
                return Several((Give(str(one.name), OVERVIEW, 2 * number + side),), 2 * number + 1 - side)
    return None


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

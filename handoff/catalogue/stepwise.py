"""An answer for who did not understand it: the same words, one step a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from handoff.catalogue.render import Block, Button, Line, Rendered, answer, blocks
from handoff.catalogue.schema import Aspect, Topic
from handoff.catalogue.wording import wording

LINES = 4  # that may stand together in one step


@dataclass(frozen=True)
class _Step:
    heading: str
    lines: tuple[Line, ...]


def count(topic: Topic, aspect: Aspect) -> int:
    """How many steps the answer has."""
    return len(_steps(topic, aspect))


def step(topic: Topic, aspect: Aspect, number: int, today: date | None = None) -> Rendered:
    """Step `number`, from 1, with where it stands, its sources and its date; the last of them for a larger number, as
    an answer may have become shorter. `related` is the way to the next one."""
    steps = _steps(topic, aspect)
    number = min(max(number, 1), len(steps))
    one, words, whole = steps[number - 1], wording(), answer(topic, aspect, today)
    sources = list(dict.fromkeys(source.label for line in one.lines for source in line.sources)) or whole.sources
    reviewed = min((line.reviewed for line in one.lines if line.reviewed), default=whole.reviewed)
    more = number < len(steps)
    mark = "• " if len(one.lines) > 1 else ""
    text = "\n".join([
        words.step.format(title=topic.title, number=number, count=len(steps)),
        *([f"{one.heading}:"] if one.heading else []), *(mark + line.text for line in one.lines), "",
        *([words.stale] if today is not None and topic.stale(today) else []), words.go_on if more else words.help,
        f"{words.source}: {'; '.join(sources)} · {words.reviewed_on(reviewed)}",
    ])
    following = [Button(words.next_step, f"step:{topic.id}:{aspect}:{number + 1}")] if more else []
    return Rendered(text, sources, reviewed, following)


def _steps(topic: Topic, aspect: Aspect) -> list[_Step]:
    return [step for block in blocks(topic, aspect) for step in _of(block)]


def _of(block: Block) -> Iterator[_Step]:
    """Of steps to be taken each is one; other lines stand together, a few at a time."""
    if block.numbered:
        for number, line in enumerate(block.lines, start=1):
            yield _Step(f"{block.heading} {number}", (line,))
    else:
        for start in range(0, len(block.lines), LINES):
            yield _Step(block.heading, block.lines[start : start + LINES])

"""A text cut into messages that a channel can carry, where its meaning allows a cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_ITEM = re.compile(r"(?:•|\d+\.)\s")

type Level = tuple[Callable[[str], Sequence[str]], str]


def parts(text: str, limit: int) -> tuple[str, ...]:
    """`text` as messages of at most `limit` characters (at least 1), cut at the strongest boundary that fits:
    paragraph, a heading with its list, line, sentence, word. Nothing of it is lost but blanks around a cut; a text of
    blanks gives no message."""
    found: list[str] = []
    _fill(found, text.strip(), "", limit, _LEVELS)
    return tuple(part for part in found if part.strip())


def _fill(found: list[str], unit: str, joint: str, limit: int, levels: Sequence[Level]) -> None:
    """Put `unit` behind the last part where it fits, else begin a part with it, else cut it."""
    if found and len(found[-1]) + len(joint) + len(unit) <= limit:
        found[-1] += joint + unit
    elif len(unit) <= limit:
        found.append(unit)
    else:
        (split, own_joint), *rest = levels
        for number, piece in enumerate(split(unit)):
            _fill(found, piece, own_joint if number else joint, limit, rest)


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in re.split(r"\n\s*\n", text) if part.strip()]


def _blocks(text: str) -> list[str]:
    """A line with the list that belongs to it."""
    blocks: list[str] = []
    for line in text.split("\n"):
        if blocks and _ITEM.match(line):
            blocks[-1] += "\n" + line
        else:
            blocks.append(line)
    return blocks


def _lines(text: str) -> list[str]:
    """Lines; a heading stays with the first line below it."""
    heading, newline, below = text.partition("\n")
    if not heading.endswith(":") or not newline:
        return text.split("\n")
    first, *others = below.split("\n")
    return [f"{heading}\n{first}", *others]


def _single_lines(text: str) -> list[str]:
    return text.split("\n")


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


_LEVELS: tuple[Level, ...] = (
    (_paragraphs, "\n\n"), (_blocks, "\n"), (_lines, "\n"), (_single_lines, "\n"), (_sentences, " "),
    (str.split, " "), (list, ""),
)

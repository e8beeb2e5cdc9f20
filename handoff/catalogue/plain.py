"""Whether an answer is written for everybody: short sentences, no unexplained short word, no form or law number.

A help for whoever writes facts, not a gate: `python -m handoff.catalogue` tells the remarks, and the tests hold what we
ship to them. The reason for each short word that passes stands in plain.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from handoff.catalogue.render import answer
from handoff.catalogue.schema import ASPECTS, Topic

MEAN_WORDS, MOST_WORDS = 15, 20  # in a sentence
_FILE = Path(__file__).with_name("plain.yml")
_SHORT = re.compile(r"\b[A-Z]{2,}\d?\b")
_NUMBERED = re.compile(r"\bF-?\d\.\d+|\b(?:Per(?:men|pres|pol)\w*|UU|PP) (?:No\S* )?\d+")
_ADDRESS = re.compile(r"\b[\w-]+(?:\.[\w-]+)+\b")  # oss.go.id is a name, not two sentences


def remarks(topic: Topic) -> Iterator[tuple[str, str]]:
    """What is hard to read in the answers about `topic`: aspect and remark."""
    names = [text for desk in topic.office.desks.values() for text in (desk.name, desk.address)]
    for aspect in ASPECTS:
        for remark in of_text(_said(answer(topic, aspect).text), names):
            yield aspect, remark


def of_text(text: str, names: Iterable[str] = ()) -> Iterator[str]:
    """The remarks on a text. `names` (of offices and streets) in it are read as one word."""
    for name in names:
        text = text.replace(name, "Nama")
    lengths = [len(sentence.split()) for sentence in sentences(text)] or [0]
    if sum(lengths) / len(lengths) > MEAN_WORDS:
        yield f"sentences have {sum(lengths) / len(lengths):.1f} words on average, at most {MEAN_WORDS}"
    if max(lengths) > MOST_WORDS:
        yield f"a sentence has {max(lengths)} words, at most {MOST_WORDS}"
    yield from (f"{found[0]} belongs in the sources" for found in _NUMBERED.finditer(text))
    for short in dict.fromkeys(_SHORT.findall(text)):
        if short not in known() and not _explained(short, text):
            yield f"{short} is not explained where it is first used"


def sentences(text: str) -> list[str]:
    """Sentences, list items and labels, without the list's marks."""
    parts = re.split(r"[.!?:](?:\s|$)|\n", _ADDRESS.sub("alamat", text))
    return [part for part in (re.sub(r"^(\d+\.?|•)\s*", "", part.strip()) for part in parts) if part]


@cache
def known() -> dict[str, str]:
    """Short words that need no explanation, with the reason."""
    return dict(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def _explained(short: str, text: str) -> bool:
    first = re.search(rf"\b{short}\b", text)
    assert first
    before, after = text[: first.start()], text[first.end():]
    return bool((re.search(r"\w[”\"]? \($", before) and after.startswith(")")) or re.match(r" \(\w", after))


def _said(text: str) -> str:
    """An answer without its title, which is a name, and its sources."""
    return "\n".join(text.split("\n")[1:-1])

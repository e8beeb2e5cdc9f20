"""Finding a service by what a citizen typed: slang, haste and typing errors are normal. Pure; no I/O.

A query is put into standard spelling with the lexicon, its small words go, and each word that is left is looked for in
every entry: in its title, in its keywords, in questions that people asked about it. A rare word weighs more than one
that every entry has; a word that is only nearly the same weighs less.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO

TITLE, KEYWORD, EXAMPLE = 4.0, 3.0, 1.5
NEARLY, BEGINS = 0.6, 0.7      # how much of its weight a word keeps that has one typing error, or is only begun
OF_THE_BEST = 0.4              # what scores less than this part of the best result is not shown
OFTEN = 0.12                   # an example word counts in full when so large a part of the examples has it
MOST = 12
PHRASE = 4                     # the longest form of the lexicon that is looked up, in words
_WORD = re.compile(r"[^\W_]+")
_LONG = re.compile(r"([^\W\d_])\1{2,}")
# Words that say nothing about what is wanted; "apa", "hari" and their like are in every question.
_SMALL_WORDS = """
    ada adalah agar aja akan aku anda apa apakah atau bagaimana bang bapak belum berapa bikin bisa boleh buat cara coba
    dan dapat dari dengan di dong gimana hari harus ibu ingin ini itu jadi kah kak kalau kami kapan kasih ke kita lagi
    langsung lah mana mas masih mau mbak membuat mengurus minta mohon nah nih nya oleh orang pada pak perlu punya saja
    sama saya sekarang sih sudah supaya syarat tidak tolong tuh untuk urus ya yang
"""
_SMALL = frozenset(_SMALL_WORDS.split())


@dataclass(frozen=True)
class Entry:
    """What can be found: its texts, the heaviest first."""

    id: str
    title: str
    keywords: tuple[str, ...]
    examples: tuple[str, ...] = ()


class Spelling:
    """Colloquial forms and the words they stand for."""

    def __init__(self, source: str) -> None:
        """`source`: CSV with the columns colloquial and standard. A form with two meanings keeps the first."""
        self._forms: dict[tuple[str, ...], tuple[str, ...]] = {}
        for row in csv.DictReader(StringIO(source)):
            form, standard = _words(row["colloquial"] or ""), _words(_plain(row["standard"] or ""))
            if form and standard and not (row["note"] or "").startswith("ambigu"):
                self._forms.setdefault(form, standard)

    def words(self, text: str) -> list[str]:
        """The text's words in standard spelling."""
        return [word for word in self._standard(self._standard(_words(text))) if word not in _SMALL]

    def _standard(self, words: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        place = 0
        while place < len(words):
            for length in range(min(PHRASE, len(words) - place), 0, -1):
                standard = self._forms.get(words[place : place + length])
                if standard is not None:
                    found += standard
                    place += length
                    break
            else:
                found.append(words[place])
                place += 1
        return tuple(found)


class Finder:
    """An index of entries; made once."""

    def __init__(self, entries: Iterable[Entry], spelling: Spelling) -> None:
        self._spelling = spelling
        self._weights = {entry.id: self._of(entry) for entry in entries}
        has = Counter(word for weights in self._weights.values() for word in weights)
        self._rarity = {word: math.log(1 + len(self._weights) / count) for word, count in has.items()}

    def find(self, text: str) -> list[str]:
        """The ids of what fits, best first; none when nothing does."""
        wanted = [near for word in dict.fromkeys(self._spelling.words(text)) if (near := self._known(word))]
        scores = {name: sum(max((weights.get(word, 0.0) * worth for word, worth in near.items()), default=0.0)
                            for near in wanted)
                  for name, weights in self._weights.items()}
        best = max(scores.values(), default=0.0)
        found = [name for name, score in scores.items() if score > 0 and score >= best * OF_THE_BEST]
        return sorted(found, key=lambda name: -scores[name])[:MOST]

    def _of(self, entry: Entry) -> Mapping[str, float]:
        """Each word of the entry and its weight there."""
        asked = Counter(word for text in entry.examples for word in set(self._spelling.words(text)))
        weights = {word: EXAMPLE * min(1.0, count / (len(entry.examples) * OFTEN)) for word, count in asked.items()}
        for texts, weight in ((entry.keywords, KEYWORD), ((entry.title,), TITLE)):
            for text in texts:
                weights |= dict.fromkeys((*self._spelling.words(text), *_useful(text)), weight)
        return weights

    def _known(self, word: str) -> dict[str, float]:
        """The indexed words that this one may mean, with what a hit is worth: its rarity, less for a near miss."""
        if word in self._rarity:
            return {word: self._rarity[word]}
        near: dict[str, float] = {}
        for known, rarity in self._rarity.items():
            if len(word) >= 3 and known.startswith(word):
                near[known] = rarity * BEGINS
            elif len(word) >= 4 and abs(len(known) - len(word)) <= 1 and _one_error(word, known):
                near[known] = rarity * NEARLY
        return near


def _useful(text: str) -> list[str]:
    return [word for word in _words(text) if word not in _SMALL]


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("-", " ")
    return tuple(_LONG.sub(r"\1", word) for word in _WORD.findall(plain))


def _plain(text: str) -> str:
    """A cell of the lexicon without what is for its readers: explanations in brackets, alternatives after a slash."""
    return re.sub(r"\([^)]*\)", " ", text).split("/")[0]


def _one_error(a: str, b: str) -> bool:
    """Whether one letter more, less, other, or two swapped ones make `b` of `a`."""
    if a == b:
        return True
    if len(a) > len(b):
        a, b = b, a
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1 :]
    swapped = a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]
    return swapped or a[start + 1 :] == b[start + 1 :]

"""Citizens' Indonesian in one spelling: "gmn bikin ektp yg ilaaang??" reads "bagaimana membuat ktp yang hilang".

What a colloquial form means stands in data/lexicon.csv; here stands only how it is looked up.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

Words = tuple[str, ...]

# How often forms may lead to other forms ("trs" -> "terus" -> "lalu") before we call it a circle.
MAX_PASSES = 6
# A row whose note begins so is not looked up: its form has more than one meaning, and the classifier sees the context.
AMBIGUOUS = "ambigu"

EMOJI = r"[\u2600-\u27bf\u2b50\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
TOKEN = re.compile(
    rf"""
    (?P<email> [^\s@]+@[^\s@]+\.[^\s@]+ )
  | (?P<link>  (?:https?://|www\.)\S+ | [a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:go\.id|co\.id|com|id|net|org)\b\S* )
  | (?P<number> \d+(?:[.,:/-]\d+)*(?![^\W_]) )
  | (?P<word>  [^\W_]+(?:['’`-][^\W_]+)* )
  | (?P<emoji> {EMOJI} )
    """,
    re.VERBOSE | re.IGNORECASE,
)
LONG_NUMBER = 4  # digits from which a number identifies something rather than counts something
APOSTROPHE = re.compile("['’`]")
REDUPLICATED = re.compile(r"^([^\W\d_]{3,})2([^\W\d_]*)$")  # anak2, anak2nya
REPEATED = re.compile(r"([^\W\d_])\1+")
ELONGATED = re.compile(r"([^\W\d_])\1{2,}")


class LexiconError(ValueError):
    """The lexicon is unusable; the text names the row."""


@dataclass(frozen=True)
class Term:
    """A stretch of the text and the words it stands for; offsets are in characters of the original."""

    words: Words
    start: int
    end: int


class Lexicon:
    """Colloquial forms and what they stand for in standard Indonesian."""

    def __init__(self, source: str) -> None:
        """`source`: CSV with the columns colloquial, standard, note.

        Raises `LexiconError` for a row without a form, or whose form leads round in a circle.
        """
        self.source = source
        self._known: set[str] = set()
        self._forms: dict[Words, Words] = {}
        rows = list(_rows(source))
        for form, standard, _ in rows:
            self._known.update(form, standard)
        for form, standard, safe in rows:
            if safe:
                self._forms[form] = standard
        self._add_phrases()
        self._longest: dict[str, int] = {}  # of the forms that begin with a word, the most words
        for form in self._forms:
            self._longest[form[0]] = max(len(form), self._longest.get(form[0], 0))
        self._check_for_circles()

    def _add_phrases(self) -> None:
        # "udah jadi blm" is in the file; "udh jadi blm" and "sudah jadi belum" mean the same.
        for form, standard in [(f, s) for f, s in self._forms.items() if len(f) > 1]:
            by_word = tuple(word for part in form for word in self._forms.get((part,), (part,)))
            self._forms.setdefault(by_word, standard)
        # A form may be part of its own standard ("ktp" -> "ktp el"): the longer match wins, so the whole stands still.
        for standard in [s for s in self._forms.values() if len(s) > 1]:
            self._forms.setdefault(standard, standard)

    def normalise(self, text: str) -> list[Term]:
        """The text as terms in standard spelling. Normalising the result again changes nothing."""
        terms = [Term((word,), start, end) for word, start, end in self._words(text)]
        return _joined(self._settled(terms))

    def _words(self, text: str) -> Iterator[tuple[str, int, int]]:
        previous = None
        for match in TOKEN.finditer(text):
            for word in self._spelled(match):
                if match.lastgroup == "emoji" and word == previous:
                    continue
                yield word, match.start(), match.end()
                previous = word

    def _spelled(self, match: re.Match[str]) -> list[str]:
        found = unicodedata.normalize("NFKC", match.group()).lower()
        if match.lastgroup == "email":
            return ["surel"]
        if match.lastgroup == "link":
            return ["tautan"]
        if match.lastgroup == "number":
            return ["angka"] if sum(map(str.isdigit, found)) >= LONG_NUMBER else [found]
        if match.lastgroup == "emoji":
            return [found]
        if found in self._known:
            return [found]
        parts = APOSTROPHE.sub("", found).split("-")
        if len(parts) == 2 and parts[1].startswith(parts[0]):  # anak-anak, anak-anaknya
            parts = parts[1:]
        elif len(parts) == 2 and parts[1].isdigit():  # ak-1
            parts = ["".join(parts)]
        return [self._plain(part) for part in parts if part]

    def _plain(self, word: str) -> str:
        """One word without the marks of haste: the figure two for a plural, letters held down for emphasis."""
        if word in self._known:
            return word
        word = REDUPLICATED.sub(r"\1\2", word)
        single = ELONGATED.sub(r"\1", word)
        for candidate in (word, ELONGATED.sub(r"\1\1", word), single, REPEATED.sub(r"\1", word)):
            if candidate in self._known:
                return candidate
        return single

    def _settled(self, terms: list[Term]) -> list[Term]:
        for _ in range(MAX_PASSES):
            rewritten = self._rewritten(terms)
            if rewritten == terms:
                break
            terms = rewritten
        return terms

    def _rewritten(self, terms: list[Term]) -> list[Term]:
        """One pass: at each place the longest known form gives way to its standard, a term a word."""
        result: list[Term] = []
        place = 0
        while place < len(terms):
            longest = self._longest.get(terms[place].words[0], 0)
            for length in range(min(longest, len(terms) - place), 0, -1):
                found = terms[place : place + length]
                form = tuple(term.words[0] for term in found)
                standard = self._forms.get(form)
                if standard is not None:
                    span = found[0].start, found[-1].end
                    result += found if standard == form else [Term((word,), *span) for word in standard]
                    place += length
                    break
            else:
                result.append(terms[place])
                place += 1
        return result

    def _check_for_circles(self) -> None:
        for form in self._forms:
            terms = [Term((word,), 0, 0) for word in form]
            settled = self._settled(terms)
            if self._rewritten(settled) != settled:
                raise LexiconError(f"lexicon: {' '.join(form)!r} leads round in a circle")


def _rows(source: str) -> Iterator[tuple[Words, Words, bool]]:
    for row in csv.DictReader(StringIO(source)):
        form, standard = _plain_words(row.get("colloquial") or ""), _plain_words(row.get("standard") or "")
        if not form:
            raise LexiconError(f"lexicon: a row without a colloquial form: {row}")
        yield form, standard, not (row.get("note") or "").startswith(AMBIGUOUS)


def _plain_words(text: str) -> Words:
    """A cell as words: explanations in brackets and alternatives after a slash are for the human reader."""
    text = re.split(r"\s*/\s*", re.sub(r"\([^)]*\)", " ", text))[0]
    return tuple(re.findall(rf"[^\W_]+|{EMOJI}", unicodedata.normalize("NFKC", text).lower()))


def _joined(terms: Iterable[Term]) -> list[Term]:
    """Words that share a stretch of text become one term."""
    result: list[Term] = []
    for term in terms:
        if result and (result[-1].start, result[-1].end) == (term.start, term.end):
            term = Term(result.pop().words + term.words, term.start, term.end)
        result.append(term)
    return result

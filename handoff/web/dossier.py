"""The dossier of a case as PDF: plain pages that print well and can be sent on. Its sentences stand in `texts.yml`.

Letters that the plain font lacks (Arabic, Javanese, Balinese, Sundanese, Bugis, symbols, emoji) come from others that
set-up fetches, joined and ordered as their script wants. What none of them has is not left out in silence: a sign
stands in its place, and the end says so and where it can be read.
"""

from __future__ import annotations

import functools
import logging
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import font_roboto
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from handoff.services.deadlines.clocks import Promise
from handoff.services.views.dossier import Dossier
from handoff.texts import Texts, long_time
from handoff.web.html import said_at

SIZE, SMALL, LINE, TALL = 10.5, 9.0, 5.2, 7.2  # points, points, millimetres twice
WORD = 80  # letters that fit on no line
MISSING = "◊"  # for what no font has a letter for
FONTS = Path(__file__).with_name("fonts")  # fetched by set-up, the first one that has a letter prints it
OTHERS = ("NotoNaskhArabic_400Regular.ttf", "NotoSansJavanese_400Regular.ttf", "NotoSansBalinese_400Regular.ttf",
          "noto-sans-sundanese-sundanese-400-normal.woff", "noto-sans-buginese-buginese-400-normal.woff",
          "NotoEmoji_400Regular.ttf", "NotoSansSymbols_400Regular.ttf", "NotoSansSymbols2_400Regular.ttf")
ZWNJ = "\u200c"  # keeps letters apart that would be joined
logging.getLogger("fpdf").setLevel(logging.ERROR)  # it warns of every sign that the font lacks
logging.getLogger("fontTools").setLevel(logging.ERROR)


def pdf(texts: Texts, dossier: Dossier, office: str) -> bytes:
    """The dossier as a file; slow for long talks, so off the event loop."""
    return _Paper(texts, dossier, office).whole()


@functools.cache
def _letters(font: str) -> frozenset[str]:
    """What a font has letters for; nothing when it is not there."""
    if not Path(font).is_file():
        logging.getLogger(__name__).error("a font of the dossier is missing (%s): set-up fetches it", font)
        return frozenset()
    with TTFont(font, lazy=True) as known:
        return frozenset(map(chr, known.getBestCmap()))


def _from_the_right(text: str) -> bool:
    """Whether a text begins in a script that is read from right to left."""
    first = next((kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), "L")
    return first != "L"


class _Paper(FPDF):
    """A4, one column, the case's number on every page."""

    def __init__(self, texts: Texts, dossier: Dossier, office: str) -> None:
        super().__init__(format="A4")
        self.texts, self.dossier, self.office = texts, dossier, office
        self.row, self.zone = dossier.facts.row, dossier.facts.unit.zone
        self.missing = False  # something could not be printed
        self.letters = _letters(str(font_roboto.Roboto))
        self.others: list[str] = []  # fonts that were needed so far
        self.str_alias_nb_pages = ""  # what a citizen wrote is never replaced
        self.add_font("Roboto", "", font_roboto.Roboto)
        self.add_font("Roboto", "B", font_roboto.RobotoBold)
        self.set_margins(20, 18, 20)
        self.set_auto_page_break(True, 20)
        self.set_title(self._say("title"))
        self.set_lang("id")
        self.add_page()

    def whole(self) -> bytes:
        """Every part, then the file."""
        self._line(self._say("title"), bold=True, size=16)
        self._line(self._say("made", at=self._time(self.dossier.at)), size=SMALL)
        self._facts()
        self._part("deadlines", [self._promise(one) for one in self.dossier.promises])
        self._part("steps", [f"{self._time(one.at)}: {one.text}" for one in self.dossier.steps])
        self._talk()
        self._part("merged_files", [
            self._say("merged_file", file=file.name, old=file.number, at=self._time(file.at))
            for file in self.dossier.merged_files
        ])
        self._part("sources", list(self.dossier.sources))
        if self.missing:
            self.ln(3)
            self._line(self._say("missing", sign=MISSING), size=SMALL)
        return bytes(self.output())

    def footer(self) -> None:
        """The number, so that no loose page is nobody's."""
        self.set_y(-14)
        self.set_font("Roboto", size=SMALL)
        self.cell(0, LINE, self._plain(self._say("footer", page=self.page_no())), align="C")

    def _facts(self) -> None:
        facts = self.dossier.facts
        state = self._say(f"status.{self.row.closed_reason or self.row.status}")
        for name, value in (
            ("office", self.office), ("number", self.row.number), ("status_label", state),
            ("officer", f"{facts.officer.name}, {facts.officer.title}, {facts.unit.name}"),
            ("opened", self._time(self.row.opened_at)), ("resolve_by", self._time(self.row.resolve_by)),
            ("closed", self._time(self.row.closed_at) if self.row.closed_at else ""),
        ):
            if value:
                self._line(f"{self._say(name)}: {value}")

    def _promise(self, one: Promise) -> str:
        return f"{self._say(f'clock.{one.kind}')}, {self._time(one.due_at)}: {self._say(f'became.{one.became}')}"

    def _talk(self) -> None:
        self._heading("messages")
        for one in self.dossier.messages:
            who = one["officer"]["name"] if one["officer"] else self._say(f"author.{one['author']}")
            self._line(f"{who}, {self._time(datetime.fromisoformat(said_at(one)))}", bold=True, size=SMALL)
            self._line(one["text"] or self._say("erased"))
            for file in one["attachments"]:
                self._line(self._say("file", file=file["name"]), size=SMALL)

    def _part(self, name: str, lines: list[str]) -> None:
        if lines:
            self._heading(name)
        for line in lines:
            self._line(f"• {line}")

    def _heading(self, name: str) -> None:
        self.ln(3)
        self._line(self._say(name), bold=True, size=13)

    def _line(self, text: str, *, bold: bool = False, size: float = SIZE) -> None:
        self.set_font("Roboto", "B" if bold else "", size)
        plain = self._plain(text)
        mixed = not self.letters.issuperset(plain.replace("\n", ""))
        # Slow, so not for symbols, which stand alone.
        self.set_text_shaping(any(unicodedata.category(sign)[0] in "LM" for sign in {*plain} - self.letters))
        endless = any(len(word) > WORD for word in plain.split())
        self.multi_cell(0, (TALL if mixed else LINE) * size / SIZE, plain, new_x=XPos.LMARGIN, new_y=YPos.NEXT,
                        align="R" if _from_the_right(plain) else "L",
                        wrapmode=WrapMode.CHAR if endless else WrapMode.WORD)
        self.ln(1)

    def _plain(self, text: str) -> str:
        """Without what moves the writing about on paper: marks of direction, joiners, controls; a tab is a blank. Of
        letters that no font has one sign for each that stand together."""
        said: list[str] = []
        for sign in text.replace("\t", " "):
            kind = unicodedata.category(sign)
            if sign == "\n" or ((kind[0] != "C" or sign == ZWNJ) and self._printable(sign)):
                said.append(sign)
            elif kind not in ("Cc", "Cf", "Mn") and said[-1:] != [MISSING]:
                said.append(MISSING)
                self.missing = True
        return "".join(said)

    def _printable(self, sign: str) -> bool:
        """Whether a font has this letter; that font is at hand from now on."""
        if sign in self.letters:
            return True
        name = next((name for name in OTHERS if sign in _letters(str(FONTS / name))), None)
        if name is not None and name not in self.others:
            self.add_font(name, "", FONTS / name)
            self.others.append(name)
            self.set_fallback_fonts(sorted(self.others, key=OTHERS.index), exact_match=False)
        return name is not None

    def _say(self, name: str, **facts: Any) -> str:
        return self.texts.say(f"dossier.{name}", number=self.row.number, **facts)

    def _time(self, at: datetime) -> str:
        return long_time(at, self.zone)

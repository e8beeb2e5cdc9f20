"""The language that decides who answers: shown by two words that no Indonesian sentence has, else Indonesian."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.language import MARKS, language_of


@pytest.mark.parametrize(("text", "language"), [
    ("nyuwun sewu, kulo kelangan KTP, pripun carane ndamel malih", "jv"),
    ("aku arep nggawe KK anyar, piye", "jv"),
    ("punten, abdi hoyong ngadamel KTP, kumaha carana", "su"),
    ("KTP abdi leungit di pasar", "su"),
    ("how do I renew my ID card please", "en"),
    ("saya mau bikin KTP baru, bagaimana caranya", "id"),
    ("matur nuwun ya mas, ditunggu", "id"),        # politeness is no language
    ("thanks, saya coba login lagi", "id"),
    ("tolong ubah data usaha saya", "id"), ("", "id"), ("3201", "id"),
])
def test_which_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_questions_of_other_people_in_indonesian_stay_indonesian() -> None:
    """Of the questions that are held out of training every ninth is in Javanese, Sundanese or English."""
    held_out = yaml.safe_load((Path(__file__).parents[1] / "nlu" / "held_out.yml").read_text(encoding="utf-8"))
    texts = _texts(held_out)
    other = [text for text in texts if language_of(text) != "id"]
    assert len(texts) / 20 < len(other) < len(texts) / 8
    plain = ("yang", "bagaimana", "gimana", "tidak", "apakah", "dengan", "untuk", "saya", "sudah")
    assert [text for text in other if set(text.lower().split()) & set(plain)] == []


def _texts(node: object) -> list[str]:
    if isinstance(node, str):
        return [node] if " " in node else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in _texts(child)]


@given(st.text())
def test_any_text_has_a_language(text: str) -> None:
    assert language_of(text) in {"id", *MARKS}


def test_a_word_marks_one_language() -> None:
    everything = [word for marks in MARKS.values() for word in marks]
    assert len(everything) == len(set(everything))

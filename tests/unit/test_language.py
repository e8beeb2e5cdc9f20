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
    """Every tenth held-out question is in Javanese, Sundanese or English; those half in one may go either way."""
    held_out = yaml.safe_load((Path(__file__).parents[1] / "nlu" / "held_out.yml").read_text(encoding="utf-8"))
    asked = [example for intent in held_out["nlu"] for example in intent["examples"]]
    other = [example for example in asked if language_of(example["text"]) != "id"]
    assert len(asked) / 20 < len(other) < len(asked) / 8
    plain = {"yang", "bagaimana", "gimana", "tidak", "apakah", "dengan", "untuk", "saya", "sudah"}
    unmixed = [example["text"] for example in other if example["metadata"]["style"] != "mix"]
    assert [text for text in unmixed if set(text.lower().split()) & plain] == []


@given(st.text())
def test_any_text_has_a_language(text: str) -> None:
    assert language_of(text) in {"id", *MARKS}


def test_a_word_marks_one_language() -> None:
    everything = [word for marks in MARKS.values() for word in marks]
    assert len(everything) == len(set(everything))

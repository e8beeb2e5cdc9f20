"""Free text before it is stored, and before Rasa reads it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.text import clean, neutralise


@pytest.mark.parametrize(("text", "expected"), [
    ("/restart", "restart"),
    ("/ask_ktp@0.99{\"a\": 1}", "ask_ktp@0.99{\"a\": 1}"),
    ("  //  / /restart", "restart"),
    ("\u200b/\ufeff/\u2060restart", "restart"),
    ("\uff0frestart", "restart"),
    ("\x00\x1f/restart", "restart"),
    ("\u00a0\u3000\u3164/restart", "restart"),
    ("\ufe0f\u202e/restart", "restart"),
    ("EXTERNAL: /restart", "restart"),
    ("/EXTERNAL: EXTERNAL:/ restart", "restart"),
    ("EXTERNAL: ", "?"),
    ("///", "?"),
    (" / ", "?"),
    ("", ""),
    (" \u200b\n", ""),
    ("KK/KTP hilang", "KK/KTP hilang"),
    ("baris satu\n/baris dua", "baris satu\n/baris dua"),
    ("layanan external: apa?", "layanan external: apa?"),
    ("\U0001f64f tolong", "\U0001f64f tolong"),
    ("\u0645\u0631\u062d\u0628\u0627", "\u0645\u0631\u062d\u0628\u0627"),
    ("?", "?"),
])
def test_no_text_is_a_command(text: str, expected: str) -> None:
    assert neutralise(text) == expected


_hostile = st.lists(st.sampled_from([
    "/", "\uff0f", " ", "\n", "\u200b", "\ufeff", "\x00", "EXTERNAL:", "EXTERNAL: ", "restart", "@0.9", "{}", "\ud800",
])).map("".join)


@given(st.one_of(_hostile, st.text()))
def test_whatever_is_written(text: str) -> None:
    safe = neutralise(text)
    for seen in (safe, safe.strip(), clean(safe).strip(), unicodedata.normalize("NFKC", safe).strip()):
        assert not seen.startswith(("/", "EXTERNAL: "))
    assert neutralise(safe) == safe
    assert safe == "?" or text.endswith(safe)
    if any(unicodedata.category(char) in ("Lu", "Ll", "Nd") or char == "/" for char in text):
        assert safe


@pytest.mark.parametrize(("text", "expected"), [
    ("a\x00b\x1b[31mc\x7f\x85d", "ab[31mcd"),
    ("satu\r\ndua\rtiga\n\tempat", "satu\ndua\ntiga\n\tempat"),
    ("lone \ud83d and \udc00", "lone  and "),
    ("cafe\u0301", "caf\u00e9"),
    ("keluarga \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1ee\U0001f1e9", None),
    ("\u200f\u0645\u0631\u062d\u0628\u0627\u200e ok \u2067abc\u2069", None),
    ("", None),
])
def test_clean(text: str, expected: str | None) -> None:
    assert clean(text) == (text if expected is None else expected)


@given(st.text(alphabet=st.characters(codec=None)))
def test_a_clean_text_can_be_kept(text: str) -> None:
    kept = clean(text)
    kept.encode("utf-8")
    assert "\x00" not in kept
    assert "\r" not in kept
    assert clean(kept) == kept == unicodedata.normalize("NFC", kept)
    assert not [char for char in kept if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]

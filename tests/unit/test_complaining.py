"""What reads as a complaint about an officer, what does not, and that no text takes long to read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.complaining import Aim, heard

EXAMPLES = yaml.safe_load((Path(__file__).parent / "complaining_examples.yml").read_text())


@pytest.mark.parametrize("text", EXAMPLES["complaints"])
def test_a_complaint_about_an_officer(text):
    assert heard(text) in Aim
    assert heard(text.upper()) == heard(text)
    assert heard(f"Halo. {text}. Tolong dibantu.") == heard(text)


@pytest.mark.parametrize("text", EXAMPLES["no_complaints"])
def test_what_is_said_of_something_else(text):
    assert heard(text) is None


@pytest.mark.parametrize(("text", "aim"), [
    ("anda tidak sopan", Aim.you), ("ibu kok jutek", Aim.you), ("mau bicara dengan atasan anda", Aim.you),
    ("tolong ganti petugas", Aim.you), ("petugasnya kasar sekali", Aim.officer),
    ("saya mau mengadukan petugas ini", Aim.officer), ("petugas loket kasar. Bapak juga ketus", Aim.you),
])
def test_of_whom_it_is_said(text, aim):
    assert heard(text) is aim


@given(st.text(max_size=400))
def test_any_text_is_read(text):
    assert heard(text) is None or heard(text) in Aim


@pytest.mark.parametrize("text", [
    "petugas " * 512, "laporkan " * 455, "pak kok " * 512, "tidak sopan " * 340, "a" * 4096, "mau bicara minta " * 240,
    "kerja anda " * 370,
])
def test_a_long_text_is_read_in_no_time(text):
    began = time.process_time()
    heard(text[:4096])
    assert time.process_time() - began < 0.5

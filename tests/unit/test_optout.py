"""One word stops news; within a sentence it means something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.channels.whatsapp.templates import value
from handoff.domain.notice import Notice
from handoff.domain.optout import Wish, wish
from handoff.texts import Texts


@pytest.mark.parametrize(("text", "expected"), [
    ("STOP", Wish.stop), (" stop. ", Wish.stop), ("*Stop*", Wish.stop), ("Stop kabar!", Wish.stop),
    ("berhenti kabar", Wish.stop), ("unsubscribe", Wish.stop), ("MULAI", Wish.again), ("mulai lagi", Wish.again),
    ("berhenti", None), ("stop dulu pak", None), ("kapan mulai?", None), ("saya mau stop bpjs", None), ("", None),
])
def test_a_word_alone_is_a_wish(text, expected):
    assert wish(text) is expected


@given(st.text())
def test_whatever_is_written_it_is_a_wish_or_none(text):
    assert wish(text) in (None, Wish.stop, Wish.again)


@pytest.mark.parametrize("notice", list(Notice))
def test_each_kind_of_news_can_be_said_within_a_parameter(notice):
    said = Texts.load().say(f"whatsapp.news.{notice}")
    assert value(said) == said

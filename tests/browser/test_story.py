"""What a citizen and an officer live through, each in a window of their own."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.browser import ask


def test_a_question_in_slang_is_answered_with_its_source(open_page: Callable[..., Page]) -> None:
    said = ask(open_page("/", width=360), "ktp sy ilang gmn ngurusnya")
    expect(said).to_contain_text("UU 24/2013")


def test_an_officer_signs_in(as_officer: Callable[..., Page]) -> None:
    expect(as_officer("Siti Rahayu").get_by_role("heading", level=1)).to_have_text("Kasus saya")

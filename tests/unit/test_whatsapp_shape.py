"""What is posted fits the API's limits, whatever the text and the choices; refusals mean what the table says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.channels.whatsapp.outcome import LONGEST, PAIR, Verdict, pause, verdict
from handoff.channels.whatsapp.shape import TEXT, bodies, merged
from handoff.domain.delivering import least
from handoff.texts import Texts
from tests.support.graph import _lengths

TEXTS = Texts.load()
TITLES = st.text(max_size=90) | st.sampled_from(["Ya", "2. Ya", "a" * 30])


def said(text: str, *titles: str, **more: Any) -> dict[str, Any]:
    buttons = [{"title": title, "payload": f"topic:{n}"} for n, title in enumerate(titles)]
    return {"text": text, "buttons": buttons, "officer": None, "case": None, **more}


def choices(body: dict[str, Any]) -> list[str]:
    action = body["interactive"]["action"]
    if "buttons" in action:
        return [b["reply"]["title"] for b in action["buttons"]]
    return [row["title"] for section in action["sections"] for row in section["rows"]]


@pytest.mark.parametrize(("titles", "kind", "shown"), [
    (("Ya",), "button", ["Ya"]),
    (("Ya", "Tidak", "Bicara dg petugas"), "button", ["Ya", "Tidak", "Bicara dg petugas"]),
    (("Ya", "Ya"), "button", ["Ya", "2. Ya"]),
    (("*Tebal*", "_"), "button", ["Tebal", "\u2026"]),
    (("A", "B", "C", "D"), "list", ["A", "B", "C", "D"]),
    (("Ya", "Ya", "2. Ya"), "button", ["Ya", "2. Ya", "2. 2. Ya"]),
    (("Surat keterangan tidak mampu", "Surat keterangan tidak ada"), "list",
     ["Surat keterangan tidak\u2026", "2. Surat keterangan\u2026"]),
    (("Surat keterangan tidak mampu",), "list", ["Surat keterangan tidak\u2026"]),
])
def test_few_short_choices_are_buttons_others_a_list(titles, kind, shown):
    (one,) = bodies(TEXTS, said("Pilih yang mana?", *titles))
    assert one["interactive"]["type"] == kind
    assert choices(one) == shown


@pytest.mark.parametrize(("others", "kind", "shown"), [
    (("Jawaban ini salah",), "button", "Bicara dg petugas"),
    (("Syarat", "Biaya", "Jawaban ini salah"), "list", "Bicara dengan petugas"),
])
def test_the_way_to_a_person_is_shortened_only_where_it_does_not_fit(others, kind, shown):
    message = said("Jawaban", *others)
    message["buttons"].append({"title": "Bicara dengan petugas", "payload": "person:1"})
    (one,) = bodies(TEXTS, message)
    assert one["interactive"]["type"] == kind
    assert choices(one)[-1] == shown


def test_eleven_choices_are_two_lists():
    lists = bodies(TEXTS, said("Pilih yang mana?", *(f"Layanan {n}" for n in range(11))))
    assert [len(choices(one)) for one in lists] == [10, 1]


def test_a_long_text_is_cut_at_a_paragraph_and_the_choices_stand_under_the_last_piece():
    text = "\n\n".join(f"Alinea {n}. " + "kata " * 120 for n in range(10))
    *before, last = bodies(TEXTS, said(text, "Ya"))
    assert [b["type"] for b in before] == ["text"] * len(before)
    assert len(before) == 2
    assert last["interactive"]["body"]["text"].startswith("Alinea 9.")
    assert all(b["text"]["body"].startswith("Alinea") for b in before)


def test_an_officers_words_stand_under_their_name_and_a_case_tells_its_page():
    officer = {"name": "Siti Rahayu", "title": "Penata"}
    (one,) = bodies(TEXTS, said("Baik.", officer=officer, case={"url": "https://contoh.go.id/kasus/1?k=x"}))
    assert one["text"]["body"] == (
        "*Siti Rahayu* (Penata):\nBaik.\n\nHalaman kasus Anda: https://contoh.go.id/kasus/1?k=x")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12000), st.lists(TITLES, max_size=23))
def test_whatever_it_is_it_fits(text, titles):
    posted = bodies(TEXTS, said(text, *titles))
    assert posted
    for one in posted:
        _lengths(one)
    ids = [row["id"] for one in posted if one["type"] == "interactive"
           for row in [b["reply"] for b in one["interactive"]["action"].get("buttons", [])]
           or [r for s in one["interactive"]["action"]["sections"] for r in s["rows"]]]
    assert ids == [f"topic:{n}" for n in range(len(titles))]


@settings(max_examples=200)
@given(st.lists(st.text(max_size=1500), min_size=2, max_size=5), st.sampled_from(["system", "officer"]))
def test_short_texts_of_one_author_are_one_message_or_stay_apart(texts, author):
    who = {"name": "Siti Rahayu", "title": "Petugas"} if author == "officer" else None
    under = [[{"title": "Balasan tak membantu", "payload": f"unhelpful_reply:{n}"},
              {"title": "Keluhkan petugas ini", "payload": f"complain:{n}"}] for n in range(len(texts))]
    several = [said(text, officer=who, author=author) | {"buttons": buttons if who else []}
               for text, buttons in zip(texts, under, strict=True)]
    body = merged(TEXTS, several)
    if body is None:
        assert sum(map(len, texts)) > (900 if who else TEXT - 20) or not all(text.strip() for text in texts)
        return
    _lengths(body)
    words = body["text"]["body"] if body["type"] == "text" else body["interactive"]["body"]["text"]
    at = -1
    for text in texts:
        at = words.index(text.strip(), at + 1)
    assert words.count("*Siti Rahayu*") == (1 if who else 0) + sum(t.count("*Siti Rahayu*") for t in texts)
    assert who is None or choices(body) == ["Balasan tak membantu", "Keluhkan petugas ini"]


def test_what_offers_a_choice_or_is_another_persons_stays_apart():
    one = said("satu", author="system")
    assert merged(TEXTS, [one, said("dua", "Ya", author="system")]) is None
    assert merged(TEXTS, [one, said("dua", author="bot")]) is None
    cases = [{"url": f"https://x/kasus/{n}"} for n in range(2)]
    assert merged(TEXTS, [one | {"case": case} for case in cases]) is None
    together = merged(TEXTS, [one | {"case": cases[0]}, said("dua", author="system")])
    assert together is not None
    assert together["text"]["body"].count(cases[0]["url"]) == 1


@pytest.mark.parametrize(("http", "code", "expected"), [
    (400, 130429, Verdict.again), (429, 131056, Verdict.again), (500, 131000, Verdict.again), (500, 1, Verdict.again),
    (503, 2, Verdict.again), (400, 80007, Verdict.again), (502, None, Verdict.again), (429, None, Verdict.again),
    (400, 131047, Verdict.window), (400, 131026, Verdict.failed), (400, 131048, Verdict.failed),
    (400, 131049, Verdict.failed), (400, 130472, Verdict.failed), (400, 999999, Verdict.failed),
    (401, 190, Verdict.stop), (401, 0, Verdict.stop), (400, 3, Verdict.stop), (403, 10, Verdict.stop),
    (403, 200, Verdict.stop), (403, 299, Verdict.stop), (403, 131031, Verdict.stop), (403, 368, Verdict.stop),
    (401, None, Verdict.stop), (400, 100, Verdict.bug), (400, 131008, Verdict.bug), (404, 132001, Verdict.template),
])
def test_what_a_refusal_means(http, code, expected):
    assert verdict(http, code) is expected


def test_each_pause_is_longer_up_to_the_longest():
    pauses = [pause(n) for n in range(1, 40)]
    assert pauses[0] == PAIR
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST == timedelta(minutes=30)


def test_a_message_stands_where_its_last_part_does():
    assert least(["read", "sent", "delivered"]) == "sent"
    assert least(["read", "failed"]) == "failed"

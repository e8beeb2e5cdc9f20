"""A typed choice among the buttons that were offered last, and nothing that is a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.choosing import chosen

WHICH = [{"title": "KTP baru", "payload": "topic:ktp_baru"}, {"title": "KK baru", "payload": "topic:kk_baru"},
         {"title": "Akta kelahiran", "payload": "topic:akta_kelahiran"}]
ANSWER = [{"title": "Cara mengurus", "payload": "aspect:ktp_hilang:steps"},
          {"title": "Biaya", "payload": "aspect:ktp_hilang:fee"},
          {"title": "Jawaban ini salah", "payload": "dispute:1"},
          {"title": "Bicara dengan petugas", "payload": "person:1"}]
PROPOSED = [{"title": "Sudah selesai", "payload": "confirm:1"}, {"title": "Belum selesai", "payload": "not_yet:1"}]
WAITING = [{"title": "Tanya bot lagi", "payload": "bot_again:1"}, {"title": "Batalkan kasus", "payload": "withdraw:1"}]
STEP = [{"title": "Lanjut", "payload": "step:ktp_hilang:steps:2"}, *ANSWER[2:]]


@pytest.mark.parametrize(("text", "offered", "payload"), [
    ("2", WHICH, "topic:kk_baru"), ("yang kedua", WHICH, "topic:kk_baru"), ("nomor dua", WHICH, "topic:kk_baru"),
    ("kedua", WHICH, "topic:kk_baru"), ("Yg ke-2 kak", WHICH, "topic:kk_baru"), ("no. 2 aja", WHICH, "topic:kk_baru"),
    ("pilih 3 ya", WHICH, "topic:akta_kelahiran"), ("yang terakhir", WHICH, "topic:akta_kelahiran"),
    ("pertama dong min", WHICH, "topic:ktp_baru"), ("sing loro", WHICH, None), ("loro", WHICH, "topic:kk_baru"),
    ("２", WHICH, "topic:kk_baru"), ("2.", WHICH, "topic:kk_baru"), (" (2) ", WHICH, "topic:kk_baru"),
    ("KK baru", WHICH, "topic:kk_baru"), ("kk bru", WHICH, "topic:kk_baru"), ("KTP BARU!", WHICH, "topic:ktp_baru"),
    ("akte klahiran", WHICH, "topic:akta_kelahiran"), ("akta kelahiarn", WHICH, "topic:akta_kelahiran"),
    ("biya", ANSWER, "aspect:ktp_hilang:fee"), ("cara mengrus", ANSWER, "aspect:ktp_hilang:steps"),
    ("jawaban ini salah", ANSWER, "dispute:1"), ("3", ANSWER, "dispute:1"), ("bicara dg petugas", ANSWER, "person:1"),
    ("sudah selesai", PROPOSED, "confirm:1"), ("Sudah selesai, pak", PROPOSED, "confirm:1"),
    ("belum selsai", PROPOSED, "not_yet:1"), ("2", PROPOSED, "not_yet:1"),
    ("tanya bot lagi", WAITING, "bot_again:1"), ("1", WAITING, "bot_again:1"),
    ("batalkan kasus", WAITING, "withdraw:1"),
    ("lanjut", STEP, "step:ktp_hilang:steps:2"), ("ya kak", STEP, "step:ktp_hilang:steps:2"),
    ("ok lanjut", STEP, "step:ktp_hilang:steps:2"),
])
def test_a_choice_in_words(text: str, offered: list[dict[str, str]], payload: str | None) -> None:
    assert chosen(text, offered) == payload


@pytest.mark.parametrize(("text", "offered"), [
    ("2", []), ("yang kedua", []), ("KK baru", []),  # nothing is outstanding
    ("0", WHICH), ("4", WHICH), ("99", WHICH), ("-1", WHICH[:0]), ("1 atau 2", WHICH), ("12", WHICH), ("½", WHICH),
    ("anak saya 2", WHICH), ("2 hari lagi jadi?", WHICH), ("berapa syarat nomor dua?", WHICH),
    ("ktp kedua saya hilang", WHICH), ("satu-satu dong", WHICH), ("", WHICH), ("?", WHICH), ("😀", WHICH),
    ("KTP hilang", WHICH), ("kk rusak", WHICH), ("ktp", WHICH), ("kp baru", WHICH), ("baru", WHICH),
    ("KK baru syaratnya apa", WHICH), ("bukan kk baru", WHICH), ("biaya bikin kk", ANSWER),
    # nobody closes a case by a number or a near miss
    ("1", PROPOSED), ("yang pertama", PROPOSED), ("sudah selesia", PROPOSED), ("2", WAITING), ("batalkan", WAITING),
    ("ya", WHICH), ("terus biayanya?", STEP), ("ok tapi saya belum paham", STEP), ("kak", STEP), ("no", STEP),
    ("2 " * 40, WHICH), ("1", WAITING[:1]),
])
def test_what_is_no_choice_is_left_to_the_bot(text: str, offered: list[dict[str, str]]) -> None:
    assert chosen(text, offered) is None


def test_a_title_that_two_buttons_have_is_not_guessed() -> None:
    twice = [{"title": "Jawaban ini salah", "payload": f"dispute:{n}"} for n in "12"]
    assert chosen("jawaban ini salah", twice) is None


def test_numbers_in_the_titles_are_what_a_number_means() -> None:
    stars = [{"title": f"{n} (kata)", "payload": f"rate:1:{n}"} for n in (5, 4, 3, 2, 1)]
    assert [chosen(str(n), stars) for n in range(7)] == [None, *(f"rate:1:{n}" for n in range(1, 6)), None]
    assert chosen("lima ya", stars) == "rate:1:5"
    assert chosen("yang terakhir", stars) is None


def test_where_a_number_is_a_number_only_a_title_chooses() -> None:
    assert chosen("2", WHICH, numbers=False) is None
    assert chosen("kk baru", WHICH, numbers=False) == "topic:kk_baru"


LOST = [*ANSWER[:2], {"title": "Bingung", "payload": "step:ktp_hilang:overview:1"}, *ANSWER[2:]]


@pytest.mark.parametrize(("text", "meant"), [("bingung kak", "step:ktp_hilang:overview:1"), ("ok", None), ("ya", None)])
def test_a_yes_under_an_answer_is_not_bingung(text: str, meant: str | None) -> None:
    assert chosen(text, LOST) == meant


PAYLOADS = st.sampled_from(["topic:a", "aspect:a:fee", "confirm:1", "withdraw:1", "step:a:fee:2", "dispute:1"])
BUTTONS = st.lists(
    st.fixed_dictionaries({"title": st.text(min_size=1, max_size=20), "payload": PAYLOADS}), max_size=10
)
TITLED = st.lists(
    st.fixed_dictionaries({"title": st.sampled_from(["KTP baru", "Biaya", "Sudah selesai"]), "payload": PAYLOADS}),
    min_size=2, max_size=10,
)


@given(text=st.text(max_size=100), offered=BUTTONS)
def test_only_what_was_offered_can_be_chosen(text: str, offered: list[dict[str, str]]) -> None:
    payload = chosen(text, offered)
    assert payload is None or payload in {button["payload"] for button in offered}


@given(number=st.integers(min_value=1, max_value=12), before=st.sampled_from(["", "yang ke-", "nomor ", "pilih "]),
       after=st.sampled_from(["", " ya kak", ".", " aja"]), offered=TITLED)
def test_a_number_chooses_that_button_and_never_closes_a_case(
    number: int, before: str, after: str, offered: list[dict[str, str]]
) -> None:
    there = offered[number - 1]["payload"] if number <= len(offered) else None
    safe = there if there is not None and there.partition(":")[0] not in ("confirm", "withdraw") else None
    assert chosen(f"{before}{number}{after}", offered) == safe

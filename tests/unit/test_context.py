"""A short text that leaves out what it is about, read again with the family of the topic before."""

from __future__ import annotations

import pytest

from handoff.domain.context import conditional, meant, shared, short, subjects


def test_families_are_what_names_begin_with() -> None:
    assert subjects("akta_kelahiran_terlambat") == ("akta", "akta kelahiran")
    assert subjects("kia") == ()
    assert shared("akta_kelahiran", "akta_kelahiran_terlambat") == "akta kelahiran"
    assert shared("ktp_hilang", "kk_baru") == ""


@pytest.mark.parametrize(("text", "is_short"), [
    ("kalau rusak?", True), ("", False), ("😀", False), ("saya mau tanya soal kk yang hilang kemarin", False),
])
def test_only_short_texts_leave_something_out(text: str, is_short: bool) -> None:
    assert short(text) == is_short


@pytest.mark.parametrize(("text", "is_conditional"), [
    ("kalau rusak?", True), ("klo hilang gimana", True), ("rusak kalau basah", False), ("", False),
    ("kalau saya pindah ke luar kota bulan depan", False),
])
def test_what_begins_with_if_leaves_something_out(text: str, is_conditional: bool) -> None:
    assert conditional(text) == is_conditional


@pytest.mark.parametrize(("text", "last", "ranking", "sure", "again", "topic"), [
    ("kalau rusak?", "ktp_hilang", ["ktp_rusak"], False, {"ktp": "ktp_rusak"}, "ktp_rusak"),
    ("klo hilang gimana", "kk_baru", ["ktp_hilang", "kk_hilang_rusak"], False, {"kk": "kk_hilang_rusak"},
     "kk_hilang_rusak"),
    ("kalau terlambat?", "akta_kelahiran", ["tanya_biaya", "akta_kelahiran_terlambat"], False,
     {"akta": "akta_kelahiran_terlambat"}, "akta_kelahiran_terlambat"),
    ("klo hilang", "ktp_hilang", ["ktp_hilang"], False, {"ktp": "ktp_hilang"}, "ktp_hilang"),
    ("kalau rusak?", "kk_baru", ["ktp_rusak", "kk_hilang_rusak"], True, {"kk": "kk_hilang_rusak"}, "kk_hilang_rusak"),
    # it says itself what it is about
    ("kalau ktp rusak?", "kk_baru", ["ktp_rusak", "kk_hilang_rusak"], True, {"kk": "kk_hilang_rusak"}, None),
    ("rusak nih", "kk_baru", ["ktp_rusak", "kk_hilang_rusak"], True, {"kk": "kk_hilang_rusak"}, None),
    ("kalau rusak?", "ktp_hilang", ["ktp_rusak"], True, {"ktp": "ktp_rusak"}, None),
    # no two readings that agree
    ("kalau rusak?", "ktp_hilang", ["ktp_rusak"], False, {"ktp": None}, None),
    ("kalau rusak?", "ktp_hilang", ["ktp_rusak"], False, {"ktp": "ktp_baru"}, None),
    ("asdf", "ktp_hilang", [], False, {"ktp": "ktp_rusak"}, None),
    ("asdf", "ktp_hilang", ["luar_cakupan"], False, {"ktp": "ktp_rusak"}, None),
    ("asdf", "kia", ["kk_baru"], False, {}, None),
])
def test_what_is_meant(
    text: str, last: str, ranking: list[str], sure: bool, again: dict[str, str | None], topic: str | None
) -> None:
    assert meant(text, last, ranking, sure, again) == topic

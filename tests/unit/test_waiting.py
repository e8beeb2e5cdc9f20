"""How long somebody says they have been waiting, as people write it; and when that is late."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.said import vocabulary
from handoff.domain.waiting import is_late, only, waited

TODAY = date(2026, 11, 24)  # a Tuesday


@pytest.mark.parametrize(("text", "days"), [
    ("ktp saya sudah 3 bulan belum jadi", 84),
    ("udah 2 minggu ktp blm jadi", 14),
    ("uda 2mgg nih", 14),
    ("dah 3bln kagak jadi jadi", 84),
    ("sdh 20 hr", 20),
    ("dua bulan nunggu", 56),
    ("tiga belas hari", 13),
    ("dua puluh lima hari sudah", 25),
    ("sepuluh hari", 10),
    ("sebulan", 28),
    ("udah sebulanan gak ada kabar", 28),
    ("setahun lebih", 365),
    ("lebih dari seminggu", 7),
    ("berbulan-bulan gak jadi", 56),
    ("bertahun tahun", 730),
    ("setengah bulan", 14),
    ("beberapa minggu", 14),
    ("2-3 minggu", 14),
    ("2 sampai 3 minggu", 14),
    ("2 atau 3 minggu sudah", 14),
    ("dua tiga minggu", 14),
    ("hampir 2 bulan", 42),
    ("wis telung sasi durung dadi", 84),
    ("geus dua bulan can jadi", 56),
    ("sudah 14 hari kerja", 19),
    ("saya nunggu selama 3 minggu lho", 21),
    ("3 minggu yang lalu saya rekam", 21),
    ("katanya 14 hari tapi sudah 2 bulan", 56),
    ("katanya 2 minggu, sekarang sudah sebulan", 28),
    # dates
    ("dari bulan juli", 116),
    ("dr agustus blm jadi", 85),
    ("sejak juli 2025", 481),
    ("rekam 3 juli 2026", 144),
    ("sejak 3 juli", 144),
    ("saya daftar tgl 3 november", 21),
    ("dari tanggal 3", 21),
    ("dari tgl 28 belum", 27),
    ("juli kemarin saya rekam", 116),
    ("sejak 3/7/2026", 144),
    ("dari 3-7-26", 144),
    ("sejak 3/7", 144),
    ("sejak bulan november", 0),
    ("dari desember belum jadi", 328),
    ("dari tahun 2025", 328),
    ("dari 2024 sampai sekarang", 693),
    ("bulan lalu", 24),
    ("bulan kemarin saya rekam", 24),
    ("minggu lalu", 2),
    ("tahun lalu", 328),
    ("dari taun kemaren", 328),
    ("kemarin", None),
])
def test_what_has_passed(text: str, days: int | None) -> None:
    assert waited(text, TODAY) == days


@pytest.mark.parametrize("text", [
    "ktp saya kok belum jadi", "", "🙏", "katanya 14 hari jadi", "janji 2 minggu", "maksimal 14 hari kan?",
    "paling lama 30 hari?", "jadi dalam 14 hari?", "3 hari lagi ambil", "2 minggu lagi katanya", "umur saya 20 tahun",
    "saya sudah 17 tahun", "usia 5 tahun", "belum sampai 2 minggu", "belum 3 minggu sih", "kurang dari 2 bulan",
    "lahir 3 juli 2009", "lahir tanggal 3 bulan juli", "kelahiran 2008", "berapa hari?", "3 kali datang",
    "suratnya berlaku 14 hari", "benarkah 30 hari", "katanya selesai tanggal 20 november", "3 lembar foto 4x6",
    "nomor 081234567890", "31/2/2026", "sejak 45 juli", "selesai 30 november", "tahun 2030", "tiap 3 bulan ke sini",
    "Ibu Juli yang melayani", "1000000000 hari",
])
def test_what_has_not(text: str) -> None:
    assert waited(text, TODAY) is None


@pytest.mark.parametrize(("text", "days", "working_days", "late"), [
    ("sudah 14 hari", 14, False, False), ("sudah 15 hari", 14, False, True), ("sudah 2 minggu", 14, False, False),
    ("udah sebulan", 14, False, True), ("dari bulan juli", 14, False, True), ("sudah 4 hari", 3, True, False),
    ("sudah 6 hari", 3, True, True), ("sudah 7 hari", 5, True, False), ("sudah 8 hari", 5, True, True),
    ("katanya 30 hari", 14, False, False), ("belum jadi juga", 14, False, False),
])
def test_what_is_late(text: str, days: int, working_days: bool, late: bool) -> None:
    assert is_late(text, days, working_days, TODAY) == late


@pytest.mark.parametrize(("text", "alone"), [
    ("udah 3 bulan", True), ("sudah 2 minggu lebih pak", True), ("dari juli", True), ("sejak 3 juli 2026 kak", True),
    ("baru 3 hari", True), ("setahun", True), ("ktp saya sudah sebulan belum jadi", True), ("3/7/2026", True),
    ("saya mau buat kk baru sudah 3 bulan menikah", False), ("bayi 2 bulan bikin akta", False), ("sudah", False),
    ("belum jadi", False), ("katanya 14 hari", False), ("", False),
])
def test_a_text_that_only_says_how_long(text: str, alone: bool) -> None:
    assert only(text, TODAY) == alone


WORDS = st.sampled_from(sorted(vocabulary(
    "sudah belum 3 14 99999 2026 1/2 3/7/2026 31-12 hari bulan setahun juli des tanggal tgl lalu yang kemarin lagi "
    "dua tiga puluh belas setengah katanya dari sejak hampir minggu lahir Ⅷ ３ é 🙏 -"
)))


TEXTS = st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60)


@given(TEXTS, st.dates(date(2001, 1, 1), date(2200, 12, 31)))
def test_never_fails_and_never_goes_beyond_a_wait(text: str, today: date) -> None:
    days = waited(text, today)
    assert days is None or 0 <= days < 3650
    assert waited(text.upper(), today) == waited(text.upper().casefold(), today)

"""Texts of officers that say nothing, ask nothing, and those that do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.substance import is_answer, is_courtesy, is_empty, is_question

TEXTS = yaml.safe_load(Path(__file__).with_name("redirect_texts.yml").read_text(encoding="utf-8"))
EMPTY = (
    ".", "baik", "Baik.", "👍", "🙏🙏", "mohon ditunggu", "Baik Bu Ani, mohon ditunggu ya 🙏", "Siap, noted", "ok kak",
    "Permohonan Ibu sedang kami proses sesuai ketentuan, mohon bersabar.", "Sedang kami cek ya Bu", "Masih proses",
    "Selamat pagi Bapak Budi Santoso, terima kasih atas laporannya. Laporan nomor 6567-6050 sudah kami terima dan akan "
    "segera kami tindak lanjuti.", "Saya Siti, mohon ditunggu sebentar", "Sudah selesai", "Selesai.",
    "Sudah beres ya Pak, terima kasih", "Sabar ya kak, masih antre", "Kami akan menghubungi Ibu secepatnya",
    "please wait", "Mohon maaf atas ketidaknyamanannya.", "Baik, laporannya sudah dicatat dan akan dikoordinasikan.",
)
SAYS = (
    "Bisa, Pak.", "Tidak.", "Besok saya kabari.", "Datanya keliru, kami betulkan.", "Gratis.", "Kami antar Jumat.",
    "Di loket 2.", "KTP Ibu sudah jadi.", "Saya cek ke gudang arsip dulu.", "Sudah kami ubah.", "Boleh diwakilkan.",
    "Sore ini saya kabari.", "Belum, Bu.", "Kami proses paling lambat 3 hari.",
)
ASKS = (
    "NIK Ibu berapa?", "Sejak kapan KTP-nya hilang?", "Boleh kirim foto KK?", "Usaha Bapak di desa mana?",
    "Apakah akta lahirnya masih ada?", "Surat nikahnya sudah ada, Bu?", "Bapak mau diambil sendiri atau diantar?",
    "Tanggal lahir yang benar berapa?", "Boleh kirim foto KTP lama Anda?", "Nomor KK Anda berapa ya? Terima kasih.",
)
ASKS_NOTHING = (
    "Mohon ditunggu.", "?", "Ada lagi?", "Mohon lengkapi berkas Anda segera.", "Mohon ditunggu ya Bu?",
    "Apakah Ibu bersedia menunggu?", "Ada lagi yang bisa kami bantu, Pak?", "Sudah jelas ya Bu?",
    "Bagaimana Pak Budi, sudah jelas?", "Apakah ada pertanyaan lain?", "Baik ya kak, kami proses dulu?",
    "Kami cek arsipnya di gudang. Mohon ditunggu ya?",
)


@pytest.mark.parametrize("text", EMPTY)
def test_patience_and_courtesy_say_nothing(text):
    assert is_empty(text)
    assert not is_answer(text)


@pytest.mark.parametrize("text", [
    *SAYS, *TEXTS["answers"], *TEXTS["held_out_answers"], *TEXTS["wanted_here"], *TEXTS["not_disguised"],
])
def test_a_thing_a_day_a_yes_or_a_no_says_something(text):
    assert not is_empty(text)


@pytest.mark.parametrize("text", ASKS)
def test_a_question_about_the_matter_is_one(text):
    assert is_question(text)


@pytest.mark.parametrize("text", ASKS_NOTHING)
def test_asking_for_patience_is_no_question(text):
    assert not is_question(text)


@pytest.mark.parametrize(("text", "courtesy"), [
    ("makasih pak", True), ("Selamat pagi", True), ("ok siap bu", True), ("🙏", True),
    ("sudah saya terima, makasih", True), ("oke makasih min sukses selalu", True), ("👍🏽", True),
    ("terima kasih, tapi namanya masih salah", False), ("makasih tapi KTP saya belum jadi juga", False),
    ("selamat pagi pak, saya mau tanya lagi soal kasus saya", False), ("tolong ya pak", False), ("😡", False),
    ("?", False), ("halo?", False), ("mohon segera diproses, saya menunggu", False), ("kapan?", False),
    ("belum jadi", False),
])
def test_what_may_be_answered_with_courtesy(text, courtesy):
    assert is_courtesy(text) is courtesy


@given(st.lists(st.sampled_from(EMPTY), min_size=1, max_size=6), st.sampled_from([" ", "\n", ". "]))
def test_nothing_said_often_is_nothing(texts, joined):
    assert is_empty(joined.join(texts))


@given(st.text(max_size=4096))
def test_any_text_can_be_read(text):
    assert {is_empty(text), is_question(text), is_courtesy(text)} <= {True, False}

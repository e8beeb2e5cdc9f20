"""Which messages are a wish about one's own data: those that say nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.own_data import Wish, wish

SEE = ("data saya", "Data saya.", "DATA SAYA!!", "lihat data saya", "mau lihat data pribadi saya dong kak", "dataku",
       "saya mau lihat data saya", "data apa saja yang disimpan tentang saya?", "data saya yang disimpan apa saja?",
       "siapa yang pernah melihat data saya?", "siapa saja yang sudah membuka data saya", "data saya di sini",
       "lihat data saya yang tersimpan", "saya ingin melihat data saya yang disimpan",
       "saya mau tahu data apa saja yang kalian simpan tentang saya")
COPY = ("unduh data saya", "minta salinan data saya", "tolong kirim salinan data pribadi saya",
        "download data saya ya", "saya mau download semua data saya")
ERASE = ("hapus data saya", "tolong hapus semua data saya", "saya ingin data saya dihapus",
         "hapus data pribadi saya ya", "hapus dataku", "minta data saya dihapus semua dong min", "hapus percakapan ini",
         "tlg hapusin data gue",
         "hapus data saya dari sistem ini", "hapus chat saya", "hapus semua data saya di sini",
         "hapus riwayat chat", "hilangkan data saya dari sistem ini", "hapus semua data dan percakapan saya",
         "saya minta data saya dihapus sekarang", "minta hapus data diri saya", "tulung data ku dihapus")
KEEP = ("batal hapus", "jangan hapus data saya", "tidak jadi dihapus", "batalkan penghapusan data saya",
        "ga jadi hapus", "batalkan penghapusan")
WITHDRAW = ("cabut persetujuan", "cabut persetujuan saya", "saya mau menarik persetujuan penggunaan data",
            "Saya mencabut persetujuan pemrosesan data pribadi saya.", "cabut izin data saya")
OTHERS = (
    "batalkan persetujuan nikah", "cabut izin usaha saya", "izin data", "hapus foto ktp yang tadi saya kirim",
    "data saya salah di KTP", "data saya salah", "data saya belum masuk dukcapil", "hapus nama almarhum dari KK",
    "hapus data saya dari KK", "hapus data anak saya di KK", "cek data saya", "data saya dipakai orang untuk pinjol",
    "hapus data saya di dukcapil", "apakah data saya aman", "ubah data saya", "data saya mau diubah", "stop",
    "apakah sudah ada kabar soal data saya", "bagaimana cara hapus data usaha di OSS", "hapus NIB saya",
    "unduh data saya di IKD gagal", "data saya hilang", "batalkan", "batal", "jangan", "hapus", "data",
    "hapus akun OSS saya", "lihat data saya di dukcapil", "data ibu saya", "unduh KTP digital",
    "siapa yang melihat data saya di bank", "jangan lupa data saya", "data saya dihapus dari DTKS",
)


@pytest.mark.parametrize(("text", "wanted"), [
    *((text, Wish.see) for text in SEE), *((text, Wish.copy) for text in COPY),
    *((text, Wish.erase) for text in ERASE), *((text, Wish.keep) for text in KEEP),
    *((text, Wish.withdraw) for text in WITHDRAW), *((text, None) for text in OTHERS),
])
def test_only_what_says_nothing_else_is_a_wish(text, wanted):
    assert wish(text) is wanted


@given(st.sampled_from([*SEE, *COPY, *ERASE, *KEEP, *WITHDRAW]), st.sampled_from([" ", "\n", " , "]), st.sampled_from(
    ["KTP", "KK", "dukcapil", "salah", "anak", "belum", "kapan", "karena", "di bank", "DTKS", "pinjol",
     "3273010101900001"],
), st.booleans())
def test_one_word_of_something_else_and_it_is_none(text, gap, word, before):
    assert wish(f"{word}{gap}{text}" if before else f"{text}{gap}{word}") is None


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    wish(text)

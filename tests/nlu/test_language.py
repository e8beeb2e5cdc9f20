"""Citizens' spelling: what it becomes, and that it stays so."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bot.language import Lexicon, LexiconError

PROJECT = Path(__file__).resolve().parents[2]

LEXICON = """colloquial,standard,note
gmn,bagaimana,singkatan
bikin,membuat,ragam lisan
banget,sekali,ragam lisan
ga,tidak,negasi
udh,sudah,singkatan
udah,sudah,ragam lisan
blm,belum,singkatan
kpn,kapan,singkatan
trs,terus,singkatan
terus,lalu,penghubung
udah jadi blm,apakah sudah selesai,frasa
kapan jadi,kapan selesai,frasa
e-ktp,KTP-el,istilah umum
ektp,KTP-el,istilah umum
ktp,KTP-el,istilah resmi
meninggal,meninggal dunia,baku
kakak,kak,sapaan
eror,galat/gangguan sistem,Inggris
email,surel (email),serapan
buat,untuk,ambigu: untuk atau membuat
kk,kakak,ambigu: Kartu Keluarga atau sapaan
sih,,partikel
syarat2,persyaratan,reduplikasi
tolong,tolong,baku
🙏,terima kasih,emoji
"""


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(LEXICON)


def spelled(lexicon: Lexicon, text: str) -> str:
    return " ".join(word for term in lexicon.normalise(text) for word in term.words)


@pytest.mark.parametrize(
    ("typed", "standard"),
    [
        # words and phrases of the lexicon
        ("GMN ya", "bagaimana ya"),
        ("trs gmn", "lalu bagaimana"),
        ("udah jadi blm?", "apakah sudah selesai"),
        ("udh jadi belum", "apakah sudah selesai"),
        ("kpn jadi", "kapan selesai"),
        ("e-KTP ektp KTP", "ktp el ktp el ktp el"),
        ("KTP-el", "ktp el"),
        ("dia meninggal", "dia meninggal dunia"),
        ("dia meninggal dunia", "dia meninggal dunia"),
        ("webnya eror sih", "webnya galat"),
        ("lewat email", "lewat surel"),
        # a form with two meanings stays what it is
        ("buat kk", "buat kk"),
        # letters held down
        ("bangeet", "sekali"),
        ("tolooooong", "tolong"),
        ("udaaah", "sudah"),
        ("maaf saat minggu", "maaf saat minggu"),
        ("hmmmm", "hm"),
        # plurals
        ("anak2nya", "anaknya"),
        ("anak-anak", "anak"),
        ("anak²", "anak"),
        ("syarat2", "persyaratan"),
        # figures
        ("17 thn", "17 thn"),
        ("NIK 3301020304050607", "nik angka"),
        ("50.000 rupiah", "angka rupiah"),
        ("tgl 17-08-1995", "tgl angka"),
        ("ak-1 ak1", "ak1 ak1"),
        ("foto 4x6", "foto 4x6"),
        # marks, addresses, emoji
        ("gmn???!!", "bagaimana"),
        ("jum'at", "jumat"),
        ("di https://dukcapil.go.id/x?y=1 ya", "di tautan ya"),
        ("ke dukcapil.go.id aja", "ke tautan aja"),
        ("a.b@c.co.id", "surel"),
        ("😂😂😂 👍🏽", "😂 👍"),
        ("🙏🏻🙏🏻", "terima kasih"),
        ("𝐤𝐭𝐩", "ktp el"),
        ("", ""),
        ("... !!", ""),
    ],
)
def test_spelling(lexicon, typed, standard):
    assert spelled(lexicon, typed) == standard
    assert spelled(lexicon, standard) == standard


def test_terms_say_where_they_stand(lexicon):
    text = "min, udah jadi blm e-KTP saya?"
    assert [(text[term.start : term.end], term.words) for term in lexicon.normalise(text)] == [
        ("min", ("min",)),
        ("udah jadi blm", ("apakah", "sudah", "selesai")),
        ("e-KTP", ("ktp", "el")),
        ("saya", ("saya",)),
    ]


def test_normalising_twice_changes_nothing_whatever_stands_side_by_side():
    lexicon = Lexicon((PROJECT / "data" / "lexicon.csv").read_text("utf-8"))
    forms = [line.split(",")[0] for line in lexicon.source.splitlines()[1:]]
    chance = random.Random(20)
    for _ in range(3000):
        once = spelled(lexicon, " ".join(chance.choices(forms, k=chance.randint(1, 5))))
        assert spelled(lexicon, once) == once


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [("a,b,\nb,a,\n", "circle"), (",x,\n", "without a colloquial form"), ("a,b,\nb,c,\nc,a,\n", "circle")],
)
def test_an_unusable_lexicon_is_refused(rows, complaint):
    with pytest.raises(LexiconError, match=complaint):
        Lexicon("colloquial,standard,note\n" + rows)

"""What a text asks for by its words alone: aspects, several questions, "I do not understand"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.asking import LONGEST_CUT, MOST_CUTS, MOST_PARTS, Cut, aspects, cuts, lost, only_aspect, questions


@pytest.mark.parametrize(("text", "aspect"), [
    ("biayanya?", "fee"), ("berapa biayanya kak", "fee"), ("terus bayar berapa", "fee"), ("gratis?", "fee"),
    ("kalau biaya?", "fee"), ("ongkosnya brp ya gan", "fee"),
    ("berapa lama?", "time"), ("prosesnya berapa lama", "time"), ("kapan jadinya", "time"), ("lama ga", "time"),
    ("syaratnya apa aja", "requirements"), ("harus bawa apa", "requirements"), ("persyaratannya dong", "requirements"),
    ("di mana", "place"), ("dimana ngurusnya ya", "place"), ("harus ke mana", "place"), ("alamatnya di mana", "place"),
    ("langkahnya", "steps"), ("caranya gimana", "steps"), ("gimana caranya kak?", "steps"), ("prosedurnya?", "steps"),
    ("siapa aja yang boleh", "requirements"), ("siapa yg berhak kak?", "requirements"),
    ("kalau ditolak gimana?", "rejections"), ("klo nanti ditolak?", "rejections"),
    ("kalo ditolak bagaimana ya", "rejections"),
    ("dmn ngurusnya", "place"), ("trus ngurusnya dmn", "place"), ("nang endi ngurusne", "place"), ("ka mana", "place"),
    ("di mana ngurusna", "place"), ("kmn kak", "place"), ("biayane piro", "fee"), ("sabaraha hargana", "fee"),
    ("brp duit", "fee"), ("kena berapa ya", "fee"), ("bayar ga?", "fee"), ("suwene piro", "time"),
    ("sabaraha lami", "time"), ("piro suwe ne", None), ("brp hr", "time"), ("syarate opo wae mas", "requirements"),
    ("makasih min, terus bayarnya?", "fee"), ("ok makasih infonya kak. syaratnya apa?", "requirements"),
    ("halo min biayanya brp", "fee"), ("terima kasih", None), ("makasih atas waktunya", None),
    ("saratna naon wae", "requirements"), ("carana kumaha", "steps"), ("piye carane", "steps"),
    # something else is said, or nothing is asked for
    ("permohonan saya ditolak", None), ("kenapa ditolak", None), ("saya ditolak", None),
    ("biaya kk", None), ("biaya nikah gratis", None), ("dimana ktp saya", None), ("KTP lama hilang", None),
    ("berapa", None), ("apa aja", None), ("syarat dan biaya", None), ("caranya nipu orang", None), ("", None),
    ("biaya? saya mau lapor", None), ("bikin skck di mana", None), ("urus kk dimana", None), ("tempat tidur", None),
])
def test_an_aspect_by_itself(text: str, aspect: str | None) -> None:
    assert only_aspect(text) == aspect


@pytest.mark.parametrize(("text", "named"), [
    ("syarat dan biaya bikin KTP", ("requirements", "fee")), ("berapa lama bikin paspor", ("time",)),
    ("bikin ktp di mana", ("place",)), ("langkah-langkah bikin KK", ("steps",)), ("bayar berapa urus akta", ("fee",)),
    ("bikin paspor kalau ditolak gimana", ("rejections",)), ("permohonan paspor saya ditolak", ()),
    ("cara bikin ktp", ()), ("KTP lama saya rusak", ()), ("ktp saya hilang entah dimana", ()),
    ("bu bikin ktp baru brp ya byrnya", ("fee",)), ("bikin skck byr brp", ("fee",)), ("biayany paspor brp", ("fee",)),
    ("mo bikin paspor brp duit ya", ("fee",)), ("perpanjang sim a, kena berapa ya", ("fee",)),
    ("skck brp harganya, syaratnya apa, buatnya dmn", ("requirements", "fee", "place")),
    ("arep gawe ktp anyar, syarate opo wae mas", ("requirements",)), ("ktp hilang bayar ga?", ("fee",)),
    ("ngadamel akta kalahiran, saratna naon wae", ("requirements",)), ("klaim jht brp hr cair", ("time",)),
    ("pkh kapan cairnya", ("time",)), ("cara ceknya dimana", ("place",)),
    ("bpjs sudah bayar gak masuk", ()), ("habis berapa lembar foto buat skck", ()), ("iuran telat kena denda", ()),
    ("dmn ktp saya", ()), ("bayar pajak kendaraan", ()), ("ubah alamat di KK", ()), ("dokumen saya hilang", ()),
])
def test_the_aspects_named_beside_a_service(text: str, named: tuple[str, ...]) -> None:
    assert aspects(text) == named


@pytest.mark.parametrize(("text", "parts"), [
    ("syarat bikin KTP apa dan jam buka kantor berapa?", ["syarat bikin KTP apa", "jam buka kantor berapa?"]),
    ("jam buka kantor berapa? biaya bikin paspor brp", ["jam buka kantor berapa?", "biaya bikin paspor brp"]),
    ("KTP saya hilang. Bagaimana cara mengurusnya? Terus KK mau pisah gimana?",
     ["KTP saya hilang. Bagaimana cara mengurusnya?", "Terus KK mau pisah gimana?"]),
    ("KTP saya hilang, biayanya berapa dan berapa lama?", ["KTP saya hilang, biayanya berapa", "berapa lama?"]),
    ("syarat bikin kk apa\nsama jam buka berapa", ["syarat bikin kk apa", "sama jam buka berapa"]),
    ("apa syaratnya? makasih ya sebelumnya, berapa biayanya?",
     ["apa syaratnya?", "makasih ya sebelumnya, berapa biayanya?"]),
    # one question, whatever is told around it
    ("ktp sy ilang gmn ngurusnya ya", []), ("Pak mau tanya. Anak saya lahir kemarin. Akta gimana? Makasih", []),
    ("ktp hilang dan kk rusak gimana ngurusnya", []), ("Rp. 5.000, itu apa benar?", []), ("?", []), ("", []),
    ("baru nikah dan mau bikin kk baru, syaratnya apa", []), ("apa? " * 9, []),
    ("Belum tahu kapan selesai dan di mana kartunya. Apa ada surat sementara?", []),
    ("akte entah dimana, cetak lagi gmn", []),
    ("Apakah kematian bertahun-tahun lalu masih dapat dicatatkan?", []),
    ("Saya lolos tahap akhir dan diminta surat. Membuatnya apa di sini?", []),
])
def test_the_questions_in_a_text(text: str, parts: list[str]) -> None:
    assert [part.text for part in questions(text)] == parts


@pytest.mark.parametrize(("text", "left", "right"), [
    ("ktp hilang dan kk rusak gimana", "ktp hilang", "kk rusak gimana"), ("bikin kk & akta", "bikin kk", "akta"),
    ("ktp dan kk hilang", "ktp hilang", "kk hilang"), ("ktp/kk hilang", "ktp hilang", "kk hilang"),
    ("kk baru sama akta kelahiran", "kk baru", "akta kelahiran"), ("KTP hilang. KK rusak", "KTP hilang.", "KK rusak"),
    ("ktp rusak ga. kk hilang", "ktp rusak ga.", "kk hilang"), ("ktp hilang\nkk rusak", "ktp hilang", "kk rusak"),
    ("1. ktp hilang\n2. kk rusak", "ktp hilang", "kk rusak"), ("1) ktp hilang 2) kk rusak", "ktp hilang", "kk rusak"),
    ("ktp hilang, terus kk rusak", "ktp hilang", "kk rusak"), ("ktp hilang abis itu kk", "ktp hilang", "kk"),
    ("ktp hilang lalu kk rusak", "ktp hilang", "kk rusak"), ("ktp hilang, juga kk rusak", "ktp hilang", "kk rusak"),
])
def test_two_matters_in_one_text(text: str, left: str, right: str) -> None:
    assert Cut(left, right) in cuts(text)


@pytest.mark.parametrize(("text", "cut"), [
    ("ktp hilang, kk rusak", Cut("ktp hilang", "kk rusak", comma=True)),
    ("ktp hilang,kk rusak", Cut("ktp hilang", "kk rusak", comma=True)),
    ("KTP hilang. KK rusak gimana?", Cut("KTP hilang.", "KK rusak gimana?", told=True)),
    ("ktp gimana? KK saya rusak.", Cut("ktp gimana?", "KK saya rusak.", told=True)),
    ("Saya pindah, KK hilang. Gimana?", Cut("Saya pindah", "KK hilang. Gimana?", comma=True, told=True)),
    ("ktp hilang dan kk rusak gimana?", Cut("ktp hilang", "kk rusak gimana?")),
])
def test_where_a_text_was_cut_and_what_is_only_told(text: str, cut: Cut) -> None:
    assert cut in cuts(text)


def test_a_text_that_could_be_cut_often_is_cut_where_it_matters() -> None:
    found = cuts("a, b, c, d, e, f. ktp hilang dan kk rusak")
    assert len(found) == MOST_CUTS
    assert {cut.right for cut in found if not cut.comma} == {"ktp hilang dan kk rusak", "kk rusak"}


@pytest.mark.parametrize("text", ["ktp hilang", "ktp hilang.", "ktp hilang? !!", "dan", "sama", "", "pasaman",
                                  "kesamaan nama", "min, ktp hilang", "bulan lalu saya pindah", "no. 2", "RT 2/3",
                                  "Rp 5,000 itu apa", "ktp hilang, kak", "ktp dan kk " + "hilang " * LONGEST_CUT])
def test_what_joins_nothing(text: str) -> None:
    assert cuts(text) == ()


@pytest.mark.parametrize("text", [
    "bingung", "saya bingung kak", "gak ngerti", "maksudnya gimana", "pelan-pelan dong", "satu-satu dong", "ulangi",
    "tolong jelaskan lagi", "kurang paham pak, bahasanya", "ora mudeng aku", "ga jelas jawabannya", "Belum paham?",
    "apa maksudnya ini", "satu per satu ya",
])
def test_somebody_is_lost(text: str) -> None:
    assert lost(text)


@pytest.mark.parametrize("text", [
    "bingung mau pilih kk baru atau pisah kk", "saya gak ngerti cara daftar IKD", "apa maksudnya pisah kk", "",
    "ngerti", "saya paham", "jawabannya salah", "bingung ktp saya hilang", "😀", "maksud surat ini pindah", "gimana",
])
def test_a_question_is_not_taken_for_being_lost(text: str) -> None:
    assert not lost(text)


@given(st.text(max_size=300) | st.lists(st.sampled_from(
    ["syarat", "biaya", "dan", "sama", "apa", "?", ". ", "ktp", "berapa", ",", "\n", "kk hilang", "gimana"]
)).map(" ".join))
def test_no_word_of_a_text_is_lost_between_its_questions(text: str) -> None:
    parts = questions(text)
    assert len(parts) == 0 or 2 <= len(parts) <= MOST_PARTS
    assert all(part.text.strip() for part in parts)
    assert [part.sentence for part in parts] == sorted(part.sentence for part in parts)
    assert len(cuts(text)) <= MOST_CUTS
    assert all(cut.left.strip() and cut.right.strip() for cut in cuts(text))
    only_aspect(text), aspects(text), lost(text)  # never raise

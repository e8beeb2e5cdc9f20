"""What the bot learns from: names, amounts, nothing learnt twice, nothing measured on that was learnt."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
TRAINING = sorted((PROJECT / "data" / "nlu").glob("*.yml"))
HELD_OUT = PROJECT / "tests" / "nlu" / "held_out.yml"
LEXICON = PROJECT / "data" / "lexicon.csv"


def _names(text: str) -> set[str]:
    return set(text.split())


# The contract's names: a misspelt intent would train without a word and never be answered.
SERVICES = _names("""
    ktp_baru ktp_hilang ktp_rusak ktp_ubah_data ktp_belum_jadi kk_baru kk_tambah_anggota kk_kurang_anggota kk_pisah
    kk_hilang_rusak kk_ubah_data akta_kelahiran akta_kelahiran_terlambat akta_hilang akta_ubah_nama akta_kematian
    akta_perkawinan akta_perceraian pencatatan_anak kia pindah_keluar pindah_masuk ikd nik_bermasalah legalisir
    jemput_bola surat_keterangan wlkp wlkp_data_salah
    oss_nib oss_ubah_data oss_lupa_akun sktm surat_domisili
    ak1 jkp pengaduan_kerja paspor_baru paspor_ganti sim_baru sim_perpanjang skck
    bansos_cek bansos_usul bansos_sanggah bansos_pkh bansos_sembako
    bpjs_kesehatan_daftar bpjs_kesehatan_iuran bpjs_kesehatan_nonaktif bpjs_kesehatan_faskes bpjs_tk_jht
    bpjs_tk_lain
    npwp efin pbb pajak_kendaraan
    jam_layanan lokasi_kantor kontak tanya_biaya tanya_waktu tanya_syarat cek_status layanan_online
""")
HAND_OVER = _names("""
    minta_petugas bantah_jawaban sanggah_keputusan pengaduan pengaduan_pungli hapus_data darurat data_disalahgunakan
""")
TALK = _names("""
    sapa terima_kasih pamit setuju tolak bot_siapa bantuan basa_basi tanya_bot_lagi sudah_selesai belum_selesai
""")
NEEDED = {
    **dict.fromkeys(SERVICES | HAND_OVER, 60),
    **dict.fromkeys(TALK, 25),
    "luar_cakupan": 250,
}
NEEDED_HELD_OUT = 8
STYLES = {"standard", "slang", "mix", "long", "short", "typo"}

IDENTITY_NUMBER = re.compile(r"\d(?:[\s.-]?\d){9,}")
# Rasa would read these as an entity or as a command instead of as what somebody wrote.
MARKUP = re.compile(r"\]\s*[({]|^/")


class Example(NamedTuple):
    """One sentence as a citizen would write it."""

    text: str
    intent: str
    style: str
    file: str


def _read(path: Path) -> list[Example]:
    """All examples of a Rasa NLU file, in either of its two forms (a literal block, or a list with metadata)."""
    found = []
    content = yaml.safe_load(path.read_text("utf-8"))
    assert content["version"] == "3.1", path.name
    for block in content["nlu"]:
        examples = block["examples"]
        if isinstance(examples, str):
            lines = examples.splitlines()
            assert all(line.startswith("- ") for line in lines), f"{path.name}: {block['intent']}"
            examples = [{"text": line[2:]} for line in lines]
        for example in examples:
            style = example.get("metadata", {}).get("style", "")
            found.append(Example(example["text"].strip(), block["intent"], style, path.name))
    return found


def _same(text: str) -> str:
    """Two texts with the same key differ only in case, spaces and punctuation."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text


def _counts(examples: list[Example]) -> Counter[str]:
    return Counter(example.intent for example in examples)


@pytest.fixture(scope="module")
def training() -> list[Example]:
    return [example for path in TRAINING for example in _read(path)]


@pytest.fixture(scope="module")
def held_out() -> list[Example]:
    return _read(HELD_OUT)


@pytest.fixture(scope="module")
def lexicon() -> list[dict[str, str]]:
    with LEXICON.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == ["colloquial", "standard", "note"]
        return list(reader)


def test_only_names_of_the_contract(training, held_out):
    names = {example.intent for example in training + held_out}
    assert names - set(NEEDED) == set()


def test_enough_examples_of_each_intent(training):
    counts = _counts(training)
    assert {intent: counts[intent] for intent, least in NEEDED.items() if counts[intent] < least} == {}


def test_enough_held_out_questions_of_each_trained_intent(training, held_out):
    counts = _counts(held_out)
    trained = {example.intent for example in training}
    assert {intent: counts[intent] for intent in trained if counts[intent] < NEEDED_HELD_OUT} == {}
    assert set(counts) <= trained


def test_every_held_out_question_says_how_it_speaks(held_out):
    assert [example for example in held_out if example.style not in STYLES] == []
    assert {example.style for example in held_out} == STYLES


@pytest.mark.parametrize("which", ["training", "held_out"])
def test_nothing_stands_twice(which, request):
    first: dict[str, Example] = {}
    again = []
    for example in request.getfixturevalue(which):
        earlier = first.setdefault(_same(example.text), example)
        if earlier is not example:
            again.append((earlier, example))
    assert again == []


def test_nothing_held_out_is_trained_on(training, held_out):
    learnt = {_same(example.text): example for example in training}
    assert [(e, learnt[_same(e.text)]) for e in held_out if _same(e.text) in learnt] == []


@pytest.mark.parametrize("which", ["training", "held_out"])
def test_no_identity_numbers_and_no_markup(which, request):
    examples = request.getfixturevalue(which)
    assert [e for e in examples if not e.text or IDENTITY_NUMBER.search(e.text) or MARKUP.search(e.text)] == []


def test_the_lexicon_gives_each_form_one_reading(lexicon):
    forms = Counter(row["colloquial"].strip().casefold() for row in lexicon)
    assert [form for form, times in forms.items() if times > 1 or not form] == []


def test_the_lexicon_says_why_and_has_nothing_beyond_its_columns(lexicon):
    assert [row for row in lexicon if None in row or not (row["note"] or "").strip()] == []


@pytest.mark.parametrize("form", sorted(_names("kk buat cm smp no sapa km dr bkn spt nek la ka ade teh")))
def test_a_form_with_a_second_meaning_here_is_marked_so_that_it_is_not_replaced(lexicon, form):
    """kk is the family card and not kakak, cm is a size, smp a school, sapa also a greeting."""
    assert [row["note"] for row in lexicon if row["colloquial"] == form and not row["note"].startswith("ambigu")] == []

"""The catalogue we ship: every answer about every topic is sourced, dated, short, plain, and names a place."""

from __future__ import annotations

import itertools
import re
from datetime import date
from pathlib import Path

import pytest

from handoff.catalogue import ASPECTS, Aspect, Topic, load
from handoff.catalogue.render import Rendered, answer, page
from handoff.catalogue.wording import wording

DATA = Path(__file__).resolve().parents[2] / "data" / "catalogue"
CATALOGUE = load(DATA)
ANSWERS = [
    pytest.param(topic, aspect, answer(topic, aspect), id=f"{topic.id}-{aspect}")
    for topic, aspect in itertools.product(CATALOGUE.topics.values(), ASPECTS)
]
every_answer = pytest.mark.parametrize(("topic", "aspect", "rendered"), ANSWERS)
every_topic = pytest.mark.parametrize("topic", CATALOGUE.topics.values(), ids=lambda topic: topic.id)

# An agency's address is longer than the example's: what we ship leaves it this many characters.
ROOM_FOR_OVERLAY = 50
# Abbreviations everybody meets daily. Any other must be explained where it is used.
DAILY = {"KTP", "KK", "RT", "RW", "HP", "WIB", "A4", "BPJS", "SD", "SMP", "SMA"}
NOT_CHECKED = ("dari ingatan", "perlu verifikasi", "[R]", "[H]", "[T]")
# Facts the research notes mark as recalled; none may be promised.
RECALLED = ("1 jam", "Pengadilan Agama", "1500-630", "bantuan.kemnaker", "300.000", "0813-2691", "0815-3636")
# True of other documents, recalled of this one.
RECALLED_OF = {
    "surat_keterangan": ("6 bulan",),
    "ktp_belum_jadi": ("6 bulan",),
    "bansos_usul": ("14 hari",),
    "bansos_sembako": ("200.000",),
    "bpjs_kesehatan_daftar": ("28 hari",),
    "bpjs_kesehatan_iuran": ("150.000", "100.000", "42.000", "35.000"),
    "npwp": ("Gratis",),
    "pbb": ("24 bulan", "3 bulan", "Gratis"),
}
TOPICS = (
    "ktp_baru ktp_hilang ktp_rusak ktp_ubah_data ktp_belum_jadi kk_baru kk_tambah_anggota kk_kurang_anggota kk_pisah "
    "kk_hilang_rusak kk_ubah_data akta_kelahiran akta_kelahiran_terlambat akta_hilang akta_ubah_nama akta_kematian "
    "akta_perkawinan akta_perceraian pencatatan_anak kia pindah_keluar pindah_masuk ikd nik_bermasalah legalisir "
    "jemput_bola surat_keterangan wlkp wlkp_data_salah ak1 jkp pengaduan_kerja "
    "oss_nib oss_ubah_data oss_lupa_akun paspor_baru paspor_ganti sim_baru sim_perpanjang skck sktm surat_domisili "
    "npwp efin pbb pajak_kendaraan bansos_cek bansos_usul bansos_sanggah bansos_pkh bansos_sembako "
    "bpjs_kesehatan_daftar bpjs_kesehatan_iuran bpjs_kesehatan_nonaktif bpjs_kesehatan_faskes bpjs_tk_jht bpjs_tk_lain "
    "jam_layanan lokasi_kantor kontak cek_status layanan_online"
)


def _body(rendered: Rendered) -> str:
    return rendered.text.rsplit("\n", 1)[0]


def _sentences(text: str) -> list[str]:
    """Sentences, list items and labels, without the list's marks."""
    parts = re.split(r"[.!?:](?:\s|$)|\n", text)
    return [part for part in (re.sub(r"^(\d+|•)\s*", "", part.strip()) for part in parts) if part]


def test_holds_the_topics_of_the_contract() -> None:
    assert set(CATALOGUE.topics) == set(TOPICS.split())


def test_matters_only_a_person_can_mend() -> None:
    assert {topic.id for topic in CATALOGUE.topics.values() if topic.individual_matter} == {
        "nik_bermasalah",
        "wlkp_data_salah",
        "pengaduan_kerja",
        "oss_lupa_akun",
        "bansos_sanggah",
        "bpjs_kesehatan_nonaktif",
    }


@every_answer
def test_answer_fits_into_one_message(topic: Topic, aspect: Aspect, rendered: Rendered) -> None:
    assert len(rendered.text) <= 1024 - ROOM_FOR_OVERLAY


@every_answer
def test_answer_ends_with_its_sources_and_their_date(topic: Topic, aspect: Aspect, rendered: Rendered) -> None:
    assert rendered.sources
    assert len(set(rendered.sources)) == len(rendered.sources)
    assert rendered.reviewed == date(2026, 11, 1)
    last = rendered.text.rsplit("\n", 1)[1]
    assert last == f"Sumber: {'; '.join(rendered.sources)} · Diperiksa 1 November 2026"


@every_answer
def test_answer_names_a_place_but_does_not_end_there(topic: Topic, aspect: Aspect, rendered: Rendered) -> None:
    assert topic.desk.address in rendered.text
    assert _body(rendered).endswith(wording().help)
    substance = [line for line in _body(rendered).splitlines()[1:] if topic.desk.address not in line]
    assert len(substance) >= 3  # besides title and place: what was asked, or the overview, and where to get help


@every_answer
def test_answer_is_written_for_everybody(topic: Topic, aspect: Aspect, rendered: Rendered) -> None:
    # Addresses of the office are names, not sentences.
    body = _body(rendered).replace(f"{topic.desk.name}, {topic.desk.address}", "")
    lengths = [len(sentence.split()) for sentence in _sentences(body)]
    assert sum(lengths) / len(lengths) <= 15
    assert max(lengths) <= 20
    assert not re.search(r"F-?\d\.\d|\bPermen|\bPerpres|\bUU \d", body), "form or law numbers belong in the sources"
    for short in set(re.findall(r"\b[A-Z]{2,}\d?\b", body)) - DAILY:
        explained = rf"\w \({short}\)|{short} \(\w"
        assert re.search(explained, rendered.text), f"{short} is not explained"


@every_answer
def test_answer_offers_two_or_three_taps(topic: Topic, aspect: Aspect, rendered: Rendered) -> None:
    assert 2 <= len(rendered.related) <= 3
    assert len({button.payload for button in rendered.related}) == len(rendered.related)
    for button in rendered.related:
        assert len(button.title) <= 20
        match button.payload.split(":"):
            case ["topic", other]:
                assert other in CATALOGUE.topics
                assert other != topic.id
            case ["aspect", same, following]:
                assert same == topic.id
                assert following in set(ASPECTS) - {aspect}
            case _:
                pytest.fail(button.payload)


@every_topic
def test_tells_where_another_office_gives_the_service(topic: Topic) -> None:
    """Nobody is sent to our desk for what is not had there; and nobody is sent away without our desk."""
    place = answer(topic, "place").text
    assert (wording().help_desk.split(":")[0] in place) == (topic.given_at is not None)
    for aspect in ASPECTS if topic.given_at else ():
        text = answer(topic, aspect).text
        assert topic.given_at.text in text
        assert text.index(topic.given_at.text) < text.index(topic.desk.address)


@every_topic
def test_states_nothing_recalled(topic: Topic) -> None:
    texts = [answer(topic, aspect).text for aspect in ASPECTS]
    texts += [line.text for block in page(topic).blocks for line in block.lines]
    for phrase in (*NOT_CHECKED, *RECALLED, *RECALLED_OF.get(topic.id, ())):
        assert not [text for text in texts if phrase in text]


@every_topic
def test_aspect_stands_first(topic: Topic) -> None:
    if topic.kind != "service":
        return
    for aspect in ASPECTS[1:]:
        assert answer(topic, aspect).text.splitlines()[1].startswith(wording().headings[aspect])


@pytest.mark.parametrize(
    "topic",
    [topic for topic in CATALOGUE.topics.values() if topic.fee and topic.fee.amount == 0],
    ids=lambda topic: topic.id,
)
def test_free_is_said_first(topic: Topic) -> None:
    assert re.search(r"^Biaya:\s+(• )?Gratis\.", answer(topic, "fee").text, re.MULTILINE)


@every_topic
def test_where_money_is_paid_no_officer_takes_cash(topic: Topic) -> None:
    """Of an amount that is not nothing, and of one left to the officer, the answer says who never gets it."""
    if topic.fee is None or topic.fee.amount == 0:
        return
    told = answer(topic, "fee").text
    paid = topic.given_at is not None or re.search(r"Rp\d", told)
    if paid:
        assert re.search(r"Jangan (beri|titip) uang tunai kepada (petugas|siapa pun)", told)


@every_topic
def test_local_examples_are_no_promise(topic: Topic) -> None:
    """What other offices report stands on the page under a heading that says so, and in no answer."""
    examples = {example.text for example in topic.time.examples} if topic.time else set()
    for aspect in ASPECTS:
        assert not [text for text in examples if text in answer(topic, aspect).text]
    shown = {line.text for block in page(topic).blocks for line in block.lines if "bukan janji" in block.heading}
    assert shown == examples


@every_topic
def test_page_tells_source_and_address_of_every_fact(topic: Topic) -> None:
    shown = page(topic)
    for line in (shown.summary, *(line for block in shown.blocks for line in block.lines)):
        assert line.sources or line.text.startswith("Tanyakan ke petugas")
    assert set(topic.sources) <= set(shown.sources)
    for source in shown.sources:
        is_law = re.match(r"(UU|PP) \d+/\d{4}", source.label)
        assert is_law or source.label == CATALOGUE.office.name or source.url


def test_every_listed_page_is_cited() -> None:
    listed = set(re.findall(r"^    url: (\S+)$", (DATA / "sumber.yml").read_text(), re.MULTILINE))
    assert listed == {source.url for topic in CATALOGUE.topics.values() for source in topic.sources if source.url}


def test_office_is_plainly_an_example() -> None:
    office = CATALOGUE.office
    assert "(contoh)" in office.name
    assert all("contoh" in desk.address for desk in office.desks.values())
    assert all("contoh" in contact.value for contact in office.contacts if re.search(r"\d|@", contact.value))


FORMAT = (DATA.parents[1] / "docs" / "catalogue.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", FORMAT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=("topic", "source", "overlay"))
def test_documented_examples_load_as_an_overlay(example: str, tmp_path: Path) -> None:
    (tmp_path / "contoh.yml").write_text(example, encoding="utf-8")
    assert load(DATA, tmp_path).version != CATALOGUE.version

"""The catalogue we ship: every answer about every topic is sourced, dated, short, plain, and names a place."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from handoff.catalogue import ASPECTS, Topic, load, plain
from handoff.catalogue.render import Line, Rendered, answer, page
from handoff.catalogue.schema import Fact, Rejection, facts_of
from handoff.catalogue.wording import wording

DATA = Path(__file__).resolve().parents[2] / "data" / "catalogue"
CATALOGUE = load(DATA)
ANSWERS = {topic.id: {aspect: answer(topic, aspect) for aspect in ASPECTS} for topic in CATALOGUE.topics.values()}
every_topic = pytest.mark.parametrize("topic", CATALOGUE.topics.values(), ids=lambda topic: topic.id)

# An agency's address is longer than the example's: what we ship leaves it this many characters.
ROOM_FOR_OVERLAY = 50
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
# Services of which no law that was read speaks: what they rest on instead.
WITHOUT_LAW = {
    "kia": "Permendagri 2/2016, as a page quotes it",
    "legalisir": "Permendagri 104/2019 Ps. 19(6), as two offices quote it",
    "efin": "a practice of the tax office that has ended",
}
# A law as a whole: that it says nothing of a fee stands in none of its articles.
WHOLE_LAW = {"UU 7/1981"}
# What newer rules replaced: not said, or only as what is no longer needed (the second half of each line).
OUTDATED = {
    r"\bEFIN\b(?!.*tidak diperlukan lagi)": "reset and reports through Coretax since 2026",
    r"M-Pajak|DJP Online|djponline|\bereg\b|e-?[Rr]egistration": "Coretax since 2025",
    r"\b(kartu|cetak|buat|bikin) NPWP": "the NIK is the tax number since 2025",
    r"\bDTKS\b|\bBDT\b": "DTSEN replaced DTKS in 2025",
    r"PP (Nomor )?5/2021|PP 24/2018|\bSIUP\b|\bTDP\b|SKDU": "PP 28/2025 and the business number",
    r"45 persen|25 persen|6 bulan berturut|3 bulan sejak (PHK|diputus)": "PP 6/2025 on lost work",
    r"Permenaker 19/2015|Permensos 21/2019|PP 28/2019": "replaced",
    r"Google Lens|pemindai (QR|umum)|kamera HP": "QR codes of documents are read by the IKD application since 2026",
    r"[Pp]enetapan pengadilan.*(terlambat|60 hari)": "late births need no court since 2013",
    r"(?<!Tidak perlu )surat pengantar RT(?! atau RW\?|, RW, atau kelurahan\?)": "no letter of RT or RW",
    r"hari ulang tahun|tanggal lahir pemilik": "a licence runs five years from its issue",
    r"denda (KTP|telat membuat KTP)(?!.*bohong)": "there is no fine for a lost card",
    r"berlaku 5 tahun.*KTP|KTP.*berlaku 5 tahun": "for life since 2013",
}
# What an office may say on its own authority: what it does, and what it asks of people; never a fact about the world.
OWN_WORDS = re.compile(r"\b(kami|petugas|[Pp]etugas|di sini|percakapan ini|[Aa]sisten|[Jj]angan)\b")
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


def _texts(topic: Topic) -> list[str]:
    """Everything that a citizen may read about the topic, statement by statement."""
    shown = page(topic)
    lines: list[Line] = [shown.summary, *(line for block in shown.blocks for line in block.lines)]
    return [text for line in lines for text in line.text.split(". ")] + [
        line for aspect in ASPECTS for line in _body(answer(topic, aspect)).splitlines()[1:]  # not the title, a name
    ]


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


def test_matters_only_a_person_can_mend_once_they_are_late() -> None:
    late = {topic.id: topic.time for topic in CATALOGUE.topics.values() if topic.individual_when_late}
    assert {name: time.official for name, time in late.items() if time} == {"ktp_belum_jadi": (14, False)}


@every_topic
def test_answer_fits_into_one_message(topic: Topic) -> None:
    for aspect, rendered in ANSWERS[topic.id].items():
        assert len(rendered.text) <= 1024 - ROOM_FOR_OVERLAY
        assert rendered.parts == (rendered.text,)
        assert len(answer(topic, aspect, date(2030, 1, 1)).parts) == 1  # overdue for review, and saying so


@every_topic
def test_answer_ends_with_its_sources_and_their_date(topic: Topic) -> None:
    for rendered in ANSWERS[topic.id].values():
        assert rendered.sources
        assert len(set(rendered.sources)) == len(rendered.sources)
        assert rendered.reviewed == date(2026, 11, 1)
        last = rendered.text.rsplit("\n", 1)[1]
        assert last == f"Sumber: {'; '.join(rendered.sources)} · Diperiksa 1 November 2026"


def test_whoever_wants_to_extend_a_ktp_is_told_that_it_needs_none() -> None:
    """Whatever aspect is asked of it, from a fee to a place: UU 24/2013 Ps. 64(7)."""
    for rendered in ANSWERS["ktp_baru"].values():
        assert "KTP warga Indonesia berlaku seumur hidup. Tidak perlu diperpanjang." in rendered.text
        assert "UU 24/2013 Ps. 64(7)" in rendered.sources


def test_whoever_wants_to_extend_a_kk_hears_the_law_and_that_the_officer_knows_the_rest() -> None:
    """The law speaks of the number only, UU 23/2006 Ps. 61(3)."""
    text = ANSWERS["kk_hilang_rusak"]["overview"].text
    assert "Nomor KK berlaku selamanya, kecuali kepala keluarga berganti." in text
    assert "Tanyakan ke petugas sampai kapan KK lama berlaku." in text


@every_topic
def test_answer_names_a_place_but_does_not_end_there(topic: Topic) -> None:
    for rendered in ANSWERS[topic.id].values():
        assert topic.desk.address in rendered.text
        assert _body(rendered).endswith(wording().help)
        substance = [line for line in _body(rendered).splitlines()[1:] if topic.desk.address not in line]
        assert len(substance) >= 3  # besides title and place: what was asked, or the overview, and where to get help
        words = [line for line in substance if len(re.sub(r"\S*\d\S*|\S+@\S+|\S+\.\w{2}\S*", "", line).split()) >= 4]
        assert len(words) >= 2  # not just numbers and addresses


@every_topic
def test_answers_are_written_for_everybody(topic: Topic) -> None:
    assert list(plain.remarks(topic)) == []


def test_each_word_that_needs_no_explanation_has_its_reason() -> None:
    said = " ".join(text for topic in CATALOGUE.topics.values() for text in _texts(topic))
    own_zone = {"WIB", "WITA", "WIT"}  # of whichever office this is
    assert {short for short in plain.known() if not re.search(rf"\b{short}\b", said)} <= own_zone
    assert all(len(reason.split()) >= 2 for reason in plain.known().values())


@every_topic
def test_every_service_answers_every_aspect_or_says_that_the_officer_will_tell(topic: Topic) -> None:
    """Never silence, and never the overview where something else was asked."""
    if topic.kind != "service":
        return
    for aspect in ASPECTS[1:]:
        lines = next(block for block in page(topic, aspect).blocks).lines
        assert lines
        assert all(line.sources or line.text.startswith("Tanyakan ke petugas") for line in lines)
        own = lines[: len(lines) - len(topic.refused)] if aspect == "rejections" else lines
        assert own, "nothing of its own"


@every_topic
def test_every_service_rests_on_an_article_of_law(topic: Topic) -> None:
    laws = [source.label for source in topic.sources if re.match(r"(UU|PP) \d+/\d{4}", source.label)]
    assert {law for law in laws if " Ps. " not in law} <= WHOLE_LAW
    if topic.kind == "service":
        rights = {source.label for fact in topic.refused for source in fact.sources}
        assert any(" Ps. " in law for law in set(laws) - rights) == (topic.id not in WITHOUT_LAW)


def test_lost_work_cites_the_law_as_it_was_changed() -> None:
    """PP 6/2025 changed PP 37/2021 in Ps. 4, 11, 19-21, 25, 31, 39 and 40; what it left is Ps. 35 and 37."""
    cited = {source.label for topic in CATALOGUE.topics.values() for source in topic.sources}
    assert {label for label in cited if label.startswith("PP 37/2021")} <= {"PP 37/2021 Ps. 37"}


def test_what_a_fee_question_about_arrears_wants_to_know_stands_in_its_answer() -> None:
    assert "5 persen biaya rawat inap" in ANSWERS["bpjs_kesehatan_iuran"]["fee"].text


@every_topic
def test_says_nothing_that_newer_rules_replaced(topic: Topic) -> None:
    for phrase, newer in OUTDATED.items():
        assert [text for text in _texts(topic) if re.search(phrase, text)] == [], newer


@every_topic
def test_what_only_the_office_says_is_about_the_office(topic: Topic) -> None:
    """A fact about the world needs a source that somebody read; an office vouches for its own conduct only."""
    for fact in (*facts_of(topic), *topic.refused):
        if isinstance(fact, Fact) and [source.label for source in fact.sources] == [CATALOGUE.office.name]:
            said = f"{fact.text} {fact.then}" if isinstance(fact, Rejection) else fact.text
            assert OWN_WORDS.search(said), said


def test_keepers_are_people_of_the_example_office() -> None:
    example = yaml.safe_load((DATA.parents[1] / "handoff" / "example_office.yml").read_text(encoding="utf-8"))
    people = {(p["name"], p["title"], unit["slug"]) for unit in example["units"] for p in unit["people"]}
    keepers = {(t.keeper.person, t.keeper.position, t.keeper.unit) for t in CATALOGUE.topics.values()}
    assert keepers <= people
    assert set(CATALOGUE.office.desks) == {unit["slug"] for unit in example["units"]} - {"sekretariat"}


@every_topic
def test_every_entry_is_looked_at_again_within_half_a_year(topic: Topic) -> None:
    assert (topic.next_review - topic.reviewed).days in (90, 180)


@every_topic
def test_answer_offers_two_or_three_taps(topic: Topic) -> None:
    for aspect, rendered in ANSWERS[topic.id].items():
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
    """Of an amount that is not nothing, and of one left to the officer, the answer says how it is paid officially (or
    that the officer tells) and who never gets it."""
    if topic.fee is None or topic.fee.amount == 0:
        return
    assert topic.fee.pay
    for aspect in ("fee", "overview"):
        assert wording().never_cash in answer(topic, aspect).text
    told = answer(topic, "fee").text
    assert all(fact.text in told for fact in topic.fee.pay.known)
    assert topic.fee.pay.ask_officer is None or topic.fee.pay.ask_officer in told


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


@pytest.mark.parametrize("example", EXAMPLES, ids=("topic", "common", "keepers", "source", "overlay"))
def test_documented_examples_load_as_an_overlay(example: str, tmp_path: Path) -> None:
    (tmp_path / "contoh.yml").write_text(example, encoding="utf-8")
    changed = load(DATA, tmp_path)
    assert set(changed.topics) == set(CATALOGUE.topics)
    if example.startswith("office:"):  # the agency's overlay
        hilang = changed.topics["ktp_hilang"]
        assert "• Map berwarna merah." in answer(hilang, "requirements").text
        assert "• Surat kehilangan dari polisi." in answer(hilang, "requirements").text
        assert "Tidak membawa map? Kami beri di loket." in answer(hilang, "rejections").text
        assert hilang.time
        assert hilang.time.official == (3, True)
        assert (hilang.keeper.person, hilang.keeper.unit) == ("Ayu Lestari", "kependudukan")

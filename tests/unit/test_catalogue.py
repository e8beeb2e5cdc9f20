"""Loading, overlaying and rendering a catalogue: what is refused, how it is named, what an agency can change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.catalogue import Catalogue, CatalogueError, load
from handoff.catalogue.__main__ import main
from handoff.catalogue.layers import merge
from handoff.catalogue.plain import of_text
from handoff.catalogue.render import answer, page
from handoff.catalogue.wording import wording

BASE: dict[str, Any] = {
    "office": {
        "name": "Kota Uji (contoh)",
        "zone": "WITA",
        "reviewed": date(2026, 10, 1),
        "hours": [{"days": "Senin", "opens": "08.00", "closes": "15.00"}],
        "closed": "Minggu",
        "desks": {"kependudukan": {"name": "Dinas Uji", "address": "Jalan Uji 1"}},
        "contacts": [{"label": "Telepon", "value": "000"}],
    },
    "keepers": {"kasi": {"position": "Kepala Seksi", "unit": "kependudukan", "person": "Ani Uji"}},
    "common": {"refused": [{"text": "Boleh keberatan.", "sources": ["UU 24/2013 Ps. 1"]}]},
    "laws": {"UU 24/2013": {"name": "Undang-Undang Nomor 24 Tahun 2013"}},
    "pages": {"hsu": {"name": "Dukcapil HSU", "url": "https://contoh.example/ktp"}},
    "topics": {
        name: {
            "title": name.upper(),
            "unit": "kependudukan",
            "keeper": "kasi",
            "reviewed": date(2026, 11, 1),
            "summary": [{"text": "Ringkas.", "sources": ["hsu"]}],
            "who": {"facts": [{"text": "Warga.", "sources": ["hsu"]}]},
            "requirements": {"facts": [{"text": "Surat polisi.", "sources": ["hsu"]}]},
            "fee": {"amount": 0, "sources": ["UU 24/2013 Ps. 79A"]},
            "time": {"limit": {"days": 14, "sources": ["UU 24/2013 Ps. 69"]}},
            "steps": {"facts": [{"text": "Datang.", "sources": ["hsu"]}]},
            "rejections": {"facts": [{"text": "Belum 17 tahun?", "then": "Tunggu dulu.", "sources": ["hsu"]}]},
            "related": [other for other in ("satu", "dua", "tiga") if other != name],
        }
        for name in ("satu", "dua", "tiga")
    },
}


def _write(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yml").write_text(text)
    return folder


def _load(tmp_path: Path, overlay: Any = None) -> Catalogue:
    return load(_write(tmp_path / "base", semua=BASE), _write(tmp_path / "kami", kami=overlay) if overlay else None)


def _problems(folder: Path, overlay: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(CatalogueError) as caught:
        load(folder, overlay)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def _set(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        target: Any = data
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        target = data
        for part in path[:-1]:
            target = target[part]
        del target[path[-1]]

    return change


SATU = ("topics", "satu")
FACT = {"text": "Satu.", "sources": ["hsu"]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_set(*SATU, "fee", "amount", value="gratis"), "satu: fee.amount: Input should be a valid integer"),
        (_set(*SATU, "fee", "amount", value=True), "satu: fee.amount: Input should be a valid integer"),
        (_set(*SATU, "fee", "amount", value=-1), "satu: fee.amount: Input should be greater than or equal to 0"),
        (_set(*SATU, "fee", "sources", value=[]), "satu: fee: amount and sources belong together"),
        (_set(*SATU, "fee", value={}), "satu: fee: states nothing: give facts, or ask_officer"),
        (_set(*SATU, "biaya", value=0), "satu: biaya: unknown key"),
        (_set(*SATU, "id", value="lain"), "satu: id: unknown key"),
        (_set(*SATU, "time", "limit", "working_day", value=True), "satu: time.limit.working_day: unknown key"),
        (_set(*SATU, "time", "limit", "days", value=0), "satu: time.limit.days: Input should be greater"),
        (_set(*SATU, "summary", 0, "sources", value=[]), "satu: summary.0.sources: Tuple should have at least 1 item"),
        (_drop(*SATU, "keeper"), "satu: keeper: is missing"),
        (_set(*SATU, "keeper", value="kasih"), "satu: keeper: unknown keeper 'kasih'"),
        (_drop("keepers", "kasi", "person"), "keepers: kasi: person: is missing"),
        (_set("keepers", "kasi", "unit", value="pajak"), "keepers: kasi: unit: office.desks has no pajak"),
        (_set(*SATU, "review_every", value=0), "satu: review_every: Input should be greater than or equal to 1"),
        (_drop(*SATU, "steps"), "satu: a service needs steps (facts or ask_officer)"),
        (_drop(*SATU, "who"), "satu: a service needs who (facts or ask_officer)"),
        (_drop(*SATU, "rejections"), "satu: a service needs rejections (facts or ask_officer)"),
        (_set(*SATU, "who", value={}), "satu: who: states nothing: give facts, or ask_officer"),
        (_set(*SATU, "rejections", "facts", value=[FACT]), "satu: rejections.facts.0.then: is missing"),
        (_set(*SATU, "fee", "amount", value=5000), "satu: fee: pay (facts or ask_officer) is needed exactly where"),
        (_set(*SATU, "fee", "pay", value={"ask_officer": "x"}), "satu: fee: pay (facts or ask_officer) is needed"),
        (_set(*SATU, value=BASE["topics"]["satu"] | {"individual_when_late": True, "time": {"ask_officer": "x"}}),
         "satu: individual_when_late needs time.limit"),
        (_set(*SATU, "time", "office", value=FACT | {"day": 3}), "satu: time.office.day: unknown key"),
        (_set("common", "refused", 0, "sources", value=["x"]), "common: refused.0.sources.0: unknown source 'x'"),
        (_set("common", "hak", value=[]), "common: hak: unknown key"),
        (_set(*SATU, "summary", 0, "sources", value=["hsx"]), "satu: summary.0.sources.0: unknown source 'hsx'"),
        (_set(*SATU, "summary", 0, "sources", value=["UU 1/1999 Ps. 1"]), "unknown source 'UU 1/1999 Ps. 1'"),
        (_set(*SATU, "summary", 0, "sources", value=["hsu Ps. 3"]), "unknown source 'hsu Ps. 3'"),
        (_set(*SATU, "summary", 0, "text", value="Sehari (dari ingatan)"), "unverified, leave it to ask_officer"),
        (_set(*SATU, "summary", 0, "text", value="Sehari [R]"), "unverified, leave it to ask_officer: [R]"),
        (_set(*SATU, "summary", 0, "text", value="  "), "satu: summary.0.text: must not be empty"),
        (_set(*SATU, "related", value=["dua", "empat"]), "satu: related.1: unknown topic 'empat'"),
        (_set(*SATU, "related", value=["dua"]), "satu: related must name two or three other topics"),
        (_set(*SATU, "related", value=["dua", "satu"]), "satu: related must name two or three other topics"),
        (_set(*SATU, "related", value=["dua", "dua"]), "satu: related must name two or three other topics"),
        (_set(*SATU, "title", value="Judul yang amat panjang"), "satu: title: String should have at most 20"),
        (_set(*SATU, "unit", value="pajak"), "satu: office.desks has no pajak: no place to name"),
        (_set(*SATU, "unit", value="Dinas Pajak"), "satu: unit: String should match pattern"),
        (_set(*SATU, "unit", value="sosial"), "satu: office.desks has no sosial: no place to name"),
        (_set(*SATU, "shows", value=["hours"]), "satu: only a topic of kind office has shows"),
        (_set(*SATU, "reviewed", value="kemarin"), "satu: reviewed: Input should be a valid date"),
        (_set("topics", "satu", value="KTP"), "satu: Input should be a valid dictionary"),
        (_set("topics", "Satu Dua", value={}), "Satu Dua: id: String should match pattern"),
        (_set("topics", value=[]), "semua.yml: topics: must be a mapping"),
        (_set("rules", value={}), "semua.yml: rules: unknown key"),
        (_drop("office", "zone"), "semua.yml: office: zone: is missing"),
        (_set("office", "zone", value="CET"), "semua.yml: office: zone: Input should be 'WIB'"),
        (_set("office", "hours", 0, "opens", value="8.00"), "semua.yml: office: hours.0.opens: String should match"),
        (_set("office", "hours", 0, "opens", value="16.00"), "semua.yml: office: hours.0: opens must be earlier"),
        (_set("office", "desks", "pajak", value={}), "semua.yml: office: desks.pajak.name: is missing"),
        (_set("pages", "hsu", "url", value="contoh"), "semua.yml: pages: hsu: url: String should match"),
        (_set("laws", "UU 24/2013", value={}), "semua.yml: laws: UU 24/2013: name: is missing"),
        (_set(*SATU, "summary", value=[FACT | {"text": "A" * 290}] * 12), "satu: overview: the answer takes"),
    ],
)
def test_refuses(tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str) -> None:
    data = copy.deepcopy(BASE)
    change(data)
    problems = _problems(_write(tmp_path / "base", semua=data))
    assert any(problem in line for line in problems), problems
    assert all(line.startswith("semua.yml: ") for line in problems)


def test_lists_all_problems_of_all_files(tmp_path: Path) -> None:
    data = copy.deepcopy(BASE)
    topics = data.pop("topics")
    topics["satu"]["fee"]["amount"] = "nol"
    topics["satu"]["tittle"] = "KTP"
    topics["dua"]["related"] = ["satu", "lima"]
    problems = _problems(_write(tmp_path / "base", kantor=data, layanan={"topics": topics}, rusak="a: [1"))
    assert problems == (
        "rusak.yml: line 1: expected ',' or ']', but got '<stream end>'",
        "layanan.yml: satu: fee.amount: Input should be a valid integer",
        "layanan.yml: satu: tittle: unknown key",
    )


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a": BASE, "b": {"topics": {"satu": BASE["topics"]["satu"]}}}, "b.yml: satu: already in a.yml"),
        ({"a": BASE, "b": {"pages": BASE["pages"]}}, "b.yml: pages: hsu: already in a.yml"),
        ({"a": BASE, "b": "topics:\n  satu: {}\n  satu: {}\n"}, "b.yml: line 3: satu stands twice"),
        ({"a": BASE, "b": "? [a]\n: 1\n"}, "b.yml: line 1: a key must be one word"),
        ({"a": BASE, "b": "!!python/object/apply:os.getcwd []"}, "b.yml: line 1: could not determine a constructor"),
        ({"a": BASE, "b": "- satu\n"}, "b.yml: must hold a mapping"),
        ({}, "holds no .yml file"),
    ],
)
def test_refuses_files(tmp_path: Path, files: dict[str, Any], problem: str) -> None:
    problems = _problems(_write(tmp_path / "base", **files))
    assert any(problem in line for line in problems), problems


def test_broken_encoding_is_a_problem_of_that_file(tmp_path: Path) -> None:
    folder = _write(tmp_path / "base", semua=BASE)
    (folder / "biner.yml").write_bytes(b"topics: \xff\xfe")
    assert [line.split(": ")[:2] for line in _problems(folder)] == [["biner.yml", "cannot be read"]]


def test_answer_in_full(tmp_path: Path) -> None:
    topic = _load(tmp_path).topics["satu"]
    rendered = answer(topic, "fee")
    assert rendered.text == (
        "SATU\n"
        "Biaya: Gratis.\n"
        "Ringkasan: Ringkas.\n"
        "Tempat: Dinas Uji, Jalan Uji 1.\n"
        "Belum jelas? Minta bicara dengan petugas di sini.\n"
        "Sumber: UU 24/2013 Ps. 79A; Dukcapil HSU; Kota Uji (contoh) · Diperiksa 1 Oktober 2026"
    )
    assert rendered.sources == ["UU 24/2013 Ps. 79A", "Dukcapil HSU", "Kota Uji (contoh)"]
    assert [(button.title, button.payload) for button in rendered.related] == [
        ("Syarat", "aspect:satu:requirements"),
        ("Berapa lama", "aspect:satu:time"),
        ("DUA", "topic:dua"),
    ]


@pytest.mark.parametrize(
    ("overlay", "aspect", "expected"),
    [
        (
            {"fee": {"amount": 1_250_000, "pay": {"facts": [FACT | {"text": "Bayar di bank."}]}}},
            "fee",
            "Biaya:\n• Rp1.250.000.\n• Bayar di bank.\n• Jangan beri uang tunai kepada petugas.",
        ),
        (
            {"fee": {"ask_officer": "tentang denda"}},
            "overview",
            "Biaya: Gratis. Tanyakan ke petugas tentang denda.",
        ),
        (
            {"fee": {"amount": None, "sources": [], "ask_officer": "berapa biayanya", "pay": {"ask_officer": "x"}}},
            "overview",
            "Biaya: Tanyakan ke petugas berapa biayanya. Jangan beri uang tunai kepada petugas.",
        ),
        (
            {"time": {"limit": {"days": 3, "working_days": True}}},
            "time",
            "Waktu: Paling lama 3 hari kerja sejak syarat lengkap. Ini batas menurut undang-undang.",
        ),
        (
            {"time": {"office": {"text": "Di kantor kami 2 hari.", "sources": ["kantor"]}}},
            "overview",
            "Waktu: Di kantor kami 2 hari. Paling lama 14 hari sejak syarat lengkap.",
        ),
        ({"time": {"examples": [FACT | {"text": "Di kota lain 1 hari."}]}}, "time", "Waktu: Paling lama 14 hari"),
        ({"place": {"facts": [FACT | {"text": "Bisa di kecamatan."}]}}, "place", "• Bisa di kecamatan."),
        ({"requirements": {"local": [FACT]}}, "requirements", "Syarat:\n• Surat polisi.\n• Satu."),
        ({"who": {"local": [FACT]}}, "requirements", "Siapa yang boleh:\n• Warga.\n• Satu."),
        (
            {"rejections": {"local": [FACT | {"then": "Dua."}]}},
            "rejections",
            "Kalau ditolak:\n• Belum 17 tahun? Tunggu dulu.\n• Satu. Dua.\n• Boleh keberatan.",
        ),
        (
            {"steps": {"facts": [FACT, FACT | {"text": "Dua."}]}},
            "steps",
            "Langkah:\n1. Satu.\n2. Dua.",
        ),
    ],
)
def test_overlay_changes_what_it_names(tmp_path: Path, overlay: dict[str, Any], aspect: Any, expected: str) -> None:
    catalogue = _load(tmp_path, {"topics": {"satu": overlay}})
    assert expected in answer(catalogue.topics["satu"], aspect).text
    assert catalogue.topics["dua"] == _load(tmp_path).topics["dua"]


def test_overlay_replaces_office_and_adds_topics_and_sources(tmp_path: Path) -> None:
    added = BASE["topics"]["satu"] | {"title": "Empat", "summary": [{"text": "Baru.", "sources": ["perda"]}]}
    catalogue = _load(
        tmp_path,
        {
            "office": {"name": "Kota Kami", "desks": {"kependudukan": {"address": "Jalan Kami 7"}}},
            "pages": {"perda": {"name": "Perda Kota Kami 1/2026", "url": "https://kami.example/perda"}},
            "topics": {"empat": added},
        },
    )
    text = answer(catalogue.topics["empat"]).text
    assert "Dinas Uji, Jalan Kami 7." in text
    assert "Perda Kota Kami 1/2026" in text
    assert "Kota Kami ·" in text
    assert set(catalogue.topics) == {"satu", "dua", "tiga", "empat"}


def test_overlay_takes_away_a_desk_and_brings_its_own_units(tmp_path: Path) -> None:
    perpustakaan = {"name": "Perpustakaan Kami", "address": "Jalan Buku 3"}
    overlay = {
        "office": {"desks": {"kependudukan": None, "perpustakaan": perpustakaan}},
        "keepers": {"kasi": {"unit": "perpustakaan"}},
        "topics": {name: {"unit": "perpustakaan"} for name in ("satu", "dua", "tiga")},
    }
    catalogue = _load(tmp_path, overlay)
    assert list(catalogue.office.desks) == ["perpustakaan"]
    assert "Tempat: Perpustakaan Kami, Jalan Buku 3." in answer(catalogue.topics["satu"]).text


@pytest.mark.parametrize(
    ("overlay", "problem"),
    [
        ({"topics": {"satu": {"fee": {"amount": "x"}}}}, "kami/kami.yml: satu: fee.amount: Input should be"),
        ({"topics": {"satu": {"biaya": {}}}}, "kami/kami.yml: satu: biaya: unknown key"),
        ({"topics": {"lima": {"title": "Lima"}}}, "kami/kami.yml: lima: unit: is missing"),
        ({"office": {"zone": "X"}}, "kami/kami.yml: office: zone: Input should be 'WIB'"),
        (
            {"topics": {"satu": {"summary": [FACT | {"text": "A" * 290}] * 12}}},
            "kami/kami.yml: satu: overview: the answer takes",
        ),
    ],
)
def test_problem_names_the_overlay_that_caused_it(tmp_path: Path, overlay: dict[str, Any], problem: str) -> None:
    folders = (_write(tmp_path / "base", semua=BASE), _write(tmp_path / "kami", kami=overlay))
    problems = _problems(*folders)
    assert problems[0].startswith(problem), problems


def test_problem_of_the_base_is_not_blamed_on_the_overlay(tmp_path: Path) -> None:
    data = copy.deepcopy(BASE)
    data["topics"]["satu"]["time"]["limit"]["days"] = "x"
    overlay = _write(tmp_path / "kami", kami={"topics": {"satu": {"title": "Ganti"}}})
    assert _problems(_write(tmp_path / "base", semua=data), overlay)[0].startswith("semua.yml: satu: time.limit.days")


def test_version_follows_what_is_said_and_nothing_else(tmp_path: Path) -> None:
    plain = _load(tmp_path).version
    commented = "# a remark\n" + yaml.safe_dump(BASE, allow_unicode=True)
    assert load(_write(tmp_path / "lagi", lain=commented)).version == plain
    assert _load(tmp_path, {"office": {"closed": "Sabtu"}}).version != plain


def test_reviewed_is_the_oldest_of_what_is_said(tmp_path: Path) -> None:
    old = {"text": "Lama.", "sources": ["hsu"], "reviewed": date(2024, 2, 29)}
    topic = _load(tmp_path, {"topics": {"satu": {"steps": {"facts": [old]}}}}).topics["satu"]
    assert answer(topic, "steps").reviewed == date(2024, 2, 29)
    assert answer(topic, "steps").text.endswith("Diperiksa 29 Februari 2024")
    assert answer(topic, "fee").reviewed == date(2026, 10, 1)


def test_office_topic_lists_what_it_shows_and_answers_any_aspect(tmp_path: Path) -> None:
    own = {"hours": [{"days": "Sabtu", "opens": "09.00", "closes": "12.00"}]}
    jam = {key: BASE["topics"]["satu"][key] for key in ("unit", "keeper", "reviewed", "summary", "related")}
    jam |= {"title": "Jam", "kind": "office", "shows": ["hours", "contacts"], "related": ["dua", "tiga"]}
    overlay = {"office": {"desks": {"kependudukan": own}}, "topics": {"jam": jam}}
    catalogue = _load(tmp_path, overlay)
    text = answer(catalogue.topics["jam"], "fee").text
    assert text == answer(catalogue.topics["jam"]).text
    assert "• Senin: pukul 08.00 sampai 15.00 WITA." in text
    assert "• Dinas Uji, Sabtu: pukul 09.00 sampai 12.00 WITA." in text
    assert "Kontak: Telepon: 000." in text
    assert "Sabtu: pukul 09.00" in answer(catalogue.topics["satu"], "place").text
    assert "Senin: pukul" not in answer(catalogue.topics["satu"], "place").text


def test_page_sections(tmp_path: Path) -> None:
    shown = page(_load(tmp_path, {"topics": {"satu": {"notes": [FACT]}}}).topics["satu"])
    assert [block.heading for block in shown.blocks] == [
        "Syarat", "Biaya", "Waktu", "Langkah", "Tempat", "Kalau ditolak", "Siapa yang boleh", "Perlu diketahui",
    ]
    assert (shown.keeper.position, shown.keeper.person) == ("Kepala Seksi", "Ani Uji")
    assert (shown.next_review_text, shown.stale) == ("30 April 2027", "")
    assert shown.sources[0].url == "https://contoh.example/ktp"
    law = next(source for source in shown.sources if source.label == "UU 24/2013 Ps. 79A")
    assert (law.name, law.url) == ("Undang-Undang Nomor 24 Tahun 2013", None)


def test_how_to_pay_has_its_own_section_on_the_page(tmp_path: Path) -> None:
    fee = {"amount": 5000, "pay": {"facts": [FACT | {"text": "Bayar di bank."}]}}
    blocks = page(_load(tmp_path, {"topics": {"satu": {"fee": fee}}}).topics["satu"]).blocks
    assert [line.text for block in blocks if block.heading == "Biaya" for line in block.lines] == ["Rp5.000."]
    assert [line.text for block in blocks if block.heading == "Cara bayar" for line in block.lines] == [
        "Bayar di bank.", "Jangan beri uang tunai kepada petugas.",
    ]


def test_an_entry_overdue_for_review_says_so_and_stays(tmp_path: Path) -> None:
    catalogue = _load(tmp_path, {"topics": {"satu": {"review_every": 30}, "dua": {"reviewed": date(2026, 9, 1)}}})
    satu, notice = catalogue.topics["satu"], wording().stale
    last, after = date(2026, 12, 1), date(2026, 12, 2)
    assert satu.next_review == last
    assert notice not in answer(satu, "fee", last).text
    assert notice not in answer(satu, "fee").text
    lines = answer(satu, "fee", after).text.splitlines()
    assert lines[1] == "Biaya: Gratis."
    assert lines[-3:-1] == [notice, wording().help]
    assert (page(satu, today=after).stale, page(satu, today=last).stale) == (notice, "")
    assert [topic.id for topic in catalogue.stale(date(2027, 3, 1))] == ["satu", "dua"]


def test_a_long_answer_becomes_messages_cut_by_meaning(tmp_path: Path) -> None:
    """An agency's long list is sent in two messages: none over the limit, no heading alone, the sources last."""
    facts = [FACT | {"text": f"Syarat tambahan nomor {n} dari kantor kami."} for n in range(30)]
    rendered = answer(_load(tmp_path, {"topics": {"satu": {"requirements": {"local": facts}}}}).topics["satu"])
    assert len(rendered.parts) == 2
    assert all(len(part) <= 1024 for part in rendered.parts)
    assert "\n".join(rendered.parts) == rendered.text
    assert not any(part.endswith(":") for part in rendered.parts)
    assert rendered.parts[-1].splitlines()[-1].startswith("Sumber: ")


@pytest.mark.parametrize(("overlay", "official"), [
    ({}, (14, False)),
    ({"time": {"limit": {"working_days": True}}}, (14, True)),
    ({"time": {"office": FACT | {"days": 3, "working_days": True}}}, (3, True)),
    ({"time": {"office": FACT}}, (14, False)),
    ({"time": {"limit": None, "ask_officer": "x"}, "individual_when_late": False}, None),
])
def test_the_official_time_is_the_offices_promise_before_the_laws_limit(
    tmp_path: Path, overlay: dict[str, Any], official: tuple[int, bool] | None
) -> None:
    time = _load(tmp_path, {"topics": {"satu": overlay}} if overlay else None).topics["satu"].time
    assert time is not None
    assert time.official == official


def test_who_keeps_an_entry_is_no_part_of_what_is_said(tmp_path: Path) -> None:
    other = {"keepers": {"kasi": {"person": "Budi Uji"}}}
    assert _load(tmp_path, other).version == _load(tmp_path).version
    assert _load(tmp_path, other).topics["satu"].keeper.person == "Budi Uji"


@pytest.mark.parametrize(("text", "told"), [
    ("Datang ke kantor. Bawa KTP dan KK.", []),
    ("Isi F-1.02 dari petugas.", ["F-1.02 belongs in the sources"]),
    ("Lihat UU 23 dan Permendagri 108/2019.", ["UU 23", "Permendagri 108", "UU is not"]),
    ("Daftar NPWP dulu.", ["NPWP is not explained where it is first used"]),
    ("Daftar nomor pajak (NPWP) dulu. NPWP gratis.", []),
    ("NPWP gratis. Daftar nomor pajak (NPWP) dulu.", ["NPWP is not explained where it is first used"]),
    ("NPWP (nomor pajak) gratis.", []),
    ("Buka oss.go.id. Daftar akun.", []),
    (" ".join(["kata"] * 21) + ".", ["sentences have 21.0 words on average", "a sentence has 21 words"]),
    (" ".join(["kata"] * 16) + ".", ["sentences have 16.0 words on average"]),
    ("Di Dinas Uji Kota Kami Yang Jauh Sekali Jalan Panjang Nomor Satu.", []),
])
def test_plain_language(text: str, told: list[str]) -> None:
    found = list(of_text(text, ["Dinas Uji Kota Kami Yang Jauh Sekali"]))
    assert len(found) == len(told), found
    assert all(remark.startswith(start) for remark, start in zip(found, told, strict=True))


def test_entries_cannot_be_changed(tmp_path: Path) -> None:
    topic = _load(tmp_path).topics["satu"]
    with pytest.raises(ValueError, match="frozen"):
        topic.title = "Lain"  # type: ignore[misc]


def test_command_checks_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = str(_write(tmp_path / "base", semua=BASE))
    assert main([base]) == 0
    assert capsys.readouterr().out.startswith("3 topics, version ")
    assert main([base, "--show", "satu", "--aspect", "fee"]) == 0
    assert "Biaya: Gratis." in capsys.readouterr().out
    assert main([base, "--today", "2027-06-01"]) == 0
    assert "note: satu: review was due on 2027-04-30: Ani Uji, Kepala Seksi\n" in capsys.readouterr().out
    assert main([base, "--unofficial"]) == 0
    listed = capsys.readouterr().out
    assert "satu: Surat polisi. (Dukcapil HSU)\n" in listed  # contoh.example is no government's address
    assert "fee" not in listed  # a law says it
    hard = {"topics": {"satu": {"notes": [FACT | {"text": "Isi F-1.02 dulu."}]}}}
    assert main([base, "--overlay", str(_write(tmp_path / "sulit", x=hard)), "--today", "2026-11-02"]) == 0
    assert capsys.readouterr().out.startswith("note: satu: overview: F-1.02 belongs in the sources\n3 topics")
    assert main([base, "--overlay", str(_write(tmp_path / "kami", x={"topics": {"satu": {"x": 1}}}))]) == 1
    assert capsys.readouterr().err == "kami/x.yml: satu: x: unknown key\n"


trees = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
)


@given(trees, trees)
def test_merge_is_stable_and_keeps_its_arguments(base: Any, local: Any) -> None:
    before = copy.deepcopy((base, local))
    merged = merge(base, local)
    assert merge(merged, local) == merged
    assert (base, local) == before


@given(trees.filter(lambda tree: isinstance(tree, dict)), trees.filter(lambda tree: isinstance(tree, dict)))
def test_merge_takes_each_key_from_whoever_says_it(base: dict[str, Any], local: dict[str, Any]) -> None:
    merged = merge(base, local)
    assert set(merged) == set(base) | set(local)
    assert all(merged[key] == base[key] for key in set(base) - set(local))
    assert all(merged[key] == local[key] for key in set(local) - set(base))

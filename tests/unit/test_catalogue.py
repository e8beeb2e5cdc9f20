"""Loading and overlaying a catalogue: what is refused, how it is named, what an agency can change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.catalogue import CatalogueError, load
from handoff.catalogue.__main__ import main
from handoff.catalogue.layers import merge
from handoff.catalogue.render import answer
from tests.support.catalogue import BASE, FACT, SATU, loaded, put, written


def _problems(folder: Path, overlay: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(CatalogueError) as caught:
        load(folder, overlay)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        target = data
        for part in path[:-1]:
            target = target[part]
        del target[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put(*SATU, "fee", "amount", value="gratis"), "satu: fee.amount: Input should be a valid integer"),
        (put(*SATU, "fee", "amount", value=True), "satu: fee.amount: Input should be a valid integer"),
        (put(*SATU, "fee", "amount", value=-1), "satu: fee.amount: Input should be greater than or equal to 0"),
        (put(*SATU, "fee", "sources", value=[]), "satu: fee: amount and sources belong together"),
        (put(*SATU, "fee", value={}), "satu: fee: states nothing: give facts, or ask_officer"),
        (put(*SATU, "biaya", value=0), "satu: biaya: unknown key"),
        (put(*SATU, "id", value="lain"), "satu: id: unknown key"),
        (put(*SATU, "time", "limit", "working_day", value=True), "satu: time.limit.working_day: unknown key"),
        (put(*SATU, "time", "limit", "days", value=0), "satu: time.limit.days: Input should be greater"),
        (put(*SATU, "summary", 0, "sources", value=[]), "satu: summary.0.sources: Tuple should have at least 1 item"),
        (_drop(*SATU, "keeper"), "satu: keeper: is missing"),
        (put(*SATU, "keeper", value="kasih"), "satu: keeper: unknown keeper 'kasih'"),
        (_drop("keepers", "kasi", "person"), "keepers: kasi: person: is missing"),
        (put("keepers", "kasi", "unit", value="pajak"), "keepers: kasi: unit: office.desks has no pajak"),
        (put(*SATU, "review_every", value=0), "satu: review_every: Input should be greater than or equal to 1"),
        (_drop(*SATU, "steps"), "satu: a service needs steps (facts or ask_officer)"),
        (_drop(*SATU, "who"), "satu: a service needs who (facts or ask_officer)"),
        (_drop(*SATU, "rejections"), "satu: a service needs rejections (facts or ask_officer)"),
        (put(*SATU, "who", value={}), "satu: who: states nothing: give facts, or ask_officer"),
        (put(*SATU, "rejections", "facts", value=[FACT]), "satu: rejections.facts.0.then: is missing"),
        (put(*SATU, "fee", "amount", value=5000), "satu: fee: pay (facts or ask_officer) is needed exactly where"),
        (put(*SATU, "fee", "pay", value={"ask_officer": "x"}), "satu: fee: pay (facts or ask_officer) is needed"),
        (put(*SATU, value=BASE["topics"]["satu"] | {"individual_when_late": True, "time": {"ask_officer": "x"}}),
         "satu: individual_when_late needs time.limit"),
        (put(*SATU, "time", "office", value=FACT | {"day": 3}), "satu: time.office.day: unknown key"),
        (put("common", "refused", 0, "sources", value=["x"]), "common: refused.0.sources.0: unknown source 'x'"),
        (put("common", "hak", value=[]), "common: hak: unknown key"),
        (put(*SATU, "summary", 0, "sources", value=["hsx"]), "satu: summary.0.sources.0: unknown source 'hsx'"),
        (put(*SATU, "summary", 0, "sources", value=["UU 1/1999 Ps. 1"]), "unknown source 'UU 1/1999 Ps. 1'"),
        (put(*SATU, "summary", 0, "sources", value=["hsu Ps. 3"]), "unknown source 'hsu Ps. 3'"),
        (put(*SATU, "summary", 0, "text", value="Sehari (dari ingatan)"), "unverified, leave it to ask_officer"),
        (put(*SATU, "summary", 0, "text", value="Sehari [R]"), "unverified, leave it to ask_officer: [R]"),
        (put(*SATU, "summary", 0, "text", value="  "), "satu: summary.0.text: must not be empty"),
        (put(*SATU, "related", value=["dua", "empat"]), "satu: related.1: unknown topic 'empat'"),
        (put(*SATU, "related", value=["dua"]), "satu: related must name two or three other topics"),
        (put(*SATU, "related", value=["dua", "satu"]), "satu: related must name two or three other topics"),
        (put(*SATU, "related", value=["dua", "dua"]), "satu: related must name two or three other topics"),
        (put(*SATU, "title", value="Judul yang amat panjang"), "satu: title: String should have at most 20"),
        (put(*SATU, "unit", value="pajak"), "satu: office.desks has no pajak: no place to name"),
        (put(*SATU, "unit", value="Dinas Pajak"), "satu: unit: String should match pattern"),
        (put(*SATU, "unit", value="sosial"), "satu: office.desks has no sosial: no place to name"),
        (put(*SATU, "shows", value=["hours"]), "satu: only a topic of kind office has shows"),
        (put(*SATU, "reviewed", value="kemarin"), "satu: reviewed: Input should be a valid date"),
        (put("topics", "satu", value="KTP"), "satu: Input should be a valid dictionary"),
        (put("topics", "Satu Dua", value={}), "Satu Dua: id: String should match pattern"),
        (put("topics", value=[]), "semua.yml: topics: must be a mapping"),
        (put("rules", value={}), "semua.yml: rules: unknown key"),
        (_drop("office", "zone"), "semua.yml: office: zone: is missing"),
        (put("office", "zone", value="CET"), "semua.yml: office: zone: Input should be 'WIB'"),
        (put("office", "hours", 0, "opens", value="8.00"), "semua.yml: office: hours.0.opens: String should match"),
        (put("office", "hours", 0, "opens", value="16.00"), "semua.yml: office: hours.0: opens must be earlier"),
        (put("office", "desks", "pajak", value={}), "semua.yml: office: desks.pajak.name: is missing"),
        (put("pages", "hsu", "url", value="contoh"), "semua.yml: pages: hsu: url: String should match"),
        (put("laws", "UU 24/2013", value={}), "semua.yml: laws: UU 24/2013: name: is missing"),
        (put(*SATU, "summary", value=[FACT | {"text": "A" * 290}] * 12), "satu: overview: the answer takes"),
    ],
)
def test_refuses(tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str) -> None:
    data = copy.deepcopy(BASE)
    change(data)
    problems = _problems(written(tmp_path / "base", semua=data))
    assert any(problem in line for line in problems), problems
    assert all(line.startswith("semua.yml: ") for line in problems)


def test_lists_all_problems_of_all_files(tmp_path: Path) -> None:
    data = copy.deepcopy(BASE)
    topics = data.pop("topics")
    topics["satu"]["fee"]["amount"] = "nol"
    topics["satu"]["tittle"] = "KTP"
    topics["dua"]["related"] = ["satu", "lima"]
    problems = _problems(written(tmp_path / "base", kantor=data, layanan={"topics": topics}, rusak="a: [1"))
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
    problems = _problems(written(tmp_path / "base", **files))
    assert any(problem in line for line in problems), problems


def test_broken_encoding_is_a_problem_of_that_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "base", semua=BASE)
    (folder / "biner.yml").write_bytes(b"topics: \xff\xfe")
    assert [line.split(": ")[:2] for line in _problems(folder)] == [["biner.yml", "cannot be read"]]


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
    catalogue = loaded(tmp_path, {"topics": {"satu": overlay}})
    assert expected in answer(catalogue.topics["satu"], aspect).text
    assert catalogue.topics["dua"] == loaded(tmp_path).topics["dua"]


def test_overlay_replaces_office_and_adds_topics_and_sources(tmp_path: Path) -> None:
    added = BASE["topics"]["satu"] | {"title": "Empat", "summary": [{"text": "Baru.", "sources": ["perda"]}]}
    catalogue = loaded(
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
    catalogue = loaded(tmp_path, overlay)
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
    folders = (written(tmp_path / "base", semua=BASE), written(tmp_path / "kami", kami=overlay))
    problems = _problems(*folders)
    assert problems[0].startswith(problem), problems


def test_problem_of_the_base_is_not_blamed_on_the_overlay(tmp_path: Path) -> None:
    data = copy.deepcopy(BASE)
    data["topics"]["satu"]["time"]["limit"]["days"] = "x"
    overlay = written(tmp_path / "kami", kami={"topics": {"satu": {"title": "Ganti"}}})
    assert _problems(written(tmp_path / "base", semua=data), overlay)[0].startswith("semua.yml: satu: time.limit.days")


def test_entries_cannot_be_changed(tmp_path: Path) -> None:
    topic = loaded(tmp_path).topics["satu"]
    with pytest.raises(ValueError, match="frozen"):
        topic.title = "Lain"  # type: ignore[misc]


def test_command_checks_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = str(written(tmp_path / "base", semua=BASE))
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
    assert main([base, "--overlay", str(written(tmp_path / "sulit", x=hard)), "--today", "2026-11-02"]) == 0
    assert capsys.readouterr().out.startswith("note: satu: overview: F-1.02 belongs in the sources\n3 topics")
    assert main([base, "--overlay", str(written(tmp_path / "kami", x={"topics": {"satu": {"x": 1}}}))]) == 1
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

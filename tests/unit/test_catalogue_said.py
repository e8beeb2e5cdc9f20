"""What a catalogue says: answers, pages, dates, and how plain it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff.catalogue import load
from handoff.catalogue.plain import of_text
from handoff.catalogue.render import answer, page
from handoff.catalogue.wording import wording
from tests.support.catalogue import BASE, FACT, loaded, written


def test_answer_in_full(tmp_path: Path) -> None:
    topic = loaded(tmp_path).topics["satu"]
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


def test_version_follows_what_is_said_and_nothing_else(tmp_path: Path) -> None:
    plain = loaded(tmp_path).version
    commented = "# a remark\n" + yaml.safe_dump(BASE, allow_unicode=True)
    assert load(written(tmp_path / "lagi", lain=commented)).version == plain
    assert loaded(tmp_path, {"office": {"closed": "Sabtu"}}).version != plain


def test_reviewed_is_the_oldest_of_what_is_said(tmp_path: Path) -> None:
    old = {"text": "Lama.", "sources": ["hsu"], "reviewed": date(2024, 2, 29)}
    topic = loaded(tmp_path, {"topics": {"satu": {"steps": {"facts": [old]}}}}).topics["satu"]
    assert answer(topic, "steps").reviewed == date(2024, 2, 29)
    assert answer(topic, "steps").text.endswith("Diperiksa 29 Februari 2024")
    assert answer(topic, "fee").reviewed == date(2026, 10, 1)


def test_office_topic_lists_what_it_shows_and_answers_any_aspect(tmp_path: Path) -> None:
    own = {"hours": [{"days": "Sabtu", "opens": "09.00", "closes": "12.00"}]}
    jam = {key: BASE["topics"]["satu"][key] for key in ("unit", "keeper", "reviewed", "summary", "related")}
    jam |= {"title": "Jam", "kind": "office", "shows": ["hours", "contacts"], "related": ["dua", "tiga"]}
    overlay = {"office": {"desks": {"kependudukan": own}}, "topics": {"jam": jam}}
    catalogue = loaded(tmp_path, overlay)
    text = answer(catalogue.topics["jam"], "fee").text
    assert text == answer(catalogue.topics["jam"]).text
    assert "• Senin: pukul 08.00 sampai 15.00 WITA." in text
    assert "• Dinas Uji, Sabtu: pukul 09.00 sampai 12.00 WITA." in text
    assert "Kontak: Telepon: 000." in text
    assert "Sabtu: pukul 09.00" in answer(catalogue.topics["satu"], "place").text
    assert "Senin: pukul" not in answer(catalogue.topics["satu"], "place").text


def test_page_sections(tmp_path: Path) -> None:
    shown = page(loaded(tmp_path, {"topics": {"satu": {"notes": [FACT]}}}).topics["satu"])
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
    blocks = page(loaded(tmp_path, {"topics": {"satu": {"fee": fee}}}).topics["satu"]).blocks
    assert [line.text for block in blocks if block.heading == "Biaya" for line in block.lines] == ["Rp5.000."]
    assert [line.text for block in blocks if block.heading == "Cara bayar" for line in block.lines] == [
        "Bayar di bank.", "Jangan beri uang tunai kepada petugas.",
    ]


def test_an_entry_overdue_for_review_says_so_and_stays(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, {"topics": {"satu": {"review_every": 30}, "dua": {"reviewed": date(2026, 9, 1)}}})
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
    rendered = answer(loaded(tmp_path, {"topics": {"satu": {"requirements": {"local": facts}}}}).topics["satu"])
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
    time = loaded(tmp_path, {"topics": {"satu": overlay}} if overlay else None).topics["satu"].time
    assert time is not None
    assert time.official == official


def test_who_keeps_an_entry_is_no_part_of_what_is_said(tmp_path: Path) -> None:
    other = {"keepers": {"kasi": {"person": "Budi Uji"}}}
    assert loaded(tmp_path, other).version == loaded(tmp_path).version
    assert loaded(tmp_path, other).topics["satu"].keeper.person == "Budi Uji"


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

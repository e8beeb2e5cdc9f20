"""Which number a citizen asks after."""

from __future__ import annotations

import pytest

from handoff.domain import number
from handoff.domain.status import Asked, asked, nothing_else, without_keys

OURS = number.new(lambda most: 1234567 % most)
DIGITS = OURS.replace("-", "")


@pytest.mark.parametrize("text", [
    OURS, DIGITS, f"kasus {OURS}", f"Status kasus {DIGITS[:4]} {DIGITS[4:]} gimana", f"{DIGITS[:4]}.{DIGITS[4:]}",
    f"cek status nomor {' '.join(DIGITS)}", f"sudah sejak 24-11-2026, kasus {OURS}", f"KASUS {OURS}",
])
def test_a_case_is_known_by_its_number_however_it_is_typed(text: str) -> None:
    assert asked(text) == Asked(OURS)


@pytest.mark.parametrize("text", [
    "status ktp saya", f"{OURS[:-1]}{(int(OURS[-1]) + 1) % 10}", "1234", "24-11-2026", "2026-11-24", "24/11/2026",
    f"{OURS} atau {number.new(lambda most: 7654321 % most)}",
])
def test_none_several_a_mistyped_one_or_a_date_is_no_case(text: str) -> None:
    assert asked(text) is None


def test_a_link_brings_its_key() -> None:
    link = f"https://contoh.example/kasus/{OURS}?k=abcDEF_123-456xyz"
    assert asked(f"ini {link} gimana") == Asked(OURS, "abcDEF_123-456xyz")
    assert nothing_else(link)
    assert without_keys(f"lihat {link} ya") == f"lihat https://contoh.example/kasus/{OURS}?k=… ya"


KEY = "sKIUhJ_-4LvVJGe010WmUw"


@pytest.mark.parametrize("link", [
    f"/kasus/{OURS}?k={KEY}", f"/kasus/{DIGITS}?k={KEY}", f"/kasus/{OURS}.{KEY}", f"/kasus/{OURS}?terkirim=3&k={KEY}",
    f"/kasus/{OURS}%3Fk%3D{KEY}", f"/kasus/{OURS}?dari=1&amp;k={KEY}#terkirim", f"/lapor/{KEY}abcdefghij",
    f"/data/{KEY}abcdefghij", f"/data/bukti/{KEY}",
])
def test_p11_a_secret_in_an_address_is_nobody_elses_however_the_address_is_written(link: str) -> None:
    assert KEY not in without_keys(f"lihat https://contoh.example{link} ya")
    assert without_keys(f"lihat https://contoh.example{link} ya").endswith(" ya")


@pytest.mark.parametrize(("text", "alone"), [
    (OURS, True), (f"status kasus {OURS} dong min", True), ("IZN-2026-0001", True), ("cek izn-2026-0001", True),
    (f"ktp saya hilang, kasus {OURS}", False), ("cara urus IZN-2026-0001 yang hilang", False), ("?!", True),
])
def test_a_number_alone_needs_no_reading(text: str, alone: bool) -> None:
    assert nothing_else(text, ["IZN-2026-0001"]) is alone

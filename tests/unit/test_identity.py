"""What is masked, and what ordinary people write that is not. All numbers are made up."""

from __future__ import annotations

import re
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.identity import Masked, mask

NIK = "3171011708450001"

MASKED = [
    # NIK, however it is written
    (f"NIK saya {NIK} pak", "NIK saya [NIK] pak", "NIK"),
    (f"nik{NIK}.", "nik[NIK].", "NIK"),
    ("3171 0117 0845 0001", "[NIK]", "NIK"),
    ("317101-170845-0001", "[NIK]", "NIK"),
    ("31.71.01.170845.0001", "[NIK]", "NIK"),
    ("31.71.01-57 08 45 0001", "[NIK]", "NIK"),
    (" ".join(NIK), "[NIK]", "NIK"),
    ("3171\u20110117\u20110845\u20110001", "[NIK]", "NIK"),
    ("3171\u200b0117\u00a00845\u202f0001", "[NIK]", "NIK"),
    (NIK.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}), "[NIK]", "NIK"),  # full width
    ("6501 0117 0845 0001", "[NIK]", "NIK"),  # Kalimantan Utara, younger than python-stdnum's list
    ("9301 0157 0899 0001", "[NIK]", "NIK"),  # Papua Selatan
    ("3171012902000001", "[NIK]", "NIK"),  # 29 February 2000
    (f"{NIK} {NIK}, {NIK}", "[NIK] [NIK], [NIK]", "NIK NIK NIK"),
    (f"rt 05 {NIK[:4]} {NIK[4:8]} {NIK[8:12]} {NIK[12:]} jl. 3", "rt 05 [NIK] jl. 3", "NIK"),
    (f"lahir 17-08-1945 10.00 {NIK}", "lahir 17-08-1945 10.00 [NIK]", "NIK"),
    # KK: announced as such, and with a date without the women's 40
    ("no kk 3201012301120003", "no kk [KK]", "KK"),
    ("Nomor Kartu Keluarga: 3201 0123 0112 0003", "Nomor Kartu Keluarga: [KK]", "KK"),
    ("noKK 3201012301120003, NIK 3201015708990004", "noKK [KK], NIK [NIK]", "KK NIK"),
    ("kk ibu 3201015708990004", "kk ibu [NIK]", "NIK"),
    ("pakkk 3201012301120003", "pakkk [NIK]", "NIK"),
    # NPWP
    ("NPWP 01.312.166.0-091.000", "NPWP [NPWP]", "NPWP"),
    ("013121660091000", "[NPWP]", "NPWP"),
    ("0013121660091000", "[NPWP]", "NPWP"),
    ("0013 1216 6009 1000", "[NPWP]", "NPWP"),
    # mistyped or unknown, and long all the same
    ("01.312.166.1-091.000", "[NOMOR]", "NOMOR"),
    ("317101170845000", "[NOMOR]", "NOMOR"),
    ("31710117084500011", "[NOMOR]", "NOMOR"),
    ("3171013013450001", "[NOMOR]", "NOMOR"),
    ("9971 0117 0845 0001", "[NOMOR]", "NOMOR"),
    ("4111-1111-1111-1111", "[NOMOR]", "NOMOR"),
    ("3171 0117 0845 000", "[NOMOR]", "NOMOR"),
    # telephone numbers
    ("081234567890", "[TELEPON]", "TELEPON"),
    ("wa 0812-3456-7890 ya", "wa [TELEPON] ya", "TELEPON"),
    ("08 12 34 56 78 90", "[TELEPON]", "TELEPON"),
    ("+62 812-3456-7890", "[TELEPON]", "TELEPON"),
    ("+62 (0) 812 3456 7890", "[TELEPON]", "TELEPON"),
    ("\u202a+62 812\u20113456\u20117890\u202c", "\u202a[TELEPON]\u202c", "TELEPON"),
    ("wa.me/6281234567890", "wa.me/[TELEPON]", "TELEPON"),
    ("81234567890", "[TELEPON]", "TELEPON"),
    ("(0274) 512345", "[TELEPON]", "TELEPON"),
    ("(0274-512345)", "([TELEPON])", "TELEPON"),
    ("021 5551234 / 0812 3456 789", "[TELEPON] / [TELEPON]", "TELEPON TELEPON"),
    ("0812 3456 7890 0813 4567 8901", "[TELEPON] [TELEPON]", "TELEPON TELEPON"),
    ("majikan saya +60 12-345 6789", "majikan saya [TELEPON]", "TELEPON"),
    ("08123456789012", "[TELEPON]", "TELEPON"),
]


@pytest.mark.parametrize(("text", "expected", "kinds"), MASKED)
def test_what_is_masked(text: str, expected: str, kinds: str) -> None:
    assert mask(text) == Masked(expected, tuple(kinds.split()))


@pytest.mark.parametrize("between", [
    "_", ",", ", ", ":", ";", "|", "*", "=", "\n", "\r\n", "  -  ", " . ", "\u00ad", "\u3000", "·",
])
def test_p11_an_identity_number_is_known_whatever_stands_between_its_digits(between: str) -> None:
    for parts in (NIK[:6], NIK[6:12], NIK[12:]), (NIK[:4], NIK[4:8], NIK[8:12], NIK[12:]), NIK:
        assert mask(f"nik {between.join(parts)} ya") == Masked("nik [NIK] ya", ("NIK",))


def test_p11_an_identity_number_drawn_as_keys() -> None:
    assert "[NIK]" in mask("".join(f"{digit}\ufe0f\u20e3" for digit in NIK)).text


@pytest.mark.parametrize("text", [
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "021, 022, 031, 0274", "0811, 0812, 0813: kode operator",
    "2023, 2024, 2025, 2026", "rt 01\nrt 02\n12345\n67890", "a=1; b=2; c=3; d=4567890",
    "12.000, 15.000, 20.000, 25.000", "62, 81, 23, 45, 67", "08.00, 09.00, 10.00, 11.00",
])
def test_what_is_listed_is_not_one_number(text: str) -> None:
    assert mask(text) == Masked(text, ())


@pytest.mark.parametrize("text", [
    "", "KTP saya hilang", "kasus 1234-5678", "kasus 0812-3456", "1234 5678", "nomor 12345678", "6281-2345",
    "Rp150.000", "biaya Rp 1.500.000.000.000,00", "rp. 15000000000", "150.000.000.000", "tahun 2023 2024 2025 2026",
    "14 hari, 30 hari, 60 hari kerja, 2 tahun 3 bulan 15 hari", "jam 08.00-16.00", "08.00 - 12.00 13.00 - 16.00",
    "31-01-2026 08.00-12.30", "31/01/2026 pukul 13:30", "2026-01-31 08.00-12.30", "17-08-1945 17.08.1945",
    "02 11 2026 08", "08 11 2026 10 orang", "telepon 112, 110, 119, 1708 atau 137", "1500-533", "0800 1500 160",
    "1000 1500 2000 2500", "UU 24/2013 Ps. 79A, PP 40/2019 Ps. 30(2)", "jl. mawar no. 12 rt 03/05 57131", "9 " * 100,
    "+1 2345 6789", "+12", "BPJS 0001234567890",
])
def test_what_is_left_alone(text: str) -> None:
    assert mask(text) == Masked(text, ())


@st.composite
def _nik(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1930, 1, 1), date(2026, 11, 1)))
    place = f"{draw(st.sampled_from([11, 31, 33, 35, 53, 65, 71, 92, 96]))}{draw(st.integers(1, 40)):02}"
    day = born.day + draw(st.sampled_from([0, 40]))
    return f"{place}{draw(st.integers(1, 60)):02}{day:02}{born:%m%y}{draw(st.integers(0, 9999)):04}"


_not_digits = st.text(max_size=20).map(lambda text: re.sub(r"\d", "", text))


@given(_nik(), st.sets(st.integers(1, 15)), st.sampled_from(["", " ", ".", "-", " - ", "\u2011"]), st.text(), st.text())
def test_p11_no_nik_survives(nik: str, cuts: set[int], separator: str, before: str, after: str) -> None:
    written = "".join((separator if place in cuts else "") + digit for place, digit in enumerate(nik))
    around = re.sub(r"\d+\Z", "", before), re.sub(r"\A\d+", "", after)  # a digit glued to it makes another number
    masked = mask(f"{around[0]}{written}{around[1]}")
    assert nik not in re.sub(r"[^0-9]", "", masked.text)
    assert masked.found


@given(_not_digits, _nik(), _not_digits)
def test_an_unbroken_nik_leaves_the_rest_as_it_was(before: str, nik: str, after: str) -> None:
    found = mask(before + nik + after)
    assert found.text in (f"{before}[NIK]{after}", f"{before}[KK]{after}", f"{before[:-1]}[NIK]{after}")
    assert len(found.found) == 1


PIECES = ["08", "62", "+", NIK, "3171", " ", "-", ".", "2026", "0812", "Rp", "kk ", "\ud800", "\u0663"]


@given(st.one_of(
    st.text(),
    st.text(alphabet="0123456789 .-+()/:Rp", max_size=200),
    st.lists(st.sampled_from(PIECES)).map("".join),
))
def test_never_raises_and_again_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once.text) == Masked(once.text, ())
    assert not re.search(r"[0-9]{15}", once.text)
    tokens = re.findall(r"\[(NIK|KK|NPWP|TELEPON|NOMOR)\]", once.text)
    assert len(tokens) >= len(once.found)


@pytest.mark.parametrize("unit", [
    "saya urus ktp 1 ", "1 ", "0 ", "8 ", "08 ", "62 8 4 ", "02 1 5 ", f"{NIK} ", "3171 0117 0845 000 ", "9", "1.000.",
    "08.00-", "kk ", "+60 1 ", "1   ", "-", "1,", "1\n", "12;;;;;", "0_8_", "1\ufe0f\u20e3",
])
def test_fast_on_the_longest_text(unit: str) -> None:
    text = (unit * 4096)[:4088] + "12345678"
    start = time.process_time()
    mask(text)
    assert time.process_time() - start < 0.5

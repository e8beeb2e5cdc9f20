"""Whom a text names: one name too many is harmless, one too few is not."""

from __future__ import annotations

from uuid import UUID

import pytest

from handoff.domain.naming import Person, named

SITI = Person(UUID(int=1), "Hj. Siti Rahayu, S.Sos.", "Petugas Layanan KTP dan KK")
BONAR = Person(UUID(int=2), "Bonar Simanjuntak", "Petugas Layanan Akta")
HEAD = Person(UUID(int=3), "Dr. Ratna Wulandari, M.Si.", "Kepala Dinas Kependudukan")


@pytest.mark.parametrize(("text", "expected"), [
    ("pak Bonar minta uang", {BONAR}), ("BONAR SIMANJUNTAK", {BONAR}), ("bu siti dan pak bonar", {SITI, BONAR}),
    ("kepala dinas kependudukan minta setoran", {HEAD}), ("bu Rátna yang minta", {HEAD}),
    ("petugas loket minta uang", set()), ("kepala dinas", set()), ("drs dr s sos", set()), ("", set()),
    ("sitirahayu", set()), ("kata Bonar, harus bayar", {BONAR}),
])
def test_a_part_of_the_name_or_the_whole_position_names_somebody(text: str, expected: set[Person]) -> None:
    assert named(text, [SITI, BONAR, HEAD]) == {person.id for person in expected}

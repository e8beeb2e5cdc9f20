"""P12: no sentence that we ship about somebody's application approves or rejects it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from handoff.connectors import load
from handoff.domain.deciding import decides
from handoff.texts import FILE

ROOT = Path(__file__).parents[2]
TEXTS = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def sentences(tree: object, path: str = "") -> list[tuple[str, str]]:
    if isinstance(tree, dict):
        return [found for key, value in tree.items() for found in sentences(value, f"{path}.{key}")]
    return [(path, str(tree))]


@pytest.mark.parametrize(("path", "text"), sentences(TEXTS["status"]), ids=lambda value: str(value)[:30])
def test_p12_what_we_say_of_a_status_decides_nothing(path: str, text: str) -> None:
    assert decides(re.sub(r"{[{%].*?[}%]}", "", text)) is None, path


def test_p12_no_text_of_ours_grants_or_refuses_an_application() -> None:
    verdict = re.compile(r"(?:permohonan|pengajuan|keberatan|bansos|izin)\b[^.]{0,40}\b(?:disetujui|tolak|dikabulkan)")
    assert [path for path, text in sentences(TEXTS) if verdict.search(text.casefold())] == []


def test_p12_the_example_connector_can_be_loaded_and_decides_nothing(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(# perizinan\.yml\n.*?)```", (ROOT / "docs/connectors.md").read_text(), re.DOTALL)
    assert example
    (tmp_path / "perizinan.yml").write_text(example[1])
    (one,) = load(tmp_path, {"PERIZINAN_TOKEN": "x"}, frozenset({"cek_status", "oss_nib"}))
    assert one.states
    assert not any(decides(sentence) for sentence in one.states.values())


@pytest.mark.parametrize(("sentence", "decided"), [
    ("Permohonan Anda disetujui.", True), ("Maaf, ditolak", True), ("Anda berhak menerima bantuan", True),
    ("Berkas tidak memenuhi syarat", True), ("Your request was approved", True), ("Kami menolak permohonan", True),
    ("Berkas sedang diperiksa petugas.", False), ("Surat sudah bisa diambil di loket.", False),
    ("Petugas meminta Anda melengkapi berkas.", False), ("Menunggu tanda tangan kepala dinas.", False),
])
def test_p12_what_counts_as_deciding(sentence: str, decided: bool) -> None:
    assert (decides(sentence) is not None) is decided

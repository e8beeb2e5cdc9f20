"""The doctor and the catalogue: what cannot be loaded is a fault, what waits for its keeper is a note."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from handoff import doctor
from handoff.settings import Settings
from tests.support.agency import described, written

DATA = Path(__file__).resolve().parents[2] / "data" / "catalogue"


def _settings(tmp_path: Path, today: str, overlay: dict[str, object]) -> Settings:
    (tmp_path / "now").write_text(f"{today}T10:00:00+07:00")
    (tmp_path / "kami").mkdir()
    (tmp_path / "kami" / "kami.yml").write_text(yaml.safe_dump(overlay))
    return Settings.from_env({"WAJAH_HOME": str(tmp_path), "WAJAH_DEMO": "1", "WAJAH_CLOCK_FILE": str(tmp_path / "now"),
                              "WAJAH_CATALOGUE": str(tmp_path / "kami")})


@pytest.mark.parametrize(("today", "overlay", "marks", "told"), [
    ("2026-11-24", {"laws": {}}, ["ok"], "62 topics"),
    ("2026-11-24", {"topics": {"ktp_hilang": {"review_every": 10}}}, ["ok", "note"], "ktp_hilang (2026-11-11)"),
    ("2027-03-01", {"laws": {}}, ["ok", "note", "note", "note", "note", "note"], "bansos_cek (2027-01-30)"),
    ("2026-11-24", {"topics": {"ktp_hilang": {"biaya": 0}}}, ["FAIL"], "kami/kami.yml: ktp_hilang: biaya: unknown key"),
])
def test_the_catalogue_as_the_doctor_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], today: str,
    overlay: dict[str, object], marks: list[str], told: str,
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (doctor._catalogue,))
    status = doctor.examine(_settings(tmp_path, today, overlay))
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if not line.strip().startswith("→")] == marks
    assert status == ("FAIL" in marks)
    assert told in printed
    assert printed.count("sets `reviewed`") == marks.count("note")  # each note names the keeper


@pytest.mark.parametrize(("change", "mark", "told"), [
    (None, "ok", "none: the bot cannot see"), ({}, "ok", "Dinas Perizinan Contoh"),
    ({"agency": ""}, "FAIL", "izin.yml: agency"),
])
def test_the_connectors_as_the_doctor_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: dict | None, mark: str,
    told: str,
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (doctor._connectors,))
    monkeypatch.setenv("IZIN_TOKEN", "rahasia-besar")
    environment = {"WAJAH_HOME": str(tmp_path)}
    if change is not None:
        folder = written(tmp_path / "connectors", "izin", described("https://izin.example", **change))
        environment["WAJAH_CONNECTORS"] = str(folder)
    assert doctor.examine(Settings.from_env(environment)) == (mark == "FAIL")
    printed = capsys.readouterr().out
    assert printed.startswith(mark)
    assert told in printed
    assert "rahasia-besar" not in printed

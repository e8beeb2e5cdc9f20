"""Set-up repeats only what changed, and what is committed names no machine and no package registry."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wajah_setup", ROOT / "tools" / "setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_step_is_done_until_its_source_changes(setup: ModuleType, tmp_path: Path) -> None:
    source, made = tmp_path / "source", []
    source.write_text("one")

    def step():
        return setup.Step("a step", tmp_path / "to" / "stamp", [source], lambda: made.append(source.read_text()))

    assert not step().done()
    step().carry_out()
    assert step().done()
    source.write_text("two")
    assert not step().done()
    step().carry_out()
    assert step().done()
    assert made == ["one", "two"]


def test_a_step_that_fails_is_not_done(setup: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "source").touch()

    def fail() -> None:
        raise setup.SetupError("no network")

    step = setup.Step("a step", tmp_path / "stamp", [tmp_path / "source"], lambda: None)
    step.carry_out()
    broken = setup.Step("a step", tmp_path / "stamp", [tmp_path / "source"], fail)
    with pytest.raises(setup.SetupError):
        broken.carry_out()
    assert not step.done()


def test_make_run_after_make_test_keeps_the_test_tools(setup: ModuleType, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "requirements.json").write_text(json.dumps({"app.txt": "", "dev.txt": ""}))
    assert setup.environment(".venv", "3.12", "app.txt").title.endswith("(app.txt, dev.txt)")


def test_a_python_that_does_not_run_has_no_release(setup: ModuleType) -> None:
    assert setup.python_release(Path("/nowhere/python")) is None


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").iterdir()))
def test_requirements_are_pinned_by_hash_and_name_no_address(name: str) -> None:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    pins = [number for number, line in enumerate(lines) if "==" in line and not line.lstrip().startswith("#")]
    assert pins
    assert all(lines[number + 1].strip().startswith("--hash=sha256:") for number in pins)
    assert not [line for line in lines if "://" in line or "index-url" in line]


def test_the_npm_lock_names_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_app_requirements_are_the_same_with_and_without_test_tools() -> None:
    def pins(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / "requirements" / name).read_text().splitlines() if "==" in line}

    assert pins("app.txt") <= pins("dev.txt")
    assert pins("bot.txt") <= pins("bot-test.txt")


def test_nothing_that_set_up_makes_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-ci", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    assert listed.stdout == ""

"""The house keeps its rooms: arrows point one way (design §2), and bot/ and actions/ know nothing of handoff/."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each room may import from the rooms below it. What starts processes stands above everything.
ROOMS = (
    ("__main__",),
    ("run", "commands", "doctor", "supervisor", "embedded", "home", "journal", "model", "processes"), ("app",),
    ("jobs", "web"), ("channels",),
    ("services",), ("bot", "texts", "catalogue", "clock", "connectors"), ("store", "domain"),
    ("settings",),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def files(folder: str) -> list[Path]:
    return [f for f in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in f.parts]


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "handoff" and len(parts) > 1 and parts[1] in LEVEL else None


@pytest.mark.parametrize("file", files("handoff"), ids=lambda f: str(f.relative_to(ROOT)))
def test_arrows_point_one_way(file):
    own = file.relative_to(ROOT / "handoff").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    above = {name for name in imported(file) if (r := room(name)) and LEVEL[r] < LEVEL[own]}
    assert not above, f"{own} imports from above: {above}"


@pytest.mark.parametrize("file", files("handoff/domain"), ids=lambda f: f.name)
def test_the_domain_imports_nothing_of_the_project_but_itself(file):
    ours = {name for name in imported(file) if name.split(".")[0] in ("handoff", "bot", "actions")}
    assert {n for n in ours if not n.startswith("handoff.domain")} == set()


@pytest.mark.parametrize("file", [*files("bot"), *files("actions")], ids=lambda f: str(f.relative_to(ROOT)))
def test_bot_and_actions_speak_http_only(file):
    assert not {name for name in imported(file) if name.split(".")[0] == "handoff"}


@pytest.mark.parametrize("file", files("handoff/services"), ids=lambda f: str(f.relative_to(ROOT)))
def test_nothing_that_acts_needs_a_view(file):
    if file.parent.name != "views":
        assert not {name for name in imported(file) if name.startswith("handoff.services.views")}


@pytest.mark.parametrize("file", files("handoff/services/attachments"), ids=lambda f: f.name)
def test_files_know_nothing_of_cases_or_conversations(file):
    rooms = {name.split(".")[2] for name in imported(file) if name.count(".") > 2 and "handoff.services." in name}
    assert rooms <= {"runtime", "errors", "attachments"}

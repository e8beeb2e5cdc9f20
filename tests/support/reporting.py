"""What the houses said, shown with a test that failed: their folders are gone when anybody could look."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.house import House

LINES = 60
FAILED = pytest.StashKey[bool]()  # of a test that failed, for its fixtures


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the ends of the logs of every house that the test used."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, House) and value.home.logs.exists():
                for file in sorted(value.home.logs.glob("*.log")):
                    end = file.read_text(errors="replace").splitlines()[-LINES:]
                    report.sections.append((f"{name}: the end of {file.name}", "\n".join(end)))
    return report

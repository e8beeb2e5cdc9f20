"""Fixtures of the browser tests, and how such a test is written.

    from playwright.sync_api import expect
    from tests.support.browser import ask, inspect, tap

    def test_something(open_page, as_officer):
        phone = open_page("/", width=360)                  # a citizen's telephone: nothing stored, no cookies
        said = ask(phone, "ktp sy ilang gmn ngurusnya")    # the newest message of somebody else
        expect(said).to_contain_text("Sumber")
        inspect(phone, "chat-answer")                      # pictures, axe, no sideways scroll at 320 px
        desk = as_officer("Siti Rahayu")                   # signed in, at /petugas
        expect(desk.get_by_role("heading", level=1)).to_have_text("Kasus saya")

* `open_page(path, width=1280, scheme="light", motion=False, javascript=True, …)`: each call is a new device. A second
  tab of the same browser: `page.context.new_page()`. An exception in a page's script or a refusal by the content
  security policy fails the test.
* `as_officer(name, path="/petugas", …same options)`: an example officer (handoff/example_office.yml) whose password
  has been changed already. Cases stay in the house: find a case by its number, never count on an empty or short queue.
* `citizen` (tests/support/people.py) is a citizen over the API: the quickest way to a case that only has to be there.
  `officer(name)` is the officers' API in the same way.
* `house` can kill a child and wait for it: `house.until_back("web", house.kill("web"))`.
* `Network(page).slow()`, `.cut()`, `.restore()`; `axe`, `fits`, `shot`, `inspect`, `sizes`: tests/support/browser.py.
* Wait by `expect(locator)…` (20 s) or tests/support/waiting.until; never sleep. Tests are plain functions, not `async`:
  the browser's own event loop runs meanwhile.
* One house serves all of tests/e2e and tests/browser (tests/conftest.py), so leave it as it was: ready.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import browser as tools
from tests.support.browser import Devices
from tests.support.house import House
from tests.support.people import PASSWORD, Officers
from tests.support.reporting import FAILED, pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

expect.set_options(timeout=tools.PATIENCE_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here; gone before other suites run, which have event loops of their own."""
    with sync_playwright() as playwright:
        running = tools.launch(playwright)
        yield running
        running.close()


@pytest.fixture
def devices(request: pytest.FixtureRequest, browser: Browser, house: House) -> Iterator[Devices]:
    """Every device of one test."""
    opened = Devices(browser, house.url)
    yield opened
    failed = request.node.stash.get(FAILED, False)
    for number, page in enumerate(page for context in opened.contexts for page in context.pages):
        if failed:
            tools.picture(page, f"failed-{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())}-{number}")
    opened.close()
    assert opened.faults == []


@pytest.fixture
def open_page(devices: Devices) -> Callable[..., Page]:
    """Opens a page on a device of its own: `tests.support.browser.Devices.open`."""
    return devices.open


@pytest.fixture
def as_officer(devices: Devices, officer: Officers) -> Callable[..., Page]:
    """Signs an example officer in, through the form, on a device of its own."""
    def sign_in(name: str, path: str = "/petugas", **look: object) -> Page:
        officer(name)  # has changed the one-time password
        page = devices.open("/petugas", **look)  # type: ignore[arg-type]
        page.get_by_label("Nama masuk").fill(officer.login(name).login)
        page.get_by_label("Kata sandi").fill(PASSWORD)
        page.get_by_role("button", name="Masuk").click()
        expect(page.locator("#menu-saya")).to_be_visible()
        if path != "/petugas":
            page.goto(path)
        return page

    return sign_in


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells what was measured."""
    if lines := tools.measured():
        terminalreporter.section("first loads")
        for line in lines:
            terminalreporter.write_line(line)

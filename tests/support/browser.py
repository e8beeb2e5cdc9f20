"""A browser in tests: looks (width, light or dark), networks, what must hold of every page, pictures and sizes."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, Playwright, expect

from handoff.settings import REPOSITORY

Scheme = Literal["light", "dark"]
PATIENCE_MS = 20_000.0  # for a locator or a page; a busy machine is slow, a broken page stays broken
PHONE, DESK = 360, 1280
HEIGHTS = {PHONE: 740, DESK: 900}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SCREENS = REPOSITORY / "results" / "screens"
AXE = REPOSITORY / ".tools" / "browser" / "axe.min.js"
SLOW_BYTES, SLOW_MS = 50_000, 800  # the telephone of the contract: 50 kB/s, 800 ms
SWITCHES = ("--disable-background-networking", "--disable-dev-shm-usage", "--force-color-profile=srgb")

_spec = importlib.util.spec_from_file_location("wajah_setup", REPOSITORY / "tools" / "setup.py")
assert _spec
assert _spec.loader
setup = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(setup)


def launch(playwright: Playwright) -> Browser:
    """The Chromium that set-up found. Raises `AssertionError` with set-up's sentence when there is none."""
    program = setup.find_chromium()
    assert program, setup.NO_CHROMIUM
    return playwright.chromium.launch(executable_path=program, args=list(SWITCHES))


# --- devices ----------------------------------------------------------------------------------------------------------


@dataclass
class Devices:
    """Opens pages of one house, each on a device of its own, and sees to it that no page of ours breaks quietly."""

    browser: Browser
    url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(
        self, path: str | None = "/", *, width: int = DESK, scheme: Scheme = "light", motion: bool = False,
        javascript: bool = True, **options: Any,
    ) -> Page:
        """A page on a new device: no cookies, nothing stored. `path` None: nothing is loaded yet. `motion` False:
        its owner wants no animations. `options`: Playwright's `new_context`."""
        context = self.browser.new_context(
            base_url=self.url, viewport={"width": width, "height": HEIGHTS.get(width, 740)}, color_scheme=scheme,
            reduced_motion="no-preference" if motion else "reduce", java_script_enabled=javascript,
            locale="id-ID", timezone_id="Asia/Jakarta", **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", self._watch)
        self.contexts.append(context)
        page = context.new_page()
        if path is not None:
            page.goto(path)
        return page

    def close(self) -> None:
        """Ends every device."""
        for context in self.contexts:
            context.close()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda said: "Content Security Policy" in said.text and self.faults.append(said.text))


class Network:
    """The network of one page, worsened over the DevTools protocol; streams that run are cut too."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Network.enable")

    def slow(self, bytes_per_second: int = SLOW_BYTES, delay_ms: int = SLOW_MS) -> None:
        """Everything takes its time."""
        self._set(False, bytes_per_second, delay_ms)

    def cut(self) -> None:
        """Nothing gets through any more."""
        self._set(True, 0, 0)

    def restore(self) -> None:
        """As if nothing had been."""
        self._set(False, -1, 0)

    def _set(self, offline: bool, rate: int, delay: int) -> None:
        self._session.send("Network.emulateNetworkConditions", {
            "offline": offline, "latency": delay, "downloadThroughput": rate, "uploadThroughput": rate,
        })


# --- the widget -------------------------------------------------------------------------------------------------------


def talk(page: Page) -> Locator:
    """The widget's conversation."""
    return page.locator("wajah-chat").get_by_role("log")


def box(page: Page) -> Locator:
    """Where the citizen writes."""
    return page.locator("wajah-chat").get_by_role("textbox", name="Tulis pesan")


def agree(page: Page) -> None:
    """First contact: agrees to how data is used, if the widget asks; what was to be sent is sent then."""
    yes = page.locator("wajah-chat").get_by_role("button", name="Setuju dan lanjutkan")
    if yes.is_visible():
        yes.click()


def say(page: Page, text: str) -> Locator:
    """Writes in the widget, sends, and waits until it stands in the conversation as sent; that message."""
    mine = talk(page).locator(".message.citizen")
    before = mine.count()
    box(page).fill(text)
    page.locator("wajah-chat").get_by_role("button", name="Kirim", exact=True).click()
    agree(page)
    expect(mine).to_have_count(before + 1)
    return mine.nth(before)


def ask(page: Page, text: str, count: int = 1) -> Locator:
    """Says something and waits for so many messages of somebody else; the last of them."""
    others = talk(page).locator(".message:not(.citizen)")
    before = others.count()
    say(page, text)
    return heard(page, before + count)


def heard(page: Page, count: int) -> Locator:
    """Waits until so many messages of others stand in the conversation; the last of these."""
    said = talk(page).locator(".message:not(.citizen)").nth(count - 1)
    expect(said).to_be_visible()
    return said


def tap(page: Page, title: str) -> None:
    """The newest button of that title in the conversation, and before it what it is folded away in."""
    button = talk(page).locator("button", has_text=re.compile(rf"^{re.escape(title)}$")).last
    expect(button).to_be_attached()
    folded = button.locator("xpath=ancestor::details[not(@open)]")
    if folded.count():
        folded.locator("summary").click()
    button.click()


def kept(page: Page) -> dict[str, Any]:
    """What the widget keeps on the device: the conversation's `id` and `token`; nothing before there is one."""
    stored = page.evaluate("Object.entries(localStorage).find(([name]) => name.startsWith('wajah:'))?.[1] || '{}'")
    return dict(json.loads(stored))


# --- the console ------------------------------------------------------------------------------------------------------


def menu(page: Page) -> Locator:
    """The officer's own menu, opened."""
    found = page.locator("#menu-saya")
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    return found


def act(page: Page, action: str, text: str | None = None) -> None:
    """What the officer does in the case that is open: the control with this `data-action`, with `text` in its form."""
    button = page.locator(f"button[data-action={action}]")
    expect(button).to_be_attached()
    folded = page.locator("details:not([open])").filter(has=button)
    if folded.count():
        folded.locator("summary").click()
    if text is not None:
        page.locator("form").filter(has=button).get_by_role("textbox").fill(text)
    if action == "propose":
        page.get_by_label("Sebab masalahnya").select_option(label="Berkas tertahan")
    button.click()


# --- the keyboard -----------------------------------------------------------------------------------------------------

_FOCUSED = "(one) => one.getRootNode().activeElement === one"
_SEEN = """() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return one === document.body || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) ? '' : one.outerHTML;
}"""


def tab_to(page: Page, target: Locator, steps: int = 80, key: str = "Tab") -> None:
    """Moves the focus to `target` by the keyboard alone; wherever it rests on the way, it can be seen."""
    expect(target).to_be_visible()
    for _ in range(steps):
        if target.evaluate(_FOCUSED):
            return
        page.keyboard.press(key)
        unseen = page.evaluate(_SEEN)
        assert not unseen, f"the focus cannot be seen on {unseen[:200]}"
    raise AssertionError(f"{target} is not reached by {steps} times {key}")


# --- what must hold of every page -------------------------------------------------------------------------------------


def axe(page: Page, *, allow: tuple[str, ...] = ()) -> None:
    """No serious or critical violation of accessibility, in light and in dark. `allow`: rules by id, with a reason in
    the test."""
    assert AXE.exists(), f"{AXE} is missing: run `python3 tools/setup.py test`."
    with _looks(page):
        if not page.evaluate("typeof axe === 'object'"):
            page.evaluate(AXE.read_text(encoding="utf-8"))
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(
                "() => axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
            )
            serious = [one for one in found if one["impact"] in ("serious", "critical") and one["id"] not in allow]
            told = "\n".join(
                f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
                for one in serious for node in one["nodes"][:5]
            )
            assert not serious, f"{page.url} in {scheme}:\n{told}"


def fits(page: Page, *widths: int) -> None:
    """Nothing sticks out sideways and no heading covers another, at these widths: by default the smallest telephone, a
    desk at 200 %, and a desk."""
    with _looks(page):
        for width in widths or (320, DESK // 2, DESK):
            _fits(page, width)


_COVERED = """() => {
    const all = [...document.querySelectorAll('h1, h2, h3')].filter((one) => one.checkVisibility())
        .map((one) => [one.textContent.trim(), one.getBoundingClientRect()]).filter(([, at]) => at.height > 2);
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
    return all.flatMap(([one, at], n) =>
        all.slice(n + 1).filter(([, other]) => meet(at, other)).map(([two]) => [one, two]));
}"""


def _fits(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    wide = page.evaluate("""() => [document.documentElement.scrollWidth - innerWidth,
        [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 5).map((one) => one.outerHTML.slice(0, 120))]""")
    assert wide[0] <= 0, f"{page.url} is {wide[0]} px too wide at {width} px: {wide[1]}"
    covered = page.evaluate(_COVERED)
    assert covered == [], f"{page.url} at {width} px"


def shot(page: Page, name: str) -> None:
    """Pictures of this moment in results/screens: 360 and 1280 px, light and dark, the whole page."""
    with _looks(page):
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                picture(page, f"{name}-{width}-{scheme}")


def printed(page: Page, name: str) -> None:
    """A picture of the page as it comes out of a printer, on A4's width."""
    with _looks(page):
        page.set_viewport_size({"width": 794, "height": 1123})
        page.emulate_media(media="print")
        picture(page, name)
        page.emulate_media(media="screen")


def picture(page: Page, name: str) -> None:
    """One picture of the whole page as it is."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True, animations="disabled", caret="initial")


def inspect(page: Page, name: str) -> None:
    """All of the above: `axe`, `fits`, `shot`."""
    shot(page, name)
    fits(page)
    axe(page)


@contextmanager
def _looks(page: Page) -> Iterator[None]:
    """Within the block the page may be looked at otherwise; afterwards it is as it was."""
    size = page.viewport_size
    scheme: Scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    try:
        yield
    finally:
        page.emulate_media(color_scheme=scheme)
        if size:
            page.set_viewport_size(size)


# --- sizes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """What one first load transferred (bytes, with headers) and took (ms)."""

    path: str
    network: str
    bytes: int
    requests: int
    first_paint_ms: float
    loaded_ms: float


MEASUREMENTS: list[Size] = []


def sizes(open_page: Callable[..., Page], path: str, *, slow: bool = False, device: Page | None = None,
          told: str | None = None) -> Size:
    """Loads `path` for the first time (on `device`, or a new one) and measures it; at the end of the run this is told,
    as that of `told`."""
    page = device or open_page(None)
    if slow:
        Network(page).slow()
    session = page.context.new_cdp_session(page)
    ended: list[float] = []
    session.on("Network.loadingFinished", lambda event: ended.append(event["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(path, wait_until="load")
    times = page.evaluate("""() => new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(() => {
        const [paint] = performance.getEntriesByName('first-contentful-paint');
        const [load] = performance.getEntriesByType('navigation');
        told([paint ? paint.startTime : 0, load.loadEventEnd || performance.now()]);
    })))""")
    size = Size(told or path, "50 kB/s, 800 ms" if slow else "", round(sum(ended)), len(ended), *times)
    MEASUREMENTS.append(size)
    return size


def measured() -> list[str]:
    """The measurements as lines."""
    return [
        f"{one.path:<24} {one.network:<16} {one.bytes / 1000:7.1f} kB in {one.requests:2} requests,"
        f" loaded {one.loaded_ms:5.0f} ms, first paint {one.first_paint_ms or float('nan'):5.0f} ms"
        for one in MEASUREMENTS
    ]

"""Pages for people: templates (`templates/`), the words they share (`words.yml`), and the office's sign on each."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import time
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import yaml
from sanic import Request, Sanic
from sanic.response import HTTPResponse, empty, raw
from sanic.response import html as html_response

from handoff.catalogue.schema import Office
from handoff.services.views import pages
from handoff.services.views.lists import COUNTED
from handoff.services.views.pages import Sign, Today
from handoff.store.db import DatabaseAway
from handoff.texts import DAYS, MONTHS, ZONES, clock_time, long_date, long_span, long_time
from handoff.web import charts
from handoff.web.assets import FOLDER, Asset, Assets, squeezed
from handoff.web.requests import runtime_of

HERE = Path(__file__).parent
LATE = timedelta(minutes=2)  # between sending and arriving, before it is worth a word
SIGN_SECONDS = 30.0  # how old the sign may be
MINE = "private, no-store"
NOT_THE_WIDGETS = ("console", "desk", "people", "promise", "became", "look", "request")  # words of pages only
WIDGET = ("tools", "line", "talk", "frame", "chat")  # the order in which the parts of widget/ are put together
_AROUND = re.compile(r"\s*([{};,])\s*")  # blanks that a style does not need
_LABELLED = re.compile(r"([A-Z][^\W\d_ ][\w ]{1,23}:)(.*)")
_ITEM = re.compile(r"(•|\d+\.) ")


class Look:
    """What pages are made of: static files, words, templates. Read from the program's own files, the same for ever."""

    def __init__(self) -> None:
        self.assets = Assets()
        self.words: dict[str, Any] = yaml.safe_load((HERE / "words.yml").read_text(encoding="utf-8"))
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )
        self.templates.globals |= {"static": self.assets.url, "words": self.words}
        self.templates.filters |= {"tanggal": long_date, "waktu": long_time, "saat": told, "baris": lined,
                                   "lama": long_span, "singkat": briefly, "buka": opening, "paling": counted,
                                   "ukuran": sized, "dikirim": said_at, "sampai": came_at, "angka": charts.number,
                                   "lamanya": charts.span, "hari": day_of}


class Pages:
    """What every page needs, made once for each process."""

    def __init__(self) -> None:
        self._look = Look()
        self.assets, self.words = self._look.assets, self._look.words
        self.sign: Sign | None = None
        self._sign_until = 0.0

    async def learn(self, request: Request) -> None:
        """Look at the office's sign again when the last look is old; an old one stays while the database is away."""
        if self.sign is not None and time.monotonic() < self._sign_until:
            return
        try:
            self.sign = await pages.sign(runtime_of(request))
        except DatabaseAway:
            return
        self._sign_until = time.monotonic() + SIGN_SECONDS

    def template(self, name: str) -> jinja2.Template:
        """A template that is rendered into no page of ours."""
        return self._look.templates.get_template(name)

    def render(self, request: Request, template: str, **facts: Any) -> str:
        """The page as text. `facts` are escaped by the template."""
        runtime = runtime_of(request)
        now = runtime.clock()
        return self._look.templates.get_template(template).render(
            sign=self.sign or pages.sign_without_database(runtime), office=runtime.catalogue.office, now=now,
            set_clock=runtime.settings.clock_file is not None, path=request.path, **facts,
        )

    def widget(self, sign: Sign, office: Office) -> Asset:
        """`/widget.js` for this office."""
        said = {name: words for name, words in self.words.items() if name not in NOT_THE_WIDGETS}
        return _widget(json.dumps({
            **said, "office": sign.name, "is_example": sign.is_example,
            "days": DAYS, "months": MONTHS, "zones": ZONES, "visit": _visit(office),
        }, ensure_ascii=False, separators=(",", ":")))


def _visit(office: Office) -> list[str]:
    """Where and when one may come in person, a line each."""
    hours = (f"{at.days}: pukul {at.opens} sampai {at.closes} {office.zone}" for at in office.hours)
    return [*(f"{desk.name}: {desk.address}" for desk in office.desks.values()), *hours]


def day_of(instant: datetime, zone: str) -> str:
    """The day of an instant, without its hour."""
    return long_date(instant.astimezone(ZoneInfo(zone)).date())


def told(instant: str, zone: str) -> str:
    """When something was said, briefly: `23 November 2026, 10.00 WIB`."""
    local = datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))
    return f"{long_date(local.date())}, {clock_time(local)}"


def said_at(message: dict[str, Any]) -> str:
    """When the message was sent: by its sender's clock, where that is known."""
    return str(message.get("sent_at") or message["created_at"])


def came_at(message: dict[str, Any]) -> str | None:
    """When it came, if that was notably later: a telephone without a line sends what was written hours ago."""
    late = datetime.fromisoformat(message["created_at"]) - datetime.fromisoformat(said_at(message)) >= LATE
    return str(message["created_at"]) if late else None


def briefly(at: datetime, zone: str) -> str:
    """When a step was taken: `24 November 2026, 10.00 WIB`."""
    return told(at.isoformat(), zone)


def sized(size: int) -> str:
    """How large a file of so many bytes is, as the widget tells it too: `874 kB`, `1,1 MB`."""
    return f"{math.ceil(size / 1e3)} kB" if size < 1e6 else f"{size / 1e6:.1f} MB".replace(".", ",")


def opening(today: Today, now: datetime) -> str:
    """How an office is open, in words: `Buka sampai 16.00`, `Tutup, buka lagi Senin 08.00`."""
    until = today.until
    if today.is_open:
        return f"Buka sampai {until:%H.%M}"
    days = (until.date() - now.astimezone(until.tzinfo).date()).days
    named = {0: "hari ini", 1: f"besok, {DAYS[until.weekday()]}"}
    day = named.get(days) or (DAYS[until.weekday()] if days < 7 else f"{DAYS[until.weekday()]}, {long_date(until)}")
    return f"Tutup, buka lagi {day} pukul {until:%H.%M}"


def counted(number: int) -> str:
    """How many, as far as was counted: `300+` for more."""
    return str(number) if number <= COUNTED else f"{COUNTED}+"


def lined(text: str) -> list[tuple[str, str, bool]]:
    """Our own texts in lines: (label before a colon or "", the rest, whether it is an item of a list)."""
    lines = []
    for line in text.split("\n"):
        labelled = _LABELLED.match(line)
        label, rest = labelled.groups() if labelled else ("", line)
        lines.append((label, rest, bool(_ITEM.match(line))))
    return lines


@lru_cache(maxsize=4)
def _widget(words: str) -> Asset:
    """The script with its words and its style: one request, and nothing else to load."""
    sheet = re.sub(r"\s+", " ", (FOLDER / "widget.css").read_text(encoding="utf-8"))
    style = json.dumps(_AROUND.sub(r"\1", sheet).replace(": ", ":").replace(";}", "}"))
    parts = [(HERE / "widget" / f"{part}.js").read_text(encoding="utf-8") for part in WIDGET]
    code = squeezed("\n".join(parts))
    head = f'"use strict";\nconst WORDS = {words};\nconst STYLE = {style};'
    return Asset.of(f"(() => {{\n{head}\n{code}}})();\n".encode(), ".js")


def register(app: Sanic) -> None:
    """Give the application its pages."""
    app.ctx.pages = Pages()


def pages_of(request: Request) -> Pages:
    """The process's pages."""
    found: Pages = request.app.ctx.pages
    return found


async def learn(request: Request) -> None:
    """Middleware of every blueprint with pages: know the office's sign before a page is made."""
    await pages_of(request).learn(request)


def page(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **facts: Any
) -> HTTPResponse:
    """A page. Browsers ask again before they show a kept copy, unless `headers` say otherwise.

    Never compressed: such a page may hold a secret (a form's token, a citizen's words) beside something that a stranger
    can choose (what was typed, an address), and then the compressed length tells of the secret (BREACH). What holds no
    secret is a `public` page.
    """
    text = pages_of(request).render(request, template, **facts)
    return html_response(text, status, headers={"Cache-Control": "no-cache", **(headers or {})})


def public(request: Request, template: str, **facts: Any) -> HTTPResponse:
    """A page that is the same for everybody: no cookie is read for it and no token stands in it, so it may be
    compressed whatever it repeats of the address. 304 when the browser has it."""
    content = pages_of(request).render(request, template, **facts).encode()
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"Cache-Control": "no-cache", "ETag": etag, "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return empty(304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, 6, mtime=0)
    return raw(content, content_type="text/html; charset=utf-8", headers=headers)


def wanted(request: Request) -> bool:
    """Whether a browser asks to show something, rather than a program."""
    return "text/html" in request.headers.get("accept", "")


def error(request: Request, status: int, sentence: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    """A refusal or a fault as a page."""
    return page(request, "error.html", status, {**(headers or {}), "Cache-Control": "no-store"}, status_code=status,
                sentence=sentence)

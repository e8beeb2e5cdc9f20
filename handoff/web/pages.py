"""The citizen's pages: the office with the chat, the services, and the files these need."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from handoff.catalogue import Topic, render
from handoff.catalogue.wording import wording
from handoff.services.errors import NotFound
from handoff.services.talk import finder
from handoff.services.views import figures
from handoff.services.views import pages as services
from handoff.web import charts, html
from handoff.web.assets import FOR_EVER, SHORTLY
from handoff.web.families import family_of, grouped
from handoff.web.requests import runtime_of

pages = Blueprint("pages")
pages.on_request(html.learn)

QUERY_CHARACTERS = 200
COMMON = ("ktp_hilang", "ktp_baru", "kk_baru", "akta_kelahiran", "pindah_masuk", "bansos_cek",
          "bpjs_kesehatan_nonaktif", "kia")  # shown first, where they exist
ORDER = ("who", "requirements", "steps", "fee", "pay", "time", "place", "rejections", "notes",
         "examples")  # as a citizen reads a service
ICONS = {"who": "orang", "requirements": "syarat", "steps": "langkah", "fee": "biaya", "pay": "biaya", "time": "jam",
         "place": "tempat", "rejections": "tolak", "notes": "catatan", "examples": "sumber", "hours": "jam",
         "desks": "tempat", "contacts": "bicara", "online": "bicara"}


@pages.route("/", methods=["GET", "HEAD"])
async def office(request: Request) -> HTTPResponse:
    """The office: the chat, the services asked for most, and every way to reach a person."""
    runtime = runtime_of(request)
    hidden = await services.suspended_topics(runtime)
    common = [runtime.catalogue.topics[name] for name in COMMON
              if name in runtime.catalogue.topics and name not in hidden]
    return html.public(request, "office.html", common=common, family_of=family_of)


@pages.route("/layanan", methods=["GET", "HEAD"])
async def catalogue(request: Request) -> HTTPResponse:
    """All services by family, or those that fit `?cari=` (`?q=` in older links)."""
    runtime = runtime_of(request)
    query = " ".join((request.args.get("cari") or request.args.get("q") or "")[:QUERY_CHARACTERS].split())
    found = finder.find(runtime, query) if query else []
    return html.public(
        request, "services.html", query=query, found=found, groups=grouped(runtime.catalogue.topics.values()),
        hidden=await services.suspended_topics(runtime), summary=_summary, family_of=family_of,
    )


@pages.route("/layanan/<topic:str>", methods=["GET", "HEAD"])
async def service(request: Request, topic: str) -> HTTPResponse:
    """Everything known about one service, with its sources; nothing while its answer is suspended (P8)."""
    runtime = runtime_of(request)
    found = runtime.catalogue.topics.get(topic)
    if found is None:
        raise NotFound()
    hidden = topic in await services.suspended_topics(runtime)
    shown = None if hidden else render.page(found, today=runtime.today)
    numbers = {source: number for number, source in enumerate(shown.sources, start=1)} if shown else {}
    return html.public(
        request, "service.html", topic=found, shown=shown, numbers=numbers, family=family_of(topic),
        blocks=_in_order(shown) if shown else [],
    )


@pages.route("/privasi", methods=["GET", "HEAD"])
async def privacy(request: Request) -> HTTPResponse:
    """How a citizen's data is used: the text that the chat asks consent to."""
    return html.public(request, "privacy.html")


@pages.route("/transparansi", methods=["GET", "HEAD"])
async def transparency(request: Request) -> HTTPResponse:
    """What counts publicly, as the worker counted it last."""
    runtime = runtime_of(request)
    shown = await figures.published(runtime)
    return html.public(
        request, "figures.html", figures=shown, old=figures.is_old(runtime, shown), charts=charts.charts(shown.months),
        width=charts.WIDTH, left=charts.LEFT, thick=charts.THICK,
    )


@pages.route("/widget.js", methods=["GET", "HEAD"])
async def widget(request: Request) -> HTTPResponse:
    """The chat for any site."""
    known = html.pages_of(request)
    runtime = runtime_of(request)
    script = known.widget(known.sign or services.sign_without_database(runtime), runtime.catalogue.office)
    return script.answer(request, SHORTLY, {"Cross-Origin-Resource-Policy": "cross-origin"})


@pages.route("/static/<path:path>", methods=["GET", "HEAD"])
async def static(request: Request, path: str) -> HTTPResponse:
    """A style, a script or a picture of ours."""
    asset = html.pages_of(request).assets.get(path)
    if asset is None:
        raise NotFound()
    return asset.answer(request, FOR_EVER if request.args.get("v") == asset.version else SHORTLY)


def _in_order(page: render.Page) -> list[tuple[str, str, render.Block]]:
    """The page's blocks as (anchor, icon, block), in the order in which a citizen needs them."""
    names = {heading: name for name, heading in wording().headings.items()}
    named = [(names.get(block.heading, "notes"), block) for block in page.blocks]
    rank = {name: place for place, name in enumerate(ORDER)}
    named.sort(key=lambda one: rank.get(one[0], -1))
    return [(name, ICONS.get(name, "sumber"), block) for name, block in named]


def _summary(topic: Topic) -> str:
    return render.page(topic).summary.text

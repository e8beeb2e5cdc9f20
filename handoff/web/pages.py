"""The citizen's pages: the office with the chat, the services, and the files these need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from handoff.catalogue import Topic, render
from handoff.services import pages as services
from handoff.services.errors import NotFound
from handoff.web import html
from handoff.web.assets import FOR_EVER, SHORTLY
from handoff.web.requests import runtime_of

pages = Blueprint("pages")
pages.on_request(html.learn)

QUERY_CHARACTERS = 200
COMMON = ("ktp_hilang", "ktp_baru", "kk_baru", "akta_kelahiran", "pindah_masuk", "kia")  # shown first, where they exist


@pages.route("/", methods=["GET", "HEAD"])
async def office(request: Request) -> HTTPResponse:
    """The office: the chat, the services asked for most, and every way to reach a person."""
    topics = runtime_of(request).catalogue.topics
    hidden = await services.suspended_topics(runtime_of(request))
    common = [topics[name] for name in COMMON if name in topics and name not in hidden]
    return html.page(request, "office.html", common=common, chat_words=html.pages_of(request).words["widget"])


@pages.route("/layanan", methods=["GET", "HEAD"])
async def catalogue(request: Request) -> HTTPResponse:
    """All services by unit, or those that fit `?q=`."""
    runtime = runtime_of(request)
    query = " ".join((request.args.get("q") or "")[:QUERY_CHARACTERS].split())
    found = runtime.catalogue.search(query) if query else []
    hidden = await services.suspended_topics(runtime)
    sign = html.pages_of(request).sign or services.sign_without_database(runtime)
    groups = _by_unit(runtime.catalogue.topics.values(), sign.units)
    return html.page(request, "services.html", query=query, found=found, groups=groups, hidden=hidden, summary=_summary)


@pages.route("/layanan/<topic:str>", methods=["GET", "HEAD"])
async def service(request: Request, topic: str) -> HTTPResponse:
    """Everything known about one service, with its sources; nothing while its answer is suspended (P8)."""
    runtime = runtime_of(request)
    found = runtime.catalogue.topics.get(topic)
    if found is None:
        raise NotFound()
    shown = None if topic in await services.suspended_topics(runtime) else render.page(found)
    numbers = {source: number for number, source in enumerate(shown.sources, start=1)} if shown else {}
    return html.page(request, "service.html", topic=found, shown=shown, numbers=numbers)


@pages.route("/privasi", methods=["GET", "HEAD"])
async def privacy(request: Request) -> HTTPResponse:
    """How a citizen's data is used: the text that the chat asks consent to."""
    return html.page(request, "privacy.html")


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


def _by_unit(topics: Iterable[Topic], names: Mapping[str, str]) -> list[tuple[str, list[Topic]]]:
    """(unit's name, its services), in the catalogue's order; questions about the office itself are last, as ("", …)."""
    groups: dict[str, list[Topic]] = {}
    office = []
    for topic in topics:
        if topic.kind == "office":
            office.append(topic)
        else:
            groups.setdefault(names.get(topic.unit, topic.desk.name), []).append(topic)
    return [*groups.items(), ("", office)]


def _summary(topic: Topic) -> str:
    return render.page(topic).summary.text

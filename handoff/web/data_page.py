"""`/data/<token>`: a copy of one's own data, by the one-time link from the chat. The link is used up by a button, not
by looking (programmes preview links), and exchanged for a cookie that opens the copy for half an hour.
`/data/bukti/<token>`: what became of a wish to be erased."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.errors import Forbidden, NotFound
from handoff.services.rights import copying, held, links
from handoff.services.rights.copying import Copy
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.db import DatabaseAway
from handoff.web import data_copy, html
from handoff.web.requests import address_of, limit, runtime_of

data_page = Blueprint("data_page", url_prefix="/data")
data_page.on_request(html.learn)

COOKIE = "salinan"
PATH = "/data"
FILE = "data-saya.zip"


@data_page.on_request
async def not_too_often(request: Request) -> None:
    """Secrets cannot be guessed, and nobody may try for long."""
    limit(request.app.ctx.address_buckets, address_of(request))


@data_page.get("/")
async def show(request: Request) -> HTTPResponse:
    """The copy to read, for the browser that used the link."""
    try:
        copy = await _copy(request, "copy_read")
    except (Forbidden, ContentGone):
        return _locked(request)
    except DatabaseAway:
        return _page(request, "data_link.html", 503, state="away")
    return _page(request, "data_shown.html", copy=copy.facts, zone=copy.zone, files=len(copy.files))


@data_page.get(f"/{FILE}")
async def download(request: Request) -> HTTPResponse | None:
    """The copy to keep: JSON, a page to read, and the files."""
    runtime = runtime_of(request)
    try:
        copy = await _copy(request, "copy_taken")
    except (Forbidden, ContentGone):
        return _locked(request)
    limit(request.app.ctx.copy_buckets, address_of(request))
    known = html.pages_of(request)
    async with data_copy.packed(runtime, copy, known.template("data_copy.html")) as made:
        response = await request.respond(content_type="application/zip", headers={
            "Cache-Control": html.MINE, "Content-Disposition": f'attachment; filename="{FILE}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
        })
        while piece := made.read(data_copy.PIECE):
            await response.send(piece)
        await response.eof()
    return None


@data_page.post("/selesai")
async def close(request: Request) -> HTTPResponse:
    """The copy is shut on this device."""
    await links.close(runtime_of(request), _session(request))
    return _with_cookie(request, _page(request, "data_link.html", 200, state="closed"), "", 0)


@data_page.get("/bukti/<token:str>")
async def receipt(request: Request, token: str) -> HTTPResponse:
    """That a wish to be erased was heard, and whether it was carried out: times and counts."""
    try:
        found = await links.receipt(runtime_of(request), token)
    except NotFound:
        return _page(request, "data_link.html", 404, state="unknown")
    return _page(request, "data_receipt.html", found=found)


@data_page.get("/<token:str>")
async def ask(request: Request, token: str) -> HTTPResponse:
    """The page with the button."""
    try:
        good = await links.is_good(runtime_of(request), token)
    except DatabaseAway:
        return _page(request, "data_link.html", 503, state="away")
    return _page(request, "data_link.html", 200 if good else 404, state="good" if good else "unknown")


@data_page.post("/<token:str>")
async def use(request: Request, token: str) -> HTTPResponse:
    """The cookie, once. The cookie is sent to this path only and to no request that another site starts."""
    try:
        session = await links.exchange(runtime_of(request), token)
    except NotFound:
        return _page(request, "data_link.html", 404, state="unknown")
    seconds = int(links.OPEN_FOR.total_seconds())
    return _with_cookie(request, redirect(f"{PATH}/", status=303), session, seconds)


async def _copy(request: Request, what: str) -> Copy:
    """What the cookie opens; that it was read is written down. Raises `Forbidden`, `ContentGone`."""
    runtime = runtime_of(request)
    citizen_id = await links.whose(runtime, _session(request))
    copy = await copying.of(runtime, citizen_id)
    async with db.statement(runtime.pool) as connection:
        await held.note(runtime, connection, citizen_id, what)
    return copy


def _session(request: Request) -> str:
    return request.cookies.get(COOKIE) or ""


def _locked(request: Request) -> HTTPResponse:
    return _page(request, "data_link.html", 403, state="locked")


def _page(request: Request, template: str, status: int = 200, **facts: object) -> HTTPResponse:
    return html.page(request, template, status, {"Cache-Control": html.MINE, "Referrer-Policy": "no-referrer"}, **facts)


def _with_cookie(request: Request, response: HTTPResponse, session: str, seconds: int) -> HTTPResponse:
    response.add_cookie(
        COOKIE, session, path=PATH, httponly=True, samesite="Strict", max_age=seconds,
        secure=runtime_of(request).settings.base_url.startswith("https:"),
    )
    response.headers["Cache-Control"] = html.MINE
    return response

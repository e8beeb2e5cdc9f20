"""`/lapor/<token>`: the one-time link of a confidential report. It is used up by pressing the button, not by looking: a
programme that previews links must not burn it."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.case import confidential
from handoff.services.errors import NotFound
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.case_page import give_key
from handoff.web.requests import address_of, limit, runtime_of

reports = Blueprint("reports", url_prefix="/lapor")
reports.on_request(html.learn)


@reports.on_request
async def not_too_often(request: Request) -> None:
    """Tokens cannot be guessed, and nobody may try for long."""
    limit(request.app.ctx.address_buckets, address_of(request))


@reports.get("/<token:str>")
async def ask(request: Request, token: str) -> HTTPResponse:
    """The page with the button; the same page for a link that was used."""
    try:
        known = await confidential.exists(runtime_of(request), token)
    except DatabaseAway:
        return html.page(request, "report_link.html", 503, {"Cache-Control": html.MINE}, known=None)
    return html.page(request, "report_link.html", 200 if known else 404, {"Cache-Control": html.MINE}, known=known)


@reports.post("/<token:str>")
async def use(request: Request, token: str) -> HTTPResponse:
    """The key of the report's page, as a cookie of this browser, once. Afterwards only who has the cookie gets in."""
    try:
        number, key = await confidential.exchange(runtime_of(request), token)
    except NotFound:
        return html.page(request, "report_link.html", 404, {"Cache-Control": html.MINE}, known=False)
    if key is None:  # the browser that used it has the cookie; every other one reads why the page stays shut
        return redirect(f"/kasus/{number}?terpakai=1", status=303)
    return give_key(request, redirect(f"/kasus/{number}", status=303), number, key)

"""`/petugas/kabar`: what an officer was told about cases, and that they have read it; their own, nobody else's."""

from __future__ import annotations

from datetime import datetime

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.services.errors import BadRequest, ServiceError
from handoff.services.post import notices
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, page, refused, session_of
from handoff.web.requests import runtime_of

console_news = Blueprint("console_news", url_prefix="/petugas/kabar")
console_news.on_request(html.learn)
console_news.on_request(authenticate)
console_news.exception(ServiceError)(refused)
console_news.exception(DatabaseAway)(database_away)


@console_news.get("/")
async def news(request: Request) -> HTTPResponse:
    """The newest notices, the latest first."""
    told = await notices.listed(runtime_of(request), session_of(request).officer)
    return page(request, "petugas_news.html", notices=told, until=told[0].at if told else None)


@console_news.post("/")
async def read(request: Request) -> HTTPResponse:
    """Everything up to the newest one that was shown has been read."""
    try:
        until = datetime.fromisoformat(field_of(request, "sampai"))
    except ValueError:
        raise BadRequest() from None
    if until.tzinfo is None:
        raise BadRequest()
    await notices.mark_read(runtime_of(request), session_of(request).officer, until)
    return redirect("/petugas/kabar", status=303)

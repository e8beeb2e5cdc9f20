"""Every refusal and every fault as the contract's JSON: a code and a sentence; to a browser, the same sentence on a
page. Never a stack trace."""

from __future__ import annotations

import logging
import math

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse
from sqlalchemy.exc import DataError

from handoff.services.errors import Gone, ServiceError
from handoff.store.crypto import ContentGone
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.requests import answer, runtime_of

log = logging.getLogger(__name__)
CODES = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
         413: "too_large", 415: "unsupported_media", 429: "too_many_requests"}
DATABASE_AWAY_SECONDS = 2


def register(app: Sanic) -> None:
    """Have all exceptions end here."""
    app.error_handler.add(ServiceError, refused)
    app.error_handler.add(DatabaseAway, database_away)
    app.error_handler.add(DataError, unfit)
    app.error_handler.add(ContentGone, erased)
    app.error_handler.add(SanicException, refused_by_server)
    app.error_handler.add(Exception, failed)


def _error(
    request: Request, status: int, code: str, headers: dict[str, str] | None = None, **facts: object
) -> HTTPResponse:
    texts = runtime_of(request).texts
    name = f"errors.{code}" if f"errors.{code}" in texts else "errors.bad_request"
    sentence = texts.say(name, **facts)
    if html.wanted(request):
        return html.error(request, status, sentence, headers)
    return answer({"error": {"code": code, "message": sentence}}, status, headers)


def refused(request: Request, error: ServiceError) -> HTTPResponse:
    """A refusal of ours."""
    return _error(request, error.status, error.code, retry_headers(error), **error.facts)


def retry_headers(error: ServiceError) -> dict[str, str]:
    """When to try again, where waiting helps."""
    return {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after is not None else {}


def erased(request: Request, _: ContentGone) -> HTTPResponse:
    """An act on what its citizen had erased."""
    return _error(request, Gone.status, Gone.code)


def database_away(request: Request, error: Exception) -> HTTPResponse:
    """Nothing was stored; the client keeps what was typed and tries again."""
    log.warning("database away: %s", type(error).__name__)
    return _error(request, 503, "unavailable", {"Retry-After": str(DATABASE_AWAY_SECONDS)})


def unfit(request: Request, error: DataError) -> HTTPResponse:
    """PostgreSQL takes no such value, most often a text with NUL: nothing was stored."""
    route = request.route.path if request.route else "?"
    log.warning("%s %s: a value that the database refuses", request.method, route)
    return _error(request, 400, "bad_request")


def refused_by_server(request: Request, error: SanicException) -> HTTPResponse:
    """A refusal of the HTTP server: no such route, too large, malformed."""
    status = error.status_code
    if status >= 500:
        return failed(request, error)
    return _error(request, status, CODES.get(status, "bad_request"))


def failed(request: Request, error: Exception) -> HTTPResponse:
    """A fault of ours: logged with its trace (which holds no citizen's words), answered without."""
    log.error("%s %s failed", request.method, request.route.path if request.route else "?", exc_info=error)
    return _error(request, 500, "internal")

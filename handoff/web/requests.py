"""What routes share: the runtime, the caller's address, bodies read strictly, headers of every answer."""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sanic import Request, Sanic
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from handoff.services.errors import BadRequest, NotFound, TooMany, Unauthorized
from handoff.services.runtime import Runtime
from handoff.web.limits import Buckets

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}

NOBODYS_TO_FIND = ("/kasus", "/lapor/", "/data/", "/petugas", "/api/", "/internal/", "/webhooks/")


def runtime_of(request: Request) -> Runtime:
    """The process's runtime."""
    runtime: Runtime = request.app.ctx.runtime
    return runtime


def address_of(request: Request) -> str:
    """The caller's address: the connection's, or, behind `WAJAH_TRUSTED_PROXIES` proxies, what the outermost of them
    saw, whether proxies add to the header or put one of their own under it. An IPv6 caller is its /64, since one
    household has that many addresses; an IPv4 caller in IPv6 clothes is itself."""
    hops = runtime_of(request).settings.trusted_proxies
    forwarded = ",".join(request.headers.getall("x-forwarded-for", ()))
    chain = [part.strip() for part in forwarded.split(",") if part.strip()]
    text = chain[-hops] if hops and len(chain) >= hops else (request.ip or "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def limit(buckets: Buckets, key: str, tokens: float = 1.0) -> None:
    """Take one token for `key`, or several. Raises `TooMany` with the seconds to wait."""
    wait = buckets.take(key, tokens)
    if wait > 0:
        raise TooMany(retry_after=wait)


def limit_file(request: Request, size: int) -> None:
    """Files are limited by address apart from messages: each costs time to open, and all of them room. Raises
    `TooMany`."""
    limit(request.app.ctx.file_buckets, address_of(request), 1 + size / 1_000_000)


def body_of[M: BaseModel](request: Request, model: type[M]) -> M:
    """The JSON body as `model`. Raises `BadRequest` for anything else."""
    try:
        return model.model_validate(json.loads(request.body))
    except (ValueError, RecursionError, ValidationError):
        raise BadRequest() from None


def uuid_of(text: str) -> UUID:
    """An id from a path. Raises `NotFound`: what is no id names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


def number_of(request: Request, name: str, default: int = 0) -> int:
    """A non-negative number from the query. Raises `BadRequest`."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequest()
    return int(text)


def bearer_of(request: Request) -> str:
    """The bearer token. Raises `Unauthorized`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise Unauthorized()
    return token.strip()


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    """JSON that no cache keeps."""
    return json_response(content, status, headers={"Cache-Control": "no-store", **(headers or {})},
                         dumps=lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def add_security_headers(app: Sanic) -> None:
    """Put the security headers on every answer that does not set its own, and tell search engines to leave alone what
    is somebody's own: a link that was shared by mistake is not found by strangers."""

    @app.on_response
    async def secure(request: Request, response: HTTPResponse) -> None:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        if request.path.startswith(NOBODYS_TO_FIND):
            response.headers.setdefault("X-Robots-Tag", "noindex, nofollow, noarchive")

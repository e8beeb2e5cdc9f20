"""The chat may be used from foreign sites (`WAJAH_CORS_ORIGINS`): no cookies are involved, a bearer token is."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, empty

from handoff.web.requests import runtime_of

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Upload-Offset",
    "Access-Control-Max-Age": "86400",
}


def allowed(request: Request) -> dict[str, str]:
    """The header that lets the asking origin read the answer; none when it may not."""
    origin, origins = request.headers.get("origin"), runtime_of(request).settings.cors_origins
    if origin is None or not ("*" in origins or origin in origins):
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "Retry-After"}


def open_to_foreign_sites(blueprint: Blueprint) -> None:
    """Answer preflights of the routes that the blueprint has by now, and put the header on every answer of it, errors
    and streams included."""

    @blueprint.on_response
    async def share(request: Request, response: HTTPResponse) -> None:
        response.headers.update(allowed(request))

    async def preflight(request: Request, **_: str) -> HTTPResponse:
        return empty(204, headers=PREFLIGHT)

    # Route by route: Sanic takes the route that names the path best, and does not look for OPTIONS in a vaguer one.
    for number, path in enumerate(sorted({route.uri for route in blueprint._future_routes})):
        blueprint.add_route(preflight, path, methods=["OPTIONS"], name=f"preflight_{number}")

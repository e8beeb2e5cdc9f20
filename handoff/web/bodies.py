"""What a request's body may be before anything reads it: parsing happens in the event loop, and whoever may post at all
could hold everybody else up with ten megabytes of ampersands."""

from __future__ import annotations

from sanic import Request, Sanic
from sanic.headers import parse_content_header

from handoff.services.errors import BadRequest, TooLarge

BODY_BYTES = 256 * 1024  # of a route that takes no file (`ctx_large`): four texts of an officer, percent-encoded
FIELDS = 200             # of a form; none of ours has half of that
PARTS = 20
HEAD_BYTES = 2048        # of one part of a form: its name, its file's name and type


def bound_bodies(app: Sanic) -> None:
    """Refuse what is too large as soon as its head says so, and forms that are costly to parse before they are."""

    @app.signal("http.routing.after")
    async def announced(request: Request, **_: object) -> None:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:12]) > _most(request):
            raise TooLarge()

    @app.on_request
    async def whole(request: Request) -> None:
        if len(request.body) > _most(request):
            raise TooLarge()
        kind, parameters = parse_content_header(request.headers.get("content-type", ""))
        if kind == "multipart/form-data":
            _multipart(request.body, str(parameters.get("boundary") or ""))
        elif kind == "application/x-www-form-urlencoded" and request.body.count(b"&") >= FIELDS:
            raise BadRequest()


def _most(request: Request) -> int:
    large = request.route is not None and getattr(request.route.ctx, "large", False)
    return int(request.app.config.REQUEST_MAX_SIZE) if large else BODY_BYTES


def _multipart(body: bytes, boundary: str) -> None:
    """Raises `BadRequest` for more parts, or more before a part's content, than a browser sends, and for a part in
    another character set than UTF-8: some of those take the square of their length to decode."""
    mark = boundary.encode("utf-8", "replace")
    if len(mark) < 2 or body.count(mark) > PARTS + 1:
        raise BadRequest()
    start = body.find(mark)
    while (end := body.find(mark, start + len(mark))) >= 0:
        head = body[start : min(end, start + HEAD_BYTES)].partition(b"\r\n\r\n")
        if not head[1] or _foreign(head[0]):
            raise BadRequest()
        start = end


def _foreign(head: bytes) -> bool:
    said = head.lower().replace(b" ", b"").replace(b'"', b"")
    encoded = b"filename*=" in said and b"filename*=utf-8'" not in said
    return encoded or said.count(b"charset=") > said.count(b"charset=utf-8\r\n") + said.endswith(b"charset=utf-8")

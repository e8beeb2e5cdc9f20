"""OpenAPI 3.1 of the APIs, at `/docs/openapi.json`, and the same to read at `/docs` (docs/adr/0011).

Paths, parameters and summaries come from the routes themselves, so none is missing; what a route takes and answers is
told here by the pydantic models that read it, or that describe what it says. A test holds both against real answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse
from sanic.router import Route

from handoff.domain.case import Status
from handoff.services.attachments.uploads import PIECE_BYTES
from handoff.services.views.desk import Scope
from handoff.web import html
from handoff.web.api_models import Begun, CaseOpened, Consented, Error, Messages, Sent, Stored, Uploading
from handoff.web.api_models_officers import (
    Acted,
    Candidates,
    CaseLines,
    Corrected,
    Corrections,
    FullCase,
    Moved,
    Notices,
    Offers,
    Published,
    Referrals,
    SignedIn,
    Spoke,
    Unread,
    WhySuspended,
)
from handoff.web.chat import Beginning, Consenting, Joining
from handoff.web.internal import CaseWanted
from handoff.web.officers import COOKIE, Credentials, NewPassword, Proposal, WhyTaken, Words
from handoff.web.officers_corrections import Correction
from handoff.web.officers_moving import FollowUp, Handover, Leave, Merge, Referral, Transfer, Why
from handoff.web.officers_news import ReadUntil
from handoff.web.requests import answer
from handoff.web.uploads import NewUpload

docs = Blueprint("docs", url_prefix="/docs")
docs.on_request(html.learn)

PREFIXES = ("/api/", "/internal/")
SCHEMAS = "#/components/schemas/{model}"


@dataclass(frozen=True)
class Operation:
    """What a route takes and answers beyond what its path tells. `refusals` are statuses with `Error`."""

    status: int
    answers: type[BaseModel] | str | None   # a model, the media type of something else, or nothing
    refusals: tuple[int, ...]
    takes: type[BaseModel] | None = None
    takes_file: bool = False
    takes_bytes: bool = False
    may_take: bool = False  # the body may be left out
    parameters: tuple[dict[str, Any], ...] = ()


def _parameter(place: str, name: str, text: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "description": text, "schema": {"type": "string", **schema}}


KEY = _parameter("header", "Idempotency-Key", "The same key again is the same message.", minLength=1, maxLength=200)
AFTER = _parameter("query", "after", "The number of the last message known.", type="integer", minimum=0)
LAST = _parameter("header", "Last-Event-ID", "The number of the last message known.")
CASES = _parameter("query", "cases", "Any value: an event `case` comes whenever the case changes.")
OFFSET = {**_parameter("header", "Upload-Offset", "Where the piece begins.", type="integer", minimum=0),
          "required": True}
ACTING = (401, 403, 404, 409, 503)
SPEAKING = (400, *ACTING, 413, 422)

OPERATIONS = {  # by blueprint and handler
    "chat.begin": Operation(201, Begun, (400, 429, 503), takes=Beginning, may_take=True),
    "chat.consent": Operation(201, Consented, (400, 401, 404, 429, 503), takes=Consenting),
    "chat.send": Operation(202, Stored, (400, 401, 403, 404, 409, 413, 415, 422, 429, 503), takes=Sent, takes_file=True,
                           parameters=(KEY,)),
    "chat.join": Operation(204, None, (400, 401, 403, 404, 429, 503), takes=Joining),
    "chat.read": Operation(200, Messages, (400, 401, 404, 503), parameters=(AFTER,)),
    "chat.events": Operation(200, "text/event-stream", (401, 404, 429, 503), parameters=(LAST, CASES)),
    "chat.download": Operation(200, "application/octet-stream", (401, 404, 503)),
    "uploads.begin": Operation(201, Uploading, (400, 401, 404, 409, 413, 422, 429, 503), takes=NewUpload,
                               parameters=({**KEY, "required": True},)),
    "uploads.progress": Operation(200, Uploading, (401, 404, 503)),
    "uploads.piece": Operation(200, Uploading, (400, 401, 404, 409, 413, 422, 503), takes_bytes=True,
                               parameters=(OFFSET,)),
    "officers.sign_in": Operation(200, SignedIn, (400, 401, 429, 503), takes=Credentials),
    "officers.who": Operation(200, SignedIn, (401, 503)),
    "officers.sign_out": Operation(204, None, (401, 403, 503)),
    "officers.change_password": Operation(204, None, (400, 401, 403, 422, 429, 503), takes=NewPassword),
    "officers.cases": Operation(200, CaseLines, (400, 401, 403, 503), parameters=(
        _parameter("query", "scope", "Whose cases.", enum=list(get_args(Scope)), default="mine"),
        _parameter("query", "status", "Cases in this state; without it, the open ones.", enum=list(Status)),
        _parameter("query", "offset", "How many to leave out.", type="integer", minimum=0),
    )),
    "officers.case": Operation(200, FullCase, (400, 401, 403, 404, 503), parameters=(AFTER,)),
    "officers.download": Operation(200, "application/octet-stream", (401, 403, 404, 503)),
    "officers.events": Operation(200, "text/event-stream", (401, 403, 503)),
    "officers.take_over": Operation(200, Acted, ACTING, WhyTaken, may_take=True),
    "officers.reply": Operation(200, Spoke, SPEAKING, takes=Words, parameters=(KEY,)),
    "officers.note": Operation(200, Spoke, SPEAKING, takes=Words, parameters=(KEY,)),
    "officers.ask": Operation(200, Spoke, SPEAKING, takes=Words, parameters=(KEY,)),
    "officers.propose": Operation(200, Spoke, SPEAKING, takes=Proposal, parameters=(KEY,)),
    "officers.hand_back": Operation(200, Acted, ACTING),
    "officers.transfer": Operation(200, Acted, SPEAKING, takes=Transfer),
    "officers.withdraw_transfer": Operation(200, Acted, ACTING),
    "officers.accept_transfer": Operation(200, Acted, ACTING),
    "officers.decline_transfer": Operation(204, None, SPEAKING, takes=Why),
    "officers.refer": Operation(200, Acted, SPEAKING, takes=Referral),
    "officers.waiting": Operation(200, Referrals, (401, 403, 404, 503)),
    "officers.follow_up": Operation(200, Acted, SPEAKING, takes=FollowUp),
    "officers.dismiss": Operation(200, Acted, SPEAKING, takes=Why),
    "officers.confirm_dismissal": Operation(200, Acted, SPEAKING, takes=Why),
    "officers.allow_address": Operation(200, Spoke, SPEAKING, takes=Why),
    "officers.colleagues": Operation(200, Candidates, (401, 403, 404, 503)),
    "officers.reassign": Operation(200, Acted, SPEAKING, takes=Handover),
    "officers.merge": Operation(200, Acted, SPEAKING, takes=Merge),
    "officers.deactivate": Operation(200, Moved, (401, 403, 404, 409, 503)),
    "officers.leave": Operation(200, Moved, (400, 401, 403, 404, 409, 422, 503), takes=Leave),
    "officers.news": Operation(200, Notices, (401, 403, 503)),
    "officers.read": Operation(200, Unread, (400, 401, 403, 503), takes=ReadUntil),
    "officers.offered": Operation(200, Offers, (401, 403, 503)),
    "officers.suspend": Operation(200, Published, (400, 401, 403, 404, 422, 503), takes=WhySuspended),
    "officers.republish": Operation(200, Published, (401, 403, 404, 409, 503)),
    "officers.correct": Operation(200, Corrected, (400, 401, 403, 404, 409, 422, 503), takes=Correction,
                                  parameters=(KEY,)),
    "officers.corrected": Operation(200, Corrections, (401, 403, 503)),
    "internal.open_case": Operation(200, CaseOpened, (400, 401, 404, 503), takes=CaseWanted),
}
UPLOAD = {"type": "object", "required": ["file"], "properties": {
    "file": {"type": "string", "format": "binary", "description": "At most 10 MB."},
    "text": {"type": "string", "maxLength": 4096, "description": "A caption."},
}}
PIECE = {"type": "string", "format": "binary", "maxLength": PIECE_BYTES,
         "description": "From 4 KiB (the last piece may be smaller) to 128 KiB."}


def name_of(route: Route) -> str:
    """`blueprint.handler`, without the application's name."""
    return str(route.name).split(".", 1)[1]


def described_routes(app: Sanic) -> Iterator[Route]:
    """The routes of the APIs, without the preflights of CORS."""
    for route in app.router.routes:
        if f"/{route.path}".startswith(PREFIXES) and set(route.methods) != {"OPTIONS"}:
            yield route


def document(app: Sanic) -> dict[str, Any]:
    """The OpenAPI document of `app`'s APIs."""
    paths: dict[str, dict[str, Any]] = {}
    for route in described_routes(app):
        path = "/" + re.sub(r"<(\w+)(:[^>]*)?>", r"{\1}", route.path)
        for method in route.methods:
            paths.setdefault(path.rstrip("/"), {})[method.lower()] = _operation(route, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Wajah", "version": "1", "description": (
            "The Chat API that the widget uses, the officers' API, and the internal API of the action server.")},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": _schemas()[1]["$defs"], "securitySchemes": {
            "conversation": {"type": "http", "scheme": "bearer", "description": "The token of the conversation."},
            "service": {"type": "http", "scheme": "bearer", "description": "The service token."},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "An officer's session."},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token",
                     "description": "The session's token, with what changes something."},
        }},
    }


def _operation(route: Route, method: str) -> dict[str, Any]:
    name = name_of(route)
    known = OPERATIONS.get(name, Operation(200, "application/json", ()))
    told: dict[str, Any] = {
        "operationId": name, "tags": [name.split(".")[0]],
        "summary": (route.handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [
            *({"name": parameter.name, "in": "path", "required": True, "schema": {"type": "string"}}
              for parameter in route.params.values()),
            *known.parameters,
        ],
        "responses": {str(known.status): _answers(known.answers)}
        | {str(status): {"description": "Refused.", **_json(Error)} for status in known.refusals},
    }
    content = (_json(known.takes)["content"] if known.takes else {})
    content |= {"multipart/form-data": {"schema": UPLOAD}} if known.takes_file else {}
    content |= {"application/octet-stream": {"schema": PIECE}} if known.takes_bytes else {}
    if content:
        told["requestBody"] = {"required": not known.may_take, "content": content}
    if needs := _needs(name, method):
        told["security"] = [{scheme: [] for scheme in needs}]
    return told


def _needs(name: str, method: str) -> list[str]:
    """The security schemes that a request must satisfy together."""
    if name in ("chat.begin", "officers.sign_in"):
        return []
    if name.startswith("officers."):
        return ["session"] if method == "GET" else ["session", "csrf"]
    return ["service"] if name.startswith("internal.") else ["conversation"]


def _answers(answers: type[BaseModel] | str | None) -> dict[str, Any]:
    if answers is None:
        return {"description": "Done."}
    if isinstance(answers, str):
        return {"description": "As described.", "content": {answers: {}}}
    return {"description": (answers.__doc__ or "").strip(), **_json(answers)}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": _schemas()[0][model, "validation"]}}}


@lru_cache(maxsize=1)
def _schemas() -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """A reference to each model, and what the references name."""
    models = {m for o in OPERATIONS.values() for m in (o.answers, o.takes) if isinstance(m, type)} | {Error}
    ordered = sorted(models, key=lambda model: model.__name__)
    return models_json_schema([(model, "validation") for model in ordered], ref_template=SCHEMAS)


@lru_cache(maxsize=1)
def _document(app: Sanic) -> dict[str, Any]:
    return document(app)


@docs.get("/openapi.json")
async def as_json(request: Request) -> HTTPResponse:
    """The document."""
    return answer(_document(request.app), headers={"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"})


@docs.get("/")
async def as_page(request: Request) -> HTTPResponse:
    """The document to read."""
    return html.page(request, "docs.html", document=_document(request.app))

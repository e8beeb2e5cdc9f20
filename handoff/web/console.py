"""`/petugas`: the officers' console as pages that need no JavaScript. It stands on the same sessions, roles and use
cases as the API (`web.officers`); here a form carries the CSRF token, and a refusal is a sentence on the page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.domain import assignment
from handoff.domain.case import Status
from handoff.domain.number import InvalidNumber, parse
from handoff.services.errors import Forbidden, ServiceError, Unauthorized, Unavailable
from handoff.services.people import office, staff
from handoff.services.people.staff import Session
from handoff.services.post import operators
from handoff.services.runtime import Runtime
from handoff.store.db import DatabaseAway
from handoff.web import html, officers
from handoff.web.errors import DATABASE_AWAY_SECONDS, retry_headers
from handoff.web.requests import runtime_of

console = Blueprint("console", url_prefix="/petugas")
console.on_request(html.learn)

DOOR = "wajah_masuk"  # the cookie that ties a sign-in form to the browser it was shown to
TIMES = ("opened_at", "waiting_since", "respond_by", "reply_by", "resolve_by", "next_deadline", "first_replied_at",
         "proposed_at", "closed_at", "undelivered_since", "mail_failed_at", "reply_undelivered_since",
         "window_until")
WITH_US = (Status.assigned, Status.in_progress)  # while the citizen is asked or has a proposal, no resolution is late


@console.on_request
async def authenticate(request: Request) -> HTTPResponse | None:
    """Who has no session is led to the door (`ctx_open` needs none), who has a one-time password to its change
    (`ctx_first`). What changes something carries the session's CSRF token."""
    route = request.route.ctx if request.route else None
    if getattr(route, "open", False):
        return None
    session = await staff.session_of(runtime_of(request), officers.token_of(request))
    if session is None:
        if "hx-request" in request.headers:
            raise Unauthorized()  # a fragment: the page says that the session has ended, and stays as it is
        if request.method not in officers.READING:
            return door_page(request, Unauthorized())
        number = known(request.match_info.get("number", ""))
        return redirect("/petugas/masuk" + (f"?kasus={number}" if number else ""), status=303)
    request.ctx.session = session
    if request.method not in officers.READING and not same(field_of(request, "tanda"), session.csrf_token):
        raise Forbidden("csrf")
    if session.officer.must_change_password and not getattr(route, "first", False):
        return redirect("/petugas/kata-sandi", status=303)
    if session.officer.role in operators.TOLD:
        request.ctx.stops = await operators.stops(runtime_of(request))
    return None


@console.exception(ServiceError)
async def refused(request: Request, refusal: ServiceError) -> HTTPResponse:
    """A refusal inside the console: its way out is the list, or signing out."""
    return page(request, "petugas_refused.html", refusal=refusal)


@console.exception(DatabaseAway)
async def database_away(request: Request, away: Exception) -> HTTPResponse:
    """Nothing could be asked and nothing was stored."""
    return page(request, "petugas_refused.html", refusal=Unavailable(retry_after=DATABASE_AWAY_SECONDS))


# --- signing in -------------------------------------------------------------------------------------------------------


@console.get("/masuk", ctx_open=True)
async def door(request: Request) -> HTTPResponse:
    """The sign-in form."""
    return door_page(request)


@console.post("/masuk", ctx_open=True)
async def sign_in(request: Request) -> HTTPResponse:
    """Sign in, then on to the list or to the case that was asked for."""
    login, password, cookie = field_of(request, "nama"), field_of(request, "sandi"), request.cookies.get(DOOR) or ""
    try:
        if not cookie or not same(field_of(request, "tanda"), _door_token(request, cookie)):
            raise Forbidden("csrf")  # a foreign page's form could sign somebody in as somebody else
        given = officers.credentials(login, password)
        token, session = await officers.begin(request, given.login, given.password)
    except ServiceError as refusal:
        return door_page(request, refusal, login[:80])
    number = field_of(request, "kasus")
    onward = redirect(f"/petugas/kasus/{number}" if known(number) == number else "/petugas", status=303)
    return officers.remember(request, officers.with_cookie(request, onward, token), session)


@console.post("/keluar", ctx_first=True)
async def sign_out(request: Request) -> HTTPResponse:
    """End the session."""
    await staff.sign_out(runtime_of(request), officers.token_of(request))
    return officers.with_cookie(request, redirect("/petugas/masuk", status=303), "")


@console.get("/kata-sandi", ctx_first=True)
async def password_form(request: Request) -> HTTPResponse:
    """The form for a password of one's own."""
    return page(request, "petugas_password.html")


@console.post("/kata-sandi", ctx_first=True)
async def change_password(request: Request) -> HTTPResponse:
    """A password of one's own; every other session ends."""
    old, new = field_of(request, "lama"), field_of(request, "baru")
    try:
        await staff.change_password(runtime_of(request), session_of(request), old, new)
    except ServiceError as refusal:
        return page(request, "petugas_password.html", refusal=refusal)
    return redirect("/petugas", status=303)


def door_page(request: Request, refusal: ServiceError | None = None, login: str = "") -> HTTPResponse:
    cookie = request.cookies.get(DOOR) or secrets.token_urlsafe(24)
    wanted = request.args.get("kasus") or field_of(request, "kasus")
    response = page(request, "petugas_door.html", refusal=refusal, login=login, token=_door_token(request, cookie),
                    number=known(wanted))
    response.add_cookie(DOOR, cookie, path="/petugas", httponly=True, samesite="Strict", max_age=None,
                        secure=runtime_of(request).settings.base_url.startswith("https:"))
    return response


def _door_token(request: Request, cookie: str) -> str:
    secret = runtime_of(request).settings.derived_key("sign-in-form")
    return hmac.new(secret, cookie.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


# --- a case in words -------------------------------------------------------------------------------------------------


def told(request: Request, case: dict[str, Any]) -> dict[str, Any]:
    """The case with its times as times, its topic by its title, and what of it is late."""
    runtime = runtime_of(request)
    times = {name: datetime.fromisoformat(case[name]) if case.get(name) else None for name in TIMES}
    reply_due = case["next_deadline"] is not None and case["next_deadline"] == case["reply_by"]
    return {
        **case, **times, "title": titles(request).get(case["topic"], case["topic"]), "reply_due": reply_due,
        "late": _passed(runtime, times["next_deadline"]),
        "late_resolve": case["status"] in WITH_US and _passed(runtime, times["resolve_by"]),
    }


def _passed(runtime: Runtime, deadline: datetime | None) -> bool:
    return deadline is not None and runtime.clock() > deadline


def titles(request: Request) -> dict[str, str]:
    """What topics and intents are called, by id; the catalogue does not name those that go to a person at once."""
    named: dict[str, str] = html.pages_of(request).words["console"]["topic"]
    return named | {name: topic.title for name, topic in runtime_of(request).catalogue.topics.items()}


# --- shared -----------------------------------------------------------------------------------------------------------


def page(request: Request, template: str, *, refusal: ServiceError | None = None, **facts: Any) -> HTTPResponse:
    """A page that no cache keeps. `session` is who looks, or nobody; `sentence` why something was refused."""
    status, headers, sentence = 200, {"Cache-Control": html.MINE}, None
    if refusal is not None:
        status, headers = refusal.status, headers | retry_headers(refusal)
        sentence = runtime_of(request).texts.say(f"errors.{refusal.code}", **refusal.facts)
    session: Session | None = getattr(request.ctx, "session", None)
    return html.page(request, template, status, headers, session=session, sentence=sentence,
                     stops=getattr(request.ctx, "stops", ()),
                     duty=_duty(request, session) if session else None, **facts)


def _duty(request: Request, session: Session) -> str | None:
    """`there`, `away`, or nothing for who carries no cases."""
    officer = session.officer
    if officer.role not in office.HAS_DUTY:
        return None
    away = assignment.is_away(officer.away_since, runtime_of(request).clock(), ZoneInfo(officer.unit_zone))
    return "away" if away else "there"


def session_of(request: Request) -> Session:
    session: Session = request.ctx.session
    return session


def field_of(request: Request, name: str) -> str:
    form: Any = request.get_form(keep_blank_values=True) or {}
    return str(form.get(name) or "")


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def known(text: str) -> str | None:
    try:
        return parse(text)
    except InvalidNumber:
        return None

"""`/petugas`: the officers' console as pages that need no JavaScript. It stands on the same sessions, roles and use
cases as the API (`web.officers`); here a form carries the CSRF token, and a refusal is a sentence on the page."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect
from sqlalchemy.exc import TimeoutError as PoolTimeout

from handoff.domain.access import OFFICE_WIDE
from handoff.domain.case import Actor, CaseState, ClosedReason, Refusal, Role, Status, Verb, transition
from handoff.domain.number import InvalidNumber, parse
from handoff.services import desk, staff, verbs
from handoff.services.conversations import PAGE
from handoff.services.desk import LISTED, Scope
from handoff.services.errors import BadRequest, Forbidden, NotFound, ServiceError, Unauthorized
from handoff.services.runtime import Runtime
from handoff.services.staff import Session
from handoff.store.db import DatabaseAway
from handoff.web import html, officers
from handoff.web.errors import DATABASE_AWAY_SECONDS, retry_headers
from handoff.web.requests import address_of, limit, number_of, runtime_of

console = Blueprint("console", url_prefix="/petugas")
console.on_request(html.learn)

DOOR = "wajah_masuk"  # the cookie that ties a sign-in form to the browser it was shown to
SCOPES: dict[str, Scope] = {"saya": "mine", "unit": "unit", "semua": "all"}
TIMES = ("opened_at", "waiting_since", "respond_by", "resolve_by", "next_deadline", "first_replied_at", "proposed_at",
         "closed_at")
VERBS = {"takeover": Verb.take_over, "reply": Verb.reply, "propose": Verb.propose, "note": Verb.note,
         "hand_back": Verb.hand_back}  # by `data-action`
SAYING = {"reply": verbs.reply, "note": verbs.note, "propose": verbs.propose}
EVENTS = {"takeover": "taken_over", "reply": "replied", "note": "noted", "propose": "proposed",
          "hand_back": "handed_back"}
_FORM = re.compile(r"[0-9a-f]{32}")


class Unavailable(ServiceError):
    """The database is away."""

    code, status = "unavailable", 503


@dataclass(frozen=True)
class Sent:
    """What a case's form sent. `form` is drawn once for each page shown: the same form sent twice is said once."""

    action: str = ""
    text: str = ""
    form: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, request: Request, action: str) -> Sent:
        """The form's fields; line ends as the officer typed them, not as browsers post them."""
        text, form = _field(request, "pesan").replace("\r\n", "\n"), _field(request, "kiriman")
        return cls(action, text, form) if _FORM.fullmatch(form) else cls(action, text)

    def key(self, session: Session) -> str:
        """The officer's own idempotency key. It covers verb and words too: a page opened again from the browser's
        memory and written on anew says another thing."""
        parts = f"{session.officer.id}\0{self.form}\0{self.action}\0{self.text}"
        return f"console:{hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()}"


@console.on_request
async def authenticate(request: Request) -> HTTPResponse | None:
    """Who has no session is led to the door (`ctx_open` needs none), who has a one-time password to its change
    (`ctx_first`). What changes something carries the session's CSRF token."""
    route = request.route.ctx if request.route else None
    if getattr(route, "open", False):
        return None
    session = await staff.session_of(runtime_of(request), officers.token_of(request))
    if session is None:
        if request.method not in officers.READING:
            return _door(request, Unauthorized())
        number = _known(request.match_info.get("number", ""))
        return redirect("/petugas/masuk" + (f"?kasus={number}" if number else ""), status=303)
    request.ctx.session = session
    if request.method not in officers.READING and not _same(_field(request, "tanda"), session.csrf_token):
        raise Forbidden("csrf")
    if session.officer.must_change_password and not getattr(route, "first", False):
        return redirect("/petugas/kata-sandi", status=303)
    return None


@console.exception(ServiceError)
async def refused(request: Request, refusal: ServiceError) -> HTTPResponse:
    """A refusal inside the console: its way out is the list, or signing out."""
    return _page(request, "petugas_refused.html", refusal=refusal)


@console.exception(DatabaseAway, PoolTimeout)
async def database_away(request: Request, away: Exception) -> HTTPResponse:
    """Nothing was stored. What an officer typed stays in the box, even though nobody can be asked who they are; a
    foreign site's form never gets here with the cookie."""
    action = request.match_info.get("action", "")
    refusal = Unavailable(retry_after=DATABASE_AWAY_SECONDS)
    if request.method in officers.READING or action not in SAYING or not officers.token_of(request):
        return _page(request, "petugas_refused.html", refusal=refusal)
    return _page(request, "petugas_unsent.html", refusal=refusal, sent=Sent.of(request, action),
                 token=_field(request, "tanda"), number=request.match_info["number"])


# --- signing in -------------------------------------------------------------------------------------------------------


@console.get("/masuk", ctx_open=True)
async def door(request: Request) -> HTTPResponse:
    """The sign-in form."""
    return _door(request)


@console.post("/masuk", ctx_open=True)
async def sign_in(request: Request) -> HTTPResponse:
    """Sign in, then on to the list or to the case that was asked for."""
    login, password, cookie = _field(request, "nama"), _field(request, "sandi"), request.cookies.get(DOOR) or ""
    try:
        if not cookie or not _same(_field(request, "tanda"), _door_token(request, cookie)):
            raise Forbidden("csrf")  # a foreign page's form could sign somebody in as somebody else
        limit(request.app.ctx.login_buckets, address_of(request))
        given = officers.credentials(login, password)
        token, _ = await officers.begin(request, given.login, given.password)
    except ServiceError as refusal:
        return _door(request, refusal, login[:80])
    number = _field(request, "kasus")
    onward = redirect(f"/petugas/kasus/{number}" if _known(number) == number else "/petugas", status=303)
    return officers.with_cookie(request, onward, token)


@console.post("/keluar", ctx_first=True)
async def sign_out(request: Request) -> HTTPResponse:
    """End the session."""
    await staff.sign_out(runtime_of(request), officers.token_of(request))
    return officers.with_cookie(request, redirect("/petugas/masuk", status=303), "")


@console.get("/kata-sandi", ctx_first=True)
async def password_form(request: Request) -> HTTPResponse:
    """The form for a password of one's own."""
    return _page(request, "petugas_password.html")


@console.post("/kata-sandi", ctx_first=True)
async def change_password(request: Request) -> HTTPResponse:
    """A password of one's own; every other session ends."""
    old, new = _field(request, "lama"), _field(request, "baru")
    try:
        await staff.change_password(runtime_of(request), _session(request), old, new)
    except ServiceError as refusal:
        return _page(request, "petugas_password.html", refusal=refusal)
    return redirect("/petugas", status=303)


def _door(request: Request, refusal: ServiceError | None = None, login: str = "") -> HTTPResponse:
    cookie = request.cookies.get(DOOR) or secrets.token_urlsafe(24)
    wanted = request.args.get("kasus") or _field(request, "kasus")
    response = _page(request, "petugas_door.html", refusal=refusal, login=login, token=_door_token(request, cookie),
                     number=_known(wanted))
    response.add_cookie(DOOR, cookie, path="/petugas", httponly=True, samesite="Strict", max_age=None,
                        secure=runtime_of(request).settings.base_url.startswith("https:"))
    return response


def _door_token(request: Request, cookie: str) -> str:
    secret = runtime_of(request).settings.derived_key("sign-in-form")
    return hmac.new(secret, cookie.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


# --- looking ----------------------------------------------------------------------------------------------------------


@console.get("/")
async def cases(request: Request) -> HTTPResponse:
    """The list, the next deadline first."""
    officer = _session(request).officer
    wide = Role(officer.role) in OFFICE_WIDE
    chosen = request.args.get("lingkup") or ("semua" if officer.role == Role.auditor else "saya")
    if chosen not in SCOPES:
        raise BadRequest()
    closed, start = "ditutup" in request.args, number_of(request, "dari")
    listed = await desk.cases_of(
        runtime_of(request), officer, SCOPES[chosen], Status.closed if closed else None, start
    )
    return _page(
        request, "petugas.html", cases=[_told(request, case) for case in listed], chosen=chosen, closed=closed,
        scopes=[name for name in SCOPES if wide or name != "semua"],
        earlier=max(0, start - LISTED) if start else None, later=start + LISTED if len(listed) == LISTED else None,
    )


@console.get("/kasus/<number:str>")
async def case(request: Request, number: str) -> HTTPResponse:
    """One case; the look is recorded."""
    known = _known(number)
    if known is None:
        raise NotFound()
    if known != number:
        return redirect(f"/petugas/kasus/{known}", status=303)
    return await _case(request, number, Sent())


async def _case(request: Request, number: str, sent: Sent, refusal: ServiceError | None = None) -> HTTPResponse:
    """The case as it stands, with what has just been done to it, or why it was not."""
    session = _session(request)
    after = number_of(request, "setelah") if "setelah" in request.args else None
    found = await desk.case_in_full(runtime_of(request), session.officer, number, after)
    messages = found.get("messages", [])
    first, last = (messages[0]["seq"], messages[-1]["seq"]) if messages else (1, found["last_seq"])
    return _page(
        request, "petugas_case.html", refusal=refusal, case=_told(request, found), messages=messages,
        titles=_titles(request), sent=sent, actions=_actions(session, found),
        done=_done(session, found, request.args.get("hasil") or ""),
        earlier=max(0, first - 1 - PAGE) if first > 1 else None,
        later=last if after is not None and last < found["last_seq"] else None,
    )


def _told(request: Request, case: dict[str, Any]) -> dict[str, Any]:
    """The case with its times as times, its topic by its title, and what of it is late."""
    runtime = runtime_of(request)
    times = {name: datetime.fromisoformat(case[name]) if case[name] else None for name in TIMES}
    reply_due = case["next_deadline"] is not None and case["next_deadline"] == case["respond_by"]
    return {
        **case, **times, "title": _titles(request).get(case["topic"], case["topic"]), "reply_due": reply_due,
        "late": _passed(runtime, times["next_deadline"]),
        "late_resolve": case["status"] != Status.closed and _passed(runtime, times["resolve_by"]),
    }


def _passed(runtime: Runtime, deadline: datetime | None) -> bool:
    return deadline is not None and runtime.clock() > deadline


def _titles(request: Request) -> dict[str, str]:
    """What topics and intents are called, by id; the catalogue does not name those that go to a person at once."""
    named: dict[str, str] = html.pages_of(request).words["console"]["topic"]
    return named | {name: topic.title for name, topic in runtime_of(request).catalogue.topics.items()}


def _actions(session: Session, case: dict[str, Any]) -> list[str]:
    """What the rules let this officer do to the case now, by `data-action`. Units are compared by slug."""
    if not case["words"]:
        return []
    officer, reason = session.officer, case["closed_reason"]
    actor = Actor("officer", str(officer.id), Role(officer.role), officer.unit_slug)
    state = CaseState(Status(case["status"]), case["officer"]["id"], case["unit"]["slug"],
                      ClosedReason(reason) if reason else None)
    speaking = case["owner"] == "officer" and case["officer"]["id"] == str(officer.id)
    allowed = []
    for action, verb in VERBS.items():
        try:
            after = transition(state, verb, actor)
        except Refusal:
            continue
        idle = {"takeover": after == state and speaking, "hand_back": not speaking}  # would change nothing
        if not idle.get(action):
            allowed.append(action)
    return allowed


def _done(session: Session, case: dict[str, Any], action: str) -> str | None:
    """The action that the address claims was done, if this officer did such a thing to the case."""
    me = {"name": session.officer.name, "title": session.officer.title}
    did = any(event["type"] == EVENTS.get(action) and event["officer"] == me for event in case["events"])
    return action if did else None


# --- acting -----------------------------------------------------------------------------------------------------------


@console.post("/kasus/<number:str>/<action:str>")
async def act(request: Request, number: str, action: str) -> HTTPResponse:
    """Do it; the page that follows says so. A refused verb is told on the case, with what was typed."""
    if _known(number) != number or action not in VERBS:
        raise NotFound()
    sent, session, runtime = Sent.of(request, action), _session(request), runtime_of(request)
    case_id = await desk.locate(runtime, session.officer, number)
    try:
        if action == "takeover":
            await verbs.take_over(runtime, session.officer, case_id)
        elif action == "hand_back":
            await verbs.hand_back(runtime, session.officer, case_id)
        else:
            await SAYING[action](runtime, session.officer, case_id, sent.text, sent.key(session))
    except ServiceError as refusal:
        return await _case(request, number, sent, refusal)
    return redirect(f"/petugas/kasus/{number}?hasil={action}#hasil", status=303)


# --- shared -----------------------------------------------------------------------------------------------------------


def _page(request: Request, template: str, *, refusal: ServiceError | None = None, **facts: Any) -> HTTPResponse:
    """A page that no cache keeps. `session` is who looks, or nobody; `sentence` why something was refused."""
    status, headers, sentence = 200, {"Cache-Control": html.MINE}, None
    if refusal is not None:
        status, headers = refusal.status, headers | retry_headers(refusal)
        sentence = runtime_of(request).texts.say(f"errors.{refusal.code}", **refusal.facts)
    session: Session | None = getattr(request.ctx, "session", None)
    return html.page(request, template, status, headers, session=session, sentence=sentence, **facts)


def _session(request: Request) -> Session:
    session: Session = request.ctx.session
    return session


def _field(request: Request, name: str) -> str:
    form: Any = request.get_form(keep_blank_values=True) or {}
    return str(form.get(name) or "")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _known(text: str) -> str | None:
    try:
        return parse(text)
    except InvalidNumber:
        return None

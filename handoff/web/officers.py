"""The officers' API: signing in, lists, one case, the verbs, a stream of what changes. The console stands on it."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, empty

from handoff.domain.access import Permission, allows
from handoff.domain.case import Role, Status
from handoff.domain.closing import Cause
from handoff.domain.number import InvalidNumber, parse
from handoff.services.case import verbs
from handoff.services.errors import BadRequest, Forbidden, NotFound, Unauthorized, Unprocessable
from handoff.services.people import staff
from handoff.services.people.staff import Session
from handoff.services.talk import publications
from handoff.services.views import desk
from handoff.services.views.desk import Scope
from handoff.web import streams
from handoff.web.chat import KEY_CHARACTERS, as_download
from handoff.web.requests import address_of, answer, body_of, limit, number_of, runtime_of, uuid_of

officers = Blueprint("officers", url_prefix="/api/v1/officer")
COOKIE = "wajah_session"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
DEVICE_SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie
RECHECK_SECONDS = 20.0  # how long a stream may outlive its session


class Credentials(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")
    login: Annotated[str, Field(max_length=80)]
    password: Annotated[str, Field(max_length=1000)]


class NewPassword(BaseModel):
    """The password there is and the one there shall be."""

    model_config = ConfigDict(extra="forbid")
    old_password: Annotated[str, Field(max_length=1000)]
    new_password: Annotated[str, Field(max_length=1000)]


class Words(BaseModel):
    """What an officer writes."""

    model_config = ConfigDict(extra="forbid")
    text: str


class Proposal(Words):
    """A resolution in words for the citizen, and what the trouble came from. A missing or unknown cause is refused with
    422 and a sentence that lists them, not with the 400 of a body that cannot be read."""

    model_config = ConfigDict(json_schema_extra={"required": ["text", "cause"]})
    cause: Annotated[str | None, WithJsonSchema({"type": "string", "enum": list(Cause)})] = None


class Reason(BaseModel):
    """Why an answer is suspended."""

    model_config = ConfigDict(extra="forbid")
    reason: str


class WhyTaken(BaseModel):
    """Why somebody else's conversation is taken over; nothing need be said to take one's own."""

    model_config = ConfigDict(extra="forbid")
    reason: str = ""


@officers.on_request
async def authenticate(request: Request) -> None:
    """Nothing here is open without a session but signing in (`ctx_open`); with a one-time password nothing but what
    changes it (`ctx_first`). What changes something carries the session's CSRF token."""
    route = request.route.ctx if request.route else None
    if getattr(route, "open", False):
        return
    session = await staff.session_of(runtime_of(request), token_of(request))
    if session is None:
        raise Unauthorized()
    given = request.headers.get("x-csrf-token", "")
    if request.method not in READING and not hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), session.csrf_token.encode()
    ):
        raise Forbidden("csrf")
    if session.officer.must_change_password and not getattr(route, "first", False):
        raise Forbidden("password_change_required")
    request.ctx.session = session


def token_of(request: Request) -> str:
    """The token in the caller's cookie, or nothing."""
    return str(request.cookies.get(COOKIE) or "")


def session_of(request: Request) -> Session:
    """The session of an officer who has signed in."""
    session: Session = request.ctx.session
    return session


def meant(text: str) -> str:
    """The case number in its usual spelling. Raises `NotFound`."""
    try:
        return parse(text)
    except InvalidNumber:
        raise NotFound() from None


# --- signing in -------------------------------------------------------------------------------------------------------


@officers.post("/session", ctx_open=True)
async def sign_in(request: Request) -> HTTPResponse:
    """Sign in; the session is a cookie, its CSRF token is in the answer."""
    if not request.content_type.startswith("application/json"):
        raise BadRequest()  # a foreign page's form could sign somebody in as somebody else
    given = body_of(request, Credentials)
    token, session = await begin(request, given.login, given.password)
    return remember(request, with_cookie(request, answer(_who(session)), token), session)


def credentials(login: str, password: str) -> Credentials:
    """The same bounds for a form. Raises `BadRequest`."""
    try:
        return Credentials(login=login, password=password)
    except ValidationError:
        raise BadRequest() from None


async def begin(request: Request, login: str, password: str) -> tuple[str, Session]:
    """A session in place of the one that this browser has. Raises as `staff.sign_in`, and `TooMany`.

    Officers' names are no secret, and so are no logins: anybody can fail five times in somebody's name, or many times
    from the office's own address. A browser in which that officer has signed in before is therefore limited for itself,
    and not kept out by others.
    """
    device = _device(request, login)
    if device:
        limit(request.app.ctx.device_buckets, device)
    else:
        limit(request.app.ctx.login_buckets, address_of(request))
    begun = await staff.sign_in(runtime_of(request), login, password, known=bool(device))
    if before := token_of(request):
        await staff.sign_out(runtime_of(request), before)
    return begun


@officers.get("/session", ctx_first=True)
async def who(request: Request) -> HTTPResponse:
    """Who has signed in."""
    return answer(_who(session_of(request)))


@officers.delete("/session", ctx_first=True)
async def sign_out(request: Request) -> HTTPResponse:
    """End the session."""
    await staff.sign_out(runtime_of(request), token_of(request))
    return with_cookie(request, empty(204), "")


@officers.post("/password", ctx_first=True)
async def change_password(request: Request) -> HTTPResponse:
    """A password of one's own; every other session ends."""
    given = body_of(request, NewPassword)
    await staff.change_password(runtime_of(request), session_of(request), given.old_password, given.new_password)
    return empty(204)


def with_cookie(request: Request, response: HTTPResponse, token: str) -> HTTPResponse:
    """The answer that gives the browser its session, or takes it (no token)."""
    secure = runtime_of(request).settings.base_url.startswith("https:")
    seconds = int(staff.ABSOLUTE.total_seconds()) if token else 0
    response.add_cookie(COOKIE, token, path="/", httponly=True, samesite="Strict", secure=secure, max_age=seconds)
    return response


def remember(request: Request, response: HTTPResponse, session: Session) -> HTTPResponse:
    """The answer that lets this browser be known the next time its officer signs in; signing out does not change it."""
    login, secure = session.officer.login, runtime_of(request).settings.base_url.startswith("https:")
    value = _device(request, login) or secrets.token_hex(16)
    response.add_cookie(_device_cookie(login), value + _device_mac(request, login, value), path="/", httponly=True,
                        samesite="Strict", secure=secure, max_age=DEVICE_SECONDS)
    return response


def _device(request: Request, login: str) -> str:
    """What this browser is known as to the officer; "" when they have never signed in here."""
    given = str(request.cookies.get(_device_cookie(login)) or "")
    device, mac = given[:32], given[32:].encode("utf-8", "surrogatepass")
    return device if hmac.compare_digest(mac, _device_mac(request, login, device).encode()) else ""


def _device_cookie(login: str) -> str:
    """One for each officer: several may share a counter's browser."""
    return f"wajah_kenal_{hashlib.sha256(staff.spelled(login).encode()).hexdigest()[:12]}"


def _device_mac(request: Request, login: str, device: str) -> str:
    secret = runtime_of(request).settings.derived_key("known-device")
    said = f"{staff.spelled(login)}\0{device}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, said, hashlib.sha256).hexdigest()


def _who(session: Session) -> dict[str, Any]:
    officer = session.officer
    return {
        "officer": {"id": str(officer.id), "login": officer.login, "name": officer.name, "title": officer.title,
                    "role": officer.role, "unit": {"slug": officer.unit_slug, "name": officer.unit_name}},
        "csrf_token": session.csrf_token, "must_change_password": officer.must_change_password,
    }


# --- looking ----------------------------------------------------------------------------------------------------------


@officers.get("/cases")
async def cases(request: Request) -> HTTPResponse:
    """A list of cases, the next deadline first."""
    scope, status = request.args.get("scope", "mine"), request.args.get("status")
    if scope not in get_args(Scope) or (status is not None and status not in Status.__members__):
        raise BadRequest()
    listed = await desk.cases_of(
        runtime_of(request), session_of(request).officer, scope, Status(status) if status else None,
        number_of(request, "offset"),
    )
    return answer({"cases": listed})


@officers.get("/cases/<number:str>")
async def case(request: Request, number: str) -> HTTPResponse:
    """One case in full; the look is recorded."""
    after = number_of(request, "after") if "after" in request.args else None
    return answer(await desk.case_in_full(runtime_of(request), session_of(request).officer, meant(number), after))


@officers.get("/cases/<number:str>/files/<file:str>")
async def download(request: Request, number: str, file: str) -> HTTPResponse:
    """A file of the case, always as a download; the look is recorded."""
    found = await desk.open_file(runtime_of(request), session_of(request).officer, meant(number), uuid_of(file))
    return await as_download(request, *found)


@officers.get("/events")
async def events(request: Request) -> None:
    """Which cases change, ids only: `case` with number and last message number; `present` when colleagues come to a
    case, type, or leave; `look` when everything must be looked at (at the beginning, and when something was missed);
    `alive` when there was nothing to tell for a while."""
    runtime, session, token = runtime_of(request), session_of(request), token_of(request)
    if not allows(Role(session.officer.role), Permission.see_cases):
        raise Forbidden()
    loop = asyncio.get_running_loop()
    with request.app.ctx.board.watching(desk.viewer(session.officer)) as changes:
        stream = await streams.open_stream(request)
        checked = loop.time()
        while True:
            changed = changes.take()
            if changed is None:
                await stream.send(streams.event("look", {}))
            for kind, change in changed or ():
                await stream.send(streams.event(kind, {"number": change.number, "seq": change.seq}))
            if not await streams.wait(changes.happened):
                await stream.send(streams.event("alive", {}))  # a browser cannot see a comment
            if loop.time() - checked >= RECHECK_SECONDS:
                again = await staff.session_of(runtime, token, active=False)
                if again is None:
                    return
                changes.viewer, checked = desk.viewer(again.officer), loop.time()


# --- acting -----------------------------------------------------------------------------------------------------------


@officers.post("/cases/<number:str>/takeover")
async def take_over(request: Request, number: str) -> HTTPResponse:
    """The officer takes the conversation; of two at once one wins. Who leads says why they take somebody else's."""
    why = body_of(request, WhyTaken).reason if request.body else ""
    await verbs.take_over(runtime_of(request), session_of(request).officer, await located(request, number), why)
    return await after(request, number)


@officers.post("/cases/<number:str>/reply")
async def reply(request: Request, number: str) -> HTTPResponse:
    """A word to the citizen; with an `Idempotency-Key` it is said once, so with `note` and `propose`."""
    return await _say(request, number, verbs.reply)


@officers.post("/cases/<number:str>/note")
async def note(request: Request, number: str) -> HTTPResponse:
    """A word to colleagues; the citizen never sees it."""
    return await _say(request, number, verbs.note)


@officers.post("/cases/<number:str>/ask")
async def ask(request: Request, number: str) -> HTTPResponse:
    """A concrete question to the citizen; until they answer, the resolution's clock stands."""
    return await _say(request, number, verbs.ask)


@officers.post("/cases/<number:str>/propose")
async def propose(request: Request, number: str) -> HTTPResponse:
    """A resolution, which the citizen accepts or refuses; with what the trouble came from."""
    given = body_of(request, Proposal)
    if given.cause not in set(Cause):
        raise Unprocessable("no_cause", causes=list(Cause))
    return await _say(request, number, functools.partial(verbs.propose, cause=given.cause), given)


@officers.post("/cases/<number:str>/hand_back")
async def hand_back(request: Request, number: str) -> HTTPResponse:
    """The bot may speak again; the case stays."""
    await verbs.hand_back(runtime_of(request), session_of(request).officer, await located(request, number))
    return await after(request, number)


@officers.post("/topics/<topic:str>/suspend")
async def suspend(request: Request, topic: str) -> HTTPResponse:
    """Nobody gets this answer any more."""
    reason = body_of(request, Reason).reason
    epoch = await publications.suspend(runtime_of(request), session_of(request).officer, topic, reason)
    return answer({"topic": topic, "suspended": True, "epoch": epoch})


@officers.post("/topics/<topic:str>/republish")
async def republish(request: Request, topic: str) -> HTTPResponse:
    """This answer may be given again."""
    epoch = await publications.republish(runtime_of(request), session_of(request).officer, topic)
    return answer({"topic": topic, "suspended": False, "epoch": epoch})


async def _say(
    request: Request, number: str, verb: Callable[..., Awaitable[UUID]], given: Words | None = None
) -> HTTPResponse:
    text, key, case_id = (given or body_of(request, Words)).text, key_of(request), await located(request, number)
    said = await verb(runtime_of(request), session_of(request).officer, case_id, text, key)
    return await after(request, number, said)


async def located(request: Request, number: str) -> UUID:
    """The case that the officer may act on, as far as that needs reading it. Raises `Forbidden`, `NotFound`."""
    return await desk.locate(runtime_of(request), session_of(request).officer, meant(number))


async def after(request: Request, number: str, message_id: UUID | None = None) -> HTTPResponse:
    """The case as it stands now, and the id of what was said."""
    said = {"message_id": str(message_id)} if message_id else {}
    case = await desk.summary(runtime_of(request), session_of(request).officer, meant(number))
    return answer({**said, "case": case})


def key_of(request: Request) -> str | None:
    """The `Idempotency-Key`, as the officer's own: neither a colleague's nor the citizen's key can be the same."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_CHARACTERS:
        raise BadRequest()
    digest = hashlib.sha256(f"{session_of(request).officer.id}\0{key}".encode("utf-8", "surrogatepass"))
    return f"officer:{digest.hexdigest()}"

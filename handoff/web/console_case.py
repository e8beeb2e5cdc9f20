"""`/petugas/kasus/…`: one case, what is done to it, and what was typed when it could not be done. A page that needs no
JavaScript; sessions, CSRF tokens and refusals are the console's (`web.console`)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect
from sqlalchemy.exc import TimeoutError as PoolTimeout

from handoff.domain.case import Actor, CaseState, ClosedReason, Refusal, Role, Status, Verb, transition
from handoff.services import desk, verbs
from handoff.services.conversations import PAGE
from handoff.services.errors import NotFound, ServiceError
from handoff.services.staff import Session
from handoff.store.db import DatabaseAway
from handoff.web import html, officers
from handoff.web.console import Unavailable, authenticate, field_of, known, page, refused, session_of, titles, told
from handoff.web.errors import DATABASE_AWAY_SECONDS
from handoff.web.requests import number_of, runtime_of

console_case = Blueprint("console_case", url_prefix="/petugas/kasus")
console_case.on_request(html.learn)
console_case.on_request(authenticate)
console_case.exception(ServiceError)(refused)

VERBS = {"takeover": Verb.take_over, "reply": Verb.reply, "propose": Verb.propose, "note": Verb.note,
         "hand_back": Verb.hand_back}  # by `data-action`
SAYING = {"reply": verbs.reply, "note": verbs.note, "propose": verbs.propose}
EVENTS = {"takeover": "taken_over", "reply": "replied", "note": "noted", "propose": "proposed",
          "hand_back": "handed_back"}
_FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Sent:
    """What a case's form sent. `form` is drawn once for each page shown: the same form sent twice is said once."""

    action: str = ""
    text: str = ""
    form: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, request: Request, action: str) -> Sent:
        """The form's fields; line ends as the officer typed them, not as browsers post them."""
        text, form = field_of(request, "pesan").replace("\r\n", "\n"), field_of(request, "kiriman")
        return cls(action, text, form) if _FORM.fullmatch(form) else cls(action, text)

    def key(self, session: Session) -> str:
        """The officer's own idempotency key. It covers verb and words too: a page opened again from the browser's
        memory and written on anew says another thing."""
        parts = f"{session.officer.id}\0{self.form}\0{self.action}\0{self.text}"
        return f"console:{hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()}"


@console_case.exception(DatabaseAway, PoolTimeout)
async def database_away(request: Request, away: Exception) -> HTTPResponse:
    """Nothing was stored. What an officer typed stays in the box, even though nobody can be asked who they are; a
    foreign site's form never gets here with the cookie."""
    action = request.match_info.get("action", "")
    refusal = Unavailable(retry_after=DATABASE_AWAY_SECONDS)
    if request.method in officers.READING or action not in SAYING or not officers.token_of(request):
        return page(request, "petugas_refused.html", refusal=refusal)
    return page(request, "petugas_unsent.html", refusal=refusal, sent=Sent.of(request, action),
                token=field_of(request, "tanda"), number=request.match_info["number"])


# --- looking ----------------------------------------------------------------------------------------------------------


@console_case.get("/<number:str>")
async def case(request: Request, number: str) -> HTTPResponse:
    """One case; the look is recorded."""
    meant = known(number)
    if meant is None:
        raise NotFound()
    if meant != number:
        return redirect(f"/petugas/kasus/{meant}", status=303)
    return await _case(request, number, Sent())


async def _case(request: Request, number: str, sent: Sent, refusal: ServiceError | None = None) -> HTTPResponse:
    """The case as it stands, with what has just been done to it, or why it was not."""
    session = session_of(request)
    after = number_of(request, "setelah") if "setelah" in request.args else None
    found = await desk.case_in_full(runtime_of(request), session.officer, number, after)
    messages = found.get("messages", [])
    first, last = (messages[0]["seq"], messages[-1]["seq"]) if messages else (1, found["last_seq"])
    return page(
        request, "petugas_case.html", refusal=refusal, case=told(request, found), messages=messages,
        titles=titles(request), sent=sent, actions=_actions(session, found),
        done=_done(session, found, request.args.get("hasil") or ""),
        earlier=max(0, first - 1 - PAGE) if first > 1 else None,
        later=last if after is not None and last < found["last_seq"] else None,
    )


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


@console_case.post("/<number:str>/<action:str>")
async def act(request: Request, number: str, action: str) -> HTTPResponse:
    """Do it; the page that follows says so. A refused verb is told on the case, with what was typed."""
    if known(number) != number or action not in VERBS:
        raise NotFound()
    sent, session, runtime = Sent.of(request, action), session_of(request), runtime_of(request)
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

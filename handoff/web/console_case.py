"""`/petugas/kasus/…`: one case to look at, as a page and, for a page that is open already, as its newest parts. No
JavaScript is needed; sessions, CSRF tokens and refusals are the console's (`web.console`), acting is
`web.console_case_actions`."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, raw, redirect

from handoff.catalogue import Aspect, Topic, render
from handoff.domain.case import Refusal, Verb, transition
from handoff.services.attachments import files
from handoff.services.attachments.metadata import PICTURES, thumbnail
from handoff.services.attachments.workshop import by_hand
from handoff.services.errors import NotFound, ServiceError
from handoff.services.people.staff import Session
from handoff.services.talk.conversations import PAGE
from handoff.services.views import desk, drafts, presence, reading
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import (
    authenticate,
    database_away,
    field_of,
    known,
    page,
    refused,
    session_of,
    titles,
    told,
)
from handoff.web.moves import EVENTS as MOVED
from handoff.web.moves import Moves, actor_of, moves_of, state_of
from handoff.web.requests import number_of, runtime_of, uuid_of
from handoff.web.sketch import point

console_case = Blueprint("console_case", url_prefix="/petugas/kasus")
console_case.on_request(html.learn)
console_case.on_request(authenticate)
console_case.exception(ServiceError)(refused)
console_case.exception(DatabaseAway)(database_away)

VERBS = {"takeover": Verb.take_over, "reply": Verb.reply, "ask": Verb.ask, "propose": Verb.propose,
         "note": Verb.note, "hand_back": Verb.hand_back}  # by `data-action`
EVENTS = {**MOVED, "takeover": "taken_over", "reply": "replied", "reply_redirect": "replied",
          "reply_empty": "replied", "reply_window": "replied", "ask": "asked",
          "note": "noted", "propose": "proposed", "hand_back": "handed_back"}
ENTRIES = 4  # topics of the catalogue beside a conversation
_FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Sent:
    """What a case's form sent. `form` is drawn once for each page shown: the same form sent twice is said once."""

    action: str = ""
    text: str = ""
    cause: str = ""
    form: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, request: Request, action: str) -> Sent:
        """The form's fields; line ends as the officer typed them, not as browsers post them."""
        text, form = field_of(request, "pesan").replace("\r\n", "\n"), field_of(request, "kiriman")
        cause = field_of(request, "sebab")
        return cls(action, text, cause, form) if _FORM.fullmatch(form) else cls(action, text, cause)

    def key(self, session: Session) -> str:
        """The officer's own idempotency key. It covers verb and words too: a page opened again from the browser's
        memory and written on anew says another thing."""
        parts = f"{session.officer.id}\0{self.form}\0{self.action}\0{self.text}"
        return f"console:{hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()}"


# --- looking ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Revealed:
    """A message whose identity numbers are shown in this one answer."""

    seq: int
    text: str


@console_case.get("/<number:str>")
async def case(request: Request, number: str) -> HTTPResponse:
    """One case; the look is recorded."""
    meant = known(number)
    if meant is None:
        raise NotFound()
    if meant != number:
        return redirect(f"/petugas/kasus/{meant}", status=303)
    return await whole(request, number, Sent())


@console_case.get("/<number:str>/segar")
async def fresh(request: Request, number: str) -> HTTPResponse:
    """What is new since the message `setelah`, and how the case stands, for a page that is open."""
    facts = await _facts(request, number, Sent())
    if facts["case"]["words"]:
        case_id = await desk.locate(runtime_of(request), session_of(request).officer, number)
        facts["moves"] = await moves_of(runtime_of(request), session_of(request), facts["case"], case_id)
    return page(request, "petugas_case_fresh.html", **facts)


@console_case.get("/<number:str>/kecil/<file:str>")
async def small(request: Request, number: str, file: str) -> HTTPResponse:
    """A photo small enough to glance at; the look is recorded."""
    row, data_key, _ = await desk.open_file(runtime_of(request), session_of(request).officer, number, uuid_of(file))
    if row.mime not in PICTURES:
        raise NotFound()

    def shrink() -> bytes:
        return thumbnail(files.read(runtime_of(request), data_key, row.id))

    return raw(await by_hand(shrink), content_type="image/jpeg", headers={"Cache-Control": html.MINE})


async def whole(
    request: Request, number: str, sent: Sent, refusal: ServiceError | None = None, revealed: Revealed | None = None
) -> HTTPResponse:
    """The case as it stands, with what has just been done to it, or why it was not."""
    facts = await _facts(request, number, sent)
    runtime, officer = runtime_of(request), session_of(request).officer
    found, messages = facts["case"], facts["messages"]
    written: dict[str, str] = {}
    if found["words"]:
        case_id = await desk.locate(runtime, officer, number)
        written = await drafts.kept(runtime, officer, case_id)
        facts["present"] = await presence.others(runtime, officer, case_id)
        facts["given"] = given = await reading.given(runtime, number, messages)
        facts["places"] = [(place, point(place["latitude"], place["longitude"])) for place in given.places]
        asked: Aspect = next((m["answer"]["aspect"] for m in reversed(messages) if m["answer"]), "overview")
        today = runtime_of(request).today
        facts["moves"] = await moves_of(runtime, session_of(request), found, case_id)
        facts["entries"] = [_entry(topic, asked, today) for topic in _topics(request, found, messages)]
    if sent.action:
        written[sent.action] = sent.text
    return page(request, "petugas_case.html", refusal=refusal, **{**facts, "written": written, "revealed": revealed})


async def _facts(request: Request, number: str, sent: Sent) -> dict[str, Any]:
    """What page and newest parts both show; what was shown counts as read."""
    session, runtime = session_of(request), runtime_of(request)
    after = number_of(request, "setelah") if "setelah" in request.args else None
    found = await desk.case_in_full(runtime, session.officer, number, after)
    messages = found.get("messages", [])
    first, last = (messages[0]["seq"], messages[-1]["seq"]) if messages else (1, found["last_seq"])
    if messages:
        await desk.mark_read(runtime, session.officer, number, last)
    return {
        "case": told(request, found), "messages": messages, "titles": titles(request), "sent": sent,
        "actions": _actions(session, found), "done": _done(session, found, request.args.get("hasil") or ""),
        "earlier": max(0, first - 1 - PAGE) if first > 1 else None,
        "later": last if after is not None and last < found["last_seq"] else None,
        "last": messages[-1]["seq"] if messages else after or 0, "written": {}, "revealed": None, "moves": Moves(),
    }


# --- the catalogue beside it ------------------------------------------------------------------------------------------


def _topics(request: Request, case: dict[str, Any], messages: list[dict[str, Any]]) -> list[Topic]:
    """The case's topic, then what the bot answered or guessed, the newest first."""
    catalogue = runtime_of(request).catalogue.topics
    answered = [m["answer"] for m in reversed(messages) if m["answer"]]
    readings = [*(a["ranking"] for a in answered), *((event["body"] or {}).get("ranking") or () for event in
                                                       case["events"])]
    names = [case["topic"], *(a["topic"] for a in answered), *(r["name"] for some in readings for r in some[:2])]
    return [catalogue[name] for name in dict.fromkeys(names) if name in catalogue][:ENTRIES]


def _entry(topic: Topic, asked: Aspect, today: date) -> dict[str, Any]:
    """A topic in the parts that an officer may put into a reply, what the citizen asked about first."""
    entry = render.page(topic, asked, today)
    parts = [("", entry.summary.text), *((block.heading, _listed(block)) for block in entry.blocks)]
    return {"id": topic.id, "title": entry.title, "parts": parts, "reviewed": entry.reviewed_text,
            "stale": entry.stale, "keeper": entry.keeper, "sources": [source.label for source in entry.sources]}


def _listed(block: render.Block) -> str:
    texts = [line.text for line in block.lines]
    if len(texts) == 1:
        return texts[0]
    return "\n".join(f"{n}. {text}" if block.numbered else f"• {text}" for n, text in enumerate(texts, 1))


# --- what may be done -------------------------------------------------------------------------------------------------


def _actions(session: Session, case: dict[str, Any]) -> list[str]:
    """What the rules let this officer do to the case now, by `data-action`. Units are compared by slug."""
    if not case["words"]:
        return []
    state, actor = state_of(case), actor_of(session)
    speaking = case["owner"] == "officer" and case["officer"]["id"] == actor.id
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
    if action == "reply" and (lacks := _reply_lacks(case)):
        action = f"reply_{lacks}"
    elif action == "reply" and case["window_open"] is False:
        action = "reply_window"
    me = {"name": session.officer.name, "title": session.officer.title}
    did = any(event["type"] == EVENTS.get(action) and event["officer"] == me for event in case["events"])
    return action if did else None


def _reply_lacks(case: dict[str, Any]) -> str | None:
    """Why the newest reply stopped no clock: `redirect`, `empty`; None when it did."""
    last: dict[str, Any] = next((e["body"] for e in reversed(case["events"]) if e["type"] == "replied"), {})
    return next((lack for lack in ("redirect", "empty") if last.get(lack)), None)

"""`/petugas`: the queue. A page that needs no JavaScript; with it, the list is fetched anew when something changes."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from handoff.domain.access import OFFICE_WIDE
from handoff.domain.case import Reason, Role, Status
from handoff.services.errors import BadRequest, ServiceError
from handoff.services.people import office
from handoff.services.post import notices
from handoff.services.views import lists, offers
from handoff.services.views.desk import Scope
from handoff.services.views.lists import SHOWN, Wanted
from handoff.store.db import DatabaseAway
from handoff.web import html
from handoff.web.console import authenticate, database_away, field_of, page, refused, session_of, titles, told
from handoff.web.requests import number_of, runtime_of

console_queue = Blueprint("console_queue", url_prefix="/petugas")
console_queue.on_request(html.learn)
console_queue.on_request(authenticate)
console_queue.exception(ServiceError)(refused)
console_queue.exception(DatabaseAway)(database_away)

SCOPES: dict[str, Scope] = {"saya": "mine", "unit": "unit", "semua": "all"}
OFFERED = "pindah"  # no list of the unit's own cases: what other units ask it to take
SEARCH_CHARACTERS = 200
FILTERS = ("keadaan", "alasan", "topik", "terlambat", "belum")
_WAY_BACK = re.compile(r"/petugas(?:/papan|/kabar|/orang(?:/[a-z0-9._-]+)?|/kasus/\d{4}-\d{4})?")


@console_queue.get("/")
async def queue(request: Request) -> HTTPResponse:
    """The queue, the next deadline first. Who looks after the system and sees no case begins with the people."""
    if session_of(request).officer.role == Role.admin and not request.args:
        return redirect("/petugas/orang", status=303)
    return page(request, "petugas.html", **await _queue(request), found=None, sought="")


@console_queue.get("/daftar")
async def fragment(request: Request) -> HTTPResponse:
    """The lists' counts and the list that is shown, for a page that is open."""
    return page(request, "petugas_list.html", **await _queue(request), found=None)


@console_queue.get("/hitungan")
async def unread(request: Request) -> HTTPResponse:
    """What is unread of the officer's own cases and of their news, and what their unit is asked to take, for the head
    of every page."""
    runtime, officer = runtime_of(request), session_of(request).officer
    numbers = await lists.unread(runtime, officer)
    return page(request, "petugas_unread.html", numbers=json.dumps(numbers), unread=sum(numbers.values()),
                news=await notices.unread(runtime, officer), offered=await offers.count(runtime, officer))


@console_queue.post("/cari")
async def search(request: Request) -> HTTPResponse:
    """Find a case. What is looked for may be a citizen's words: it travels in the body, so that no address, and with
    it no history and no proxy's log, keeps it."""
    sought = " ".join(field_of(request, "cari")[:SEARCH_CHARACTERS].split())
    if not sought:
        return redirect("/petugas", status=303)
    found = await lists.find(runtime_of(request), session_of(request).officer, sought, titles(request))
    cases = [told(request, line) for line in found.lines]
    return page(request, "petugas.html", **{**await _queue(request), "cases": cases}, found=found, sought=sought)


@console_queue.post("/tugas")
async def duty(request: Request) -> HTTPResponse:
    """On a break, or back on duty; then back to the page."""
    wanted, back = field_of(request, "keadaan"), field_of(request, "kembali")
    if wanted not in ("istirahat", "bertugas"):
        raise BadRequest()
    await office.set_away(runtime_of(request), session_of(request).officer, wanted == "istirahat")
    return redirect(back if _WAY_BACK.fullmatch(back) else "/petugas", status=303)


async def _queue(request: Request) -> dict[str, Any]:
    """The list that the address asks for, as the template needs it."""
    runtime, officer = runtime_of(request), session_of(request).officer
    wide = Role(officer.role) in OFFICE_WIDE
    chosen = request.args.get("lingkup") or ("semua" if officer.role == Role.auditor else "saya")
    asked = chosen == OFFERED and offers.may_answer(officer)
    wanted = Wanted() if asked else _wanted(request, chosen)
    lines = [] if asked else await lists.queue(runtime, officer, wanted)
    filters = {name: request.args.get(name) for name in FILTERS if request.args.get(name)}
    kept = {"lingkup": chosen, **({"ditutup": "1"} if wanted.closed else {}), **filters}
    return {
        "cases": [told(request, line) for line in lines], "chosen": chosen, "closed": wanted.closed,
        "filters": filters, "query": urlencode(kept | ({"dari": str(wanted.offset)} if wanted.offset else {})),
        "counts": await lists.counts(runtime, officer, wanted.scope),
        "offers": [_offer(request, line) for line in await offers.waiting(runtime, officer)] if asked else None,
        "offered": await offers.count(runtime, officer) if offers.may_answer(officer) else None,
        "scopes": [name for name in SCOPES if wide or name != "semua"], "titles": titles(request),
        "topics": sorted(runtime.catalogue.topics), "link": lambda **more: _address(kept, more),
        "earlier": max(0, wanted.offset - SHOWN) if wanted.offset else None,
        "later": wanted.offset + SHOWN if len(lines) == SHOWN else None,
    }


def _offer(request: Request, line: dict[str, Any]) -> dict[str, Any]:
    return {**told(request, line), "offered_at": offers.asked_at(line)}


def _address(kept: dict[str, str], more: dict[str, Any]) -> str:
    """The queue's address with other choices; None takes one away."""
    chosen = {name: str(value) for name, value in (kept | more).items() if value is not None}
    return f"/petugas?{urlencode(chosen)}"


def _wanted(request: Request, chosen: str) -> Wanted:
    status, reason, topic = (request.args.get(name) or None for name in ("keadaan", "alasan", "topik"))
    if chosen not in SCOPES or (status and status not in Status) or (reason and reason not in Reason):
        raise BadRequest()
    return Wanted(
        scope=SCOPES[chosen], closed="ditutup" in request.args, status=Status(status) if status else None,
        reason=Reason(reason) if reason else None, topic=topic, late=bool(request.args.get("terlambat")),
        unread=bool(request.args.get("belum")), offset=number_of(request, "dari"),
    )

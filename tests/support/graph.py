"""A strict stand-in of the Graph API: a real HTTP server on loopback that refuses what Meta refuses.

It enforces token, number, lengths, counts, unique titles, the 24-hour window, the pair rate, the throughput and, of
templates, what was submitted and approved, remembers what it accepted, and reports statuses late, twice and out of
order, as asked.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from handoff.channels.whatsapp.templates import submissions
from tests.support.whatsapp import NUMBER, OTHER_NUMBER, status

TOKEN, ACCOUNT = "token", "9988776655"
OFFICE = "https://kota.contoh.go.id"


class _No(Exception):
    """The answer is an error with this code."""


@dataclass
class StandIn:
    """The API as one test sees it."""

    url: str = ""
    token: str = TOKEN
    pair_seconds: float = 0.0
    per_second: int = 1000                               # messages of one number within any second
    open_for: set[str] = field(default_factory=set)      # who has written within 24 hours
    troubles: list[tuple[int, int | None]] = field(default_factory=list)  # (status, code) for the next requests
    breaks: int = 0                                      # so many next requests are carried out, but never answered
    accepted: list[dict[str, Any]] = field(default_factory=list)  # what arrived, with its wamid
    refused: list[int | None] = field(default_factory=list)
    files: dict[str, tuple[bytes, dict[str, Any]]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=lambda: {
        one["name"]: {**one, "status": "APPROVED"} for one in submissions(OFFICE)})
    marks: list[tuple[str, bool]] = field(default_factory=list)  # what was marked as read, and whether typing was shown
    addresses: int = 0
    apps: list[str] = field(default_factory=lambda: ["5566"])  # to which the account is subscribed
    _last: dict[str, float] = field(default_factory=dict)
    _when: list[tuple[str, float]] = field(default_factory=list)  # of which number, and when, messages were accepted

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """`POST /<number>/messages`."""
        if (await request.json()).get("status") is not None:
            return self._mark(request, await request.json())
        if self.troubles:
            http, code = self.troubles.pop(0)
            return self._error(http, code)
        given = await request.json()
        try:
            self._check(request, given)
        except _No as no:
            return self._error(401 if no.args[0] == 190 else 400, no.args[0])
        wamid = f"wamid.out{len(self._when) + 1}"  # never the same one twice
        self.accepted.append(given | {"wamid": wamid, "number": request.match_info["number"]})
        self._last[given["to"]] = time.monotonic()
        self._when.append((request.match_info["number"], time.monotonic()))
        self._break(request)
        return web.json_response({
            "messaging_product": "whatsapp", "contacts": [{"input": given["to"], "wa_id": given["to"]}],
            "messages": [{"id": wamid}],
        })

    def _mark(self, request: web.Request, given: dict[str, Any]) -> web.Response:
        """A message is marked as read: one that a citizen sent, and each once."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, 190)
        wamid, typing = str(given.get("message_id") or ""), given.get("typing_indicator")
        known = wamid and not wamid.startswith("wamid.out") and wamid not in dict(self.marks)
        fits = given == {"messaging_product": "whatsapp", "status": "read", "message_id": wamid} | (
            {"typing_indicator": {"type": "text"}} if typing is not None else {})
        if not known or not fits:
            return self._error(400, 100)
        self.marks.append((wamid, typing is not None))
        return web.json_response({"success": True})

    def _break(self, request: web.Request) -> None:
        if self.breaks:
            self.breaks -= 1
            assert request.transport is not None
            request.transport.abort()

    def holds(self, media_id: str, content: bytes, **told: Any) -> None:
        """A citizen has sent this file."""
        self.files[media_id] = (content, {
            "mime_type": "image/png", "sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content),
            "messaging_product": "whatsapp", "id": media_id, **told})

    async def media(self, request: web.Request) -> web.StreamResponse:
        """`GET /<media>`: where the file is, or which number this is; an id stays the same each time."""
        if self.troubles:
            return self._error(*self.troubles.pop(0))
        self._break(request)
        media_id = request.match_info["media"]
        if media_id in (NUMBER, OTHER_NUMBER) and request.headers.get("Authorization") == f"Bearer {self.token}":
            return web.json_response({"id": media_id, "display_phone_number": "+62 21 1500", "verified_name": "Contoh"})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, 190)
        if media_id not in self.files:
            return self._error(400, 100)
        self.addresses += 1
        return web.json_response({"url": f"{self.url}/files/{media_id}/{self.addresses}"} | self.files[media_id][1])

    async def file(self, request: web.Request) -> web.StreamResponse:
        """`GET` of the newest address, with the token: an older one has expired."""
        fresh = request.match_info["address"] == str(self.addresses)
        if request.headers.get("Authorization") != f"Bearer {self.token}" or not fresh:
            return web.Response(status=404)
        return web.Response(body=self.files[request.match_info["media"]][0])

    def _error(self, http: int, code: int | None) -> web.Response:
        self.refused.append(code)
        if code is None:
            return web.Response(status=http, text="<html>gateway</html>")
        return web.json_response({"error": {
            "message": f"(#{code}) no", "type": "OAuthException", "code": code, "fbtrace_id": "A",
            "error_data": {"messaging_product": "whatsapp", "details": "no"},
        }}, status=http)

    def _check(self, request: web.Request, given: dict[str, Any]) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise _No(190)
        if request.match_info["number"] not in (NUMBER, OTHER_NUMBER):
            raise _No(100)
        if given.get("messaging_product") != "whatsapp" or not str(given.get("to", "")).isdigit():
            raise _No(131008)
        if given["type"] == "template":
            _template(given["template"], self.templates)
        _lengths(given)
        if given["to"] not in self.open_for and given["type"] != "template":
            raise _No(131047)
        if time.monotonic() - self._last.get(given["to"], -1e9) < self.pair_seconds:
            raise _No(131056)
        recent = [n for n, at in self._when if time.monotonic() - at < 1 and n == request.match_info["number"]]
        if len(recent) >= self.per_second:
            raise _No(130429)

    def reports(self, seed: int = 1, names: tuple[str, ...] = ("sent", "delivered", "read")) -> list[dict[str, Any]]:
        """The statuses of everything accepted so far: all of them twice, in any order."""
        told = [status(one["wamid"], name, one.get("biz_opaque_callback_data"))
                for one in self.accepted for name in names] * 2
        random.Random(seed).shuffle(told)
        return told

    @property
    def texts(self) -> list[str]:
        """What was read on the telephone, in order."""
        return [self._read(one) for one in self.accepted]

    def _read(self, one: dict[str, Any]) -> str:
        if one["type"] == "template":
            parts = {part["type"]: part for part in self.templates[one["template"]["name"]]["components"]}
            text = str(parts["BODY"]["text"])
            said = [part["parameters"] for part in one["template"]["components"] if part["type"] == "body"]
            for n, parameter in enumerate(said[0] if said else [], 1):
                text = text.replace(f"{{{{{n}}}}}", parameter["text"])
            return text
        return str(one["text"]["body"] if one["type"] == "text" else one["interactive"]["body"]["text"])

    async def subscribed(self, request: web.Request) -> web.StreamResponse:
        """`GET /<account>/subscribed_apps`."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, 190)
        if request.match_info["account"] != ACCOUNT:
            return self._error(400, 100)
        return web.json_response({"data": [{"whatsapp_business_api_data": {"id": one}} for one in self.apps]})

    async def account(self, request: web.Request) -> web.StreamResponse:
        """`GET /<account>/message_templates`: what was submitted and what became of it, a few a page."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, 190)
        if request.match_info["account"] != ACCOUNT:
            return self._error(400, 100)
        names, start = sorted(self.templates), int(request.query.get("after", "0"))
        page = [self.templates[name] for name in names[start:start + 5]]
        more = {"cursors": {"after": str(start + 5)}, "next": "…"} if start + 5 < len(names) else {}
        return web.json_response({"data": page, "paging": more})


def _lengths(given: dict[str, Any]) -> None:
    ok = len(given.get("biz_opaque_callback_data", "")) <= 512
    if given["type"] == "template":
        pass
    elif given["type"] == "text":
        ok = ok and len(given["text"]["body"].strip()) >= 1 and len(given["text"]["body"]) <= 4096
    else:
        said = given["interactive"]
        ok = ok and len(said["body"]["text"].strip()) >= 1 and len(said["body"]["text"]) <= 1024
        ok = ok and (_buttons if said["type"] == "button" else _list)(said["action"])
    if not ok:
        raise _No(131009)


def _template(given: dict[str, Any], approved: dict[str, dict[str, Any]]) -> None:
    """As it was submitted, in its language, approved, with a value of one line for each parameter, and no body for
    none."""
    submitted = approved.get(given["name"])
    if submitted is None or given["language"]["code"] != submitted["language"] or submitted["status"] != "APPROVED":
        raise _No(132001)
    parts = {part["type"]: part for part in submitted["components"]}
    said = [part["parameters"] for part in given["components"] if part["type"] == "body"]
    buttons = given["components"][len(said):]
    values = [p["text"] for p in said[0] if p["type"] == "text"] if said else []
    wanted = parts["BODY"]["text"].count("{{")
    if len(said) != (wanted > 0) or len(values) != wanted or (said and len(said[0]) != wanted):
        raise _No(132000)
    expected = [(str(n), b["type"]) for n, b in enumerate(parts.get("BUTTONS", {}).get("buttons", []))]
    if [(b["index"], b["sub_type"].upper()) for b in buttons] != expected:
        raise _No(132012)
    for button in buttons:
        (value,) = button["parameters"]
        said = value["payload"] if value["type"] == "payload" else value["text"]
        if (value["type"] == "payload") != (button["sub_type"] == "quick_reply") or not 1 <= len(said) <= 128:
            raise _No(132012)
        values.append(said)
    if not all(v.strip() and "\n" not in v and "\t" not in v and "    " not in v for v in values):
        raise _No(132018)
    if len(parts["BODY"]["text"]) + sum(map(len, values)) > 1024:
        raise _No(132005)


def _titles(titles: list[str], most: int) -> bool:
    return len(set(titles)) == len(titles) and all(
        len(t.strip()) >= 1 and len(t) <= most and not set(t) & set("*_~`\n") for t in titles)


def _ids(ids: list[str], most: int) -> bool:
    return len(set(ids)) == len(ids) and all(1 <= len(i) <= most and i == i.strip() for i in ids)


def _buttons(action: dict[str, Any]) -> bool:
    replies = [b["reply"] for b in action["buttons"]]
    titles, ids = [r["title"] for r in replies], [r["id"] for r in replies]
    return 1 <= len(replies) <= 3 and _titles(titles, 20) and _ids(ids, 256)


def _list(action: dict[str, Any]) -> bool:
    rows = [row for section in action["sections"] for row in section["rows"]]
    return (
        1 <= len(rows) <= 10 and 1 <= len(action["button"]) <= 20 and _titles([r["title"] for r in rows], 24)
        and _ids([r["id"] for r in rows], 200) and all(len(s["title"]) <= 24 for s in action["sections"])
        and all(1 <= len(r.get("description", "x")) <= 72 for r in rows)
    )


@contextlib.asynccontextmanager
async def graph_api(**more: Any) -> AsyncIterator[StandIn]:
    """The stand-in, serving."""
    stand_in = StandIn(**more)
    app = web.Application()
    app.router.add_post("/{number}/messages", stand_in.messages)
    app.router.add_get("/files/{media}/{address}", stand_in.file)
    app.router.add_get("/{account}/message_templates", stand_in.account)
    app.router.add_get("/{account}/subscribed_apps", stand_in.subscribed)
    app.router.add_get("/{media}", stand_in.media)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stand_in
    finally:
        await runner.cleanup()

"""The officers' API, third part: what an officer was told about cases, and what their unit is asked to take. Accepting
and declining are verbs of the case (`web.officers_moving`)."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sanic import Request
from sanic.response import HTTPResponse

from handoff.services.post import notices
from handoff.services.views import offers
from handoff.web.officers import session_of
from handoff.web.officers_moving import officers
from handoff.web.requests import answer, body_of, runtime_of


class ReadUntil(BaseModel):
    """The time of the newest notice that was shown; what came later stays unread."""

    model_config = ConfigDict(extra="forbid")
    until: AwareDatetime


@officers.get("/notices")
async def news(request: Request) -> HTTPResponse:
    """The officer's own newest notices, the latest first, and how many are unread (counted to 100)."""
    runtime, officer = runtime_of(request), session_of(request).officer
    told = await notices.listed(runtime, officer)
    return answer({"unread": await notices.unread(runtime, officer), "notices": [
        {"number": one.number, "kind": one.kind, "text": one.text, "at": one.at.isoformat(), "unread": one.unread}
        for one in told
    ]})


@officers.post("/notices/read")
async def read(request: Request) -> HTTPResponse:
    """Every notice of the officer's own up to a time has been read; how many are unread still."""
    given, runtime, officer = body_of(request, ReadUntil), runtime_of(request), session_of(request).officer
    await notices.mark_read(runtime, officer, given.until)
    return answer({"unread": await notices.unread(runtime, officer)})


@officers.get("/offers")
async def offered(request: Request) -> HTTPResponse:
    """Cases that other units ask the officer's unit to take, the longest asked first."""
    return answer({"offers": await offers.waiting(runtime_of(request), session_of(request).officer)})

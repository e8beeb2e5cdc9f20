"""The officers' API, fourth part: answers that were wrong, and how many of those who had them were told."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict
from sanic import Request
from sanic.response import HTTPResponse

from handoff.catalogue import Aspect
from handoff.services.talk import corrections
from handoff.services.talk.corrections import Progress
from handoff.web.officers import key_of, session_of
from handoff.web.officers_news import officers
from handoff.web.requests import answer, body_of, runtime_of


class Correction(BaseModel):
    """What is right, in words for the citizens; since which day the answer was wrong, in the office's time; and about
    which aspect, if not about all."""

    model_config = ConfigDict(extra="forbid")
    text: str
    since: date
    aspect: Aspect | None = None


@officers.post("/topics/<topic:str>/correct")
async def correct(request: Request, topic: str) -> HTTPResponse:
    """Everybody who had this answer since then is told what is right, once for each conversation."""
    given, key = body_of(request, Correction), key_of(request)
    correction_id, count = await corrections.correct(
        runtime_of(request), session_of(request).officer, topic, given.since, given.text, given.aspect,
        uuid5(NAMESPACE_URL, f"{key}:{topic}") if key else None,
    )
    return answer({"id": str(correction_id), "conversations": count})


@officers.get("/corrections")
async def corrected(request: Request) -> HTTPResponse:
    """The newest corrections, and how far each has come."""
    found = await corrections.listed(runtime_of(request), session_of(request).officer)
    return answer({"corrections": [_told(one) for one in found]})


def _told(one: Progress) -> dict[str, Any]:
    return {**vars(one), "id": str(one.id), "at": one.at.isoformat()}

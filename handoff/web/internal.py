"""The internal API: what Rasa's custom actions may ask of the gateway. Service token, always."""

from __future__ import annotations

import hmac
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from handoff.services.errors import Unauthorized
from handoff.services.talk import answering
from handoff.web.requests import answer, bearer_of, body_of, runtime_of

internal = Blueprint("internal", url_prefix="/internal/v1")

BotReason = Literal["low_confidence", "disputed_answer", "disputed_decision", "asked_for_officer", "complaint",
                    "individual_matter"]


class CaseWanted(BaseModel):
    """Why the message needs a person, and how the bot read it."""

    model_config = ConfigDict(extra="forbid")
    conversation_id: UUID
    message_id: UUID
    reason: BotReason
    topic: str | None = None
    answer_id: UUID | None = None
    classification: dict[str, Any] = {}


@internal.on_request
async def authenticate(request: Request) -> None:
    """Nothing here is open to anybody without the service token."""
    expected = runtime_of(request).settings.internal_token
    if not hmac.compare_digest(bearer_of(request).encode(), expected.encode()):
        raise Unauthorized()


@internal.post("/cases")
async def open_case(request: Request) -> HTTPResponse:
    """Give the message to a person; the same message again gives the same case."""
    wanted = body_of(request, CaseWanted)
    facts = await answering.open_for_bot(
        runtime_of(request), wanted.conversation_id, wanted.message_id, reason=wanted.reason, topic=wanted.topic,
        answer_id=wanted.answer_id, classification=wanted.classification,
    )
    return answer({"number": facts.row.number, "reason": facts.row.reason, "joined": facts.row.reason != wanted.reason})

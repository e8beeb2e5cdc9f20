"""The gateway's door into Rasa: one message in, the bot's instructions and how sure it was out.

Rasa's own REST channel hides the reading (intent, confidence, threshold), drops a message in silence when no model is
loaded, and logs the citizen's words when something fails. This channel answers with all of it, or with an error.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import traceback
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot import action_results
from bot.abstention import ABSTENTION

logger = logging.getLogger(__name__)

RANKING_LENGTH = 10
# In a turn's metadata: the gateway knows more ways to read the text; one that is unclear is given back, not acted on.
HOLD = "hold_if_unclear"
TEXTS_AT_ONCE = 12  # that one request may have read
# Rasa reads a text that begins with "/" as a command ("/restart", "/intent@0.99{...}") and skips the NLU.
COMMAND_PREFIX = re.compile(r"^[\s/]+")


class MalformedTurn(ValueError):
    """The body is not a turn; the text says which part, and never quotes it."""


@dataclass(frozen=True)
class Turn:
    """One message of a citizen, with the context that the gateway knows."""

    conversation_id: str
    message_id: str
    text: str
    metadata: dict[str, Any]

    @classmethod
    def parse(cls, body: bytes) -> Turn:
        """The turn in a request's body. Raises `MalformedTurn`."""
        try:
            fields = json.loads(body)
        except ValueError:
            raise MalformedTurn("the body is not JSON") from None
        if not isinstance(fields, dict):
            raise MalformedTurn("the body is not an object")
        text, metadata = fields.get("text"), fields.get("metadata") or {}
        if not isinstance(text, str):
            raise MalformedTurn("text is not a string")
        if not isinstance(metadata, dict):
            raise MalformedTurn("metadata is not an object")
        text = COMMAND_PREFIX.sub("", text)
        return cls(_uuid(fields, "conversation_id"), _uuid(fields, "message_id"), text, metadata)


@dataclass(frozen=True)
class Reading:
    """How the bot understood a text: the true top intent, even when it then abstained."""

    intent: dict[str, Any]
    ranking: list[dict[str, Any]]
    threshold: float
    abstained: bool
    near_tie: bool

    @classmethod
    def of(cls, parsed: dict[str, Any]) -> Reading:
        """The reading in what Rasa's NLU returned."""
        ranking = [_score(item) for item in parsed.get("intent_ranking") or []]
        ranking = [item for item in ranking if item["name"] != DEFAULT_NLU_FALLBACK_INTENT_NAME]
        abstention = parsed.get(ABSTENTION) or {}
        return cls(
            intent=_score(abstention.get("intent") or parsed["intent"]),
            ranking=ranking[:RANKING_LENGTH],
            threshold=float(abstention.get("threshold", 0.0)),
            abstained=bool(abstention.get("abstained", False)),
            near_tie=bool(abstention.get("near_tie", False)),
        )


class GatewayOutput(OutputChannel):
    """Collects what the dispatcher says, one reply per response, whole: blank lines do not split a text."""

    def __init__(self, intent: str | None) -> None:
        """`intent` is the one that the rules act on; an instruction to answer names it as its topic."""
        self.replies: list[dict[str, Any]] = []
        self._intent = intent

    @classmethod
    def name(cls) -> str:
        """Rasa chooses channel-specific responses by this name."""
        return GatewayInput.name()

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Keep one response of the dispatcher."""
        custom = message.get("custom") or None
        if custom and custom.get("do") == "answer":
            custom = {**custom, "topic": self._intent}
        self.replies.append(
            {"text": message.get("text") or None, "custom": custom, "buttons": message.get("buttons") or []}
        )


class GatewayInput(InputChannel):
    """`POST /webhooks/gateway/webhook` for turns, `POST …/read` to read texts without acting on them, `POST …/forget`
    for conversations that were erased, `GET …/` for health."""

    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}".encode()

    @classmethod
    def name(cls) -> str:
        """The channel's name in addresses and trackers."""
        return "gateway"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> GatewayInput:
        """Built from credentials.yml. Raises `RasaException` without a token: the door is never open."""
        token = (credentials or {}).get("token")
        if not token:
            cls.raise_missing_credentials_exception()
        action_results.install()  # here, because of all our parts only the channel is loaded by the server alone
        return cls(str(token))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The routes; Rasa mounts them under `/webhooks/gateway`."""
        blueprint = Blueprint("gateway_channel")
        self._add_forgetting(blueprint)

        @blueprint.get("/")
        async def health(request: Request) -> HTTPResponse:
            agent = _ready_agent(request)
            if agent is None:
                return _error(503, "no_model", "No model is loaded.")
            return response.json({"status": "ok", "model_version": agent.model_id})

        @blueprint.post("/webhook")
        async def webhook(request: Request) -> HTTPResponse:
            refusal, agent = self._admit(request)
            if agent is None:
                return refusal
            return response.json(await take_turn(agent, on_new_message, Turn.parse(request.body)))

        @blueprint.post("/read")
        async def read(request: Request) -> HTTPResponse:
            refusal, agent = self._admit(request)
            if agent is None:
                return refusal
            readings = [await read_text(agent, text) for text in texts_in(request.body)]
            return response.json({"readings": [reading for _, reading in readings]})

        @blueprint.exception(MalformedTurn)
        async def malformed(request: Request, problem: MalformedTurn) -> HTTPResponse:
            return _error(400, "malformed", f"Not a turn: {problem}.")

        @blueprint.exception(Exception)
        async def failed(request: Request, problem: Exception) -> HTTPResponse:
            # An exception's message may quote the citizen, its frames do not.
            frames = "".join(traceback.format_tb(problem.__traceback__))
            logger.error("A turn failed with %s\n%s", type(problem).__name__, frames)
            return _error(500, "turn_failed", "The turn could not be handled.")

        return blueprint

    def _add_forgetting(self, blueprint: Blueprint) -> None:
        @blueprint.post("/forget")
        async def forget(request: Request) -> HTTPResponse:
            refusal, agent = self._admit(request)
            if agent is None:
                return refusal
            await forget_conversation(agent, request.body)
            return response.json({"forgotten": True})

    def _admit(self, request: Request) -> tuple[HTTPResponse | None, Agent | None]:
        """The agent for who shows the token, when it is ready; else what to answer."""
        offered = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(offered, self._authorization):
            return _error(401, "unauthorized", "The service token is missing or wrong."), None
        agent = _ready_agent(request)
        return (None, agent) if agent else (_error(503, "no_model", "No model is loaded."), None)


def texts_in(body: bytes) -> list[str]:
    """The texts of a request to read. Raises `MalformedTurn`."""
    try:
        texts = json.loads(body)["texts"]
    except (ValueError, KeyError, TypeError):
        raise MalformedTurn("there are no texts") from None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise MalformedTurn("texts is not a list of strings")
    if len(texts) > TEXTS_AT_ONCE:
        raise MalformedTurn("too many texts")
    return [COMMAND_PREFIX.sub("", text) for text in texts]


async def forget_conversation(agent: Agent, body: bytes) -> None:
    """Keep nothing of a conversation whose citizen was erased. Raises `MalformedTurn`."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise MalformedTurn("the body is not JSON") from None
    conversation_id = _uuid(fields if isinstance(fields, dict) else {}, "conversation_id")
    if agent.processor is not None:  # a tracker without events is what the store drops
        await agent.processor.tracker_store.save(DialogueStateTracker(conversation_id, agent.processor.domain.slots))


async def read_text(agent: Agent, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """How Rasa parses a text, and that reading as we tell it. No conversation, no rule, no action."""
    parsed = await agent.parse_message(text)
    reading = Reading.of(parsed)
    return parsed, {
        "intent": reading.intent,
        "ranking": reading.ranking,
        "threshold": reading.threshold,
        "abstained": reading.abstained,
        "near_tie": reading.near_tie,
        "model_version": agent.model_id,
    }


async def take_turn(
    agent: Agent, on_new_message: Callable[[UserMessage], Awaitable[Any]], turn: Turn
) -> dict[str, Any]:
    """Let Rasa read and answer one turn; whatever it raises passes through.

    The text is parsed here and handed on parsed, because the handler gives nothing back: so the reading in the reply
    is the one that the rules saw, and the one that a custom action finds in the metadata.
    """
    parsed, reading = await read_text(agent, turn.text)
    if reading["abstained"] and turn.metadata.get(HOLD):
        return {"replies": [], **reading}
    classification = {
        "intent": reading["intent"]["name"],
        "confidence": reading["intent"]["confidence"],
        "threshold": reading["threshold"],
        "ranking": reading["ranking"],
        "near_tie": reading["near_tie"],
        "model_version": reading["model_version"],
    }
    output = GatewayOutput(parsed["intent"].get("name"))
    await on_new_message(
        UserMessage(
            turn.text,
            output,
            turn.conversation_id,
            parse_data=parsed,
            input_channel=GatewayInput.name(),
            message_id=turn.message_id,
            metadata={**turn.metadata, "classification": classification},
        )
    )
    return {"replies": output.replies, **reading}


def _ready_agent(request: Request) -> Agent | None:
    agent: Agent | None = getattr(request.app.ctx, "agent", None)
    return agent if agent is not None and agent.is_ready() else None


def _uuid(fields: dict[str, Any], name: str) -> str:
    try:
        return str(uuid.UUID(fields[name]))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise MalformedTurn(f"{name} is not a UUID") from None


def _score(item: dict[str, Any]) -> dict[str, Any]:
    return {"name": item.get("name"), "confidence": round(float(item.get("confidence") or 0.0), 4)}


def _error(status: int, code: str, message: str) -> HTTPResponse:
    return response.json({"error": {"code": code, "message": message}}, status=status)

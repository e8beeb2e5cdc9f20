"""The client of Rasa's gateway channel. It never decides anything: it says what Rasa said, or that Rasa is away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from handoff.domain.identity import mask
from handoff.domain.status import without_keys
from handoff.domain.text import neutralise

CALL_SECONDS = 5.0
HIDDEN = "•"  # in a number's place; no word, since the classifier would read one
REST_SECONDS = 1.0  # after a failure, how long not to try again
READY_SECONDS = 2.0
CONNECTIONS = 32
KEPT_SECONDS = 60.0  # half of what Rasa keeps an idle connection for


class BotAway(Exception):
    """Rasa cannot be asked now: unreachable, hanging, or still loading its model. Worth asking again."""


class BotFailed(Exception):
    """Rasa was asked and gave no usable answer: an error or garbage. A person takes over; asking again is no use."""


class Ranked(BaseModel):
    """One reading of the text and how sure the model is of it."""

    name: str | None
    confidence: float


class Instruction(BaseModel):
    """What Rasa's dispatcher asks of the gateway."""

    model_config = ConfigDict(extra="ignore")
    do: Literal["answer", "aspect", "command", "case_opened"]
    topic: str | None = None
    aspect: Literal["fee", "time", "requirements"] | None = None
    command: Literal["bot_again", "confirm", "not_yet"] | None = None
    number: str | None = None


class BotMessage(BaseModel):
    """A text of the bot's own (small talk) or an instruction."""

    model_config = ConfigDict(extra="ignore")
    text: str | None = None
    custom: Instruction | None = None


class BotReading(BaseModel):
    """How Rasa understood one text: the true top intent, even where it abstained."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())
    intent: Ranked
    ranking: list[Ranked] = []
    threshold: float
    abstained: bool
    near_tie: bool = False
    model_version: str

    def classification(self) -> dict[str, Any]:
        """What an answer or a case keeps of the reading (P8)."""
        return {
            "intent": self.intent.name, "confidence": self.intent.confidence, "threshold": self.threshold,
            "ranking": [r.model_dump() for r in self.ranking], "near_tie": self.near_tie,
            "model_version": self.model_version,
        }


class BotReply(BotReading):
    """What the gateway channel returns for one text that it took a turn for."""

    replies: list[BotMessage]


class _Readings(BaseModel):
    readings: list[BotReading]


class _Forgotten(BaseModel):
    forgotten: bool


def _harmless(text: str) -> str:
    return mask(neutralise(without_keys(text)), HIDDEN).text


class Bot:
    """One client a process, with kept-alive connections and a short rest after each failure."""

    def __init__(self, rasa_url: str, token: str, call_seconds: float = CALL_SECONDS) -> None:
        self._url = f"{rasa_url}/webhooks/gateway/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timeout = aiohttp.ClientTimeout(total=call_seconds)
        self._resting_until = 0.0

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Made at the first call, inside the event loop. aiohttp, as a call of httpx costs a millisecond of our time.
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_SECONDS)
        return aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=self._timeout)

    async def ask(self, conversation_id: UUID, message_id: UUID, text: str, metadata: dict[str, Any]) -> BotReply:
        """Rasa's reply to `text`. Raises `BotAway`, `BotFailed`.

        What leaves here can be no command and holds no identity number: no caller can forget that. Errors carry no
        detail of the exchange: it may quote the citizen.
        """
        return await self._post("webhook", BotReply, {
            "conversation_id": str(conversation_id), "message_id": str(message_id), "text": _harmless(text),
            "metadata": metadata,
        })

    async def read(self, texts: Sequence[str]) -> list[BotReading]:
        """Rasa's readings of `texts`, in their order; nothing is acted on. Raises `BotAway`, `BotFailed`."""
        found = await self._post("read", _Readings, {"texts": [_harmless(text) for text in texts]})
        if len(found.readings) != len(texts):
            raise BotFailed("garbage")
        return found.readings

    async def forget(self, conversation_id: UUID) -> None:
        """Have Rasa keep nothing of a conversation. Raises `BotAway`, `BotFailed`."""
        await self._post("forget", _Forgotten, {"conversation_id": str(conversation_id)})

    async def _post[M: BaseModel](self, door: str, model: type[M], body: dict[str, Any]) -> M:
        if time.monotonic() < self._resting_until:
            raise BotAway("resting after a failure")
        try:
            async with self._session.post(f"{self._url}{door}", json=body) as response:
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._rest()
            raise BotAway(type(error).__name__) from None
        if status == 503:
            self._rest()
            raise BotAway("no model yet")
        if status != 200:
            raise BotFailed(f"HTTP {status}")
        try:
            return model.model_validate_json(content)
        except ValidationError:
            raise BotFailed("garbage") from None

    def _rest(self) -> None:
        self._resting_until = time.monotonic() + REST_SECONDS

    async def ready(self) -> bool:
        """Whether Rasa has a model and answers."""
        try:
            async with self._session.get(self._url, timeout=aiohttp.ClientTimeout(READY_SECONDS)) as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in self.__dict__:
            await self._session.close()

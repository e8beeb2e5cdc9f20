"""A citizen at the Chat API: begins, writes, reads, and hears the stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from benchmarks.http import Client, request

PATH = "/api/v1/conversations"
REPLY_SECONDS = 30.0


@dataclass(frozen=True)
class Conversation:
    """One conversation and its token."""

    id: str
    token: str

    @classmethod
    async def begin(cls, client: Client) -> Conversation:
        """A new one."""
        begun = await client.call("POST", PATH)
        return cls(begun["conversation_id"], begun["token"])

    async def write(self, client: Client, text: str) -> int:
        """Post a text; its number once it is stored."""
        receipt = await client.call("POST", f"{PATH}/{self.id}/messages", {"text": text}, **self._headers,
                                    Idempotency_Key=str(uuid4()))
        return int(receipt["seq"])

    async def read(self, client: Client, after: int = 0) -> list[dict[str, Any]]:
        """The messages after a number, as the citizen sees them."""
        return list((await client.call("GET", f"{PATH}/{self.id}/messages?after={after}", **self._headers))["messages"])

    @asynccontextmanager
    async def heard(self, port: int, after: int = 0) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
        """The messages as the stream brings them."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        stream = await listen(port, self.events(after), lambda data: queue.put_nowait(json.loads(data)))
        try:
            yield queue
        finally:
            stream.close()

    def events(self, after: int = 0) -> bytes:
        """The request for this conversation's stream."""
        return request("GET", f"{PATH}/{self.id}/events?after={after}", None, self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Listener(asyncio.Protocol):
    """An event stream, held open: hands on the data of each event the moment it comes."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._unread = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Whole events are handed on; the server's chunks need no decoding, as each is an event."""
        if not self.opened.done():
            self.opened.set_result(None)
        *events, self._unread = (self._unread + data).split(b"\n\n")
        for event in events:
            _, found, content = event.partition(b"\ndata: ")
            if found:
                self._heard(content)

    def connection_lost(self, error: Exception | None) -> None:
        """A stream that never opened says so."""
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("the stream was closed before it opened"))


async def listen(port: int, opening: bytes, heard: Callable[[bytes], None]) -> asyncio.Transport:
    """Open the stream that the request `opening` asks for; returns when its first bytes are here."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_connection(lambda: Listener(heard), "127.0.0.1", port)
    transport.write(opening)
    await asyncio.wait_for(listener.opened, REPLY_SECONDS)
    return transport


async def answer_to(seq: int, heard: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    """The bot's answer after the message number `seq`. Raises `RuntimeError` when an officer got the question."""
    async with asyncio.timeout(REPLY_SECONDS):
        while True:
            message = await heard.get()
            if message["seq"] > seq and message["author"] != "citizen":
                if message["author"] != "bot":
                    raise RuntimeError(f"a routine question was not answered: {message['text'][:100]!r}")
                return message

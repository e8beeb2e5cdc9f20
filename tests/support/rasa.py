"""A real HTTP server in Rasa's place, for the ways Rasa does not misbehave on demand."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

from handoff.bot import Bot
from handoff.services.runtime import Runtime


def recognised(topic: str) -> dict[str, Any]:
    """What the gateway channel answers for a routine topic."""
    return {
        "replies": [{"text": None, "custom": {"do": "answer", "topic": topic}}],
        "intent": {"name": topic, "confidence": 0.9}, "ranking": [], "threshold": 0.5, "abstained": False,
        "model_version": "test",
    }


@contextlib.asynccontextmanager
async def answering(status: int, body: bytes, hang: bool = False) -> AsyncIterator[str]:
    """Every request gets this answer, or none at all; yields the address."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line)
                await reader.readexactly(int(fields.get(b"content-length", 0)))
                if hang:
                    await asyncio.Event().wait()
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def with_bot(runtime: Runtime, url: str, call_seconds: float = 5.0) -> Runtime:
    """The runtime, asking the server at `url`."""
    return dataclasses.replace(runtime, bot=Bot(url, "token", call_seconds))


@contextlib.asynccontextmanager
async def bot_says(runtime: Runtime, topic: str) -> AsyncIterator[Runtime]:
    """The runtime with a bot that recognises `topic` in everything."""
    async with answering(200, json.dumps(recognised(topic)).encode()) as url:
        yield with_bot(runtime, url)

"""A real HTTP server in Rasa's place, for the ways Rasa does not misbehave on demand."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
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


def reading(intent: str | None, confidence: float = 0.9, *others: str) -> dict[str, Any]:
    """How a text was read: abstained below 0.5; `others` are the next in the ranking."""
    ranking = [{"name": intent, "confidence": confidence}] if intent else []
    return {
        "intent": {"name": intent, "confidence": confidence if intent else 0.0}, "threshold": 0.5,
        "ranking": ranking + [{"name": name, "confidence": 0.1} for name in others],
        "abstained": intent is None or confidence < 0.5, "model_version": "test",
    }


def _acted_on(intent: str | None) -> list[dict[str, Any]]:
    aspects = {"tanya_biaya": "fee", "tanya_waktu": "time", "tanya_syarat": "requirements"}
    if intent in (None, "luar_cakupan", "minta_petugas"):
        return []  # the action server is not there: the gateway opens the case
    if intent in aspects:
        return [{"custom": {"do": "aspect", "aspect": aspects[intent]}}]
    return [{"text": "Halo."}] if intent == "sapa" else [{"custom": {"do": "answer", "topic": intent}}]


@contextlib.asynccontextmanager
async def understanding(runtime: Runtime, read: dict[str, dict[str, Any]]) -> AsyncIterator[tuple[Runtime, list[str]]]:
    """The runtime with a bot that reads these texts so, and no other; and the texts that it was asked for, in order."""
    seen: list[str] = []

    def reply(path: bytes, body: bytes) -> bytes:
        if not body:
            return b"{}"  # whether it is there
        asked = json.loads(body)
        texts = asked.get("texts") or [asked["text"]]
        seen.extend(texts)
        readings = [read.get(text, reading(None)) for text in texts]
        if b"/read " in path:
            return json.dumps({"readings": readings}).encode()
        (one,) = readings
        return json.dumps({**one, "replies": [] if one["abstained"] else _acted_on(one["intent"]["name"])}).encode()

    async with answering(200, b"", reply=reply) as url:
        yield with_bot(runtime, url), seen


@contextlib.asynccontextmanager
async def answering(
    status: int, body: bytes, hang: bool = False, reply: Callable[[bytes, bytes], bytes] | None = None
) -> AsyncIterator[str]:
    """Every request gets this answer (or what `reply` makes of its first line and body), or none at all; yields the
    address."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line)
                asked = await reader.readexactly(int(fields.get(b"content-length", 0)))
                if hang:
                    await asyncio.Event().wait()
                said = reply(head.partition(b"\r\n")[0], asked) if reply else body
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%s" % (status, len(said), said))
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

"""Server-sent events: one small loop for each open stream."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sanic import Request

HEARTBEAT_SECONDS = 20.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(name: str, data: Any, number: int | None = None) -> str:
    """One event as the wire wants it; `number` becomes the `Last-Event-ID` of a reader that comes back."""
    identity = f"id: {number}\n" if number is not None else ""
    return f"{identity}event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def open_stream(request: Request, headers: dict[str, str] | None = None) -> Any:
    """Answer with an event stream; the reconnection time is told in milliseconds."""
    response = await request.respond(
        content_type="text/event-stream; charset=utf-8", headers={**HEADERS, **(headers or {})}
    )
    await response.send("retry: 2000\n\n")
    return response


async def wait(happened: asyncio.Event) -> bool:
    """Wait for the event, at most until the next heartbeat is due; whether it happened."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            await happened.wait()
    except TimeoutError:
        return False
    happened.clear()
    return True

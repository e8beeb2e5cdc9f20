"""A small HTTP/1.1 client over one kept-alive connection: what it costs must not be what is measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a server said; the headers' names in small letters."""

    status: int
    headers: dict[str, str]
    content: bytes


class Client:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = headers

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON answer. Raises `RuntimeError` for a status of 400 and over."""
        answer = await self.exchange(method, path, body, **headers)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.content[:200]!r}")
        return json.loads(answer.content) if answer.content else None

    async def exchange(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """The answer as it came; it must tell its length."""
        self._writer.write(request(method, path, body, self._headers | headers))
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await self._reader.readexactly(int(told.get("content-length", 0)))
        return Answer(int(status.split(" ")[1]), told, content)


@asynccontextmanager
async def connected(port: int, **headers: str) -> AsyncIterator[Client]:
    """A client of 127.0.0.1:`port`; `headers` (underscores become dashes) go with every request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE_BYTES)
    try:
        yield Client(reader, writer, headers)
    finally:
        writer.transport.abort()


def request(method: str, path: str, body: Any, headers: dict[str, str]) -> bytes:
    """A request's bytes; `body` travels as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if method != "GET":
        lines += [f"Content-Length: {len(content)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content

"""The example office in a fresh database, a clock in the test's hand, and the web process around them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import argon2
import httpx
import sqlalchemy
from PIL import Image
from sanic import Sanic
from sqlalchemy import Row, select, update

from handoff.app import create_app
from handoff.services.attachments import files
from handoff.services.people.seed import seed_example
from handoff.services.post import sending
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, inbox, turn
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.settings import Settings, new_secrets
from handoff.store import db
from handoff.store.migrate import upgrade
from handoff.store.schema import officers, units

PASSWORD = "kata sandi uji coba"  # of every officer of a seeded test database
TUESDAY_10 = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)  # dozens of passwords, two cores
SECRETS = new_secrets()


def settings_for(home: Path, database_url: str) -> Settings:
    """Settings of an installation in `home`."""
    return Settings.from_env({"WAJAH_HOME": str(home), "DATABASE_URL": database_url, **SECRETS})


def with_office(owner_url: str) -> None:
    """Migrate and seed; every officer's password is `PASSWORD`, already changed."""
    upgrade(owner_url)
    seed_example(settings_for(Path("/nonexistent"), owner_url))
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(owner_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(update(officers).values(password_hash=CHEAP.hash(PASSWORD), must_change_password=False))
    engine.dispose()


class HandClock:
    """A clock that the test sets; processes that follow `WAJAH_CLOCK_FILE` read it from `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(TUESDAY_10)

    def __call__(self) -> datetime:
        return self._now

    def set(self, at: datetime) -> None:
        """It is `at` now."""
        self._now = at
        fresh = self.file.with_suffix(".new")
        fresh.write_text(at.isoformat())
        fresh.replace(self.file)

    def forward(self, by: timedelta) -> None:
        """Time passes."""
        self.set(self._now + by)


@dataclass(frozen=True)
class OpenCase:
    """A case and the citizen's side of it."""

    id: UUID
    number: str
    conversation_id: UUID
    token: str
    officer_id: UUID


async def open_case(
    runtime: Runtime, text: str = "mau bicara sama petugas", reason: str = "asked_for_officer",
    topic: str | None = None, **classification: Any,
) -> OpenCase:
    """A citizen arrives, writes, and the bot asks for a person."""
    begun = await conversations.begin(runtime)
    receipt = await inbox.receive(runtime, begun.conversation_id, Inbound.text(text))
    facts = await open_for_bot(
        runtime, begun.conversation_id, receipt.message_id, reason=reason, topic=topic, answer_id=None,
        classification=classification,
    )
    await sending.dispatch(runtime, begun.conversation_id)
    return OpenCase(facts.id, facts.row.number, begun.conversation_id, begun.token, facts.row.officer_id)


def picture() -> bytes:
    """A small photo, as PNG."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(out, "PNG")
    return out.getvalue()


async def open_case_with_file(runtime: Runtime) -> tuple[OpenCase, UUID]:
    """A case in whose conversation a photo was sent; the photo's id."""
    case = await open_case(runtime)
    stored = files.keep(runtime, await conversations.data_key_of(runtime, case.conversation_id), "ktp.png", picture())
    await inbox.receive(runtime, case.conversation_id, Inbound("file", {"text": ""}, files=(stored,)))
    await turn.drain(runtime, case.conversation_id)
    return case, stored.id


async def person(runtime: Runtime, role: str, unit: str | None = None) -> Row[Any]:
    """The first officer (by login) with this role, in this unit if named."""
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(
            select(officers).join(units, units.c.id == officers.c.unit_id)
            .where(officers.c.role == role, *([units.c.slug == unit] if unit else []))
            .order_by(officers.c.login).limit(1)
        )).one()


async def officer_row(runtime: Runtime, officer_id: UUID) -> Row[Any]:
    """The officer as they stand."""
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(officers).where(officers.c.id == officer_id))).one()


async def told(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """The events of an open stream: name and data."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


class Desk(httpx.AsyncClient):
    """A browser in which an officer has signed in."""

    async def sign_in(self, login: str, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in; from now on requests carry the CSRF token."""
        response = await self.post("/api/v1/officer/session", json={"login": login, "password": password})
        assert response.status_code == 200, response.text
        self.headers["X-CSRF-Token"] = response.json()["csrf_token"]
        return dict(response.json())


@dataclass
class Served:
    """The running web process: its address, its application, and a runtime on the same database."""

    url: str
    app: Sanic[Any, Any]
    runtime: Runtime
    clock: HandClock
    stack: contextlib.AsyncExitStack

    async def client(self) -> httpx.AsyncClient:
        """Anybody. Over http there are no certificates to read, which takes longer than a request."""
        return await self.stack.enter_async_context(httpx.AsyncClient(base_url=self.url, timeout=30, verify=False))

    async def desk(self, officer: Row[Any] | None = None) -> Desk:
        """An officer's browser; signed in if an officer is named."""
        desk = await self.stack.enter_async_context(Desk(base_url=self.url, timeout=30, verify=False))
        if officer is not None:
            await desk.sign_in(officer.login)
        return desk


@contextlib.asynccontextmanager
async def serving(settings: Settings, clock: HandClock, runtime: Runtime) -> AsyncIterator[Served]:
    """The web process's application in this event loop, on a free port of its own."""
    app = create_app(dataclasses.replace(settings, demo=True, clock_file=clock.file), name=f"test_{id(settings):x}")
    app.config.TOUCHUP = False  # it rewrites Sanic's own methods, which succeeds once a process
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = await app.create_server(sock=listening)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    async with contextlib.AsyncExitStack() as stack:
        try:
            yield Served(f"http://127.0.0.1:{port}", app, runtime, clock, stack)
        finally:
            await stack.aclose()
            await server.before_stop()
            for connection in server.connections:
                connection.abort()
            server.server.close()
            await server.after_stop()
            Sanic.unregister_app(app)

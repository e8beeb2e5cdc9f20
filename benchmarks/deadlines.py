"""(g) Deadlines of a million cases: `python -m benchmarks.deadlines`, on an embedded PostgreSQL of its own that writes
as durably as in production.

Two things. A sweep over 1,000,000 open cases (two clocks each) of which 10,000 are due: from looking for them to
every one of them having its breach written down, its next mark set and the telling remembered, all committed (without
waiting for the disk, as in production: what a crash takes back is due still). The telling itself (the citizen's
message, encrypted, events of the case's chain, notices) is a transaction for each case, measured apart, on real cases.
And the queue's page, from an officer's request over HTTP to the last byte of its HTML, with what every open page then
asks for (`/petugas/hitungan`): for an officer, a head and a supervisor, with 1,000 and with 1,000,000 open cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import hashlib
import secrets
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import psycopg
from sqlalchemy import Row, insert, select, update

from benchmarks.figures import Target
from handoff.embedded import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from handoff.services.deadlines import escalation
from handoff.services.people.seed import seed_example
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, inbox
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.settings import Settings, new_secrets
from handoff.store import db
from handoff.store.migrate import upgrade
from handoff.store.schema import officers, sessions
from handoff.web.officers import COOKIE
from tests.support.office import HandClock, Served, serving
from tests.support.pages import BROWSER

MANY, FEW, DUE = 1_000_000, 1_000, 10_000
PAGES = 30
SWEEPS = 3
TOLD = 100
NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)

# Synthetic cases: rows of every table that the sweep and the queue read, spread evenly over the example office's people
# who carry cases. The first ones are past the end of their reply's time, the others not.
_FILL = """
SET session_replication_role = replica;
INSERT INTO data_keys (id, kek_id, wrapped, created_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'none', '\\x00', now());
INSERT INTO citizens (id, data_key_id, created_at) VALUES
    ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', now());
CREATE TEMP TABLE carrying AS SELECT id, unit_id, row_number() OVER (ORDER BY login) - 1 AS n FROM officers
    WHERE role IN ('officer', 'inspector', 'head');
CREATE TEMP TABLE made AS
    SELECT g.n, gen_random_uuid() AS conversation, gen_random_uuid() AS id, c.id AS officer, c.unit_id
    FROM generate_series(1, {cases}) g(n) JOIN carrying c ON c.n = g.n % (SELECT count(*) FROM carrying);
INSERT INTO conversations (id, citizen_id, data_key_id, channel, open_case_id, owner_officer_id, next_seq, created_at)
    SELECT conversation, '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'web', id,
           officer, 2, '{now}' FROM made;
INSERT INTO cases (id, number, conversation_id, unit_id, officer_id, status, reason, sla_class, opened_at, respond_by,
                   reply_by, resolve_by, waiting_since, urgent)
    SELECT id, lpad(n::text, 9, '0'), conversation, unit_id, officer, 'assigned', 'asked_for_officer', 'information',
           '{now}'::timestamptz - interval '1 hour', due, due, due + interval '5 days',
           '{now}'::timestamptz - interval '1 hour', false
    FROM made, LATERAL (SELECT CASE WHEN n <= {due} THEN '{now}'::timestamptz - n * interval '10 ms'
                                    ELSE '{now}'::timestamptz + (n - {due}) * interval '10 ms' END AS due) d;
INSERT INTO clocks (id, case_id, kind, started_at, counted_from, mark_1, mark_2, mark_3, spans, step, next_due_at)
    SELECT gen_random_uuid(), c.id, k.kind, c.opened_at, c.opened_at, k.due - interval '30 min', k.due,
           k.due + interval '30 min', ARRAY[30, 60, 90], 1, k.due
    FROM cases c, LATERAL (VALUES ('first_reply', c.reply_by), ('resolution', c.resolve_by)) k(kind, due);
INSERT INTO messages (id, conversation_id, seq, author, kind, body_enc, case_id, fate, fate_at, fate_case_id,
                      created_at)
    SELECT gen_random_uuid(), conversation, 1, 'citizen', 'text', '\\x00', id, 'new_case', '{now}', id, '{now}'
    FROM made WHERE n % 10 = 0;
SET session_replication_role = DEFAULT;
ANALYZE;
"""


@contextlib.contextmanager
def office_with(cases: int, due: int) -> Iterator[Settings]:
    """An example office with so many open cases, on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory(prefix="wajah-bench-") as folder:
        home = Path(folder)
        with Cluster(home / "pg").running() as cluster:
            owner, app, super_ = (cluster.url(role, "wajah") for role in (OWNER_ROLE, APP_ROLE, SUPERUSER))
            upgrade(owner)
            settings = Settings.from_env({"WAJAH_HOME": str(home), "DATABASE_URL": app, **new_secrets()})
            seed_example(dataclasses.replace(settings, database_url=owner))
            with psycopg.connect(super_, autocommit=True) as connection:
                connection.execute(_FILL.format(cases=cases, due=due, now=NOW.isoformat()).encode())
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")  # what the filling wrote is on disk before anything is measured
            yield settings


async def sweep(settings: Settings, due: int) -> list[tuple[float, int]]:
    """Seconds to find and mark what is due, and how many clocks that were; several times, each as many more."""
    at = NOW
    runtime = dataclasses.replace(Runtime.create(settings), clock=lambda: at)
    rounds = []
    try:
        for number in range(SWEEPS):
            at = NOW + number * due * timedelta(milliseconds=10)
            began, marked = perf_counter(), 0
            while found := await escalation.mark(runtime):
                marked += found
            rounds.append((perf_counter() - began, marked))
        return rounds
    finally:
        await runtime.close()


async def telling(settings: Settings) -> float:
    """Seconds that one case takes of which people are told: `TOLD` real ones whose reply is half an hour late."""
    at = NOW
    runtime = dataclasses.replace(Runtime.create(settings), clock=lambda: at)
    try:
        for _ in range(TOLD):
            begun = await conversations.begin(runtime)
            receipt = await inbox.receive(runtime, begun.conversation_id, Inbound.text("mau bicara dengan petugas"))
            await open_for_bot(runtime, begun.conversation_id, receipt.message_id, reason="asked_for_officer",
                               topic=None, answer_id=None, classification={})
        at = NOW + timedelta(hours=2)
        while await escalation.mark(runtime):
            pass
        began, told = perf_counter(), 0
        while now := await escalation.tell(runtime):
            told += now
        return (perf_counter() - began) / told
    finally:
        await runtime.close()


async def queue_page(settings: Settings) -> dict[str, list[float]]:
    """Seconds from the request to the page, by whose page it is; on a house that serves as in production."""
    clock = HandClock(settings.home / "clock")
    clock.set(NOW - timedelta(minutes=10))  # nothing is due yet: the house sweeps as it serves
    runtime = dataclasses.replace(Runtime.create(settings), clock=clock)
    try:
        async with serving(settings, clock, runtime) as served:
            timed = {}
            for name, role, scope in (("an officer's", "officer", "saya"), ("a head's unit", "head", "unit"),
                                      ("a supervisor's, every unit", "supervisor", "semua")):
                browser = await _signed_in(served, role)
                for part, path in (("", f"/petugas?lingkup={scope}"), (", its counts", "/petugas/hitungan")):
                    timed[name + part] = await timed(functools.partial(get, browser, path))
            return timed
    finally:
        await runtime.close()


async def get(browser: httpx.AsyncClient, path: str) -> None:
    """Fetch a page to its last byte."""
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    assert page.text.strip()


async def _signed_in(served: Served, role: str) -> httpx.AsyncClient:
    """A browser with a session of somebody with this role."""
    token, at = secrets.token_urlsafe(32), served.clock()
    officer = await _somebody(served.runtime, role)
    async with db.statement(served.runtime.pool) as connection:
        await connection.execute(update(officers).values(must_change_password=False))
        await connection.execute(insert(sessions).values(
            token_hash=hashlib.sha256(token.encode()).digest(), officer_id=officer.id, csrf_token="-", created_at=at,
            seen_at=at, expires_at=at + timedelta(days=1),
        ))
    browser = await served.client()
    browser.cookies.set(COOKIE, token)
    browser.headers.update(BROWSER)
    return browser


async def timed(page: Callable[[], Awaitable[None]]) -> list[float]:
    """Seconds of each of `PAGES` looks, after three that are not measured."""
    for _ in range(3):
        await page()
    each = []
    for _ in range(PAGES):
        began = perf_counter()
        await page()
        each.append(perf_counter() - began)
    return each


async def _somebody(runtime: Runtime, role: str) -> Row[Any]:
    async with db.statement(runtime.pool) as connection:
        return (await connection.execute(
            select(officers).where(officers.c.role == role).order_by(officers.c.login).limit(1)
        )).one()


def measure(many: int = MANY, due: int = DUE) -> list[Target]:
    """Measure both, print, and return the targets. Blocking."""
    with office_with(FEW, 0) as settings:
        few = asyncio.run(queue_page(settings))
    began = perf_counter()
    with office_with(many, due) as settings:
        print(f"(g) {many:,} open cases made in {perf_counter() - began:.0f} s", flush=True)
        lots = asyncio.run(queue_page(settings))
        rounds = asyncio.run(sweep(settings, due))
    with office_with(0, 0) as settings:
        each_case = asyncio.run(telling(settings))
    for seconds, marked in rounds:
        print(f"    sweep: {marked} due clocks found and marked in {seconds:.2f} s")
    print(f"    telling whom it concerns, one case after the other: {1000 * each_case:.1f} ms each")
    middle = statistics.median(seconds for seconds, _ in rounds)
    targets = [Target(f"(g) {due:,} of {2 * many:,} clocks found and marked, median of {SWEEPS}", middle, 2, "s")]
    for name, each in lots.items():
        before, after = statistics.median(few[name]), statistics.median(each)
        print(f"    queue page, {name}: {1000 * before:.1f} ms with {FEW:,}, {1000 * after:.1f} ms with {many:,}")
        targets.append(Target(f"(g) queue page, {name}: {many:,} to {FEW:,} cases", after / before, 2, ""))
    return targets


if __name__ == "__main__":
    print("\nTargets", *measure(), sep="\n")

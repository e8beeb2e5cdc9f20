"""(h) What anybody may see of a million cases: `python -m benchmarks.public`, on an embedded PostgreSQL of its own.

The page `/transparansi` from its request to the last byte, with 1,000 and with 1,000,000 cases of fourteen months in
the same run, and how long the worker counts for it every five minutes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import statistics
from collections.abc import Sequence
from datetime import timedelta
from time import perf_counter

import httpx
import psycopg

from benchmarks.deadlines import FEW, MANY, NOW, get, office_with, timed
from benchmarks.figures import Target
from handoff.embedded import SUPERUSER
from handoff.services.runtime import Runtime
from handoff.services.views import figures
from handoff.settings import Settings
from tests.support.office import HandClock, serving
from tests.support.pages import BROWSER

COUNTS = 3

# The open cases of `deadlines` become the life of an office: four of five closed, most by their citizens, after hours
# and days; one in twenty was late, one in fifty disputes an answer.
_LIVED = """
SET session_replication_role = replica;
UPDATE cases c SET opened_at = o.at,
    first_replied_at = CASE WHEN o.n % 10 < 9 THEN o.at + o.n % 5000 * interval '1 min' END,
    status = CASE WHEN o.n % 5 < 4 THEN 'closed' ELSE 'in_progress' END,
    closed_at = CASE WHEN o.n % 5 < 4 THEN o.at + o.n % 20000 * interval '1 min' END,
    closed_reason = CASE WHEN o.n % 5 = 4 THEN NULL WHEN o.n % 7 = 0 THEN 'no_reply' ELSE 'confirmed' END
FROM (SELECT id, row_number() OVER () AS n, '{now}'::timestamptz - random() * interval '420 days' AS at FROM cases) o
WHERE c.id = o.id;
INSERT INTO breaches (id, case_id, clock_id, unit_id, kind, level, due_at, noted_at)
    SELECT gen_random_uuid(), k.case_id, k.id, c.unit_id, k.kind, 100, k.mark_2, k.mark_2
    FROM clocks k JOIN cases c ON c.id = k.case_id WHERE k.kind = 'first_reply' AND right(c.number, 2)::int % 20 = 0;
INSERT INTO answers (id, conversation_id, question_id, message_id, topic, aspect, catalogue_version, sources, reviewed,
                     created_at)
    SELECT gen_random_uuid(), conversation_id, id, id, 'ktp_hilang', 'overview', '-', '[]', '{now}', created_at
    FROM messages WHERE seq = 1 AND fate_case_id IS NOT NULL;
INSERT INTO case_items (id, case_id, message_id, answer_id, reason, created_at)
    SELECT gen_random_uuid(), m.case_id, m.id, CASE WHEN right(c.number, 2)::int % 50 = 0 THEN a.id END,
           CASE WHEN right(c.number, 2)::int % 50 = 0 THEN 'disputed_answer' ELSE 'asked_for_officer' END, c.opened_at
    FROM messages m JOIN cases c ON c.id = m.case_id JOIN answers a ON a.message_id = m.id;
SET session_replication_role = DEFAULT;
"""


def measure(many: int = MANY, few: int = FEW) -> list[Target]:
    """Measure, print, and return the targets. Blocking."""
    small, _ = _of(few)
    large, counting = _of(many)
    before, after = statistics.median(small), statistics.median(large)
    print(f"(h) public page: {1000 * before:.1f} ms with {few:,} cases, {1000 * after:.1f} ms with {many:,}")
    print(f"    counted by the worker: {', '.join(f'{seconds:.2f} s' for seconds in counting)}")
    return [
        Target(f"(h) public page: {many:,} to {few:,} cases", after / before, 2, ""),
        Target(f"(h) counting {many:,} cases, median of {COUNTS}", statistics.median(counting), 30, "s"),
    ]


def _of(cases: int) -> tuple[Sequence[float], Sequence[float]]:
    with office_with(cases, 0) as settings:
        with psycopg.connect(settings.database_url.replace("wajah_app", SUPERUSER, 1), autocommit=True) as connection:
            connection.execute(_LIVED.format(now=NOW.isoformat()).encode())
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        return asyncio.run(_page(settings))


async def _page(settings: Settings) -> tuple[Sequence[float], Sequence[float]]:
    clock = HandClock(settings.home / "clock")
    clock.set(NOW - timedelta(minutes=10))  # nothing is due yet: the house sweeps as it serves
    runtime = dataclasses.replace(Runtime.create(settings), clock=clock)
    counting = []
    try:
        for _ in range(COUNTS):
            began = perf_counter()
            await figures.publish(runtime)
            counting.append(perf_counter() - began)
        async with serving(settings, clock, runtime) as served:
            browser: httpx.AsyncClient = await served.client()
            browser.headers.update(BROWSER)
            return await timed(functools.partial(get, browser, "/transparansi")), counting
    finally:
        await runtime.close()


if __name__ == "__main__":
    print("\nTargets", *measure(), sep="\n")

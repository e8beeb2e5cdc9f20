"""For the operator: is the process alive, is each part ready, how much of what."""

from __future__ import annotations

import asyncio
import os

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, raw, text
from sqlalchemy import text as sql

from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.web.requests import answer, runtime_of

health = Blueprint("health")
WORKER_SECONDS = 10  # a worker's heartbeat older than this counts as none

_WORKER = sql(
    "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
)
_COUNTS = sql("""
SELECT (SELECT count(*) FROM messages WHERE author = 'citizen' AND fate IS NULL),
       (SELECT count(*) FROM outbox WHERE state = 'pending'),
       (SELECT count(*) FROM cases WHERE status <> 'closed'),
       (SELECT count(*) FROM cases WHERE status <> 'closed' AND resolve_by < :now),
       (SELECT count(*) FROM publications WHERE suspended)
""")


@health.get("/healthz")
async def alive(request: Request) -> HTTPResponse:
    """The process answers."""
    return text("ok")


@health.get("/readyz")
async def ready(request: Request) -> HTTPResponse:
    """Each part by name; 503 only without the database, since cases open without the rest."""
    runtime = runtime_of(request)
    (database, worker), actions, rasa = await asyncio.gather(_database(runtime), _actions(), _rasa(runtime))
    parts = {"database": database, "worker": worker, "actions": actions, "rasa": rasa}
    return answer(parts, 200 if database == "ok" else 503)


async def _database(runtime: Runtime) -> tuple[str, str]:
    try:
        async with asyncio.timeout(5), db.transaction(runtime.pool) as connection:
            workers = (await connection.execute(_WORKER, {"seconds": WORKER_SECONDS})).scalar_one()
    except (db.DatabaseAway, TimeoutError):
        return "away", "unknown"
    return "ok", "ok" if workers else "away"


async def _rasa(runtime: Runtime) -> str:
    return "ok" if await runtime.bot.ready() else "starting"


async def _actions() -> str:
    url = os.environ.get("WAJAH_ACTIONS_URL", "http://127.0.0.1:5055")
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            return "ok" if (await client.get(f"{url}/health")).status_code == 200 else "starting"
    except httpx.HTTPError:
        return "starting"


class Metrics:
    """This process's figures; no label carries anything of a citizen."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("wajah_http_requests_total", "Requests answered", ["method", "route", "status"],
                                registry=self.registry)
        self.seconds = Histogram("wajah_http_request_seconds", "Time to answer, without streams",
                                 registry=self.registry)
        self.rows = Gauge("wajah_rows", "Rows by kind", ["kind"], registry=self.registry)


KINDS = ("messages_without_fate", "outbox_pending", "cases_open", "cases_overdue", "answers_suspended")


@health.get("/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Prometheus."""
    runtime, figures = runtime_of(request), request.app.ctx.metrics
    async with db.transaction(runtime.pool) as connection:
        counts = (await connection.execute(_COUNTS, {"now": runtime.clock()})).one()
    for kind, count in zip(KINDS, counts, strict=True):
        figures.rows.labels(kind).set(count)
    return raw(generate_latest(figures.registry), content_type=CONTENT_TYPE_LATEST)


def measure(app: Sanic) -> None:
    """Count and time every request."""
    app.ctx.metrics = Metrics()

    @app.on_request
    async def begin(request: Request) -> None:
        request.ctx.began = asyncio.get_running_loop().time()

    @app.on_response
    async def end(request: Request, response: HTTPResponse) -> None:
        figures: Metrics = app.ctx.metrics
        route = request.route.path if request.route else "?"
        figures.requests.labels(request.method, route, response.status).inc()
        if hasattr(request.ctx, "began"):
            figures.seconds.observe(asyncio.get_running_loop().time() - request.ctx.began)

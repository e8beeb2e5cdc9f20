"""For the operator: is the process alive, is each part ready, how much of what."""

from __future__ import annotations

import asyncio
import os

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, raw, text
from sqlalchemy import text as sql

from handoff.services.post import operators
from handoff.services.runtime import Runtime
from handoff.services.views import channel
from handoff.services.views.channel import Figures
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
       (SELECT count(*) FROM publications WHERE suspended),
       (SELECT count(*) FROM answers WHERE helped_at IS NOT NULL),
       (SELECT count(*) FROM corrected WHERE state = 'failed')
           + (SELECT count(*) FROM asked_reminders WHERE state = 'failed')
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
    if runtime.settings.whatsapp is not None:
        parts["whatsapp"] = await _whatsapp(runtime)
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


async def _whatsapp(runtime: Runtime) -> str:
    """`stopped` while Meta lets one of the numbers send nothing."""
    try:
        return "stopped" if await operators.stops(runtime) else "ok"
    except db.DatabaseAway:
        return "unknown"


async def _actions() -> str:
    url = os.environ.get("WAJAH_ACTIONS_URL", "http://127.0.0.1:5055")
    try:
        # Over plain http there are no certificates to read: it takes twenty times as long as the question.
        async with httpx.AsyncClient(timeout=2, verify=url.startswith("https:")) as client:
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
        self.stopped = Gauge("wajah_whatsapp_stopped", "1 while Meta lets the number send nothing", ["number"],
                             registry=self.registry)
        self.slowed = Gauge("wajah_whatsapp_slowed", "1 while the number goes slower than it may", ["number"],
                            registry=self.registry)
        self.sends = Gauge("wajah_whatsapp_sends", "Posts of the last hour by where they stand", ["outcome"],
                           registry=self.registry)
        self.waiting = Gauge("wajah_whatsapp_waiting", "Messages that wait, by what they wait for", ["for"],
                             registry=self.registry)
        self.oldest = Gauge("wajah_whatsapp_oldest_waiting_seconds", "Age of the oldest message that waits",
                            registry=self.registry)
        self.templates = Gauge("wajah_whatsapp_templates_refused", "Templates that Meta refused within a day",
                               registry=self.registry)

    def tell(self, found: Figures) -> None:
        """What WhatsApp's figures are now."""
        for number, (stopped, slowed) in found.numbers.items():
            self.stopped.labels(number).set(stopped)
            self.slowed.labels(number).set(slowed)
        for outcome, count in found.sends.items():
            self.sends.labels(outcome).set(count)
        self.waiting.labels("window").set(found.for_window)
        self.waiting.labels("number").set(found.for_number)
        self.oldest.set(found.oldest_seconds)
        self.templates.set(found.templates_failed)


KINDS = ("messages_without_fate", "outbox_pending", "cases_open", "cases_overdue", "answers_suspended",
         "answers_helped", "unasked_given_up")


@health.get("/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Prometheus."""
    runtime, figures = runtime_of(request), request.app.ctx.metrics
    async with db.transaction(runtime.pool) as connection:
        counts = (await connection.execute(_COUNTS, {"now": runtime.clock()})).one()
    for kind, count in zip(KINDS, counts, strict=True):
        figures.rows.labels(kind).set(count)
    if runtime.settings.whatsapp is not None:
        figures.tell(await channel.figures(runtime))
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
        # Whoever asks may invent a method: one that no route has is a label of its own no more than its path is.
        known = (request.method, request.route.path) if request.route else ("?", "?")
        figures.requests.labels(*known, response.status).inc()
        if hasattr(request.ctx, "began"):
            figures.seconds.observe(asyncio.get_running_loop().time() - request.ctx.began)

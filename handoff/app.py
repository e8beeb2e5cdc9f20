"""The web process: Sanic with our blueprints, the sweep and the live hub beside them."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from sanic import Sanic

from handoff import logs
from handoff.services.attachments.files import FILE_BYTES
from handoff.services.deadlines import sweep
from handoff.services.people import staff
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import Doorkeeper
from handoff.settings import Settings
from handoff.web import errors, html
from handoff.web.board import Board
from handoff.web.bodies import bound_bodies
from handoff.web.case_page import case_page
from handoff.web.chat import chat
from handoff.web.console import console
from handoff.web.console_answers import console_answers
from handoff.web.console_board import console_board
from handoff.web.console_case import console_case
from handoff.web.console_case_actions import case_actions
from handoff.web.console_corrections import console_corrections
from handoff.web.console_moves import console_moves
from handoff.web.console_news import console_news
from handoff.web.console_people import console_people
from handoff.web.console_queue import console_queue
from handoff.web.cors import open_to_foreign_sites
from handoff.web.data_page import data_page
from handoff.web.health import health, measure
from handoff.web.internal import internal
from handoff.web.limits import Buckets, Places
from handoff.web.live import Hub
from handoff.web.officers_corrections import officers
from handoff.web.openapi import docs
from handoff.web.pages import pages
from handoff.web.reports import reports
from handoff.web.requests import add_security_headers
from handoff.web.uploads import uploads
from handoff.web.whatsapp import whatsapp

POOL = 12
COPIES = (10, 0.1)  # of all of a citizen's data, for each address: they are work to make
KNOWN_DEVICE = (staff.FAILURES, staff.FAILURES / staff.LOCKED.total_seconds())  # as much as a stranger may try
LOGINS = (60, 0.5)  # an office may sign in behind one address; burst, refill per second
FILES = (300, 1.0)  # of one address: a token for each file and each of its megabytes; a village's photos are small
OPEN_FILES = 65_536
LEAST_STREAMS = 64
OTHER_FILES = 256  # open files that are no stream: the database's connections, what is being read and written
MULTIPART_BYTES = 64 * 1024  # what a form adds around a file

open_to_foreign_sites(chat)
open_to_foreign_sites(uploads)


def create_app(settings: Settings, name: str = "wajah") -> Sanic[Any, Any]:
    """The application; it connects when its server starts."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False)
    app.config.update(
        REQUEST_MAX_SIZE=FILE_BYTES + MULTIPART_BYTES, FALLBACK_ERROR_FORMAT="json", KEEP_ALIVE_TIMEOUT=75,
        REQUEST_TIMEOUT=120, RESPONSE_TIMEOUT=60, GRACEFUL_SHUTDOWN_TIMEOUT=4.0, ACCESS_LOG=False,
        AUTO_EXTEND=False,  # an installed sanic-ext would add a /docs and CORS of its own (docs/adr/0011)
    )
    for blueprint in (
        chat, uploads, internal, officers, health, pages, case_page, reports, data_page, console, console_queue,
        console_board, console_moves, console_news, console_people, console_corrections, console_answers, console_case,
        case_actions, docs, whatsapp,
    ):
        # A copy: a blueprint remembers its applications, and tests make more than one.
        app.blueprint(blueprint.copy(blueprint.name, with_registration=False))
    bound_bodies(app)
    html.register(app)
    errors.register(app)
    add_security_headers(app)
    measure(app)

    @app.before_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        runtime = Runtime.create(settings, POOL)
        app.ctx.runtime = runtime
        app.ctx.doorkeeper = Doorkeeper(runtime)
        app.ctx.address_buckets = Buckets(*settings.rate_address)
        app.ctx.conversation_buckets = Buckets(*settings.rate_conversation)
        app.ctx.copy_buckets = Buckets(*COPIES)
        app.ctx.login_buckets = Buckets(*LOGINS)
        app.ctx.device_buckets = Buckets(*KNOWN_DEVICE)
        app.ctx.file_buckets = Buckets(*FILES)
        app.ctx.places = Places(max(LEAST_STREAMS, (_open_files() - OTHER_FILES) // 2))  # the rest: who asks and goes
        assert settings.database_url
        app.ctx.hub = Hub(settings.database_url)
        app.ctx.board = Board(runtime, app.ctx.hub)
        app.ctx.tasks = [asyncio.create_task(work) for work in (
            app.ctx.hub.run(), app.ctx.board.run(), sweep.forever(runtime),
        )]

    @app.after_server_stop
    async def stop(app: Sanic[Any, Any]) -> None:
        for task in app.ctx.tasks:
            task.cancel()
        await asyncio.gather(*app.ctx.tasks, return_exceptions=True)
        await app.ctx.runtime.close()

    return app


def _open_files() -> int:
    """How many files this process may have open: as many as whoever started it allows, if asked."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    if resource.RLIM_INFINITY != allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; blocking. One process: a dead one is the supervisor's to replace."""
    logs.configure()
    create_app(settings).run("0.0.0.0", settings.port, single_process=True, access_log=False, motd=False)

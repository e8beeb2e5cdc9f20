"""`python -m handoff doctor`: looks at each part and says what to do. It mends nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from handoff.catalogue import CatalogueError, load
from handoff.catalogue.schema import Keeper
from handoff.channels import returned
from handoff.clock import file_clock, system_clock
from handoff.connectors import ConnectorError
from handoff.connectors import load as load_connectors
from handoff.embedded import APP_ROLE, EmbeddedError
from handoff.home import DatabaseUrls, Home, HomeError, reachable_database
from handoff.model import Model
from handoff.processes import Probe, beat_probe, http_probe
from handoff.run import BEAT_SECONDS, OLDEST_POSTGRESQL
from handoff.settings import REPOSITORY, Settings

FREE_BYTES_NEEDED = 2_000_000_000
PROBE_SECONDS = 3.0


@dataclass(frozen=True)
class Finding:
    """What was found of one part; `advice` is what to do, empty when it is well. A `fault` keeps the system from
    working as it should; other advice can wait."""

    part: str
    text: str
    advice: str = ""
    fault: bool = True

    @property
    def mark(self) -> str:
        """How it is printed."""
        return ("FAIL" if self.fault else "note") if self.advice else "ok"


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> int:
    """Prints every finding; returns 1 when one is a fault, else 0."""
    healthy = True
    for check in CHECKS:
        for finding in check(settings):
            healthy = healthy and finding.mark != "FAIL"
            advice = f"\n      {'':<12} → {finding.advice}" if finding.advice else ""
            print(f"{finding.mark:<5} {finding.part:<12} {finding.text}{advice}", flush=True)
    return 0 if healthy else 1


def _set_up(_: Settings) -> Iterator[Finding]:
    """Pythons, environments, browser files."""
    check = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "setup.py"), "check"], check=False, capture_output=True, text=True
    )
    missing = check.stdout.split("\n")[:-1] if check.returncode else []
    for title in missing:
        yield Finding("set-up", f"missing or out of date: {title}", "make setup")
    if not missing:
        yield Finding("set-up", f"both environments and the browser files; Python {sys.version.split()[0]}")


def _home(settings: Settings) -> Iterator[Finding]:
    """The state folder: room, rights, secrets."""
    try:
        Home(settings.home).make()
    except HomeError as error:
        yield Finding("home", str(error), "give this user the folder, or set WAJAH_HOME")
        return
    free = shutil.disk_usage(settings.home).free
    room = f"{settings.home}, {free / 1e9:.1f} GB free"
    yield Finding("disk", room, "" if free > FREE_BYTES_NEEDED else "make room: a full disk stops the database")
    secrets = settings.home / "secrets.json"
    if secrets.exists():
        private = not secrets.stat().st_mode & 0o077
        yield Finding("secrets", f"{secrets}; keep a copy elsewhere", "" if private else f"chmod 600 {secrets}")
    else:
        yield Finding("secrets", "from the environment")


def _files(settings: Settings) -> Iterator[Finding]:
    """Citizens' files can be kept, read and removed where they lie."""
    from handoff.services.attachments.depot import depot
    from handoff.services.errors import ServiceError

    where = f"bucket {settings.files_s3.bucket} at {settings.files_s3.endpoint}" if settings.files_s3 else str(
        settings.uploads)
    kept, name, content = depot(settings), uuid4(), os.urandom(64)
    try:
        kept.put(name, content)
        same = kept.get(name) == content
        kept.remove(name)
    except (OSError, ServiceError):
        yield Finding("files", f"{where} cannot be written and read", "create the bucket, and correct WAJAH_FILES_S3_*"
                      if settings.files_s3 else "give this user the folder")
        return
    yield Finding("files", f"{where}, encrypted", "" if same else "it gives back something else: another store")


def _database(settings: Settings) -> Iterator[Finding]:
    """Reachable, new enough, migrated, the application's role held back, no key missing."""
    home = Home(settings.home)
    if settings.database_url is None and not home.cluster.data.exists():
        yield Finding("database", "not made yet", "make run")
        return
    try:
        with reachable_database(settings) as urls:
            yield from _database_content(settings, urls)
    except (HomeError, EmbeddedError, psycopg.OperationalError) as error:
        yield Finding("database", str(error).strip().splitlines()[-1], "start it, or correct DATABASE_URL")


def _database_content(settings: Settings, urls: DatabaseUrls) -> Iterator[Finding]:
    from handoff.store import migrate

    with psycopg.connect(urls.app, connect_timeout=5) as connection:
        release = connection.info.server_version // 10000
    new_enough = release >= OLDEST_POSTGRESQL
    yield Finding("database", f"PostgreSQL {release}", "" if new_enough else f"needs {OLDEST_POSTGRESQL} or newer")
    if migrate.pending(urls.owner):
        yield Finding("schema", "older than this program", "python -m handoff db upgrade")
        return
    yield Finding("schema", "up to date")
    yield _role(urls)
    yield from _offices(settings, urls)
    missing = asyncio.run(_missing_keys(settings, urls))
    yield from _refused_mail(urls)
    yield from _given_up(urls)
    lacks = f"lacks {', '.join(missing)}" if missing else "has every key that the database knows"
    yield Finding("data keys", lacks, "add it to WAJAH_DATA_KEYS from your backup" if missing else "")


def _offices(settings: Settings, urls: DatabaseUrls) -> Iterator[Finding]:
    """WhatsApp's numbers name offices that there are."""
    named = {slug for _, slug in settings.whatsapp.numbers if slug} if settings.whatsapp else set()
    with psycopg.connect(urls.app, connect_timeout=5) as connection:
        known = {slug for slug, in connection.execute("SELECT slug FROM offices")}
    for slug in sorted(named - known):
        yield Finding("whatsapp", f"a number is of the office {slug!r}, which there is not: the first office has it",
                      f"python -m handoff office add, or one of {', '.join(sorted(known))}")


def _refused_mail(urls: DatabaseUrls) -> Iterator[Finding]:
    with psycopg.connect(urls.app, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT count(*) FROM mails WHERE state IN ('undeliverable', 'failed', 'bounced')"
        ).fetchone()
    if row and row[0]:
        yield Finding("mail", f"{row[0]} mails were refused or came back; officers were told")


def _given_up(urls: DatabaseUrls) -> Iterator[Finding]:
    """Corrections and reminders that could not be sent through a fault of ours."""
    with psycopg.connect(urls.app, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM corrected WHERE state = 'failed'),"
            " (SELECT count(*) FROM asked_reminders WHERE state = 'failed')"
        ).fetchone()
    if row and any(row):
        yield Finding("unasked", f"{row[0]} corrections and {row[1]} reminders could not be sent and were given up",
                      "the worker's log says why; mend that and restart it: it tries once more", fault=False)


def _role(urls: DatabaseUrls) -> Finding:
    """The record is append-only for the role that the application uses."""
    with psycopg.connect(urls.owner, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT rolsuper, has_table_privilege(rolname, 'case_events', 'UPDATE, DELETE, TRUNCATE')"
            " FROM pg_roles WHERE rolname = %s", [APP_ROLE],
        ).fetchone()
    if row is None:
        return Finding("role", f"{APP_ROLE} is missing", "python -m handoff db upgrade")
    may_rewrite = any(row)
    advice = f"take SUPERUSER, and UPDATE, DELETE and TRUNCATE on case_events, from {APP_ROLE}" if may_rewrite else ""
    return Finding("role", f"{APP_ROLE} {'may rewrite' if may_rewrite else 'cannot rewrite'} the record", advice)


async def _missing_keys(settings: Settings, urls: DatabaseUrls) -> list[str]:
    from handoff.store import db, keys

    engine = db.engine(urls.app, pool_size=1)
    try:
        return await keys.missing_keys(engine, settings)
    finally:
        await engine.dispose()


def _catalogue(settings: Settings) -> Iterator[Finding]:
    """The facts can be loaded, and their keepers have looked at them in time."""
    today = (file_clock(settings.clock_file) if settings.clock_file else system_clock)().date()
    try:
        catalogue = load(settings.catalogue, settings.catalogue_overlay)
    except CatalogueError as error:
        yield Finding("catalogue", "; ".join(error.problems), "correct these files (docs/catalogue.md)")
        return
    yield Finding("catalogue", f"{len(catalogue.topics)} topics, version {catalogue.version}")
    late: dict[Keeper, list[str]] = {}
    for topic in catalogue.stale(today):
        late.setdefault(topic.keeper, []).append(f"{topic.id} ({topic.next_review})")
    for keeper, topics in late.items():
        advice = f"{keeper.person}, {keeper.position}, checks their sources and sets `reviewed`"
        yield Finding("catalogue", f"review is overdue: {', '.join(topics)}", advice, fault=False)


def _mail(settings: Settings) -> Iterator[Finding]:
    """Whether news reaches people outside the console, and what was refused."""
    if settings.smtp_url is None:
        yield Finding("mail", "no SMTP_URL: officers' news is in the console only, citizens' in the conversation")
        return
    parts = urlsplit(settings.smtp_url)
    address = (parts.hostname or "", parts.port or (465 if parts.scheme == "smtps" else 25))
    try:
        socket.create_connection(address, timeout=PROBE_SECONDS).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield Finding("mail", f"{address[0]}:{address[1]}: {reason}", "start the mail server, or correct SMTP_URL")
        return
    yield Finding("mail", f"{address[0]}:{address[1]} answers; mail is sent as {settings.smtp_from}")
    yield _returned_mail(settings)


def _returned_mail(settings: Settings) -> Finding:
    if settings.bounces_url is None:
        return Finding("mail", "what comes back later is not read, so an address that does not work looks as if it did",
                       "set BOUNCES_URL to the mailbox of returned mail (docs/operating.md)", fault=False)
    try:
        with returned.opened(settings.bounces_url) as source:
            source.unseen()
    except (returned.MailboxAway, imaplib.IMAP4.error, OSError) as error:
        return Finding("mail", f"returned mail cannot be read: {error}", "correct BOUNCES_URL, or that mailbox")
    return Finding("mail", "the mailbox of returned mail can be read")


def _model(settings: Settings) -> Iterator[Finding]:
    """A model for the present data and code."""
    if not settings.own_rasa:
        return
    model = Model(Home(settings.home).models)
    if model.path.exists():
        yield Finding("model", f"{model.path.name}, up to date")
    else:
        older = model.newest()
        yield Finding("model", f"{older.name}, older than data or code" if older else "none yet", "make train")


def _processes(settings: Settings) -> Iterator[Finding]:
    """Each process answers now."""
    home = Home(settings.home)
    if not home.held():
        yield Finding("processes", "not running here", "make run")
        return
    state = _state(home)
    for name, child in state.get("children", {}).items():
        log = home.logs / f"{name}.log"
        facts = f"pid {child['pid']}, {child['restarts']} restarts"
        well = child["ready"] and _answers(_probe(name, child["port"], home))
        yield Finding(name, facts, "" if well else f"not ready; if that lasts, {log} says why")
    for name in {"web", "worker", "actions"} - set(state.get("children", {})):
        yield Finding(name, "not started yet", f"wait a moment; {home.logs / 'wajah.log'} says how far it is")
    if not settings.own_rasa:
        address = urlsplit(settings.rasa_url)
        reachable = _answers(http_probe(address.port or 80, "/webhooks/gateway/", address.hostname or "127.0.0.1"))
        yield Finding("rasa", settings.rasa_url, "" if reachable else "start it, or correct RASA_URL")


def _probe(name: str, port: int | None, home: Home) -> Probe | None:
    paths = {"web": "/healthz", "actions": "/health", "rasa": "/webhooks/gateway/"}
    if name in paths and port:
        return http_probe(port, paths[name])
    return beat_probe(home.beat, BEAT_SECONDS) if name == "worker" else None


def _answers(probe: Probe | None) -> bool:
    async def ask(probe: Probe) -> bool:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()

    try:
        return probe is None or asyncio.run(ask(probe))
    except (OSError, EOFError, ValueError):
        return False


def _state(home: Home) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(home.state.read_text()))
    return {}


def _connectors(settings: Settings) -> Iterator[Finding]:
    """The agencies' files can be read, and their secrets are in the environment. Nobody is asked anything."""
    if settings.connectors is None:
        yield Finding("connectors", "none: the bot cannot see applications at agencies, and says so")
        return
    try:
        topics = frozenset(load(settings.catalogue, settings.catalogue_overlay).topics)
        found = load_connectors(settings.connectors, os.environ, topics)
    except CatalogueError:
        return  # said above
    except ConnectorError as error:
        yield Finding("connectors", "; ".join(error.problems), "correct these files (docs/connectors.md)")
        return
    yield Finding("connectors", ", ".join(one.agency for one in found) or f"no file in {settings.connectors}")


def _who(_: Settings) -> Iterator[Finding]:
    """Root is possible, but not needed."""
    yield Finding("account", "root; PostgreSQL runs as an account of its own" if os.geteuid() == 0 else "not root")


CHECKS: tuple[Check, ...] = (_who, _set_up, _home, _files, _database, _catalogue, _connectors, _model, _processes)

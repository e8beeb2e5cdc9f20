"""`python -m handoff run`: one Wajah on one machine. What its processes are, and in which order they come and go.

    postgres (unless DATABASE_URL) → migrations, the example office → web → worker, actions → model → rasa

The page is served before the bot is there: a question asked meanwhile waits, or goes to an officer. Only the very first
model is trained before the page opens.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from handoff.embedded import SUPERUSER, Cluster, EmbeddedError
from handoff.home import DatabaseUrls, Home, HomeError
from handoff.journal import Journal
from handoff.model import Model, ModelError, environment, rasa
from handoff.processes import beat_probe, free_port, http_probe
from handoff.settings import REPOSITORY, Settings
from handoff.store import revisions
from handoff.supervisor import Child, ChildNotReady, Program, Supervisor, end_leftovers

DATABASE_PATIENCE = 600.0  # seconds; a recovery after a power cut must not be interrupted, it would begin again
WEB_PATIENCE = 60.0
BEAT_SECONDS = 10.0
TRAINING_ATTEMPTS = 3
OLDEST_POSTGRESQL = 16
_HERE = {"cwd": REPOSITORY}


class StartError(Exception):
    """Wajah cannot start, or cannot go on; the text is one sentence that says what to do."""


def run(settings: Settings, echo: bool = False) -> None:
    """Runs everything until SIGTERM, SIGINT or SIGHUP; `echo` shows the children's lines too. Raises `StartError`."""
    _check_facts(settings)
    home = Home(settings.home)
    try:
        with home.locked():
            end_leftovers(home.state)
            _check_port(settings.port)
            asyncio.run(_House(settings, home, echo).live())
    except (HomeError, EmbeddedError, ChildNotReady) as error:
        raise StartError(str(error)) from error


class _House:
    """One run: made inside the lock, lives once."""

    _supervisor: Supervisor

    def __init__(self, settings: Settings, home: Home, echo: bool) -> None:
        self._settings = settings
        self._home = home
        self._journal = Journal(home.logs, echo)
        self._urls = DatabaseUrls.of(settings)
        self._actions_port = settings.actions_port or free_port()
        self._actions_url = f"http://127.0.0.1:{self._actions_port}"
        self._rasa_port = settings.rasa_port or free_port()

    async def live(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        self._supervisor = Supervisor(self._home.state, self._journal)
        opening = asyncio.create_task(self._open())
        stopping = asyncio.create_task(_either(stop, self._supervisor.broken))
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                await opening
            await stopping
        finally:
            self._journal.event("stopping")
            for task in (opening, stopping):
                task.cancel()
            await asyncio.wait((opening, stopping))
            await self._supervisor.stop()
            self._journal.event("stopped")
            self._journal.close()

    async def _open(self) -> None:
        await self._open_database()
        await self._check_keys()  # before a training, which takes a minute
        if self._settings.own_rasa and Model(self._home.models).newest() is None:
            await self._model()  # the very first: a page before it would turn every question into a case
        self._supervisor.start(self._web())
        await self._supervisor.until_ready("web", WEB_PATIENCE)
        self._supervisor.note(port=self._settings.port, address=self._settings.base_url)
        self._journal.show(f"Wajah is open: {self._settings.base_url}/   officers: {self._settings.base_url}/petugas")
        self._supervisor.start(self._worker())
        self._supervisor.start(self._actions())
        if self._settings.own_rasa:
            model = await self._model()
            if model is not None:
                self._supervisor.start(self._rasa(model))

    async def _open_database(self) -> None:
        if self._settings.database_url is None:
            if not self._home.cluster.data.exists():
                self._journal.event("making a PostgreSQL cluster", "postgres")
            # Raises at once what a restart of the child would only repeat.
            for folder in await asyncio.to_thread(self._home.cluster.prepare):
                self._journal.event(f"other accounts may now pass through {folder} (chmod o+x)", "postgres")
            self._supervisor.start(postgres_child(self._home.cluster))
            await self._supervisor.until_ready("postgres", DATABASE_PATIENCE)
            await asyncio.to_thread(self._home.cluster.ensure_roles)
        seen = await asyncio.to_thread(_look, self._urls)
        if seen.revision != revisions.newest():
            from handoff.store import migrate

            self._journal.event("migrating the database")
            await asyncio.to_thread(migrate.upgrade, self._urls.owner)
        if not seen.has_office:
            await self._seed()

    async def _seed(self) -> None:
        from handoff.services.people.seed import seed_example

        self._journal.event("making the example office")
        people = await asyncio.to_thread(seed_example, replace(self._settings, database_url=self._urls.app))
        if people:
            self._journal.show("One-time passwords of the example office, shown only now:")
        for person in people:
            login, password = person["login"], person["one_time_password"]
            self._journal.show(f"  {login:<24} {password:<20} {person['role']}, {person['name']} ({person['unit']})")

    async def _check_keys(self) -> None:
        from handoff.store import db, keys

        engine = db.engine(self._urls.app, pool_size=1)
        try:
            missing = await keys.missing_keys(engine, self._settings)
        finally:
            await engine.dispose()
        if missing:
            raise StartError(
                f"The database was written with the data key {', '.join(missing)}, which WAJAH_DATA_KEYS (or "
                f"{self._home.path / 'secrets.json'}) lacks; add it, without it nothing written there can be read."
            )

    async def _model(self) -> Path | None:
        """The model to serve, trained if need be. A training that fails leaves the bot with the model before it."""
        model = Model(self._home.models)
        for attempt in range(TRAINING_ATTEMPTS):
            if model.path.exists():
                return model.path
            self._journal.event("training the model" + (f", attempt {attempt + 1}" if attempt else ""), "train")
            model.begin()
            code = await self._supervisor.run_to_end(Program(
                name="train", command=model.training_command(), environment=environment(), options=_HERE
            ))
            try:
                return model.accept()
            except ModelError:
                self._journal.event(f"training failed, see {self._journal.path('train')}", "train")
            if code >= 0:  # it ended by itself: the same again would end the same
                break
        older = model.newest()
        then = f"serving the older {older.name}" if older else "no bot: officers get every question"
        self._journal.event(then, "rasa")
        return older

    def _web(self) -> Child:
        port = self._settings.port
        return Child(
            name="web", command=_handoff("serve"), environment=self._gateway_environment(), options=_HERE,
            probe=http_probe(port, "/healthz"), port=port,
        )

    def _worker(self) -> Child:
        beat = self._home.beat
        return Child(
            name="worker", command=_handoff("worker"), environment=self._gateway_environment(), options=_HERE,
            probe=beat_probe(beat, BEAT_SECONDS), prepare=lambda: beat.unlink(missing_ok=True),
            stop_patience=8.0,  # longer than its running jobs have to end (handoff/jobs.py)
        )

    def _actions(self) -> Child:
        port = self._actions_port
        return Child(
            name="actions", command=(sys.executable, "-m", "actions"), options=_HERE,
            environment=environment(**self._internal(), WAJAH_ACTIONS_PORT=str(port), SANIC_HOST="127.0.0.1"),
            probe=http_probe(port, "/health"), port=port, stop_stage=1, stop_patience=3.0,
        )

    def _rasa(self, model: Path) -> Child:
        port = self._rasa_port
        return Child(
            name="rasa", command=rasa("run", "--model", str(model), "--interface", "127.0.0.1", "--port", str(port),
                                      "--endpoints", "endpoints.yml", "--credentials", "credentials.yml"),
            environment=environment(**self._internal(), WAJAH_RASA_PORT=str(port), WAJAH_ACTIONS_URL=self._actions_url),
            options=_HERE, probe=http_probe(port, "/webhooks/gateway/"), port=port,
            start_grace=180.0, stop_stage=1, stop_patience=3.0,
        )

    def _internal(self) -> dict[str, str]:
        return {
            "WAJAH_INTERNAL_URL": f"http://127.0.0.1:{self._settings.port}",
            "WAJAH_INTERNAL_TOKEN": self._settings.internal_token,
        }

    def _gateway_environment(self) -> dict[str, str]:
        """Everything we were given but the owner's address: only migrations may change the schema."""
        given = {name: value for name, value in os.environ.items() if name != "WAJAH_OWNER_DATABASE_URL"}
        rasa_url = f"http://127.0.0.1:{self._rasa_port}" if self._settings.own_rasa else self._settings.rasa_url
        ours = {"WAJAH_HOME": str(self._home.path), "DATABASE_URL": self._urls.app, "RASA_URL": rasa_url,
                "WAJAH_ACTIONS_URL": self._actions_url, "PYTHONUNBUFFERED": "1"}
        return given | ours


def postgres_child(cluster: Cluster) -> Child:
    """The embedded PostgreSQL as a child; `cluster` must have been prepared once."""
    url = cluster.url(SUPERUSER, "postgres")

    async def answers() -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(url) as connection:
                await connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    options = cluster.process_options()
    return Child(
        name="postgres", command=tuple(cluster.command()), environment=options.pop("env"), options=options,
        probe=answers, prepare=cluster.prepare, start_grace=DATABASE_PATIENCE, stop_stage=2, stop_patience=4.0,
        stop_signal=signal.SIGINT, hurry_signal=signal.SIGQUIT, orphan_signal=signal.SIGINT,
    )


async def _either(stop: asyncio.Event, broken: asyncio.Future[None]) -> None:
    """Returns when told to stop; raises what broke the supervisor."""
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait((waiting, asyncio.ensure_future(broken)), return_when=asyncio.FIRST_COMPLETED)
    if broken.done():
        broken.result()


def _handoff(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "handoff", command)


def _check_port(port: int) -> None:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("0.0.0.0", port))
            candidate.listen(1)
        except OSError as error:
            raise StartError(f"Port {port} cannot be used ({error.strerror}); free it, or set WAJAH_PORT.") from None


@dataclass(frozen=True)
class _Seen:
    """What the database holds before we touch it."""

    revision: str | None
    has_office: bool


def _check_facts(settings: Settings) -> None:
    """Raises `StartError` with every mistake in the catalogue and the connectors: no process would start with one."""
    from handoff.catalogue import CatalogueError, load
    from handoff.connectors import ConnectorError
    from handoff.connectors import load as load_connectors

    try:
        topics = load(settings.catalogue, settings.catalogue_overlay).topics
        load_connectors(settings.connectors, os.environ, frozenset(topics))
    except (CatalogueError, ConnectorError) as error:
        raise StartError(f"Nothing was started, as these files have mistakes:\n{error}") from None


def _look(urls: DatabaseUrls) -> _Seen:
    """Looks into the database. Blocking. Raises `StartError` when it cannot be reached or is too old."""
    try:
        with psycopg.connect(urls.app, connect_timeout=5):
            pass
        with psycopg.connect(urls.owner, connect_timeout=5) as connection:
            release = connection.info.server_version // 10000
            revision = revisions.present(connection)
            row = connection.execute("SELECT EXISTS (SELECT FROM offices)").fetchone() if revision else None
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise StartError(f"The database that DATABASE_URL names cannot be reached: {reason[0].strip()}") from None
    except psycopg.ProgrammingError as error:  # an address that is none
        raise StartError(f"DATABASE_URL is not understood: {str(error).strip()}") from None
    if release < OLDEST_POSTGRESQL:
        raise StartError(f"PostgreSQL {release} is too old; Wajah needs {OLDEST_POSTGRESQL} or newer.")
    return _Seen(revision, bool(row and row[0]))

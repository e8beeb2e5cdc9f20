"""`WAJAH_HOME`: what lies where in it, and who is running in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handoff.embedded import APP_ROLE, OWNER_ROLE, Cluster
from handoff.settings import Settings


class HomeError(Exception):
    """The home cannot be used as asked; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Home:
    """The folders and files of one home."""

    path: Path

    @property
    def run(self) -> Path:
        """What belongs to the running instance."""
        return self.path / "run"

    @property
    def state(self) -> Path:
        """The supervisor's state file (`handoff.supervisor.Supervisor`)."""
        return self.run / "state.json"

    @property
    def beat(self) -> Path:
        """The file the worker touches while it is well."""
        return self.run / "worker.beat"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.path / "logs"

    @property
    def models(self) -> Path:
        """Trained models."""
        return self.path / "models"

    @property
    def cluster(self) -> Cluster:
        """The embedded PostgreSQL."""
        return Cluster(self.path)

    def make(self) -> None:
        """Creates the folders; raises `HomeError` when that is not possible."""
        try:
            for folder, mode in ((self.run, 0o755), (self.logs, 0o700), (self.models, 0o755)):
                folder.mkdir(mode, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(f"WAJAH_HOME {self.path} is not writable: {error.strerror}.") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds this home for the length of the block; raises `HomeError` when somebody else holds it.

        The kernel lets go of the lock when the holder dies, however it dies; the file's content is only for people.
        """
        self.make()
        with open(self.run / "lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise HomeError(f"Wajah is already running in {self.path} (process {holder}).") from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def held(self) -> bool:
        """Whether an instance holds this home now."""
        try:
            with open(self.run / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


@dataclass(frozen=True)
class DatabaseUrls:
    """Where the database is: for migrations (`owner`) and for everything else (`app`)."""

    owner: str
    app: str

    @classmethod
    def of(cls, settings: Settings) -> DatabaseUrls:
        """The addresses `settings` names, else those of the embedded PostgreSQL, whether it runs or not."""
        if settings.database_url:
            return cls(settings.owner_database_url or settings.database_url, settings.database_url)
        cluster = Home(settings.home).cluster
        return cls(cluster.url(OWNER_ROLE), cluster.url(APP_ROLE))


@contextlib.contextmanager
def reachable_database(settings: Settings) -> Iterator[DatabaseUrls]:
    """The database, for a command that may be called with or without a running Wajah. Blocking.

    The embedded PostgreSQL is the running instance's, or runs for the length of the block. Raises `HomeError`,
    `handoff.embedded.EmbeddedError`.
    """
    home = Home(settings.home)
    if settings.database_url or home.held():
        yield DatabaseUrls.of(settings)
        return
    with home.locked(), home.cluster.running():
        yield DatabaseUrls.of(settings)

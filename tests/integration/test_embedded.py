"""The embedded PostgreSQL itself: where it lives, what it keeps, and what its roles may do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from handoff.embedded import APP_ROLE, OWNER_ROLE, Cluster, EmbeddedError


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wajah-", dir="/tmp") as folder:
        yield Path(folder)


def ask(cluster: Cluster, question: str, role: str = APP_ROLE) -> object:
    with psycopg.connect(cluster.url(role)) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def test_a_home_with_a_long_path_has_its_socket_elsewhere_and_private(folder: Path) -> None:
    cluster = Cluster(folder / ("panjang" * 20), throw_away=True)
    with cluster.running():
        assert cluster.socket_folder.parent == Path("/tmp")
        assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
        assert ask(cluster, "SELECT current_user") == APP_ROLE
    assert cluster.socket_folder != Cluster(folder / ("lain" * 40)).socket_folder
    cluster.socket_folder.rmdir()


def test_somebody_elses_socket_folder_is_refused(folder: Path) -> None:
    cluster = Cluster(folder / ("panjang" * 20), throw_away=True)
    cluster.socket_folder.symlink_to(folder)
    try:
        with pytest.raises(EmbeddedError, match="belongs to somebody else"):
            cluster.prepare()
    finally:
        cluster.socket_folder.unlink()


def test_a_start_cut_short_while_initialising_begins_afresh(folder: Path) -> None:
    draft = folder / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    cluster = Cluster(folder, throw_away=True)
    with cluster.running():
        assert ask(cluster, "SELECT 1") == 1
    assert not draft.exists()


def test_a_cluster_keeps_its_release_and_its_data(folder: Path) -> None:
    old = Cluster(folder, release=16, throw_away=True)
    with old.running(), psycopg.connect(old.url(OWNER_ROLE)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Sariyem' AS name")
    with Cluster(folder, release=18, throw_away=True).running() as cluster:
        assert str(ask(cluster, "SHOW server_version")).startswith("16.")
        assert ask(cluster, "SELECT name FROM kept", OWNER_ROLE) == "Sariyem"


def test_a_cluster_of_an_unknown_release_is_refused(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 14"):
        Cluster(folder).prepare()


@pytest.mark.parametrize(
    ("role", "question", "answer"),
    [
        (APP_ROLE, "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user", False),
        (OWNER_ROLE, "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user", False),
        (APP_ROLE, "SELECT has_schema_privilege('public', 'CREATE')", False),
        (OWNER_ROLE, "SELECT has_schema_privilege('public', 'CREATE')", True),
        (APP_ROLE, "SHOW fsync", "on"),
        (APP_ROLE, "SHOW listen_addresses", ""),
        (APP_ROLE, "SHOW data_checksums", "on"),
    ],
)
def test_the_roles_and_the_server_are_as_careful_as_they_should_be(
    durable: Cluster, role: str, question: str, answer: object
) -> None:
    assert ask(durable, question, role) == answer


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="wajah-", dir="/tmp") as folder, Cluster(Path(folder)).running() as cluster:
        yield cluster


def test_no_row_and_no_statement_reaches_the_log(durable: Cluster) -> None:
    with psycopg.connect(durable.url(OWNER_ROLE), autocommit=True) as connection:
        connection.execute("CREATE TABLE words (word text UNIQUE CHECK (word <> 'buruk'))")
        connection.execute("INSERT INTO words VALUES ('rahasia')")
        for word in ("rahasia", "buruk"):
            with pytest.raises(psycopg.IntegrityError):
                connection.execute(f"INSERT INTO words VALUES ('{word}')")
            with pytest.raises(psycopg.IntegrityError):
                connection.execute("INSERT INTO words VALUES (%s)", [word])
    log = (durable.home / "postgres.log").read_text()
    assert "words_word" in log  # the error itself is there
    assert "rahasia" not in log
    assert "buruk" not in log

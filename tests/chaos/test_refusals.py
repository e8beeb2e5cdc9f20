"""What `python -m handoff run` cannot start on: one sentence that says what to do, and a status that is not 0."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from handoff.home import DatabaseUrls, Home
from handoff.processes import free_port
from handoff.settings import REPOSITORY, Settings, new_secrets
from handoff.store.migrate import upgrade


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="wajah-", dir="/tmp") as folder:
        yield {"PATH": os.environ["PATH"], "WAJAH_HOME": folder, "WAJAH_PORT": str(free_port())}


def refusal(environment: dict[str, str], command: str = "run") -> str:
    """The sentence with which the command refuses."""
    done = subprocess.run([sys.executable, "-m", "handoff", command], cwd=REPOSITORY, env=environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout
    return done.stderr


def processes_of(home: str) -> list[psutil.Process]:
    """Every process that names this home."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if home in f"{process.cmdline()} {process.environ()}":
                found.append(process)
    return found


def test_mistakes_in_the_catalogue_and_the_connectors_are_named_before_anything_is_started(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "kami.yml").write_text("topics: {ktp_hilang: {fee: {amount: gratis}}}")
    named = "kami.yml: ktp_hilang: fee.amount: "
    for variable, mistake in (("WAJAH_CATALOGUE", named), ("WAJAH_CONNECTORS", "kami.yml: ")):
        done = subprocess.run([sys.executable, "-m", "handoff", "run"], cwd=REPOSITORY, capture_output=True, text=True,
                              env=environment | {variable: str(tmp_path)}, timeout=60)
        assert done.returncode == 1
        first, *problems = done.stderr.splitlines()
        assert first.startswith("wajah: Nothing was started")
        assert mistake in problems[0]
        assert "Traceback" not in done.stderr + done.stdout
        assert not (Path(environment["WAJAH_HOME"]) / "postgres").exists()


def test_a_second_instance_on_the_same_home(environment: dict[str, str]) -> None:
    with Home(Path(environment["WAJAH_HOME"])).locked():
        assert f"already running in {environment['WAJAH_HOME']} (process {os.getpid()})" in refusal(environment)


def test_a_busy_port(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", int(environment["WAJAH_PORT"])))
        taken.listen()
        assert f"Port {environment['WAJAH_PORT']} cannot be used" in refusal(environment)
    assert not (Path(environment["WAJAH_HOME"]) / "postgres").exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://wajah:geheim@127.0.0.1:1/wajah", "cannot be reached"),
        ("postgresql://wajah@nowhere.invalid/wajah", "cannot be reached"),
        ("mysql://wajah@localhost/wajah", "DATABASE_URL is not understood"),
    ],
)
def test_a_database_that_cannot_be_used(environment: dict[str, str], url: str, sentence: str) -> None:
    said = refusal(environment | {"DATABASE_URL": url})
    assert sentence in said
    assert "geheim" not in said


def test_a_data_folder_that_is_none(environment: dict[str, str]) -> None:
    folder = Path(environment["WAJAH_HOME"]) / "postgres"
    folder.mkdir()
    (folder / "photo.jpg").touch()
    assert "is not a PostgreSQL data folder" in refusal(environment)


def test_a_home_that_is_none(environment: dict[str, str]) -> None:
    assert "cannot be used" in refusal(environment | {"WAJAH_HOME": "/dev/null"})


def test_a_key_that_the_home_lacks(environment: dict[str, str]) -> None:
    settings = Settings.from_env(environment)
    home = Home(settings.home)
    with home.locked(), home.cluster.running():
        urls = DatabaseUrls.of(settings)
        upgrade(urls.owner)
        with psycopg.connect(urls.owner) as connection:
            connection.execute(
                "INSERT INTO data_keys (id, kek_id, wrapped, created_at)"
                " VALUES (gen_random_uuid(), 'k2024', 'x', now()), (gen_random_uuid(), %s, 'x', now())",
                [settings.data_keys[0][0]],
            )
    said = refusal(environment)
    assert "data key k2024, which WAJAH_DATA_KEYS" in said
    assert processes_of(environment["WAJAH_HOME"]) == []
    named = new_secrets()["WAJAH_DATA_KEYS"]
    assert f"data key {', '.join(sorted(['k2024', settings.data_keys[0][0]]))}," in refusal(
        environment | {"WAJAH_DATA_KEYS": named}
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_of_production_without_its_secrets(environment: dict[str, str], command: str) -> None:
    said = refusal(environment | {"DATABASE_URL": "postgresql://db/wajah"}, command)
    assert "WAJAH_SECRET_KEY and WAJAH_DATA_KEYS are required" in said

"""Faults are normal: children killed and hung, the supervisor killed, a clean end. Small real processes stand in for
Wajah's own; PostgreSQL is PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from handoff.home import Home
from handoff.processes import created
from handoff.supervisor import end_leftovers
from tests.support.small_house import small_house
from tests.support.waiting import until


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="wajah-", dir="/tmp") as folder:
        yield Home(Path(folder))


@pytest.mark.parametrize("name", ["page", "beats", "postgres"])
def test_a_killed_child_is_back_and_ready(home: Home, name: str) -> None:
    with small_house(home, name) as house:
        first = house.until_ready(name)
        os.kill(first, signal.SIGKILL)
        second = house.until_ready(name, restarts=1)
        assert second != first
        assert "signal SIGKILL" in house.log()


@pytest.mark.parametrize("name", ["page", "beats"])
def test_a_child_that_hangs_is_killed_and_back(home: Home, name: str) -> None:
    with small_house(home, name) as house:
        first = house.until_ready(name)
        os.kill(first, signal.SIGSTOP)
        assert house.until_ready(name, restarts=1) != first
        assert "no answer for" in house.log()


def test_a_killed_database_keeps_what_was_committed(home: Home) -> None:
    with small_house(home, "postgres") as house:
        first = house.until_ready("postgres")
        url = home.cluster.url("postgres", "postgres")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('kasus')")
            connection.commit()
            os.kill(first, signal.SIGKILL)
        house.until_ready("postgres", restarts=1)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchall() == [("kasus",)]


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_clean(home: Home) -> None:
    names = ("page", "beats", "stubborn", "postgres")
    with small_house(home, *names) as house:
        for name in names:
            house.until_ready(name)
        family = house.family()
        assert len(family) > len(names)  # PostgreSQL has processes of its own
        house.process.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
    with small_house(home, *names) as house:
        for name in names:
            house.until_ready(name)


def test_children_that_outlived_a_killed_supervisor_are_ended_by_the_next(home: Home) -> None:
    home.make()
    heard = home.path / "heard"
    # Says which signal it got. Its exit status would not do: who of psutil and Popen collects it is a matter of luck.
    script = f"trap 'echo TERM > {heard}; exit' TERM; echo ready; while :; do sleep 0.02; done"
    stranger = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert stranger.stdout
    assert stranger.stdout.readline() == b"ready\n"
    children = {
        "outlived": {"pid": stranger.pid, "created": created(stranger.pid), "orphan_signal": signal.SIGTERM},
        "reused": {"pid": os.getpid(), "created": 1.0, "orphan_signal": signal.SIGKILL},
    }
    home.state.write_text(json.dumps({"pid": 1, "children": children}))
    end_leftovers(home.state)
    assert heard.read_text() == "TERM\n"  # and this test, whose pid stood there as well, lives
    stranger.communicate(timeout=5)
    assert not home.state.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_everything_ends_in_order_within_15_seconds(home: Home, number: signal.Signals) -> None:
    with small_house(home, "page", "stubborn", "postgres") as house:
        for name in ("page", "stubborn", "postgres"):
            house.until_ready(name)
        family = house.family()
        began = time.monotonic()
        house.process.send_signal(number)
        assert house.process.wait(15) == 0
        assert time.monotonic() - began < 15
        assert [process for process in family if process.is_running()] == []
        assert not home.state.exists()
        stops = re.findall(r"(\w+) +\| stopped", house.log())
        assert set(stops) == {"page", "stubborn", "postgres"}
        assert stops[-1] == "postgres"
    assert not (home.cluster.data / "postmaster.pid").exists()  # a clean shutdown, nothing to recover


def test_a_child_that_fails_at_once_is_tried_again_ever_more_slowly(home: Home) -> None:
    with small_house(home, "fails", "page") as house:
        until(lambda: house.child("fails")["restarts"] >= 4)
        delays = re.findall(r"restart \d+, after ([\d.]+) s", house.log())
        assert delays[:4] == ["0.25", "0.5", "1", "2"]
        assert "ended by itself, status 3" in house.log()
        assert house.child("page")["restarts"] == 0


def test_a_helper_left_behind_by_a_child_goes_with_it(home: Home) -> None:
    with small_house(home, "helped") as house:
        first = house.until_ready("helped")
        helper = until(lambda: psutil.Process(first).children())[0]
        os.kill(first, signal.SIGKILL)
        helper.wait(10)
        house.until_ready("helped", restarts=1)


def test_a_terminal_that_reads_nothing_stops_nobody(home: Home) -> None:
    with small_house(home, "talks", "beats", stdout=subprocess.PIPE) as house:  # the pipe is never read
        first = house.until_ready("beats")
        house.until_ready("talks")
        until(lambda: any(home.logs.glob("talks.log.*")), what="far more output than a pipe holds, and rotated")
        os.kill(first, signal.SIGKILL)
        house.until_ready("beats", restarts=1)
        assert house.child("talks")["restarts"] == 0


def test_a_pid_file_that_names_a_stranger_does_not_keep_the_database_down(home: Home) -> None:
    with small_house(home, "postgres") as house:
        house.until_ready("postgres")
    (home.cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{home.cluster.data}\n0\n5432\n\n\n0 0\n")
    with small_house(home, "postgres") as house:
        house.until_ready("postgres")

"""The whole of Wajah under the same faults as the small house: nothing stays down, nothing stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from handoff.settings import REPOSITORY
from tests.support.house import House, running_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house() as house:
        house.until_ready()
        yield house


def test_the_first_run_prints_the_address_and_each_officers_password(house: House) -> None:
    assert house.url.removeprefix("http://127.0.0.1") in house.output
    roles = {login.role for login in house.logins}
    assert {"officer", "head", "supervisor", "data_officer", "auditor", "admin"} <= roles
    logs = "".join(file.read_text() for file in house.home.logs.iterdir())
    assert house.logins[0].password not in logs


@pytest.mark.parametrize("name", ["web", "worker", "actions", "rasa", "postgres"])
def test_a_killed_part_is_back_and_ready(house: House, name: str) -> None:
    house.until_back(name, house.kill(name))
    house.until_ready()


def test_a_hung_page_is_back(house: House) -> None:
    house.until_back("web", house.kill("web", signal.SIGSTOP), seconds=60)
    house.until_ready()


def test_the_doctor_finds_everything_well(house: House) -> None:
    doctor = subprocess.run([sys.executable, "-m", "handoff", "doctor"], cwd=REPOSITORY, env=house.environment,
                            capture_output=True, text=True)
    assert doctor.returncode == 0, doctor.stdout
    assert "FAIL" not in doctor.stdout


def test_no_part_of_the_bot_knows_a_key_or_the_database(house: House) -> None:
    for name in ("rasa", "actions"):
        environment = psutil.Process(house.children[name]["pid"]).environ()
        assert not {"DATABASE_URL", "WAJAH_SECRET_KEY", "WAJAH_DATA_KEYS", "WAJAH_HOME"} & set(environment)
        assert environment["WAJAH_INTERNAL_TOKEN"]


def test_only_the_page_listens_beyond_this_machine(house: House) -> None:
    listening = {
        name: [c.laddr.ip for c in psutil.Process(child["pid"]).net_connections() if c.status == psutil.CONN_LISTEN]
        for name, child in house.children.items()
    }
    assert listening.pop("web") == ["0.0.0.0"]
    assert {ip for addresses in listening.values() for ip in addresses} == {"127.0.0.1"}


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_soon_complete(house: House) -> None:
    family = house.family()
    house.process.kill()
    house.process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    house.start()
    house.until_ready()


def test_ctrl_c_stops_everything_within_15_seconds(house: House) -> None:
    family = house.family()
    began = time.monotonic()
    assert house.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert [process for process in family if process.is_running()] == []
    assert not house.home.state.exists()

"""The whole of Wajah, looked at from outside. What it survives is in test_p01_kill.py, what its supervisor does in
test_supervisor.py."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil

from handoff.settings import REPOSITORY
from tests.support.house import House


def test_the_first_run_prints_the_address_and_each_officers_password(patient: House) -> None:
    assert patient.url.removeprefix("http://127.0.0.1") in patient.output
    roles = {login.role for login in patient.logins}
    assert {"officer", "head", "supervisor", "data_officer", "auditor", "admin"} <= roles
    logs = "".join(file.read_text() for file in patient.home.logs.iterdir())
    assert patient.logins[0].password not in logs


def test_a_hung_page_is_back(patient: House) -> None:
    patient.until_back("web", patient.kill("web", signal.SIGSTOP), seconds=60)
    patient.until_ready()


def test_the_doctor_finds_everything_well(patient: House) -> None:
    doctor = subprocess.run([sys.executable, "-m", "handoff", "doctor"], cwd=REPOSITORY, env=patient.environment,
                            capture_output=True, text=True)
    assert doctor.returncode == 0, doctor.stdout
    assert "FAIL" not in doctor.stdout


def test_no_part_of_the_bot_knows_a_key_or_the_database(patient: House) -> None:
    for name in ("rasa", "actions"):
        environment = psutil.Process(patient.children[name]["pid"]).environ()
        assert not {"DATABASE_URL", "WAJAH_SECRET_KEY", "WAJAH_DATA_KEYS", "WAJAH_HOME"} & set(environment)
        assert environment["WAJAH_INTERNAL_TOKEN"]


def test_only_the_page_listens_beyond_this_machine(patient: House) -> None:
    listening = {
        name: [c.laddr.ip for c in psutil.Process(child["pid"]).net_connections() if c.status == psutil.CONN_LISTEN]
        for name, child in patient.children.items()
    }
    assert listening.pop("web") == ["0.0.0.0"]
    assert {ip for addresses in listening.values() for ip in addresses} == {"127.0.0.1"}

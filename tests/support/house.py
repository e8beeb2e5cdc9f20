"""The whole of Wajah as a citizen meets it: `python -m handoff run` in a home of its own, real Rasa and all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from handoff.home import Home
from handoff.model import Model
from handoff.processes import free_port
from handoff.settings import REPOSITORY
from handoff.supervisor import end_leftovers
from tests.support.waiting import until

MODELS = REPOSITORY / ".wajah" / "models"  # where `make run` and `make train` keep theirs: trained once for all
RASA_SECONDS = 180.0
_LOGIN = re.compile(r"\|\s+([\w.]+)\s+([\w-]+)\s+(officer|supervisor|head|inspector|data_officer|auditor|admin), (.+)")


@dataclass(frozen=True)
class Login:
    """An example officer, as the first run prints them."""

    login: str
    password: str
    role: str
    who: str


@dataclass
class House:
    """A Wajah that runs, or ran; `start` may be called again after an end."""

    home: Home
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it printed, over all starts."""
        return (self.home.path / "output").read_text()

    @property
    def logins(self) -> list[Login]:
        """The example officers with the one-time passwords of the first run."""
        return [Login(*found) for found in _LOGIN.findall(self.output)]

    @property
    def children(self) -> dict[str, dict[str, Any]]:
        """The state file's children, by name."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.home.state.read_text())["children"])
        return {}

    @property
    def ready(self) -> dict[str, str]:
        """What `/readyz` says; empty while nothing answers. To read certificates for each look (`verify`) takes longer
        than the look."""
        try:
            return dict(httpx.get(f"{self.url}/readyz", timeout=5, verify=False).json())
        except (httpx.HTTPError, ValueError):
            return {}

    def family(self) -> list[psutil.Process]:
        """Every process of it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def until_open(self, seconds: float = 120.0) -> None:
        """Waits until the page is served."""
        until(lambda: self._alive() and self.ready, seconds, "the page is served")

    def until_ready(self, seconds: float = RASA_SECONDS) -> None:
        """Waits until every part is ready."""
        until(lambda: self._alive() and set(self.ready.values()) == {"ok"}, seconds, "every part is ready")

    def until_back(self, name: str, restarts: int, seconds: float = RASA_SECONDS) -> None:
        """Waits until the child is ready after so many restarts."""
        def back() -> bool:
            child = self.children.get(name, {"ready": False, "restarts": 0})
            return bool(self._alive() and child["ready"] and child["restarts"] >= restarts)

        until(back, seconds, f"{name} is back")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signals one child; the number of restarts after which it is back."""
        child = until(lambda: (found := self.children.get(name)) and found["pid"] and found, 30, f"{name} runs")
        os.kill(child["pid"], number)
        return int(child["restarts"]) + 1

    def start(self) -> None:
        """Starts it (again)."""
        self.process = _start(self.home, self.environment)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Tells it to end and waits; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def _alive(self) -> bool:
        assert self.process.poll() is None, f"Wajah ended:\n{self.output}"
        return True


def trained_model() -> Path:
    """The model for the present data, trained now if there is none."""
    MODELS.mkdir(parents=True, exist_ok=True)
    with open(MODELS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Model(MODELS).train()


@contextlib.contextmanager
def running_house(**environment: str) -> Iterator[House]:
    """A running Wajah with its own database, ports and example office; all of it is gone afterwards. With `RASA_URL` it
    brings no Rasa of its own."""
    model = None if "RASA_URL" in environment else trained_model()
    with tempfile.TemporaryDirectory(prefix="wajah-", dir="/tmp") as folder:
        home = Home(Path(folder))
        home.make()
        if model is not None:
            shutil.copy(model, home.models)
        port = free_port()
        ours = ("WAJAH_", "DATABASE_URL", "RASA_URL")
        given = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        given |= {"WAJAH_HOME": folder, "WAJAH_PORT": str(port), **environment}
        house = House(home, port, given, _start(home, given))
        try:
            yield house
        finally:
            if house.process.poll() is None:
                house.stop(seconds=30)
            end_leftovers(home.state)


def _start(home: Home, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with open(home.path / "output", "ab") as output:
        return subprocess.Popen([sys.executable, "-m", "handoff", "run"], cwd=REPOSITORY, env=environment,
                                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

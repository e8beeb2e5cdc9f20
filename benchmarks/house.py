"""A Wajah of our own to measure, in a fresh home, with the rate limits lifted."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from handoff.settings import Settings
from tests.support.house import House as TestHouse
from tests.support.house import Login, running_house

NO_LIMITS = {"WAJAH_RATE_CONVERSATION": "1000000/1000000", "WAJAH_RATE_ADDRESS": "1000000/1000000"}


@dataclass(frozen=True)
class House:
    """Where its parts are."""

    port: int
    rasa_port: int
    settings: Settings
    processes: dict[str, psutil.Process]
    logins: list[Login]

    @property
    def web(self) -> psutil.Process:
        """The web process."""
        return self.processes["web"]

    def spent(self) -> dict[str, float]:
        """Seconds of processor time that each process has used so far, PostgreSQL's with all its connections."""
        return {name: sum(map(_seconds, [process, *process.children(recursive=True)]))
                for name, process in self.processes.items()}


@contextlib.contextmanager
def running() -> Iterator[House]:
    """A Wajah that is ready; gone afterwards. As many files may be open as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running_house(**NO_LIMITS) as house:  # under the limits it would have without us
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        house.until_ready()
        yield _parts(house)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _parts(house: TestHouse) -> House:
    settings = Settings.from_env({"WAJAH_HOME": str(house.home.path), "WAJAH_PORT": str(house.port)})
    children = house.children
    processes = {name: psutil.Process(child["pid"]) for name, child in children.items()}
    return House(house.port, int(children["rasa"]["port"]), settings, processes, house.logins)


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system
    return 0.0

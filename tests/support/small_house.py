"""A supervisor over small real processes: `python -m tests.support.small_house <home> <child> …`.

The children are as real as Wajah's own: a web server, a process that beats, one that ignores SIGTERM, one that fails
at once, one that talks without end, one that leaves a helper behind, and the embedded PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from handoff.home import Home
from handoff.journal import Journal
from handoff.processes import beat_probe, free_port, http_probe
from handoff.settings import REPOSITORY
from handoff.supervisor import Child, Supervisor, end_leftovers
from tests.support.waiting import until

BEATS = "import pathlib, sys, time\nwhile True: pathlib.Path(sys.argv[1]).touch(); time.sleep(0.1)"
STUBBORN = "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + BEATS
TALKS = "import pathlib, sys\nwhile True: pathlib.Path(sys.argv[1]).touch(); print('x' * 1000, flush=True)"
LEAVES_A_HELPER = "import subprocess\nsubprocess.Popen(['sleep', '1000'])\n" + BEATS


def children(home: Home, names: list[str]) -> Iterator[Child]:
    """The specifications of the named children."""
    for name in names:
        beat = home.run / f"{name}.beat"

        def beating(code: str, name: str = name, beat: Path = beat, **more: Any) -> Child:
            return Child(name=name, command=(sys.executable, "-c", code, str(beat)), environment=dict(os.environ),
                         probe=beat_probe(beat, 1.0), prepare=lambda: beat.unlink(missing_ok=True), hung_after=1.5,
                         **more)

        match name:
            case "page":
                port = free_port()
                yield Child(name=name, command=(sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"),
                            environment=dict(os.environ), options={"cwd": home.run}, probe=http_probe(port, "/"),
                            port=port, hung_after=1.5)
            case "beats":
                yield beating(BEATS)
            case "stubborn":
                yield beating(STUBBORN, stop_patience=1.0)
            case "talks":
                yield beating(TALKS)
            case "helped":
                yield beating(LEAVES_A_HELPER)
            case "fails":
                yield beating("raise SystemExit(3)")
            case "postgres":
                yield postgres(home)


def postgres(home: Home) -> Child:
    """The embedded PostgreSQL as `handoff.run` starts it."""
    from handoff.run import postgres_child

    home.cluster.prepare()
    return postgres_child(home.cluster)


async def live(home: Home, names: list[str]) -> None:
    """Keeps the children alive until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    journal = Journal(home.logs, echo=True)
    supervisor = Supervisor(home.state, journal)
    for child in children(home, names):
        supervisor.start(child)
    await stop.wait()
    await supervisor.stop()
    journal.close()


@dataclass(frozen=True)
class SmallHouse:
    """The test's view of such a house, running in a process of its own."""

    process: subprocess.Popen[bytes]
    home: Home

    @property
    def state(self) -> dict[str, Any]:
        """The state file, empty while there is none."""
        try:
            return dict(json.loads(self.home.state.read_text()))
        except FileNotFoundError:
            return {}

    def child(self, name: str) -> dict[str, Any]:
        """What the state file says of one child."""
        return {"pid": None, "ready": False, "restarts": 0, **self.state.get("children", {}).get(name, {})}

    def until_ready(self, name: str, restarts: int = 0, seconds: float = 30.0) -> int:
        """Waits until the child is ready after so many restarts; its pid."""
        until(lambda: self.child(name)["ready"] and self.child(name)["restarts"] >= restarts, seconds, f"{name} ready")
        return int(self.child(name)["pid"])

    def family(self) -> list[psutil.Process]:
        """Every process under the supervisor, children's children included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def log(self) -> str:
        """The supervisor's own log."""
        return (self.home.logs / "wajah.log").read_text()


@contextlib.contextmanager
def small_house(home: Home, *names: str, stdout: int = subprocess.DEVNULL) -> Iterator[SmallHouse]:
    """A running small house; whatever the test left of it is ended afterwards."""
    home.make()
    command = [sys.executable, "-m", "tests.support.small_house", str(home.path), *names]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=stdout)
    try:
        yield SmallHouse(process, home)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        end_leftovers(home.state)


if __name__ == "__main__":
    house = Home(Path(sys.argv[1]))
    with house.locked():
        end_leftovers(house.state)
        asyncio.run(live(house, sys.argv[2:]))

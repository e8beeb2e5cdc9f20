"""Keeps child processes alive: starts, probes and restarts them, and takes them along when it ends.

Each child is a process group of its own, so a Ctrl-C in the terminal reaches only the supervisor, which then stops them
in order. On Linux the kernel ends them when the supervisor is killed with -9 (`PR_SET_PDEATHSIG`); elsewhere, and for
whatever is still ending, the next start reads the process ids from the state file and waits until they are gone.

The mechanism knows no particular child: what Wajah consists of stands in `handoff/run.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from handoff.journal import Journal
from handoff.processes import Probe, created, end_with_parent, exit_text, is_same, signal_group

PROBE_SECONDS = 3.0  # a probe that takes longer has failed
PROBE_EVERY_STARTING = 0.1
PROBE_EVERY = 1.0
STEADY_SECONDS = 60.0  # a child that was ready for so long starts its backoff afresh
FIRST_DELAY, LONGEST_DELAY = 0.25, 10.0
HURRY_SECONDS = 2.0
LINE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to start, and how."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)  # further arguments of `subprocess.Popen`
    orphan_signal: signal.Signals = signal.SIGKILL  # what it gets when the supervisor is gone


@dataclass(frozen=True, kw_only=True)
class Child(Program):
    """A program to keep alive. Times in seconds."""

    probe: Probe
    start_grace: float = 30.0  # how long it may take until its first successful probe
    hung_after: float = 15.0  # once ready, how long it may answer no probe before it is killed
    stop_stage: int = 0  # lower stages are stopped first, and have ended before the next begins
    stop_patience: float = 5.0  # how long it may take to end by itself
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals = signal.SIGKILL  # when it did not end in time
    prepare: Callable[[], object] | None = None  # blocking, before every start
    port: int | None = None  # only told in the state file


class ChildNotReady(Exception):
    """A child that was waited for did not become ready in time."""


def delay_after(failures: int) -> float:
    """Seconds until a child that has failed so often in a row is started again. A child may fail for days: the power
    is bounded before it is taken, as no float holds 2 to the 1024th."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures - 1, 10)))


class _Keeper:
    """The life of one child: the current process, how it does, and the task that looks after it."""

    task: asyncio.Task[None]

    def __init__(self, child: Child, supervisor: Supervisor) -> None:
        self.child = child
        self.restarts = 0
        self.pid: int | None = None
        self.created: float | None = None
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()
        self._supervisor = supervisor

    async def keep(self) -> None:
        failures = 0
        while True:
            steady = await self._one_life()
            if self.stopping.is_set():
                return
            failures = 1 if steady else failures + 1
            delay = delay_after(failures)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), delay)
                return
            self.restarts += 1
            self._tell(f"restart {self.restarts}, after {delay:g} s")

    async def _one_life(self) -> bool:
        """Runs the process until it ends or must end. True when it had been ready for long."""
        try:
            if self.child.prepare:
                await asyncio.to_thread(self.child.prepare)
            process, pump = await self._supervisor.spawn(self.child)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is told, and tried again later
            self._tell(f"cannot start: {error}")
            return False
        self.pid, self.created = process.pid, created(process.pid)
        self._tell(f"started, pid {process.pid}")
        began = time.monotonic()
        exited = asyncio.create_task(process.wait())
        watching = asyncio.create_task(self._watch())
        asked_to_stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({exited, watching, asked_to_stop}, return_when=asyncio.FIRST_COMPLETED)
            if exited.done():
                self._tell(f"ended by itself, {exit_text(exited.result())}")
            elif watching.done():
                self._tell(f"killed: {watching.result()}")
                signal_group(process.pid, signal.SIGKILL)
            else:
                await self._stop(process, exited)
            await exited
            return time.monotonic() - began >= STEADY_SECONDS + self.child.start_grace
        finally:
            watching.cancel()
            asked_to_stop.cancel()
            signal_group(process.pid, signal.SIGKILL)  # helpers it left, or itself when this task is cancelled
            self.ready.clear()
            self.pid = self.created = None
            self._supervisor.write_state()
            await _finish(pump)

    async def _watch(self) -> str:
        """Probes the running process; returns why it must be killed."""
        began = time.monotonic()
        answered: float | None = None
        while True:
            healthy = await self._answers()
            now = time.monotonic()
            if healthy and answered is None:
                self._tell(f"ready after {now - began:.1f} s")
            if healthy != self.ready.is_set():
                self.ready.set() if healthy else self.ready.clear()
                self._supervisor.write_state()
            if healthy:
                answered = now
            elif answered is None and now - began > self.child.start_grace:
                return f"not ready within {self.child.start_grace:g} s"
            elif answered is not None and now - answered > self.child.hung_after:
                return f"no answer for {now - answered:.0f} s"
            await asyncio.sleep(PROBE_EVERY_STARTING if answered is None else PROBE_EVERY)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self.child.probe()
        except (OSError, EOFError, ValueError):  # refused, timed out, cut off, or not an answer at all
            return False

    async def _stop(self, process: asyncio.subprocess.Process, exited: asyncio.Task[int]) -> None:
        polite, hurry = (self.child.stop_signal, self.child.stop_patience), (self.child.hurry_signal, HURRY_SECONDS)
        for number, patience in (polite, hurry, (signal.SIGKILL, HURRY_SECONDS)):
            signal_group(process.pid, number)
            done, _ = await asyncio.wait({exited}, timeout=patience)
            if done:
                self._tell(f"stopped, {exit_text(exited.result())}")
                return
            self._tell(f"did not stop within {patience:g} s of {number.name}")

    def _tell(self, text: str) -> None:
        self._supervisor.tell(self.child.name, text)


class Supervisor:
    """Keeps children alive until `stop`. One per home; must run in the process's main thread.

    The state file says, as JSON: the supervisor's pid, and for each child its pid, port, restarts and readiness.
    `broken` gets an exception when the supervisor itself has a fault; its owner must then stop.
    """

    def __init__(self, state: Path, journal: Journal) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._state = state
        self._journal = journal
        self._keepers: dict[str, _Keeper] = {}
        self._facts: dict[str, object] = {"pid": os.getpid(), "created": created(os.getpid())}

    def start(self, child: Child) -> None:
        """Begins to keep `child` alive."""
        keeper = _Keeper(child, self)
        self._keepers[child.name] = keeper
        keeper.task = asyncio.create_task(keeper.keep(), name=f"keep {child.name}")
        keeper.task.add_done_callback(self._note_fault)

    async def until_ready(self, name: str, patience: float) -> None:
        """Waits until the child `name` answers its probe; raises `ChildNotReady` after `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._keepers[name].ready.wait()
        except TimeoutError:
            raise ChildNotReady(f"{name} is not ready after {patience:g} s; see {self._journal.path(name)}.") from None

    async def run_to_end(self, program: Program) -> int:
        """Runs a program that ends by itself and returns its exit status; it ends with the caller's task."""
        process, pump = await self.spawn(program)
        try:
            return await process.wait()
        finally:
            signal_group(process.pid, signal.SIGKILL)
            await _finish(pump)

    async def stop(self) -> None:
        """Stops all children, stage after stage, and removes the state file."""
        for stage in sorted({keeper.child.stop_stage for keeper in self._keepers.values()}):
            keepers = [keeper for keeper in self._keepers.values() if keeper.child.stop_stage == stage]
            for keeper in keepers:
                keeper.stopping.set()
            await asyncio.gather(*(keeper.task for keeper in keepers), return_exceptions=True)
        self._state.unlink(missing_ok=True)

    def note(self, **facts: object) -> None:
        """Adds facts about the whole to the state file."""
        self._facts |= facts
        self.write_state()

    def tell(self, name: str, text: str) -> None:
        """Logs one event of the child `name`, and brings the state file up to date."""
        self._journal.event(text, name)
        self.write_state()

    def write_state(self) -> None:
        """Writes the state file, so that a reader sees the old one or the new one, never a part."""
        children = {
            name: {
                "pid": keeper.pid, "created": keeper.created, "port": keeper.child.port, "restarts": keeper.restarts,
                "ready": keeper.ready.is_set(), "orphan_signal": int(keeper.child.orphan_signal),
            }
            for name, keeper in self._keepers.items()
        }
        draft = self._state.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk must not end the children
            draft.write_text(json.dumps({**self._facts, "children": children}, indent=1))
            draft.replace(self._state)

    async def spawn(self, program: Program) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
        """Starts one process of `program`; its output goes to the journal by the task returned with it."""
        reading, writing = os.pipe()
        try:
            options = {"env": dict(program.environment), **program.options}
            process = await asyncio.create_subprocess_exec(
                *program.command, stdin=asyncio.subprocess.DEVNULL, stdout=writing, stderr=writing,
                start_new_session=True, preexec_fn=end_with_parent(program.orphan_signal), **options,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return process, asyncio.create_task(self._pump(program.name, reading))

    async def _pump(self, name: str, reading: int) -> None:
        # A pipe of our own: `Process.wait` would otherwise also wait for whoever inherited the pipe.
        lines = asyncio.StreamReader(limit=LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            while True:
                try:
                    line = await lines.readline()
                except ValueError:  # a line over the limit is dropped, the stream goes on
                    continue
                if not line:
                    return
                self._journal.line(name, line.decode(errors="replace").rstrip())
        finally:
            transport.close()

    def _note_fault(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() and not self.broken.done():
            self.broken.set_exception(task.exception() or RuntimeError())


def end_leftovers(state: Path, patience: float = 10.0) -> None:
    """Ends the children of a supervisor that was killed, and waits until they are gone. Blocking.

    Call it only while holding the home's lock: then no supervisor of that home is alive.
    """
    try:
        children = json.loads(state.read_text())["children"].values()
    except (FileNotFoundError, ValueError, KeyError):
        return
    alive = []
    for child in children:
        with contextlib.suppress(psutil.Error):
            if child["pid"] and is_same(child["pid"], child["created"]):
                process = psutil.Process(child["pid"])
                process.send_signal(child["orphan_signal"])
                alive.append(process)
    _, stubborn = psutil.wait_procs(alive, timeout=patience)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)
    state.unlink(missing_ok=True)


async def _finish(pump: asyncio.Task[None]) -> None:
    """Lets the last lines through; a stranger that holds the pipe open does not hold us."""
    await asyncio.wait({pump}, timeout=1.0)
    pump.cancel()

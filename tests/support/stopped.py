"""Processes that stand still, and proof that somebody waits for them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.house import House
from tests.support.waiting import until


@contextlib.contextmanager
def stopped(house: House, *names: str) -> Iterator[None]:
    """The children stand still for the length of the block; one that is killed meanwhile stays so."""
    pids = [house.children[name]["pid"] for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def until_asked(house: House, asked: str, asking: str, seconds: float = 10.0) -> None:
    """Waits until the stopped child `asked` has a request of the child `asking` that it has not read."""
    port, client = int(house.children[asked]["port"]), psutil.Process(house.children[asking]["pid"])

    def unread() -> bool:
        callers = {c.laddr.port for c in client.net_connections("tcp4") if c.raddr and c.raddr.port == port}
        return any(local == port and remote in callers and waiting for local, remote, waiting in _sockets())

    until(unread, seconds, f"{asking} asks {asked}")


def _sockets() -> Iterator[tuple[int, int, int]]:
    """Local port, remote port and unread bytes of every TCP socket (proc(5): /proc/net/tcp)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        yield int(fields[1].split(":")[1], 16), int(fields[2].split(":")[1], 16), int(fields[4].split(":")[1], 16)

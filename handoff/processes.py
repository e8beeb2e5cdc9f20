"""Small tools about operating-system processes and ports, and the probes that tell whether one is well."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

Probe = Callable[[], Awaitable[bool]]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent(number: int) -> Callable[[], None] | None:
    """A `preexec_fn`: the kernel sends the child signal `number` when the thread that started it is gone.

    Linux only; None elsewhere. `subprocess` calls it after changing the account, which would clear the setting. A
    `preexec_fn` may hang when another thread held a lock at the fork; this one takes none: it makes two system calls.
    """
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return in_child


def signal_group(leader: int, number: int) -> None:
    """Signals every process of a group; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def created(pid: int) -> float | None:
    """When the process began, in seconds since the epoch; None when there is none (any more)."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def is_same(pid: int, began: float) -> bool:
    """Whether `pid` is still the process that began then. The clock may have been set right by seconds since."""
    now = created(pid)
    return now is not None and abs(now - began) < 5


def http_probe(port: int, path: str, host: str = "127.0.0.1") -> Probe:
    """A probe: `GET path` answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()

    async def probe() -> bool:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request)
            return (await reader.readline()).split()[1:2] == [b"200"]
        finally:
            writer.transport.abort()

    return probe


def beat_probe(path: Path, seconds: float) -> Probe:
    """A probe: the file was touched within the last `seconds`."""

    async def probe() -> bool:
        return abs(time.time() - path.stat().st_mtime) <= seconds

    return probe


def free_port() -> int:
    """A free port of 127.0.0.1 for a child's whole life; raises `OSError` when there is none.

    Below the range that Linux gives to outgoing connections, so that none of them sits there when the child restarts.
    """
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port between 20000 and 32000")


def exit_text(code: int) -> str:
    """A `subprocess` return code in words."""
    return f"status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

"""Pictures and documents are opened in a process of its own, with little memory and time, and without our secrets: two
kilobytes can hold a document that takes a gigabyte to open, and what opens them is a large library in C.

`python -m handoff.services.attachments.workshop <media type>` is that process: the file comes in and goes out clean.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from handoff.services.attachments.metadata import strip
from handoff.services.errors import ServiceError, TooLarge, Unprocessable
from handoff.settings import REPOSITORY

log = logging.getLogger(__name__)

MEMORY_BYTES = 800 << 20  # the largest photo that we take needs two thirds of it
CPU_SECONDS = 20
SECONDS = 40.0
AT_ONCE = 2             # in this process: others wait, and hold up no thread that somebody else needs
_HANDS = ThreadPoolExecutor(AT_ONCE, "files")
_EXITS: dict[int, type[ServiceError]] = {3: TooLarge, 4: Unprocessable}


async def by_hand[T](work: Callable[..., T], *given: object) -> T:
    """What is slow about a file, off the event loop: at most `AT_ONCE` at once."""
    return await asyncio.get_running_loop().run_in_executor(_HANDS, partial(work, *given))


def cleaned(content: bytes, mime: str) -> bytes:
    """`metadata.strip` at arm's length; blocking. Raises `TooLarge`, `Unprocessable`."""
    if not (mime.startswith("image/") or mime == "application/pdf"):
        return strip(content, mime)
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, mime], input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=False, timeout=SECONDS, cwd=REPOSITORY, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise Unprocessable() from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode not in _EXITS:  # out of memory or time, or worse
        log.warning("a file (%s) could not be opened within its bounds: exit %s", mime, done.returncode)
    raise _EXITS.get(done.returncode, Unprocessable)()


def _bound() -> None:
    with contextlib.suppress(OSError):  # where memory runs out all the same, this goes first
        Path("/proc/self/oom_score_adj").write_text("1000")
    for what, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS),
                       (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


def main(mime: str) -> int:
    """Standard input without its metadata to standard output; the exit status says why not."""
    _bound()
    try:
        clean = strip(sys.stdin.buffer.read(), mime)
    except ServiceError as refusal:
        return next(code for code, kind in _EXITS.items() if isinstance(refusal, kind))
    sys.stdout.buffer.write(clean)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

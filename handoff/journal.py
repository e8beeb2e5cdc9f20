"""What the supervisor and its children say: one file a child under `WAJAH_HOME/logs`, rotated, and standard output.

Standard output goes through a bounded queue and a thread of its own: a terminal held with Ctrl-S, or a pager that
reads no further, must neither keep the supervisor from restarting a child nor from ending. What does not fit is only
in the files.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 5_000_000
OLD_FILES = 3
_QUEUED_LINES = 2000
_SUPERVISOR = "wajah"


class Journal:
    """Writes lines under a name; `echo` mirrors the children's lines to standard output, events always go there."""

    def __init__(self, folder: Path, echo: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        logging.raiseExceptions = False  # a full disk costs a line, not the supervisor
        self._folder = folder
        self._echo = echo
        self._files: dict[str, logging.Handler] = {}
        self._lines: queue.Queue[str] = queue.Queue(_QUEUED_LINES)
        threading.Thread(target=self._print, name="standard output", daemon=True).start()

    def path(self, name: str) -> Path:
        """The file that holds the lines of `name`."""
        return self._folder / f"{name}.log"

    def event(self, text: str, name: str = _SUPERVISOR) -> None:
        """One thing that happened to `name`."""
        self._write(_SUPERVISOR, name, text)
        self._enqueue(name, text)

    def show(self, text: str) -> None:
        """Text for the person at the terminal only: addresses, one-time passwords. It is in no file."""
        for line in text.splitlines():
            self._enqueue(_SUPERVISOR, line)

    def line(self, name: str, text: str) -> None:
        """One line that the child `name` wrote."""
        self._write(name, name, text)
        if self._echo:
            self._enqueue(name, text)

    def close(self, patience: float = 1.0) -> None:
        """Shows what is queued, for at most `patience` seconds, and closes the files."""
        deadline = time.monotonic() + patience
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        for handler in self._files.values():
            handler.close()

    def _write(self, file: str, name: str, text: str) -> None:
        if file not in self._files:
            handler = RotatingFileHandler(self.path(file), maxBytes=FILE_BYTES, backupCount=OLD_FILES, delay=True)
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)-9s| %(message)s"))
            self._files[file] = handler
        self._files[file].handle(logging.LogRecord(name, logging.INFO, "", 0, text, None, None))

    def _enqueue(self, name: str, text: str) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{time.strftime('%H:%M:%S')} {name:<9}| {text}\n")

    def _print(self) -> None:
        # Not `sys.stdout`: its lock, held by a write that waits for the terminal, would keep Python from ending.
        screen = sys.stdout.fileno()
        while True:
            rest = self._lines.get().encode(errors="replace")
            with contextlib.suppress(OSError):  # closed: the files go on
                while rest:
                    rest = rest[os.write(screen, rest):]
            self._lines.task_done()

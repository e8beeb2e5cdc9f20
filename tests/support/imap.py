"""A real IMAP server on this machine (`pymap`), and a Maildir such as a mail server fills."""

from __future__ import annotations

import contextlib
import imaplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from handoff.processes import free_port
from tests.support.waiting import until

USER, PASSWORD = "pantulan", "kata:sandi/surel"
_RUN = "import sys; sys.argv[0] = 'pymap'; from pymap.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Post:
    """A mailbox that mail comes back to: what `BOUNCES_URL` says, how a mail arrives, how many nobody has seen."""

    url: str
    arrives: Callable[[bytes], object]
    waiting: Callable[[], int]


def maildir(folder: Path) -> Post:
    """A Maildir."""
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)

    def arrives(raw: bytes) -> None:
        mail = folder / "tmp" / uuid4().hex
        mail.write_bytes(raw)
        mail.rename(folder / "new" / mail.name)

    def waiting() -> int:
        files = [*(folder / "new").iterdir(), *(folder / "cur").iterdir()]
        return sum("S" not in file.name.partition(":2,")[2] for file in files)

    return Post(f"maildir://{quote(str(folder))}", arrives, waiting)


@contextlib.contextmanager
def imap() -> Iterator[Post]:
    """A server with one account, on loopback and without TLS."""
    port = free_port()
    command = [sys.executable, "-c", _RUN, "--no-service", "managesieve", "--host", "127.0.0.1", "--port", str(port),
               "--no-tls", "dict", "--demo-user", USER, "--demo-password", PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def entered() -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", port, timeout=20) as server:
            server.login(USER, PASSWORD)
            server.select("INBOX")
            yield server

    def arrives(raw: bytes) -> None:
        with entered() as server:
            assert server.append("INBOX", "", "", raw)[0] == "OK"

    def waiting() -> int:
        with entered() as server:
            return len(server.uid("SEARCH", "UNSEEN")[1][0].split())

    def listening() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        assert process.poll() is None, "the IMAP server ended"
        return False

    try:
        until(listening, 60, "the IMAP server")
        yield Post(f"imap://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/INBOX", arrives, waiting)
    finally:
        process.terminate()
        process.wait(20)

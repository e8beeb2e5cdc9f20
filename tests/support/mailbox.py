"""A real SMTP server on this machine: what it took, and addresses that it refuses."""

from __future__ import annotations

import contextlib
import email
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller


@dataclass
class Mailbox:
    """`refusals`: what the server says to a recipient, for example `{"a@b.id": "550 no such user"}`."""

    url: str
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """SMTP's RCPT TO."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """SMTP's DATA."""
        message = cast(EmailMessage, email.message_from_bytes(envelope.content, policy=default))
        self.received.extend((address, message) for address in envelope.rcpt_tos)
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        """What came for this address."""
        return [message for recipient, message in self.received if recipient == address]


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A running server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box = Mailbox(f"smtp://127.0.0.1:{port}")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

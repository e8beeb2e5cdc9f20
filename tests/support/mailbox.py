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
from aiosmtpd.smtp import SMTP, Envelope


@dataclass
class Mailbox:
    """`dsn`: it can be asked to report what becomes of a mail; `refusals`: what the server says to a recipient, for
    example `{"a@b.id": "550 no such user"}`."""

    url: str
    dsn: bool = False
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """SMTP's EHLO."""
        session.host_name = hostname
        return [responses[0], *(["250-DSN"] if self.dsn else []), *responses[1:]]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """SMTP's RCPT TO."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options = options
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """SMTP's DATA."""
        message = cast(EmailMessage, email.message_from_bytes(envelope.content, policy=default))
        self.envelopes.append(envelope)
        self.received.extend((address, message) for address in envelope.rcpt_tos)
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        """What came for this address."""
        return [message for recipient, message in self.received if recipient == address]


class _Reporting(SMTP):
    """A server that takes what asks for reports (RFC 3461)."""

    def _getparams(self, params: Any) -> dict[str, Any] | None:
        known = super()._getparams([one for one in params if one.partition("=")[0] not in ("RET", "ENVID", "NOTIFY")])
        return cast("dict[str, Any] | None", known)


class _Controller(Controller):
    def factory(self) -> SMTP:
        """What speaks SMTP."""
        return _Reporting(self.handler, **self.SMTP_kwargs)


@contextlib.contextmanager
def mailbox(*, dsn: bool = False) -> Iterator[Mailbox]:
    """A running server on a free port; `dsn`: one that can be asked to report what becomes of a mail."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box = Mailbox(f"smtp://127.0.0.1:{port}", dsn=dsn)
    controller = (_Controller if dsn else Controller)(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

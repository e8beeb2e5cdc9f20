"""E-mail (P7): what `notices` put into the outbox, sent through the office's own mail server (`SMTP_URL`).

The words are made here, from what is true at that moment, and never repeat a citizen's. News for one person about
several cases is one mail. What the server refuses for good is recorded as undeliverable and nothing more goes there;
what it refuses for now is tried again, later each time. What comes back later is read by `services.post.bounces`; the
envelope's id, `Message-ID` and return address say which mail it was, by an id that tells nobody else anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.case import cases
from handoff.services.post import bounces, notices, operators
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal
from handoff.store.schema import cases as case_table
from handoff.store.schema import citizens, contacts, officers, units
from handoff.store.schema_clocks import mails

log = logging.getLogger(__name__)

AT_ONCE = 200
TIMEOUT_SECONDS = 20.0
#: How long a mail that is being sent is nobody else's; after a crash it is sent again. A round ends well before.
CLAIMED = timedelta(minutes=5)
ROUND = timedelta(minutes=2)
#: When to try again, after the first, second … failure; the last one is repeated until `TRIES`.
AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
TRIES = 12
PERMANENT = 500  # SMTP reply codes from here on mean "do not try again"


@dataclass(frozen=True)
class Due:
    """Outbox rows that are one mail to one person, claimed."""

    rows: Sequence[Row[Any]]

    def __str__(self) -> str:
        return str(self.ids[0])

    @property
    def ids(self) -> list[UUID]:
        """The rows' ids; the first one is the mail's own."""
        return [row.id for row in self.rows]

    @property
    def contact_id(self) -> UUID | None:
        """The citizen's address; None for an officer."""
        found: UUID | None = self.rows[0].contact_id
        return found


@dataclass(frozen=True)
class Letter:
    """What a mail says. `to` is None for who is gone."""

    id: UUID
    to: str | None
    subject: str
    text: str


class Refused(Exception):
    """The server does not take it; `permanent` when trying again is of no use."""

    def __init__(self, reason: str, permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.permanent = reason[:200], permanent


class Unreachable(Refused):
    """There is no server now: the other mails need not try."""


async def send_due(runtime: Runtime) -> int:
    """Send what is due. Returns how many mails the server took. Safe to run by several at once."""
    if runtime.settings.smtp_url is None:
        return 0
    due = await _claim(runtime)
    if not due:
        return 0
    post = _Post(runtime, asyncio.get_running_loop().time() + ROUND.total_seconds())
    try:
        return await each(due, post.send, "mail %s could not be sent")
    finally:
        post.close()


@dataclass
class _Post:
    """One round with one connection. What it has not come to when the round `ends` is given back, for the claim holds
    only so long; when there is no server, everything is tried again later."""

    runtime: Runtime
    ends: float
    server: aiosmtplib.SMTP | None = None
    away: Unreachable | None = None

    async def send(self, due: Due) -> bool:
        """Send one; whether the server took it."""
        if asyncio.get_running_loop().time() >= self.ends:
            await _give_back(self.runtime, due)
            return False
        try:
            if self.away is not None:
                raise self.away
            letter = await _letter(self.runtime, due)
            if letter.to is None:
                await _settle(self.runtime, due, "failed", "no address")
                return False
            await _send(self.runtime, await self._connected(), letter)
        except Refused as refusal:
            await _not_taken(self.runtime, due, refusal)
            return False
        await _settle(self.runtime, due, "sent")
        return True

    async def _connected(self) -> aiosmtplib.SMTP:
        if self.server is None or not self.server.is_connected:
            try:
                self.server = await _connect(self.runtime)
            except Unreachable as away:
                self.away = away
                raise
        return self.server

    def close(self) -> None:
        if self.server is not None:
            self.server.close()


async def _claim(runtime: Runtime) -> list[Due]:
    """The due rows, one mail a person; for a while they are nobody else's."""
    at = runtime.clock()
    async with db.statement(runtime.pool) as connection:
        due = (
            select(mails.c.id).where(mails.c.state == "pending", mails.c.next_try_at <= at)
            .order_by(mails.c.next_try_at).limit(AT_ONCE).with_for_update(skip_locked=True)
        )
        rows = (await connection.execute(
            update(mails).where(mails.c.id.in_(due)).values(attempts=mails.c.attempts + 1, next_try_at=at + CLAIMED)
            .returning(mails)
        )).all()
    groups: dict[Any, list[Row[Any]]] = {}
    for row in sorted(rows, key=lambda one: one.created_at):
        about = row.case_id if row.contact_id is not None else row.case_id is not None
        groups.setdefault((row.officer_id, row.contact_id, about), []).append(row)
    return [Due(group) for group in groups.values()]


async def _letter(runtime: Runtime, due: Due) -> Letter:
    """The words. Raises `Refused` when they cannot be made now."""
    first = due.rows[0]
    try:
        async with db.transaction(runtime.pool) as connection:
            if first.case_id is None:
                to, subject, text = await _for_operator(runtime, connection, first.officer_id)
            elif first.officer_id is not None:
                to, subject, text = await _for_officer(runtime, connection, due.rows)
            else:
                to, subject, text = await _for_citizen(runtime, connection, due.rows)
    except db.DatabaseAway:
        raise
    except Exception as error:
        log.exception("mail %s could not be written", first.id)
        raise Refused(f"{type(error).__name__}: it could not be written", permanent=False) from error
    return Letter(first.id, to, subject, text)


async def _for_officer(
    runtime: Runtime, connection: AsyncConnection, group: Sequence[Row[Any]]
) -> tuple[str | None, str, str]:
    officer = (await connection.execute(select(officers).where(officers.c.id == group[0].officer_id))).one()
    rows = (await connection.execute(
        select(mails, case_table.c.number, units.c.zone).join(case_table, case_table.c.id == mails.c.case_id)
        .join(units, units.c.id == case_table.c.unit_id)
        .where(mails.c.id.in_([row.id for row in group])).order_by(mails.c.created_at, mails.c.due_at)
    )).all()
    lines = dict.fromkeys(notices.said(runtime, row) for row in rows)
    numbers = list(dict.fromkeys(row.number for row in rows))
    base = runtime.settings.base_url
    url = f"{base}/petugas/kasus/{numbers[0]}" if len(numbers) == 1 else f"{base}/petugas/kabar"
    subject = runtime.texts.say("mail.officer_subject", numbers=numbers)
    text = runtime.texts.say("mail.officer", officer=officer, lines=lines, url=url)
    return officer.email if officer.active else None, subject, text


async def _for_operator(
    runtime: Runtime, connection: AsyncConnection, officer_id: UUID
) -> tuple[str | None, str, str]:
    """What is wrong with the installation now; nothing any more is said too."""
    officer = (await connection.execute(
        select(officers, units.c.zone).join(units, units.c.id == officers.c.unit_id).where(officers.c.id == officer_id)
    )).one()
    said = {"officer": officer, "stops": await operators.stops_in(connection)}
    subject = runtime.texts.say("mail.operator_subject", **said)
    return officer.email if officer.active else None, subject, runtime.texts.say("mail.operator", **said)


async def _for_citizen(
    runtime: Runtime, connection: AsyncConnection, group: Sequence[Row[Any]]
) -> tuple[str | None, str, str]:
    contact = (await connection.execute(
        select(contacts, citizens.c.data_key_id).join(citizens, citizens.c.id == contacts.c.citizen_id)
        .where(contacts.c.id == group[0].contact_id)
    )).one()
    facts = await cases.load(connection, group[0].case_id)
    lines = dict.fromkeys(runtime.texts.say(f"mail.news.{row.kind}", **facts.said()) for row in group)
    subject = runtime.texts.say("mail.citizen_subject", number=facts.row.number)
    text = runtime.texts.say("mail.citizen", lines=lines, url=cases.url_of(runtime, facts))
    try:
        data_key = await runtime.keyring.open(connection, contact.data_key_id)
    except ContentGone:
        return None, subject, text  # erased at the citizen's wish
    to = unseal(data_key, contact.id, contact.value_enc).decode()
    return to if contact.refused_at is None else None, subject, text


def is_here(host: str) -> bool:
    """Whether the name is this machine's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _connect(runtime: Runtime) -> aiosmtplib.SMTP:
    parts = urlsplit(runtime.settings.smtp_url or "")
    tls, open_to_all = parts.scheme == "smtps", parts.password is not None and not is_here(parts.hostname or "")
    server = aiosmtplib.SMTP(
        hostname=parts.hostname, port=parts.port or (465 if tls else 25), use_tls=tls,
        start_tls=True if open_to_all and not tls else None,  # a password goes to no other machine in the open
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None, timeout=TIMEOUT_SECONDS,
    )
    try:
        await server.connect()
        if server.is_ehlo_or_helo_needed:  # what it can do decides what it is asked for
            with contextlib.suppress(aiosmtplib.SMTPHeloError):
                await server.ehlo()
    except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
        raise Unreachable(f"{type(error).__name__}: the mail server cannot be reached", permanent=False) from error
    return server


async def _send(runtime: Runtime, server: aiosmtplib.SMTP, letter: Letter) -> None:
    message, letter_id = EmailMessage(), letter.id
    message["From"] = runtime.settings.smtp_from
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = runtime.clock()
    # The same mail sent twice after a crash is recognised as one.
    message["Message-ID"] = f"<{letter_id}@{runtime.settings.smtp_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    try:
        dsn = server.supports_extension("dsn")  # asked to report a failure under our id, with headers only (RFC 3461)
        await server.send_message(
            message, sender=_return_path(runtime, letter_id),
            mail_options=["RET=HDRS", f"ENVID={letter_id}"] if dsn else None,
            rcpt_options=["NOTIFY=FAILURE"] if dsn else None,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        code = error.recipients[0].code
        raise Refused(f"{code}: the address is refused", permanent=code >= PERMANENT) from error
    except aiosmtplib.SMTPResponseException as error:
        raise Refused(f"{error.code}: the mail is refused", permanent=error.code >= PERMANENT) from error
    except ValueError as error:  # an address that is none
        raise Refused("the address is malformed", permanent=True) from error
    except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
        raise Refused(f"{type(error).__name__}: the mail server went away", permanent=False) from error


def _return_path(runtime: Runtime, letter_id: UUID) -> str | None:
    """The address that returned mail comes back to, if it has one of its own: one that names the letter."""
    local, at, domain = runtime.settings.bounces_address.rpartition("@")
    return f"{local}+{letter_id.hex}{at}{domain}" if at else None


async def _not_taken(runtime: Runtime, due: Due, refusal: Refused) -> None:
    """Try again later; or give up, and tell the officer that this citizen cannot be reached so."""
    attempts = max(row.attempts for row in due.rows)
    if not refusal.permanent and attempts < TRIES:
        later = runtime.clock() + AGAIN[min(attempts, len(AGAIN)) - 1]
        await _update(runtime, due, next_try_at=later, refusal=refusal.reason)
        return
    await _settle(runtime, due, "undeliverable" if refusal.permanent else "failed", refusal.reason)
    if due.contact_id is not None:
        async with db.transaction(runtime.pool) as connection:
            await bounces.unreached(
                runtime, connection, due.rows[0].case_id, due.contact_id, permanent=refusal.permanent
            )


async def _give_back(runtime: Runtime, due: Due) -> None:
    """Not tried at all: somebody else may, now."""
    await _update(runtime, due, next_try_at=runtime.clock(), attempts=mails.c.attempts - 1)


async def _settle(runtime: Runtime, due: Due, state: str, reason: str | None = None) -> None:
    await _update(runtime, due, state=state, refusal=reason, settled_at=runtime.clock(), letter_id=due.ids[0])
    if state != "sent":
        log.warning("mail %s was not delivered: %s", due.ids[0], reason)


async def _update(runtime: Runtime, due: Due, **columns: Any) -> None:
    async with db.statement(runtime.pool) as connection:
        await connection.execute(update(mails).where(mails.c.id.in_(due.ids)).values(**columns))

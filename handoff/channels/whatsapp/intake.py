"""Everything that Meta posts is stored before it is acknowledged.

A message becomes the conversation's next one; a status a row of its own; the rest an event. Each item is its own
transaction: one that fails is kept as an event with its whole content, and the others are not held up.
"""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import addresses, media, outcome, pacing, payload, sending, settling, ties
from handoff.channels.whatsapp.claiming import carried_by
from handoff.channels.whatsapp.outcome import Verdict
from handoff.channels.whatsapp.payload import (
    Cards,
    Content,
    Fault,
    Item,
    Media,
    Message,
    Notice,
    NumberChanged,
    Place,
    Reaction,
    Status,
    Tap,
    Text,
    Unread,
    Unreadable,
    UserIdChanged,
)
from handoff.services.errors import Conflict, NotFound, Unprocessable
from handoff.services.runtime import Runtime
from handoff.services.talk import answers as answers_service
from handoff.services.talk import inbox
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.crypto import seal_json
from handoff.store.schema import answers, conversations, outbox
from handoff.store.schema_whatsapp import whatsapp_events, whatsapp_sends, whatsapp_statuses

log = logging.getLogger(__name__)

UP, DOWN = "\U0001f44d", "\U0001f44e"  # thumbs, whatever the colour of the hand


async def take_in(runtime: Runtime, body: bytes) -> Counter[str]:
    """Store every item of a delivery, whose signature was right; how many of each kind. Safe to run twice.

    Raises `DatabaseAway` (or the pool's timeout) when something could not be stored: Meta must send it again.
    """
    counts: Counter[str] = Counter()
    items = _items(body)
    for item in items:
        try:
            counts[await _take(runtime, item)] += 1
        except db.DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - our own fault; what came is kept, the others go on
            last = traceback.extract_tb(error.__traceback__)[-1]  # not the message: it may hold a citizen's words
            log.error("a WhatsApp item is kept unread: %s at %s:%s", type(error).__name__, last.filename, last.lineno)
            whose = await _whose(runtime, item)
            counts[await _keep(runtime, "failed", type(error).__name__, item.raw, conversation_id=whose)] += 1
    with contextlib.suppress(db.DatabaseAway):  # everything is stored, nothing has to come again
        for number_id, came in Counter(item.number_id for item in items if isinstance(item, Message)).items():
            if _is_ours(runtime, number_id):
                await pacing.came_in(runtime, number_id, came)
    return counts


async def _whose(runtime: Runtime, item: Item) -> UUID | None:
    """The conversation that a failed item belongs to, as far as even that can be found out."""
    if isinstance(item, Message) and _is_ours(runtime, item.number_id):
        with contextlib.suppress(Exception):
            return await addresses.whose(runtime, item)
    return None


def _items(body: bytes) -> list[Item]:
    """What is no JSON, or nested so deeply that it cannot be written again, is kept as it came."""
    try:
        given = json.loads(body)
        json.dumps(given)
    except (ValueError, RecursionError):
        return [Unread("no_json", body.decode("latin-1"))]
    return payload.parse(given)


async def _take(runtime: Runtime, item: Item) -> str:
    match item:
        case Message():
            return await _message(runtime, item)
        case Status():
            return await _status(runtime, item)
        case Fault():
            return await _fault(runtime, item)
        case Unread():
            log.warning("a WhatsApp item is kept unread: %s", item.reason)
            return await _keep(runtime, "unread", item.reason, item.raw)


# --- messages ---------------------------------------------------------------------------------------------------------


async def _message(runtime: Runtime, message: Message) -> str:
    if not _is_ours(runtime, message.number_id):
        log.warning("a message for WhatsApp number %s, which is not ours", message.number_id[:40])
        return await _keep(runtime, "unread", "number_not_ours", message.raw)
    match message.content:
        case NumberChanged() | UserIdChanged():
            return await _moved(runtime, message, message.content)
        case Notice():  # the citizen has said nothing
            return await _keep(runtime, "system", "notice", message.raw, number_id=message.number_id,
                               conversation_id=await addresses.whose(runtime, message))
        case Reaction() as reaction:
            return await _reaction(runtime, message, reaction)
        case content:
            conversation_id = await addresses.conversation_of(runtime, message)
            if conversation_id is None:
                return "repeated"
            try:
                return await _receive(runtime, conversation_id, message, content)
            except NotFound:  # erased between the two: whoever writes now is somebody new
                return await _message(runtime, message)


def _is_ours(runtime: Runtime, number_id: str) -> bool:
    settings = runtime.settings.whatsapp
    return settings is not None and number_id in settings.offices


async def _receive(runtime: Runtime, conversation_id: UUID, message: Message, content: Content) -> str:
    try:
        receipt = await inbox.receive(runtime, conversation_id, _inbound(runtime, message, content))
    except Unprocessable:  # a button that we did not offer here: its title is what the citizen said
        assert isinstance(content, Tap)
        said = Text(content.title) if content.title.strip() else Unreadable("tap")
        receipt = await inbox.receive(runtime, conversation_id, _inbound(runtime, message, said))
    except Conflict:  # the same id with another content: the first one counts, this one is not lost
        return await _keep(runtime, "unread", "id_used_twice", message.raw, number_id=message.number_id,
                           conversation_id=conversation_id)
    if isinstance(content, Media):  # for a repeated one too: the first time may have ended in between
        await media.wanted(runtime, conversation_id, receipt.message_id)
    if receipt.repeated:
        return "repeated"
    await sending.citizen_wrote(runtime, conversation_id)
    return "message"


def _inbound(runtime: Runtime, message: Message, content: Content) -> Inbound:
    """The message as the use cases take it; what nobody but a person can read comes as a file, with or without one."""
    kind, body = _told(runtime, content)
    body["wamid"] = message.wamid
    if message.quoted:
        body["quoted"] = message.quoted
    if message.forwarded:
        body["forwarded"] = True
    if message.errors:
        body["errors"] = [{"code": code, "details": details} for code, details in message.errors]
    return Inbound(kind, body, key=addresses.message_key(runtime, message.wamid), sent_at=message.sent_at,
                   over_whatsapp=True)


def _told(runtime: Runtime, content: Content) -> tuple[str, dict[str, Any]]:
    say = runtime.texts.say
    match content:
        case Text(body):  # longer than WhatsApp allows is longer than the bot reads
            return ("text" if len(body) <= inbox.TEXT_CHARACTERS else "file"), {"text": body}
        case Tap(wanted, title):
            return "payload", {"payload": wanted, "tapped": title}
        case Place(latitude, longitude, label):
            return "location", {"location": {"latitude": latitude, "longitude": longitude}, "label": label}
        case Media():
            return "file", {"text": content.caption, "media": {
                "type": content.type, "id": content.id, "mime": content.mime, "sha256": content.sha256,
                "name": content.name, "voice": content.voice,
            }}
        case Cards(lines):
            return "file", {"text": say("whatsapp.cards", lines=lines)}
        case _:
            return "file", {"text": say("whatsapp.unreadable")}


async def _reaction(runtime: Runtime, message: Message, reaction: Reaction) -> str:
    """Under an answer of the bot thumbs up says that it helped, for as long as it stands there; thumbs down is the
    button *Jawaban ini salah*. Every other one is kept, and nobody has to act upon it."""
    conversation_id = await addresses.conversation_of(runtime, message)
    if conversation_id is None:
        return "repeated"
    kind = await _keep(runtime, "reaction", "emoji", message.raw, conversation_id=conversation_id,
                       number_id=message.number_id)
    answer_id = await _answer_under(runtime, conversation_id, reaction.to)
    if answer_id is None:
        return kind
    thumb, at = reaction.emoji[:1], message.sent_at or runtime.clock()
    if kind != "repeated":
        await answers_service.reacted(runtime, answer_id, helped=thumb == UP, at=at)
    if thumb == DOWN:
        tap = Tap(f"dispute:{answer_id}", reaction.emoji)
        with contextlib.suppress(Unprocessable):  # an answer that offered no dispute
            await inbox.receive(runtime, conversation_id, _inbound(runtime, message, tap))
    return kind


async def _answer_under(runtime: Runtime, conversation_id: UUID, wamid: str) -> UUID | None:
    """The bot's answer that was posted under this id."""
    async with db.statement(runtime.pool) as connection:
        ticket = await ties.ticket_of(connection, runtime.keyring.blind("wamid", wamid))
        if ticket is None:
            return None
        found: UUID | None = (await connection.execute(
            select(answers.c.id).join(outbox, outbox.c.message_id == answers.c.message_id)
            .join(whatsapp_sends, whatsapp_sends.c.outbox_id == outbox.c.id)
            .where(whatsapp_sends.c.conversation_id == conversation_id, carried_by(ticket))
            .order_by(answers.c.created_at.desc()).limit(1)
        )).scalar_one_or_none()
    return found


async def _moved(runtime: Runtime, message: Message, change: NumberChanged | UserIdChanged) -> str:
    """The citizen keeps their conversation and their cases. Once for each notice: a late repetition of an old one
    must not move whoever has the number by then."""
    old = addresses.Sender.who(runtime, message)
    wa_id, user_id = (change.wa_id, "") if isinstance(change, NumberChanged) else ("", change.current)
    new = addresses.Sender.of(runtime, message.number_id, wa_id, user_id)
    whose = await addresses.whose(runtime, message)
    async with db.transaction(runtime.pool) as connection:
        stored = await _event(
            runtime, connection, "system", type(change).__name__, message.raw, number_id=message.number_id,
            conversation_id=whose, digest=f"system:{message.wamid}",
        )
        if not stored:
            return "repeated"
        if await addresses.moved(runtime, connection, old, new) is None:
            log.warning("a changed WhatsApp address of somebody whom we do not know")
    return "system"


# --- the rest ---------------------------------------------------------------------------------------------------------


async def _status(runtime: Runtime, status: Status) -> str:
    """Append it; what it means for the message follows the furthest state there ever was."""
    async with db.transaction(runtime.pool) as connection:
        ticket = _uuid(status.ticket)
        new = (await connection.execute(
            postgresql.insert(whatsapp_statuses).on_conflict_do_nothing().values(
                id=uuid4(), wamid_hash=runtime.keyring.blind("wamid", status.wamid), status=status.status,
                ticket=ticket, code=status.code, details=_without_digits(status.details) or None, at=status.at,
                received_at=runtime.clock(),
            ).returning(whatsapp_statuses.c.id)
        )).first()
        await settling.reported(runtime, connection, ticket, status.wamid, status.status, status.code,
                                again=new is None)
    return "status" if new is not None else "repeated"


async def _fault(runtime: Runtime, fault: Fault) -> str:
    """An error of a number as a whole; one that stops it stops it here too."""
    log.error("WhatsApp reports error %s for number %s", fault.code, fault.number_id)
    kept = await _keep(runtime, "fault", "number", fault.raw, code=fault.code, number_id=fault.number_id)
    ours = runtime.settings.whatsapp.offices if runtime.settings.whatsapp is not None else {}
    if kept == "fault" and fault.number_id in ours and outcome.verdict(400, fault.code) is Verdict.stop:
        async with db.transaction(runtime.pool) as connection:
            await pacing.stop(runtime, connection, fault.number_id, fault.code)
    return kept


async def _keep(
    runtime: Runtime, kind: str, reason: str, raw: Any, *, code: int | None = None, number_id: str | None = None,
    conversation_id: UUID | None = None,
) -> str:
    async with db.transaction(runtime.pool) as connection:
        stored = await _event(runtime, connection, kind, reason, raw, code=code, number_id=number_id,
                              conversation_id=conversation_id)
    return kind if stored else "repeated"


async def _event(
    runtime: Runtime, connection: AsyncConnection, kind: str, reason: str, raw: Any, *, code: int | None = None,
    number_id: str | None = None, conversation_id: UUID | None = None, digest: str | None = None,
) -> bool:
    """Append what came, sealed with its citizen's key where it is known whose it is, so that it is erased with the
    rest; the same thing again is kept once. Whether it is new."""
    event_id, at = uuid4(), runtime.clock()
    written = json.dumps(raw, sort_keys=True)  # ASCII: whatever came can be written
    seen = runtime.keyring.blind("whatsapp-event", digest or f"{kind}:{reason}:{written}")
    if (await connection.execute(select(whatsapp_events.c.id).where(whatsapp_events.c.digest == seen))).first():
        return False
    theirs = select(conversations.c.data_key_id).where(conversations.c.id == conversation_id)
    known = (await connection.execute(theirs)).scalar_one_or_none() if conversation_id is not None else None
    key_id = known or await runtime.keyring.create(connection, at)
    key = await runtime.keyring.open(connection, key_id)
    stored = (await connection.execute(
        postgresql.insert(whatsapp_events).on_conflict_do_nothing(index_elements=["digest"]).values(
            id=event_id, kind=kind, reason=reason[:40], code=code, number_id=number_id and number_id[:64],
            digest=seen, conversation_id=conversation_id, data_key_id=key_id,
            body_enc=seal_json(key, event_id, written), received_at=at,
        ).returning(whatsapp_events.c.id)
    )).first()
    return stored is not None


def _uuid(text: str) -> UUID | None:
    """Our ticket, which may be anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _without_digits(text: str) -> str:
    """Meta's explanation may name the number."""
    return "".join("#" if char.isdigit() else char for char in text)

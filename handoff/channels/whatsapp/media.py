"""Files from WhatsApp: fetched by the worker at once, checked, and kept like every other file of a citizen.

Meta holds a file for seven days and an address of it for five minutes, so each try asks for a new address. What the
sender's client says of type and name is not believed: the content is sniffed (`services.attachments.files`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql

from handoff.channels.whatsapp import outcome, pacing
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Spoiled, TooLong, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.services.attachments import files
from handoff.services.attachments.files import StoredFile
from handoff.services.attachments.workshop import by_hand
from handoff.services.errors import TooLarge, Unavailable, Unprocessable, UnsupportedMedia
from handoff.services.post import sending
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations, ownership
from handoff.store import db, queue
from handoff.store.crypto import seal, unseal_json
from handoff.store.schema import attachments, messages
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_media

log = logging.getLogger(__name__)

HELD_FOR = timedelta(days=7)  # by Meta, from when the message came
REFUSALS = 3                  # for a file that Meta says it does not have
TRIES = 12                    # for a file that is there, but not as it was announced


async def wanted(runtime: Runtime, conversation_id: UUID, message_id: UUID) -> None:
    """Have the file of a message fetched, once however often it is asked for."""
    async with db.transaction(runtime.pool) as connection:
        new = (await connection.execute(
            postgresql.insert(whatsapp_media).on_conflict_do_nothing().values(
                message_id=message_id, conversation_id=conversation_id, due_at=func.clock_timestamp(),
            ).returning(whatsapp_media.c.message_id)
        )).first()
        if new is not None:
            await queue.defer(runtime.jobs, connection, "fetch", queue.SENDING, message_id=message_id)


async def fetch_overdue(runtime: Runtime, graph: Graph) -> None:
    """Fetch what failed before, or what a crash left."""
    async with db.statement(runtime.pool) as connection:
        due = (await connection.execute(
            select(whatsapp_media.c.message_id).where(
                whatsapp_media.c.state == "waiting", whatsapp_media.c.due_at <= func.clock_timestamp()
            ).order_by(whatsapp_media.c.due_at).limit(50)
        )).scalars().all()
    await each(due, lambda message_id: _fetched(runtime, graph, message_id), "the file of message %s is not fetched")


async def _fetched(runtime: Runtime, graph: Graph, message_id: UUID) -> int:
    await fetch(runtime, graph, message_id)
    return 1


async def fetch(runtime: Runtime, graph: Graph, message_id: UUID) -> None:
    """Fetch the file of one message, if nobody is at it: a try is claimed by moving the next one away."""
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(
            update(whatsapp_media).where(
                whatsapp_media.c.message_id == message_id, whatsapp_media.c.state == "waiting",
                whatsapp_media.c.due_at <= func.clock_timestamp(),
            ).values(
                tries=whatsapp_media.c.tries + 1,
                due_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, _pause(whatsapp_media.c.tries)),
            ).returning(whatsapp_media)
        )).one_or_none()
        if row is None:
            return
        key = await conversations.data_key_in(runtime, connection, row.conversation_id)
        sealed, held = (await connection.execute(
            select(messages.c.body_enc, func.clock_timestamp() - messages.c.stored_at)
            .where(messages.c.id == message_id)
        )).one()
    media = unseal_json(key, message_id, sealed)["media"]
    try:
        content = await graph.media(media["id"], files.FILE_BYTES, lambda given, told: _whole(given, media, told))
        stored = await by_hand(files.keep, runtime, key, _name(media), content)
    except (TooLong, TooLarge):
        await _give_up(runtime, row, "too_large")
    except UnsupportedMedia:
        await _give_up(runtime, row, "unsupported")
    except Unprocessable:
        await _give_up(runtime, row, "damaged")
    except (Refused, Spoiled, NotReached, Unknown, Unavailable) as error:
        log.warning("file of message %s, try %s: %s %s", message_id, row.tries, type(error).__name__, error)
        if isinstance(error, Refused) and error.code is not None:
            await _tell_number(runtime, row.conversation_id, error)
        if _is_gone(error, row.tries, held):
            await _give_up(runtime, row, "gone")
    else:
        await _attach(runtime, row, key, stored)


def _is_gone(error: Exception, tries: int, held: timedelta) -> bool:
    """Whether to stop asking. A token that is refused, a line or a store that is away: as long as Meta holds the file.
    What Meta says it does not have, or gives otherwise than announced: after some tries."""
    if isinstance(error, Refused):
        known = outcome.verdict(error.http_status, error.code) in (Verdict.again, Verdict.stop)
        return held >= HELD_FOR or (not known and tries >= REFUSALS)
    return held >= HELD_FOR or (isinstance(error, Spoiled) and tries >= TRIES)


async def _tell_number(runtime: Runtime, conversation_id: UUID, refusal: Refused) -> None:
    """What is refused of a file may concern the number as a whole. (A refusal without a code concerns the address.)"""
    async with db.transaction(runtime.pool) as connection:
        number_id = (await connection.execute(_number(conversation_id))).scalar_one_or_none()
        stopped = outcome.verdict(refusal.http_status, refusal.code) is Verdict.stop
        if stopped and number_id is not None:
            await pacing.stop(runtime, connection, number_id, refusal.code)
    if number_id is not None and outcome.is_crowded(refusal.code):
        await pacing.slow_down(runtime, number_id)


def _number(conversation_id: UUID) -> Select[Any]:
    """The number that the citizen writes to."""
    return (
        select(whatsapp_addresses.c.number_id).where(whatsapp_addresses.c.conversation_id == conversation_id)
        .order_by(whatsapp_addresses.c.current.desc(), whatsapp_addresses.c.created_at.desc()).limit(1)
    )


def _pause(tries: Any) -> Any:
    """Seconds until the next try: twice as long each time."""
    return func.least(outcome.PAIR.total_seconds() * func.power(2, tries), outcome.LONGEST.total_seconds())


def _whole(content: bytes, media: dict[str, Any], told: str) -> bool:
    """Whether the content is what Meta announced, in the message and with the address; where it announced nothing, yes.
    A checksum of another length is none that we know."""
    digest = hashlib.sha256(content).digest()
    return all(found == digest for given in (media["sha256"], told) if len(found := _checksum(given)) == len(digest))


def _checksum(text: str) -> bytes:
    """Written as hex or as base64."""
    for read in (bytes.fromhex, lambda given: base64.b64decode(given, validate=True)):
        try:
            found = read(text)
        except (ValueError, binascii.Error):
            continue
        if len(found) == hashlib.sha256().digest_size:
            return found
    return b""


def _name(media: dict[str, Any]) -> str:
    if media["name"]:
        return str(media["name"])
    ending = str(media["mime"]).partition(";")[0].partition("/")[2].strip()
    return f"{'voice' if media['voice'] else media['type']}.{ending or 'bin'}"


async def _attach(runtime: Runtime, row: Row[Any], key: bytes, file: StoredFile) -> None:
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, row.conversation_id)
        await connection.execute(insert(attachments).values(
            id=file.id, message_id=row.message_id, conversation_id=row.conversation_id,
            name_enc=seal(key, file.id, file.name.encode()), mime=file.mime, size=file.size, sha256=file.sha256,
            created_at=runtime.clock(),
        ))
        await connection.execute(
            update(whatsapp_media).where(whatsapp_media.c.message_id == row.message_id).values(state="stored")
        )
        await pacing.runs_again(connection, _number(row.conversation_id))
        await notify(connection, conversation.id, conversation.next_seq - 1)


async def _give_up(runtime: Runtime, row: Row[Any], reason: str) -> None:
    """The citizen is told, and so is whoever reads the conversation; the message and its case stay."""
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, row.conversation_id)
        await connection.execute(
            update(whatsapp_media).where(whatsapp_media.c.message_id == row.message_id)
            .values(state="failed", reason=reason)
        )
        await store(runtime, connection, conversation, [Outgoing(
            "system", runtime.texts.say(f"whatsapp.file.{reason}"), in_reply_to=row.message_id,
        )])
    await sending.dispatch(runtime, row.conversation_id)

"""Conversations as their citizen sees them: begun, entered with a token, read in order."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, bindparam, func, insert, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.case.cases import key_of
from handoff.services.errors import Gone, NotFound, Unauthorized
from handoff.services.runtime import Runtime
from handoff.services.talk import consents
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal, unseal_json
from handoff.store.schema import answers, attachments, cases, citizens, conversations, messages, officers, outbox, units

PAGE = 200
KEPT_TOKENS = 20_000
KEPT_SECONDS = 5.0  # for which a token is not looked up again: what was erased is soon closed in every process


@dataclass(frozen=True)
class Begun:
    """A new conversation and the secret that opens it."""

    conversation_id: UUID
    token: str


async def begin(runtime: Runtime, channel: str = "web", *, consent: str | None = None) -> Begun:
    """Begin a conversation with a citizen whom we do not know yet; `consent` is the version of the text they agreed
    to."""
    token = secrets.token_urlsafe(24)
    async with db.transaction(runtime.pool) as connection:
        citizen_id, conversation_id, _ = await begin_in(runtime, connection, channel, token)
        if consent is not None:
            await consents.record(connection, citizen_id, consent, True, runtime.clock())
    return Begun(conversation_id, token)


async def begin_in(
    runtime: Runtime, connection: AsyncConnection, channel: str, token: str | None = None,
    office_id: UUID | None = None,
) -> tuple[UUID, UUID, UUID]:
    """A new citizen with a new conversation, as part of the caller's transaction; without a `token` nobody enters it
    over the web, without an office it is the first one's. The ids of the citizen, the conversation, and their data key.
    """
    conversation_id, citizen_id, at = uuid4(), uuid4(), runtime.clock()
    key_id = await runtime.keyring.create(connection, at)
    await connection.execute(insert(citizens).values(id=citizen_id, data_key_id=key_id, created_at=at))
    await connection.execute(insert(conversations).values(
        id=conversation_id, citizen_id=citizen_id, data_key_id=key_id, channel=channel, office_id=office_id,
        created_at=at,
        token_hash=hashlib.sha256(token.encode()).digest() if token is not None else None,
    ))
    return citizen_id, conversation_id, key_id


class Doorkeeper:
    """Checks conversation tokens; a token never changes, so a hash is remembered for a moment."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: OrderedDict[UUID, tuple[bytes, float]] = OrderedDict()

    async def admit(self, conversation_id: UUID, token: str, *, afresh: bool = False) -> None:
        """Raises `NotFound` for an unknown conversation, `Gone` for one that was erased, `Unauthorized` for a wrong
        token. `afresh`: what was remembered does not count."""
        kept = None if afresh else self._known.get(conversation_id)
        fresh = kept is not None and time.monotonic() < kept[1]
        expected = kept[0] if kept is not None and fresh else await self._look_up(conversation_id)
        if not hmac.compare_digest(expected, hashlib.sha256(token.encode()).digest()):
            raise Unauthorized()

    async def _look_up(self, conversation_id: UUID) -> bytes:
        async with db.transaction(self._runtime.pool) as connection:
            row = (await connection.execute(
                select(conversations.c.token_hash, conversations.c.erased_at)
                .where(conversations.c.id == conversation_id)
            )).one_or_none()
        self._known.pop(conversation_id, None)
        if row is not None and row.erased_at is not None:
            raise Gone()
        found: bytes | None = row.token_hash if row is not None else None
        if found is None:
            raise NotFound()
        self._known[conversation_id] = (found, time.monotonic() + KEPT_SECONDS)
        if len(self._known) > KEPT_TOKENS:
            self._known.popitem(last=False)
        return found


async def read(
    runtime: Runtime, conversation_id: UUID, after: int = 0, *, with_notes: bool = False, limit: int = PAGE
) -> list[dict[str, Any]]:
    """The messages with a number over `after`, in order, at most `limit`, as the contract's JSON.

    Nothing is shown beyond a message that still waits in the outbox: a reader who remembers the last number never
    misses one. Notes are for officers only (`with_notes`), and they see nothing that is private to the citizen.
    """
    async with db.statement(runtime.pool) as connection:
        return await read_in(runtime, connection, conversation_id, after, with_notes=with_notes, limit=limit)


async def look(
    runtime: Runtime, conversation_id: UUID, after: int = 0
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """What `read` gives its citizen, and the conversation's case as it stands now: the open one, or the last."""
    async with db.statement(runtime.pool) as connection:
        shown = await read_in(runtime, connection, conversation_id, after)
        row: Any = (await connection.execute(_CASE, {"conversation": conversation_id})).one_or_none()
    return shown, _case(runtime, row) if row is not None else None


async def look_at_messages(
    runtime: Runtime, conversation_id: UUID, after: int = 0
) -> tuple[list[dict[str, Any]], None]:
    """`look` for who did not ask for the case."""
    return await read(runtime, conversation_id, after), None


async def read_in(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, after: int = 0, *, with_notes: bool = False,
    limit: int = PAGE,
) -> list[dict[str, Any]]:
    """`read` as part of the caller's transaction."""
    rows = (await connection.execute(
        _SHOWN[with_notes], {"conversation": conversation_id, "after": after, "most": limit}
    )).all()
    if not rows:
        return []
    data_key = await _key(runtime, connection, rows[0].data_key_id)
    files = await _files(connection, data_key, [r.id for r in rows if r.kind == "file"])
    return [_as_json(runtime, row, data_key, files.get(row.id, []), with_notes) for row in rows]


_holder, _unit = officers.alias("holder"), units.alias("unit")
_CASE_COLUMNS = (
    cases.c.id.label("the_case_id"), cases.c.number, cases.c.status, cases.c.reason, cases.c.respond_by,
    cases.c.resolve_by, cases.c.key_version, cases.c.first_replied_at, cases.c.waiting_since,
    _holder.c.name.label("holder_name"), _holder.c.title.label("holder_title"), _unit.c.name.label("unit_name"),
    _unit.c.zone,
)
_CASE = (
    select(*_CASE_COLUMNS).select_from(cases)
    .join(_holder, _holder.c.id == cases.c.officer_id).join(_unit, _unit.c.id == cases.c.unit_id)
    .where(cases.c.conversation_id == bindparam("conversation"))
    .order_by(cases.c.status == "closed", cases.c.opened_at.desc()).limit(1)
)


def _shown(with_notes: bool) -> Any:
    author = officers.alias("author_officer")
    first_waiting = (
        select(func.min(messages.c.seq)).join(outbox, outbox.c.message_id == messages.c.id)
        # "pending" is no parameter: only then does a plan that is kept use the index of what is pending.
        .where(outbox.c.conversation_id == bindparam("conversation"), outbox.c.state == literal_column("'pending'"))
        .scalar_subquery()
    )
    query = (
        select(
            messages, conversations.c.data_key_id,
            author.c.name.label("author_name"), author.c.title.label("author_title"),
            answers.c.id.label("answer_id"), answers.c.topic.label("answer_topic"), answers.c.confidence,
            answers.c.threshold, answers.c.sources, answers.c.reviewed, answers.c.model_version, answers.c.aspect,
            *_CASE_COLUMNS,
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .outerjoin(author, author.c.id == messages.c.officer_id)
        .outerjoin(answers, answers.c.message_id == messages.c.id)
        .outerjoin(cases, and_(messages.c.shows_case, cases.c.id == messages.c.case_id))
        .outerjoin(_holder, _holder.c.id == cases.c.officer_id)
        .outerjoin(_unit, _unit.c.id == cases.c.unit_id)
        .where(
            messages.c.conversation_id == bindparam("conversation"), messages.c.seq > bindparam("after"),
            or_(first_waiting.is_(None), messages.c.seq < first_waiting),
        )
        .order_by(messages.c.seq).limit(bindparam("most"))
    )
    if with_notes:
        return query.where(~messages.c.private)
    return query.where(messages.c.kind != "note", messages.c.delivery != "withheld")


_SHOWN = {with_notes: _shown(with_notes) for with_notes in (False, True)}


async def _key(runtime: Runtime, connection: AsyncConnection, key_id: UUID) -> bytes | None:
    try:
        return await runtime.keyring.open(connection, key_id)
    except ContentGone:
        return None  # erased at the citizen's wish: the record stays, the words are gone


async def _files(
    connection: AsyncConnection, data_key: bytes | None, message_ids: list[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    if not message_ids or data_key is None:
        return {}
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in (await connection.execute(select(attachments).where(attachments.c.message_id.in_(message_ids)))).all():
        found.setdefault(row.message_id, []).append({
            "id": str(row.id), "name": unseal(data_key, row.id, row.name_enc).decode(), "mime": row.mime,
            "size": row.size, "url": f"/api/v1/conversations/{row.conversation_id}/files/{row.id}",
        })
    return found


def _as_json(
    runtime: Runtime, row: Row[Any], data_key: bytes | None, files: list[dict[str, Any]], for_officer: bool
) -> dict[str, Any]:
    body = unseal_json(data_key, row.id, row.body_enc) if data_key is not None and row.body_enc else None
    message: dict[str, Any] = {
        "id": str(row.id), "seq": row.seq, "author": row.author, "kind": row.kind,
        "officer": {"name": row.author_name, "title": row.author_title} if row.author_name else None,
        "text": _text(runtime, row, body) if body is not None else runtime.texts.say("chat.erased"),
        "buttons": row.buttons or [], "attachments": files,
        "answer": _answer(row), "case": _case(runtime, row),
        "sent_at": _said_at(row), "created_at": row.created_at.isoformat(timespec="milliseconds"),
        "delivery": row.delivery,
    }
    if body is not None and "location" in body:
        message["location"] = body["location"]
    if for_officer and row.author == "citizen" and body is not None:
        message["forwarded"] = bool(body.get("forwarded"))
        message["not_passed_on"] = [runtime.texts.say("whatsapp.not_passed_on", **one)
                                    for one in body.get("errors", ())]
    return message


def _said_at(row: Row[Any]) -> str | None:
    """When it was sent by the sender's own clock, where the channel tells; a clock that runs ahead tells nothing."""
    known = row.sent_at is not None and row.sent_at <= row.created_at
    return row.sent_at.isoformat(timespec="milliseconds") if known else None


def _text(runtime: Runtime, row: Row[Any], body: dict[str, Any]) -> str:
    if row.kind == "location":
        return str(body.get("label") or runtime.texts.say("chat.location_received"))
    if row.kind == "file":
        return str(body.get("text") or runtime.texts.say("chat.file_received"))
    if row.kind == "contact":
        return runtime.texts.say("chat.contact_given")
    return str(body.get("title") or body.get("text") or "")


def _answer(row: Row[Any]) -> dict[str, Any] | None:
    if row.answer_id is None:
        return None
    return {
        "id": str(row.answer_id), "topic": row.answer_topic, "aspect": row.aspect, "confidence": row.confidence,
        "threshold": row.threshold, "sources": row.sources, "reviewed": row.reviewed.isoformat(),
        "model_version": row.model_version,
    }


def _case(runtime: Runtime, row: Row[Any]) -> dict[str, Any] | None:
    if row.the_case_id is None:
        return None
    return {
        "number": row.number, "status": row.status, "reason": row.reason,
        "officer": {"name": row.holder_name, "title": row.holder_title, "unit": row.unit_name},
        "respond_by": local_time(row.respond_by, row.zone), "resolve_by": local_time(row.resolve_by, row.zone),
        "reply_due": reply_is_due(row),
        "url": f"{runtime.settings.base_url}/kasus/{row.number}?k={key_of(runtime, row.the_case_id, row.key_version)}",
    }


def reply_is_due(row: Row[Any]) -> bool:
    """Whether a promised reply is still owed: while the citizen waits for a person. `row` is a case's."""
    return row.waiting_since is not None and row.status != "closed"


def local_time(at: datetime, zone: str) -> str:
    """RFC 3339 in the unit's zone, so that the offset tells which office keeps the promise."""
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


async def file_row(runtime: Runtime, conversation_id: UUID, file_id: UUID) -> tuple[Row[Any], bytes, str]:
    """An attachment's row, its data key and its name. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        return await file_in(runtime, connection, conversation_id, file_id)


async def file_in(
    runtime: Runtime, connection: AsyncConnection, conversation_id: UUID, file_id: UUID
) -> tuple[Row[Any], bytes, str]:
    """`file_row` as part of the caller's transaction."""
    row = (await connection.execute(
        select(attachments, conversations.c.data_key_id)
        .join(conversations, conversations.c.id == attachments.c.conversation_id)
        .where(attachments.c.id == file_id, attachments.c.conversation_id == conversation_id)
    )).one_or_none()
    if row is None:
        raise NotFound()
    try:
        data_key = await runtime.keyring.open(connection, row.data_key_id)
    except ContentGone:
        raise NotFound() from None
    return row, data_key, unseal(data_key, row.id, row.name_enc).decode()


async def data_key_of(runtime: Runtime, conversation_id: UUID) -> bytes:
    """The key that the conversation's files are written with. Raises `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        return await data_key_in(runtime, connection, conversation_id)


async def data_key_in(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> bytes:
    """`data_key_of` as part of the caller's transaction."""
    key_id = (await connection.execute(
        select(conversations.c.data_key_id).where(conversations.c.id == conversation_id)
    )).scalar_one_or_none()
    if key_id is None:
        raise NotFound()
    return await runtime.keyring.open(connection, key_id)

"""The Chat API of the contract: begin, send, read, stream."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import phonenumbers
from pydantic import AllowInfNan, BaseModel, ConfigDict, Field
from sanic import Blueprint, Request
from sanic.request import File
from sanic.response import HTTPResponse, empty, raw
from sqlalchemy import Row

from handoff.domain.number import InvalidNumber, parse
from handoff.domain.text import clean
from handoff.services.attachments import files, uploads
from handoff.services.attachments.workshop import by_hand
from handoff.services.case import joining
from handoff.services.errors import BadRequest, Forbidden, Gone, NotFound, TooLarge, Unprocessable
from handoff.services.post import delivery
from handoff.services.talk import consents, conversations, inbox
from handoff.services.talk.inbox import Inbound
from handoff.store.db import DatabaseAway
from handoff.web import streams
from handoff.web.requests import (
    address_of,
    answer,
    bearer_of,
    body_of,
    limit,
    limit_file,
    number_of,
    runtime_of,
    uuid_of,
)

chat = Blueprint("chat", url_prefix="/api/v1/conversations")
KEY_CHARACTERS = 200
VERSION = r"^[0-9A-Za-z.-]{1,20}$"
_PART = r"[^@\s\x00-\x1f\x7f<>(),;:\"\[\]\\]"  # nothing that would make a second address of it, or a name
EMAIL = rf"^{_PART}{{1,64}}@{_PART}+\.{_PART}{{2,}}$"


class Location(BaseModel):
    """A place on earth, in degrees; accuracy in metres."""

    model_config = ConfigDict(extra="forbid", strict=False)
    latitude: Annotated[float, AllowInfNan(False), Field(ge=-90, le=90)]
    longitude: Annotated[float, AllowInfNan(False), Field(ge=-180, le=180)]
    accuracy: Annotated[float, AllowInfNan(False), Field(ge=0)] | None = None


class Contact(BaseModel):
    """Where news of a case should reach the citizen: one of the two."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(pattern=EMAIL, max_length=254)] | None = None
    whatsapp: Annotated[str, Field(max_length=30)] | None = None


class Beginning(BaseModel):
    """What a new conversation may begin with: the version of the text that the citizen agreed to."""

    model_config = ConfigDict(extra="forbid")
    consent: Annotated[str, Field(pattern=VERSION)] | None = None


class Consenting(BaseModel):
    """What the citizen says to the text of a version."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[str, Field(pattern=VERSION)]
    given: Annotated[bool, Field(strict=True)]


class Joining(BaseModel):
    """The number of a case of the same citizen's, and its key."""

    model_config = ConfigDict(extra="forbid")
    number: Annotated[str, Field(max_length=20)]
    key: Annotated[str, Field(max_length=64)]


class NewMessage(BaseModel):
    """A message as JSON: exactly one of the five kinds; a file that came in pieces may have a `text` as its caption."""

    model_config = ConfigDict(extra="forbid")
    text: str | None = None
    payload: Annotated[str, Field(max_length=256)] | None = None
    location: dict[str, Any] | None = None
    contact: dict[str, Any] | None = None
    upload: UUID | None = None


@chat.post("/")
async def begin(request: Request) -> HTTPResponse:
    """Begin a conversation."""
    limit(request.app.ctx.address_buckets, address_of(request))
    given = body_of(request, Beginning) if request.body else Beginning()
    begun = await conversations.begin(runtime_of(request), consent=given.consent)
    return answer({"conversation_id": str(begun.conversation_id), "token": begun.token}, 201)


@chat.post("/<conversation:str>/consent")
async def consent(request: Request, conversation: str) -> HTTPResponse:
    """Record what the citizen says to how their data is used: yes, or no longer."""
    conversation_id = await admitted(request, conversation)
    limit(request.app.ctx.conversation_buckets, str(conversation_id))
    given = body_of(request, Consenting)
    said = await consents.say(runtime_of(request), conversation_id, given.version, given.given)
    return answer({"version": said.version, "given": said.given, "at": said.at.isoformat(timespec="seconds")}, 201)


@chat.post("/<conversation:str>/join")
async def join(request: Request, conversation: str) -> HTTPResponse:
    """Who shows a case's number and key has one history with it: this conversation becomes the same citizen's."""
    conversation_id = await admitted(request, conversation)
    limit(request.app.ctx.address_buckets, address_of(request))
    limit(request.app.ctx.conversation_buckets, str(conversation_id))
    given = body_of(request, Joining)
    try:
        number = parse(given.number)
    except InvalidNumber:
        raise Forbidden() from None
    await joining.join(runtime_of(request), conversation_id, number, given.key)
    return empty(204)


@chat.post("/<conversation:str>/messages", ctx_large=True)
async def send(request: Request, conversation: str) -> HTTPResponse:
    """Store one message; 202 means stored, not answered."""
    conversation_id = await admitted(request, conversation)
    limit(request.app.ctx.address_buckets, address_of(request))
    limit(request.app.ctx.conversation_buckets, str(conversation_id))
    inbound = await _inbound(request, conversation_id, key_of(request))
    receipt = await _receive(request, conversation_id, inbound)
    if inbound.upload is not None:
        await uploads.finish(runtime_of(request), inbound.upload)
    return answer({"message_id": str(receipt.message_id), "seq": receipt.seq}, 202)


@chat.get("/<conversation:str>/messages")
async def read(request: Request, conversation: str) -> HTTPResponse:
    """The messages after a number, and the case as it stands now."""
    conversation_id = await admitted(request, conversation)
    shown, case = await conversations.look(runtime_of(request), conversation_id, number_of(request, "after"))
    await delivery.fetched(runtime_of(request), conversation_id, shown)
    return answer({"messages": shown, "case": case})


@chat.get("/<conversation:str>/events")
async def events(request: Request, conversation: str) -> None:
    """The messages as they come, from `Last-Event-ID` on; with `?cases=1` also the case whenever it changes."""
    conversation_id = await admitted(request, conversation)
    last = request.headers.get("last-event-id") or request.args.get("after") or "0"
    after = int(last) if last.isascii() and last.isdigit() and len(last) <= 9 else 0
    runtime, told, first = runtime_of(request), None, True
    look = conversations.look if request.args.get("cases") else conversations.look_at_messages
    with (
        request.app.ctx.places.held(str(conversation_id), address_of(request)),
        request.app.ctx.hub.reading(conversation_id) as happened,  # subscribe first, then read the backlog
    ):
        stream = await streams.open_stream(request)
        while True:
            happened.clear()  # what comes from here on may be missing in what is read now
            try:
                # What woke us may be that it was erased: then nothing else will, and the reader shall know at once.
                await request.app.ctx.doorkeeper.admit(conversation_id, bearer_of(request), afresh=not first)
                shown, case = await look(runtime, conversation_id, after)
            except DatabaseAway:
                await asyncio.sleep(1)
                continue
            except Gone:
                return  # erased: the next request is told so
            for message in shown:
                await stream.send(streams.event("message", message, message["seq"]))
                after = message["seq"]
            if first and shown:  # an answer to the browser's request; what follows is pushed, and proves nothing yet
                with contextlib.suppress(DatabaseAway):
                    await delivery.fetched(runtime, conversation_id, shown)
            first = False
            if case != told:
                await stream.send(streams.event("case", case))
                told = case
            if len(shown) < conversations.PAGE and not await streams.wait(happened):
                await stream.send(": \n\n")


@chat.get("/<conversation:str>/files/<file:str>")
async def download(request: Request, conversation: str, file: str) -> HTTPResponse:
    """A file of the conversation, always as a download."""
    conversation_id = await admitted(request, conversation)
    return await send_file(request, conversation_id, uuid_of(file))


async def send_file(request: Request, conversation_id: UUID, file_id: UUID) -> HTTPResponse:
    """A file of the conversation; the caller has checked that the asker may have it."""
    return await as_download(request, *await conversations.file_row(runtime_of(request), conversation_id, file_id))


async def as_download(request: Request, row: Row[Any], data_key: bytes, name: str) -> HTTPResponse:
    """The stored file as an attachment that no browser runs or guesses at."""
    content = await asyncio.to_thread(files.read, runtime_of(request), data_key, row.id)
    return raw(content, content_type=row.mime, headers={
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    })


async def admitted(request: Request, conversation: str) -> UUID:
    """The conversation's id for who shows its token. Raises `NotFound`, `Unauthorized`."""
    conversation_id = uuid_of(conversation)
    await request.app.ctx.doorkeeper.admit(conversation_id, bearer_of(request))
    return conversation_id


def key_of(request: Request) -> str | None:
    """The request's `Idempotency-Key`. Raises `BadRequest` for an empty or endless one, and for one that is no text."""
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= KEY_CHARACTERS and key.isprintable()):
        raise BadRequest()
    return key


async def _receive(request: Request, conversation_id: UUID, inbound: Inbound) -> inbox.Receipt:
    """Once more at once when the database had just gone: with its key, a message cannot be stored twice."""
    runtime = runtime_of(request)
    try:
        return await inbox.receive(runtime, conversation_id, inbound)
    except DatabaseAway:
        if inbound.key is None:
            raise
        return await inbox.receive(runtime, conversation_id, inbound)


async def _inbound(request: Request, conversation_id: UUID, key: str | None) -> Inbound:
    if request.content_type.startswith("multipart/form-data"):
        return await _file(request, conversation_id, key)
    message = body_of(request, NewMessage)
    given: list[Literal["text", "payload", "location", "contact"]] = [
        k for k in ("text", "payload", "location", "contact") if getattr(message, k) is not None
    ]
    if message.upload is not None and given in ([], ["text"]):
        return await _uploaded(request, conversation_id, key, message.upload, message.text or "")
    if len(given) != 1 or message.upload is not None:
        raise BadRequest()
    if message.text is not None:
        return Inbound.text(message.text, key=key)
    if message.payload is not None:
        return Inbound("payload", {"payload": message.payload}, key=key)
    if message.location is not None:
        return Inbound("location", {"location": _location(message.location)}, key=key)
    return Inbound("contact", _contact(message.contact or {}), key=key)


def _location(given: dict[str, Any]) -> dict[str, float]:
    try:
        return Location.model_validate(given).model_dump(exclude_none=True)
    except ValueError:
        raise Unprocessable("bad_location") from None


def _contact(given: dict[str, Any]) -> dict[str, str]:
    try:
        contact = Contact.model_validate(given)
    except ValueError:
        raise Unprocessable("bad_contact") from None
    if contact.email and not contact.whatsapp:
        return {"email": contact.email}
    if contact.whatsapp and not contact.email:
        try:
            number = phonenumbers.parse(contact.whatsapp, "ID")
        except phonenumbers.NumberParseException:
            raise Unprocessable("bad_contact") from None
        if phonenumbers.is_valid_number(number):
            return {"whatsapp": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}
    raise Unprocessable("bad_contact")


async def _file(request: Request, conversation_id: UUID, key: str | None) -> Inbound:
    form: Any = request.files
    given: File | None = form.get("file") if form else None
    if given is None:
        raise BadRequest()
    if len(given.body) > files.FILE_BYTES:
        raise TooLarge()
    limit_file(request, len(given.body))
    caption = _caption((request.form.get("text") if request.form else None) or "")
    stored = await _kept(request, conversation_id, given.name or "", given.body)
    return Inbound("file", {"text": caption}, key=key, files=(stored,))


async def _uploaded(request: Request, conversation_id: UUID, key: str | None, upload: UUID, caption: str) -> Inbound:
    """A file that came in pieces. One that is a message already, under this key, is not put together again."""
    runtime, inbound = runtime_of(request), Inbound("file", {"text": _caption(caption)}, key=key, upload=upload)
    if await inbox.known(runtime, conversation_id, inbound) is not None:
        return inbound
    try:
        name, content = await uploads.collect(runtime, conversation_id, upload)
    except NotFound:
        if await inbox.known(runtime, conversation_id, inbound) is None:
            raise
        return inbound  # sent twice at once: the other one has just made it a message
    return dataclasses.replace(inbound, files=(await _kept(request, conversation_id, name, content),))


def _caption(text: str) -> str:
    if len(text) > inbox.TEXT_CHARACTERS:
        raise TooLarge()
    return clean(text)


async def _kept(request: Request, conversation_id: UUID, name: str, content: bytes) -> files.StoredFile:
    runtime = runtime_of(request)
    data_key = await conversations.data_key_of(runtime, conversation_id)
    return await by_hand(files.keep, runtime, data_key, name, content)

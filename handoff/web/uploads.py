"""Files in pieces, for slow and weak lines: begin, send a piece, ask how far it has come. The message itself is then
`POST …/messages {"upload": …}` (`handoff.web.chat`)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from handoff.services.attachments import uploads as service
from handoff.services.attachments.files import FILE_BYTES
from handoff.services.attachments.uploads import Upload, WrongOffset
from handoff.services.errors import BadRequest
from handoff.web.chat import admitted, key_of
from handoff.web.requests import address_of, answer, body_of, limit, limit_file, runtime_of, uuid_of

uploads = Blueprint("uploads", url_prefix="/api/v1/conversations")
OFFSET = "upload-offset"


class NewUpload(BaseModel):
    """A file that is going to come in pieces: its name and its size in bytes."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=service.NAME_CHARACTERS)] = ""
    size: Annotated[int, Field(strict=True)]


@uploads.post("/<conversation:str>/uploads")
async def begin(request: Request, conversation: str) -> HTTPResponse:
    """Begin a file in pieces, or find it again by its key."""
    conversation_id = await admitted(request, conversation)
    limit(request.app.ctx.address_buckets, address_of(request))
    limit(request.app.ctx.conversation_buckets, str(conversation_id))
    key, given = key_of(request), body_of(request, NewUpload)
    if key is None:  # what cannot be found again cannot be resumed
        raise BadRequest()
    limit_file(request, max(0, min(given.size, FILE_BYTES)))
    return _told(await service.begin(runtime_of(request), conversation_id, key, given.name, given.size), 201)


@uploads.get("/<conversation:str>/uploads/<upload:str>")
async def progress(request: Request, conversation: str, upload: str) -> HTTPResponse:
    """How far a file has come."""
    conversation_id, upload_id = await _named(request, conversation, upload)
    return _told(await service.look(runtime_of(request), conversation_id, upload_id))


@uploads.patch("/<conversation:str>/uploads/<upload:str>")
async def piece(request: Request, conversation: str, upload: str) -> HTTPResponse:
    """Add a piece where the file ends (`Upload-Offset`); 409 tells where that is."""
    conversation_id, upload_id = await _named(request, conversation, upload)
    offset = request.headers.get(OFFSET, "")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 9):
        raise BadRequest()
    runtime = runtime_of(request)
    try:
        return _told(await service.add(runtime, conversation_id, upload_id, int(offset), request.body))
    except WrongOffset as refusal:
        sentence = runtime.texts.say(f"errors.{refusal.code}")
        return answer({"error": {"code": refusal.code, "message": sentence}, "received": refusal.received}, 409)


async def _named(request: Request, conversation: str, upload: str) -> tuple[UUID, UUID]:
    return await admitted(request, conversation), uuid_of(upload)


def _told(upload: Upload, status: int = 200) -> HTTPResponse:
    told = {"upload_id": str(upload.id), "size": upload.size, "received": upload.received}
    return answer(told, status)

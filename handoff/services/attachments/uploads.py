"""Files that come in pieces, because the line is too slow or too weak for one request.

Each piece is a file of its own, encrypted with the citizen's key and named by where it begins; the row says how far the
citizen has come. A piece is on disk before the row says so, and is written over when its transaction failed, so after
any crash the row tells the truth. A finished upload keeps its row, without the file's name, for as long as its message
may be sent again; `sweep` removes what is old.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.text import clean
from handoff.services.attachments.depot import leave_room
from handoff.services.attachments.files import FILE_BYTES
from handoff.services.errors import Conflict, NotFound, TooLarge, Unprocessable
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.crypto import ContentGone, seal, unseal
from handoff.store.schema import conversations, uploads

PIECE_BYTES = 128 * 1024
LEAST_BYTES = 4 * 1024  # of a piece that is not the last: ten megabytes are never millions of files
NAME_CHARACTERS = 255
UNFINISHED = 3          # in a conversation at once; one more takes the place of the oldest
KEPT = timedelta(days=1)
_FINISHED = b""         # in place of the name


@dataclass(frozen=True)
class Upload:
    """A file on its way: `received` of `size` bytes are here."""

    id: UUID
    size: int
    received: int


class WrongOffset(Conflict):
    """The piece does not begin where the file here ends; `received` tells where that is."""

    def __init__(self, received: int) -> None:
        super().__init__("wrong_offset")
        self.received = received


async def begin(runtime: Runtime, conversation_id: UUID, key: str, name: str, size: int) -> Upload:
    """Make room for a file; the same key again is the same file, as far as it has come.

    Raises `TooLarge`, `Unprocessable` for an empty file, `Conflict("key_reused")`, `NotFound`.
    """
    if size > FILE_BYTES or len(name) > NAME_CHARACTERS:
        raise TooLarge()
    if size <= 0:
        raise Unprocessable("empty_message")
    async with db.transaction(runtime.pool) as connection:
        data_key = await _lock(runtime, connection, conversation_id)
        known = (await connection.execute(
            select(uploads).where(uploads.c.conversation_id == conversation_id, uploads.c.key == key)
        )).one_or_none()
        if known is not None:
            if known.size != size:
                raise Conflict("key_reused")
            return _upload(known)
        dropped = await _make_room(connection, conversation_id)
        upload_id = uuid4()
        await connection.execute(insert(uploads).values(
            id=upload_id, conversation_id=conversation_id, key=key, size=size, created_at=runtime.clock(),
            name_enc=seal(data_key, upload_id, clean(name).encode()),
        ))
    await asyncio.to_thread(_remove, runtime, dropped)
    return Upload(upload_id, size, 0)


async def look(runtime: Runtime, conversation_id: UUID, upload_id: UUID) -> Upload:
    """How far the file has come. Raises `NotFound`."""
    async with db.statement(runtime.pool) as connection:
        return _upload(await _row(connection, conversation_id, upload_id))


async def add(runtime: Runtime, conversation_id: UUID, upload_id: UUID, offset: int, piece: bytes) -> Upload:
    """Keep a piece that begins at `offset`. Two at once are taken one after the other, so one of them is refused.

    Raises `WrongOffset`, `TooLarge` for a piece over its limit or beyond the file's end, `Unprocessable` for one that
    is too small, `NotFound`, `Unavailable` on a disk that is nearly full.
    """
    if len(piece) > PIECE_BYTES:
        raise TooLarge()
    async with db.transaction(runtime.pool) as connection:
        row = await _row(connection, conversation_id, upload_id, lock=True)
        if offset != row.received:
            raise WrongOffset(row.received)
        received = offset + len(piece)
        if received > row.size:
            raise TooLarge()
        if len(piece) < LEAST_BYTES and received < row.size:
            raise Unprocessable()
        if not piece:
            return _upload(row)
        sealed = seal(await _data_key(runtime, connection, conversation_id), _piece_id(row.id, offset), piece)
        await asyncio.to_thread(_write, _folder(runtime, row.id), offset, sealed)
        await connection.execute(update(uploads).where(uploads.c.id == row.id).values(received=received))
    return Upload(row.id, row.size, received)


async def collect(runtime: Runtime, conversation_id: UUID, upload_id: UUID) -> tuple[str, bytes]:
    """Name and content of a file that has come whole. Raises `NotFound`, `Conflict("upload_unfinished")`."""
    async with db.transaction(runtime.pool) as connection:
        row = await _row(connection, conversation_id, upload_id)
        data_key = await _data_key(runtime, connection, conversation_id)
    if row.name_enc == _FINISHED:
        raise NotFound()
    if row.received < row.size:
        raise Conflict("upload_unfinished")
    try:
        content = await asyncio.to_thread(_read, _folder(runtime, row.id), data_key, row)
    except FileNotFoundError:  # another request has just made it a message, or the disk was lost
        raise NotFound() from None
    return unseal(data_key, row.id, row.name_enc).decode(), content


async def finish(runtime: Runtime, upload_id: UUID) -> None:
    """The file is a message now: its pieces and its name go. Repeating it is harmless."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(name_enc=_FINISHED))
    await asyncio.to_thread(_remove, runtime, [upload_id])


async def sweep(runtime: Runtime) -> int:
    """Remove uploads that are old, and pieces that belong to none. Returns how many uploads went."""
    async with db.transaction(runtime.pool) as connection:
        old = (await connection.execute(
            delete(uploads).where(uploads.c.created_at <= runtime.clock() - KEPT).returning(uploads.c.id)
        )).scalars().all()
        known = set((await connection.execute(select(uploads.c.id))).scalars())
    forgotten = [one for one in await asyncio.to_thread(_folders, runtime) if one not in known]
    await asyncio.to_thread(_remove, runtime, [*old, *forgotten])
    return len(old)


# --- rows -------------------------------------------------------------------------------------------------------------


def _upload(row: Row[Any]) -> Upload:
    return Upload(row.id, row.size, row.received)


async def _row(
    connection: AsyncConnection, conversation_id: UUID, upload_id: UUID, *, lock: bool = False
) -> Row[Any]:
    query = select(uploads).where(uploads.c.id == upload_id, uploads.c.conversation_id == conversation_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound()
    return row


async def _lock(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> bytes:
    """Let one request at a time count this conversation's uploads; its data key."""
    locked = select(conversations.c.id).where(conversations.c.id == conversation_id).with_for_update()
    if (await connection.execute(locked)).one_or_none() is None:
        raise NotFound()
    return await _data_key(runtime, connection, conversation_id)


async def _data_key(runtime: Runtime, connection: AsyncConnection, conversation_id: UUID) -> bytes:
    key_id = (await connection.execute(
        select(conversations.c.data_key_id).where(conversations.c.id == conversation_id)
    )).scalar_one()
    try:
        return await runtime.keyring.open(connection, key_id)
    except ContentGone:
        raise NotFound() from None


async def _make_room(connection: AsyncConnection, conversation_id: UUID) -> list[UUID]:
    """The oldest unfinished uploads beyond what is allowed beside a new one; their rows are gone."""
    unfinished = (
        select(uploads.c.id).where(uploads.c.conversation_id == conversation_id, uploads.c.name_enc != _FINISHED)
        .order_by(uploads.c.created_at.desc(), uploads.c.id).offset(UNFINISHED - 1)
    )
    return list((await connection.execute(
        delete(uploads).where(uploads.c.id.in_(unfinished)).returning(uploads.c.id)
    )).scalars())


# --- the disk; blocking -----------------------------------------------------------------------------------------------


def _parts(runtime: Runtime) -> Path:
    return runtime.settings.uploads / "parts"


def _folder(runtime: Runtime, upload_id: UUID) -> Path:
    return _parts(runtime) / str(upload_id)


def _piece_id(upload_id: UUID, offset: int) -> UUID:
    """What the piece's ciphertext is bound to: its place in its file."""
    return uuid5(upload_id, str(offset))


def _write(folder: Path, offset: int, sealed: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    leave_room(folder)
    descriptor = os.open(folder / str(offset), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())


def _read(folder: Path, data_key: bytes, row: Row[Any]) -> bytes:
    content = bytearray()
    while len(content) < row.size:
        offset = len(content)
        content += unseal(data_key, _piece_id(row.id, offset), (folder / str(offset)).read_bytes())
    return bytes(content)


def _folders(runtime: Runtime) -> list[UUID]:
    """Uploads that have pieces older than any request: a younger one's row may be about to be stored. What has no such
    name is not ours."""
    before, found = time.time() - KEPT.total_seconds(), []
    for folder in _parts(runtime).glob("*"):
        with contextlib.suppress(ValueError, FileNotFoundError):  # a disk's own folder; one that has just gone
            if folder.stat().st_mtime < before:
                found.append(UUID(folder.name))
    return found


def discard(runtime: Runtime, upload_id: UUID) -> None:
    """The pieces of an upload whose row is gone; blocking."""
    _remove(runtime, [upload_id])


def _remove(runtime: Runtime, gone: list[UUID]) -> None:
    for upload_id in gone:
        shutil.rmtree(_folder(runtime, upload_id), ignore_errors=True)

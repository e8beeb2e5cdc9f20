"""Citizens' files: sniffed, stripped of metadata, encrypted with the citizen's key, only ever served as downloads."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid4

import puremagic

from handoff.domain.text import clean
from handoff.services.attachments.metadata import PICTURES
from handoff.services.attachments.workshop import cleaned
from handoff.services.errors import TooLarge, Unavailable, Unprocessable, UnsupportedMedia
from handoff.services.runtime import Runtime
from handoff.store.crypto import seal, unseal

FILE_BYTES = 10 * 1024 * 1024
OTHERS = frozenset({
    "application/pdf", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/webm", "audio/wav", "audio/x-wav", "audio/aac",
    "audio/amr", "video/mp4", "video/webm", "video/3gpp",
})
SIGNATURES = (  # what puremagic is unsure about, by the first bytes of the formats' own definitions
    (0, b"\xff\xd8\xff", "image/jpeg"), (0, b"\x89PNG\r\n\x1a\n", "image/png"), (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"), (0, b"OggS", "audio/ogg"), (0, b"ID3", "audio/mpeg"), (0, b"#!AMR", "audio/amr"),
    (8, b"WAVE", "audio/wav"), (4, b"ftypM4A", "audio/mp4"), (4, b"ftyp3gp", "video/3gpp"),
    # Photos that begin like a film. We cannot open them, and without its metadata nothing would be left of one.
    (4, b"ftyphei", "image/heic"), (4, b"ftyphev", "image/heic"), (4, b"ftypmif", "image/heif"),
    (4, b"ftypmsf", "image/heif"), (4, b"ftypavi", "image/avif"),
    (4, b"ftyp", "video/mp4"),
)


@dataclass(frozen=True)
class StoredFile:
    """A file that is kept, encrypted; `size` is of the clear content, `sha256` of the ciphertext, `given` of what the
    citizen sent (it tells a repeated upload from another one and is stored only under a key)."""

    id: UUID
    name: str
    mime: str
    size: int
    sha256: bytes
    given: bytes


def sniff(content: bytes) -> str:
    """The media type by content. Raises `UnsupportedMedia` for a kind that we do not take."""
    known = (mime for offset, signature, mime in SIGNATURES if content.startswith(signature, offset))
    mime = next(known, None) or _guessed(content)
    if mime not in OTHERS and mime not in PICTURES:
        raise UnsupportedMedia()
    return mime


def _guessed(content: bytes) -> str:
    try:
        return str(puremagic.from_string(content, mime=True))
    except (puremagic.PureError, ValueError):
        return ""


def keep(runtime: Runtime, data_key: bytes, name: str, content: bytes) -> StoredFile:
    """Sniff, strip, encrypt and keep one file; blocking.

    Raises `TooLarge`, `UnsupportedMedia`, `Unprocessable`, `Unavailable`.
    """
    if len(content) > FILE_BYTES:
        raise TooLarge()
    if not content:
        raise Unprocessable("empty_message")
    mime = sniff(content)
    clear = cleaned(content, mime)
    file_id = uuid4()
    sealed = seal(data_key, file_id, clear)
    runtime.depot.put(file_id, sealed)
    safe = clean(name.replace("/", "_").replace("\\", "_")).replace("\n", " ").strip()[-120:]
    return StoredFile(file_id, safe or "berkas", mime, len(clear), hashlib.sha256(sealed).digest(),
                      hashlib.sha256(content).digest())


def discard(runtime: Runtime, file_id: UUID) -> None:
    """Remove a file that nobody needs, such as one that was uploaded twice; blocking. What cannot be reached now stays,
    unreadable without its citizen's key."""
    with contextlib.suppress(Unavailable):
        runtime.depot.remove(file_id)


def read(runtime: Runtime, data_key: bytes, file_id: UUID) -> bytes:
    """The clear content of a stored file; blocking. Raises `NotFound`, `Unavailable`."""
    return unseal(data_key, file_id, runtime.depot.get(file_id))

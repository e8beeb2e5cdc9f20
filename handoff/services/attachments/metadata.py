"""What a file says that its sender did not mean to say: place, device, author, time. Removed before it is stored."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import pikepdf
from PIL import Image, ImageOps

from handoff.services.errors import TooLarge, Unprocessable

PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
ISO_MEDIA = frozenset({"video/mp4", "video/3gpp", "audio/mp4"})
PIXELS = 60_000_000  # a decompression bomb is larger than any telephone's photo
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"moof", b"traf"}  # boxes that hold boxes (ISO/IEC 14496-12)
DEPTH = 8  # of boxes in boxes; a film has four
TELLING = {b"udta", b"meta", b"uuid"}  # where cameras write place, device and owner


def strip(content: bytes, mime: str) -> bytes:
    """The file without its metadata; kinds that carry none are returned as they are.

    Raises `Unprocessable` for a picture or document that cannot be read, `TooLarge` for one of too many pixels.
    """
    if mime in PICTURES:
        return _picture(content, mime)
    if mime == "application/pdf":
        return _document(content)
    if mime in ISO_MEDIA:
        return _recording(content)
    return content


def _picture(content: bytes, mime: str) -> bytes:
    try:
        with Image.open(io.BytesIO(content), formats=[PICTURES[mime]]) as picture:  # and as nothing else
            if picture.width * picture.height > PIXELS:
                raise TooLarge()
            upright = ImageOps.exif_transpose(picture)
            upright.info = {}
            out = io.BytesIO()
            upright.save(out, PICTURES[mime], **({"quality": 88} if mime != "image/png" else {}))
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unprocessable() from None


def _document(content: bytes) -> bytes:
    """A PDF without its information dictionary and XMP packet. A locked one is kept as it is: the officer may ask."""
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            del document.docinfo
            if "/Metadata" in document.Root:
                del document.Root["/Metadata"]
            out = io.BytesIO()
            document.save(out)
            return out.getvalue()
    except pikepdf.PasswordError:
        return content
    except (pikepdf.PdfError, ValueError):
        raise Unprocessable() from None


def _recording(content: bytes) -> bytes:
    """Boxes that tell are emptied in place and renamed to `free`, so no offset in the file moves."""
    edited = bytearray(content)
    for start, size in _telling_boxes(content, 0, len(content)):
        edited[start + 4 : start + 8] = b"free"
        edited[start + 8 : start + size] = bytes(size - 8)
    return bytes(edited)


def _telling_boxes(content: bytes, start: int, end: int, depth: int = 1) -> Iterator[tuple[int, int]]:
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, start)
        header = 8
        if size == 1 and start + 16 <= end:
            size, header = struct.unpack_from(">Q", content, start + 8)[0], 16
        elif size == 0:  # reaches to the end
            size = end - start
        if size < header or start + size > end:
            return  # not a box: a damaged tail is left alone
        if kind in TELLING:
            yield start, size
        elif kind in CONTAINERS and depth < DEPTH:
            yield from _telling_boxes(content, start + header, start + size, depth + 1)
        start += size


def thumbnail(content: bytes, pixels: int = 320) -> bytes:
    """A stored picture as a small JPEG, at most `pixels` wide and high; blocking. Raises `Unprocessable`."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content), formats=[*PICTURES.values()]) as picture:
            picture.thumbnail((pixels, pixels))
            picture.convert("RGB").save(out, "JPEG", quality=70)
    except (OSError, ValueError, SyntaxError):
        raise Unprocessable() from None
    return out.getvalue()

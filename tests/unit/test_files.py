"""What citizens upload: told apart by content, stripped of what they did not mean to send."""

from __future__ import annotations

import io
import resource
import struct
import zlib

import pikepdf
import pytest
from PIL import Image

from handoff.services.attachments.files import sniff
from handoff.services.attachments.metadata import PIXELS, strip
from handoff.services.attachments.workshop import cleaned
from handoff.services.errors import TooLarge, Unprocessable, UnsupportedMedia


def photo(kind: str = "JPEG", orientation: int = 1) -> bytes:
    picture = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "TELEPON-SAYA"
    exif.get_ifd(0x8825)[2] = (2.0, 7.0, 30.0)  # GPS latitude
    out = io.BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize(("content", "mime"), [
    (photo("JPEG"), "image/jpeg"), (photo("PNG"), "image/png"), (photo("WEBP"), "image/webp"),
    (b"%PDF-1.7\n", "application/pdf"), (b"OggS\0\2", "audio/ogg"), (b"ID3\4", "audio/mpeg"), (b"#!AMR\n", "audio/amr"),
    (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"), (b"\0\0\0\x18ftypmp42", "video/mp4"), (b"\0\0\0\x18ftyp3gp5", "video/3gpp"),
])
def test_the_kind_is_known_by_content(content, mime):
    assert sniff(content) == mime


@pytest.mark.parametrize("content", [
    b"<html><script>alert(1)</script>", b"MZ\x90\0", b"#!/bin/sh\nrm", b"\x7fELF", b"PK\3\4", b"GIF89a", b"halo", b"\0",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypmif1", b"\0\0\0\x1cftypavif",  # photos: as films they would be wiped
])
def test_other_kinds_are_refused_whatever_they_are_called(content):
    with pytest.raises(UnsupportedMedia):
        sniff(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_p11_a_photo_loses_place_and_device(kind):
    clean = strip(photo(kind), f"image/{kind.lower()}")
    assert b"TELEPON-SAYA" not in clean
    assert not Image.open(io.BytesIO(clean)).getexif()


def test_a_photo_is_turned_the_way_it_was_taken():
    clean = strip(photo(orientation=6), "image/jpeg")
    assert Image.open(io.BytesIO(clean)).size == (20, 40)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0broken", photo()[:200]])
def test_a_damaged_photo_is_refused(content):
    with pytest.raises(Unprocessable):
        strip(content, "image/jpeg")


def test_p11_a_document_loses_its_author():
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.docinfo["/Author"] = "BUDI-RAHASIA"
        with document.open_metadata() as xmp:
            xmp["dc:creator"] = ["BUDI-RAHASIA"]
        document.save(out)
    clean = strip(out.getvalue(), "application/pdf")
    with pikepdf.open(io.BytesIO(clean)) as document:
        assert len(document.pages) == 1
        assert "/Author" not in document.docinfo
        assert "/Metadata" not in document.Root


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_p11_a_video_loses_its_place_and_no_offset_moves():
    place = box(b"udta", box(b"\xa9xyz", b"-02.1234+106.1234/"))
    sound = box(b"trak", box(b"mdia", b"") + box(b"meta", b"TELEPON-SAYA"))
    video = box(b"ftyp", b"mp42") + box(b"moov", box(b"mvhd", b"1234") + place + sound) + box(b"mdat", b"gambar")
    clean = strip(video, "video/mp4")
    assert len(clean) == len(video)
    assert clean.index(b"gambar") == video.index(b"gambar")
    assert b"106.1234" not in clean
    assert b"TELEPON-SAYA" not in clean


@pytest.mark.parametrize("tail", [b"", b"\0\0", b"\xff" * 9, b"\0\0\0\4udta", box(b"udta", b"x")[:-1]])
def test_a_damaged_video_is_kept_as_it_came(tail):
    video = box(b"ftyp", b"mp42") + tail
    assert strip(video, "video/mp4") == video


def test_boxes_in_boxes_without_end_are_kept_as_they_came():
    nested = b"".join(struct.pack(">I4s", 8 * (50_000 - depth), b"moov") for depth in range(50_000))
    video = box(b"ftyp", b"mp42") + nested
    assert strip(video, "video/mp4") == video


# --- at arm's length -------------------------------------------------------------------------------------------------


def bomb(megabytes: int) -> bytes:
    """A document of a few kilobytes whose table of contents takes so much to open."""
    packer = zlib.compressobj(9)
    first, piece = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    table = zlib.compress(first + piece * (megabytes - 1) + packer.flush(), 9)
    head = (b"%%PDF-1.5\n1 0 obj\n<</Type/XRef/W[1 2 1]/Size %d/Root 2 0 R/Filter[/FlateDecode/FlateDecode]/Length %d>>"
            b"stream\n" % (megabytes << 18, len(table)))
    return head + table + b"\nendstream endobj\nstartxref\n9\n%%EOF"


def test_a_document_that_would_take_all_memory_takes_none_of_ours():
    hostile = bomb(1500)
    assert len(hostile) < 20_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unprocessable):
        cleaned(hostile, "application/pdf")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 900_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_comes_back_clean_from_the_other_process(kind):
    assert cleaned(photo(kind), f"image/{kind.lower()}") == strip(photo(kind), f"image/{kind.lower()}")


def test_what_the_other_process_refuses_is_refused_alike():
    out = io.BytesIO()
    Image.new("1", (PIXELS // 4000 + 1, 4000)).save(out, "PNG")
    with pytest.raises(TooLarge):
        cleaned(out.getvalue(), "image/png")
    with pytest.raises(Unprocessable):
        cleaned(b"\xff\xd8\xff\xe0broken", "image/jpeg")


def test_a_picture_is_opened_as_what_its_first_bytes_said_and_as_nothing_else():
    disguised = b"P6\n#1234WEBP\n1 1\n255\n\0\0\0"
    assert Image.open(io.BytesIO(disguised)).format == "PPM"
    with pytest.raises(Unprocessable):
        strip(disguised, sniff(disguised))

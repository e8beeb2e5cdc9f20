"""What citizens upload: told apart by content, stripped of what they did not mean to send."""

from __future__ import annotations

import io
import struct

import pikepdf
import pytest
from PIL import Image

from handoff.services.attachments.files import sniff
from handoff.services.attachments.metadata import strip
from handoff.services.errors import Unprocessable, UnsupportedMedia


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

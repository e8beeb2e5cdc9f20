"""Files in pieces: every way a line can fail leaves either the whole file as one message, or nothing of it."""

from __future__ import annotations

import asyncio
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from handoff.services.attachments import files, uploads
from handoff.store import db, schema
from tests.support.people import refused

# What is stored does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
PIECE = 64 * 1024


def recording(size: int) -> bytes:
    """A voice note of that many bytes; of a kind that is kept byte for byte."""
    return b"#!AMR\n" + os.urandom(size - 6)


class Sender:
    """A citizen's device with a file to send."""

    def __init__(self, client: httpx.AsyncClient, address: str, headers: dict[str, str]) -> None:
        self.client, self.address, self.headers = client, address, headers

    @classmethod
    async def arrives(cls, served: Any) -> Sender:
        client = await served.client()
        begun = (await client.post("/api/v1/conversations")).json()
        return cls(client, f"/api/v1/conversations/{begun['conversation_id']}",
                   {"Authorization": f"Bearer {begun['token']}"})

    async def begins(self, size: int, name: str = "suara.amr", key: str | None = "k") -> httpx.Response:
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        return await self.client.post(f"{self.address}/uploads", headers=headers, json={"name": name, "size": size})

    async def adds(self, upload: str, offset: int | str, piece: bytes) -> httpx.Response:
        return await self.client.patch(f"{self.address}/uploads/{upload}", content=piece, headers={
            **self.headers, "Upload-Offset": str(offset), "Content-Type": "application/octet-stream"})

    async def asks(self, upload: str) -> httpx.Response:
        return await self.client.get(f"{self.address}/uploads/{upload}", headers=self.headers)

    async def sends(self, upload: str, key: str = "m", **more: Any) -> httpx.Response:
        return await self.client.post(f"{self.address}/messages", headers={**self.headers, "Idempotency-Key": key},
                                      json={"upload": upload, **more})

    async def brings(self, content: bytes, name: str = "suara.amr", key: str = "k") -> str:
        """The whole file; the upload's id."""
        upload = str((await self.begins(len(content), name, key)).json()["upload_id"])
        for offset in range(0, len(content), PIECE):
            answer = await self.adds(upload, offset, content[offset : offset + PIECE])
            assert answer.json()["received"] == min(offset + PIECE, len(content)), answer.text
        return upload

    async def sees(self) -> list[dict[str, Any]]:
        return list((await self.client.get(f"{self.address}/messages", headers=self.headers)).json()["messages"])

    async def reads(self, url: str) -> bytes:
        return (await self.client.get(url, headers=self.headers)).content


def pieces(served: Any) -> list[Path]:
    folder = served.runtime.settings.uploads / "parts"
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_p01_a_file_in_pieces_becomes_the_message_that_a_form_would_have_made(served):
    sender, content = await Sender.arrives(served), recording(3 * PIECE + 17)
    sent = await sender.sends(await sender.brings(content), text="ini rekamannya")
    assert sent.status_code == 202, sent.text
    form = await sender.client.post(f"{sender.address}/messages", headers=sender.headers,
                                    files={"file": ("suara.amr", content)}, data={"text": "ini rekamannya"})
    assert form.status_code == 202
    first, second = [m for m in await sender.sees() if m["kind"] == "file"]
    for message in (first, second):
        (file,) = message["attachments"]
        assert (message["text"], file["name"], file["mime"]) == ("ini rekamannya", "suara.amr", "audio/amr")
        assert await sender.reads(file["url"]) == content


async def test_a_photo_in_pieces_loses_its_place_and_device(served, tmp_path):
    told = Image.Exif()
    told[0x010F] = "KameraRahasia"
    Image.effect_noise((600, 600), 90).convert("RGB").save(tmp_path / "a.jpg", exif=told, quality=95)
    content = (tmp_path / "a.jpg").read_bytes()
    assert b"KameraRahasia" in content
    assert len(content) > PIECE
    sender = await Sender.arrives(served)
    assert (await sender.sends(await sender.brings(content, "a.jpg"))).status_code == 202
    kept = await sender.reads((await sender.sees())[0]["attachments"][0]["url"])
    assert kept.startswith(b"\xff\xd8\xff")
    assert b"KameraRahasia" not in kept


async def test_p01_a_lost_answer_at_any_step_is_asked_for_again_and_nothing_doubles(served):
    sender, content = await Sender.arrives(served), recording(2 * PIECE)
    begun = [await sender.begins(len(content)) for _ in range(2)]
    assert [b.json() for b in begun] == [begun[0].json()] * 2
    upload = begun[0].json()["upload_id"]
    assert (await sender.adds(upload, 0, content[:PIECE])).json()["received"] == PIECE
    again = await sender.adds(upload, 0, content[:PIECE])  # its answer was lost
    refused(again, 409, "wrong_offset")
    assert again.json()["received"] == PIECE
    assert (await sender.asks(upload)).json() == {"upload_id": upload, "size": len(content), "received": PIECE}
    refused(await sender.sends(upload), 409, "upload_unfinished")
    assert (await sender.begins(len(content))).json()["received"] == PIECE  # the page was loaded again
    assert (await sender.adds(upload, PIECE, content[PIECE:])).json()["received"] == len(content)
    receipts = [await sender.sends(upload) for _ in range(3)]
    assert [(r.status_code, r.json()) for r in receipts] == [(202, receipts[0].json())] * 3
    assert (await sender.begins(len(content))).json() == {  # still the same file: there is nothing to send again
        "upload_id": upload, "size": len(content), "received": len(content)}
    assert [len(m["attachments"]) for m in await sender.sees() if m["kind"] == "file"] == [1]
    refused(await sender.sends(upload, key="other"), 404)  # it is a message, it cannot become a second one
    refused(await sender.sends(upload, text="lain"), 409, "key_reused")


async def test_two_requests_with_the_same_piece_are_taken_one_after_the_other(served):
    sender, content = await Sender.arrives(served), recording(2 * PIECE)
    upload = (await sender.begins(len(content))).json()["upload_id"]
    answers = await asyncio.gather(*(sender.adds(upload, 0, content[:PIECE]) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    await sender.adds(upload, PIECE, content[PIECE:])
    receipts = await asyncio.gather(*(sender.sends(upload) for _ in range(4)))
    assert {(r.status_code, r.text) for r in receipts} == {(202, receipts[0].text)}
    (message,) = [m for m in await sender.sees() if m["kind"] == "file"]
    assert await sender.reads(message["attachments"][0]["url"]) == content
    kept = [f for f in served.runtime.settings.uploads.rglob("*") if f.is_file()]
    assert [f.name for f in kept] == [message["attachments"][0]["id"]]  # no second copy, no piece


async def test_p11_pieces_on_disk_are_encrypted_and_nobody_elses(served):
    sender, content = await Sender.arrives(served), b"#!AMR\n" + b"rahasia " * 20_000
    upload = (await sender.begins(len(content), "rahasia.amr")).json()["upload_id"]
    await sender.adds(upload, 0, content[:PIECE])
    (piece,) = pieces(served)
    assert stat.S_IMODE(piece.stat().st_mode) == 0o600
    assert b"rahasia" not in piece.read_bytes()
    async with db.transaction(served.runtime.pool) as connection:
        row = (await connection.execute(select(schema.uploads))).one()
    assert b"rahasia" not in row.name_enc
    other = await Sender.arrives(served)
    refused(await other.asks(upload), 404)
    refused(await other.adds(upload, PIECE, content[PIECE : 2 * PIECE]), 404)
    refused(await other.sends(upload), 404)
    other.headers = {"Authorization": "Bearer guessed"}
    refused(await other.begins(10), 401)


@pytest.mark.parametrize(("name", "content", "status"), [
    ("virus.exe", b"MZ\x90\x00" + b"\0" * 200, 415), ("rusak.jpg", b"\xff\xd8\xff\xe0 not a picture", 422),
])
async def test_what_a_form_may_not_bring_pieces_may_not_either(served, name, content, status):
    sender = await Sender.arrives(served)
    refused(await sender.sends(await sender.brings(content, name)), status)
    assert await sender.sees() == []


async def test_what_makes_no_sense_is_refused(served):
    sender = await Sender.arrives(served)
    refused(await sender.begins(100, key=None), 400)
    refused(await sender.begins(0), 422, "empty_message")
    refused(await sender.begins(files.FILE_BYTES + 1), 413, "too_large")
    refused(await sender.begins(100, "x" * 256), 400)
    upload = (await sender.begins(300_000)).json()["upload_id"]
    refused(await sender.begins(300_001), 409, "key_reused")
    refused(await sender.adds(upload, "x", b"a"), 400)
    refused(await sender.adds(upload, 0, b"a" * (uploads.LEAST_BYTES - 1)), 422)
    refused(await sender.adds(upload, 0, b"a" * (uploads.PIECE_BYTES + 1)), 413)
    refused(await sender.asks("nothing"), 404)
    short = (await sender.begins(5, key="short")).json()["upload_id"]
    refused(await sender.adds(short, 0, b"abcdef"), 413)
    refused(await sender.sends(upload, payload="person:"), 400)
    assert pieces(served) == []


async def test_a_conversation_has_few_unfinished_files_and_the_oldest_goes(served):
    sender = await Sender.arrives(served)
    begun = []
    for number in range(uploads.UNFINISHED + 1):
        upload = (await sender.begins(2 * PIECE, key=f"k{number}")).json()["upload_id"]
        await sender.adds(upload, 0, b"#!AMR\n".ljust(PIECE))
        begun.append(upload)
        served.clock.forward(timedelta(minutes=1))
    assert [(await sender.asks(upload)).status_code for upload in begun] == [404, *[200] * uploads.UNFINISHED]
    assert {piece.parent.name for piece in pieces(served)} == set(begun[1:])


async def test_what_never_became_a_message_is_removed_by_its_age(served):
    sender = await Sender.arrives(served)
    old = (await sender.begins(2 * PIECE, key="old")).json()["upload_id"]
    await sender.adds(old, 0, b"#!AMR\n".ljust(PIECE))
    served.clock.forward(uploads.KEPT - timedelta(minutes=1))
    young = (await sender.begins(2 * PIECE, key="young")).json()["upload_id"]
    await sender.adds(young, 0, b"#!AMR\n".ljust(PIECE))
    served.clock.forward(timedelta(minutes=1))
    assert await uploads.sweep(served.runtime) == 1
    assert [(await sender.asks(upload)).status_code for upload in (old, young)] == [404, 200]
    assert {piece.parent.name for piece in pieces(served)} == {young}


async def test_pieces_without_a_row_are_removed_once_no_request_can_be_writing_them(served):
    folder = served.runtime.settings.uploads / "parts" / "0b0e0a0a-0000-4000-8000-000000000000"
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"x")
    of_the_disk = folder.with_name("lost+found")
    of_the_disk.mkdir()
    assert await uploads.sweep(served.runtime) == 0
    assert folder.exists()
    for one in (folder, of_the_disk):
        os.utime(one, (0, 0))
    await uploads.sweep(served.runtime)
    assert not folder.exists()
    assert of_the_disk.exists()


async def test_a_piece_whose_transaction_failed_is_written_over(served):
    sender, content = await Sender.arrives(served), recording(2 * PIECE)
    upload = (await sender.begins(len(content))).json()["upload_id"]
    uploads._write(uploads._folder(served.runtime, upload), 0, b"\x01 left by a crash, never told by the row")
    await sender.adds(upload, 0, content[:PIECE])
    await sender.adds(upload, PIECE, content[PIECE:])
    assert (await sender.sends(upload)).status_code == 202
    assert await sender.reads((await sender.sees())[0]["attachments"][0]["url"]) == content

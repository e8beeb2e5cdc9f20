"""Files from WhatsApp: fetched, checked, kept, shown; or given up, and said so."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import io
from datetime import timedelta
from typing import Any

import pikepdf
import psycopg
import pytest
from PIL import Image
from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, media
from handoff.channels.whatsapp.graph import Graph
from handoff.services.attachments import files
from handoff.services.talk import conversations, turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_media
from tests.support import whatsapp
from tests.support.citizen import Citizen
from tests.support.office import officer_row, picture
from tests.support.whatsapp import delivery, message, value

# What a channel fetches does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


def written(kind: str) -> bytes:
    """A small file of that kind."""
    out = io.BytesIO()
    if kind == "pdf":
        with pikepdf.new() as document:
            document.add_blank_page()
            document.save(out)
    else:
        Image.new("RGB", (8, 8), "white").save(out, kind)
    return out.getvalue()


CONTENT = {
    "image": (written("jpeg"), "image/jpeg"), "document": (written("pdf"), "application/pdf"),
    "voice": (b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + bytes(64), "audio/ogg"),
    "audio": (b"ID3\x04" + bytes(200), "audio/mpeg"), "video": (bytes(4) + b"ftypmp42" + bytes(200), "video/mp4"),
    "sticker": (written("webp"), "image/webp"),
}


async def sends(runtime: Any, content: bytes | None = None, **more: Any) -> Citizen:
    """A citizen sends a photo; the delivery comes twice."""
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode() if content is not None else ""
    said = {"type": "image", "image": {"id": "77", "mime_type": "image/png", "sha256": checksum, **more}}
    given = whatsapp.written(delivery(value(message(said, wamid="w1"))))
    for _ in range(2):
        await intake.take_in(runtime, given)
    return Citizen(runtime, (await waiting(runtime)).conversation_id)


async def waiting(runtime: Any) -> Any:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(whatsapp_media))).one()


async def due(runtime: Any) -> None:
    """The next try is due."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_media SET due_at = clock_timestamp()"))


async def test_p03_a_photo_opens_a_case_and_its_officer_sees_it(runtime, graph, api):
    api.holds("77", picture())
    citizen = await sends(runtime, picture(), caption="KTP saya")
    await turn.drain(runtime, citizen.id)  # the case does not wait for the file
    assert (await citizen.case()).reason == "unreadable_message"
    await media.fetch_overdue(runtime, graph)
    await media.fetch_overdue(runtime, graph)
    shown = (await citizen.sees())[0]
    (file,) = shown["attachments"]
    assert (shown["text"], file["name"], file["mime"]) == ("KTP saya", "image.png", "image/png")
    row, key, _ = await conversations.file_row(runtime, citizen.id, file["id"])
    assert files.read(runtime, key, row.id).startswith(b"\x89PNG")
    assert (await waiting(runtime)).state == "stored"


async def test_what_fails_is_tried_again_with_a_new_address(runtime, graph, api):
    api.holds("77", picture())
    citizen = await sends(runtime, picture())
    api.troubles = [(500, 131000), (502, None)]
    for _ in range(2):
        await media.fetch_overdue(runtime, graph)
        await media.fetch_overdue(runtime, graph)  # not due yet
        await due(runtime)
    assert (await waiting(runtime)).tries == 2
    await media.fetch_overdue(runtime, graph)
    assert len((await citizen.sees())[0]["attachments"]) == 1


@pytest.mark.parametrize(("content", "told", "tries", "reason", "said"), [
    (b"MZ" + bytes(500), {}, 1, "unsupported", "Jenis berkas"),
    (picture(), {"file_size": 11_000_000}, 1, "too_large", "terlalu besar"),
    (bytes(10 * 1024 * 1024 + 1), {"file_size": None}, 1, "too_large", "terlalu besar"),
    (b"", {}, 1, "damaged", "rusak"),
    (b"\xff\xd8\xff" + bytes(50), {}, 1, "damaged", "rusak"),
    (picture(), {"sha256": "0" * 64}, media.TRIES, "gone", "tidak bisa kami ambil"),
    (picture(), {"url": "ftp://x"}, 1, "gone", "tidak bisa kami ambil"),
    (None, {}, media.REFUSALS, "gone", "tidak bisa kami ambil"),
], ids=["program", "announced too large", "too large", "empty", "damaged", "another", "expired address", "expired"])
async def test_what_cannot_be_had_is_given_up_and_the_citizen_is_told(
    runtime, graph, api, monkeypatch, content, told, tries, reason, said
):
    if tries == 1:
        monkeypatch.setattr(media, "TRIES", 1)
    if content is not None:
        api.holds("77", content, **told)
    citizen = await sends(runtime, content)
    for _ in range(tries):
        await media.fetch_overdue(runtime, graph)
        await due(runtime)
    row = await waiting(runtime)
    assert (row.state, row.reason, row.tries) == ("failed", reason, tries)
    last = (await citizen.sees())[-1]
    assert last["author"] == "system"
    assert said in last["text"]


@pytest.mark.parametrize("trouble", [(401, 190), (500, 131000), (503, None), (429, 80007), (403, 10), None])
async def test_p01_what_may_pass_is_tried_for_as_long_as_meta_holds_the_file(runtime, graph, api, monkeypatch, trouble):
    citizen, tries = await sends(runtime, picture()), media.TRIES + 3
    asked = graph if trouble else Graph(dataclasses.replace(runtime.settings.whatsapp, api_url="http://127.0.0.1:9"))
    api.troubles = [trouble] * (tries + 1)
    for _ in range(tries):
        await media.fetch_overdue(runtime, asked)
        await due(runtime)
    assert ((row := await waiting(runtime)).state, row.tries) == ("waiting", tries)
    monkeypatch.setattr(media, "HELD_FOR", timedelta())  # a week later
    await media.fetch_overdue(runtime, asked)
    assert ((row := await waiting(runtime)).state, row.reason) == ("failed", "gone")
    assert "tidak bisa kami ambil" in (await citizen.sees())[-1]["text"]
    if asked is not graph:
        await asked.close()


async def test_a_file_is_held_from_when_its_message_came(runtime, graph, api, database):
    """The week is counted from the message, by the database's clock."""
    await sends(runtime, picture())
    api.troubles = [(500, 131000)]
    await media.fetch_overdue(runtime, graph)
    assert (await waiting(runtime)).state == "waiting"
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("ALTER TABLE messages DISABLE TRIGGER USER")
        owner.execute("UPDATE messages SET stored_at = stored_at - interval '7 days'")
    await due(runtime)
    api.troubles = [(500, 131000)]
    await media.fetch_overdue(runtime, graph)
    assert (await waiting(runtime)).reason == "gone"


@pytest.mark.parametrize("name", ["image", "voice", "audio", "video", "document", "sticker"])
async def test_p03_every_kind_of_file_opens_a_case_and_its_officer_can_open_it(runtime, graph, api, name):
    content, mime = CONTENT[name]
    said = copy.deepcopy(whatsapp.SAID[name])
    said[said["type"]]["sha256"] = hashlib.sha256(content).hexdigest()
    api.holds(said[said["type"]]["id"], content)
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(said)))))
    citizen = Citizen(runtime, (await waiting(runtime)).conversation_id)
    await turn.drain(runtime, citizen.id)
    case = await citizen.case()
    await media.fetch_overdue(runtime, graph)
    assert case.reason == "unreadable_message"
    shown = (await citizen.sees())[0]
    (file,) = shown["attachments"]
    assert file["mime"] == mime
    assert said[said["type"]].get("caption", "") in shown["text"]
    row, key, _ = await conversations.file_row(runtime, citizen.id, file["id"])
    assert len(files.read(runtime, key, row.id)) == row.size
    reader = await officer_row(runtime, case.officer_id)
    seen = await desk.case_in_full(runtime, reader, case.number)
    assert [a["id"] for m in seen["messages"] for a in m["attachments"]] == [file["id"]]

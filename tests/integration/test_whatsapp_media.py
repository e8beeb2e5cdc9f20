"""Files from WhatsApp: fetched, checked, kept, shown; or given up, and said so."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, media
from handoff.services.attachments import files
from handoff.services.talk import conversations, turn
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_media
from tests.integration.test_whatsapp_sending import api, graph, settings  # noqa: F401  (fixtures)
from tests.support import whatsapp
from tests.support.citizen import Citizen
from tests.support.office import picture
from tests.support.whatsapp import delivery, message, value

# What a channel fetches does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


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


async def test_p03_a_photo_opens_a_case_and_its_officer_sees_it(runtime, graph, api):  # noqa: F811
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


async def test_what_fails_is_tried_again_with_a_new_address(runtime, graph, api):  # noqa: F811
    api.holds("77", picture())
    citizen = await sends(runtime, picture())
    api.troubles = [(500, 131000), (401, 190)]
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
    (None, {}, 1, "gone", "tidak bisa kami ambil"),
], ids=["program", "announced too large", "too large", "empty", "damaged", "another", "expired address", "expired"])
async def test_what_cannot_be_had_is_given_up_and_the_citizen_is_told(
    runtime, graph, api, monkeypatch, content, told, tries, reason, said  # noqa: F811
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

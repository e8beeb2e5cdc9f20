"""P11 over WhatsApp: *data saya* from a telephone, what is posted of it, and who was erased is found by no number."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import intake, sending
from handoff.services.case import verbs
from handoff.services.rights import erasing
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.schema import contacts, conversations, messages
from handoff.store.schema_rights import data_events, erasures
from handoff.store.schema_whatsapp import whatsapp_addresses
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.erased import found
from tests.support.line import writes
from tests.support.office import officer_row
from tests.support.whatsapp import SENDER, delivery, message, says, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
WORDS = "Kampung Randublatung"


class NoRasa:
    async def forget(self, _: Any) -> None:
        """Nothing was remembered."""

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def queued_runtime(queued_runtime):
    """The runtime, with no Rasa that could remember anything."""
    return dataclasses.replace(queued_runtime, bot=NoRasa())


async def hears(runtime: Any, graph: Any, text: str) -> Citizen:
    """Budi writes, the turn runs, and everything is posted."""
    return await _through(runtime, graph, await writes(runtime, text))


async def taps(runtime: Any, graph: Any, citizen: Citizen, title: str) -> None:
    """The newest button with this title, as the telephone shows it."""
    payload = [b["payload"] for m in await citizen.sees() for b in m["buttons"] if b["title"] == title][-1]
    said = {"type": "interactive", "context": {"from": "62211500", "id": "wamid.ours"},
            "interactive": {"type": "button_reply", "button_reply": {"id": payload, "title": title[:20]}}}
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(said)))))
    await _through(runtime, graph, citizen)


async def _through(runtime: Any, graph: Any, citizen: Citizen) -> Citizen:
    assert await turn.drain(runtime, citizen.id)
    while (await sending.post_due(runtime, graph, citizen.id)) is not None:
        pass
    return citizen


async def with_case(runtime: Any, graph: Any) -> Citizen:
    citizen = await writes(runtime, f"mau bicara sama petugas di {WORDS}")
    await citizen.hears(UNSURE)
    await _through(runtime, graph, citizen)
    case = await citizen.case()
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, f"Baik, Bapak di {WORDS}.")
    return await _through(runtime, graph, citizen)


async def erased(runtime: Any, graph: Any, clock: Any) -> Citizen:
    citizen = await with_case(runtime, graph)
    await hears(runtime, graph, "hapus data saya")
    await taps(runtime, graph, citizen, "Batalkan dan hapus")
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1
    return citizen


async def test_p11_from_a_telephone_one_sees_takes_and_may_erase(queued_runtime, graph, api):
    runtime = queued_runtime
    citizen = await with_case(runtime, graph)
    await hears(runtime, graph, "data saya")
    posted = "\n".join(api.texts)
    assert "Siapa yang sudah melihat" in posted
    assert "1 nomor WhatsApp yang Anda pakai menulis" in posted
    await taps(runtime, graph, citizen, "Unduh data saya")
    assert re.search(rf"{re.escape(runtime.settings.base_url)}/data/[\w-]{{32}}\n", "\n".join(api.texts))
    await hears(runtime, graph, "hapus data saya")
    posted = "\n".join([*api.texts, *(one["interactive"]["body"]["text"] for one in api.accepted
                                      if "interactive" in one)])
    assert f"tidak bisa mengurusnya tanpa data Anda:\n• {(await citizen.case()).number}" in posted
    titles = [b["reply"]["title"] for b in api.accepted[-1]["interactive"]["action"]["buttons"]]
    assert titles == ["Batalkan dan hapus", "Unduh data saya", "Jangan dihapus"]
    await taps(runtime, graph, citizen, "Batalkan dan hapus")
    assert "/data/bukti/" in "\n".join(api.texts)
    await hears(runtime, graph, "batal hapus")
    assert "penghapusan dibatalkan" in api.texts[-1]
    assert api.refused == []
    assert set((await citizen.fates())[1:]) == {"command"}


async def test_p11_number_and_words_are_nowhere_and_who_writes_again_is_somebody_new(
    queued_runtime, graph, api, clock, database, settings
):
    runtime = queued_runtime
    old = await erased(runtime, graph, clock)
    hashed = runtime.keyring.blind("whatsapp", SENDER)
    assert found(database.superuser_url, settings.home, {
        "number": SENDER.encode(), "its hash": hashed, "words": WORDS.encode()}) == []
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_addresses.c.current))).scalars().all() == [False]
        assert (await connection.execute(select(contacts))).all() == []
        assert (await connection.execute(select(erasures.c.state))).scalars().all() == ["done"]
    posted = len(api.accepted)
    await _through(runtime, graph, old)  # nothing more goes to them
    assert len(api.accepted) == posted
    new = await writes(runtime, "halo, saya lagi")
    assert new.id != old.id
    async with db.transaction(runtime.pool) as connection:
        assert len((await connection.execute(select(conversations.c.citizen_id).distinct())).all()) == 2


async def test_p11_what_meta_delivers_again_brings_nothing_back(queued_runtime, graph, api, clock):
    runtime = queued_runtime
    one = says(f"saya di {WORDS}", wamid="wamid.again")
    await intake.take_in(runtime, whatsapp.written(delivery(value(one))))
    await erased(runtime, graph, clock)
    assert await intake.take_in(runtime, whatsapp.written(delivery(value(one)))) == {"repeated": 1}
    async with db.transaction(runtime.pool) as connection:
        assert len((await connection.execute(select(conversations.c.id))).all()) == 1


async def test_a_message_that_comes_while_its_citizen_is_erased_is_somebody_news(
    queued_runtime, graph, api, clock, monkeypatch
):
    """The conversation was found, and is gone when the message is to be stored."""
    runtime = queued_runtime
    citizen = await with_case(runtime, graph)
    await hears(runtime, graph, "hapus data saya")
    await taps(runtime, graph, citizen, "Batalkan dan hapus")
    clock.forward(timedelta(hours=24))
    receive = intake.inbox.receive

    async def late(*given: Any) -> Any:
        await erasing.carry_out_due(runtime)
        return await receive(*given)

    monkeypatch.setattr(intake.inbox, "receive", late)
    assert await intake.take_in(runtime, whatsapp.written(delivery(value(says("masih ada?"))))) == {"message": 1}
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(conversations.c.id, conversations.c.erased_at).order_by(conversations.c.created_at))).all()
        held = (await connection.execute(
            select(messages.c.id).where(messages.c.conversation_id == rows[1].id))).all()
    assert ([row.erased_at is None for row in rows], len(held)) == ([False, True], 1)


async def test_p11_stop_and_its_end_are_written_down_with_the_word(queued_runtime, graph, api):
    runtime = queued_runtime
    citizen = await with_case(runtime, graph)
    await hears(runtime, graph, "*Stop*")
    await hears(runtime, graph, "mulai")
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(data_events.c.kind, data_events.c.detail).order_by(data_events.c.kind.desc()))).all()
    assert [tuple(row) for row in rows] == [("news_stopped", "stop"), ("news_started", "mulai")]
    assert (await citizen.fates())[-2:] == ["command", "command"]

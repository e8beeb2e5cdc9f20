"""What is particular to a talk over WhatsApp: the first word, five stars in a list, and who was erased is not known."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from handoff.channels.whatsapp import addresses, intake, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.services.talk import introducing, turn
from handoff.store import db
from handoff.store.crypto import ContentGone
from handoff.store.schema import cases, citizens, contacts, conversations, data_keys, messages, offices
from handoff.store.schema_moves import ratings
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_events
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.erased import forget
from tests.support.line import writes
from tests.support.office import officer_row
from tests.support.whatsapp import SAID, SENDER, delivery, message, says, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


@pytest.fixture
def asking(monkeypatch):
    """What the bot is asked is answered as a lost card: these tests are about what goes out around it."""
    async def ask(runtime: Any, question: Any) -> bool:
        return await turn.apply(runtime, question, answers("ktp_hilang"))
    monkeypatch.setattr(turn, "_ask", ask)


async def arrives(runtime: Any, said: dict[str, Any]) -> Citizen:
    """Somebody writes for the first time, and the turn runs."""
    await intake.take_in(runtime, whatsapp.written(delivery(value(said))))
    async with db.transaction(runtime.pool) as connection:
        conversation_id = (await connection.execute(select(conversations.c.id))).scalar_one()
    assert await turn.drain(runtime, conversation_id)
    return Citizen(runtime, conversation_id)


async def test_who_writes_first_is_told_who_answers_before_the_answer_and_once(queued_runtime, graph, api, asking):
    runtime = queued_runtime
    citizen = await arrives(runtime, says("ktp saya hilang"))
    await sending.post_due(runtime, graph, citizen.id)
    first, answer = api.accepted[0]["interactive"], api.texts[1]
    said = first["body"]["text"]
    assert len(said) <= 400
    assert "bot, bukan manusia" in said
    assert f"{runtime.settings.base_url}/privasi" in said
    assert [b["reply"]["title"] for b in first["action"]["buttons"]] == ["Bicara dg petugas"]
    assert "KTP" in answer
    await arrives(runtime, says("ktp saya hilang lagi"))
    await sending.post_due(runtime, graph, citizen.id)
    assert sum("bot, bukan manusia" in text for text in api.texts) == 1
    await citizen.taps("Bicara dengan petugas")
    assert (await citizen.case()).reason == "asked_for_officer"


async def test_an_office_with_a_long_name_is_introduced_within_the_length(queued_runtime, graph, api, asking):
    async with db.transaction(queued_runtime.pool) as connection:
        await connection.execute(update(offices).values(name="Dinas Kependudukan dan Pencatatan Sipil " * 6))
    citizen = await arrives(queued_runtime, says("halo"))
    await sending.post_due(queued_runtime, graph, citizen.id)
    assert len(api.texts[0]) <= 400
    assert "privasi" in api.texts[0]


async def test_a_photo_as_the_first_message_is_met_the_same_way(queued_runtime, graph, api):
    citizen = await arrives(queued_runtime, message(SAID["image"]))
    await sending.post_due(queued_runtime, graph, citizen.id)
    assert "bot, bukan manusia" in api.texts[0]
    assert (await citizen.case()).number in api.texts[1]


async def test_in_danger_the_numbers_that_help_come_first(queued_runtime, graph, api):
    citizen = await arrives(queued_runtime, says("tolong, rumah saya kebakaran sekarang"))
    await sending.post_due(queued_runtime, graph, citizen.id)
    first, *between, last = api.texts
    assert "telepon dulu" in first
    number = (await citizen.case()).number
    assert any(number in text for text in between)
    assert "bot, bukan manusia" in last


async def test_a_turn_that_was_killed_after_the_introduction_does_not_repeat_it(
    queued_runtime, graph, api, asking, monkeypatch
):
    async def killed(*_: Any) -> bool:
        raise RuntimeError
    with monkeypatch.context() as patch:
        patch.setattr(turn, "_ask", killed)
        with pytest.raises(RuntimeError):
            await arrives(queued_runtime, says("ktp saya hilang"))
    async with db.transaction(queued_runtime.pool) as connection:
        row = (await connection.execute(select(conversations))).one()
        question = (await connection.execute(select(messages.c.id).where(messages.c.author == "citizen"))).scalar_one()
    await introducing.introduce(queued_runtime, row.id, question)
    assert await turn.drain(queued_runtime, row.id)
    await sending.post_due(queued_runtime, graph, row.id)
    assert ["bot, bukan manusia" in text for text in api.texts][:2] == [True, False]
    assert sum("bot, bukan manusia" in text for text in api.texts) == 1


async def test_nobody_agreed_to_anything_by_being_told(queued_runtime, asking):
    await arrives(queued_runtime, says("ktp saya hilang"))
    async with db.transaction(queued_runtime.pool) as connection:
        assert (await connection.execute(select(citizens.c.consented_at))).scalar_one() is None


async def test_five_stars_are_a_list_and_a_row_of_it_is_the_rating(queued_runtime, graph, api):
    runtime = queued_runtime
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.propose(runtime, officer, case.id, "Kartunya sudah dicetak ulang.", cause="system")
    await citizen.taps("Sudah selesai")
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    asked = next(one["interactive"] for one in api.accepted
                 if one["type"] == "interactive" and one["interactive"]["type"] == "list"
                 and "rate" in str(one["interactive"]["action"]))
    rows = asked["action"]["sections"][0]["rows"]
    assert [row["title"][0] for row in rows] == ["5", "4", "3", "2", "1"]
    chosen = {"type": "interactive", "context": {"from": "62211500", "id": "wamid.ours"},
              "interactive": {"type": "list_reply", "list_reply": {"id": rows[1]["id"], "title": rows[1]["title"]}}}
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(chosen)))))
    assert await turn.drain(runtime, citizen.id)
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(ratings.c.stars))).scalars().all() == [4]
        assert (await connection.execute(select(cases.c.status))).scalar_one() == "closed"
    assert api.refused == []


async def test_p11_who_was_erased_is_found_by_no_number_and_what_was_kept_apart_cannot_be_opened(
    queued_runtime, monkeypatch, clock
):
    runtime = queued_runtime
    citizen = await writes(runtime, "halo")
    async with db.transaction(runtime.pool) as connection:
        conversation = (await connection.execute(select(conversations))).one()
        await connection.execute(contacts.insert().values(
            id=citizen.id, citizen_id=conversation.citizen_id, kind="whatsapp", value_enc=b"x", created_at=clock(),
            value_hash=runtime.keyring.blind("contact-whatsapp", f"+{SENDER}"),
        ))
    with monkeypatch.context() as patch:
        async def fails(*_: Any) -> str:
            raise RuntimeError
        patch.setattr(intake, "_receive", fails)
        await intake.take_in(runtime, whatsapp.written(delivery(value(says("yang gagal")))))
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(whatsapp.REACTION)))))
    before = await addresses.whose(runtime, intake.payload.parse(delivery(value(says("lagi"))))[0])
    assert before == citizen.id
    async with db.transaction(runtime.pool) as connection:
        kept = (await connection.execute(select(whatsapp_events))).all()
        assert [row.kind for row in kept] == ["failed", "reaction"]
        assert {row.data_key_id for row in kept} == {conversation.data_key_id}  # erased with the rest of theirs
    await forget(runtime, conversation.citizen_id)
    async with db.transaction(runtime.pool) as connection:
        for row in kept:
            with pytest.raises(ContentGone):
                await runtime.keyring.open(connection, row.data_key_id)
        (address,) = (await connection.execute(select(whatsapp_addresses))).all()
        assert (address.wa_hash, address.wa_enc, address.user_hash, address.user_enc) == (None,) * 4
        assert (await connection.execute(select(contacts.c.value_hash))).scalar_one() == citizen.id.bytes
        assert (await connection.execute(select(data_keys.c.wrapped).where(
            data_keys.c.id == conversation.data_key_id))).scalar_one() is None
    await writes(runtime, "saya lagi")
    async with db.transaction(runtime.pool) as connection:
        assert len((await connection.execute(select(conversations.c.citizen_id).distinct())).all()) == 2

"""News to a WhatsApp number that was given in the widget: only there, paced, tried again, seen when it fails, stopped
on a word; and whoever answers from it enters a case with its link only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from handoff.channels.whatsapp import intake, outcome, sending, telling
from handoff.domain.closing import Cause
from handoff.services.case import cases, verbs
from handoff.services.deadlines import escalation
from handoff.services.post import notices
from handoff.services.post import sending as dispatching
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.services.views import reading
from handoff.store import db
from handoff.store.schema import contacts, conversations, messages
from handoff.store.schema_whatsapp import whatsapp_invitations, whatsapp_optouts
from tests.support import whatsapp
from tests.support.citizen import Citizen, answers
from tests.support.line import case_and_silence, names, replies, reports
from tests.support.office import officer_row, open_case
from tests.support.whatsapp import NUMBER, SENDER, delivery, says, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
WORDS = "anak saya sakit keras"


async def gives(runtime: Any, conversation_id: Any, number: str = f"+{SENDER}") -> str:
    """The number is given in the conversation; what is said to it."""
    await inbox.receive(runtime, conversation_id, Inbound("contact", {"whatsapp": number}))
    await turn.drain(runtime, conversation_id)
    return (await Citizen(runtime, conversation_id).sees())[-1]["text"]


async def with_number(runtime: Any) -> tuple[Any, Any]:
    """A case from the web with a number for news, and its officer."""
    case = await open_case(runtime, WORDS)
    assert "juga akan dikirim" in await gives(runtime, case.conversation_id)
    return case, await officer_row(runtime, case.officer_id)


async def rows(runtime: Any) -> list[tuple[str, str, str]]:
    """What became of the news, in order."""
    async with db.transaction(runtime.pool) as connection:
        found = await connection.execute(select(whatsapp_invitations).order_by(whatsapp_invitations.c.created_at))
        return [(row.notice, row.state, row.delivery) for row in found.all()]


async def due(runtime: Any) -> None:
    """All pauses are over."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_invitations SET due_at = clock_timestamp()"))


async def hears(runtime: Any, said: str, monkeypatch: Any) -> Citizen:
    """The number's owner writes to us, and the turn runs; the bot answers about a lost card."""
    async def ask(runtime: Any, question: Any) -> bool:
        return await turn.apply(runtime, question, answers("ktp_hilang"))
    await intake.take_in(runtime, whatsapp.written(delivery(value(says(said)))))
    async with db.transaction(runtime.pool) as connection:
        found = (await connection.execute(
            select(conversations.c.id).where(conversations.c.channel == "whatsapp"))).scalar_one()
    with monkeypatch.context() as patch:
        patch.setattr(turn, "_ask", ask)
        await turn.drain(runtime, found)
    return Citizen(runtime, found)


async def test_p07_news_goes_to_the_number_once_for_each_kind_and_without_a_word_or_key(
    queued_runtime, graph, api, clock
):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    key = cases.key_of(runtime, case.id, 0)
    for words in ("Maaf menunggu, ini rahasia.", "Satu lagi."):
        await verbs.reply(runtime, officer, case.id, words)
    await verbs.propose(runtime, officer, case.id, "Kartunya sudah kami aktifkan.", cause=Cause.wrong_data)
    api.open_for.clear()
    assert [await telling.post_due(runtime, graph) for _ in range(2)] == [2, 0]
    assert [(one["to"], one["number"]) for one in api.accepted] == [(SENDER, NUMBER)] * 2
    assert api.texts[0].startswith(f"Kabar kasus nomor {case.number}: petugas membalas.")
    assert "mengusulkan penyelesaian" in api.texts[1]
    for one in api.accepted:
        for secret in (key, WORDS, officer.name, "rahasia", "aktifkan", "confirm:"):
            assert secret not in str(one)
    for days in (6, 4):
        clock.forward(timedelta(days=days))
        await escalation.once(runtime)
        await telling.post_due(runtime, graph)
    assert ["pengingat terakhir" in said for said in api.texts[-2:]] == [False, True]
    await Citizen(runtime, case.conversation_id).writes("sebentar ya")
    await turn.drain(runtime, case.conversation_id)
    clock.forward(timedelta(minutes=1))
    await verbs.reply(runtime, officer, case.id, "Baik, kami tunggu besok.")
    await telling.post_due(runtime, graph)
    assert "petugas membalas" in api.texts[-1]
    assert api.refused == []


async def test_p07_a_number_that_cannot_be_read_holds_up_no_other(queued_runtime, graph, api):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Baik.")
    async with db.transaction(runtime.pool) as connection:  # it belongs to another row
        await connection.execute(update(contacts).values(value_enc=func.set_byte(contacts.c.value_enc, 20, 0)))
    other = await open_case(runtime, WORDS)
    await gives(runtime, other.conversation_id, "+6281299990000")
    await verbs.reply(runtime, await officer_row(runtime, other.officer_id), other.id, "Baik.")
    assert await telling.post_due(runtime, graph) == 1
    assert [one["to"] for one in api.accepted] == ["6281299990000"]
    assert [state for _, state, _ in await rows(runtime)] == ["waiting", "accepted"]


async def test_only_the_conversation_in_which_the_number_was_given_gets_news_there(queued_runtime, graph, api):
    runtime = queued_runtime
    _, officer = await with_number(runtime)
    other = await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:  # as `join` does: one citizen, two conversations
        citizen = (await connection.execute(select(contacts.c.citizen_id))).scalar_one()
        await connection.execute(
            update(conversations).where(conversations.c.id == other.conversation_id).values(citizen_id=citizen))
    await verbs.reply(runtime, await officer_row(runtime, other.officer_id), other.id, "Kami ubah hari ini.")
    assert await telling.post_due(runtime, graph) == 0
    assert officer is not None


async def test_a_confidential_report_has_no_news_on_whatsapp_and_says_so(queued_runtime, graph, api):
    case = await open_case(queued_runtime)
    async with db.transaction(queued_runtime.pool) as connection:
        await connection.execute(update(conversations).values(confidential=True))
    assert "Demi kerahasiaan" in await gives(queued_runtime, case.conversation_id)
    async with db.transaction(queued_runtime.pool) as connection:
        assert (await connection.execute(select(contacts))).all() == []


async def test_what_is_refused_for_now_is_tried_again_and_a_crash_leaves_it_to_a_status(
    queued_runtime, graph, api, monkeypatch
):
    runtime = queued_runtime
    monkeypatch.setattr(outcome, "pause", lambda tries: timedelta(seconds=60))
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    api.troubles = [(500, 131000)]
    assert [await telling.post_due(runtime, graph) for _ in range(2)] == [1, 0]
    assert await rows(runtime) == [("reply", "waiting", "stored")]
    await due(runtime)
    api.breaks = 1
    assert [await telling.post_due(runtime, graph) for _ in range(2)] == [1, 0]
    assert await rows(runtime) == [("reply", "sending", "stored")]
    await reports(runtime, api, "delivered", "kabar_nomor_pilihan")
    await due(runtime)
    assert await telling.post_due(runtime, graph) == 0
    assert await rows(runtime) == [("reply", "accepted", "delivered")]
    assert len(api.accepted) == 1


async def test_two_workers_post_each_news_once_and_one_person_is_not_written_to_twice_at_once(
    queued_runtime, graph, api, monkeypatch
):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    await verbs.ask(runtime, officer, case.id, "Nama ibu kandung Anda siapa?")
    assert await telling.post_due(runtime, graph) == 1
    assert len(api.accepted) == 1
    await due(runtime)
    assert await telling.post_due(runtime, graph) == 1
    assert len({one["biz_opaque_callback_data"] for one in api.accepted}) == 2


@pytest.mark.parametrize(("code", "kind", "works"), [
    (131026, "number_refused", False), (131049, "number_unreached", True)])
@pytest.mark.parametrize("later", [False, True])
async def test_a_number_that_does_not_work_is_seen_by_the_officer(queued_runtime, graph, api, code, kind, works, later):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    api.troubles = [] if later else [(400, code)]
    await telling.post_due(runtime, graph)
    for one in api.accepted if later else []:
        told = whatsapp.status(one["wamid"], "failed", one["biz_opaque_callback_data"], code=code)
        for _ in range(2):
            await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[told]))))
    async with db.transaction(runtime.pool) as connection:
        assert [n.kind for n in await notices.told_of(connection, case.id)] == [kind]
        assert ((await connection.execute(select(contacts.c.refused_at))).scalar_one() is None) is works
    shown = (await reading.given(runtime, case.number, [])).contacts
    assert shown == ["whatsapp" if works else "whatsapp_refused"]
    await verbs.propose(runtime, officer, case.id, "Kartunya sudah kami aktifkan.", cause=Cause.wrong_data)
    await telling.post_due(runtime, graph)
    assert len(api.accepted) == works + later
    assert "juga akan dikirim" in await gives(runtime, case.conversation_id)  # given again, it is tried again
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(contacts.c.refused_at))).scalar_one() is None


async def test_a_refused_token_stops_the_number_and_loses_nothing(queued_runtime, graph, api):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    api.token = "a new one"
    assert await telling.post_due(runtime, graph) == 1
    await due(runtime)
    assert await telling.post_due(runtime, graph) == 0
    api.token = "token"
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_stops SET until = clock_timestamp()"))
    await due(runtime)
    assert await telling.post_due(runtime, graph) == 1
    assert await rows(runtime) == [("reply", "accepted", "sent")]


async def test_stop_stops_it_from_every_case_and_only_the_number_itself_begins_it_again(
    queued_runtime, graph, api, monkeypatch
):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    citizen = await hears(runtime, "STOP", monkeypatch)
    (said,) = [one["text"] for one in await citizen.sees() if one["author"] != "citizen"]
    assert "tidak mengirim kabar lagi" in said
    assert await citizen.fates() == ["command"]
    assert await telling.post_due(runtime, graph) == 0  # what was under way too
    assert await rows(runtime) == [("reply", "failed", "stored")]
    assert "pernah meminta" in await gives(runtime, case.conversation_id)
    await verbs.ask(runtime, officer, case.id, "Nama ibu kandung Anda siapa?")
    assert len(await rows(runtime)) == 1
    await hears(runtime, "mulai", monkeypatch)
    assert (await citizen.sees())[-1]["text"] == "Baik, kabar akan dikirim lagi ke nomor ini."
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_optouts))).all() == []
    await hears(runtime, "mulai", monkeypatch)
    assert await citizen.fates() == ["command", "command", "answer"]  # nothing was stopped: a word for the bot


async def test_stop_keeps_templates_from_a_conversation_of_whatsapp_too(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await intake.take_in(runtime, whatsapp.written(delivery(value(says("stop")))))
    await turn.drain(runtime, citizen.id)
    clock.forward(timedelta(hours=25))
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, citizen.id)
    assert names(api) == []


async def test_who_answers_from_the_number_is_told_how_and_enters_with_the_cases_link_only(
    queued_runtime, graph, api, clock, monkeypatch
):
    runtime = queued_runtime
    case, officer = await with_number(runtime)
    await verbs.reply(runtime, officer, case.id, "Kartunya sudah aktif, ini rahasia.")
    await telling.post_due(runtime, graph)
    citizen = await hears(runtime, f"sudah selesai kasus {case.number}", monkeypatch)
    said = " ".join(one["text"] for one in await citizen.sees() if one["author"] != "citizen")
    assert f"dikirimi kabar kasus {case.number}" in said
    assert "rahasia" not in said
    assert officer.name not in said
    async with db.transaction(runtime.pool) as connection:
        assert (await cases.load(connection, case.id)).row.status == "in_progress"
        assert len((await connection.execute(select(conversations.c.citizen_id).distinct())).all()) == 2
    before = len(await citizen.sees())
    await hears(runtime, f"https://kota.contoh.go.id/kasus/{case.number}?k={'x' * 22}", monkeypatch)
    await hears(runtime, "apa kabarnya", monkeypatch)
    assert not any("dikirimi kabar" in one["text"] for one in (await citizen.sees())[before:])  # told once
    async with db.transaction(runtime.pool) as connection:
        assert len((await connection.execute(select(conversations.c.citizen_id).distinct())).all()) == 2
    key = cases.key_of(runtime, case.id, 0)
    await hears(runtime, f"https://kota.contoh.go.id/kasus/{case.number}.{key}", monkeypatch)
    await citizen.taps("Ini kasus saya")
    async with db.transaction(runtime.pool) as connection:
        assert len((await connection.execute(select(conversations.c.citizen_id).distinct())).all()) == 1
        shown = (await connection.execute(select(messages.c.id).where(messages.c.author == "citizen"))).all()
    assert shown
    clock.forward(timedelta(minutes=1))
    await verbs.propose(runtime, officer, case.id, "Kartunya sudah kami aktifkan.", cause=Cause.wrong_data)
    await telling.post_due(runtime, graph)
    before = len(await citizen.sees())
    await hears(runtime, "terima kasih", monkeypatch)
    assert not any("dikirimi kabar" in one["text"] for one in (await citizen.sees())[before:])  # it is theirs by now
    await dispatching.dispatch(runtime, citizen.id)

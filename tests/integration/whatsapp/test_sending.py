"""What goes out over WhatsApp: within its limits and its pace, once, in order, whatever Meta answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from handoff import jobs
from handoff.channels.whatsapp import claiming, intake, outcome, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.services.talk import turn
from handoff.store import db, queue
from handoff.store.schema_whatsapp import whatsapp_stops
from tests.support import whatsapp
from tests.support.citizen import UNSURE, answers
from tests.support.line import CHOICE, later, stands, tells, told, writes
from tests.support.office import officer_row
from tests.support.whatsapp import NUMBER, SENDER, delivery, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


async def test_an_answer_goes_out_with_its_choices_and_its_statuses_come_home(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answers("ktp_hilang"))
    assert await stands(runtime) == ["stored"]
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert set(await stands(runtime)) == {"sent"}
    last = api.accepted[-1]
    assert last["interactive"]["type"] in ("button", "list")
    assert (last["to"], last["number"]) == (SENDER, NUMBER)
    await told(runtime, api)
    assert set(await stands(runtime)) == {"read"}
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.refused == []


async def test_the_same_number_answers_that_was_written_to_and_in_order(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua " + "kata. " * 900, "tiga")
    await sending.post_due(runtime, graph, citizen.id)
    assert [one[:4].strip() for one in api.texts] == ["satu", "dua", "kata", "tiga"]
    assert await stands(runtime) == ["sent"] * 3


async def test_one_person_gets_one_message_in_six_seconds(runtime, graph, api, monkeypatch):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    rest = await sending.post_due(runtime, graph, citizen.id)
    assert rest is not None
    assert 0 < rest <= 6
    assert api.texts == ["satu"]
    await later(runtime, 6)
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu", "dua"]


async def test_what_may_pass_is_tried_again_each_time_later(runtime, graph, api, monkeypatch):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    api.troubles = [(400, 130429), (502, None), (429, 131056)]
    rests = []
    while (rest := await sending.post_due(runtime, graph, citizen.id)) is not None:
        rests.append(round(rest))
        await later(runtime, rest)
    assert rests == [6, 12, 24]
    assert api.texts == ["satu"]


@pytest.mark.parametrize(("http", "code"), [(400, 131026), (400, 131049), (400, 100), (404, 132001)])
async def test_what_cannot_be_delivered_fails_visibly_and_holds_up_nothing(runtime, graph, api, http, code):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    api.troubles = [(http, code)]
    await sending.post_due(runtime, graph, citizen.id)
    assert await stands(runtime) == ["failed", "sent"]
    assert api.texts == ["dua"]


async def test_a_refused_token_stops_the_number_calls_the_operator_and_loses_nothing(runtime, graph, api, caplog):
    citizen, other = await writes(runtime, "halo"), await writes(runtime, "hai", sender="628777")
    api.open_for.add("628777")
    api.token = "a new one"
    await tells(runtime, citizen.id, "satu")
    await tells(runtime, other.id, "untuk yang lain")
    assert (await sending.post_due(runtime, graph, citizen.id) or 0) > 200
    assert (await sending.post_due(runtime, graph, other.id) or 0) > 200
    assert api.refused == [190]  # the other one was not even tried
    assert "WHATSAPP_ACCESS_TOKEN" in caplog.text
    api.token = "token"
    await later(runtime, 301)
    for one in (citizen, other):
        assert await sending.post_due(runtime, graph, one.id) is None
    assert api.texts == ["satu", "untuk yang lain"]
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_stops))).all() == []


async def test_p01_a_status_settles_what_became_of_a_post_that_was_never_answered(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    api.breaks = 1
    rest = await sending.post_due(runtime, graph, citizen.id)
    assert rest is not None
    assert rest > 50
    assert await stands(runtime) == ["stored", "stored"]
    await told(runtime, api, names=("delivered",))
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu", "dua"]  # not twice
    assert await stands(runtime) == ["delivered", "sent"]


async def test_p01_what_nobody_heard_of_for_a_minute_is_posted_again(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    async with db.transaction(runtime.pool) as connection:  # the worker is killed between its claim and the request
        await claiming.claim(runtime, connection, citizen.id)
    assert await sending.post_due(runtime, graph, citizen.id) is not None
    assert api.texts == []
    await later(runtime, 61)
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu"]


async def test_after_24_hours_it_waits_for_the_citizen_and_then_goes_out(runtime, graph, api, clock):
    citizen = await writes(runtime, "halo")
    clock.forward(timedelta(hours=24))
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.accepted == api.refused == []
    assert await stands(runtime) == ["waiting_window"] * 2
    await writes(runtime, "ada kabar?")
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu", "dua"]
    assert await stands(runtime) == ["sent"] * 2


@pytest.mark.parametrize("by_status", [False, True])
async def test_meta_may_say_earlier_than_we_that_the_window_is_closed(runtime, graph, api, by_status):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    if by_status:
        await sending.post_due(runtime, graph, citizen.id)
        ticket = api.accepted.pop()["biz_opaque_callback_data"]
        failed = whatsapp.status("wamid.out1", "failed", ticket, 131047)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[failed]))))
    else:
        api.open_for.clear()
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert await stands(runtime) == ["waiting_window"]
    assert await sending.post_due(runtime, graph, citizen.id) is None
    api.open_for.add(SENDER)
    await writes(runtime, "halo lagi")
    await sending.post_due(runtime, graph, citizen.id)
    assert api.texts == ["satu"]
    assert await stands(runtime) == ["sent"]


async def test_p04_what_the_bot_said_is_withheld_when_a_person_has_it_before_it_was_posted(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answers("ktp_hilang"))  # handed to the channel, not posted yet
    await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    assert case.number in api.texts[0]
    assert not [t for t in api.texts if "surat kehilangan" in t.lower()]
    assert (await stands(runtime))[0] == "withheld"


async def test_an_officers_reply_reaches_the_telephone_under_their_name(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, officer, case.id, "Baik, saya periksa berkasnya.", key=None)
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert any(t.startswith(f"*{officer.name}*") and "saya periksa berkasnya" in t for t in api.texts)
    assert case.number in api.texts[0]
    assert f"/kasus/{case.number}?k=" in api.texts[0]


async def test_the_worker_posts_what_it_is_handed_and_what_a_crash_left(queued_runtime, api):
    runtime = queued_runtime
    worker = jobs.register(runtime)
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")

    async def works() -> None:
        await worker.run_worker_async(queues=[queue.SENDING], wait=False, install_signal_handlers=False)

    await works()
    assert api.texts == ["satu"]
    await tells(runtime, citizen.id, "dua")
    async with db.transaction(runtime.pool) as connection:  # the job was lost
        await connection.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'post'"))
    await sending.post_overdue(runtime)
    await works()
    assert api.texts == ["satu", "dua"]


async def test_p03_a_thumb_down_under_an_answer_disputes_it_and_a_thumb_up_does_not(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answers("ktp_hilang"))
    await sending.post_due(runtime, graph, citizen.id)
    under = api.accepted[-1]["wamid"]

    async def reacts(emoji: str, wamid: str, to: str = under) -> None:
        said = {"type": "reaction", "reaction": {"message_id": to, "emoji": emoji}}
        given = whatsapp.written(delivery(value(whatsapp.message(said, wamid=wamid))))
        for _ in range(2):
            await intake.take_in(runtime, given)
        await turn.drain(runtime, citizen.id)

    await reacts("\U0001f44d", "w1")
    await reacts("", "w2")
    await reacts("\U0001f44e", "w3", to="wamid.somebody else's")
    assert await citizen.fates() == ["answer"]
    await reacts("\U0001f44e\U0001f3fd", "w4")
    assert (await citizen.case()).reason == "disputed_answer"
    assert await citizen.fates() == ["answer", "new_case"]

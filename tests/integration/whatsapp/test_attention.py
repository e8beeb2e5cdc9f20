"""Blue ticks and "is typing" only for what somebody has in hand; thumbs under an answer say whether it helped."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select, text

from handoff.bot import Bot
from handoff.channels.whatsapp import attention, intake, outcome, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import answers as answers_table
from tests.support import whatsapp
from tests.support.citizen import UNSURE, answers
from tests.support.line import CHOICE, later, replies, tells, writes
from tests.support.office import officer_row
from tests.support.whatsapp import delivery, value

# What a channel shows does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
UP, DOWN, HEART = "\U0001f44d", "\U0001f44e", "\u2764\ufe0f"


async def quiet(runtime: Any) -> None:
    """Nobody has posted or marked anything lately."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_paces SET free_at = clock_timestamp()"))


async def test_what_the_bot_answered_is_marked_once_and_only_after_the_answer(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang", wamid="q1")
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == []  # nobody has read it
    await citizen.hears(answers("ktp_hilang"))
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    await tells(runtime, citizen.id, "lagi")
    await sending.post_due(runtime, graph, citizen.id)
    assert (api.marks, api.refused) == ([("q1", False)], [])


async def test_while_only_a_queue_has_it_nothing_is_marked_until_an_officer_acts(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas", wamid="q1")
    await citizen.hears(UNSURE)
    await writes(runtime, "halo?", wamid="q2")
    await turn.drain(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert len(api.accepted) >= 1
    assert api.marks == []
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.note(runtime, officer, case.id, "warga menunggu")  # a note answers nobody
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == []
    await replies(runtime, citizen, officer, case, "Baik, saya periksa.")
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == [("q2", False)]  # and with it, at Meta, everything before
    await writes(runtime, "terima kasih", wamid="q3")
    await turn.drain(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == [("q2", False)]
    assert api.refused == []


async def test_taking_the_case_over_is_reading_it(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas", wamid="q1")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    await verbs.take_over(runtime, await officer_row(runtime, case.officer_id), case.id)
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == [("q1", False)]


async def test_what_the_bot_answers_beside_an_unread_matter_does_not_mark_that_one(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas", wamid="q1")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await citizen.taps("Tanya bot lagi")
    await writes(runtime, "ktp sy ilang", wamid="q2")
    await citizen.hears(answers("ktp_hilang"))
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == []  # marking the second would mark the first, which only a queue has
    await replies(runtime, citizen, officer, case, "Baik, saya periksa.")
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == [("q2", False)]


async def test_typing_is_shown_while_the_next_message_waits_for_its_pace(runtime, graph, api, monkeypatch):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    citizen = await writes(runtime, "ktp sy ilang", wamid="q1")
    await citizen.hears(answers("ktp_hilang"))
    await tells(runtime, citizen.id, "dan satu lagi", buttons=CHOICE)
    assert 1 < (await sending.post_due(runtime, graph, citizen.id) or 0) <= 6
    assert api.marks == [("q1", True)]
    await sending.post_due(runtime, graph, citizen.id)
    await later(runtime, 6)
    await sending.post_due(runtime, graph, citizen.id)
    assert api.marks == [("q1", True)]


async def test_a_mark_that_is_lost_or_refused_fails_nothing_and_is_not_tried_again(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang", wamid="wamid.out-of-order")  # which the stand-in refuses to mark
    await citizen.hears(answers("ktp_hilang"))
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert (api.marks, api.refused) == ([], [100])


async def test_marks_give_way_to_messages_and_to_a_stopped_number(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang", wamid="q1")
    await citizen.hears(answers("ktp_hilang"))
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_paces SET free_at = clock_timestamp() + interval '9 s'"))
    await attention.attend(runtime, graph, citizen.id, 2.0)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_paces SET free_at = clock_timestamp()"))
        await connection.execute(text(
            "INSERT INTO whatsapp_stops SELECT number_id, 190, now(), now() + interval '1 h' FROM whatsapp_paces"))
    await attention.attend(runtime, graph, citizen.id, 2.0)
    assert api.marks == []
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("DELETE FROM whatsapp_stops"))
    await attention.attend(runtime, graph, citizen.id, 2.0)
    assert api.marks == [("q1", True)]


@contextlib.asynccontextmanager
async def slow_rasa(answers_after: asyncio.Event, ready: bool):
    """A Rasa that is there, and takes its time."""
    async def webhook(request: web.Request) -> web.Response:
        await answers_after.wait()
        return web.Response(body=answers("ktp_hilang").model_dump_json().encode(), content_type="application/json")

    async def look(request: web.Request) -> web.Response:
        return web.Response(status=200 if ready else 503)

    app = web.Application()
    app.router.add_post("/webhooks/gateway/webhook", webhook)
    app.router.add_get("/webhooks/gateway/", look)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("ready", [True, False])
async def test_a_bot_that_takes_its_time_shows_that_it_writes_one_that_is_away_does_not(
    runtime, graph, api, monkeypatch, ready
):
    monkeypatch.setattr(attention, "SLOW_SECONDS", 0.05)
    citizen, answer = await writes(runtime, "ktp sy ilang", wamid="q1"), asyncio.Event()
    looked = asyncio.Event()
    async with slow_rasa(answer, ready) as url:
        slow = dataclasses.replace(runtime, bot=Bot(url, "t"))
        ask = slow.bot.ready

        async def asked() -> bool:
            try:
                return await ask()
            finally:
                looked.set()

        monkeypatch.setattr(slow.bot, "ready", asked)
        async with attention.while_the_bot_thinks(slow, graph, citizen.id):
            turning = asyncio.create_task(turn.drain(slow, citizen.id))
            await asyncio.wait_for(looked.wait(), 20)
            if ready:
                async with asyncio.timeout(20):
                    while not api.marks:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            answer.set()
            await turning
        await slow.bot.close()
    assert await citizen.fates() == ["answer"]
    assert api.marks == ([("q1", True)] if ready else [])


async def test_a_quick_turn_asks_nobody(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang", wamid="q1")
    async with attention.while_the_bot_thinks(runtime, graph, citizen.id):
        await citizen.hears(answers("ktp_hilang"))
    assert api.marks == []


# --- thumbs -----------------------------------------------------------------------------------------------------------


async def test_p08_a_thumb_up_says_that_an_answer_helped_for_as_long_as_it_stands_there(served, runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answers("ktp_hilang"))
    await sending.post_due(runtime, graph, citizen.id)
    under = api.accepted[-1]["wamid"]

    async def reacts(emoji: str, wamid: str, at: int, to: str = under) -> bool:
        said = {"type": "reaction", "reaction": {"message_id": to, "emoji": emoji}}
        given = whatsapp.written(delivery(value(whatsapp.message(said, wamid=wamid, at=1795575600 + at))))
        for _ in range(2):
            await intake.take_in(runtime, given)
        await turn.drain(runtime, citizen.id)
        async with db.transaction(runtime.pool) as connection:
            return (await connection.execute(select(answers_table.c.helped_at))).scalar_one() is not None

    assert not await reacts(UP, "w0", 100, to="wamid.somebody else's")
    assert await reacts(UP, "w1", 100)
    client = await served.client()
    assert 'wajah_rows{kind="answers_helped"} 1.0' in (await client.get("/metrics")).text
    assert not await reacts("", "w2", 200)
    assert await reacts(UP + "\U0001f3fd", "w3", 300)
    assert await reacts("", "w4", 250)  # late: it was taken away before it was given again
    assert not await reacts(HEART, "w5", 400)  # in its place
    assert await reacts(UP, "w6", 500)
    assert await citizen.fates() == ["answer"]  # nothing of this is a message that somebody has to answer
    assert not await reacts(DOWN, "w7", 600)
    case = await citizen.case()
    assert case.reason == "disputed_answer"
    officer = await officer_row(runtime, case.officer_id)
    shown = await desk.case_in_full(runtime, officer, case.number)
    assert [m["answer"]["helped"] for m in shown["messages"] if m["answer"]] == [False]

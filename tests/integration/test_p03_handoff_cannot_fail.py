"""P3: whatever goes wrong with the bot, a case opens; the gateway needs nobody's help for it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.services.deadlines import sweep
from handoff.services.talk import inbox, late, turn
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import case_items
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.rasa import answering, recognised, with_bot

GOOD = recognised("ktp_hilang")


@pytest.mark.parametrize(("status", "body"), [
    (500, b'{"error": "action server"}'), (200, b""), (200, b"<html>"), (200, b'{"replies": 7}'), (200, b"\xff\xfe"),
    (404, b"no such channel"), (200, json.dumps({**GOOD, "replies": []}).encode()),
    (200, json.dumps({**GOOD, "replies": [{"custom": {"do": "launch"}}]}).encode()),
], ids=["error", "empty", "html", "wrong shape", "not text", "no channel", "nothing said", "unknown instruction"])
async def test_p03_a_bot_that_fails_opens_a_case_at_once(runtime, status, body):
    async with answering(status, body) as url:
        citizen = await Citizen.arrives(with_bot(runtime, url))
        await citizen.writes("ktp sy ilang")
        assert await turn.drain(citizen.runtime, citizen.id)
    assert (await citizen.case()).reason == "bot_failure"
    assert await citizen.fates() == ["new_case"]


async def test_p03_a_hanging_bot_is_waited_for_and_then_a_case_opens(queued_runtime, clock):
    async with answering(200, b"", hang=True) as url:
        citizen = await Citizen.arrives(with_bot(queued_runtime, url, call_seconds=0.2))
        await citizen.writes("ktp sy ilang")
        assert not await turn.drain(citizen.runtime, citizen.id)
        assert await citizen.fates() == [None]
        clock.forward(timedelta(seconds=61))
        await sweep.once(citizen.runtime)
    assert (await citizen.case()).reason == "bot_failure"


async def test_p03_without_rasa_the_question_waits_and_is_answered_when_it_comes(queued_runtime):
    runtime = with_bot(queued_runtime, "http://127.0.0.1:9")  # nobody listens there
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang")
    assert not await turn.drain(runtime, citizen.id)
    async with answering(200, json.dumps(GOOD).encode()) as url:
        assert await turn.drain(with_bot(queued_runtime, url), citizen.id)
    assert await citizen.fates() == ["answer"]


@pytest.mark.parametrize("inbound", [
    Inbound("location", {"location": {"latitude": -2.1, "longitude": 106.1}}), Inbound("file", {"text": ""}),
], ids=["location", "file"])
async def test_p03_what_the_bot_cannot_read_goes_to_an_officer(runtime, inbound):
    citizen = await Citizen.arrives(runtime)
    await inbox.receive(runtime, citizen.id, inbound)
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).reason == "unreadable_message"


async def test_p03_a_dispute_by_one_tap_names_the_answer_and_needs_no_bot(runtime):
    citizen = await Citizen.arrives(runtime)
    (given,) = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    case = await citizen.case()
    assert (case.reason, case.topic) == ("disputed_answer", "ktp_hilang")
    async with db.transaction(runtime.pool) as connection:
        item = (await connection.execute(select(case_items))).one()
    assert str(item.answer_id) == given["answer"]["id"]


async def test_p03_asking_for_an_officer_by_one_tap(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Bicara dengan petugas")
    assert (await citizen.case()).reason == "asked_for_officer"


async def test_p03_the_action_servers_request_is_idempotent_on_the_message(runtime):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("mau bicara sama petugas")
    for _ in range(3):
        facts = await open_for_bot(
            runtime, citizen.id, receipt.message_id, reason="asked_for_officer", topic=None, answer_id=None,
            classification={},
        )
    assert facts.row.number == (await citizen.case()).number
    assert len(await citizen.sees()) == 2
    assert await citizen.fates() == ["new_case"]


async def test_p03_an_action_that_lied_about_the_case_is_caught(runtime):
    citizen = await Citizen.arrives(runtime)
    lie = reply({"do": "case_opened", "number": "1234-5678"}, intent="minta_petugas")
    await citizen.asks("mau bicara sama petugas", lie)
    assert (await citizen.case()).reason == "bot_failure"


async def test_p03_low_confidence_offers_the_two_nearest_topics_and_a_way_to_withdraw(runtime):
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("ktp anu", UNSURE)
    assert [b["payload"] for b in card["buttons"]][:2] == ["topic:ktp_hilang", "topic:ktp_rusak"]
    await citizen.taps("KTP hilang")  # the case waits for its officer; the tap is answered
    assert (await citizen.sees())[-1]["answer"]["topic"] == "ktp_hilang"
    await citizen.taps("Sudah terjawab")
    assert (await citizen.case()).closed_reason == "withdrawn"


async def test_p03_when_the_bot_is_back_it_answers_inside_the_case_once(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang")
    clock.forward(timedelta(minutes=2))
    await sweep.once(runtime)
    async with answering(200, json.dumps(GOOD).encode()) as url:
        back = with_bot(runtime, url)
        assert await late.answer_late(back) == 1
        assert await late.answer_late(back) == 0
    last = (await citizen.sees())[-1]
    assert (last["author"], last["answer"]["topic"]) == ("bot", "ktp_hilang")
    assert (await citizen.case()).status == "assigned"  # the officer stays on it
    await citizen.taps("Sudah terjawab")
    assert (await citizen.case()).closed_reason == "withdrawn"


async def test_p03_two_workers_that_answer_late_at_once_answer_once(runtime, clock):
    """A worker was killed, its job is started again, and the next one comes by itself."""
    citizens = [await Citizen.arrives(runtime) for _ in range(4)]
    for citizen in citizens:
        await citizen.writes("ktp sy ilang")
    clock.forward(timedelta(minutes=2))
    await sweep.once(runtime)
    async with answering(200, json.dumps(GOOD).encode()) as url:
        back = with_bot(runtime, url)
        assert sum(await asyncio.gather(*(late.answer_late(back) for _ in range(3)))) == len(citizens)
    for citizen in citizens:
        assert [m["author"] for m in await citizen.sees() if m["answer"]] == ["bot"]


async def test_p03_a_further_dispute_joins_the_open_case(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Bicara dengan petugas")
    await citizen.taps("Jawaban ini salah")
    case = await citizen.case()  # one
    assert await citizen.fates() == ["answer", "new_case", "case"]
    assert case.events_count == 2

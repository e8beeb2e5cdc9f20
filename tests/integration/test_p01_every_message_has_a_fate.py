"""P1: stored before it is acknowledged, exactly one fate, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from handoff.services.case import wishes
from handoff.services.deadlines import sweep
from handoff.services.errors import Conflict, NotFound, TooLarge, Unprocessable
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import messages
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.rasa import answering, recognised, with_bot


async def test_p01_the_same_delivery_three_times_is_one_message(runtime):
    citizen = await Citizen.arrives(runtime)
    receipts = [await citizen.writes("ktp sy ilang", key="same") for _ in range(3)]
    assert {(r.message_id, r.seq) for r in receipts} == {(receipts[0].message_id, 1)}
    assert [r.repeated for r in receipts] == [False, True, True]
    assert len(await citizen.sees()) == 1
    assert (await citizen.writes("lagi")).seq == 2  # a repeated delivery used up no number


async def test_p01_the_same_delivery_at_once_is_one_message(runtime):
    citizen = await Citizen.arrives(runtime)
    receipts = await asyncio.gather(*(citizen.writes("ktp sy ilang", key="same") for _ in range(8)))
    assert len({r.message_id for r in receipts}) == 1
    assert len(await citizen.sees()) == 1


async def test_p01_a_key_used_for_another_message_is_refused(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang", key="k")
    with pytest.raises(Conflict) as refused:
        await citizen.writes("kk sy rusak", key="k")
    assert refused.value.code == "key_reused"


async def test_p01_fifty_messages_at_once_are_numbered_without_gap_or_double(runtime):
    citizen = await Citizen.arrives(runtime)
    receipts = await asyncio.gather(*(citizen.writes(f"pesan {n}") for n in range(50)))
    assert sorted(r.seq for r in receipts) == list(range(1, 51))
    shown = await citizen.sees()
    assert [m["seq"] for m in shown] == list(range(1, 51))


@pytest.mark.parametrize(("bot", "fate"), [
    (answers("ktp_hilang"), "answer"),
    (reply(text="Halo", intent="sapa"), "answer"),
    (UNSURE, "new_case"),
    (reply(), "new_case"),  # the bot said nothing
    (reply({"do": "answer", "topic": "no_such_topic"}), "new_case"),
    (reply({"do": "command", "command": "bot_again"}, intent="tanya_bot_lagi"), "answer"),  # nothing to carry out
], ids=["answer", "talk", "unsure", "nothing", "unknown topic", "command without case"])
async def test_p01_every_reply_of_the_bot_ends_in_one_fate(runtime, bot, fate):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", bot)
    assert await citizen.fates() == [fate]
    assert len(await citizen.sees()) == 2


async def test_p01_a_turn_that_runs_twice_answers_once(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)
    await asyncio.gather(*(turn.apply(runtime, question, answers("ktp_hilang")) for _ in range(4)))
    await turn.drain(runtime, citizen.id)
    assert [m["author"] for m in await citizen.sees()] == ["citizen", "bot"]


@pytest.mark.parametrize(("at_once", "begun", "settled"), [(20, 0, 4), (2, 0, 2), (1, 2, 3)],
                         ids=["all", "many", "up to its own"])
async def test_p01_a_turn_settles_later_messages_too_and_drops_only_their_turns(
    runtime, monkeypatch, at_once, begun, settled
):
    monkeypatch.setattr(turn, "AT_ONCE", at_once)
    other = await Citizen.arrives(runtime)
    of_other = await other.writes("kk sy rusak")
    async with answering(200, json.dumps(recognised("ktp_hilang")).encode()) as url:
        citizen = await Citizen.arrives(with_bot(runtime, url))
        receipts = [await citizen.writes(f"ktp sy ilang {n}") for n in range(4)]
        own = receipts[begun].message_id  # the message of the turn that a worker has begun
        assert await turn.drain(citizen.runtime, citizen.id, own)
        await citizen.runtime.bot.close()
    assert await citizen.fates() == ["answer"] * settled + [None] * (4 - settled)
    shown = await citizen.sees()
    assert [m["author"] for m in shown] == ["citizen"] * 4 + ["bot"] * settled
    async with db.transaction(runtime.pool) as connection:
        left = (await connection.execute(text("SELECT args ->> 'message_id' FROM procrastinate_jobs"))).scalars().all()
    unsettled = [r.message_id for r in receipts[settled:]]
    assert sorted(left) == sorted(map(str, [of_other.message_id, own, *unsettled]))


async def test_p01_a_fate_is_never_changed(runtime):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("ktp sy ilang")
    await citizen.hears(answers("ktp_hilang"))
    with pytest.raises(IntegrityError):
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(messages).where(messages.c.id == receipt.message_id).values(fate="command"))


async def test_p01_what_waited_too_long_goes_to_a_person(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang")
    assert await sweep.once(runtime) == 0  # not yet
    clock.forward(timedelta(seconds=runtime.settings.bot_timeout + 1))
    assert await sweep.once(runtime) == 1
    assert (await citizen.case()).reason == "bot_failure"
    assert await citizen.fates() == ["new_case"]
    assert await sweep.once(runtime) == 0


async def test_p01_two_sweeps_at_once_open_one_case(runtime, clock):
    citizens = [await Citizen.arrives(runtime) for _ in range(5)]
    for citizen in citizens:
        await citizen.writes("tolong")
    clock.forward(timedelta(minutes=5))
    await asyncio.gather(sweep.once(runtime), sweep.once(runtime))
    for citizen in citizens:
        assert await citizen.fates() == ["new_case"]
        assert len(await citizen.sees()) == 2


async def test_p01_the_job_is_deferred_with_the_message_or_not_at_all(runtime):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("ktp sy ilang")
    with pytest.raises(Unprocessable):
        await inbox.receive(runtime, citizen.id, Inbound("payload", {"payload": "topic:ktp_hilang"}))
    async with db.transaction(runtime.pool) as connection:
        jobs = (await connection.execute(text("SELECT args, lock FROM procrastinate_jobs"))).all()
        stored = (await connection.execute(select(messages.c.id))).scalars().all()
    assert stored == [receipt.message_id]
    assert [(j.args["message_id"], j.lock) for j in jobs] == [(str(receipt.message_id), str(citizen.id))]
    assert set(jobs[0].args) == {"conversation_id", "message_id"}  # ids only


@pytest.mark.parametrize(("text_", "error"), [
    ("x" * 4097, TooLarge), ("", Unprocessable), ("   \n\t", Unprocessable), ("\x00\x01", Unprocessable),
])
async def test_p01_what_cannot_be_a_message_is_refused_before_anything_is_stored(runtime, text_, error):
    citizen = await Citizen.arrives(runtime)
    with pytest.raises(error):
        await citizen.writes(text_)
    assert await citizen.sees() == []


@pytest.mark.parametrize("words", [
    "x" * 4096, "😀" * 4096, "\u202eterbalik", "<script>alert(1)</script>", "a\x00b\ud800c",
])
async def test_p01_any_text_comes_back_as_it_was_meant(runtime, words):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes(words)
    assert (await citizen.sees())[0]["text"] == words.replace("\x00", "").replace("\ud800", "")


async def test_p01_an_unknown_conversation_is_not_found(runtime):
    with pytest.raises(NotFound):
        await inbox.receive(runtime, uuid4(), Inbound.text("halo"))


async def test_p01_a_standing_demonstration_clock_does_not_stop_the_sweep(runtime):
    citizen = await Citizen.arrives(runtime)  # the runtime's clock stands still in tests
    await citizen.writes("ktp sy ilang")
    impatient = dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, bot_timeout=0.0001))
    assert await sweep.once(impatient) == 1


async def test_p01_what_we_fail_to_settle_goes_to_a_person_and_holds_up_nothing_behind_it(runtime, monkeypatch):
    """A fault of our own in one button: neither it nor what is written after it waits for ever."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    await citizen.taps("Tanya bot lagi")

    async def broken(self: wishes.Tap) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(wishes.Tap, "withdraw", broken)
    with pytest.raises(ZeroDivisionError):
        await citizen.taps("Batalkan kasus")
    await citizen.writes("halo, masih ada orang?")
    assert await turn.drain_without_bot(runtime, citizen.id, timedelta(0)) == 2
    assert (await citizen.fates())[-2:] == ["case", "case"]
    assert (await citizen.case()).status == "assigned"

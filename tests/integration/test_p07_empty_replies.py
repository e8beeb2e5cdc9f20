"""P7: patience and courtesy answer nobody; P5: what was done is said; a pause needs a question."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.services.case import verbs
from handoff.services.deadlines import escalation
from handoff.services.errors import Unprocessable
from handoff.store import db
from handoff.store.schema_clocks import breaches
from tests.support.citizen import UNSURE, Citizen

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def with_case(runtime, text: str = "tolong ubah data usaha saya") -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(text, UNSURE)
    return citizen


@pytest.mark.parametrize("text", [".", "Baik.", "Baik Bu Ani, laporannya sedang kami proses, mohon ditunggu ya 🙏"])
async def test_p07_an_empty_reply_is_sent_and_stops_no_clock(runtime, text):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, owner, case.id, text)
    after = await citizen.case()
    assert (await citizen.sees())[-1]["text"] == text
    assert (after.status, after.first_replied_at, after.waiting_since) == ("in_progress", None, case.waiting_since)
    assert await verbs.lacks(runtime, case.id, text) == "empty"
    await verbs.reply(runtime, owner, case.id, "Besok pagi saya kabari.")
    assert (await citizen.case()).first_replied_at == runtime.clock()


async def test_p07_patience_asked_for_again_and_again_hides_no_delay(runtime, clock):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    for _ in range(4):
        clock.forward(timedelta(minutes=20))
        await verbs.reply(runtime, owner, case.id, "Masih proses, mohon bersabar.")
        await escalation.once(runtime)
    async with db.transaction(runtime.pool) as connection:
        missed = (await connection.execute(select(breaches.c.kind).where(breaches.c.case_id == case.id))).scalars()
    assert "first_reply" in set(missed)


async def test_p07_thanks_may_be_answered_with_thanks(runtime, clock):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, owner, case.id, "Data usaha Anda kami ubah hari ini.")
    clock.forward(timedelta(minutes=1))
    await citizen.asks("terima kasih banyak Pak", UNSURE)
    assert (await citizen.case()).waiting_since is not None
    await verbs.reply(runtime, owner, case.id, "Sama-sama, Bu.")
    assert (await citizen.case()).waiting_since is None
    clock.forward(timedelta(minutes=1))
    await citizen.asks("kapan selesainya?", UNSURE)
    clock.forward(timedelta(minutes=1))
    await verbs.reply(runtime, owner, case.id, "Baik.")
    await citizen.asks("makasih", UNSURE)  # what was asked before still waits
    await verbs.reply(runtime, owner, case.id, "Sama-sama, Bu.")
    assert (await citizen.case()).waiting_since is not None


@pytest.mark.parametrize("text", [".", "Sudah selesai.", "Sudah beres ya Pak, terima kasih."])
async def test_p05_a_proposal_says_what_was_done(runtime, text):
    citizen = await with_case(runtime)
    with pytest.raises(Unprocessable, match="nothing_done"):
        await verbs.propose(runtime, await citizen.officer(), (await citizen.case()).id, text, cause="delay")
    assert (await citizen.case()).status == "assigned"


@pytest.mark.parametrize("text", [
    "Mohon ditunggu ya Bu?", "Apakah Ibu bersedia menunggu?", "Ada lagi yang bisa dibantu?",
])
async def test_p07_asking_for_patience_holds_no_clock(runtime, text):
    citizen = await with_case(runtime)
    with pytest.raises(Unprocessable, match="no_question"):
        await verbs.ask(runtime, await citizen.officer(), (await citizen.case()).id, text)
    assert (await citizen.case()).status == "assigned"

"""How fast it goes out: short texts as one message, a number within its throughput whoever posts, slower when Meta says
so."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from handoff import jobs
from handoff.channels.whatsapp import claiming, intake, outcome, pacing, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.services.runtime import Runtime
from handoff.store import db
from tests.support import whatsapp
from tests.support.citizen import UNSURE
from tests.support.line import CHOICE, later, stands, tells, told, writes
from tests.support.office import officer_row
from tests.support.whatsapp import NUMBER, delivery, says, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


async def test_short_texts_of_one_author_that_wait_go_out_as_one_and_its_statuses_count_for_all(
    runtime, graph, api, monkeypatch
):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    await sending.post_due(runtime, graph, citizen.id)
    await tells(runtime, citizen.id, "dua", "tiga")
    await tells(runtime, citizen.id, "empat", buttons=CHOICE)
    await tells(runtime, citizen.id, "lima")
    while (rest := await sending.post_due(runtime, graph, citizen.id)) is not None:
        await later(runtime, rest)
    assert api.texts == ["satu", "dua\n\ntiga", "empat", "lima"]
    assert await stands(runtime) == ["sent"] * 5
    await told(runtime, api, names=("sent", "read"))
    assert await stands(runtime) == ["read"] * 5
    assert api.refused == []


async def test_p01_which_texts_go_together_is_fixed_when_they_are_claimed(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua")
    async with db.transaction(runtime.pool) as connection:  # the worker is killed between its claim and the request
        claimed = await claiming.claim(runtime, connection, citizen.id)
    assert isinstance(claimed, claiming.Claimed)
    await tells(runtime, citizen.id, "tiga")
    await later(runtime, 61)
    await sending.post_due(runtime, graph, citizen.id)
    assert api.texts == ["satu\n\ndua", "tiga"]
    assert api.accepted[0]["biz_opaque_callback_data"] == str(claimed.ticket)
    assert await stands(runtime) == ["sent"] * 3


async def test_p01_a_status_settles_all_of_a_post_that_was_never_answered(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua")
    api.breaks = 1
    assert (await sending.post_due(runtime, graph, citizen.id) or 0) > 50
    await told(runtime, api, names=("delivered",))
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu\n\ndua"]
    assert await stands(runtime) == ["delivered"] * 2


async def test_what_is_refused_for_good_is_refused_for_all_that_it_carried(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua")
    await tells(runtime, citizen.id, "tiga", buttons=CHOICE)
    api.troubles = [(400, 131026)]
    await sending.post_due(runtime, graph, citizen.id)
    assert await stands(runtime) == ["failed", "failed", "sent"]


async def test_an_officers_replies_go_out_under_one_name_with_one_way_to_say_they_did_not_help(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    for words in ("Baik, saya periksa.", "Berkasnya lengkap."):
        await verbs.reply(runtime, officer, case.id, words)
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    last = api.texts[-1]
    assert last.startswith(f"*{officer.name}*")
    assert "Baik, saya periksa.\n\nBerkasnya lengkap." in last
    assert last.count(officer.name) == 1
    offered = api.accepted[-1]["interactive"]["action"]["buttons"]
    assert [one["reply"]["id"].partition(":")[0] for one in offered] == ["unhelpful_reply", "complain"]


async def test_a_numbers_throughput_holds_over_several_workers(runtime, graph, api):
    rate, people = 20, 50
    channel = dataclasses.replace(runtime.settings.whatsapp, per_second=rate)
    workers = [dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, whatsapp=channel)),
               dataclasses.replace(Runtime.create(dataclasses.replace(runtime.settings, whatsapp=channel)),
                                   clock=runtime.clock)]
    senders = [f"6287{n:04}" for n in range(people)]
    citizens = [await writes(runtime, "halo", sender=sender) for sender in senders]
    api.open_for |= set(senders)
    api.per_second = rate + rate // 4  # a busy machine brings some closer together than they left
    for citizen in citizens:
        await tells(runtime, citizen.id, "satu")
    await reset(runtime)
    at_once = [asyncio.Semaphore(jobs.SENDERS) for _ in workers]

    async def posts(n: int) -> None:
        async with at_once[n % 2]:
            assert await sending.post_due(workers[n % 2], graph, citizens[n].id) is None

    began = time.monotonic()
    await asyncio.gather(*map(posts, range(people)))
    took = time.monotonic() - began
    await workers[1].close()
    assert api.refused == []
    assert len(api.texts) == people
    assert took >= (people - 1) / rate


async def test_a_number_that_is_too_fast_slows_down_as_a_whole_and_recovers(runtime, graph, api):
    citizen, other = await writes(runtime, "halo"), await writes(runtime, "hai", sender="628777")
    api.open_for.add("628777")
    for one in (citizen, other):
        await tells(runtime, one.id, "satu")
    await reset(runtime)
    api.troubles = [(400, 130429)]
    await sending.post_due(runtime, graph, citizen.id)
    assert 1 < (await sending.post_due(runtime, graph, other.id) or 0) <= 2  # was not even tried
    assert api.refused == [130429]
    for pause in (4, 8):
        await later(runtime, 10)
        api.troubles = [(400, 80007)]
        await sending.post_due(runtime, graph, other.id)
        assert pause / 2 < (await sending.post_due(runtime, graph, citizen.id) or 0) <= pause
    assert await level(runtime) == 3
    await later(runtime, 3 * pacing.RECOVERS_SECONDS + 60)
    for one in (citizen, other):
        await sending.post_due(runtime, graph, one.id)
    assert len(api.texts) == 2
    api.troubles = [(400, 130429)]
    await tells(runtime, citizen.id, "dua")
    await sending.post_due(runtime, graph, citizen.id)
    assert await level(runtime) == 1  # from the beginning


async def test_what_comes_in_counts_for_the_same_number(runtime):
    await writes(runtime, "halo")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_paces SET free_at = '2100-01-01'"))
    several = [says("halo", sender=f"6289{n:03}") for n in range(10)]
    await intake.take_in(runtime, whatsapp.written(delivery(value(*several), value(says("halo"), number="999"))))
    async with db.transaction(runtime.pool) as connection:
        ahead = (await connection.execute(text(
            "SELECT number_id, extract(epoch FROM free_at - timestamptz '2100-01-01') FROM whatsapp_paces"))).all()
    assert [(number, float(seconds)) for number, seconds in ahead] == [(NUMBER, 10 / 80)]


async def reset(runtime: Any) -> None:
    """Nobody has posted or written yet."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text(
            "UPDATE whatsapp_paces SET free_at = clock_timestamp(), slowed = 0, slowed_at = NULL"))


async def level(runtime: Any) -> int:
    async with db.transaction(runtime.pool) as connection:
        return int((await connection.execute(
            text("SELECT slowed FROM whatsapp_paces WHERE number_id = :n"), {"n": NUMBER})).scalar_one())

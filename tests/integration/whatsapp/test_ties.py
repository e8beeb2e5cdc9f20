"""Which message a status is of: told by our ticket, or by the id of the post, in whatever order both become known."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import claiming, intake, sending, settling
from handoff.channels.whatsapp.claiming import Claimed
from handoff.store import db
from handoff.store.schema import answers
from handoff.store.schema_whatsapp import whatsapp_invitations
from tests.support import whatsapp
from tests.support.citizen import answers as answered
from tests.support.line import CHOICE, case_and_silence, later, replies, stands, tells, writes
from tests.support.whatsapp import NUMBER, delivery, message, status, value

# What is tied does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


async def reports(runtime: Any, *told: dict[str, Any]) -> None:
    for one in told:
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))


async def claimed(runtime: Any, citizen: Any) -> Claimed:
    """A worker has claimed the next message and not yet heard what became of it."""
    async with db.transaction(runtime.pool) as connection:
        found = await claiming.claim(runtime, connection, citizen.id)
    assert isinstance(found, Claimed)
    return found


@pytest.mark.parametrize(("told", "stands_then"), [
    (("delivered", None), "delivered"), (("read", None), "read"), (("failed", 131026), "failed"),
])
@pytest.mark.parametrize("ticket", [None, "not ours", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"])
async def test_a_status_without_our_ticket_is_tied_by_the_posts_id(runtime, graph, api, told, stands_then, ticket):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    await sending.post_due(runtime, graph, citizen.id)
    name, code = told
    await reports(runtime, status(api.accepted[0]["wamid"], name, ticket, code))
    assert await stands(runtime) == [stands_then, "sent"]


async def test_a_status_that_is_there_before_the_posts_answer_counts_once_it_is_known(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    step = await claimed(runtime, citizen)
    await reports(runtime, status("wamid.early", "delivered"))
    assert await stands(runtime) == ["stored"]
    await settling.accepted(runtime, step.ticket, NUMBER, "wamid.early")
    assert await stands(runtime) == ["delivered"]


@pytest.mark.parametrize("ticket", [True, False])
@pytest.mark.parametrize(("code", "stands_then"), [(131047, "waiting_window"), (131026, "failed"), (131000, "stored")])
async def test_a_failure_that_is_reported_before_the_acceptance_is_recorded_has_the_last_word(
    runtime, graph, api, code, stands_then, ticket
):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    step = await claimed(runtime, citizen)
    await reports(runtime, status("wamid.early", "failed", str(step.ticket) if ticket else None, code))
    await settling.accepted(runtime, step.ticket, NUMBER, "wamid.early")
    assert await stands(runtime) == [stands_then]


async def test_what_first_came_without_the_ticket_counts_when_it_is_repeated_with_it(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    api.breaks = 1
    await sending.post_due(runtime, graph, citizen.id)
    (post,) = api.accepted
    await reports(runtime, status(post["wamid"], "delivered"))
    assert await stands(runtime) == ["stored"]
    for _ in range(2):
        await reports(runtime, status(post["wamid"], "delivered", post["biz_opaque_callback_data"]))
    assert await stands(runtime) == ["delivered"]
    assert await sending.post_due(runtime, graph, citizen.id) is None
    assert api.texts == ["satu"]


async def test_p01_a_failure_of_the_first_copy_does_not_post_a_third_one(runtime, graph, api):
    """Nobody heard of the first post, the second one was taken; then Meta says that the first one failed."""
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    api.breaks = 1
    await sending.post_due(runtime, graph, citizen.id)
    await later(runtime, 61)
    await sending.post_due(runtime, graph, citizen.id)
    first, second = api.accepted
    await reports(runtime, status(first["wamid"], "failed", first["biz_opaque_callback_data"], 131000))
    assert await stands(runtime) == ["sent"]
    await later(runtime, 3600)
    await sending.post_due(runtime, graph, citizen.id)
    assert len(api.accepted) == 2
    await reports(runtime, status(second["wamid"], "read"))
    assert await stands(runtime) == ["read"]


async def test_a_template_is_tied_by_its_id_too(runtime, graph, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, citizen.id)
    await reports(runtime, status(api.accepted[0]["wamid"], "read"))
    async with db.transaction(runtime.pool) as connection:
        found = (await connection.execute(select(whatsapp_invitations.c.state, whatsapp_invitations.c.delivery))).all()
    assert [tuple(one) for one in found] == [("accepted", "read")]


async def test_a_reaction_finds_the_answer_of_which_only_a_status_told_the_id(runtime, graph, api):
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answered("ktp_hilang"))
    api.breaks = 10
    await sending.post_due(runtime, graph, citizen.id)
    for one in list(api.accepted):
        await reports(runtime, status(one["wamid"], "delivered", one["biz_opaque_callback_data"]))
    while await sending.post_due(runtime, graph, citizen.id) is not None:
        for one in list(api.accepted):
            await reports(runtime, status(one["wamid"], "sent", one["biz_opaque_callback_data"]))
    under = next(one["wamid"] for one in api.accepted if one["type"] == "interactive")
    thumb = message({"type": "reaction", "reaction": {"message_id": under, "emoji": "\U0001f44d"}})
    await intake.take_in(runtime, whatsapp.written(delivery(value(thumb))))
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(answers.c.helped_at))).scalar_one() is not None

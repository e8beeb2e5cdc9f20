"""After 24 hours without a word of the citizen: a template goes out, the text waits, and follows when they write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, outcome, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_invitations
from tests.integration.test_whatsapp_sending import (  # noqa: F401  (fixtures too)
    _no_pace,
    api,
    graph,
    later,
    settings,
    stands,
    writes,
)
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.office import officer_row
from tests.support.whatsapp import SENDER, delivery, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def case_and_silence(runtime: Any, graph: Any, api: Any, clock: Any) -> tuple[Citizen, Any, Any]:  # noqa: F811
    """A citizen with a case who has not written for a day; Meta knows it too."""
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    clock.forward(timedelta(hours=24))
    api.open_for.clear()
    api.accepted.clear()
    return citizen, case, await officer_row(runtime, case.officer_id)


async def replies(runtime: Any, citizen: Citizen, officer: Any, case: Any, words: str) -> None:
    await verbs.reply(runtime, officer, case.id, words)
    await dispatching.dispatch(runtime, citizen.id)


async def invitations(runtime: Any) -> list[tuple[str, str, str]]:
    async with db.transaction(runtime.pool) as connection:
        return [(r.template, r.state, r.delivery) for r in (await connection.execute(
            select(whatsapp_invitations).order_by(whatsapp_invitations.c.created_at))).all()]


async def test_p02_the_reply_is_announced_once_by_name_and_follows_when_the_citizen_writes(
    runtime, graph, api, clock  # noqa: F811
):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    await replies(runtime, citizen, officer, case, "Besok bisa diambil.")
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    (announced,) = api.texts
    assert announced.startswith(f"Ada balasan dari {officer.name} untuk kasus Anda nomor {case.number}.")
    assert (await stands(runtime))[-2:] == ["waiting_window"] * 2
    (ticket,) = [one["biz_opaque_callback_data"] for one in api.accepted]
    for name in ("read", "sent"):
        one = whatsapp.status("wamid.t", name, ticket)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
    assert await invitations(runtime) == [("balasan_petugas", "accepted", "read")]
    assert (await stands(runtime))[-2:] == ["waiting_window"] * 2  # the template was read, the reply was not
    api.open_for.add(SENDER)
    await writes(runtime, "ya")
    await sending.post_due(runtime, graph, citizen.id)
    assert ["Berkas Anda" in t or "Besok" in t for t in api.texts[1:3]] == [True, True]
    assert api.refused == []


async def test_a_template_that_was_not_taken_is_tried_again_one_that_is_refused_is_not(
    runtime, graph, api, clock, monkeypatch  # noqa: F811
):
    monkeypatch.setattr(outcome, "pause", lambda tries: timedelta(seconds=6))
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    api.troubles = [(500, 131000)]
    await sending.post_due(runtime, graph, citizen.id)
    assert api.texts == []
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_invitations SET due_at = clock_timestamp()"))
    api.troubles = [(404, 132001)]
    await sending.post_due(runtime, graph, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)
    assert (api.texts, api.refused) == ([], [131000, 132001])
    assert await invitations(runtime) == [("balasan_petugas", "failed", "stored")]
    assert (await stands(runtime))[-1] == "waiting_window"


async def test_a_refused_token_stops_templates_too_and_they_go_out_later(runtime, graph, api, clock):  # noqa: F811
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    api.token = "a new one"
    assert (await sending.post_due(runtime, graph, citizen.id) or 0) > 200
    api.token = "token"
    await later(runtime, 301)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE whatsapp_invitations SET due_at = clock_timestamp()"))
    await sending.post_due(runtime, graph, citizen.id)
    assert len(api.texts) == 1

"""What officers' streams tell: which case changed, to whom it concerns, and when everything must be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from handoff.services.case import verbs
from handoff.services.people import staff
from handoff.services.talk import inbox
from handoff.services.talk.inbox import Inbound
from handoff.services.views import presence
from handoff.store import db
from handoff.web import officers as officer_api
from tests.support.citizen import colleague
from tests.support.office import officer_row, open_case, told

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/officer"


async def first_case(events: AsyncIterator[tuple[str, Any]], number: str) -> dict[str, Any]:
    async for name, data in events:
        if name == "case" and data["number"] == number:
            return dict(data)
    raise AssertionError("the stream ended")


async def test_the_stream_says_look_first_and_then_which_case_changed(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    desk = await served.desk(await colleague(served.runtime, await officer_row(served.runtime, case.officer_id)))
    async with desk.stream("GET", f"{API}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = told(response)
        assert await anext(events) == ("look", {})
        await verbs.note(served.runtime, owner, case.id, "RAHASIA")  # a note too: colleagues see it
        assert await first_case(events, case.number) == {"number": case.number, "seq": 3}
        await verbs.reply(served.runtime, owner, case.id, "Halo.")
        assert await first_case(events, case.number) == {"number": case.number, "seq": 4}
        await inbox.receive(served.runtime, case.conversation_id, Inbound.text("terima kasih"))
        assert await first_case(events, case.number) == {"number": case.number, "seq": 5}
        new = await open_case(served.runtime)
        assert (await first_case(events, new.number))["number"] == new.number


async def test_the_stream_tells_when_colleagues_come_to_a_case_type_and_leave_and_not_that_they_stay(served):
    runtime, case = served.runtime, await open_case(served.runtime)
    owner = await officer_row(runtime, case.officer_id)
    desk = await served.desk(await colleague(runtime, owner))
    async with desk.stream("GET", f"{API}/events") as response:
        events = told(response)
        assert await anext(events) == ("look", {})
        for typing in (False, False, True, True, False):
            await presence.ping(runtime, owner, case.id, typing)
        await presence.leave(runtime, owner, case.id)
        await verbs.note(runtime, owner, case.id, "catatan")
        names = []
        async for name, data in events:
            names.append(name)
            assert data["number"] == case.number
            if name == "case":
                break
    assert 1 <= names.count("present") <= 4  # a burst is one


async def test_the_stream_tells_an_officer_nothing_of_other_units(served):
    theirs, ours = await open_case(served.runtime, topic="wlkp_data_salah"), await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, ours.officer_id))
    seen = []
    async with desk.stream("GET", f"{API}/events") as response:
        events = told(response)
        assert await anext(events) == ("look", {})
        for case in (theirs, ours):
            await verbs.note(served.runtime, await officer_row(served.runtime, case.officer_id), case.id, "catatan")
        async for _, data in events:
            seen.append(data)
            if data.get("number") == ours.number:
                break
    assert theirs.number not in [data.get("number") for data in seen]


async def test_a_stream_ends_with_its_session(served, monkeypatch):
    monkeypatch.setattr(officer_api, "RECHECK_SECONDS", 0)
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    async with desk.stream("GET", f"{API}/events") as response:
        events = told(response)
        assert await anext(events) == ("look", {})
        await staff.sign_out(served.runtime, desk.cookies["wajah_session"])
        for _ in range(2):
            await verbs.note(served.runtime, await officer_row(served.runtime, case.officer_id), case.id, "catatan")
        assert [name async for name, _ in events if name == "look"] == []  # it ends by itself


async def test_a_stream_is_told_to_look_when_the_listening_was_interrupted(served):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    async with desk.stream("GET", f"{API}/events") as response:
        events = told(response)
        assert await anext(events) == ("look", {})
        async with db.transaction(served.runtime.pool) as connection:
            await connection.execute(text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query = 'LISTEN wajah'"
            ))
        async for name, _ in events:
            if name == "look":
                break

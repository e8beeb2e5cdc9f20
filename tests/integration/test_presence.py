"""Who else is looking at a case or typing in it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from handoff.services.views import presence
from handoff.services.views.presence import HERE, TYPING, Present
from handoff.store import db
from handoff.store.schema_desk import presences
from tests.support.citizen import colleague
from tests.support.console import browser, form_of, opened
from tests.support.office import officer_row, open_case

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def passes(runtime, by: timedelta) -> None:
    """The presences are that much older now."""
    older = update(presences).values(seen_at=presences.c.seen_at - by, typed_at=presences.c.typed_at - by)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(older)


async def test_a_colleague_is_seen_typing_then_looking_then_no_more(runtime):
    case = await open_case(runtime)
    owner = await officer_row(runtime, case.officer_id)
    other = await colleague(runtime, owner)
    assert await presence.ping(runtime, other, case.id, typing=True) == []
    there = Present(other.name, other.title, True)
    assert await presence.ping(runtime, owner, case.id) == [there]
    await passes(runtime, TYPING)
    assert await presence.others(runtime, owner, case.id) == [Present(other.name, other.title, False)]
    await passes(runtime, HERE - TYPING)
    assert await presence.others(runtime, owner, case.id) == []


async def test_who_leaves_is_gone_at_once_and_another_case_knows_nothing(runtime):
    case, another = await open_case(runtime), await open_case(runtime)
    owner = await officer_row(runtime, case.officer_id)
    other = await colleague(runtime, owner)
    await presence.ping(runtime, other, case.id)
    assert await presence.others(runtime, owner, another.id) == []
    await presence.leave(runtime, other, case.id)
    assert await presence.others(runtime, owner, case.id) == []


async def test_the_page_names_who_is_there(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    other = await colleague(served.runtime, owner)
    await presence.ping(served.runtime, other, case.id, typing=True)
    client = await browser(served, owner)
    page = await opened(client, case.number)
    assert f"{other.name} sedang mengetik" in page.text
    address, token = f"/petugas/kasus/{case.number}/hadir", form_of(page, "reply").fields["tanda"]
    answer = await client.post(address, data={"tanda": token})
    assert other.name in answer.text
    assert owner.name not in answer.text
    assert [one.name for one in await presence.others(served.runtime, other, case.id)] == [owner.name]
    assert (await client.post(address, data={"tanda": token, "pergi": "1"})).status_code == 204
    assert await presence.others(served.runtime, other, case.id) == []

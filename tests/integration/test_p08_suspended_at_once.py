"""P8: what was suspended goes out nowhere, however long the sending had to wait."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from handoff.services.post import sending
from handoff.services.talk import ownership, publications, turn
from handoff.store import db
from tests.support.citizen import Citizen, answers
from tests.support.office import person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def test_p08_an_answer_suspended_while_its_conversation_is_busy_is_withheld(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)
    await turn.apply(runtime, question, answers("ktp_hilang"))
    async with db.transaction(runtime.pool) as connection:
        await ownership.lock(connection, citizen.id)
        going = asyncio.create_task(sending.dispatch(runtime, citizen.id))
        await blocked(runtime)
        await publications.suspend(runtime, await person(runtime, "supervisor"), "ktp_hilang", "biaya salah")
    await going
    assert [m["author"] for m in await citizen.sees()] == ["citizen", "system"]
    assert (await citizen.case()).reason == "suspended_answer"


async def blocked(runtime) -> None:
    """Somebody waits for a lock."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(200):
        async with db.statement(runtime.pool) as connection:
            if (await connection.execute(query)).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")

"""What cannot be sent to a citizen unasked ends: visibly, with what to do, and once more when that was done."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from handoff.services.post import notices
from handoff.services.talk import corrections, reminders, unasked
from handoff.store import db
from handoff.store.schema_clocks import asked_reminders
from tests.integration.test_corrections import SINCE, TOPIC, WORDS, had_it, states, stopped, told
from tests.support.citizen import UNSURE, Citizen
from tests.support.console import browser
from tests.support.office import officer_row, person
from tests.support.pages import Page

# What becomes of it does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


def breaks(monkeypatch: Any, module: Any) -> Any:
    """Storing a message fails from now on; the way back."""
    real = module.store

    async def fails(*given: Any, **more: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(module, "store", fails)
    return lambda: monkeypatch.setattr(module, "store", real)


async def all_tries(clock: Any, send: Any) -> None:
    for n in range(unasked.TRIES):
        assert await send() == 0
        clock.forward(timedelta(minutes=2 ** n))


async def test_a_correction_that_fails_for_good_ends_is_seen_and_is_tried_once_more_after_a_restart(
    served, clock, monkeypatch, caplog
):
    runtime = served.runtime
    citizen = await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS)
    mended = breaks(monkeypatch, corrections)
    with caplog.at_level(logging.INFO):
        await all_tries(clock, lambda: corrections.tell(runtime))
    assert await states(runtime) == ["failed"]
    given_up = [one for one in caplog.records if "is given up" in one.getMessage()]
    assert len(given_up) == 1
    caplog.clear()
    assert await corrections.tell(runtime) == 0
    assert caplog.records == []  # not each round
    page = Page(await (await browser(served, boss)).get("/petugas/perbaikan"))
    assert "1 tidak bisa dikirim karena kesalahan sistem kantor" in page.text
    assert "Beri tahu pengelola sistem" in page.text
    metrics = (await (await served.client()).get("/metrics")).text
    assert 'wajah_rows{kind="unasked_given_up"} 1.0' in metrics
    assert await unasked.once_more(runtime) == 1  # still broken: one try, and it is given up again
    assert await corrections.tell(runtime) == 0
    assert await states(runtime) == ["failed"]
    mended()
    assert await unasked.once_more(runtime) == 1
    assert await corrections.tell(runtime) == 1
    assert len(await told(citizen)) == 1
    assert await states(runtime) == ["told"]


async def test_one_that_fails_holds_up_no_other_however_many_there_are(runtime, clock, monkeypatch):
    first, second = await had_it(runtime), await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    await corrections.correct(runtime, await stopped(runtime), TOPIC, SINCE, WORDS)
    real = corrections._tell

    async def fails(runtime: Any, correction: Any, conversation: Any) -> bool:
        if conversation == min(first.id, second.id):
            raise RuntimeError("broken")
        return await real(runtime, correction, conversation)

    monkeypatch.setattr(corrections, "_tell", fails)
    assert await corrections.tell(runtime, most=1) == 0
    assert await corrections.tell(runtime, most=1) == 1  # the one that waits for its next try is not in the way


async def test_a_reminder_of_a_case_that_fails_for_good_is_told_to_its_officer(runtime, clock, monkeypatch):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau bicara sama petugas", UNSURE)
    case = await citizen.case()
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text(
            "INSERT INTO asked_reminders (id, conversation_id, case_id, asked_at, due_at)"
            " VALUES (gen_random_uuid(), :c, :k, :at, :at)"), {"c": citizen.id, "k": case.id, "at": clock()})
    breaks(monkeypatch, reminders)
    await all_tries(clock, lambda: reminders.send_due(runtime))
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(asked_reminders.c.state))).scalar_one() == "failed"
    officer = await officer_row(runtime, case.officer_id)
    news = await notices.listed(runtime, officer)
    assert any("pengingat yang diminta warga tidak bisa dikirim" in one.text for one in news)
    assert not await notices.listed(runtime, await person(runtime, "auditor"))


async def test_what_was_given_up_long_ago_is_not_brought_up_again(runtime, clock, monkeypatch):
    await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    await corrections.correct(runtime, await stopped(runtime), TOPIC, SINCE, WORDS)
    breaks(monkeypatch, corrections)
    await all_tries(clock, lambda: corrections.tell(runtime))
    clock.forward(timedelta(days=15))
    assert await unasked.once_more(runtime) == 0

"""What goes through many at once is held up by none of them: the first one's content cannot be read, the second has its
turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from handoff.services.case import referrals
from handoff.services.case.referrals import Letter
from handoff.services.deadlines import escalation, sweep
from handoff.services.people import duty
from handoff.services.post import sending
from handoff.services.talk import late, publications, turn
from handoff.store import db
from handoff.store.schema import cases, conversations, data_keys, messages, outbox
from handoff.store.schema_clocks import tellings
from handoff.store.schema_record import case_events
from tests.support.citizen import Citizen, answers
from tests.support.office import OpenCase, officer_row, open_case, person
from tests.support.rasa import answering, bot_says, with_bot

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def spoil(runtime, conversation_id: UUID) -> None:
    """Nobody can read this conversation any more, and nobody meant to erase it."""
    key = select(conversations.c.data_key_id).where(conversations.c.id == conversation_id).scalar_subquery()
    async with db.transaction(runtime.pool) as connection:
        key_id = (await connection.execute(
            update(data_keys).where(data_keys.c.id == key).values(wrapped=b"damaged").returning(data_keys.c.id)
        )).scalar_one()
    runtime.keyring.forget(key_id)


async def two_cases(runtime, clock, **more) -> tuple[OpenCase, OpenCase]:
    first = await open_case(runtime, **more)
    clock.forward(timedelta(seconds=1))
    return first, await open_case(runtime, **more)


async def events(runtime, case_id: UUID) -> Sequence[str]:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(
            select(case_events.c.type).where(case_events.c.case_id == case_id).order_by(case_events.c.seq)
        )).scalars().all()


async def test_p07_a_case_of_which_nobody_can_be_told_does_not_hide_the_next(runtime, clock):
    first, second = await two_cases(runtime, clock)
    await spoil(runtime, first.conversation_id)
    clock.forward(timedelta(hours=2))
    while await escalation.mark(runtime):
        pass
    assert await escalation.tell(runtime, most=1) == 1  # although the round is full of the first
    assert "deadline_missed" in await events(runtime, second.id)
    async with db.transaction(runtime.pool) as connection:
        assert set((await connection.execute(select(tellings.c.case_id))).scalars()) == {first.id}


async def test_p01_a_message_that_cannot_be_read_does_not_hold_up_the_next(runtime, clock, monkeypatch):
    monkeypatch.setattr(sweep, "BATCH", 1)
    first, second = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    await first.writes("ktp sy ilang")
    await second.writes("ktp sy ilang")
    await spoil(runtime, first.id)
    clock.forward(timedelta(seconds=61))
    await sweep.once(runtime)
    assert await second.fates() == ["new_case"]


async def test_p08_an_answer_that_cannot_be_withheld_does_not_hold_up_the_next(runtime):
    first, second = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    for citizen, topic in ((first, "ktp_hilang"), (second, "kk_baru")):
        await citizen.writes("tanya")
        question = await turn._next(runtime, citizen.id)
        await turn.apply(runtime, question, answers(topic))  # and killed before it was sent
    await publications.suspend(runtime, await person(runtime, "supervisor"), "ktp_hilang", "biaya salah")
    await spoil(runtime, first.id)
    await sending.dispatch_overdue(runtime, timedelta(0))
    async with db.transaction(runtime.pool) as connection:
        states = dict((await connection.execute(select(outbox.c.conversation_id, outbox.c.state))).all())
    assert states == {first.id: "pending", second.id: "sent"}


async def test_p03_a_question_that_cannot_be_read_does_not_hold_up_the_next_late_answer(runtime, clock):
    asked = []
    async with answering(500, b"") as url:
        for _ in range(2):
            citizen = await Citizen.arrives(with_bot(runtime, url))
            await citizen.writes("ktp sy ilang")
            await turn.drain(citizen.runtime, citizen.id)
            clock.forward(timedelta(seconds=1))
            asked.append(citizen)
    first, second = asked
    async with db.transaction(runtime.pool) as connection:  # its words are another row's
        await connection.execute(update(messages).where(messages.c.conversation_id == first.id)
                                 .values(body_enc=func.set_byte(messages.c.body_enc, 20, 0)))
    async with bot_says(runtime, "ktp_hilang") as there:
        assert await late.answer_late(there) == 1
    assert any(m["answer"] for m in await second.sees())


async def test_p06_a_referral_that_cannot_be_written_down_does_not_hold_up_the_next(runtime, clock):
    both = await two_cases(runtime, clock)
    for case, day in zip(both, (date(2026, 11, 25), date(2026, 11, 26)), strict=True):
        officer = await officer_row(runtime, case.officer_id)
        await referrals.refer(runtime, officer, case.id, Letter("Dukcapil", "Surat", "12/A", day))
    first, second = both
    await spoil(runtime, first.conversation_id)
    clock.forward(timedelta(days=3))
    assert await referrals.remind(runtime) == 1
    assert "ask_again_due" in await events(runtime, second.id)


@pytest.mark.parametrize("leaving", ["leave", "end"])
async def test_p02_an_officer_whose_cases_cannot_be_moved_does_not_hold_up_the_next(runtime, clock, leaving):
    spoiled, good = await two_cases(runtime, clock)
    holders = [await officer_row(runtime, case.officer_id) for case in (spoiled, good)]
    people = sorted(holders, key=lambda one: one.login)
    assert people[0].id != people[1].id
    if people[0].id != spoiled.officer_id:
        spoiled, good = good, spoiled
    supervisor, tomorrow = await person(runtime, "supervisor"), date(2026, 11, 25)
    for one in people:
        if leaving == "leave":
            await duty.leave(runtime, supervisor, one.login, tomorrow, tomorrow)
        else:
            await duty.end(runtime, supervisor, one.login, date(2026, 11, 24))
    await spoil(runtime, spoiled.conversation_id)
    clock.forward(timedelta(days=1))
    if leaving == "leave":
        assert await duty.begin_leaves(runtime) == 1
    else:
        assert await duty.end_duties(runtime) == (1, [])
        assert [(await officer_row(runtime, one.id)).active for one in people] == [True, False]
    async with db.transaction(runtime.pool) as connection:
        holder = (await connection.execute(select(cases.c.officer_id).where(cases.c.id == good.id))).scalar_one()
    assert holder != good.officer_id

"""P4: the bot or an officer; atomic; the bot is silent while a person owns the conversation."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from handoff.services.case import verbs
from handoff.services.errors import Conflict
from handoff.services.post import sending
from handoff.services.talk import publications, turn
from handoff.store import db
from handoff.store.schema import conversations, officers
from tests.support.citizen import UNSURE, Citizen, answers, colleague


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    return citizen


async def test_p04_of_two_officers_at_once_one_wins_and_the_other_hears_who(runtime):
    citizen = await with_case(runtime)
    first = await citizen.officer()
    second = await colleague(runtime, first)
    case = await citizen.case()
    outcomes = await asyncio.gather(
        *(verbs.take_over(runtime, who, case.id) for who in (first, second)), return_exceptions=True
    )
    lost = [o for o in outcomes if isinstance(o, Exception)]
    assert [type(o) for o in lost] == [Conflict]
    assert lost[0].code == "already_taken"
    winner = await citizen.officer()
    assert lost[0].facts["officer"] == winner.name
    assert [m["text"] for m in await citizen.sees()][-1].startswith(winner.name)


async def test_p04_a_takeover_between_the_bots_reply_and_its_storing_silences_the_bot(runtime):
    citizen = await with_case(runtime)
    officer = await citizen.officer()
    await citizen.taps("Tanya bot lagi")
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)  # the bot is being asked …
    await verbs.take_over(runtime, officer, (await citizen.case()).id)  # … when the officer takes over
    await turn.apply(runtime, question, answers("ktp_hilang"))
    await sending.dispatch(runtime, citizen.id)
    assert (await citizen.fates())[-1] == "case"
    assert "bot" not in [m["author"] for m in await citizen.sees()]


async def test_p04_an_answer_stored_but_not_sent_is_withheld_when_an_officer_takes_over(runtime):
    citizen = await with_case(runtime)
    officer = await citizen.officer()
    await citizen.taps("Tanya bot lagi")
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)
    await turn.apply(runtime, question, answers("ktp_hilang"))  # stored; the process dies before it sends
    await verbs.take_over(runtime, officer, (await citizen.case()).id)
    assert (await citizen.fates())[-1] == "case"
    assert "bot" not in [m["author"] for m in await citizen.sees()]


async def test_p04_the_bot_is_silent_while_an_officer_owns_the_conversation(runtime):
    citizen = await with_case(runtime)
    await verbs.take_over(runtime, await citizen.officer(), (await citizen.case()).id)
    await citizen.writes("ktp sy ilang gimana")
    await turn.drain(runtime, citizen.id)  # no Rasa runs here: it must not be asked
    assert (await citizen.fates())[-1] == "case"
    assert (await citizen.sees())[-1]["author"] == "citizen"


async def test_p04_tanya_bot_lagi_keeps_case_and_officer_and_the_next_non_answer_returns(runtime):
    citizen = await with_case(runtime)
    officer = await citizen.officer()
    await citizen.taps("Tanya bot lagi")
    shown = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert [m["author"] for m in shown] == ["bot"]
    assert (await citizen.case()).officer_id == officer.id
    shown = await citizen.asks("zzz", UNSURE)
    assert shown[-1]["case"]["number"] == (await citizen.case()).number
    await citizen.writes("halo pak")
    await turn.drain(runtime, citizen.id)  # the officer owns it again, so Rasa is not needed
    assert (await citizen.fates())[-1] == "case"


async def test_p04_hand_back_lets_the_bot_speak_and_keeps_the_officer(runtime):
    citizen = await with_case(runtime)
    officer, case = await citizen.officer(), await citizen.case()
    await verbs.take_over(runtime, officer, case.id)
    await verbs.hand_back(runtime, officer, case.id)
    shown = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert [m["author"] for m in shown] == ["bot"]
    assert (await citizen.case()).officer_id == officer.id


async def test_p04_another_officer_cannot_speak_in_the_case(runtime):
    citizen = await with_case(runtime)
    officer, case = await citizen.officer(), await citizen.case()
    await verbs.take_over(runtime, officer, case.id)
    other = await colleague(runtime, officer)
    for verb in (verbs.reply, verbs.propose):
        with pytest.raises(Conflict) as refused:
            await verb(runtime, other, case.id, "Halo")
        assert refused.value.code == "not_your_case"


async def test_p04_the_database_refuses_an_owner_who_is_not_the_cases_officer(runtime):
    citizen = await with_case(runtime)
    other = await colleague(runtime, await citizen.officer())
    with pytest.raises(IntegrityError):
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(
                update(conversations).where(conversations.c.id == citizen.id).values(owner_officer_id=other.id)
            )


async def test_p04_an_answer_suspended_while_the_bot_was_asked_goes_to_an_officer(runtime):
    citizen = await Citizen.arrives(runtime)
    head = await _head(runtime)
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)
    await publications.suspend(runtime, head, "ktp_hilang", "keliru")
    await turn.apply(runtime, question, answers("ktp_hilang"))
    await sending.dispatch(runtime, citizen.id)
    assert (await citizen.case()).reason == "suspended_answer"
    assert "bot" not in [m["author"] for m in await citizen.sees()]


async def test_p04_an_answer_suspended_between_storing_and_sending_is_withheld(runtime):
    citizen = await Citizen.arrives(runtime)
    head = await _head(runtime)
    await citizen.writes("ktp sy ilang")
    question = await turn._next(runtime, citizen.id)
    await turn.apply(runtime, question, answers("ktp_hilang"))
    await publications.suspend(runtime, head, "ktp_hilang", "keliru")
    await sending.dispatch(runtime, citizen.id)
    assert await citizen.fates() == ["new_case"]
    assert "bot" not in [m["author"] for m in await citizen.sees()]
    await publications.republish(runtime, head, "ktp_hilang")
    another = await Citizen.arrives(runtime)
    assert [m["author"] for m in await another.asks("ktp sy ilang", answers("ktp_hilang"))] == ["bot"]


async def _head(runtime):
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(officers.select().where(officers.c.role == "head"))).first()

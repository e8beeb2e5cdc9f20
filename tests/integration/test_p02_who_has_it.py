"""P2 when officers go, and when a complaint is about one: always somebody else by name, in the same transaction."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from handoff.domain.case import Role
from handoff.services.case import transfers, verbs
from handoff.services.errors import Conflict, Forbidden, NotFound, Unauthorized, Unprocessable
from handoff.services.people import duty, staff
from handoff.services.post import notices
from handoff.services.talk import conversations, inbox
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import officers
from tests.support.citizen import UNSURE, Citizen, officer
from tests.support.office import PASSWORD, open_case, person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def complains(runtime, citizen: Citizen, text: str):
    receipt = await citizen.writes(text)
    return await open_for_bot(runtime, citizen.id, receipt.message_id, reason="complaint", topic=None, answer_id=None,
                              classification={})


# --- going ------------------------------------------------------------------------------------------------------------


async def test_p02_who_leaves_hands_every_open_case_to_a_named_person(runtime):
    some = [await with_case(runtime) for _ in range(4)]
    leaving = await some[0].officer()
    theirs = [one for one in some if (await one.officer()).id == leaving.id]
    admin = await person(runtime, "admin")
    token, _ = await staff.sign_in(runtime, leaving.login, PASSWORD)
    assert len(await duty.deactivate(runtime, admin, leaving.login)) == len(theirs)
    assert not (await officer(runtime, leaving.id)).active
    assert await staff.session_of(runtime, token) is None
    with pytest.raises(Unauthorized):
        await staff.sign_in(runtime, leaving.login, PASSWORD)
    for citizen in theirs:
        now = await citizen.officer()
        assert now.id != leaving.id
        assert now.name in (await citizen.sees())[-1]["text"]
        async with db.transaction(runtime.pool) as connection:
            assert "handed_on" in [one.kind for one in await notices.told_of(connection, (await citizen.case()).id)]


async def test_p02_nobody_goes_whose_cases_would_have_nobody(runtime):
    citizen = await with_case(runtime)
    only = await citizen.officer()
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id != only.id).values(active=False))
    with pytest.raises(Conflict, match="nobody_else"):
        await duty.deactivate(runtime, None, only.login)
    assert (await officer(runtime, only.id)).active
    assert (await citizen.case()).officer_id == only.id


@pytest.mark.parametrize("role", ["officer", "inspector", "data_officer", "auditor", "head"])
async def test_who_may_not_deactivate(runtime, role):
    leaving = await person(runtime, "officer", "sosial")
    with pytest.raises(Forbidden):
        await duty.deactivate(runtime, await person(runtime, role, "kependudukan" if role == "head" else None),
                              leaving.login)
    with pytest.raises(NotFound):
        await duty.deactivate(runtime, await person(runtime, "admin"), "nobody")


async def test_p02_a_case_that_comes_while_its_officer_goes_is_in_good_hands(runtime):
    leaving = await (await with_case(runtime)).officer()

    async def come() -> None:
        for _ in range(6):
            await open_case(runtime)

    await asyncio.gather(come(), come(), duty.deactivate(runtime, None, leaving.login))
    async with db.transaction(runtime.pool) as connection:
        left = (await connection.execute(select(func.count()).select_from(case_table).where(
            case_table.c.officer_id == leaving.id, case_table.c.status != "closed"
        ))).scalar_one()
        open_cases = (await connection.execute(select(func.count()).select_from(case_table))).scalar_one()
    assert (left, open_cases) == (0, 13)


async def test_p02_leave_moves_the_cases_on_the_day_it_begins(runtime, clock):
    citizen = await with_case(runtime)
    absent = await citizen.officer()
    with pytest.raises(Unprocessable, match="bad_leave"):
        await duty.leave(runtime, absent, absent.login, date(2026, 11, 20), date(2026, 11, 21))
    with pytest.raises(Forbidden):
        await duty.leave(runtime, await person(runtime, "head", "sosial"), absent.login, date(2026, 11, 25),
                         date(2026, 11, 27))
    assert await duty.leave(runtime, absent, absent.login, date(2026, 11, 25), date(2026, 11, 27)) == []
    assert await duty.begin_leaves(runtime) == 0
    assert (await citizen.case()).officer_id == absent.id
    clock.forward(timedelta(days=1))
    assert await duty.begin_leaves(runtime) == 1
    assert await duty.begin_leaves(runtime) == 0
    there = await citizen.officer()
    assert there.id != absent.id
    (handed,) = await duty.leave(runtime, await person(runtime, "head", "kependudukan"), there.login,
                                 date(2026, 11, 25), date(2026, 11, 25))  # it begins today: at once
    assert handed.officer_id == (await citizen.case()).officer_id
    assert (await citizen.case()).officer_id not in (there.id,)


async def test_p06_who_was_asked_to_take_a_case_goes_and_a_colleague_there_is_asked(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    there = {}
    for _ in range(2):
        await transfers.request(runtime, owner, case.id, "sosial", "urusan bansos")
        asked = await officer(runtime, (await citizen.case()).transfer_officer_id)
        await duty.deactivate(runtime, None, asked.login)
        now = await officer(runtime, (await citizen.case()).transfer_officer_id)
        assert (now.active, now.unit_id, now.id == asked.id) == (True, asked.unit_id, False)
        async with db.transaction(runtime.pool) as connection:
            there[now.login] = [one.kind for one in await notices.told_of(connection, case.id)
                                if one.login == now.login]
        await transfers.withdraw(runtime, owner, case.id)
    assert all("transfer_asked" in kinds for kinds in there.values())
    assert (await citizen.case()).officer_id == owner.id


@pytest.mark.parametrize("role", ["supervisor", "head"])
async def test_p02_who_leads_takes_a_case_with_a_reason_that_stays_in_the_record(runtime, role):
    citizen = await with_case(runtime)
    case, leader = await citizen.case(), await person(runtime, role, "kependudukan" if role == "head" else None)
    for why in ("", "  "):
        with pytest.raises(Unprocessable, match="no_reason"):
            await verbs.take_over(runtime, leader, case.id, why)
    assert (await citizen.case()).officer_id == case.officer_id
    await verbs.take_over(runtime, leader, case.id, "Petugasnya sakit")
    await verbs.take_over(runtime, leader, case.id)  # theirs by now
    events = (await desk.case_in_full(runtime, leader, case.number))["events"]
    (taken,) = [event for event in events if event["type"] == "taken_over"]
    assert (taken["officer"]["name"], taken["body"]["why"]) == (leader.name, "Petugasnya sakit")
    assert leader.name in (await citizen.sees())[-1]["text"]


# --- a complaint ------------------------------------------------------------------------------------------------------


async def test_a_complaint_does_not_go_to_whom_it_names_nor_to_their_head(runtime):
    named = await person(runtime, "officer", "kependudukan")
    head = await person(runtime, "head", "kependudukan")
    for _ in range(4):
        citizen = await Citizen.arrives(runtime)
        facts = await complains(runtime, citizen, f"Saya mau mengadukan {named.name}, orangnya kasar")
        assert facts.row.officer_id not in (named.id, head.id)
    supervisor = await person(runtime, "supervisor")
    (opened, *_) = (await desk.case_in_full(runtime, supervisor, facts.row.number))["events"]
    assert opened["body"]["kept_from"][str(named.id)] == "named"
    assert opened["body"]["kept_from"][str(head.id)] == "superior"


async def test_a_complaint_in_the_middle_of_a_talk_takes_the_case_from_who_talked(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, owner, case.id, "Hari ini diperiksa.")
    await verbs.hand_back(runtime, owner, case.id)
    facts = await complains(runtime, citizen, "pelayanannya buruk, saya mau mengadu")
    assert facts.id == case.id
    assert facts.row.officer_id not in (owner.id, (await person(runtime, "head", "kependudukan")).id)
    texts = [m["text"] for m in await citizen.sees()]
    assert any(facts.officer.name in text for text in texts[-2:])
    with pytest.raises(Forbidden):  # it is about them
        await verbs.reply(runtime, owner, case.id, "Halo")


async def test_a_complaint_that_reopens_a_case_goes_to_somebody_else_too(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, owner, case.id, "Hari ini diperiksa.")
    await citizen.taps("Batalkan kasus")
    facts = await complains(runtime, citizen, "saya mau mengadu")
    assert (facts.id, facts.row.status) == (case.id, "in_progress")
    assert facts.row.officer_id != owner.id


# --- many at once -----------------------------------------------------------------------------------------------------


async def test_p02_a_burst_is_shared_out_within_one_case(runtime):
    """As `benchmarks/burst.py` with 5,000, here with 120: two officers, eight that open at once."""
    unit_id = (await person(runtime, "officer", "kependudukan")).unit_id
    async with db.transaction(runtime.pool) as connection:
        two = (await connection.execute(select(officers.c.id).where(
            officers.c.unit_id == unit_id, officers.c.role == "officer"
        ).order_by(officers.c.login).limit(2))).scalars().all()
        await connection.execute(update(officers).where(officers.c.id.not_in(two)).values(active=False))

    async def some(number: int) -> None:
        for _ in range(number):
            begun = await conversations.begin(runtime)
            receipt = await inbox.receive(runtime, begun.conversation_id, Inbound.text("mau bicara dengan petugas"))
            await open_for_bot(runtime, begun.conversation_id, receipt.message_id, reason="asked_for_officer",
                               topic=None, answer_id=None, classification={})

    await asyncio.gather(*(some(15) for _ in range(8)))
    async with db.transaction(runtime.pool) as connection:
        loads = (await connection.execute(
            select(func.count(case_table.c.id)).group_by(case_table.c.officer_id)
        )).scalars().all()
    assert sum(loads) == 120
    assert max(loads) - min(loads) <= 1


async def test_who_writes_in_javanese_comes_to_an_officer_who_speaks_it(runtime):
    unit_id = (await person(runtime, "officer", "kependudukan")).unit_id
    speaks = await staff.add_officer(runtime, name="Sri Lestari", title="Petugas Layanan", unit="kependudukan",
                                     role=Role.officer, languages=["id", "jv", "jv"])
    assert (await officer(runtime, speaks.id)).languages == ["id", "jv"]
    for _ in range(3):
        case = await open_case(runtime, "nyuwun sewu, kulo kelangan KTP, pripun carane")
        assert case.officer_id == speaks.id
    ordinary = [await open_case(runtime, "KTP saya hilang, bagaimana caranya") for _ in range(4)]
    assert speaks.id not in {case.officer_id for case in ordinary}  # who has three already, and the load is shared
    async with db.transaction(runtime.pool) as connection:
        units_of = (await connection.execute(select(officers.c.unit_id).where(
            officers.c.id.in_([case.officer_id for case in ordinary])
        ))).scalars().all()
    assert set(units_of) == {unit_id}

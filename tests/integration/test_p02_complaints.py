"""A complaint never comes to whom it is about, nor to their superior: by no way that a case can take afterwards, and
nobody of them sees it, is told of it, or acts on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handoff.services.case import cases, joining, merging, taking, transfers, verbs
from handoff.services.deadlines import escalation
from handoff.services.errors import Conflict, Forbidden, NotFound
from handoff.services.people import duty
from handoff.services.post import notices
from handoff.services.talk import ownership, turn
from handoff.services.views import desk, lists
from handoff.services.views.lists import Wanted
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import officers
from tests.support.citizen import Citizen
from tests.support.office import OpenCase, officer_row, open_case, person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def complaint_about(runtime, who) -> OpenCase:
    return await open_case(runtime, f"Saya mau mengadukan {who.name}, orangnya kasar", reason="complaint")


async def row_of(runtime, case):
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(case_table).where(case_table.c.id == case.id))).one()


@pytest.fixture
async def named(runtime):
    """An officer of the population unit, whom the complaints name; their head is kept from them as well."""
    return await person(runtime, "officer", "kependudukan")


async def test_p02_its_officer_leaves_and_it_goes_to_neither(runtime, named):
    head = await person(runtime, "head", "kependudukan")
    for _ in range(4):
        case = await complaint_about(runtime, named)
        await duty.deactivate(runtime, None, (await officer_row(runtime, case.officer_id)).login)
        row = await row_of(runtime, case)
        assert row.officer_id not in (case.officer_id, named.id, head.id)
        assert set(row.kept_from) == {named.id, head.id}


async def test_p02_it_is_opened_again_and_its_officer_has_left(runtime, named):
    case = await complaint_about(runtime, named)
    citizen = Citizen(runtime, case.conversation_id)
    await citizen.taps("Batalkan kasus")
    await duty.deactivate(runtime, None, (await officer_row(runtime, case.officer_id)).login)
    await citizen.writes("tolong dibuka lagi")
    await turn.drain_without_bot(runtime, citizen.id, timedelta(0))
    row = await row_of(runtime, case)
    assert row.status == "in_progress"
    assert row.officer_id not in (named.id, (await person(runtime, "head", "kependudukan")).id)


async def test_p02_nobody_gives_it_to_them_and_they_do_not_take_it(runtime, named):
    case = await complaint_about(runtime, named)
    head, supervisor = await person(runtime, "head", "kependudukan"), await person(runtime, "supervisor")
    with pytest.raises(Forbidden):
        await verbs.take_over(runtime, named, case.id)
    with pytest.raises(Conflict, match="kept_from"):
        await verbs.reassign(runtime, supervisor, case.id, named.id, "paling paham")
    with pytest.raises(Forbidden):
        await verbs.reassign(runtime, head, case.id, head.id, "saya urus")
    with pytest.raises(Forbidden):
        await verbs.note(runtime, head, case.id, "catatan")
    assert (await row_of(runtime, case)).officer_id == case.officer_id


async def test_p06_their_unit_is_asked_and_somebody_else_there_or_nobody(runtime):
    named = await person(runtime, "officer", "sosial")
    case = await complaint_about(runtime, named)
    holder = await officer_row(runtime, case.officer_id)
    asked = await transfers.request(runtime, holder, case.id, "sosial", "urusan di sana")
    assert asked.name not in (named.name, (await person(runtime, "head", "sosial")).name)
    with pytest.raises(Forbidden):
        await transfers.accept(runtime, named, case.id)
    async with db.transaction(runtime.pool) as connection:
        other = (await connection.execute(select(officers).where(officers.c.name == asked.name))).one()
    await duty.deactivate(runtime, None, other.login)  # who was asked goes, and nobody else there may have it
    assert (await row_of(runtime, case)).transfer_unit_id is None
    with pytest.raises(Conflict, match="not_assignable"):
        await transfers.request(runtime, holder, case.id, "sosial", "urusan di sana")


async def test_p11_they_neither_see_it_nor_hear_of_it(runtime, clock, named):
    case = await complaint_about(runtime, named)
    head = await person(runtime, "head", "kependudukan")
    for who in (named, head):
        with pytest.raises(NotFound):
            await desk.case_in_full(runtime, who, case.number)
        shown = await lists.queue(runtime, who, Wanted(scope="unit"))
        assert case.number not in {line["number"] for line in shown}
        counted = await lists.counts(runtime, who, "unit")
        assert counted.unit == 0
    clock.forward(timedelta(days=3))
    await escalation.once(runtime)
    async with db.transaction(runtime.pool) as connection:
        told = {one.login for one in await notices.told_of(connection, case.id)}
    assert not told & {named.login, head.login}
    assert (await person(runtime, "supervisor")).login in told


async def test_it_is_not_merged_into_a_case_that_they_have(runtime, named):
    complaint = await complaint_about(runtime, named)
    other = await open_case(runtime)
    if other.officer_id != named.id:
        await verbs.reassign(runtime, await person(runtime, "supervisor"), other.id, named.id, "paling paham")
    await joining.join(runtime, other.conversation_id, complaint.number, cases.key_of(runtime, complaint.id, 0))
    holder = await officer_row(runtime, complaint.officer_id)
    with pytest.raises(Conflict, match="not_mergeable"):
        await merging.merge(runtime, holder, complaint.id, other.number, "soalnya sama")
    third = await open_case(runtime)
    supervisor = await person(runtime, "supervisor")
    await verbs.reassign(runtime, supervisor, third.id, supervisor.id, "saya tangani")
    await joining.join(runtime, third.conversation_id, complaint.number, cases.key_of(runtime, complaint.id, 0))
    await merging.merge(runtime, holder, complaint.id, third.number, "soalnya sama")
    assert named.id in (await row_of(runtime, third)).kept_from  # what is told there is kept from them as well


async def test_a_complaint_within_a_case_keeps_whom_it_names_from_it_too(runtime, named):
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id == named.id).values(active=False))
    case = await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id == named.id).values(active=True))
    holder, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    await verbs.hand_back(runtime, holder, case.id)
    receipt = await citizen.writes(f"saya mengadukan {named.name}, beliau membentak saya")
    async with db.transaction(runtime.pool) as connection:
        conversation = await ownership.lock(connection, citizen.id)
        facts = await taking.take_in(runtime, connection, conversation, receipt.message_id, reason="complaint")
    assert facts.row.officer_id == holder.id
    assert named.id in (await row_of(runtime, case)).kept_from

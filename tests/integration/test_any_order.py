"""Anybody does anything to a case, in any order, while days pass, on a real database: after each step P2, P4, P5, P6
and P7 hold."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from handoff.services.case import dismissals, referrals, transfers, verbs
from handoff.services.case.referrals import Letter
from handoff.services.deadlines import escalation
from handoff.services.errors import ServiceError
from handoff.services.runtime import Runtime
from handoff.services.talk import turn
from handoff.services.talk.inbox import Inbound, receive
from handoff.store import audit, db
from handoff.store.schema import cases, conversations, officers
from handoff.store.schema_clocks import breaches, clocks
from handoff.store.schema_record import case_events
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.office import HandClock, person

pytestmark = pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])
ANSWER, REDIRECT = "Data sudah kami ubah.", "Silakan hubungi dinas terkait."


@dataclasses.dataclass
class House:
    """One case and everybody who may do something to it."""

    runtime: Runtime
    clock: HandClock
    citizen: Citizen
    case: Any
    people: dict[str, Any]
    missed: frozenset[Any] = frozenset()  # every deadline that was ever missed

    @classmethod
    async def built(cls, runtime: Runtime, clock: HandClock) -> House:
        citizen = await Citizen.arrives(runtime)
        await citizen.asks("tolong ubah data usaha saya", UNSURE)
        owner = await citizen.officer()
        return cls(runtime, clock, citizen, await citizen.case(), {
            "owner": owner, "colleague": await colleague(runtime, owner),
            "head": await person(runtime, "head", "kependudukan"), "supervisor": await person(runtime, "supervisor"),
            "there": await person(runtime, "officer", "sosial"), "auditor": await person(runtime, "auditor"),
            "admin": await person(runtime, "admin"),
        })

    async def tap(self, kind: str) -> None:
        """The newest button of this kind, if there ever was one; old buttons too."""
        payloads = [button["payload"] for message in await self.citizen.sees() for button in message["buttons"]]
        if offered := [payload for payload in payloads if payload.startswith(kind)]:
            await receive(self.runtime, self.citizen.id, Inbound("payload", {"payload": offered[-1]}))
            await turn.drain(self.runtime, self.citizen.id)

    async def write(self) -> None:
        await self.citizen.writes("masih menunggu")
        question = await turn._next(self.runtime, self.citizen.id)
        if question is not None and question.conversation.owner_officer_id is None:
            await self.citizen.hears(UNSURE)
        else:
            await turn.drain(self.runtime, self.citizen.id)


Act = Callable[[House, Any], Awaitable[Any]]
BY_OFFICERS: dict[str, Act] = {
    "take over": lambda h, who: verbs.take_over(h.runtime, who, h.case.id, "petugasnya sakit"),
    "reassign": lambda h, who: verbs.reassign(h.runtime, who, h.case.id, h.people["colleague"].id, "lebih paham"),
    "reply": lambda h, who: verbs.reply(h.runtime, who, h.case.id, ANSWER),
    "send away": lambda h, who: verbs.reply(h.runtime, who, h.case.id, REDIRECT),
    "ask": lambda h, who: verbs.ask(h.runtime, who, h.case.id, "Boleh kirim foto NIB Bapak?"),
    "note": lambda h, who: verbs.note(h.runtime, who, h.case.id, "catatan"),
    "hand back": lambda h, who: verbs.hand_back(h.runtime, who, h.case.id),
    "propose": lambda h, who: verbs.propose(h.runtime, who, h.case.id, ANSWER, cause="delay"),
    "propose to go": lambda h, who: verbs.propose(h.runtime, who, h.case.id, REDIRECT, cause="delay"),
    "allow": lambda h, who: verbs.allow_address(h.runtime, who, h.case.id, "memang di sana"),
    "transfer": lambda h, who: transfers.request(h.runtime, who, h.case.id, "sosial", "urusan bansos"),
    "transfer back": lambda h, who: transfers.request(h.runtime, who, h.case.id, "kependudukan", "kembali"),
    "withdraw transfer": lambda h, who: transfers.withdraw(h.runtime, who, h.case.id),
    "accept": lambda h, who: transfers.accept(h.runtime, who, h.case.id),
    "decline": lambda h, who: transfers.decline(h.runtime, who, h.case.id, "bukan kami"),
    "refer": lambda h, who: referrals.refer(h.runtime, who, h.case.id, Letter("Kemenaker", "surat", "",
                                                                              date(2026, 12, 1))),
    "dismiss": lambda h, who: dismissals.dismiss(h.runtime, who, h.case.id, "pesan pizza"),
    "confirm dismissal": lambda h, who: dismissals.confirm(h.runtime, who, h.case.id, "ya"),
}
TAPS = ("confirm", "not_yet", "withdraw", "bot_again", "unhelpful_reply", "rate", "reopen")
PEOPLE = ("owner", "colleague", "head", "supervisor", "there", "auditor", "admin")
STEPS = st.lists(st.one_of(
    st.tuples(st.sampled_from(sorted(BY_OFFICERS)), st.sampled_from(PEOPLE)),
    st.tuples(st.sampled_from(TAPS), st.just("citizen")), st.tuples(st.just("write"), st.just("citizen")),
    st.tuples(st.just("days"), st.just("time")),
), max_size=25)
CLOSES = {"confirmed": "confirmed", "withdrawn": "withdrawn", "not_a_request": "dismissed"}


async def step(house: House, act: str, who: str) -> None:
    try:
        if act == "write":
            await house.write()
        elif act == "days":  # pass, and the house looks at its clocks
            house.clock.forward(timedelta(days=3))
            await escalation.once(house.runtime)
        elif who == "citizen":
            await house.tap(f"{act}:")
        else:
            await BY_OFFICERS[act](house, house.people[who])
    except ServiceError:
        pass


async def holds(house: House, before: Any, act: str, who: str) -> Any:
    """Every promise that can be seen in the rows."""
    async with db.transaction(house.runtime.pool) as connection:
        case = (await connection.execute(select(cases).where(cases.c.id == house.case.id))).one()
        conversation = (await connection.execute(
            select(conversations).where(conversations.c.id == house.citizen.id)
        )).one()
        holder = (await connection.execute(select(officers).where(officers.c.id == case.officer_id))).one()
        events = (await connection.execute(
            select(case_events.c.type, case_events.c.actor_kind, case_events.c.actor_id)
            .where(case_events.c.case_id == case.id).order_by(case_events.c.seq)
        )).all()
        running = (await connection.execute(
            select(clocks.c.kind).where(clocks.c.case_id == case.id, clocks.c.ended_at.is_(None))
        )).scalars().all()
        missed = frozenset((await connection.execute(
            select(breaches.c.clock_id, breaches.c.level, breaches.c.due_at).where(breaches.c.case_id == case.id)
        )).all())
    is_open = case.status != "closed"
    assert holder.active or not is_open, "P2"
    assert conversation.open_case_id == (case.id if is_open else None), "P2"
    assert conversation.owner_officer_id in (None, case.officer_id), "P4"
    assert is_open or conversation.owner_officer_id is None, "P4"
    if before.status != "closed" and not is_open:
        assert case.closed_reason in CLOSES, "P5"
        assert (who == "citizen") == (case.closed_reason != "not_a_request"), "P5"
        assert events[-1].type == CLOSES[case.closed_reason], "P5"
        assert case.closed_reason != "confirmed" or before.status == "resolution_proposed", "P5"
        if case.closed_reason == "not_a_request":
            assert case.dismissal_by != case.dismissal_confirmed_by, "P5"
    if before.status == "closed" and is_open:
        assert who == "citizen", "P5"
    if act == "send away":
        assert case.first_replied_at == before.first_replied_at, "P6"
        assert case.waiting_since == before.waiting_since, "P6"
    if act == "propose to go":
        assert case.status == before.status, "P6"
    if case.unit_id != before.unit_id:
        assert (act, holder.unit_id) == ("accept", case.unit_id), "P6"
    assert ("resolution" in running) == is_open, "P7"
    waits = is_open and case.waiting_since is not None
    assert bool({"first_reply", "next_reply"} & set(running)) == waits == (case.reply_by is not None), "P7"
    assert house.missed <= missed, "P7"  # whatever was done since
    house.missed = missed
    return case


def test_p02_p04_p05_p06_p07_in_any_order(settings, clock, database):
    @hypothesis_settings(max_examples=12, deadline=None,
                         suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(STEPS)
    def any_order(steps: list[tuple[str, str]]) -> None:
        async def live() -> None:
            runtime = dataclasses.replace(Runtime.create(settings), clock=clock)
            try:
                async with runtime.jobs.open_async():
                    house = await House.built(runtime, clock)
                    case = house.case
                    for act, who in steps:
                        clock.forward(timedelta(minutes=7))
                        await step(house, act, who)
                        case = await holds(house, case, act, who)
                    async with db.transaction(runtime.pool) as connection:
                        await audit.verify(connection, runtime.settings)
            finally:
                await runtime.close()
        asyncio.run(live())
    any_order()

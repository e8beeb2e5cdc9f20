"""P7: what happens at 50 %, 100 % and 150 %, once, in order, by two workers and after an outage."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from handoff.services.case import case_steps, cases, verbs
from handoff.services.deadlines import escalation
from handoff.services.errors import Conflict
from handoff.services.people import duty
from handoff.services.post import notices
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema_clocks import breaches, clocks, tellings
from handoff.store.schema_clocks import notices as notice_table
from tests.support.citizen import UNSURE, Citizen
from tests.support.office import officer_row, open_case, person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


async def told(runtime, case_id) -> list[tuple[str, str]]:
    async with db.transaction(runtime.pool) as connection:
        return [(row.login, row.kind) for row in await notices.told_of(connection, case_id)]


async def facts_of(runtime, case_id):
    async with db.transaction(runtime.pool) as connection:
        return await cases.load(connection, case_id)


async def steps_of(runtime, case_id) -> list[str]:
    done = await case_steps.doings(runtime, await facts_of(runtime, case_id))
    return [step.text for step in done.steps]


async def how_many(runtime, table) -> int:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_p07_officer_supervisor_head_by_name_and_then_again(runtime, clock):
    case = await open_case(runtime)
    citizen, officer = Citizen(runtime, case.conversation_id), await officer_row(runtime, case.officer_id)
    supervisor, head = await person(runtime, "supervisor"), await person(runtime, "head", "kependudukan")
    seen = len(await citizen.sees())

    clock.set(wib("11-24 10:29"))
    assert await escalation.once(runtime) == 0
    clock.set(wib("11-24 10:30"))
    assert await escalation.once(runtime) == 1
    assert await told(runtime, case.id) == [(officer.login, "half:first_reply")]
    assert len(await citizen.sees()) == seen

    clock.set(wib("11-24 11:00"))
    await escalation.once(runtime)
    assert (await told(runtime, case.id))[1:] == [(supervisor.login, "late:first_reply")]
    (message,) = await citizen.sees(after=seen)
    assert "terlambat" in message["text"]
    assert supervisor.name in message["text"]
    assert "Ombudsman" not in message["text"]  # a late reply is no missed resolution

    clock.set(wib("11-24 11:30"))
    await escalation.once(runtime)
    assert (await told(runtime, case.id))[2:] == [(head.login, "overdue:first_reply")]
    assert head.name in (await citizen.sees())[-1]["text"]
    row = (await facts_of(runtime, case.id)).row
    assert (row.supervisor_id, row.head_id) == (supervisor.id, head.id)

    clock.set(wib("12-01 15:59"))  # five working days later
    before = len(await told(runtime, case.id))
    await escalation.once(runtime)
    clock.set(wib("12-01 16:00"))
    await escalation.once(runtime)
    later = (await told(runtime, case.id))[before:]
    assert (supervisor.login, "still_late:first_reply") in later
    assert (head.login, "still_late:first_reply") in later
    said = (await citizen.sees())[-1]["text"]
    assert "Ombudsman" in said  # the resolution was due now
    assert "lapor.go.id" in said
    assert f"/kasus/{case.number}?k=" in said
    steps = " ".join(await steps_of(runtime, case.id))
    assert f"{supervisor.name}, {supervisor.title}, ikut mengawasi" in steps
    assert f"{head.name}, {head.title}, diberi tahu" in steps
    assert steps.count("ikut mengawasi") == 1


async def test_p07_a_reply_stops_its_clock_and_nobody_is_called(runtime, clock):
    case = await open_case(runtime)
    clock.set(wib("11-24 10:40"))
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Kami ubah.")
    clock.set(wib("11-24 15:00"))
    assert await escalation.once(runtime) == 0
    assert await told(runtime, case.id) == []


async def test_p07_an_outage_is_caught_up_in_order_with_one_message_for_the_citizen(runtime, clock):
    """Nobody looked for six weeks: reply and resolution were missed, and everything is told in its order, once."""
    case = await open_case(runtime)
    citizen = Citizen(runtime, case.conversation_id)
    seen = len(await citizen.sees())
    clock.set(wib("12-10 10:00"))
    assert await escalation.once(runtime) == 6
    kinds = [kind for _, kind in await told(runtime, case.id)]
    assert sorted(kinds) == sorted(f"{name}:{kind}" for kind in ("first_reply", "resolution")
                                   for name in ("half", "late", "overdue"))
    (message,) = await citizen.sees(after=seen)
    assert "belum dibalas dan belum selesai" in message["text"]
    assert "Ombudsman" in message["text"]
    assert await escalation.once(runtime) == 0
    assert len(await citizen.sees(after=seen)) == 1


async def test_p07_two_workers_at_once_do_everything_once(runtime, clock):
    opened = [await open_case(runtime) for _ in range(6)]
    clock.set(wib("11-24 11:30"))
    reached = await asyncio.gather(*(escalation.once(runtime) for _ in range(4)))
    while await escalation.tell(runtime):
        pass
    assert sum(reached) == 18
    assert await how_many(runtime, notice_table) == 18
    assert await how_many(runtime, breaches) == 12
    assert await how_many(runtime, tellings) == 0
    for case in opened:
        late = [m for m in await Citizen(runtime, case.conversation_id).sees() if "terlambat" in m["text"]]
        assert len(late) == 1


async def test_p07_due_clocks_are_found_by_index(runtime, clock):
    await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = (await connection.exec_driver_sql(
            "EXPLAIN SELECT id FROM clocks WHERE next_due_at <= now() ORDER BY next_due_at LIMIT 10 FOR UPDATE"
        )).scalars().all()
    assert any("ix_clocks_due" in line for line in plan)


async def test_p07_a_question_holds_the_resolution_only_and_for_thirty_days(runtime, clock):
    case = await open_case(runtime)
    officer, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    with pytest.raises(Exception, match="no_question"):
        await verbs.ask(runtime, officer, case.id, "Mohon dilengkapi berkasnya.")
    clock.set(wib("11-25 10:00"))
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa, dan atas nama siapa?")
    assert (await facts_of(runtime, case.id)).row.status == "waiting_citizen"
    seen = len(await citizen.sees())
    for day, reminders in (("12-05 10:00", 1), ("12-15 10:00", 2)):
        clock.set(wib(day))
        await escalation.once(runtime)
        assert len(await citizen.sees(after=seen)) == reminders
    assert "resolution" not in {kind.partition(":")[2] for _, kind in await told(runtime, case.id)}
    clock.set(wib("12-25 10:00"))
    await escalation.once(runtime)
    row = (await facts_of(runtime, case.id)).row
    assert row.status == "in_progress"
    # Four working days and a half were left; 25 December is a holiday, 24 too.
    assert row.resolve_by > wib("12-25 10:00")
    assert (await person(runtime, "supervisor")).login in {login for login, kind in await told(runtime, case.id)
                                                          if kind == "question_over"}
    assert "dilanjutkan" in (await citizen.sees())[-1]["text"]


async def test_p07_a_question_a_proposal_and_a_question_again_hold_no_clock(runtime, clock):
    """Twenty-nine days of waiting, one of a proposal, and so on: they must have said something before
    they are asked again."""
    case = await open_case(runtime)
    officer, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    clock.forward(timedelta(minutes=1))
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa, dan atas nama siapa?")
    clock.forward(timedelta(days=29))
    await verbs.propose(runtime, officer, case.id, "Datanya sudah kami perbaiki.", cause="delay")
    with pytest.raises(Conflict, match="question_unanswered"):
        await verbs.ask(runtime, officer, case.id, "Nomor KK Anda yang lama berapa?")
    clock.forward(timedelta(minutes=1))
    await citizen.taps("Belum selesai")
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda yang lama berapa?")


async def test_p07_a_case_cannot_be_asked_about_for_ever(runtime, clock):
    """Eight months of questions: the first silence holds the clock for thirty days, none after it does."""
    case = await open_case(runtime)
    officer, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa, dan atas nama siapa?")
    for _ in range(8):
        clock.forward(timedelta(days=31))
        for _ in range(3):  # two reminders, then the end
            await escalation.once(runtime)
        with pytest.raises(Conflict, match="question_unanswered"):
            await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa, dan atas nama siapa?")
    assert "overdue:resolution" in {kind for _, kind in await told(runtime, case.id)}
    assert "Ombudsman" in "".join(message["text"] for message in await citizen.sees())
    await citizen.writes("maaf baru sempat, nomornya yang mana?")
    await turn.drain(runtime, citizen.id)
    await verbs.ask(runtime, officer, case.id, "Nomor di pojok kanan atas KK, bisa difoto?")
    assert (await facts_of(runtime, case.id)).row.status == "waiting_citizen"


async def test_p07_an_answer_lets_the_clock_go_on_with_what_was_left(runtime, clock):
    case = await open_case(runtime)
    officer, citizen = await officer_row(runtime, case.officer_id), Citizen(runtime, case.conversation_id)
    clock.set(wib("11-25 10:00"))
    await verbs.ask(runtime, officer, case.id, "Nomor KK Anda berapa, dan atas nama siapa?")
    clock.set(wib("11-26 10:00"))
    await citizen.writes("ini fotonya")
    await turn.drain(runtime, citizen.id)
    row = (await facts_of(runtime, case.id)).row
    assert row.status == "in_progress"
    assert row.resolve_by == wib("12-02 16:00")  # one working day later than promised
    assert row.reply_by == wib("11-26 11:00")
    async with db.transaction(runtime.pool) as connection:
        (running,) = (await connection.execute(select(clocks).where(
            clocks.c.case_id == case.id, clocks.c.kind == "resolution", clocks.c.ended_at.is_(None)
        ))).all()
    assert running.held_since is None
    assert running.next_due_at == running.mark_1


async def test_p07_time_in_which_nobody_works_is_nobodys_delay(runtime, clock):
    clock.set(wib("11-27 16:00"))  # a Friday evening, half an hour before the office closes
    case = await open_case(runtime)
    clock.set(wib("11-29 20:00"))
    await escalation.once(runtime)
    assert [kind for _, kind in await told(runtime, case.id)] == ["half:first_reply"]
    clock.forward(timedelta(hours=12, minutes=30))
    await escalation.once(runtime)
    assert [kind for _, kind in await told(runtime, case.id)][-1] == "late:first_reply"


async def test_p07_a_complaint_is_escalated_past_whom_it_names(runtime, clock):
    """The head whom it names is the direct superior of nobody here: neither is brought in at 150 %."""
    head = await person(runtime, "head", "kependudukan")
    case = await open_case(runtime, f"saya mengadukan {head.name}, beliau membentak saya", reason="complaint")
    clock.set(wib("11-24 12:00"))
    await escalation.once(runtime)
    row = (await facts_of(runtime, case.id)).row
    assert row.head_id is not None
    assert head.id not in (row.head_id, row.supervisor_id)
    assert head.login not in {login for login, _ in await told(runtime, case.id)}


async def test_p07_where_the_head_is_kept_from_it_a_supervisor_who_can_see_it_is_brought_in(runtime, clock):
    named = await person(runtime, "officer", "kependudukan")
    case = await open_case(runtime, f"saya mengadukan {named.name}, beliau membentak saya", reason="complaint")
    clock.set(wib("11-24 12:00"))
    await escalation.once(runtime)
    in_place = await officer_row(runtime, (await facts_of(runtime, case.id)).row.head_id)
    assert in_place.role == "supervisor"
    assert (await desk.case_in_full(runtime, in_place, case.number))["words"]


async def test_p07_a_missed_target_is_no_broken_promise_where_the_queue_promised_a_later_time(runtime, clock):
    """Told 13.20, measured by 11.00: at 11.00 that is said as it is, and at 13.20 that the promise is broken."""
    case = [await open_case(runtime) for _ in range(40)][-1]
    promised = (await facts_of(runtime, case.id)).row.respond_by.astimezone(WIB)
    assert promised == wib("11-24 13:20")
    citizen, said = Citizen(runtime, case.conversation_id), []
    for at in ("11-24 11:00", "11-24 11:30", "11-24 13:19", "11-24 13:20", "11-24 15:00"):
        seen = (await citizen.sees())[-1]["seq"]
        clock.set(wib(at))
        await escalation.once(runtime)
        while await escalation.tell(runtime):
            pass
        said.append([message["text"] for message in await citizen.sees(after=seen)])
    (target,), (far,), early, (broken,), later = said
    for text in (target, far):
        assert "lebih lama dari target" in text
        assert "Janji kami kepada Anda tetap: dibalas paling lambat Selasa, 24 November 2026 pukul 13.20 WIB" in text
        assert "terlambat dari janji" not in text
    assert (await person(runtime, "supervisor")).name in target
    assert "terlambat dari janji kami" in broken
    assert (early, later) == ([], [])
    steps = await steps_of(runtime, case.id)
    assert [step for step in steps if "Batas waktu balasan pertama terlewat" in step and "13.20" in step]
    assert [step for step in steps if "Target kantor untuk balasan pertama terlewat" in step and "11.00" in step]


async def test_p07_a_complaint_that_nobody_answered_is_not_called_unsettled_before_its_day(runtime, clock):
    """After an outage: reply and receipt were due, the resolution is due next week."""
    case = await open_case(runtime, "saya mengadu", reason="complaint")
    clock.set(wib("12-09 10:00"))
    await escalation.once(runtime)
    said = (await Citizen(runtime, case.conversation_id).sees())[-1]["text"]
    assert "balasan untuk kasus" in said
    assert "belum selesai" not in said


async def test_p07_what_is_added_to_a_late_case_is_not_promised_a_time_that_has_passed(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    clock.set(wib("11-24 13:00"))
    await citizen.taps("Tanya bot lagi")
    await citizen.asks("nama di KTP juga salah", UNSURE)
    said = (await citizen.sees())[-1]["text"]
    assert "terlambat dari janji Selasa, 24 November 2026 pukul 11.00 WIB" in said
    assert "akan membalas" not in said


async def test_p02_who_is_on_leave_has_no_case_opened_again(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    absent = await citizen.officer()
    await citizen.taps("Batalkan kasus")
    await duty.leave(runtime, absent, absent.login, wib("11-24 10:00").date(), wib("11-30 10:00").date())
    await citizen.asks("data saya masih salah", UNSURE)
    assert (await citizen.officer()).id != absent.id
    assert absent.name not in (await citizen.sees())[-1]["text"]

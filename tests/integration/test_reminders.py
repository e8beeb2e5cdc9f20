"""*Ingatkan saya*: the citizen chooses the day, is told when and how to take it back, and is reminded once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.services.case import verbs
from handoff.services.people import office
from handoff.services.talk import reminders, turn
from handoff.store import db
from handoff.store.schema import conversations, messages, outbox
from handoff.store.schema_clocks import asked_reminders, mails
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.erased import forget
from tests.support.office import officer_row

# What is remembered does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def writes(citizen: Citizen, text: str) -> list[dict[str, Any]]:
    """Writes what the gateway carries out itself; what came after it."""
    receipt = await citizen.writes(text)
    question = await turn._next(citizen.runtime, citizen.id)
    assert question is not None
    assert await turn._settle(citizen.runtime, question, ask=_no_bot)
    await turn.sending.dispatch(citizen.runtime, citizen.id)
    return await citizen.sees(after=receipt.seq)


async def _no_bot(runtime: Any, question: Any) -> bool:
    raise AssertionError(f"the bot was asked {question.text!r}")


async def rows(runtime: Any) -> list[Any]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(select(asked_reminders).order_by(asked_reminders.c.due_at))).all())


async def answered(runtime: Any) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp saya hilang", answers("ktp_hilang"))
    return citizen


async def last(citizen: Citizen) -> dict[str, Any]:
    return (await citizen.sees())[-1]


async def test_after_an_answer_a_day_is_chosen_and_the_reminder_comes_once_as_the_office_opens(runtime, clock):
    citizen = await answered(runtime)
    await citizen.taps("Ingatkan saya")
    asked = await last(citizen)
    title = runtime.catalogue.topics["ktp_hilang"].title
    assert title in asked["text"]
    assert [b["title"] for b in asked["buttons"]] == ["Rabu, 25 November", "Jumat, 27 November", "Kamis, 3 Desember"]
    await citizen.taps("Jumat, 27 November")
    told = await last(citizen)
    assert "pada Jumat, 27 November 2026 pukul 08.00 WIB" in told["text"]
    assert title in told["text"]
    assert "batalkan pengingat" in told["text"]
    assert [b["title"] for b in told["buttons"]] == ["Batalkan pengingat"]
    assert set(await citizen.fates()) == {"answer", "command"}
    before = len(await citizen.sees())
    clock.forward(timedelta(days=2, hours=21))  # Friday, 7 o'clock
    assert await reminders.send_due(runtime) == 0
    clock.forward(timedelta(hours=1))
    counts = await asyncio.gather(*(reminders.send_due(runtime) for _ in range(3)))
    assert sum(counts) == 1
    assert len(await citizen.sees()) == before + 1
    due = await last(citizen)
    assert due["text"].startswith(f"Anda minta diingatkan tentang {title}, dan ini waktunya.")
    assert [b["title"] for b in due["buttons"]] == ["Baca lagi", "Bicara dengan petugas"]
    await citizen.taps("Baca lagi")
    assert (await last(citizen))["answer"]["topic"] == "ktp_hilang"


@pytest.mark.parametrize("day", ["besok", "tanggal 27", "27 november", "hari jumat", "3 hari kerja lagi"])
async def test_the_day_may_be_written_when_it_is_asked_for_or_at_once(runtime, day):
    for first in ("ingatkan saya", None):
        citizen = await answered(runtime)
        if first is not None:
            assert "Kapan" in (await writes(citizen, first))[-1]["text"]
        told = (await writes(citizen, day if first else f"tolong ingatkan saya {day} ya"))[-1]["text"]
        assert ("Rabu, 25 November" if day == "besok" else "Jumat, 27 November") in told
    assert len(await rows(runtime)) == 2


async def test_a_closed_day_becomes_the_working_day_before_and_that_is_said(runtime):
    citizen = await answered(runtime)
    told = (await writes(citizen, "ingatkan saya 29 November"))[-1]["text"]
    assert "pada Jumat, 27 November 2026 pukul 08.00" in told
    assert "Pada 29 November 2026 kantor tutup, jadi kami pilih hari kerja sebelumnya." in told


@pytest.mark.parametrize("day", ["12 Januari 2020", "tanggal 1 Oktober", "400 hari lagi"])
async def test_a_day_that_cannot_be_is_asked_again(runtime, day):
    citizen = await answered(runtime)
    asked = (await writes(citizen, f"ingatkan saya {day}"))[-1]
    assert "tidak bisa kami pakai" in asked["text"]
    assert [b["payload"].split(":")[0] for b in asked["buttons"]] == ["remind"] * 3
    assert await rows(runtime) == []


async def test_a_number_after_the_days_chooses_a_button_and_any_other_question_goes_to_the_bot(runtime):
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya")
    assert "Jumat, 27 November" in (await writes(citizen, "2"))[-1]["text"]
    await writes(citizen, "ingatkan saya")
    heard = await citizen.asks("biayanya berapa?", answers("ktp_hilang"))
    assert heard[-1]["answer"] is not None


async def test_without_anything_to_be_reminded_of_the_bot_reads_the_text(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ingatkan saya besok jam 8", UNSURE)
    assert await citizen.fates() == ["new_case"]
    assert await rows(runtime) == []


@pytest.mark.parametrize("how", ["tap", "words"])
async def test_what_is_taken_back_never_comes(runtime, clock, how):
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya besok")
    if how == "tap":
        await citizen.taps("Batalkan pengingat")
        assert "tidak jadi diingatkan" in (await last(citizen))["text"]
        await citizen.taps("Batalkan pengingat")
        assert "sudah tidak berlaku" in (await last(citizen))["text"]
    else:
        assert "dibatalkan" in (await writes(citizen, "Batalkan pengingat!"))[-1]["text"]
    clock.forward(timedelta(days=2))
    assert await reminders.send_due(runtime) == 0
    assert [row.state for row in await rows(runtime)] == ["cancelled"]


async def test_the_same_wish_twice_is_one_reminder_and_there_is_a_limit(runtime, monkeypatch):
    monkeypatch.setattr(reminders, "MOST", 2)
    citizen = await answered(runtime)
    for day in ("besok", "besok", "lusa", "tanggal 27"):
        told = (await writes(citizen, f"ingatkan saya {day}"))[-1]["text"]
    assert "Sudah ada 2 pengingat" in told
    assert len(await rows(runtime)) == 2


async def test_in_a_case_it_is_the_case_and_its_officer_is_not_troubled(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("mau bicara sama petugas", UNSURE)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, officer, case.id, "KTP Anda bisa diambil hari Jumat.")
    await turn.sending.dispatch(runtime, citizen.id)
    waits = (await citizen.case()).waiting_since
    told = (await writes(citizen, "ingatkan saya hari jumat"))[-1]
    assert f"kasus {case.number} pada Jumat, 27 November 2026" in told["text"]
    assert "ke alamat yang Anda berikan" in told["text"]
    assert (await citizen.case()).waiting_since == waits
    assert (await citizen.fates())[-1] == "command"
    clock.forward(timedelta(days=2, hours=23))
    assert await reminders.send_due(runtime) == 1
    due = await last(citizen)
    assert due["text"] == (f"Anda minta diingatkan tentang kasus {case.number}, dan ini waktunya.\n"
                           f"Yang menangani: {officer.name}, {officer.title}.")
    assert due["case"]["number"] == case.number
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(outbox.c.notice).order_by(outbox.c.stored_at.desc()).limit(1))
                ).scalar_one() == "asked_reminder"
        assert (await connection.execute(select(mails.c.id))).all() == []  # nobody gave an address


async def test_a_worker_that_was_away_reminds_at_a_decent_hour(runtime, clock):
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya besok")
    clock.forward(timedelta(days=1, hours=12))  # Wednesday, 22 o'clock: the office is closed
    assert await reminders.send_due(runtime) == 0
    (row,) = await rows(runtime)
    assert (row.state, row.due_at - clock()) == ("waiting", timedelta(hours=10))
    clock.forward(timedelta(hours=10))
    assert await reminders.send_due(runtime) == 1


async def test_p11_reminders_go_with_the_citizens_data(runtime, clock):
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya besok")
    async with db.transaction(runtime.pool) as connection:
        who = (await connection.execute(
            select(conversations.c.citizen_id).where(conversations.c.id == citizen.id))).scalar_one()
    await forget(runtime, who)
    assert await rows(runtime) == []
    clock.forward(timedelta(days=2))
    assert await reminders.send_due(runtime) == 0


async def test_a_worker_killed_between_says_nothing_twice(runtime, clock, monkeypatch):
    """Whatever fails after the words are stored takes them back; the next round says them."""
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya besok")
    clock.forward(timedelta(days=1))
    before = len(await citizen.sees())
    first = reminders.store

    async def dies(*given: Any, **more: Any) -> Any:
        await first(*given, **more)
        raise RuntimeError("killed")

    monkeypatch.setattr(reminders, "store", dies)
    assert await reminders.send_due(runtime) == 0
    monkeypatch.setattr(reminders, "store", first)
    assert len(await citizen.sees()) == before
    clock.forward(timedelta(minutes=1))
    assert await reminders.send_due(runtime) == 1
    assert await reminders.send_due(runtime) == 0
    assert len(await citizen.sees()) == before + 1


async def test_the_calendar_is_the_units(runtime):
    """Opening hours are those of the unit that has the service."""
    citizen = await answered(runtime)
    await writes(citizen, "ingatkan saya besok")
    (row,) = await rows(runtime)
    async with db.transaction(runtime.pool) as connection:
        unit = await office.unit_for(connection, runtime.catalogue.topics["ktp_hilang"].unit)
        calendar = await office.calendar_of(connection, unit, runtime.clock())
        assert (await connection.execute(select(messages.c.id).where(messages.c.id == row.message_id))).all() == []
    assert calendar.is_open(row.due_at)

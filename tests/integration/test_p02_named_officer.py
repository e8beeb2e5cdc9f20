"""P2: from the transaction that creates it, a case has one named, active officer, and the citizen is told the truth."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from handoff.bot import Ranked
from handoff.store import db
from handoff.store.schema import cases, closures, officers, shifts, units
from tests.support.citizen import UNSURE, Citizen, answers, officer, reply

JAKARTA = ZoneInfo("Asia/Jakarta")
TUESDAY_10 = datetime(2026, 11, 24, 10, 0, tzinfo=JAKARTA)


async def test_p02_the_same_reply_names_number_officer_position_and_two_times(runtime, clock):
    clock.set(TUESDAY_10)
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("zzz", UNSURE)
    case, person = await citizen.case(), await citizen.officer()
    for said in (case.number, person.name, person.title, "Selasa, 24 November 2026 pukul 11.00 WIB"):
        assert said in card["text"]
    assert card["case"]["officer"]["name"] == person.name
    assert card["case"]["respond_by"] == "2026-11-24T11:00:00+07:00"
    assert card["case"]["resolve_by"] == "2026-12-01T16:00:00+07:00"


@pytest.mark.parametrize(("opened", "respond_by"), [
    ("2026-11-24T15:30", "2026-11-25T08:30"),  # the hour runs on into the next morning
    ("2026-11-24T20:00", "2026-11-25T09:00"),
    ("2026-11-28T10:00", "2026-11-30T09:00"),  # Saturday
    ("2026-12-24T10:00", "2026-12-28T09:00"),  # cuti bersama, Christmas, weekend
])
async def test_p02_outside_hours_the_case_opens_and_the_times_are_true(runtime, clock, opened, respond_by):
    clock.set(datetime.fromisoformat(opened).replace(tzinfo=JAKARTA))
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("zzz", UNSURE)
    assert card["case"]["respond_by"] == f"{respond_by}:00+07:00"
    assert card["case"]["officer"]["name"] in card["text"]


async def test_p02_a_local_holiday_moves_the_promise(runtime, clock):
    clock.set(TUESDAY_10)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(closures.insert().values(
            id=uuid4(), unit_id=None, day=TUESDAY_10.date(), name="Hari jadi kabupaten", hours=None
        ))
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("zzz", UNSURE)
    assert card["case"]["respond_by"] == "2026-11-25T09:00:00+07:00"


async def test_p02_nobody_on_duty_names_the_next_shifts_officer(runtime, clock):
    clock.set(TUESDAY_10)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(delete(shifts))
        people = (await connection.execute(
            select(officers).where(officers.c.role == "officer").order_by(officers.c.login)
        )).all()
        kependudukan = [p for p in people if p.unit_id == (await _unit(connection))]
        for day, person in zip((2, 3), kependudukan, strict=True):  # Wednesday, Thursday
            await connection.execute(shifts.insert().values(
                id=uuid4(), officer_id=person.id, weekday=day,
                start_time=time(8), end_time=time(12),
            ))
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("zzz", UNSURE)
    assert (await citizen.officer()).id == kependudukan[0].id
    assert card["case"]["respond_by"] == "2026-11-25T09:00:00+07:00"


async def test_p02_a_burst_is_shared_out_within_one_case(runtime):
    citizens = [await Citizen.arrives(runtime) for _ in range(20)]
    await asyncio.gather(*(c.asks("zzz", UNSURE) for c in citizens))
    loads = Counter([(await c.case()).officer_id for c in citizens])
    assert len(loads) == 2
    assert max(loads.values()) - min(loads.values()) <= 1


async def test_p02_the_case_goes_to_the_topics_unit(runtime):
    citizen = await Citizen.arrives(runtime)
    shown = await citizen.asks("data wlkp salah", answers("wlkp_data_salah"))
    assert [m["author"] for m in shown] == ["bot", "system"]  # a short explanation, then the case
    assert shown[0]["answer"]["topic"] == "wlkp_data_salah"
    assert "Tenaga Kerja" in shown[1]["case"]["officer"]["unit"]
    assert shown[1]["case"]["reason"] == "individual_matter"


@pytest.mark.parametrize(("text", "late"), [
    ("ktp sy udah 3 bln blm jadi2", True), ("rekam dari bulan juli kok blm jadi", True),
    ("baru 3 hari lalu rekam, kpn jadi?", False), ("ktp sy kok blm jadi", False),
])
async def test_p02_a_card_later_than_the_law_allows_is_a_case_in_the_same_turn(runtime, text, late):
    citizen = await Citizen.arrives(runtime)
    shown = await citizen.asks(text, answers("ktp_belum_jadi"))
    assert shown[0]["answer"]["topic"] == "ktp_belum_jadi"
    assert [m["case"]["reason"] for m in shown[1:]] == (["individual_matter"] if late else [])
    if not late:  # a short explanation, and the offer
        assert shown[0]["buttons"][-1]["payload"].startswith("person:")


@pytest.mark.parametrize("change", [
    {"officer_id": None}, {"officer_id": UUID(int=7)},
], ids=["cleared", "unknown"])
async def test_p02_the_database_refuses_a_case_without_an_officer(runtime, change):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    with pytest.raises(IntegrityError):
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(cases).values(**change))


async def test_p02_the_database_refuses_to_deactivate_an_officer_with_an_open_case(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    person = await citizen.officer()
    with pytest.raises(IntegrityError):
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(officers).where(officers.c.id == person.id).values(active=False))
    await citizen.taps("Batalkan kasus")
    async with db.transaction(runtime.pool) as connection:  # nothing open any more
        await connection.execute(update(officers).where(officers.c.id == person.id).values(active=False))


async def test_p02_a_case_reopened_after_its_officer_left_gets_another_by_name(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    left = await citizen.officer()
    await citizen.taps("Batalkan kasus")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id == left.id).values(active=False))
    (card,) = await citizen.asks("masih belum beres", UNSURE)
    now = await officer(runtime, (await citizen.case()).officer_id)
    assert now.id != left.id
    assert now.name in card["text"]


async def _unit(connection):
    return (await connection.execute(select(units.c.id).where(units.c.slug == "kependudukan"))).scalar_one()


async def test_p02_the_hour_of_the_promise_is_the_units_own_target(runtime, clock):
    clock.set(TUESDAY_10)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(units).values(first_reply_minutes=30))
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("zzz", UNSURE)
    promised = datetime.fromisoformat(card["case"]["respond_by"])
    assert promised - TUESDAY_10 == timedelta(minutes=30)


@pytest.mark.parametrize(("talked_about", "nearest", "desk"), [
    (None, ("bansos_sanggah", "bansos_usul"), "sosial"),          # "permohonan bansos saya ditolak"
    (None, ("jam_layanan", "oss_nib", "oss_ubah_data"), "perizinan"),
    ("wlkp", ("efin", "bansos_cek"), "tenaga_kerja"),             # they disagree: what was talked about before
    (None, ("efin", "bansos_cek"), "kependudukan"),               # nothing says one: the default unit
    ("wlkp", ("bpjs_kesehatan_iuran", "bansos_cek"), "sosial"),
])
async def test_p02_without_a_topic_the_unit_is_the_one_the_text_speaks_of(
    runtime, talked_about, nearest, desk
):
    citizen = await Citizen.arrives(runtime)
    if talked_about:
        await citizen.asks("wlkp itu apa", answers(talked_about))
    objection = reply(intent="sanggah_keputusan", confidence=0.7)
    read = [Ranked(name="sanggah_keputusan", confidence=0.7), *(Ranked(name=n, confidence=0.05) for n in nearest)]
    await citizen.asks("permohonan saya ditolak", objection.model_copy(update={"ranking": read}))
    async with db.statement(runtime.pool) as connection:
        found = await connection.execute(select(units.c.desk).where(units.c.id == (await citizen.case()).unit_id))
    assert found.scalar_one() == desk

"""News that needs no case: a wrong answer is mended and a reminder comes, inside the window as words, outside it by a
template that a tap opens."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, sending
from handoff.services.talk import corrections, publications, reminders, turn
from handoff.store import db
from handoff.store.schema_clocks import asked_reminders
from handoff.store.schema_desk import corrected
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.line import stands, writes
from tests.support.office import person
from tests.support.whatsapp import SENDER, delivery, message, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
TOPIC, WORDS = "ktp_hilang", "Biayanya Rp0."


async def answered(runtime: Any, graph: Any) -> Citizen:
    """A citizen over WhatsApp who had an answer, and no case."""
    citizen = await writes(runtime, "ktp sy ilang")
    await citizen.hears(answers(TOPIC))
    await sending.post_due(runtime, graph, citizen.id)
    return citizen


async def says(runtime: Any, graph: Any, citizen: Citizen, said: str) -> None:
    """Something that the gateway carries out by itself."""
    await writes(runtime, said)
    await settle(runtime, graph, citizen)


async def settle(runtime: Any, graph: Any, citizen: Citizen) -> None:
    while (question := await turn._next(runtime, citizen.id)) is not None:
        assert await turn._settle(runtime, question, ask=_no_bot)
    await turn.sending.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)


async def _no_bot(runtime: Any, question: Any) -> bool:
    raise AssertionError(f"the bot was asked {question.text!r}")


async def taps_the_template(runtime: Any, api: Any, graph: Any, citizen: Citizen, clock: Any) -> None:
    """The quick reply under the newest template."""
    (component,) = api.accepted[-1]["template"]["components"]
    payload = component["parameters"][0]["payload"]
    api.open_for.add(SENDER)
    tapped = {"type": "button", "context": {"from": "62211500", "id": api.accepted[-1]["wamid"]},
              "button": {"payload": payload, "text": "Kirim"}}
    await intake.take_in(runtime, whatsapp.written(delivery(value(
        message(tapped, at=int(clock().timestamp()))))))
    await settle(runtime, graph, citizen)


def silent(api: Any, clock: Any, for_so_long: timedelta) -> None:
    """The citizen has not written since; Meta knows it too."""
    clock.forward(for_so_long)
    api.open_for.clear()
    api.accepted.clear()


async def correct(runtime: Any, clock: Any) -> None:
    clock.forward(timedelta(minutes=1))
    boss = await person(runtime, "supervisor")
    await publications.suspend(runtime, boss, TOPIC, "keliru")
    await corrections.correct(runtime, boss, TOPIC, date(2026, 11, 20), WORDS)
    clock.forward(timedelta(minutes=1))


async def test_p08_a_correction_goes_out_as_words_while_the_window_is_open(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    api.accepted.clear()
    await correct(runtime, clock)
    assert await corrections.tell(runtime) == 1
    await sending.post_due(runtime, graph, citizen.id)
    (said,) = api.texts
    assert "ternyata keliru" in said
    assert WORDS in said
    assert api.refused == []


async def test_p08_outside_the_window_a_template_announces_it_and_a_tap_brings_it(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    silent(api, clock, timedelta(days=2))
    await correct(runtime, clock)
    await corrections.tell(runtime)
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    (announced,) = api.accepted
    assert announced["template"]["name"] == "koreksi_jawaban"
    assert "ktp" not in str(announced["template"]).lower()  # nothing that another eye on the telephone should see
    assert (await stands(runtime))[-1] == "waiting_window"
    boss = await person(runtime, "supervisor")
    (progress,) = await corrections.listed(runtime, boss)
    assert (progress.told, progress.window, progress.arrived) == (1, 1, 0)
    await taps_the_template(runtime, api, graph, citizen, clock)
    assert WORDS in api.texts[1]
    assert (await citizen.fates())[-1] == "command"  # and no case was opened by the tap
    for one in api.reports(names=("sent", "delivered")):
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
    (progress,) = await corrections.listed(runtime, boss)
    assert (progress.window, progress.arrived) == (0, 1)
    assert api.refused == []


async def test_a_template_of_no_case_that_is_not_approved_is_not_replaced_by_one_of_a_case(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    silent(api, clock, timedelta(days=2))
    del api.templates["koreksi_jawaban"]
    await correct(runtime, clock)
    await corrections.tell(runtime)
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
    assert (api.accepted, api.refused) == ([], [132001])
    api.open_for.add(SENDER)
    await writes(runtime, "halo", at=int(clock().timestamp()))
    await sending.post_due(runtime, graph, citizen.id)
    assert WORDS in api.texts[0]


async def test_who_said_stop_is_not_told_and_the_office_sees_it(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    await says(runtime, graph, citizen, "STOP")
    silent(api, clock, timedelta(days=2))
    await correct(runtime, clock)
    assert await corrections.tell(runtime) == 0
    await sending.post_due(runtime, graph, citizen.id)
    assert api.accepted == []
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(corrected.c.state))).scalars().all() == ["unwanted"]


async def test_a_reminder_that_was_asked_for_comes_by_template_and_a_tap_brings_it(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    await says(runtime, graph, citizen, "ingatkan saya 7 hari kerja lagi")
    assert "Kamis, 3 Desember 2026 pukul 08.00" in api.texts[-1]
    assert "bukalah lagi" not in api.texts[-1]  # that is for the web
    assert api.accepted[-1]["interactive"]["action"]["buttons"][0]["reply"]["title"] == "Batalkan pengingat"
    silent(api, clock, timedelta(days=8, hours=22))
    assert await reminders.send_due(runtime) == 1
    for _ in range(2):
        await sending.post_due(runtime, graph, citizen.id)
        assert await reminders.send_due(runtime) == 0
    (announced,) = api.accepted
    assert announced["template"]["name"] == "pengingat_diminta"
    await taps_the_template(runtime, api, graph, citizen, clock)
    assert "Anda minta diingatkan" in api.texts[1]
    assert api.refused == []


async def test_a_reminder_of_a_case_leads_to_its_page(runtime, graph, api, clock):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    await says(runtime, graph, citizen, "ingatkan saya lusa")
    silent(api, clock, timedelta(days=1, hours=22))
    assert await reminders.send_due(runtime) == 1
    await sending.post_due(runtime, graph, citizen.id)
    assert api.accepted[-1]["template"]["name"] == "pengingat_diminta"
    api.open_for.add(SENDER)
    await writes(runtime, "ya", at=int(clock().timestamp()))
    await sending.post_due(runtime, graph, citizen.id)
    assert f"tentang kasus {case.number}" in api.texts[-1]
    assert f"/kasus/{case.number}?k=" in api.texts[-1]


async def test_stop_takes_reminders_back_and_one_asked_for_afterwards_still_comes(runtime, graph, api, clock):
    citizen = await answered(runtime, graph)
    await says(runtime, graph, citizen, "ingatkan saya besok")
    await says(runtime, graph, citizen, "STOP")
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(asked_reminders.c.state))).scalars().all() == ["cancelled"]
    await says(runtime, graph, citizen, "ingatkan saya lusa")
    silent(api, clock, timedelta(days=1, hours=22))
    assert await reminders.send_due(runtime) == 1
    await sending.post_due(runtime, graph, citizen.id)
    assert [one["template"]["name"] for one in api.accepted] == ["pengingat_diminta"]


async def test_only_this_conversations_waiting_news_is_asked_for(runtime, graph, api, clock):
    """A quick reply that names another conversation was never ours to this citizen: a person looks at it."""
    citizen = await answered(runtime, graph)
    other = await writes(runtime, "halo", sender="6289999999999")
    tapped = {"type": "button", "context": {"from": "62211500", "id": "wamid.x"},
              "button": {"payload": f"read:{other.id}", "text": "Kirim"}}
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(tapped)))))
    async with db.transaction(runtime.pool) as connection:
        kinds = (await connection.execute(text(
            "SELECT kind FROM messages WHERE conversation_id = :id AND author = 'citizen' ORDER BY seq"),
            {"id": citizen.id})).scalars().all()
    assert kinds[-1] != "payload"

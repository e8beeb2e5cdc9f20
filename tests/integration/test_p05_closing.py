"""P5: how a case ends, and that nothing and nobody ends it otherwise."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.services.case import dismissals, verbs
from handoff.services.errors import Conflict, Forbidden
from handoff.store import db
from handoff.store.schema_moves import ratings
from tests.support.citizen import UNSURE, Citizen, colleague, reply
from tests.support.office import person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def proposed(runtime, citizen: Citizen) -> None:
    case = await citizen.case()
    await verbs.propose(runtime, await citizen.officer(), case.id, "Data sudah kami ubah.", cause="delay")


async def closed(runtime) -> Citizen:
    citizen = await with_case(runtime)
    await proposed(runtime, citizen)
    await citizen.taps("Sudah selesai")
    return citizen


async def test_p05_not_yet_reopens_the_second_brings_the_supervisor_the_third_tells_the_ways_outside(runtime):
    citizen = await with_case(runtime)
    leader = await person(runtime, "supervisor")
    await proposed(runtime, citizen)
    await citizen.taps("Belum selesai")
    assert ((await citizen.case()).status, (await citizen.case()).supervisor_id) == ("in_progress", None)
    await proposed(runtime, citizen)
    await citizen.taps("Belum selesai")
    assert (await citizen.case()).supervisor_id == leader.id
    assert leader.name in (await citizen.sees())[-1]["text"]
    await proposed(runtime, citizen)
    await citizen.taps("Belum selesai")
    told = (await citizen.sees())[-1]
    assert "Ombudsman" in told["text"]
    assert "lapor.go.id" in told["text"]
    assert "UU 37/2008" in told["text"]
    assert told["case"]["url"]
    assert (await citizen.case()).status == "in_progress"


async def test_a_rating_after_closing_and_a_poor_one_offers_to_open_the_case_again(runtime):
    citizen = await closed(runtime)
    case = await citizen.case()
    assert [b["title"][0] for b in (await citizen.sees())[-1]["buttons"]] == ["5", "4", "3", "2", "1"]
    await citizen.taps("2 (kurang)")
    assert (await citizen.case()).status == "closed"  # a tap after closing does not reopen
    assert (await citizen.fates())[-1] == "command"
    await citizen.taps("Buka lagi kasus ini")
    again = await citizen.case()
    assert (again.id, again.status, again.officer_id) == (case.id, "in_progress", case.officer_id)
    await citizen.taps("5 (sangat baik)")  # an old button of a case that is open again
    async with db.transaction(runtime.pool) as connection:
        assert list((await connection.execute(select(ratings.c.stars))).scalars()) == [2]


async def test_p05_a_case_withdrawn_by_a_slip_of_the_finger_is_back_in_one_tap(runtime):
    citizen = await with_case(runtime)
    case = await citizen.case()
    await citizen.taps("Batalkan kasus")
    assert (await citizen.case()).closed_reason == "withdrawn"
    await citizen.taps("Buka lagi kasus ini")
    again = await citizen.case()
    assert (again.id, again.number, again.officer_id) == (case.id, case.number, case.officer_id)
    assert again.status != "closed"


async def test_p05_thanks_and_a_greeting_do_not_reopen_and_anything_else_does(runtime):
    citizen = await closed(runtime)
    for words, intent in (("makasih ya", "terima_kasih"), ("selamat sore", "sapa")):
        await citizen.asks(words, reply(text="Sama-sama.", intent=intent))
        assert (await citizen.case()).status == "closed"
    await citizen.asks("datanya masih salah", UNSURE)
    assert (await citizen.case()).status == "in_progress"
    assert "Ini pertanyaan lain" in [b["title"] for b in (await citizen.sees())[-1]["buttons"]]


@pytest.mark.parametrize("words", [
    "terima kasih, tapi namanya masih salah", "selamat pagi pak, saya mau tanya lagi soal kasus saya", "oke, terus?",
])
async def test_p05_what_only_begins_politely_reopens_however_the_bot_reads_it(runtime, words):
    citizen = await closed(runtime)
    await citizen.asks(words, reply(text="Sama-sama.", intent="terima_kasih"))
    assert (await citizen.case()).status == "in_progress"


async def test_p05_no_request_at_all_takes_two_persons_is_told_and_any_message_reopens(queued_runtime):
    runtime = queued_runtime
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    other = await colleague(runtime, owner)
    with pytest.raises(Conflict, match="not_your_case"):
        await dismissals.dismiss(runtime, other, case.id, "pesan pizza")
    with pytest.raises(Conflict, match="not_dismissed"):
        await dismissals.confirm(runtime, other, case.id, "ya")
    await dismissals.dismiss(runtime, owner, case.id, "pesan pizza")
    for who, error in ((owner, Conflict), (await person(runtime, "officer", "sosial"), Forbidden)):
        with pytest.raises(error):
            await dismissals.confirm(runtime, who, case.id, "ya")
    await dismissals.confirm(runtime, other, case.id, "benar, pesan pizza")
    done = await citizen.case()
    assert (done.status, done.closed_reason) == ("closed", "not_a_request")
    assert (done.dismissal_by, done.dismissal_confirmed_by) == (owner.id, other.id)
    assert "bukan permintaan layanan" in (await citizen.sees())[-1]["text"]
    await citizen.asks("bukan pizza pak, saya serius", UNSURE)
    again = await citizen.case()
    assert (again.id, again.status, again.dismissal_by) == (case.id, "in_progress", None)
    await citizen.taps("Ini pertanyaan lain")  # closed as it was, by the citizen
    assert (await citizen.case()).closed_reason == "not_a_request"


@pytest.mark.parametrize(("words", "intent"), [
    ("makasih ya", "terima_kasih"), ("halo selamat pagi", "sapa"), ("oke", "setuju"),
])
async def test_p05_who_was_dismissed_was_not_heard_so_politeness_reopens_too(queued_runtime, words, intent):
    runtime = queued_runtime
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await dismissals.dismiss(runtime, owner, case.id, "pesan pizza")
    await dismissals.confirm(runtime, await colleague(runtime, owner), case.id, "benar, pesan pizza")
    await citizen.asks(words, reply(text="Sama-sama.", intent=intent))
    again = await citizen.case()
    assert (again.number, again.status, again.officer_id) == (case.number, "in_progress", owner.id)


@pytest.mark.parametrize(("words", "intent"), [("tolong bantu", "bantuan"), ("tidak", "tolak")])
async def test_p05_a_cry_for_help_or_a_no_after_closing_is_no_politeness(runtime, words, intent):
    citizen = await closed(runtime)
    await citizen.asks(words, reply(text="Saya bisa membantu …", intent=intent))
    assert (await citizen.case()).status == "in_progress"


async def test_p05_what_the_citizen_says_meanwhile_undoes_the_first_persons_judgement(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await dismissals.dismiss(runtime, owner, case.id, "pesan pizza")
    await citizen.asks("saya serius, tolong", UNSURE)
    with pytest.raises(Conflict, match="not_dismissed"):
        await dismissals.confirm(runtime, await colleague(runtime, owner), case.id, "ya")

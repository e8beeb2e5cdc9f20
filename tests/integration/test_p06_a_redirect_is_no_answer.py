"""P6: sending the citizen elsewhere is no resolution and stops no clock; a case moves by being accepted elsewhere, or
its officer writes there and stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from handoff.services.case import case_steps, cases, referrals, transfers, verbs
from handoff.services.case.referrals import Letter
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.post import notices
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema_record import case_events
from tests.support.citizen import UNSURE, Citizen, colleague, officer
from tests.support.office import person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]

REDIRECT = "Terima kasih, Pak. Silakan kirim email ke wlkp [at] kemenaker titik go titik id. Salam hangat."
ANSWER = "Data usaha Bapak sudah kami ubah. Kalau perlu, tulis ke wlkp@kemenaker.go.id."


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def events(runtime, case_id) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(case_events.c.type).where(case_events.c.case_id == case_id).order_by(case_events.c.seq)
        )).scalars())


async def steps(runtime, case_id) -> str:
    async with db.transaction(runtime.pool) as connection:
        facts = await cases.load(connection, case_id)
    return "\n".join(step.text for step in (await case_steps.doings(runtime, facts)).steps)


async def test_p06_as_a_reply_it_is_sent_and_stops_no_clock(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, owner, case.id, REDIRECT)
    after = await citizen.case()
    assert (await citizen.sees())[-1]["text"] == REDIRECT
    assert after.status == "in_progress"
    assert (after.first_replied_at, after.waiting_since) == (None, case.waiting_since)
    await verbs.reply(runtime, owner, case.id, ANSWER)
    after = await citizen.case()
    assert after.first_replied_at == runtime.clock()
    assert after.waiting_since is None


async def test_p06_a_question_that_asks_the_citizen_for_something_here_is_a_reply(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    with pytest.raises(Unprocessable, match="question_elsewhere"):  # it would hold the resolution's clock
        await verbs.ask(runtime, owner, case.id, "Boleh kirim foto KTP lama Anda ke email wlkp@kemenaker.go.id?")
    assert ((await citizen.case()).status, (await citizen.case()).first_replied_at) == ("assigned", None)
    await verbs.ask(runtime, owner, case.id, "Boleh kirim foto KTP lama Anda?")
    after = await citizen.case()
    assert (after.status, after.first_replied_at, after.waiting_since) == ("waiting_citizen", runtime.clock(), None)


async def test_p06_as_a_resolution_it_is_refused_with_what_was_found(runtime):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    with pytest.raises(Unprocessable) as refused:
        await verbs.propose(runtime, owner, case.id, REDIRECT, cause="delay")
    assert refused.value.code == "redirect"
    (act,) = refused.value.facts["acts"]
    assert act.startswith("Silakan kirim email")
    sentence = runtime.texts.say("errors.redirect", **refused.value.facts)
    assert act in sentence
    assert "pindahkan" in sentence
    assert "rujuk dan dampingi" in sentence
    assert (await citizen.case()).status == "assigned"
    assert REDIRECT not in [m["text"] for m in await citizen.sees()]
    await verbs.propose(runtime, owner, case.id, ANSWER, cause="delay")
    assert (await citizen.case()).status == "resolution_proposed"


async def test_p06_who_leads_may_stand_for_an_address_with_a_reason(runtime):
    citizen = await with_case(runtime)
    owner, case, head = await citizen.officer(), await citizen.case(), await person(runtime, "head", "kependudukan")
    with pytest.raises(Conflict, match="nothing_held"):
        await verbs.allow_address(runtime, head, case.id, "memang di sana")
    for _ in range(2):  # a form sent twice
        with pytest.raises(Unprocessable, match="redirect"):
            await verbs.propose(runtime, owner, case.id, REDIRECT, cause="delay", key="k")
    assert (await events(runtime, case.id)).count("proposal_held") == 1
    with pytest.raises(Forbidden):
        await verbs.allow_address(runtime, owner, case.id, "memang di sana")
    with pytest.raises(Unprocessable, match="no_reason"):
        await verbs.allow_address(runtime, head, case.id, " ")
    await verbs.allow_address(runtime, head, case.id, "Warga hanya menanyakan alamatnya")
    shown = (await citizen.sees())[-1]
    assert shown["officer"]["name"] == owner.name
    assert shown["text"].startswith(REDIRECT)
    assert (await citizen.case()).status == "resolution_proposed"
    assert (await events(runtime, case.id))[-3:] == ["proposal_held", "address_allowed", "proposed"]
    assert head.name in await steps(runtime, case.id)
    with pytest.raises(Conflict, match="nothing_held"):  # once
        await verbs.allow_address(runtime, head, case.id, "lagi")


async def test_p06_nobody_stands_for_an_address_of_their_own(runtime):
    citizen = await with_case(runtime)
    case, head = await citizen.case(), await person(runtime, "head", "kependudukan")
    await verbs.reassign(runtime, head, case.id, head.id, "saya tangani sendiri")
    with pytest.raises(Unprocessable, match="redirect"):
        await verbs.propose(runtime, head, case.id, REDIRECT, cause="delay")
    with pytest.raises(Conflict, match="same_person"):
        await verbs.allow_address(runtime, head, case.id, "memang di sana")
    supervisor = await person(runtime, "supervisor")
    async with db.transaction(runtime.pool) as connection:
        told = [(one.login, one.kind) for one in await notices.told_of(connection, case.id)]
    assert (supervisor.login, "proposal_held") in told
    await verbs.allow_address(runtime, supervisor, case.id, "Warga hanya menanyakan alamatnya")
    assert (await citizen.case()).status == "resolution_proposed"


async def test_what_was_held_back_lapses_when_the_officer_says_something_else(runtime):
    citizen = await with_case(runtime)
    owner, case, head = await citizen.officer(), await citizen.case(), await person(runtime, "head", "kependudukan")
    with pytest.raises(Unprocessable):
        await verbs.propose(runtime, owner, case.id, REDIRECT, cause="delay")
    await verbs.reply(runtime, owner, case.id, "Saya periksa dulu datanya, sore ini saya kabari.")
    with pytest.raises(Conflict, match="nothing_held"):
        await verbs.allow_address(runtime, head, case.id, "memang di sana")


async def test_the_second_reply_that_does_not_help_brings_the_supervisor_by_name(runtime):
    citizen = await with_case(runtime)
    owner, case, leader = await citizen.officer(), await citizen.case(), await person(runtime, "supervisor")
    await verbs.reply(runtime, owner, case.id, "Besok diperiksa ya.")
    assert [b["title"] for b in (await citizen.sees())[-1]["buttons"]] == [
        "Balasan tak membantu", "Keluhkan petugas ini",
    ]
    await citizen.taps("Balasan tak membantu")
    await citizen.taps("Balasan tak membantu")  # the same reply counts once
    assert (await citizen.case()).supervisor_id is None
    assert (await citizen.case()).waiting_since is not None
    await verbs.reply(runtime, owner, case.id, "Belum ada kabar.")
    await citizen.taps("Balasan tak membantu")
    assert (await citizen.case()).supervisor_id == leader.id
    assert (await citizen.case()).officer_id == owner.id
    assert leader.name in (await citizen.sees())[-1]["text"]
    assert "supervisor_joined" in await events(runtime, case.id)


# --- transfer ---------------------------------------------------------------------------------------------------------


async def test_p06_a_transfer_changes_nothing_until_a_named_officer_there_accepts(runtime):
    citizen = await with_case(runtime)
    owner, case, there = await citizen.officer(), await citizen.case(), await person(runtime, "officer", "sosial")
    with pytest.raises(NotFound):  # nothing of theirs to see
        await desk.locate(runtime, there, case.number)
    asked = await transfers.request(runtime, owner, case.id, "sosial", "Ini urusan bansos.")
    assert f"{asked.name} dari {asked.unit} diminta" in await steps(runtime, case.id)
    assert (await citizen.case()).officer_id == owner.id
    await verbs.reply(runtime, owner, case.id, "Datanya kami periksa hari ini.")  # who has it goes on answering
    assert await desk.locate(runtime, there, case.number) == case.id
    before = await citizen.case()
    await transfers.accept(runtime, there, case.id)
    after = await citizen.case()
    assert (after.officer_id, after.unit_id) == (there.id, there.unit_id)
    assert (after.respond_by, after.resolve_by, after.number) == (before.respond_by, before.resolve_by, before.number)
    shown = (await citizen.sees())[-1]
    assert there.name in shown["text"]
    assert shown["case"]["officer"]["name"] == there.name
    with pytest.raises(Conflict, match="not_your_case"):
        await verbs.reply(runtime, owner, case.id, "Halo")
    with pytest.raises(Conflict, match="transfer_loop"):
        await transfers.request(runtime, there, case.id, "kependudukan", "kembali ke sana")
    assert there.name in await steps(runtime, case.id)


async def test_p06_three_declines_go_to_the_head_by_name(runtime):
    citizen = await with_case(runtime)
    owner, case, there = await citizen.officer(), await citizen.case(), await person(runtime, "officer", "sosial")
    head = await person(runtime, "head", "kependudukan")
    for _ in range(3):
        await transfers.request(runtime, owner, case.id, "sosial", "Ini urusan bansos.")
        with pytest.raises(Conflict, match="transfer_pending"):
            await transfers.request(runtime, owner, case.id, "sosial", "sekali lagi")
        with pytest.raises(Unprocessable, match="no_reason"):
            await transfers.decline(runtime, there, case.id, "")
        assert (await citizen.case()).officer_id == owner.id
        await transfers.decline(runtime, there, case.id, "Bukan urusan kami.")
    assert (await citizen.case()).officer_id == head.id
    assert head.name in (await citizen.sees())[-1]["text"]
    with pytest.raises(NotFound):  # answered: no longer theirs to see
        await desk.locate(runtime, there, case.number)
    assert (await events(runtime, case.id)).count("transfer_declined") == 3


async def test_a_request_is_taken_back_and_ends_with_the_case(runtime):
    citizen = await with_case(runtime)
    owner, case, there = await citizen.officer(), await citizen.case(), await person(runtime, "officer", "sosial")
    await transfers.request(runtime, owner, case.id, "sosial", "Ini urusan bansos.")
    with pytest.raises(Conflict, match="not_your_case"):
        await transfers.withdraw(runtime, await colleague(runtime, owner), case.id)
    await transfers.withdraw(runtime, owner, case.id)
    await transfers.request(runtime, owner, case.id, "sosial", "Tetap perlu.")
    await citizen.taps("Batalkan kasus")
    with pytest.raises(Forbidden):
        await transfers.accept(runtime, there, case.id)
    await citizen.asks("ternyata belum", UNSURE)  # the same case again, offered to nobody
    await transfers.request(runtime, owner, case.id, "sosial", "Tetap perlu.")
    await transfers.accept(runtime, there, case.id)
    assert (await citizen.case()).officer_id == there.id


# --- refer and accompany ----------------------------------------------------------------------------------------------


async def test_p06_refer_and_accompany_tells_the_citizen_and_keeps_officer_and_clocks(runtime, clock):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    letter = Letter("Kementerian Ketenagakerjaan", "Permintaan mengubah data WLKP.", "560/112", date(2026, 11, 30))
    referral = await referrals.refer(runtime, owner, case.id, letter)
    assert await referrals.refer(runtime, owner, case.id, letter) == referral  # the same form sent twice
    assert (await events(runtime, case.id)).count("referred") == 1
    after = await citizen.case()
    assert (after.officer_id, after.first_replied_at) == (owner.id, None)
    said = (await citizen.sees())[-1]["text"]
    for part in ("Kementerian Ketenagakerjaan", "Permintaan mengubah data WLKP", "560/112", "30 November 2026"):
        assert part in said
        assert part in await steps(runtime, case.id)
    assert await referrals.remind(runtime) == 0
    clock.forward(timedelta(days=6))
    assert [one.due for one in await referrals.waiting(runtime, case.id)] == [True]
    assert await referrals.remind(runtime) == 1
    assert await referrals.remind(runtime) == 0  # once
    for _ in range(2):
        await referrals.follow_up(runtime, owner, case.id, referral, "Sedang diproses di sana.", date(2026, 12, 10))
    assert (await events(runtime, case.id)).count("referral_followed") == 1
    assert "10 Desember 2026" in (await citizen.sees())[-1]["text"]
    clock.forward(timedelta(days=10))
    assert await referrals.remind(runtime) == 1
    await referrals.follow_up(runtime, owner, case.id, referral, "Data sudah diubah.", None)
    assert await referrals.waiting(runtime, case.id) == []
    assert (await events(runtime, case.id)).count("ask_again_due") == 2


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2026, 11, 1), date(2027, 6, 1)])
async def test_the_day_to_ask_again_is_a_real_one(runtime, day):
    citizen = await with_case(runtime)
    owner, case = await citizen.officer(), await citizen.case()
    with pytest.raises(Unprocessable, match="bad_day"):
        await referrals.refer(runtime, owner, case.id, Letter("Kemenaker", "surat", "", day))
    with pytest.raises(Conflict, match="not_your_case"):
        await referrals.refer(runtime, await colleague(runtime, owner), case.id,
                              Letter("Kemenaker", "surat", "", date(2026, 11, 30)))
    assert (await officer(runtime, owner.id)).active

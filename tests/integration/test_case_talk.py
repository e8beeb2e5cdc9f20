"""The verbs of a case, from takeover to reopening (P5: only the citizen closes)."""

from __future__ import annotations

import pytest

from handoff.services.case import verbs
from handoff.services.errors import Conflict
from handoff.services.talk import turn
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.rasa import bot_says, with_bot


async def in_talk(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    await verbs.take_over(runtime, await citizen.officer(), (await citizen.case()).id)
    return citizen


async def proposes(citizen: Citizen, text: str = "KTP baru sudah jadi.") -> None:
    await verbs.propose(citizen.runtime, await citizen.officer(), (await citizen.case()).id, text, cause="delay")


async def test_the_whole_talk_is_seen_in_order_with_the_officers_name(runtime):
    citizen = await in_talk(runtime)
    officer, case = await citizen.officer(), await citizen.case()
    await verbs.reply(runtime, officer, case.id, "Selamat pagi, saya ubah hari ini.")
    await verbs.note(runtime, officer, case.id, "cek blangko")
    said = (await citizen.sees())[-1]
    assert (said["author"], said["text"]) == ("officer", "Selamat pagi, saya ubah hari ini.")
    assert said["officer"] == {"name": officer.name, "title": officer.title}
    assert "cek blangko" not in str(await citizen.sees())
    assert (await citizen.case()).first_replied_at is not None
    assert (await citizen.case()).waiting_since is None


async def test_a_repeated_reply_key_is_one_reply(runtime):
    citizen = await in_talk(runtime)
    officer, case = await citizen.officer(), await citizen.case()
    ids = {await verbs.reply(runtime, officer, case.id, "Halo", key="r1") for _ in range(3)}
    assert len(ids) == 1
    assert [m["text"] for m in await citizen.sees()].count("Halo") == 1


async def test_p05_proposed_refused_proposed_confirmed_reopened(runtime):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    assert (await citizen.case()).status == "resolution_proposed"
    await citizen.taps("Belum selesai")
    assert (await citizen.case()).status == "in_progress"
    await proposes(citizen)
    await citizen.taps("Sudah selesai")
    closed = await citizen.case()
    assert (closed.status, closed.closed_reason) == ("closed", "confirmed")
    (card,) = await citizen.asks("ternyata belum beres", answers("ktp_hilang"))
    again = await citizen.case()
    assert (again.status, again.number) == ("in_progress", closed.number)
    assert again.number in card["text"]
    assert card["buttons"][0]["title"] == "Ini pertanyaan lain"


@pytest.mark.parametrize("intent", ["terima_kasih", "sapa", "pamit", "basa_basi"])
async def test_p05_thanks_and_greetings_do_not_reopen(runtime, intent):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    await citizen.taps("Sudah selesai")
    await citizen.asks("makasih", reply(text="Sama-sama.", intent=intent))
    assert (await citizen.case()).status == "closed"


async def test_p05_an_old_button_does_not_close_a_case_that_is_not_proposed(runtime):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    await citizen.taps("Belum selesai")
    await citizen.taps("Sudah selesai")  # the button of the refused proposal
    assert (await citizen.case()).status == "in_progress"
    assert (await citizen.fates())[-1] == "command"


async def test_p05_the_officer_cannot_write_on_a_closed_case(runtime):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    await citizen.taps("Sudah selesai")
    for verb in (verbs.reply, verbs.propose):
        with pytest.raises(Conflict) as refused:
            await verb(runtime, await citizen.officer(), (await citizen.case()).id, "Halo")
        assert refused.value.code == "closed"


async def test_p05_free_text_after_a_proposal_neither_closes_nor_reopens(runtime):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    await citizen.writes("ok makasih pak")
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).status == "resolution_proposed"
    assert [b["title"] for b in (await citizen.sees())[-1]["buttons"]] == ["Sudah selesai", "Belum selesai"]


async def test_p05_ini_pertanyaan_lain_closes_it_again_as_it_was_and_asks_the_bot(runtime):
    citizen = await in_talk(runtime)
    await proposes(citizen)
    await citizen.taps("Sudah selesai")
    await citizen.asks("kk saya rusak", answers("kk_hilang_rusak"))
    async with bot_says(runtime, "kk_hilang_rusak") as citizen.runtime:
        await citizen.taps("Ini pertanyaan lain")
    case = await citizen.case()
    assert (case.status, case.closed_reason) == ("closed", "confirmed")
    assert (await citizen.sees())[-1]["answer"]["topic"] == "kk_hilang_rusak"
    shown = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))  # it does not reopen any more
    assert [m["author"] for m in shown] == ["bot"]


async def test_p01_ini_pertanyaan_lain_while_the_bot_is_away_is_answered_when_it_is_back(queued_runtime):
    citizen = await in_talk(queued_runtime)
    await proposes(citizen)
    await citizen.taps("Sudah selesai")
    await citizen.asks("kk saya rusak", answers("kk_hilang_rusak"))
    citizen.runtime = with_bot(queued_runtime, "http://127.0.0.1:9")  # nobody listens there
    await citizen.taps("Ini pertanyaan lain")
    assert (await citizen.fates())[-1] is None
    async with bot_says(queued_runtime, "kk_hilang_rusak") as citizen.runtime:
        assert await turn.drain(citizen.runtime, citizen.id)
    assert (await citizen.sees())[-1]["answer"]["topic"] == "kk_hilang_rusak"
    assert [m["text"] for m in await citizen.sees() if "tidak berlaku" in m["text"]] == []
    assert (await citizen.fates())[-1] == "answer"

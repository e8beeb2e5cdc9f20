"""P5, hostile: every role × every route × every state over the API, replayed buttons and foreign ones. The case is
closed by its citizen, by proven silence, by two persons, or into another open case of theirs; by nothing else."""

from __future__ import annotations

import pytest

from handoff.domain.closing import Cause
from handoff.services.case import verbs
from handoff.services.errors import ServiceError
from handoff.services.talk import turn
from handoff.services.talk.inbox import Inbound, receive
from tests.integration.test_officer_roles import API, ROUTES
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.office import person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
ON_A_CASE = {name: (method, path, body) for name, (method, path, body) in ROUTES.items()
             if path.startswith("/cases/{number}") and method != "GET"}
OPEN = ("assigned", "in_progress", "waiting_citizen", "resolution_proposed")


async def in_state(runtime, status: str) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    owner, case = await citizen.officer(), await citizen.case()
    if status == "in_progress":
        await verbs.take_over(runtime, owner, case.id)
    elif status == "waiting_citizen":
        await verbs.ask(runtime, owner, case.id, "Boleh kirim foto NIB Bapak?")
    elif status == "resolution_proposed":
        await verbs.propose(runtime, owner, case.id, "Data sudah kami ubah.", cause="delay")
    assert (await citizen.case()).status == status
    return citizen


@pytest.mark.parametrize("status", OPEN)
async def test_p05_no_route_closes_a_case_whoever_sends_it(served, runtime, status):
    citizen = await in_state(runtime, status)
    case, owner = await citizen.case(), await citizen.officer()
    others = [await person(runtime, role) for role in ("supervisor", "auditor", "admin", "inspector", "data_officer")]
    others += [await person(runtime, role, unit) for role in ("head", "officer") for unit in ("kependudukan", "sosial")]
    for who in (await colleague(runtime, owner), *others, owner):
        desk = await served.desk(who)
        for method, path, body in ON_A_CASE.values():
            if "/dismiss" in path and who.id == owner.id:
                continue  # the first of two persons: below
            answer = await desk.request(method, API + path.format(number=case.number, file="x"), json=body)
            assert answer.status_code < 500
            assert (await citizen.case()).status != "closed", (who.role, path)
    for path in ("", "/close", "/closed", "/confirm", "/status", "/withdraw"):  # guessed ones
        desk = await served.desk(owner)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await desk.request(method, f"{API}/cases/{case.number}{path}", json={"status": "closed"})
            assert answer.status_code in (404, 405)


async def test_p05_the_first_person_alone_closes_nothing_however_often(served, runtime):
    citizen = await in_state(runtime, "in_progress")
    case = await citizen.case()
    desk = await served.desk(await citizen.officer())
    for path in ("dismiss", "dismiss/confirm", "dismiss", "dismiss/confirm"):
        await desk.post(f"{API}/cases/{case.number}/{path}", json={"reason": "pesan pizza"})
    assert (await citizen.case()).status == "in_progress"


async def test_p05_a_yes_counts_for_the_proposal_that_stands_and_for_no_other_case(runtime):
    citizen, stranger = await in_state(runtime, "resolution_proposed"), await in_state(runtime, "assigned")
    case = await citizen.case()
    yes = f"confirm:{case.id}"
    with pytest.raises(ServiceError):  # a button that this conversation was never offered
        await receive(runtime, stranger.id, Inbound("payload", {"payload": yes}))
    await citizen.taps("Belum selesai")
    await receive(runtime, citizen.id, Inbound("payload", {"payload": yes}))  # the old button, replayed
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).status == "in_progress"
    await citizen.writes("sudah selesai")  # words are asked back, never taken for the button
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).status == "in_progress"
    await verbs.propose(runtime, await citizen.officer(), case.id, "Sekarang benar-benar sudah diubah.", cause="delay")
    await receive(runtime, citizen.id, Inbound("payload", {"payload": yes}))
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).closed_reason == "confirmed"


async def test_p05_an_older_this_is_another_question_closes_nothing_on_which_the_talk_went_on(runtime):
    citizen = await in_state(runtime, "assigned")
    owner, case = await citizen.officer(), await citizen.case()
    offered = []
    for question in ("apakah sudah ada kabar soal data saya", "masih salah juga"):
        await citizen.taps("Batalkan kasus" if not offered else "Sudah selesai")
        await citizen.asks(question, UNSURE)  # which opens it again
        offered.append([b for m in await citizen.sees() for b in m["buttons"]
                        if b["title"] == "Ini pertanyaan lain"][-1]["payload"])
        await verbs.propose(runtime, owner, case.id, "Data sudah kami ubah.", cause=Cause.delay)
    for _ in range(2):
        await receive(runtime, citizen.id, Inbound("payload", {"payload": offered[0]}))
        await turn.drain(runtime, citizen.id)
        assert (await citizen.case()).status == "resolution_proposed"
        assert "tidak berlaku" in (await citizen.sees())[-1]["text"]
    await citizen.taps("Sudah selesai")
    await receive(runtime, citizen.id, Inbound("payload", {"payload": offered[1]}))
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).closed_reason == "confirmed"  # what is closed is not closed once more


async def test_p05_this_is_another_question_closes_nothing_that_an_officer_has_answered(runtime):
    citizen = await in_state(runtime, "assigned")
    owner, case = await citizen.officer(), await citizen.case()
    await citizen.taps("Batalkan kasus")
    await citizen.asks("data saya masih salah", UNSURE)
    await verbs.note(runtime, owner, case.id, "Ternyata dibuka lagi.")
    await verbs.reply(runtime, owner, case.id, "Baik, besok saya telepon Bapak.")
    await citizen.taps("Ini pertanyaan lain")
    assert (await citizen.case()).status == "in_progress"
    assert "tidak berlaku" in (await citizen.sees())[-1]["text"]

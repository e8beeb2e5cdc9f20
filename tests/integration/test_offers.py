"""What other units ask one's unit to take: in the queue and over the API, with the two answers; and the news beside."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.services.case import transfers, verbs
from handoff.services.errors import Forbidden
from handoff.services.talk import turn
from handoff.services.views import offers
from handoff.web.api_models_officers import CaseLines, FullCase, Notices, Offers, Unread
from tests.support.citizen import Citizen, answers
from tests.support.console import browser
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/officer"


async def offered(runtime):
    """A case of the population unit that the social unit is asked to take, and who has it."""
    case = await open_case(runtime)
    owner = await officer_row(runtime, case.officer_id)
    await transfers.request(runtime, owner, case.id, "sosial", "Yang ditanyakan bantuan sosial.")
    return case, owner


async def test_a_request_stands_in_the_queue_of_the_asked_unit_and_nowhere_else(served, runtime, clock):
    case, owner = await offered(runtime)
    clock.forward(timedelta(minutes=5))
    later, _ = await offered(runtime)
    asked = await person(runtime, "officer", "sosial")
    assert [line["number"] for line in await offers.waiting(runtime, asked)] == [case.number, later.number]
    for other in (owner, *[await person(runtime, role) for role in ("supervisor", "auditor", "data_officer")]):
        assert await offers.waiting(runtime, other) == []
        assert await offers.count(runtime, other) == 0
    with pytest.raises(Forbidden):
        await offers.waiting(runtime, await person(runtime, "admin"))
    client = await browser(served, asked)
    page = Page(await client.get("/petugas"))
    assert "Permintaan pindah 2" in page.text
    assert "2 permintaan pindah" in Page(await client.get("/petugas/hitungan")).text
    shown = Page(await client.get("/petugas?lingkup=pindah"))
    assert f"kasus-{case.number}" in shown.attributes("a", "id")
    assert f"Sampai diterima, yang menjawab tetap {owner.name}" in shown.text
    assert "Yang ditanyakan" not in shown.text  # an officer's words may repeat a citizen's: they stand in the case
    auditor = await browser(served, await person(runtime, "auditor"))
    assert "Permintaan pindah" not in Page(await auditor.get("/petugas")).text
    assert (await auditor.get("/petugas?lingkup=pindah")).status_code == 400


async def test_accepted_and_declined_from_the_queue(served, runtime):
    (case, owner), (other, _) = await offered(runtime), await offered(runtime)
    asked = await person(runtime, "officer", "sosial")
    client = await browser(served, asked)
    page = Page(await client.get("/petugas?lingkup=pindah"))
    take = next(f for f in page.forms if f.action == f"/petugas/kasus/{case.number}/pindah/terima")
    assert "Kasus ini sekarang Anda tangani" in Page(await client.post(take.action, data=take.fields)).text
    assert (await officer_row(runtime, asked.id)).unit_id != owner.unit_id
    refuse = next(f for f in page.forms if f.action == f"/petugas/kasus/{other.number}/pindah/tolak")
    silent = await client.post(refuse.action, data=refuse.fields)
    assert (silent.status_code, "Tulis dulu alasannya." in Page(silent).text) == (422, True)
    await client.post(refuse.action, data={**refuse.fields, "pesan": "Bukan urusan kami."})
    assert await offers.waiting(runtime, asked) == []
    assert "Tidak ada unit lain yang meminta" in Page(await client.get("/petugas?lingkup=pindah")).text


async def test_requests_and_news_over_the_api(served, runtime, clock):
    case, owner = await offered(runtime)
    asked = await person(runtime, "officer", "sosial")
    head = await person(runtime, "head", "sosial")
    desk = await served.desk(head)  # who is told of every request to the unit
    (line,) = Offers.model_validate((await desk.get(f"{API}/offers")).json()).offers
    assert (line.number, line.offer.unit.slug, line.officer.id) == (case.number, "sosial", str(owner.id))
    news = Notices.model_validate((await desk.get(f"{API}/notices")).json())
    assert [(one.number, one.kind, one.unread) for one in news.notices] == [(case.number, "transfer_asked", True)]
    assert (news.unread, "unit Anda diminta menanganinya" in news.notices[0].text) == (1, True)
    before = (news.notices[0].at - timedelta(seconds=1)).isoformat()
    assert (await desk.post(f"{API}/notices/read", json={"until": before})).json() == {"unread": 1}
    until = {"until": news.notices[0].at.isoformat()}
    assert Unread.model_validate((await desk.post(f"{API}/notices/read", json=until)).json()).unread == 0
    assert not Notices.model_validate((await desk.get(f"{API}/notices")).json()).notices[0].unread
    for bad in ({}, {"until": "kemarin"}, {"until": "2026-11-24T10:00:00"}, {**until, "more": 1}):
        assert (await desk.post(f"{API}/notices/read", json=bad)).status_code == 400
    mine = await served.desk(owner)  # nobody reads another's news, or marks it
    await mine.post(f"{API}/notices/read", json={"until": "2027-01-01T00:00:00+07:00"})
    taker = await served.desk(await officer_row(runtime, (line.offer and asked.id)))
    assert (await taker.post(f"{API}/cases/{case.number}/transfer/accept")).status_code == 200
    assert (await desk.get(f"{API}/offers")).json() == {"offers": []}
    assert CaseLines.model_validate((await taker.get(f"{API}/cases")).json()).cases[0].number == case.number
    told = Notices.model_validate((await mine.get(f"{API}/notices")).json()).notices
    assert [one.kind for one in told if one.unread] == ["transfer_accepted"]


async def test_a_step_of_an_answer_is_named_to_the_officer(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.writes("bingung pak")  # then it is told one step a message
    await turn.drain(runtime, citizen.id)
    await citizen.taps("Bicara dengan petugas")
    case, owner = await citizen.case(), await citizen.officer()
    await verbs.take_over(runtime, owner, case.id)
    full = FullCase.model_validate((await (await served.desk(owner)).get(f"{API}/cases/{case.number}")).json())
    assert [one.answer.step for one in full.messages if one.answer] == [None, 1]
    page = Page(await (await browser(served, owner)).get(f"/petugas/kasus/{case.number}"))
    assert ", langkah 1" in page.text

"""What the citizen agreed to is recorded once and for all; nobody is kept out for not being asked. And the case that
the chat shows is the case as it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from handoff.services.case import verbs
from handoff.services.talk import consents as agreed
from handoff.services.talk import conversations as services
from handoff.services.talk import inbox
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import citizens, consents, conversations
from tests.support.case_page import browser, sent, with_case
from tests.support.office import TUESDAY_10, officer_row, open_case, picture, told
from tests.support.pages import BROWSER, Page
from tests.support.people import refused

# What is stored does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/conversations"


async def recorded(runtime: Any, conversation_id: str) -> tuple[list[tuple[str, bool]], Any]:
    """(what was said to which version, in order; the citizen's `consented_at`)."""
    async with db.transaction(runtime.pool) as connection:
        citizen = (await connection.execute(
            select(citizens).join(conversations, conversations.c.citizen_id == citizens.c.id)
            .where(conversations.c.id == conversation_id)
        )).one()
        rows = (await connection.execute(
            select(consents).where(consents.c.citizen_id == citizen.id).order_by(consents.c.at)
        )).all()
    return [(row.version, row.given) for row in rows], citizen.consented_at


async def test_p11_consent_is_recorded_with_the_conversation(served):
    client = await served.client()
    begun = (await client.post(API, json={"consent": "2026-11"})).json()
    assert await recorded(served.runtime, begun["conversation_id"]) == ([("2026-11", True)], TUESDAY_10)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"consent": null}'])
async def test_a_client_that_asks_in_its_own_way_begins_as_before(served, body):
    response = await (await served.client()).post(API, content=body)
    assert response.status_code == 201
    assert await recorded(served.runtime, response.json()["conversation_id"]) == ([], None)


@pytest.mark.parametrize("body", [
    b"[]", b"x", b'{"consent": ""}', b'{"consent": "a b"}', b'{"consent": 1}', b'{"version": "1"}',
])
async def test_a_senseless_beginning_is_refused(served, body):
    refused(await (await served.client()).post(API, content=body), 400)


async def test_p11_consent_may_be_given_later_and_taken_back_and_both_stay_recorded(served):
    client = await served.client()
    begun = (await client.post(API)).json()
    address = f"{API}/{begun['conversation_id']}/consent"
    refused(await client.post(address, json={"version": "2026-11", "given": True}), 401)
    client.headers["Authorization"] = f"Bearer {begun['token']}"
    given = await client.post(address, json={"version": "2026-11", "given": True})
    assert (given.status_code, given.json()["given"]) == (201, True)
    assert (await recorded(served.runtime, begun["conversation_id"]))[1] == TUESDAY_10
    served.clock.forward(timedelta(days=1))
    assert (await client.post(address, json={"version": "2026-11", "given": False})).status_code == 201
    assert await recorded(served.runtime, begun["conversation_id"]) == ([("2026-11", True), ("2026-11", False)], None)
    refused(await client.post(address, json={"version": "2026-11"}), 400)


async def test_p11_who_takes_it_back_is_not_stored_until_they_agree_again_and_the_case_goes_on(served, runtime):
    case = await open_case(runtime)
    client, here = await served.client(), f"{API}/{case.conversation_id}"
    client.headers["Authorization"] = f"Bearer {case.token}"
    owner = await officer_row(runtime, case.officer_id)
    await verbs.propose(runtime, owner, case.id, "Sudah kami cetak.", cause="delay")
    seen = (await client.get(f"{here}/messages")).json()["messages"]
    for given in (True, False, False):
        await client.post(f"{here}/consent", json={"version": "2026-11", "given": given})
    for content in ({"json": {"text": "halo"}}, {"json": {"location": {"latitude": -7.8, "longitude": 110.4}}},
                    {"json": {"contact": {"email": "a@contoh.id"}}}, {"files": {"file": ("a.png", picture())}}):
        refused(await client.post(f"{here}/messages", **content), 403, "consent_withdrawn")
    assert [one for one in runtime.settings.uploads.rglob("*") if one.is_file()] == []  # what was refused is not kept
    assert [m["id"] for m in (await client.get(f"{here}/messages")).json()["messages"]] == [m["id"] for m in seen]
    not_yet = next(b["payload"] for b in seen[-1]["buttons"] if b["payload"].startswith("not_yet"))
    assert (await client.post(f"{here}/messages", json={"payload": not_yet})).status_code == 202
    await verbs.reply(runtime, owner, case.id, "Kami lanjutkan besok.")
    await client.post(f"{here}/consent", json={"version": "2026-11", "given": True})
    assert (await client.post(f"{here}/messages", json={"text": "halo"})).status_code == 202
    events = [event["type"] for event in (await desk.case_in_full(runtime, owner, case.number))["events"]]
    assert [e for e in events if e.startswith("consent")] == ["consent_withdrawn", "consent_given"]


async def test_p01_on_whatsapp_where_nobody_can_be_asked_again_every_message_is_stored(runtime):
    begun = await services.begin(runtime, "whatsapp")
    await agreed.say(runtime, begun.conversation_id, "2026-11", False)
    assert (await inbox.receive(runtime, begun.conversation_id, Inbound.text("halo"))).seq == 1


async def test_p11_on_the_page_of_a_case_it_is_taken_back_and_given_again_without_a_script(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    assert "Kasus yang sudah ada tetap diurus" in page.text
    ways = [form for form in page.forms if form.action.endswith("/persetujuan")]
    (back,) = ways
    stranger = await client.post(back.action, data={**back.fields, "tanda": "x"})
    assert stranger.status_code == 403
    after = Page(await client.post(back.action, data=back.fields))
    assert "Anda menarik persetujuan pada Selasa" in after.text
    assert "Anda menarik persetujuan. Kasus tetap diurus." in after.text  # among the steps
    assert after.form("pesan").buttons == [("Setuju dan kirim", "setuju", "1")]
    stale = await sent(client, page, "dari halaman lama")
    assert stale.status_code == 403
    again = Page(stale).form("pesan")
    assert (again.fields["pesan"], again.buttons) == ("dari halaman lama", [("Setuju dan kirim", "setuju", "1")])
    done = Page(await client.post(again.action, data={**again.fields, "setuju": "1"}))
    assert "Terkirim" in done.text
    assert "Anda setuju lagi pesan Anda disimpan." in done.text
    assert done.form("pesan").buttons == [("Kirim", "", "")]


@pytest.mark.parametrize("change", [update(consents).values(given=False), delete(consents)])
async def test_p10_what_was_said_cannot_be_rewritten(served, change):
    await (await served.client()).post(API, json={"consent": "2026-11"})
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.transaction(served.runtime.pool) as connection:
            await connection.execute(change)


async def test_the_text_that_is_agreed_to_can_be_read(served):
    client = await served.client()
    page = Page(await client.get("/privasi", headers=BROWSER))
    words = served.app.ctx.pages.words["widget"]
    assert f"Naskah {words['consent_version']}" in page.text
    assert "Jalan Contoh Nomor 1" in page.text
    assert "/layanan" in page.attributes("a", "href")
    script = (await client.get("/widget.js")).text
    assert "Jalan Contoh Nomor 1" in script  # who refuses is told where to go
    begun = await client.post(API, json={"consent": words["consent_version"]})
    assert begun.status_code == 201


async def test_the_case_as_it_stands_comes_with_the_messages_and_by_the_stream(served, runtime):
    case = await open_case(runtime)
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {case.token}"
    address = f"{API}/{case.conversation_id}"
    assert (await client.get(f"{address}/messages?after=99")).json()["case"]["status"] == "assigned"
    async with client.stream("GET", f"{address}/events?cases=1") as response, asyncio.timeout(30):
        cases = (data async for name, data in told(response) if name == "case")
        first = await anext(cases)
        assert (first["number"], first["status"], first["reply_due"]) == (case.number, "assigned", True)
        officer = await officer_row(runtime, case.officer_id)
        await verbs.reply(runtime, officer, case.id, "Hari ini saya periksa.")  # a message that shows no case
        second = await anext(cases)
        assert (second["status"], second["reply_due"]) == ("in_progress", False)
        assert second["officer"]["name"] == officer.name


async def test_who_does_not_ask_for_the_case_gets_messages_only(served, runtime):
    case = await open_case(runtime)
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {case.token}"
    officer = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, officer, case.id, "Hari ini saya periksa.")
    async with client.stream("GET", f"{API}/{case.conversation_id}/events") as response, asyncio.timeout(30):
        names = []
        async for name, data in told(response):
            names.append(name)
            if data.get("text") == "Hari ini saya periksa.":
                break
    assert set(names) == {"message"}


async def test_a_conversation_without_a_case_has_none(served):
    client = await served.client()
    begun = (await client.post(API)).json()
    client.headers["Authorization"] = f"Bearer {begun['token']}"
    assert (await client.get(f"{API}/{begun['conversation_id']}/messages")).json() == {"messages": [], "case": None}

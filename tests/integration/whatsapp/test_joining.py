"""Number and key make one history over channels too: a case of WhatsApp shown on the web, a case of the web shown in
WhatsApp; and what is merged then is answered on the telephone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import intake, sending
from handoff.services.case import joining, merging, verbs
from handoff.services.case.cases import key_of
from handoff.services.talk import consents, conversations, inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk, pages
from handoff.store import db
from handoff.store.schema import contacts, messages
from handoff.store.schema import conversations as table
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.office import officer_row
from tests.support.rasa import with_bot
from tests.support.whatsapp import delivery, says, value

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
NO_BOT = "http://127.0.0.1:9"


async def arrives(runtime, item: dict) -> Citizen:
    """What a telephone sends is stored; its conversation."""
    await intake.take_in(runtime, whatsapp.written(delivery(value(item))))
    async with db.transaction(runtime.pool) as connection:
        found = (await connection.execute(select(messages.c.conversation_id).where(
            messages.c.author == "citizen").order_by(messages.c.stored_at.desc()).limit(1))).scalar_one()
    return Citizen(with_bot(runtime, NO_BOT), found)


async def on_the_telephone(runtime) -> Citizen:
    citizen = await arrives(runtime, says("tolong ubah data usaha saya"))
    await citizen.hears(UNSURE)
    return citizen


async def on_the_web(runtime) -> Citizen:
    citizen = await Citizen.arrives(with_bot(runtime, NO_BOT))
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def link(runtime, citizen: Citizen) -> str:
    case = await citizen.case()
    key = key_of(runtime, case.id, case.key_version)
    return f"{runtime.settings.base_url}/kasus/{case.number}?k={key}"


async def people(runtime, *some: Citizen) -> int:
    async with db.transaction(runtime.pool) as connection:
        return len(set((await connection.execute(
            select(table.c.citizen_id).where(table.c.id.in_([one.id for one in some]))
        )).scalars()))


async def history(runtime, citizen: Citizen) -> set[str]:
    """The numbers that the page of the citizen's case offers besides its own."""
    case = await citizen.case()
    opened = await pages.open_case(runtime, case.number, key_of(runtime, case.id, case.key_version))
    return {number for number, _ in await merging.others(runtime, opened.facts)}


async def test_a_case_of_whatsapp_whose_number_and_key_are_shown_on_the_web(served, runtime):
    phone, web = await on_the_telephone(runtime), await on_the_web(runtime)
    case = await phone.case()
    begun = await conversations.begin(runtime)
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {begun.token}"
    shown = {"number": case.number, "key": key_of(runtime, case.id, case.key_version)}
    address = f"/api/v1/conversations/{begun.conversation_id}/join"
    assert (await client.post(address, json={**shown, "key": "salah"})).status_code == 403
    assert (await client.post(address, json=shown)).status_code == 204
    assert await people(runtime, phone, Citizen(runtime, begun.conversation_id)) == 1
    assert await people(runtime, phone, web) == 2
    await joining.join(runtime, web.id, **shown)
    assert await history(runtime, phone) == {(await web.case()).number}
    assert await history(runtime, web) == {case.number}


async def test_a_case_of_the_web_whose_link_is_shown_in_whatsapp(runtime):
    web = await on_the_web(runtime)
    phone = await arrives(runtime, says(f"ini kasus saya {await link(runtime, web)}"))
    assert await turn.drain(phone.runtime, phone.id)
    assert "siapa pun yang memegang tautan itu" in str(await phone.sees())
    assert await people(runtime, phone, web) == 2
    case = await web.case()
    opened = await pages.open_case(runtime, case.number, key_of(runtime, case.id, case.key_version))
    assert await merging.others(runtime, opened.facts) == []  # no case on the telephone yet
    assert f"Kasus {case.number}" in (await phone.sees())[-1]["text"]  # where it stands is told there
    await phone.taps("Ini kasus saya")
    assert await people(runtime, phone, web) == 1
    await phone.asks("tolong ubah juga alamatnya", UNSURE)
    assert await history(runtime, web) == {(await phone.case()).number}


async def test_p11_a_text_that_somebody_else_wrote_gives_them_nobodys_cases(runtime):
    """`https://wa.me/62…?text=…` fills in what its maker wants to be sent: here, the link of their own case."""
    maker, victim = await on_the_web(runtime), await on_the_telephone(runtime)
    await arrives(runtime, says(f"cek bansos {await link(runtime, maker)}"))
    await victim.hears(UNSURE)
    assert await people(runtime, maker, victim) == 2
    assert await history(runtime, maker) == set()


async def test_on_the_web_a_pasted_link_of_whatsapp_offers_it_by_one_tap(runtime):
    phone, web = await on_the_telephone(runtime), await on_the_web(runtime)
    case = await web.case()
    key = (await link(runtime, phone)).rpartition("=")[2]
    await web.writes(f"saya juga punya {await link(runtime, phone)}")
    assert await turn.drain(web.runtime, web.id)
    assert await people(runtime, phone, web) == 2  # who helps a neighbour pastes links too
    seen = await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number)
    assert "Ini kasus saya" not in str(seen["messages"])  # the offer is the citizen's alone, and so is the key
    assert key not in str(seen)
    assert (await web.fates())[-1] == "case"  # the officer has the message itself
    await web.taps("Ini kasus saya")
    assert "satu riwayat" in (await web.sees())[-1]["text"]
    assert await history(runtime, web) == {(await phone.case()).number}
    assert await history(runtime, phone) == {case.number}
    await web.taps("Ini kasus saya")  # twice is once
    assert await people(runtime, phone, web) == 1


@pytest.mark.parametrize("channel", ["web", "whatsapp"])
async def test_a_link_with_a_wrong_key_joins_and_offers_nothing(runtime, channel):
    web, phone = await on_the_web(runtime), await on_the_telephone(runtime)
    here, there = (web, phone) if channel == "web" else (phone, web)
    wrong = (await link(runtime, there))[:-4] + "xxxx"
    if channel == "web":
        await here.writes(f"kasus saya {wrong}")
    else:
        await arrives(runtime, says(f"kasus saya {wrong}"))
    await turn.drain(here.runtime, here.id)
    assert not [b for m in await here.sees() for b in m["buttons"] if b["title"] == "Ini kasus saya"]
    assert await people(runtime, phone, web) == 2


async def test_merged_from_the_web_into_whatsapp_it_is_answered_on_the_telephone(runtime, graph, api):
    web, phone = await on_the_web(runtime), await on_the_telephone(runtime)
    case = await phone.case()
    await joining.join(runtime, web.id, case.number, key_of(runtime, case.id, case.key_version))
    await merging.merge(runtime, await web.officer(), (await web.case()).id, case.number, "Soalnya sama.")
    await web.asks("datanya masih salah pak", UNSURE)
    assert "datanya masih salah pak" in [m["text"] for m in await phone.sees()]
    await verbs.reply(runtime, await phone.officer(), case.id, "Sudah kami betulkan hari ini.")
    await sending.post_due(runtime, graph, phone.id)
    assert any("Sudah kami betulkan hari ini." in text for text in api.texts)
    assert any("digabung dengan kasus" in text for text in api.texts)


async def test_merged_from_whatsapp_into_the_web_what_is_written_on_the_telephone_is_heard(runtime, graph, api):
    web, phone = await on_the_web(runtime), await on_the_telephone(runtime)
    case = await web.case()
    await joining.join(runtime, phone.id, case.number, key_of(runtime, case.id, case.key_version))
    await merging.merge(runtime, await phone.officer(), (await phone.case()).id, case.number, "Soalnya sama.")
    await arrives(runtime, says("fotonya menyusul ya"))
    await phone.hears(UNSURE)
    assert "fotonya menyusul ya" in [m["text"] for m in await web.sees()]
    await sending.post_due(runtime, graph, phone.id)
    assert any(case.number in text for text in api.texts)


async def test_everything_of_the_citizen_comes_along_consent_too(runtime):
    web, other, phone = await on_the_web(runtime), await on_the_web(runtime), await on_the_telephone(runtime)
    first = await web.case()
    await joining.join(runtime, other.id, first.number, key_of(runtime, first.id, first.key_version))
    await inbox.receive(runtime, web.id, Inbound("contact", {"email": "bagas@contoh.id"}))
    await turn.drain(web.runtime, web.id)
    await consents.say(runtime, web.id, "2026-11-27", False)  # and that holds wherever they write from now on
    case = await phone.case()
    await joining.join(runtime, web.id, case.number, key_of(runtime, case.id, case.key_version))
    assert await people(runtime, web, other, phone) == 1
    assert await consents.withdrawn_at(runtime, phone.id) is not None
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(contacts.c.citizen_id))).scalars().all() == [
            (await connection.execute(select(table.c.citizen_id).where(table.c.id == phone.id))).scalar_one()
        ]

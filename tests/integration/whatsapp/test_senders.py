"""Who a sender is: by number, by Meta's ids, by what they call themselves; and what WhatsApp did not pass on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import sending
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.crypto import unseal
from handoff.store.schema import conversations
from handoff.store.schema_whatsapp import whatsapp_addresses
from tests.support.citizen import UNSURE, Citizen
from tests.support.console import browser, opened
from tests.support.line import replies, stands
from tests.support.office import officer_row
from tests.support.whatsapp import SAID, SENDER, SYSTEM, delivery, message, post, says, value

# Who somebody is does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


def of(*messages: Any, **contact: Any) -> dict[str, Any]:
    """A delivery whose sender is described so."""
    name = contact.pop("name", None)
    told = {"wa_id": SENDER, **contact, **({"profile": {"name": name}} if name is not None else {})}
    return delivery(value(*messages) | {"contacts": [told]})


async def addresses_of(runtime: Any) -> list[Any]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(whatsapp_addresses, conversations.c.data_key_id)
            .join(conversations, conversations.c.id == whatsapp_addresses.c.conversation_id)
            .order_by(whatsapp_addresses.c.created_at))).all())


async def conversations_of(runtime: Any) -> list[Any]:
    return list(dict.fromkeys([one.conversation_id for one in await addresses_of(runtime)]))


async def test_p11_all_that_meta_tells_of_a_sender_is_kept_sealed(served):
    await post(await served.client(),
               of(says("halo"), user_id="ID.77", parent_user_id="PAR.9", name=" Budi\n Santoso "))
    (row,) = await addresses_of(served.runtime)
    async with db.transaction(served.runtime.pool) as connection:
        key = await served.runtime.keyring.open(connection, row.data_key_id)
    assert [unseal(key, row.id, one).decode() for one in (row.wa_enc, row.user_enc, row.parent_enc, row.name_enc)] == [
        SENDER, "ID.77", "PAR.9", "Budi Santoso"]
    assert not any(word in repr(tuple(row)) for word in (SENDER, "ID.77", "PAR.9", "Budi"))


async def test_the_name_is_the_newest_and_shown_to_the_officer_as_unchecked(served):
    runtime, client = served.runtime, await served.client()
    for name in ("Budi", "Budi <b>Santoso</b> 3174012304560001", None):
        await post(client, of(says("mau bicara sama petugas"), **({"name": name} if name else {})))
    (conversation,) = await conversations_of(runtime)
    citizen = Citizen(runtime, conversation)
    for _ in range(3):
        await citizen.hears(UNSURE)
    case = await citizen.case()
    page = await (await browser(served, await officer_row(runtime, case.officer_id))).get(
        f"/petugas/kasus/{case.number}")
    assert "Nama di WhatsApp" in page.text
    assert "Budi &lt;b&gt;Santoso" in page.text
    assert "belum diperiksa" in page.text
    assert "3174012304560001" not in page.text
    assert len(await addresses_of(runtime)) == 1


async def test_who_is_known_across_all_numbers_keeps_the_conversation(served):
    client = await served.client()
    for given in (
        of(says("satu"), user_id="ID.77", parent_user_id="PAR.9"),
        of(says("dua", sender="628999"), wa_id="628999", user_id="ID.88", parent_user_id="PAR.9"),
        of(says("tiga") | {"from": None}, wa_id=None, parent_user_id="PAR.9", user_id="ID.99"),
    ):
        assert (await post(client, given)).status_code == 200
    assert len(await conversations_of(served.runtime)) == 1


async def test_p11_a_number_that_comes_with_another_id_is_another_persons_now(served, runtime, graph, api):
    """A number that was given up and sold again: nobody told us, but Meta's id of the person is another one."""
    client = await served.client()
    await post(client, of(says("mau bicara sama petugas"), user_id="ID.77", name="Budi"))
    (first,) = await conversations_of(runtime)
    citizen = Citizen(runtime, first)
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, first)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await post(client, of(says("halo, saya orang lain"), user_id="ID.88", name="Wati"))
    old, new = await conversations_of(runtime)
    assert old == first != new
    before = len(api.texts)
    await replies(runtime, citizen, officer, case, "Berkas Budi sudah lengkap.")
    await sending.post_due(runtime, graph, first)
    assert len(api.texts) == before  # what is for Budi goes to nobody else
    assert (await stands(runtime))[-1] == "failed"
    shown = await desk.case_in_full(runtime, officer, case.number)
    assert "Hubungi warga dengan cara lain" in str(shown["messages"][-1]["delivery_reason"])
    assert shown["sender_name"] == "Budi"
    await post(client, of(says("saya lagi"), user_id="ID.88"))
    await post(client, of(says("tanpa id")))
    assert len(await conversations_of(runtime)) == 2


async def test_what_whatsapp_did_not_pass_on_is_told_to_the_officer_with_what_to_do(served):
    runtime, client = served.runtime, await served.client()
    await post(client, of(message(SAID["unsupported"])))
    (conversation,) = await conversations_of(runtime)
    await turn.drain(runtime, conversation)
    citizen = Citizen(runtime, conversation)
    case = await citizen.case()
    page = await opened(await browser(served, await officer_row(runtime, case.officer_id)), case.number)
    assert "WhatsApp tidak meneruskan isi pesan ini kepada kantor (kode 131051: not supported)" in page.text
    assert "Minta warga mengirimnya lagi dengan cara lain" in page.text
    assert all("not_passed_on" not in one for one in await citizen.sees())


async def test_what_was_forwarded_says_so_to_the_officer(served):
    runtime, client = served.runtime, await served.client()
    await post(client, of(says("mau bicara sama petugas") | {"context": {"forwarded": True}}))
    (conversation,) = await conversations_of(runtime)
    citizen = Citizen(runtime, conversation)
    await citizen.hears(UNSURE)
    case = await citizen.case()
    page = await opened(await browser(served, await officer_row(runtime, case.officer_id)), case.number)
    assert "Pesan ini diteruskan warga dari percakapan lain." in page.text


async def test_who_wrote_from_the_new_number_before_its_notice_came_still_gets_what_is_for_them(
    served, runtime, graph, api
):
    """Meta promises no order: the message from the new number is here first, and is a conversation of its own."""
    client = await served.client()
    api.open_for.add("628999")
    await post(client, delivery(value(says("punya Budi"))))
    await post(client, delivery(value(says("mau bicara sama petugas", sender="628999"))))
    _, second = await conversations_of(runtime)
    citizen = Citizen(runtime, second)
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, second)
    case = await citizen.case()
    await post(client, delivery(value(message(SYSTEM))))
    await replies(runtime, citizen, await officer_row(runtime, case.officer_id), case, "Berkas Anda sudah lengkap.")
    await sending.post_due(runtime, graph, second)
    assert "Berkas Anda sudah lengkap." in api.texts[-1]
    assert api.accepted[-1]["to"] == "628999"

"""What an officer has begun to write outlives a reload and a change of device, and ends with the sending."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from handoff.services.views import drafts
from handoff.store import db
from handoff.store.schema import cases, conversations, data_keys
from handoff.store.schema_desk import drafts as kept_drafts
from tests.support.citizen import colleague
from tests.support.console import browser, does, form_of, opened
from tests.support.office import officer_row, open_case

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def keeps(client, page, number, **texts):
    token = form_of(page, "reply").fields["tanda"]
    return await client.put(f"/petugas/kasus/{number}/draf", data={"tanda": token, **texts})


async def test_a_draft_is_there_on_another_device_and_for_nobody_else(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    client = await browser(served, owner)
    page = await opened(client, case.number)
    response = await keeps(client, page, case.number, reply="baru separuh <b>", note="  \n")
    assert response.status_code == 204
    elsewhere = await opened(await browser(served, owner), case.number)
    assert form_of(elsewhere, "reply").fields["pesan"] == "baru separuh <b>"
    assert form_of(elsewhere, "note").fields["pesan"] == ""
    assert await drafts.kept(served.runtime, await colleague(served.runtime, owner), case.id) == {}
    async with db.transaction(served.runtime.pool) as connection:
        stored = (await connection.execute(select(kept_drafts.c.body_enc))).scalar_one()
    assert b"separuh" not in stored


async def test_sending_ends_the_draft_of_its_own_box_only(served):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    await keeps(client, page, case.number, reply="balasan", note="catatan")
    after = await does(client, page, "reply", "balasan")
    assert after.status_code == 200
    page = await opened(client, case.number)
    assert [form_of(page, kind).fields["pesan"] for kind in ("reply", "note")] == ["", "catatan"]
    await keeps(client, page, case.number, reply="", note="")
    async with db.transaction(served.runtime.pool) as connection:
        assert (await connection.execute(select(kept_drafts))).all() == []


async def test_a_refused_text_stays_a_draft(served):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    await keeps(client, page, case.number, reply="panjang")
    assert (await does(client, page, "reply", "a" * 4097)).status_code == 413
    assert form_of(await opened(client, case.number), "reply").fields["pesan"] == "panjang"
    assert (await keeps(client, page, case.number, reply="a" * 4097)).status_code == 413


async def test_an_erased_citizen_takes_the_drafts_along(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    await drafts.keep(served.runtime, owner, case.id, {"reply": "rahasia"})
    key_of_case = (
        select(conversations.c.data_key_id).join(cases, cases.c.conversation_id == conversations.c.id)
        .where(cases.c.id == case.id)
    )
    async with db.transaction(served.runtime.pool) as connection:
        key_id = (await connection.execute(key_of_case)).scalar_one()
        await connection.execute(
            update(data_keys).where(data_keys.c.id == key_id).values(wrapped=None, destroyed_at=served.clock())
        )
    served.runtime.keyring.forget(key_id)
    assert await drafts.kept(served.runtime, owner, case.id) == {}

"""P11: identity numbers are masked for officers; each look at one has a reason, an event and a line of the log."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema_record import access_log
from tests.support.console import browser, form_of, opened
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
NIK, PHONE = "3171011708450001", "081234567890"
SAID = f"nik saya {NIK}, telepon {PHONE}"


@pytest.fixture
async def at_case(served):
    """The case's officer before a case whose citizen wrote two numbers: their browser, the case, the page."""
    case = await open_case(served.runtime, SAID)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    return client, case, await opened(client, case.number)


async def looked(runtime) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(select(access_log.c.what).order_by(access_log.c.id))).scalars())


async def test_p11_numbers_are_masked_on_page_newest_parts_and_api(served, at_case):
    client, case, page = at_case
    for text in (page.text, (await client.get(f"/petugas/kasus/{case.number}/segar")).text,
                 (await client.get(f"/api/v1/officer/cases/{case.number}")).text):
        assert "[NIK]" in text
        assert NIK not in text
        assert PHONE not in text
    assert "NIK disebut, disamarkan" in page.text
    assert NIK not in (await client.get("/petugas")).text


@pytest.mark.parametrize("htmx", [False, True])
async def test_p11_a_reason_shows_them_once_and_is_recorded(served, at_case, htmx):
    client, case, page = at_case
    form = form_of(page, "tampilkan")
    headers = {"HX-Request": "true"} if htmx else {}
    shown = await client.post(form.action, data={**form.fields, "alasan": "cocokkan di SIAK"}, headers=headers)
    assert shown.status_code == 200
    assert SAID in Page(shown).text
    assert "no-store" in shown.headers["cache-control"]
    again = await opened(client, case.number)
    assert NIK not in again.text
    assert "Nomor identitas ditampilkan: cocokkan di SIAK" in again.text
    assert (await looked(served.runtime)).count("identity") == 1
    auditor = await browser(served, await person(served.runtime, "auditor"))
    seen = (await opened(auditor, case.number)).text
    assert "Nomor identitas ditampilkan" in seen
    assert "cocokkan" not in seen


@pytest.mark.parametrize(("reason", "status"), [("", 422), ("1234567", 422), ("abcd", 422), ("a" * 301, 413)])
async def test_p11_without_a_reason_nothing_is_shown_or_recorded(served, at_case, reason, status):
    client, case, page = at_case
    form = form_of(page, "tampilkan")
    refused = await client.post(form.action, data={**form.fields, "alasan": reason})
    assert refused.status_code == status
    assert NIK not in refused.text
    assert "identity" not in await looked(served.runtime)
    found = await desk.case_in_full(served.runtime, await officer_row(served.runtime, case.officer_id), case.number)
    assert "identity_revealed" not in [event["type"] for event in found["events"]]


async def test_p11_only_a_citizens_message_of_this_case_is_shown(served, at_case):
    client, _, page = at_case
    form = form_of(page, "tampilkan")
    for seq, status in (("2", 404), ("99", 404), ("x", 400), ("-1", 400)):
        sent = {**form.fields, "pesan": seq, "alasan": "cocokkan data"}
        assert (await client.post(form.action, data=sent)).status_code == status, seq

"""The key to `/kasus/<number>`: exchanged at once, renewed, forgotten; without it nothing is shown."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from handoff.services.case import cases
from handoff.store import db
from handoff.store.schema import cases as case_table
from tests.support.case_page import browser, link, with_case
from tests.support.pages import BROWSER, Page

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
UNKNOWN = "1234-5671"


async def test_the_key_is_exchanged_for_a_cookie_of_this_case_and_leaves_the_address(served, runtime):
    citizen = await with_case(runtime)
    address, client = await link(citizen), await served.client()
    number, key = (await citizen.case()).number, parse_qs(urlsplit(address).query)["k"][0]
    response = await client.get(address)
    assert (response.status_code, response.headers["location"]) == (303, f"/kasus/{number}")
    assert "no-store" in response.headers["cache-control"]
    cookie = response.headers["set-cookie"]
    for part in (f"kasus={key}", f"Path=/kasus/{number};", "HttpOnly", "SameSite=Lax"):
        assert part in cookie + ";"
    assert "Secure" not in cookie  # this office is served over http
    page = await client.get(f"/kasus/{number}", headers=BROWSER)
    assert page.status_code == 200
    assert key not in page.text


async def test_p11_a_link_that_somebody_else_has_seen_is_renewed_by_its_citizen(served, runtime):
    citizen = await with_case(runtime)
    old, number = await link(citizen), (await citizen.case()).number
    client, page = await browser(served, citizen)
    stranger = await served.client()
    await stranger.get(old)
    assert (await stranger.get(f"/kasus/{number}", headers=BROWSER)).status_code == 200
    form = next(f for f in page.forms if f.action.endswith("/tautan"))
    refused = await client.post(form.action, data={**form.fields, "tanda": "0" * 32}, headers=BROWSER)
    assert refused.status_code == 403  # another site's form
    renewed = await client.post(form.action, data=form.fields, headers=BROWSER)
    new = await link(citizen)
    assert new != old
    assert new in renewed.text
    assert "no-store" in renewed.headers["cache-control"]
    assert (await stranger.get(f"/kasus/{number}", headers=BROWSER)).status_code == 403
    assert (await (await served.client()).get(old, headers=BROWSER)).status_code == 403
    shown = await client.get(f"/kasus/{number}", headers=BROWSER)  # this browser keeps its way in
    assert "Anda mengganti tautan kasus ini." in shown.text
    assert (await (await served.client()).get(new)).status_code == 303


async def test_a_wrong_key_no_key_and_an_unknown_number_are_told_alike(served, runtime):
    citizen = await with_case(runtime)
    number = (await citizen.case()).number
    other = await with_case(runtime)
    others = parse_qs(urlsplit(await link(other)).query)["k"][0]
    told = set()
    for shown, key in ((number, ""), (number, "?k=salah"), (number, f"?k={others}"), (number, "?k=%00é"),
                       (UNKNOWN, ""), (UNKNOWN, f"?k={others}")):
        response = await (await served.client()).get(f"/kasus/{shown}{key}", headers=BROWSER)
        assert response.status_code == 403
        assert "set-cookie" not in response.headers
        told.add(response.text.replace(number, "N").replace(UNKNOWN, "N"))
    (only,) = told
    assert "Halaman kasus hanya terbuka lewat tautan lengkap" in only
    assert "hubungi kantor" in only


@pytest.mark.parametrize(("path", "indexed"), [
    ("/kasus/{link}", False), ("/kasus/{number}", False), ("/kasus/apa%20saja", False), ("/lapor/x", False),
    ("/data/x", False),
    ("/petugas/masuk", False), ("/api/v1/conversations/x/messages", False), ("/", True), ("/layanan", True),
])
async def test_no_search_engine_keeps_what_is_somebodys_own(served, runtime, path, indexed):
    citizen = await with_case(runtime)
    at = urlsplit(await link(citizen))
    here = path.format(number=(await citizen.case()).number, link=f"{at.path.removeprefix('/kasus/')}?{at.query}")
    client = await served.client()
    for response in (await client.get(here, headers=BROWSER), await client.get(here)):
        assert ("noindex" in response.headers.get("x-robots-tag", "")) is not indexed


async def test_another_cases_cookie_does_not_open_this_one(served, runtime):
    mine, theirs = await with_case(runtime), await with_case(runtime)
    client, _ = await browser(served, mine)
    key = client.cookies["kasus"]
    number = (await theirs.case()).number
    response = await client.get(f"/kasus/{number}", headers={"Cookie": f"kasus={key}"})
    assert response.status_code == 403


async def test_a_cookie_that_is_no_text_is_a_wrong_key(served):
    client = await served.client()
    for send in (client.get, client.post):
        response = await send(f"/kasus/{UNKNOWN}", headers=[("Accept", "text/html"), ("Cookie", b"kasus=\xff\xfe")])
        assert response.status_code == 403


async def test_a_raised_key_version_closes_old_links(served, runtime):
    citizen = await with_case(runtime)
    client, _ = await browser(served, citizen)
    old = await link(citizen)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(case_table).values(key_version=1))
    assert (await client.get(old)).status_code == 403
    assert (await client.get(await link(citizen))).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/kasus/12345671", 303), ("/kasus/1234-5672", 404), ("/kasus/abc", 404)])
async def test_a_number_is_read_as_people_write_it(served, path, status):
    response = await (await served.client()).get(path, headers=BROWSER)
    assert response.status_code == status
    if status == 303:
        assert response.headers["location"] == "/kasus/1234-5671"
    else:
        assert "salah ketik" in response.text


async def test_a_shared_telephone_forgets_the_key(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    form = next(f for f in page.forms if f.action.endswith("/hapus"))
    assert "tetap diurus petugas" in Page(await client.post(form.action)).text
    assert (await client.get(f"/kasus/{(await citizen.case()).number}")).status_code == 403


async def test_the_key_in_the_address_is_the_one_the_service_derives(runtime):
    citizen = await with_case(runtime)
    case = await citizen.case()
    assert (await link(citizen)).endswith(f"?k={cases.key_of(runtime, case.id, case.key_version)}")

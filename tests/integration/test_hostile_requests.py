"""Requests as no browser makes them: none is a fault of ours (500), none gets round a limit, none is kept for ever."""

from __future__ import annotations

import contextlib
import dataclasses

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff.services.attachments import depot
from handoff.store import db
from handoff.web.limits import Buckets, Places
from tests.support.office import PASSWORD, officer_row, open_case, person, serving
from tests.support.people import refused

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def begun(client: httpx.AsyncClient) -> str:
    """A conversation of the client's own; its address."""
    answer = (await client.post("/api/v1/conversations")).json()
    client.headers["Authorization"] = f"Bearer {answer['token']}"
    return f"/api/v1/conversations/{answer['conversation_id']}"


async def test_a_token_that_is_no_text_is_a_wrong_token(served):
    client = await served.client()
    address, wrong = await begun(client), {"Authorization": b"Bearer \xff\xfe"}
    refused(await client.get(f"{address}/messages", headers=wrong), 401, "unauthorized")
    refused(await client.post("/internal/v1/cases", headers=wrong, json={}), 401, "unauthorized")


async def test_a_key_that_is_no_text_is_refused(served):
    client = await served.client()
    address, wrong = await begun(client), {"Idempotency-Key": b"\xff\xfe"}
    refused(await client.post(f"{address}/messages", headers=wrong, json={"text": "halo"}), 400, "bad_request")


@pytest.mark.parametrize("payload", ["a\0b", "topic:\0"])
async def test_a_button_that_the_database_cannot_even_look_for_is_unknown(served, payload):
    client = await served.client()
    refused(await client.post(f"{await begun(client)}/messages", json={"payload": payload}), 400, "bad_request")


async def test_a_caption_is_cleaned_like_every_text(served):
    client = await served.client()
    address = await begun(client)
    voice = {"file": ("s.amr", b"#!AMR\nx")}
    await client.post(f"{address}/messages", data={"text": "ini\0 suara\x01 saya"}, files=voice)
    (message, *_) = (await client.get(f"{address}/messages")).json()["messages"]
    assert message["text"] == "ini suara saya"


@pytest.mark.parametrize("email", [
    "ani@contoh.id,umum@contoh.id", "ani,@contoh.id", "Ani<ani@contoh.id>", "ani\0@contoh.id", 'a"b@contoh.id',
    "ani@contoh.id;x",
])
async def test_an_address_is_one_address(served, email):
    client = await served.client()
    address, contact = await begun(client), {"contact": {"email": email}}
    refused(await client.post(f"{address}/messages", json=contact), 422, "bad_contact")


async def test_an_officers_value_that_the_database_refuses_is_malformed(served):
    desk = await served.desk(await person(served.runtime, "supervisor"))
    page = await desk.get("/petugas", params={"topik": "\0"}, headers={"Accept": "text/html"})
    assert page.status_code == 400
    assert "tidak bisa dibaca" in page.text


async def test_methods_that_somebody_invents_are_not_counted_one_by_one(served):
    client = await served.client()
    for number in range(20):
        assert (await client.request(f"INVENTED{number}", "/")).status_code == 405
    figures = (await client.get("/metrics")).text
    assert "INVENTED" not in figures
    assert 'wajah_http_requests_total{method="?",route="?",status="405"} 20.0' in figures


@pytest.fixture
async def behind_a_proxy(settings, clock, runtime):
    limited = dataclasses.replace(settings, trusted_proxies=1, rate_address=(2, 0.001))
    async with serving(limited, clock, runtime) as served:
        yield await served.client()


async def comes_from(client: httpx.AsyncClient, *headers: str) -> int:
    given = [("X-Forwarded-For", one) for one in headers]
    return (await client.post("/api/v1/conversations", headers=given)).status_code


async def test_nobody_gets_round_the_limit_with_an_address_of_their_own_invention(behind_a_proxy):
    """One proxy adds to the header, another puts one of its own under it: only what the proxy says counts."""
    assert await comes_from(behind_a_proxy, "192.0.2.1, 198.51.100.7") == 201
    assert await comes_from(behind_a_proxy, "192.0.2.2", "198.51.100.7") == 201
    assert await comes_from(behind_a_proxy, "192.0.2.3", "198.51.100.7") == 429
    assert await comes_from(behind_a_proxy, "192.0.2.4, 198.51.100.7") == 429
    assert await comes_from(behind_a_proxy, "198.51.100.8") == 201


async def test_callers_in_ipv6_clothes_are_not_all_one(behind_a_proxy):
    assert [await comes_from(behind_a_proxy, "::ffff:198.51.100.7") for _ in range(3)] == [201, 201, 429]
    assert await comes_from(behind_a_proxy, "::ffff:198.51.100.8") == 201
    assert await comes_from(behind_a_proxy, "198.51.100.7") == 429  # the same caller in either spelling
    assert [await comes_from(behind_a_proxy, f"2001:db8::{n}") for n in (1, 2, 3)] == [201, 201, 429]


async def test_a_transfer_to_a_unit_that_cannot_be_named_is_malformed(served, runtime):
    case = await open_case(runtime)
    desk = await served.desk(await officer_row(runtime, case.officer_id))
    wanted = {"unit": "sosial\0", "reason": "Ini urusan bantuan sosial."}
    refused(await desk.post(f"/api/v1/officer/cases/{case.number}/transfer", json=wanted), 400, "bad_request")


async def test_p11_a_fault_in_the_log_does_not_say_what_the_statement_was_given(runtime):
    with pytest.raises(DBAPIError) as fault:
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(text("SELECT :number, 1 / 0"), {"number": "wamid.rahasia"})
    assert "rahasia" not in str(fault.value)


# --- who can keep an officer out --------------------------------------------------------------------------------------


async def tries(client: httpx.AsyncClient, login: str, password: str = "salah") -> int:
    return (await client.post("/api/v1/officer/session", json={"login": login, "password": password})).status_code


async def test_nobody_keeps_an_officer_out_of_a_browser_that_they_have_used_before(served):
    officer, other = await person(served.runtime, "officer"), await person(served.runtime, "supervisor")
    desk, stranger = await served.desk(officer), await served.client()
    await desk.delete("/api/v1/officer/session")
    assert [await tries(stranger, officer.login) for _ in range(6)] == [401] * 5 + [429]
    assert await tries(stranger, officer.login, PASSWORD) == 429
    assert await tries(desk, officer.login, PASSWORD) == 200
    assert await tries(stranger, officer.login, PASSWORD) == 429  # strangers stay out nevertheless
    # A browser is known to its own officer only, by what we signed and nothing else.
    (name, value), = ((c.name, c.value) for c in desk.cookies.jar if c.name.startswith("wajah_kenal_"))
    for forged in (value[:-1] + ("0" if value[-1] != "0" else "1"), "0" * 96, "", value[:32]):
        liar = await served.client()
        liar.cookies.set(name, forged)
        assert await tries(liar, officer.login, PASSWORD) == 429
    assert [await tries(desk, other.login) for _ in range(6)] == [401] * 5 + [429]


async def test_who_shares_the_offices_address_keeps_no_officer_out(served):
    officer = await person(served.runtime, "officer")
    desk, guest = await served.desk(officer), await served.client()
    served.app.ctx.login_buckets = Buckets(3, 0.001)
    assert [await tries(guest, f"tamu{number}") for number in range(4)] == [401, 401, 401, 429]
    assert await tries(desk, officer.login, PASSWORD) == 200


async def test_a_known_browser_may_try_no_more_than_a_stranger(served):
    officer = await person(served.runtime, "officer")
    desk = await served.desk(officer)
    served.app.ctx.device_buckets = Buckets(5, 0.001)
    assert [await tries(desk, officer.login) for _ in range(6)] == [401] * 5 + [429]
    assert await tries(await served.client(), officer.login, PASSWORD) == 200  # and keeps nobody else out


# --- what anybody may hold or fill -----------------------------------------------------------------------------------


async def test_nobody_holds_all_streams_and_a_place_that_is_left_is_free(served):
    client = await served.client()
    address = await begun(client)
    async with contextlib.AsyncExitStack() as streams:
        for _ in range(Places.CONVERSATION):
            opened = await streams.enter_async_context(client.stream("GET", f"{address}/events"))
            assert opened.status_code == 200
        full = await client.get(f"{address}/events")
        refused(full, 429, "too_many_requests")
        assert full.headers["retry-after"] == "30"
        assert (await client.get(f"{address}/messages")).status_code == 200  # who gets none asks now and then
    async with client.stream("GET", f"{address}/events") as again:
        assert again.status_code == 200


async def test_one_address_has_a_quarter_of_all_streams(served):
    served.app.ctx.places = Places(8)
    async with contextlib.AsyncExitStack() as streams:
        for status in (200, 200, 429):
            client = await served.client()
            opened = await streams.enter_async_context(client.stream("GET", f"{await begun(client)}/events"))
            assert opened.status_code == status


async def test_one_address_cannot_fill_the_disk_with_files_and_its_messages_go_on(served):
    served.app.ctx.file_buckets = Buckets(10, 0.001)
    client = await served.client()
    address, voice = await begun(client), {"file": ("s.amr", b"#!AMR\n" + bytes(4_000_000))}
    assert [(await client.post(f"{address}/messages", files=voice)).status_code for _ in range(3)] == [202, 202, 429]
    key = {"Idempotency-Key": "k"}
    begins = await client.post(f"{address}/uploads", headers=key, json={"name": "s.amr", "size": 4_000_000})
    refused(begins, 429, "too_many_requests")
    assert (await client.post(f"{address}/messages", json={"text": "halo"})).status_code == 202


async def test_p01_on_a_disk_that_is_nearly_full_messages_go_on(served, monkeypatch):
    monkeypatch.setattr(depot, "LEAST_FREE", 1 << 60)
    client = await served.client()
    address = await begun(client)
    whole = await client.post(f"{address}/messages", files={"file": ("s.amr", b"#!AMR\nx")})
    refused(whole, 503, "unavailable")
    assert whole.headers["retry-after"] == "300"
    upload = (await client.post(f"{address}/uploads", headers={"Idempotency-Key": "k"},
                                json={"name": "s.amr", "size": 7})).json()["upload_id"]
    piece = await client.patch(f"{address}/uploads/{upload}", content=b"#!AMR\nx", headers={"Upload-Offset": "0"})
    refused(piece, 503, "unavailable")
    assert (await client.post(f"{address}/messages", json={"text": "halo"})).status_code == 202

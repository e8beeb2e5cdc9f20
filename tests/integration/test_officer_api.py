"""The officers' API over real HTTP: sessions in a browser, the verbs, what is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import func, select

from handoff.domain.case import Role
from handoff.services.people import staff
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import messages
from handoff.store.schema_record import access_log
from handoff.web.limits import Buckets
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.office import PASSWORD, officer_row, open_case, open_case_with_file, person, serving, told

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/officer"
LOGIN = {"login": "siti.rahayu", "password": PASSWORD}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


# --- signing in -------------------------------------------------------------------------------------------------------


async def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(served):
    desk = await served.desk()
    response = await desk.post(f"{API}/session", json=LOGIN)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("wajah_session=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    said = response.json()
    assert (said["officer"]["name"], said["officer"]["role"]) == ("Siti Rahayu", "officer")
    assert said["must_change_password"] is False
    assert "password" not in response.text.replace("must_change_password", "")
    assert (await desk.get(f"{API}/session")).json() == said
    assert response.headers["cache-control"] == "no-store"


async def test_behind_https_the_cookie_is_secure(settings, clock, runtime):
    async with serving(replace(settings, base_url="https://layanan.contoh.example"), clock, runtime) as served:
        desk = await served.desk()
        assert "Secure" in (await desk.post(f"{API}/session", json=LOGIN)).headers["set-cookie"]


async def test_signing_out_ends_the_session_and_takes_the_cookie(served):
    desk = await served.desk(await person(served.runtime, "officer"))
    token = desk.cookies["wajah_session"]
    assert "Max-Age=0" in (await desk.delete(f"{API}/session")).headers["set-cookie"]
    desk.cookies.set("wajah_session", token)
    assert code(await desk.get(f"{API}/session")) == (401, "unauthorized")


async def test_signing_in_again_ends_the_session_before(served):
    desk = await served.desk(await person(served.runtime, "officer"))
    before = desk.cookies["wajah_session"]
    await desk.sign_in("siti.rahayu")
    assert await staff.session_of(served.runtime, before) is None


async def test_a_wrong_password_then_a_lock_tell_the_browser_so(served):
    desk = await served.desk()
    wrong = {**LOGIN, "password": "salah"}
    refusals = [await desk.post(f"{API}/session", json=wrong) for _ in range(staff.FAILURES + 1)]
    assert {code(r) for r in refusals[:-1]} == {(401, "wrong_login")}
    assert code(refusals[-1]) == (429, "locked")
    assert refusals[-1].headers["retry-after"] == "900"
    served.clock.forward(staff.LOCKED)
    assert (await desk.post(f"{API}/session", json=LOGIN)).status_code == 200


async def test_attempts_are_limited_by_address_too(served):
    served.app.ctx.login_buckets = Buckets(3, 0.001)
    desk = await served.desk()
    refusals = [await desk.post(f"{API}/session", json={"login": f"x{n}", "password": "x"}) for n in range(4)]
    assert [r.status_code for r in refusals] == [401, 401, 401, 429]
    assert int(refusals[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize("sent", [
    {"content": json.dumps(LOGIN), "headers": {"content-type": "text/plain"}}, {"data": LOGIN},
    {"json": {"login": "x"}},
    {"json": {**LOGIN, "more": 1}}, {"json": {**LOGIN, "password": "x" * 1001}}, {"json": []},
    {"content": b"\xff", "headers": {"content-type": "application/json"}},
], ids=["a form's text", "a form", "half", "more", "endless", "a list", "not text"])
async def test_what_is_no_sign_in(served, sent):
    desk = await served.desk()
    assert code(await desk.post(f"{API}/session", **sent)) == (400, "bad_request")


async def test_a_one_time_password_is_changed_first(served):
    new = await staff.add_officer(
        served.runtime, name="Putri Lestari", title="Petugas", unit="sosial", role=Role.officer
    )
    desk = await served.desk()
    assert (await desk.sign_in(new.login, new.one_time_password))["must_change_password"]
    assert code(await desk.get(f"{API}/cases")) == (403, "password_change_required")
    change = {"old_password": new.one_time_password, "new_password": "kata sandi pilihan sendiri"}
    assert code(await desk.post(f"{API}/password", json={**change, "new_password": "pendek"})) == (422, "weak_password")
    assert code(await desk.post(f"{API}/password", json={**change, "old_password": "x"})) == (403, "wrong_password")
    assert (await desk.post(f"{API}/password", json=change)).status_code == 204
    assert (await desk.get(f"{API}/cases")).json() == {"cases": []}


@pytest.mark.parametrize("token", [b"", b"x", b"\xff"])
async def test_csrf(served, token):
    desk = await served.desk(await person(served.runtime, "officer"))
    del desk.headers["X-CSRF-Token"]
    desk.headers = httpx.Headers([*desk.headers.raw, (b"X-CSRF-Token", token)])
    assert code(await desk.delete(f"{API}/session")) == (403, "csrf")


async def test_no_foreign_site_may_read_the_officers_api(served):
    desk = await served.desk(await person(served.runtime, "officer"))
    for method in ("GET", "OPTIONS"):
        response = await desk.request(method, f"{API}/cases", headers={
            "Origin": "https://lain.example", "Access-Control-Request-Method": "POST"
        })
        assert not [name for name in response.headers if name.startswith("access-control")]


# --- the verbs --------------------------------------------------------------------------------------------------------


async def test_of_two_officers_at_once_one_takes_over_and_the_other_hears_who(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    people = [owner, await colleague(served.runtime, owner)]
    desks = [await served.desk(officer) for officer in people]
    responses = await asyncio.gather(*(desk.post(f"{API}/cases/{case.number}/takeover") for desk in desks))
    assert sorted(r.status_code for r in responses) == [200, 409]
    won, lost = sorted(responses, key=lambda r: r.status_code)
    winner = people[responses.index(won)]
    assert won.json()["case"]["officer"]["name"] == winner.name
    assert won.json()["case"]["status"] == "in_progress"
    assert code(lost) == (409, "already_taken")
    assert winner.name in lost.json()["error"]["message"]


async def test_a_talk_over_http_from_takeover_to_the_citizens_yes(served):
    runtime = served.runtime
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    number = (await citizen.case()).number
    desk = await served.desk(await citizen.officer())
    path = f"{API}/cases/{number}"
    assert (await desk.post(f"{path}/takeover", json={})).status_code == 200  # or no body at all: both give no reason
    assert (await desk.post(f"{path}/reply", json={"text": "Kami cetak."})).json()["case"]["waiting_since"] is None
    await citizen.writes("nama saya Bagas")
    await turn.drain(runtime, citizen.id)
    assert (await desk.get(path)).json()["messages"][-1]["text"] == "nama saya Bagas"
    proposed = (await desk.post(f"{path}/propose", json={"text": "KTP sudah jadi.", "cause": "delay"})).json()
    assert proposed["case"]["status"] == "resolution_proposed"
    await citizen.taps("Sudah selesai")
    assert code(await desk.post(f"{path}/reply", json={"text": "Terima kasih."})) == (409, "closed")
    assert (await desk.get(f"{API}/cases?status=closed")).json()["cases"][0]["closed_reason"] == "confirmed"


def says(verb: str, text: object = "Kami ubah hari ini.") -> dict[str, object]:
    return {"text": text, "cause": "delay"} if verb == "propose" else {"text": text}


@pytest.mark.parametrize("cause", [{}, {"cause": None}, {"cause": ""}, {"cause": "nasib"}])
async def test_a_proposal_without_a_cause_is_refused_in_words_and_sends_nothing(served, cause):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    path = f"{API}/cases/{case.number}"
    refused = await desk.post(f"{path}/propose", json={"text": "KTP sudah jadi.", **cause})
    assert code(refused) == (422, "no_cause")
    for words in ("sebab masalahnya belum dipilih", "information, wrong_data", "other"):
        assert words in refused.json()["error"]["message"]
    assert (await desk.get(path)).json()["status"] == "assigned"
    said = await desk.post(f"{path}/propose", json={"text": "KTP sudah jadi.", "cause": "system"})
    assert said.status_code == 200
    assert (await desk.get(path)).json()["events"][-1]["body"]["cause"] == "system"


@pytest.mark.parametrize("verb", ["reply", "note", "propose"])
async def test_the_same_key_says_it_once_and_another_text_is_refused(served, verb):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    path, key = f"{API}/cases/{case.number}/{verb}", {"Idempotency-Key": "k0"}
    said = await asyncio.gather(*(desk.post(path, json=says(verb), headers=key) for _ in range(3)))
    assert len({r.json()["message_id"] for r in said}) == 1
    assert code(await desk.post(path, json=says(verb, "Bukan."), headers=key)) == (409, "key_reused")
    await inbox.receive(served.runtime, case.conversation_id, Inbound.text("halo", key="k0"))  # the citizen's own k0
    async with db.transaction(served.runtime.pool) as connection:
        count = (await connection.execute(
            select(func.count()).select_from(messages).where(messages.c.author == "officer")
        )).scalar_one()
    assert count == 1


@pytest.mark.parametrize(("body", "expected"), [
    ({"text": ""}, (422, "empty_message")), ({"text": " \n\u0000"}, (422, "empty_message")),
    ({"text": "x" * 4097}, (413, "too_large")), ({}, (400, "bad_request")), ({"text": 7}, (400, "bad_request")),
])
async def test_what_an_officer_cannot_say(served, body, expected):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    for verb in ("reply", "note", "propose"):
        given = {**says(verb), **body} if body else {}
        assert code(await desk.post(f"{API}/cases/{case.number}/{verb}", json=given)) == expected


async def test_notes_never_reach_the_citizen(served):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    await desk.post(f"{API}/cases/{case.number}/note", json={"text": "RAHASIA kantor"})
    await desk.post(f"{API}/cases/{case.number}/reply", json={"text": "Halo."})
    citizen = await served.client()
    citizen.headers["Authorization"] = f"Bearer {case.token}"
    chat = f"/api/v1/conversations/{case.conversation_id}"
    shown = (await citizen.get(f"{chat}/messages")).text
    assert "Halo." in shown
    assert "RAHASIA" not in shown
    async with citizen.stream("GET", f"{chat}/events") as response:
        streamed = []
        async for _, message in told(response):
            streamed.append(json.dumps(message))
            if "Halo." in streamed[-1]:
                break
    assert "RAHASIA" not in "".join(streamed)


@pytest.mark.parametrize("number", ["1234-5678", "kasus", "0000-0001", "%00", "1234-5678-9012", "\u0661\u0662"])
async def test_a_number_that_is_none_is_not_found(served, number):
    desk = await served.desk(await person(served.runtime, "supervisor"))
    for method, path in (("GET", ""), ("POST", "/takeover"), ("GET", "/files/x")):
        assert code(await desk.request(method, f"{API}/cases/{number}{path}")) == (404, "not_found")


async def test_a_number_is_read_however_it_is_written(served):
    case = await open_case(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    assert (await desk.get(f"{API}/cases/{case.number.replace('-', '')}")).json()["number"] == case.number


@pytest.mark.parametrize("query", ["scope=x", "status=x", "scope=mine&offset=-1", "offset=x"])
async def test_a_list_that_cannot_be_asked_for(served, query):
    desk = await served.desk(await person(served.runtime, "officer"))
    assert code(await desk.get(f"{API}/cases?{query}")) == (400, "bad_request")


async def test_a_file_comes_as_a_download_and_the_look_is_recorded(served):
    case, file = await open_case_with_file(served.runtime)
    desk = await served.desk(await officer_row(served.runtime, case.officer_id))
    response = await desk.get(f"{API}/cases/{case.number}/files/{file}")
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''ktp.png"
    assert response.content.startswith(b"\x89PNG")
    async with db.transaction(served.runtime.pool) as connection:
        assert (await connection.execute(select(access_log.c.what))).scalars().all() == ["file"]


async def test_suspending_over_http(served):
    desk = await served.desk(await person(served.runtime, "head"))
    path = f"{API}/topics/ktp_hilang"
    assert (await desk.post(f"{path}/suspend", json={"reason": "keliru"})).json() == {
        "topic": "ktp_hilang", "suspended": True, "epoch": 1
    }
    assert (await desk.post(f"{path}/republish")).json()["epoch"] == 2
    assert code(await desk.post(f"{path}/republish")) == (409, "not_suspended")
    assert code(await desk.post(f"{API}/topics/x/suspend", json={"reason": "keliru"})) == (404, "not_found")

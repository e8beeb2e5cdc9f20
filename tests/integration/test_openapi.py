"""The OpenAPI document: every route is in it, every reference leads somewhere, and real answers fit its models."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from handoff.services.post import sending
from handoff.services.talk import turn
from handoff.web import openapi
from handoff.web.api_models import Begun, CaseOpened, Consented, Error, Messages, Stored, Uploading
from handoff.web.api_models_officers import Acted, Candidates, CaseLines, FullCase, Published, SignedIn, Spoke
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import person, picture
from tests.support.pages import BROWSER, Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


CAUSE = {"note": {}, "reply": {}, "propose": {"cause": "delay"}}


async def test_every_route_of_the_apis_is_described_and_nothing_else(served):
    routes = {openapi.name_of(route): route for route in openapi.described_routes(served.app)}
    assert set(openapi.OPERATIONS) == set(routes)
    document = (await (await served.client()).get("/docs/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    operations = {o["operationId"]: (method, o) for path in document["paths"].values() for method, o in path.items()}
    assert set(operations) == set(routes)
    for name, (method, operation) in operations.items():
        assert {method.upper()} == set(routes[name].methods)
        assert operation["summary"]
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        path = next(p for p, methods in document["paths"].items() if operation in methods.values())
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert any(status < "300" for status in operation["responses"])


async def test_every_reference_leads_somewhere_and_every_schema_is_used(served):
    document = (await (await served.client()).get("/docs/openapi.json")).json()
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references == set(document["components"]["schemas"])
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    needed = {scheme for operation in operations for needs in operation.get("security", []) for scheme in needs}
    assert needed == set(document["components"]["securitySchemes"])


async def test_the_page_shows_every_operation_without_a_script(served):
    response = await (await served.client()).get("/docs", headers=BROWSER)
    page = Page(response)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "POST /api/v1/conversations/{conversation}/messages" in page.text
    ids = set(page.attributes("section", "id"))
    assert set(openapi.OPERATIONS) <= ids
    assert {h.removeprefix("#") for h in page.attributes("a", "href") if h.startswith("#")} <= {*ids, "isi"}


async def test_what_the_chat_api_says_fits_its_models(served, runtime):
    client = await served.client()
    begun = Begun.model_validate((await client.post("/api/v1/conversations")).json())
    address = f"/api/v1/conversations/{begun.conversation_id}/messages"
    client.headers["Authorization"] = f"Bearer {begun.token}"
    citizen = Citizen(runtime, begun.conversation_id)
    Stored.model_validate((await client.post(address, json={"text": "ktp sy ilang"})).json())
    await citizen.hears(answers("ktp_hilang"))
    place = {"location": {"latitude": -7.8, "longitude": 110.4}}
    Stored.model_validate((await client.post(address, json=place)).json())
    Stored.model_validate((await client.post(address, files={"file": ("a.png", picture())})).json())
    Consented.model_validate((await client.post(
        address.replace("messages", "consent"), json={"version": "1", "given": True})).json())
    await in_pieces(client, address)
    await turn.drain(runtime, citizen.id)
    await sending.dispatch(runtime, citizen.id)
    shown = Messages.model_validate((await client.get(address)).json())
    assert shown.case
    messages = shown.messages
    assert {m.kind for m in messages} == {"text", "location", "file"}
    assert any(m.answer for m in messages)
    assert any(m.case for m in messages)
    for refused in (await client.get(address, params={"after": "x"}), await client.post(address, json={})):
        Error.model_validate(refused.json())


async def in_pieces(client: httpx.AsyncClient, address: str) -> None:
    uploads, key, content = address.replace("messages", "uploads"), {"Idempotency-Key": "k"}, picture()
    begun = Uploading.model_validate((await client.post(
        uploads, json={"name": "b.png", "size": len(content)}, headers=key)).json())
    here = f"{uploads}/{begun.upload_id}"
    for offset in (0, 0):
        answer = await client.patch(here, content=content, headers={"Upload-Offset": str(offset)})
        (Uploading if answer.status_code == 200 else Error).model_validate(answer.json())
    assert Error.model_validate(answer.json()).received == len(content)
    assert Uploading.model_validate((await client.get(here)).json()).received == len(content)
    Stored.model_validate((await client.post(address, json={"upload": begun.upload_id}, headers=key)).json())


async def test_what_the_internal_api_says_fits_its_model(served, runtime):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("mau bicara petugas")
    response = await (await served.client()).post(
        "/internal/v1/cases", headers={"Authorization": f"Bearer {runtime.settings.internal_token}"},
        json={"conversation_id": str(citizen.id), "message_id": str(receipt.message_id), "reason": "asked_for_officer"},
    )
    CaseOpened.model_validate(response.json())


async def test_what_the_officers_api_says_fits_its_models(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.asks("zzz", UNSURE)
    number = (await citizen.case()).number
    desk = await served.desk(await citizen.officer())
    here = f"/api/v1/officer/cases/{number}"
    SignedIn.model_validate(said(await desk.get("/api/v1/officer/session")))
    assert CaseLines.model_validate(said(await desk.get("/api/v1/officer/cases"))).cases
    Acted.model_validate(said(await desk.post(f"{here}/takeover")))
    for act in CAUSE:
        Spoke.model_validate(said(await desk.post(f"{here}/{act}", json={"text": "Kami ubah hari ini.", **CAUSE[act]})))
    full = FullCase.model_validate(said(await desk.get(here)))
    assert full.messages
    assert full.events
    assert full.items
    Acted.model_validate(said(await desk.post(f"{here}/hand_back")))
    head = await served.desk(await person(runtime, "head", "kependudukan"))
    there = Candidates.model_validate(said(await head.get(f"{here}/colleagues"))).colleagues
    to = next(one for one in there if one.id != full.officer.id)
    given = {"officer_id": to.id, "reason": "Lebih paham.", "held_by": full.officer.id}
    moved = Acted.model_validate(said(await head.post(f"{here}/reassign", json=given)))
    assert moved.case.officer.id == to.id
    given["officer_id"] = full.officer.id  # and it is no longer with whom the caller believes
    Error.model_validate((late := await head.post(f"{here}/reassign", json=given)).json())
    assert late.status_code == 409
    topic = "/api/v1/officer/topics/ktp_hilang"
    Published.model_validate(said(await head.post(f"{topic}/suspend", json={"reason": "salah"})))
    Published.model_validate(said(await head.post(f"{topic}/republish")))


def said(response: httpx.Response) -> object:
    assert response.status_code == 200, response.text
    return response.json()

"""P11: a copy of one's own data, by a link that works once and for a short while, complete and of nobody else."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from handoff.services.attachments import files
from handoff.services.case import verbs
from handoff.services.rights import erasing
from handoff.services.talk import conversations as talk
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema_rights import data_events
from tests.support.case_page import browser, sent
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import officer_row, picture
from tests.support.pages import BROWSER, Page

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WORDS = "Kampung Randublatung"


async def says(citizen: Citizen, text: str) -> dict[str, Any]:
    receipt = await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return (await citizen.sees(after=receipt.seq))[-1]


async def with_everything(runtime: Any) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(f"KTP saya hilang di {WORDS}", answers("ktp_hilang"))
    await citizen.asks("zzz", UNSURE)
    case = await citizen.case()
    owner = await officer_row(runtime, case.officer_id)
    await desk.case_in_full(runtime, owner, case.number)
    await verbs.reply(runtime, owner, case.id, "Sedang saya cek, Bu.")
    await verbs.note(runtime, owner, case.id, "catatan antar petugas")
    for inbound in (
        Inbound("contact", {"email": "sumarni@contoh.id"}),
        Inbound("location", {"location": {"latitude": -7.8, "longitude": 110.4}}),
        Inbound("file", {"text": ""}, files=(files.keep(
            runtime, await talk.data_key_of(runtime, citizen.id), "ktp.png", picture()),)),
    ):
        await inbox.receive(runtime, citizen.id, inbound)
        await turn.drain(runtime, citizen.id)
    return citizen


async def link(citizen: Citizen) -> str:
    """The address of the copy, without the office's name."""
    found = re.search(r"/data/[\w-]+", (await says(citizen, "unduh data saya"))["text"])
    assert found
    return found.group()


async def opened(served: Any, citizen: Citizen) -> httpx.AsyncClient:
    """A browser in which the link was used."""
    client = await served.client()
    client.headers.update(BROWSER)
    used = await client.post(await link(citizen))
    assert (used.status_code, used.headers["location"]) == (303, "/data/")
    return client


async def test_p11_everything_of_the_citizen_is_in_it_to_read_and_for_programs(served, runtime):
    citizen = await with_everything(runtime)
    case = await citizen.case()
    owner = await officer_row(runtime, case.officer_id)
    client = await opened(served, citizen)
    page = Page(await client.get("/data/"))
    for expected in (WORDS, "sumarni@contoh.id", "Sedang saya cek, Bu.", case.number, owner.name, "ktp.png",
                     "membuka percakapan dan kasus", "-7.8, 110.4"):
        assert expected in page.text
    got = await client.get("/data/data-saya.zip")
    assert got.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(got.content))
    assert archive.namelist() == ["data.json", "baca.html", "berkas/001-ktp.png"]
    assert archive.read("berkas/001-ktp.png").startswith(b"\x89PNG")
    facts = json.loads(archive.read("data.json"))
    assert [one["value"] for one in facts["addresses"]] == ["sumarni@contoh.id"]
    assert [look["officer"]["name"] for look in facts["looks"]] == [owner.name]
    assert facts["cases"][0]["number"] == case.number
    said = [m["text"] for one in facts["conversations"] for m in one["messages"]]
    assert f"KTP saya hilang di {WORDS}" in said
    for whole in (page.text, json.dumps(facts), archive.read("baca.html").decode()):
        assert "catatan antar petugas" not in whole
        assert "?k=" not in whole
        assert not re.search(r"/data/[\w-]{16}", whole)


async def test_p11_the_link_works_once_and_only_by_its_button_and_for_half_an_hour(served, runtime, clock):
    citizen = await with_everything(runtime)
    address = await link(citizen)
    preview = await served.client()
    preview.headers.update(BROWSER)
    for _ in range(2):
        assert "Buka di perangkat ini" in (await preview.get(address)).text
    first = await served.client()
    used = await first.post(address)
    cookie = used.headers["set-cookie"]
    assert ("HttpOnly" in cookie, "SameSite=Strict" in cookie, "Path=/data" in cookie) == (True, True, True)
    second = await served.client()
    assert (await second.post(address)).status_code == 404
    assert (await second.get("/data/")).status_code == 403
    assert (await second.get("/data/data-saya.zip")).status_code == 403
    assert (await first.get("/data/")).status_code == 200
    clock.forward(timedelta(minutes=30))
    assert (await first.get("/data/")).status_code == 403
    late = await link(citizen)
    clock.forward(timedelta(minutes=31))
    assert (await first.get(late)).status_code == 404
    assert (await first.post(late)).status_code == 404


async def test_it_is_shut_on_this_device(served, runtime):
    client = await opened(served, await with_everything(runtime))
    assert "tidak terbuka lagi" in (await client.post("/data/selesai")).text
    client.cookies.clear()
    assert (await client.get("/data/")).status_code == 403


async def test_nobody_gets_more_than_some_links_an_hour(runtime, clock):
    citizen = await with_everything(runtime)
    for _ in range(5):
        await link(citizen)
    assert "Coba lagi nanti" in (await says(citizen, "unduh data saya"))["text"]
    clock.forward(timedelta(hours=1))
    await link(citizen)


async def test_every_use_is_written_down(served, runtime):
    citizen = await with_everything(runtime)
    client = await opened(served, citizen)
    await client.get("/data/")
    await client.get("/data/data-saya.zip")
    async with db.transaction(runtime.pool) as connection:
        kinds = (await connection.execute(select(data_events.c.kind).order_by(data_events.c.at))).scalars().all()
    assert sorted(kinds) == ["copy_asked", "copy_opened", "copy_read", "copy_taken"]


async def test_p11_another_citizens_words_are_not_in_it(served, runtime):
    other = await Citizen.arrives(runtime)
    await other.asks("rahasia orang lain", UNSURE)
    client = await opened(served, await with_everything(runtime))
    got = zipfile.ZipFile(io.BytesIO((await client.get("/data/data-saya.zip")).content))
    assert "rahasia orang lain" not in got.read("data.json").decode()


async def test_p11_erased_the_copy_is_shut_and_the_receipt_says_so(served, runtime, clock):
    runtime = dataclasses.replace(runtime, bot=_NoRasa())
    citizen = await with_everything(runtime)
    client = await opened(served, citizen)
    question = await says(citizen, "hapus data saya")
    await inbox.receive(runtime, citizen.id, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    await turn.drain(runtime, citizen.id)
    receipt = re.search(r"/data/bukti/[\w-]+", (await citizen.sees())[-1]["text"])
    assert receipt
    assert "Data belum dihapus" in Page(await client.get(receipt.group())).text
    clock.forward(timedelta(hours=24))
    await erasing.carry_out_due(runtime)
    page = Page(await client.get(receipt.group()))
    assert "Data sudah dihapus" in page.text
    assert "1 berkas, 1 alamat" in page.text
    assert (await client.get("/data/")).status_code == 403
    assert (await client.get("/data/bukti/tidakada")).status_code == 404


class _NoRasa:
    async def forget(self, _: Any) -> None:
        """Nothing was remembered."""

    async def close(self) -> None:
        """Nothing is open."""


async def test_p11_on_the_page_of_a_case_without_a_script(served, runtime, clock):
    runtime = dataclasses.replace(runtime, bot=_NoRasa())
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(f"zzz {WORDS}", UNSURE)
    client, page = await browser(served, citizen)

    async def presses(page: Page, title: str) -> Page:
        form, (_, name, value) = next((f, b) for f in page.forms for b in f.buttons if b[0] == title)
        stored = await client.post(form.action, data={**form.fields, name: value}, follow_redirects=False)
        assert stored.status_code == 303
        await turn.drain(runtime, citizen.id)
        return Page(await client.get(stored.headers["location"]))

    page = await presses(page, "Lihat atau hapus")
    assert "Siapa yang sudah melihat" in page.text
    page = await presses(page, "Hapus data saya")
    page = await presses(page, "Batalkan dan hapus")
    assert "Diminta agar data Anda dihapus" in page.text
    clock.forward(timedelta(hours=24))
    await erasing.carry_out_due(runtime)
    after = Page(await client.get(await _path(citizen)))
    assert WORDS not in after.text
    assert "Data ini telah dihapus atas permintaan warga." in after.text
    assert not [form for form in after.forms if "pesan" in form.fields]
    assert (await sent(client, page, "halo?")).status_code == 404  # from a page that was open already
    pdf = await client.get(f"{await _path(citizen)}/berkas.pdf")
    assert pdf.status_code == 200


async def _path(citizen: Citizen) -> str:
    return f"/kasus/{(await citizen.case()).number}"


async def test_p11_who_took_consent_back_may_still_see_and_erase(served, runtime):
    begun = await talk.begin(runtime, consent="2026-11")
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {begun.token}"
    here = f"/api/v1/conversations/{begun.conversation_id}"
    await client.post(f"{here}/consent", json={"version": "2026-11", "given": False})
    assert (await client.post(f"{here}/messages", json={"text": "halo"})).status_code == 403
    assert (await client.post(f"{here}/messages", json={"text": "hapus data saya"})).status_code == 202
    assert (await client.post(f"{here}/messages", json={"payload": "data:see"})).status_code == 202
    assert (await client.post(f"{here}/messages", json={"payload": "data:erase_yes:x"})).status_code == 422
    photo = {"files": {"file": ("a.png", picture())}, "data": {"text": "hapus data saya"}}
    assert (await client.post(f"{here}/messages", **photo)).status_code == 403


async def test_p11_an_erased_conversation_is_gone_for_its_token_too(served, runtime, clock):
    runtime = dataclasses.replace(runtime, bot=_NoRasa())
    begun = await talk.begin(runtime)
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {begun.token}"
    here = f"/api/v1/conversations/{begun.conversation_id}"
    citizen = Citizen(runtime, begun.conversation_id)
    question = await says(citizen, "hapus data saya")
    await client.post(f"{here}/messages", json={"payload": question["buttons"][0]["payload"]})
    await turn.drain(runtime, citizen.id)
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1
    served.app.ctx.doorkeeper._known.clear()  # at most some seconds old
    gone = await client.get(f"{here}/messages")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "erased")

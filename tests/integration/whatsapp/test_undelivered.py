"""What did not reach the citizen's WhatsApp is told to the officer: in words, with its age, wherever the case is seen;
and until when a reply reaches it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import intake, outcome, sending
from handoff.services.views import desk, leading, lists
from handoff.services.views.lists import Wanted
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_invitations
from handoff.texts import Texts
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.console import browser, does, opened
from tests.support.line import later, replies, told, writes
from tests.support.office import officer_row, person
from tests.support.pages import Page
from tests.support.whatsapp import SENDER, delivery, value

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]

# How the sentence on the message begins, and what it tells to do, by the code of the refusal.
TOLD = {
    131026: ("Tidak sampai: nomor ini tidak bisa menerima", "Hubungi warga dengan cara lain"),
    131048: ("Tidak sampai: WhatsApp sedang membatasi", "coba lagi besok"),
    131049: ("Tidak sampai: WhatsApp sedang membatasi", "coba lagi besok"),
    130472: ("Tidak sampai: WhatsApp sedang membatasi", "coba lagi besok"),
    100: ("Tidak sampai karena kesalahan di sistem kantor", "(kode 100). Beri tahu pengelola sistem"),
    131008: ("Tidak sampai karena kesalahan di sistem kantor", "(kode 131008). Beri tahu pengelola sistem"),
    132001: ("Tidak sampai karena kesalahan di sistem kantor", "(kode 132001). Beri tahu pengelola sistem"),
    4711: ("Tidak sampai: WhatsApp menolaknya (kode 4711)", "Hubungi warga dengan cara lain"),
}


async def case_of(runtime: Any, graph: Any) -> tuple[Citizen, Any, Any]:
    """A citizen who has written just now, and has a case."""
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    return citizen, case, await officer_row(runtime, case.officer_id)


async def last(runtime: Any, officer: Any, case: Any) -> tuple[str, str | None]:
    """The newest message as the officers' API gives it: where it stands, and why it has not come to hand."""
    shown = (await desk.case_in_full(runtime, officer, case.number))["messages"][-1]
    return shown["delivery"], shown["delivery_reason"]


async def marked(runtime: Any, officer: Any) -> str | None:
    (line,) = await lists.queue(runtime, officer, Wanted())
    return line["undelivered_for"]


async def test_a_failure_is_told_in_words_with_what_to_do_until_a_reply_comes_to_hand(served, runtime, graph, api):
    citizen, case, officer = await case_of(runtime, graph)
    client = await browser(served, officer)
    for code, (begin, advice) in TOLD.items():
        api.troubles = [(400, code)]
        await replies(runtime, citizen, officer, case, f"Balasan {code}.")
        await sending.post_due(runtime, graph, citizen.id)
        stands, reason = await last(runtime, officer, case)
        assert stands == "failed"
        assert reason is not None
        assert reason.startswith(begin)
        assert advice in reason
        assert reason in (await opened(client, case.number)).text
    answer = await client.get(f"/api/v1/officer/cases/{case.number}", headers={"Accept": "application/json"})
    assert answer.json()["messages"][-1]["delivery_reason"] == reason
    assert answer.json()["undelivered_reply"]["age"] == "kurang dari 1 jam kerja"
    for address in ("/petugas", "/petugas?lingkup=unit"):
        assert "Belum tersampaikan kurang dari 1 jam kerja" in Page(await client.get(address)).text
    await replies(runtime, citizen, officer, case, "Balasan yang sampai.")
    await sending.post_due(runtime, graph, citizen.id)
    await told(runtime, api, names=("delivered",))
    assert await last(runtime, officer, case) == ("delivered", None)
    assert await marked(runtime, officer) is None
    assert "Belum tersampaikan" not in (await opened(client, case.number)).text


async def test_what_waits_for_the_number_or_for_a_quieter_hour_says_so(runtime, graph, api, clock, monkeypatch):
    monkeypatch.setattr(outcome, "PAIR", timedelta(seconds=6))
    citizen, case, officer = await case_of(runtime, graph)
    await replies(runtime, citizen, officer, case, "Satu.")
    assert await last(runtime, officer, case) == ("stored", None)  # on its way: nothing to tell
    assert await marked(runtime, officer) is None
    await later(runtime, 6)
    api.troubles = [(500, 131000), (401, 190)]
    await sending.post_due(runtime, graph, citizen.id)
    assert "dicoba lagi sendiri" in ((await last(runtime, officer, case))[1] or "")
    assert await marked(runtime, officer) == "kurang dari 1 jam kerja"
    await later(runtime, 60)
    await sending.post_due(runtime, graph, citizen.id)
    assert "nomor WhatsApp kantor sedang berhenti" in ((await last(runtime, officer, case))[1] or "")
    await later(runtime, 301)
    await sending.post_due(runtime, graph, citizen.id)
    assert await last(runtime, officer, case) == ("sent", None)
    clock.forward(timedelta(hours=24))
    assert "belum ada tanda sampai" in ((await last(runtime, officer, case))[1] or "")


async def test_the_page_tells_until_when_a_reply_arrives_at_once_and_the_server_decides(
    served, runtime, graph, api, clock
):
    citizen, case, officer = await case_of(runtime, graph)
    clock.forward(timedelta(hours=23, minutes=30))
    client = await browser(served, officer)
    page = await opened(client, case.number)
    assert "Balasan langsung sampai di WhatsApp warga sampai Rabu, 25 November 2026 pukul 10.00 WIB" in page.text
    (window,) = [given for _, given in page.tags if given.get("id") == "jendela"]
    assert window["data-left"] == "1800"
    clock.forward(timedelta(minutes=30))  # the page is old: it still says that the window is open
    api.open_for.clear()
    done = Page(await does(client, page, "takeover"))
    done = Page(await does(client, page, "reply", "Berkas Anda sudah lengkap."))
    assert "Sudah lebih dari 24 jam sejak warga menulis" in done.text
    assert "sudah ada di halaman kasus" in done.text
    await sending.post_due(runtime, graph, citizen.id)
    assert api.refused == []
    assert (await last(runtime, officer, case))[0] == "waiting_window"
    assert done.attributes("span", "role").count("timer") == 0
    assert "sudah ada di halaman kasus. Di WhatsApp warga diberi tahu dengan pesan templat" in done.text


async def test_p02_an_undelivered_reply_shows_its_age_in_working_time_and_what_became_of_the_template(
    served, runtime, graph, api, clock
):
    citizen, case, officer = await case_of(runtime, graph)
    clock.forward(timedelta(hours=24))
    api.open_for.clear()
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    said = []
    await sending.post_due(runtime, graph, citizen.id)
    said.append((await last(runtime, officer, case))[1])
    ticket = api.accepted[-1]["biz_opaque_callback_data"]
    for name in ("delivered", "read"):
        one = whatsapp.status("wamid.t", name, ticket)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
        said.append((await last(runtime, officer, case))[1])
    texts = [Texts.load().say(f"delivery.window.{name}") for name in ("accepted", "delivered", "read")]
    assert said == texts
    head = await person(runtime, "head", "kependudukan")
    for hours, age in ((3, "3 jam kerja"), (28, "1 hari kerja"), (72, "2 hari kerja")):
        clock.forward(timedelta(hours=hours))
        assert await marked(runtime, officer) == age
        board = await leading.board(runtime, head)
        assert [line["undelivered_for"] for holder in board.holders for line in holder.lines] == [age]
    client, lead = await browser(served, officer), await browser(served, head)
    page = await opened(client, case.number)
    assert "Belum tersampaikan 2 hari kerja , sejak Rabu, 25 November 2026 pukul 10.00 WIB" in page.text
    assert "Warga sudah membaca pemberitahuan dengan pesan templat, tetapi belum menulis lagi." in page.text
    assert "Belum tersampaikan 2 hari kerja" in Page(await client.get("/petugas")).text
    assert "Belum tersampaikan 2 hari kerja" in Page(await lead.get("/petugas/papan")).text
    api.open_for.add(SENDER)
    await writes(runtime, "ya", at=int(clock().timestamp()))
    await sending.post_due(runtime, graph, citizen.id)
    await told(runtime, api, names=("delivered",))
    assert await marked(runtime, officer) is None


async def test_a_refused_template_says_that_the_citizen_knows_nothing_yet(runtime, graph, api, clock):
    citizen, case, officer = await case_of(runtime, graph)
    clock.forward(timedelta(hours=24))
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    api.troubles = [(400, 131026)]
    await sending.post_due(runtime, graph, citizen.id)
    assert "warga belum tahu ada pesan ini" in ((await last(runtime, officer, case))[1] or "")
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_invitations.c.code))).scalars().all() == [131026]

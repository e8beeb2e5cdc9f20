"""P8: who leads suspends an answer and has it given again on a page that needs no script; nobody else does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from handoff.services.talk import publications
from handoff.store import db
from handoff.store.schema_desk import publication_events
from handoff.store.schema_desk import publications as rows
from tests.support.citizen import Citizen, answers
from tests.support.console import browser
from tests.support.office import person
from tests.support.pages import Page

# What a page shows does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
TOPIC, WHY = "ktp_hilang", "Biayanya keliru <b>tebal</b>."
HERE = f"/petugas/jawaban/{TOPIC}"


async def disputed(runtime: Any) -> tuple[Citizen, str]:
    """A citizen who disputed the answer, and their case's number."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp saya hilang", answers(TOPIC))
    await citizen.taps(next(b["title"] for m in await citizen.sees() for b in m["buttons"]
                            if b["payload"].startswith("dispute:")))
    return citizen, (await citizen.case()).number


async def state(runtime: Any) -> tuple[bool, str | None] | None:
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(select(rows).where(rows.c.topic == TOPIC))).one_or_none()
    return (row.suspended, row.reason) if row else None


async def changes(runtime: Any) -> list[tuple[bool, str | None]]:
    async with db.transaction(runtime.pool) as connection:
        return [(one.suspended, one.reason) for one in (await connection.execute(
            select(publication_events).order_by(publication_events.c.epoch))).all()]


async def test_p08_from_a_dispute_to_the_suspension_and_back_with_a_reason_for_each(served):
    citizen, number = await disputed(served.runtime)
    boss = await person(served.runtime, "supervisor")
    client = await browser(served, boss)
    assert "/petugas/jawaban" in (await client.get("/petugas/papan")).text
    case = await client.get(f"/petugas/kasus/{number}")
    assert f'href="{HERE}?kasus={number}"' in case.text
    overview = Page(await client.get("/petugas/jawaban"))
    assert "Tidak ada jawaban yang sedang ditahan." in overview.text
    assert "Dibantah di 1 kasus" in overview.text
    opened = await client.get(f"{HERE}?kasus={number}")
    assert f'<option value="{number}" selected>' in opened.text  # the case that it was opened from is chosen
    page = Page(opened)
    assert "Jawaban ini diberikan kepada warga yang bertanya." in page.text
    told = next(m["text"] for m in await citizen.sees() if m["answer"])
    assert " ".join(told.split())[:60] in " ".join(page.text.split())
    form = page.form("alasan")
    empty = await client.post(form.action, data={**form.fields, "alasan": "  \n"})
    assert (empty.status_code, "Tulis dulu alasannya." in empty.text) == (422, True)
    assert await state(served.runtime) is None
    done = await client.post(form.action, data={**form.fields, "alasan": WHY, "kasus": number})
    assert (done.status_code, done.url.path) == (200, HERE)
    assert "<b>tebal" not in done.text
    assert await state(served.runtime) == (True, WHY)
    held = Page(done)
    assert "Jawaban ini sekarang ditahan" in held.text
    assert f"Terbukti keliru dari bantahan di kasus {number}" in " ".join(held.text.split())
    assert boss.name in held.text
    listed = Page(await client.get("/petugas/jawaban")).text
    for part in (WHY, number, boss.name):
        assert part in listed
    other = await Citizen.arrives(served.runtime)
    await other.asks("ktp saya hilang", answers(TOPIC))
    assert (await other.case()).reason == "suspended_answer"
    form = held.form("alasan")
    assert form.action == f"{HERE}/terbit"
    assert (await client.post(form.action, data={**form.fields, "alasan": ""})).status_code == 422
    again = await client.post(form.action, data={**form.fields, "alasan": "Biaya di katalog sudah dibetulkan."})
    assert "Jawaban ini sekarang diberikan lagi." in again.text
    assert await changes(served.runtime) == [(True, WHY), (False, "Biaya di katalog sudah dibetulkan.")]
    twice = await client.post(form.action, data={**form.fields, "alasan": "Sekali lagi."})
    assert (twice.status_code, "tidak sedang ditahan" in twice.text) == (409, True)


async def test_a_suspension_that_the_officer_has_not_read_is_not_taken_back(served):
    boss = await person(served.runtime, "supervisor")
    await publications.suspend(served.runtime, boss, TOPIC, "biaya")
    client = await browser(served, boss)
    form = Page(await client.get(HERE)).form("alasan")
    await publications.suspend(served.runtime, boss, TOPIC, "syaratnya juga")
    late = await client.post(form.action, data={**form.fields, "alasan": "Biaya sudah benar."})
    assert late.status_code == 409
    page = Page(late)
    assert "syaratnya juga" in page.text  # the newer reason stands there now,
    assert "Biaya sudah benar." in page.text  # and what was typed
    assert await state(served.runtime) == (True, "syaratnya juga")


async def test_only_a_case_that_disputed_this_answer_can_be_named(served):
    _, number = await disputed(served.runtime)
    client = await browser(served, await person(served.runtime, "supervisor"))
    form = Page(await client.get("/petugas/jawaban/kk_baru")).form("alasan")
    assert "kasus" not in form.fields
    named = await client.post(form.action, data={**form.fields, "alasan": WHY, "kasus": number})
    assert named.status_code == 404
    assert await changes(served.runtime) == []


async def test_a_number_of_a_case_is_shown_to_who_may_see_the_case(served):
    """Each head sees why an answer is suspended, but not another unit's cases."""
    _, number = await disputed(served.runtime)
    client = await browser(served, await person(served.runtime, "supervisor"))
    form = Page(await client.get(f"{HERE}?kasus={number}")).form("alasan")
    await client.post(form.action, data={**form.fields, "alasan": WHY, "kasus": number})
    for unit, sees in (("kependudukan", True), ("sosial", False)):
        head = await browser(served, await person(served.runtime, "head", unit))
        for address in (HERE, "/petugas/jawaban"):
            page = await head.get(address)
            assert WHY.split()[0] in page.text
            assert (number in page.text) == sees


async def test_an_unknown_topic_and_a_broken_form_are_told_plainly(served):
    client = await browser(served, await person(served.runtime, "supervisor"))
    assert (await client.get("/petugas/jawaban/tidak_ada")).status_code == 404
    form = Page(await client.get(HERE)).form("alasan")
    for address, data, status in (
        ("/petugas/jawaban/tidak_ada/tahan", {**form.fields, "alasan": WHY}, 404),
        (f"{HERE}/terbit", {**form.fields, "alasan": WHY, "tahap": "x" * 40}, 404),
        (f"{HERE}/tahan", {**form.fields, "alasan": WHY, "tanda": "x"}, 403),
    ):
        assert (await client.post(address, data=data)).status_code == status
    assert await changes(served.runtime) == []


@pytest.mark.parametrize(("role", "looks", "acts"), [
    ("supervisor", 200, 303), ("head", 200, 303), ("officer", 403, 403), ("inspector", 403, 403),
    ("data_officer", 403, 403), ("auditor", 403, 403), ("admin", 403, 403), (None, 303, 401),
])
async def test_role_by_route(served, role, looks, acts):
    client = await browser(served, await person(served.runtime, role) if role else None)
    token = Page(await client.get("/petugas/kata-sandi")).form("tanda").fields["tanda"]
    client.follow_redirects = False
    for address in ("/petugas/jawaban/", HERE):
        assert (await client.get(address)).status_code == looks
    given = {"tanda": token, "alasan": WHY, "tahap": "1"}
    assert (await client.post(f"{HERE}/tahan", data=given)).status_code == acts
    assert (await client.post(f"{HERE}/terbit", data=given)).status_code == acts
    assert len(await changes(served.runtime)) == (2 if acts == 303 else 0)

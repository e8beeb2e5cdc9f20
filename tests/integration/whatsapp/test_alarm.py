"""A number that Meta stops calls the operator: in the figures, by mail, in the console, until it sends again."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import update

from handoff.channels.whatsapp import sending
from handoff.services.post import mail
from handoff.store import db
from handoff.store.schema import officers
from tests.support.citizen import UNSURE
from tests.support.console import browser
from tests.support.line import CHOICE, later, tells, told, writes
from tests.support.mailbox import mailbox
from tests.support.office import person
from tests.support.pages import Page
from tests.support.whatsapp import NUMBER, OTHER_NUMBER

# What is told does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]


@pytest.fixture
def box():
    with mailbox() as box:
        yield box


@pytest.fixture
def settings(settings, box):
    """And a mail server."""
    return dataclasses.replace(settings, smtp_url=box.url, smtp_from="wajah@contoh.go.id")


async def figures(client) -> dict[str, float]:
    """The figures of `/metrics` about WhatsApp."""
    lines = (await client.get("/metrics")).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("wajah_whatsapp"))
    return {name.removeprefix("wajah_whatsapp_"): float(number) for name, number in pairs}


async def test_a_stopped_number_calls_the_operator_once_by_every_way_until_it_sends_again(
    served, runtime, graph, api, box
):
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).values(email=officers.c.login + "@contoh.go.id"))
    admin, head = await person(runtime, "admin"), await person(runtime, "head", "kependudukan")
    pages = {who.role: await browser(served, who) for who in (
        admin, await person(runtime, "supervisor"), head, await person(runtime, "officer", "kependudukan"))}
    anybody = await served.client()

    async def warned() -> set[str]:
        shown = {role: Page(await client.get("/petugas")).text for role, client in pages.items()}
        return {role for role, words in shown.items() if f"Nomor WhatsApp {NUMBER} berhenti mengirim sejak" in words}

    assert (await anybody.get("/readyz")).json()["whatsapp"] == "ok"
    assert (await figures(anybody))[f'stopped{{number="{NUMBER}"}}'] == 0
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu", "dua", buttons=CHOICE)
    api.token = "a new one"
    for _ in range(3):
        await sending.post_due(runtime, graph, citizen.id)
        await later(runtime, 301)
    ready = await anybody.get("/readyz")
    assert (ready.status_code, ready.json()["whatsapp"]) == (200, "stopped")
    now = await figures(anybody)
    assert now[f'stopped{{number="{NUMBER}"}}'] == 1
    assert now[f'stopped{{number="{OTHER_NUMBER}"}}'] == 0
    assert (now['waiting{for="number"}'], now['sends{outcome="waiting"}']) == (2, 1)
    assert await warned() == {"admin", "supervisor"}
    await mail.send_due(runtime)
    await mail.send_due(runtime)
    ((to, letter),) = box.received
    assert to == f"{admin.login}@contoh.go.id"
    assert letter["Subject"] == "Wajah: nomor WhatsApp berhenti mengirim"
    words = letter.get_content()
    assert f"Nomor WhatsApp {NUMBER} berhenti mengirim" in words
    assert "kode 190" in words
    assert "python -m handoff whatsapp check" in words
    api.token = "token"
    await sending.post_due(runtime, graph, citizen.id)
    assert (await anybody.get("/readyz")).json()["whatsapp"] == "ok"
    now = await figures(anybody)
    assert now[f'stopped{{number="{NUMBER}"}}'] == 0
    assert (now['sends{outcome="sent"}'], now['waiting{for="number"}']) == (2, 0)
    assert await warned() == set()
    await mail.send_due(runtime)
    assert len(box.received) == 1
    api.token = "revoked again"
    await tells(runtime, citizen.id, "tiga")
    await sending.post_due(runtime, graph, citizen.id)
    await mail.send_due(runtime)
    assert len(box.received) == 2  # another stop is told again


async def test_the_figures_tell_what_waits_for_citizens_and_since_when(served, runtime, graph, api, clock):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    await told(runtime, api, names=("sent", "delivered"))
    clock.forward(timedelta(hours=24))
    await tells(runtime, citizen.id, "satu", "dua")
    await sending.post_due(runtime, graph, citizen.id)
    clock.forward(timedelta(hours=2))
    now = await figures(await served.client())
    assert (now['waiting{for="window"}'], now['waiting{for="number"}']) == (2, 0)
    assert now["oldest_waiting_seconds"] == 7200
    assert now['sends{outcome="delivered"}'] >= 1


async def test_without_the_channel_nothing_of_it_is_told(runtime, clock, settings):
    from tests.support.office import serving

    bare = dataclasses.replace(settings, whatsapp=None)
    async with serving(bare, clock, runtime) as without:
        client = await without.client()
        assert "whatsapp" not in (await client.get("/readyz")).json()
        assert await figures(client) == {"oldest_waiting_seconds": 0, "templates_refused": 0}

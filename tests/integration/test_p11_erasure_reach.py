"""P11: how far erasing reaches: everything joined, a report only from its own page, nothing that came afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from handoff.services.case import joining
from handoff.services.case.cases import key_of
from handoff.services.deadlines.clocks import promises
from handoff.services.errors import Forbidden
from handoff.services.rights import erasing
from handoff.services.talk import conversations as conversation
from handoff.services.talk import inbox, turn
from handoff.services.talk.answering import open_for_bot
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import cases, consents, contacts, conversations, data_keys
from handoff.store.schema_rights import data_events, erasures
from handoff.web.limits import Buckets
from handoff.web.streams import HEARTBEAT_SECONDS
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.erased import found
from tests.support.office import officer_row, person
from tests.support.pages import BROWSER
from tests.support.rasa import with_bot

# What is kept and destroyed does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
BRIBE = "lapor, pak Bonar minta uang 200rb biar ktp cepat"


class NoRasa:
    async def forget(self, _: Any) -> None:
        """Nothing was remembered."""

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def runtime(runtime):
    """The use cases, with no Rasa that could remember anything."""
    return dataclasses.replace(with_bot(runtime, "http://127.0.0.1:9"), bot=NoRasa())


async def says(citizen: Citizen, text: str) -> dict[str, Any]:
    receipt = await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return (await citizen.sees(after=receipt.seq))[-1]


async def gives(citizen: Citizen, inbound: Inbound) -> None:
    await inbox.receive(citizen.runtime, citizen.id, inbound)
    await turn.drain(citizen.runtime, citizen.id)


async def erases(citizen: Citizen, clock: Any) -> int:
    """The citizen says so, a day passes, the worker comes by."""
    question = await says(citizen, "hapus data saya")
    await gives(citizen, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    clock.forward(timedelta(hours=24))
    return await erasing.carry_out_due(citizen.runtime)


async def of_conversation(runtime: Any, conversation_id: Any) -> Any:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(
            select(conversations, data_keys.c.wrapped).join(data_keys, data_keys.c.id == conversations.c.data_key_id)
            .where(conversations.c.id == conversation_id)
        )).one()


async def test_p11_what_was_joined_goes_with_it_and_so_does_the_address_that_was_left_behind(
    runtime, clock, database, settings
):
    first, second = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    for citizen in (first, second):
        await citizen.asks("zzz", UNSURE)
        await gives(citizen, Inbound("contact", {"email": "sumarni@contoh.id"}))
    case = await first.case()
    await joining.join(runtime, second.id, case.number, key_of(runtime, case.id, case.key_version))
    address = {"address": runtime.keyring.blind("contact-email", "sumarni@contoh.id")}
    assert len(found(database.superuser_url, settings.home, address)) == 2
    question = await says(second, "hapus data saya")
    assert {case.number, (await second.case()).number} <= set(question["text"].replace("(", " ").split())
    await gives(second, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1
    for citizen in (first, second):
        assert (await of_conversation(runtime, citizen.id)).wrapped is None
        assert (await citizen.case()).closed_reason == "withdrawn"
    assert found(database.superuser_url, settings.home, address) == []
    async with db.transaction(runtime.pool) as connection:
        assert {row.value_enc for row in (await connection.execute(select(contacts))).all()} == {b""}


async def test_p11_somebody_elses_data_stay(runtime, clock):
    mine, theirs = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    await theirs.asks("punya orang lain", UNSURE)
    await mine.asks("KTP saya hilang", answers("ktp_hilang"))
    assert await erases(mine, clock) == 1
    assert (await theirs.sees())[0]["text"] == "punya orang lain"
    assert (await theirs.case()).status == "assigned"


async def test_p11_a_report_is_not_erased_with_its_reporter_and_only_from_its_own_page(runtime, clock):
    reporter = await Citizen.arrives(runtime)
    await says(reporter, BRIBE)
    async with db.transaction(runtime.pool) as connection:
        report = (await connection.execute(select(cases).where(cases.c.reason == "confidential_report"))).one()
    question = await says(reporter, "hapus data saya")
    assert report.number not in question["text"]
    assert "Laporan rahasia, kalau pernah Anda buat, tidak ikut terhapus." in question["text"]
    await gives(reporter, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1
    inside = Citizen(runtime, report.conversation_id)
    assert (await inside.sees())[0]["text"] == BRIBE
    seen = await says(inside, "data saya")
    assert "Laporan rahasia tersimpan terpisah" not in seen["text"]
    assert report.number in seen["text"]
    assert await erases(inside, clock) == 1
    assert (await inside.sees())[0]["text"] == "Data ini telah dihapus atas permintaan warga."
    assert (await inside.case()).closed_reason == "withdrawn"


async def test_p11_nobody_else_knows_an_ordinary_citizen_asked_the_same_question(runtime):
    """What is said of reports is said to everybody, so it tells nothing."""
    said = await says(await Citizen.arrives(runtime), "hapus data saya")
    assert "Laporan rahasia, kalau pernah Anda buat" in said["text"]


async def test_nothing_is_joined_to_what_was_erased(runtime, clock):
    gone, new = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    await gone.asks("zzz", UNSURE)
    case = await gone.case()
    await erases(gone, clock)
    with pytest.raises(Forbidden):
        await joining.join(runtime, new.id, case.number, key_of(runtime, case.id, case.key_version))
    link = f"{runtime.settings.base_url}/kasus/{case.number}?k={key_of(runtime, case.id, case.key_version)}"
    await new.writes(f"ini {link}")
    await new.hears(answers("ktp_hilang"))
    assert not any("satu riwayat" in m["text"] for m in await new.sees())


async def test_what_only_the_bot_takes_for_it_goes_to_the_data_officer_with_the_button(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    receipt = await citizen.writes("anak saya menulis alamat kami di sini, tolong dihilangkan")
    facts = await open_for_bot(runtime, citizen.id, receipt.message_id, reason="asked_for_officer", topic=None,
                               answer_id=None, classification={"intent": "hapus_data", "confidence": 0.9})
    await turn.sending.dispatch(runtime, citizen.id)
    assert (await officer_row(runtime, facts.row.officer_id)).role == "data_officer"
    card = (await citizen.sees())[-1]
    assert "Itu bisa Anda hapus sendiri" in card["text"]
    assert "Hapus data saya" in [b["title"] for b in card["buttons"]]
    await citizen.taps("Hapus data saya")
    assert facts.row.number in (await citizen.sees())[-1]["text"]


async def test_stop_in_the_widget_stops_news_to_what_was_given_and_mulai_begins_it_again(runtime):
    citizen = await Citizen.arrives(runtime)
    (said,) = await citizen.asks("stop", answers("ktp_hilang"))  # nothing to stop: a word for the bot
    assert said["answer"] is not None
    await gives(citizen, Inbound("contact", {"email": "sumarni@contoh.id"}))

    async def reached() -> bool:
        async with db.transaction(runtime.pool) as connection:
            return (await connection.execute(select(contacts.c.refused_at))).scalar_one() is None
    assert "tidak mengirim kabar lagi" in (await says(citizen, "STOP."))["text"]
    assert not await reached()
    assert "dikirim lagi" in (await says(citizen, "mulai"))["text"]
    assert await reached()
    (said,) = await citizen.asks("tolong stop dulu antreannya", answers("ktp_hilang"))
    assert said["answer"] is not None
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(data_events.c.kind, data_events.c.detail))).all()
    assert sorted(map(tuple, rows)) == [("news_started", "mulai"), ("news_stopped", "stop")]


async def test_p11_consent_is_taken_back_in_words_and_the_case_goes_on(runtime):
    citizen = Citizen(runtime, (await conversation.begin(runtime, consent="2026-11")).conversation_id)
    await citizen.asks("zzz", UNSURE)
    said = await says(citizen, "cabut persetujuan saya")
    assert "pesan baru tidak kami simpan" in said["text"]
    assert [b["title"] for b in said["buttons"]] == ["Hapus data saya"]
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(consents.c.version, consents.c.given).order_by(consents.c.at))).all()
    assert sorted(map(tuple, rows)) == [("2026-11", False), ("2026-11", True)]
    with pytest.raises(Forbidden):
        await citizen.writes("halo")
    await citizen.taps("Hapus data saya")  # buttons and these words still work
    assert (await citizen.case()).status == "assigned"
    assert (await citizen.fates())[-2:] == ["command", "command"]


@pytest.mark.parametrize("path", ["/data/", "/data/data-saya.zip"])
@pytest.mark.parametrize("role", ["officer", "supervisor", "head", "inspector", "data_officer", "auditor", "admin"])
async def test_p11_no_officer_of_whatever_role_opens_a_copy(served, runtime, path, role):
    desk = await served.desk(await person(runtime, role))
    assert (await desk.get(path, headers=BROWSER)).status_code == 403


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/data/", 403), ("GET", "/data/data-saya.zip", 403), ("GET", "/data/" + "x" * 32, 404),
    ("POST", "/data/" + "x" * 32, 404), ("GET", "/data/bukti/" + "x" * 24, 404), ("POST", "/data/selesai", 200),
])
async def test_p11_nobody_without_a_secret_sees_anything(served, method, path, status):
    client = await served.client()
    client.headers.update(BROWSER)
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "private, no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_secrets_cannot_be_tried_for_long(served):
    client = await served.client()
    client.headers.update(BROWSER)
    served.app.ctx.address_buckets = Buckets(3, 0.001)
    tried = [(await client.get(f"/data/{number:032}")).status_code for number in range(4)]
    assert tried == [404, 404, 404, 429]


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_p07_what_nobody_answered_is_not_said_to_be_kept_when_its_citizen_ends_it(runtime, clock, how):
    """By a clock that goes on, as a real one does."""
    ticking = dataclasses.replace(runtime, clock=lambda: clock.forward(timedelta(microseconds=1)) or clock())
    citizen = await Citizen.arrives(ticking)
    await citizen.asks("zzz", UNSURE)
    if how == "withdrawn":
        await citizen.taps("Batalkan kasus")
    else:
        clock.set(clock() + timedelta(minutes=1))
        question = await says(citizen, "hapus data saya")
        await gives(citizen, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(erasures).values(due_at=clock()))
        assert await erasing.carry_out_due(ticking) == 1
    became = {one.became for one in await promises(ticking, await citizen.case())}
    assert became == {"dropped"}


@pytest.mark.parametrize("opening", [answers("ktp_hilang"), UNSURE], ids=["without a case", "with a case"])
async def test_p11_a_page_that_is_open_learns_of_it_at_once(served, runtime, clock, opening):
    begun = await conversation.begin(runtime)
    citizen = Citizen(runtime, begun.conversation_id)
    await citizen.asks("KTP saya hilang", opening)
    client = await served.client()
    client.headers["Authorization"] = f"Bearer {begun.token}"
    address = f"/api/v1/conversations/{begun.conversation_id}"
    async with client.stream("GET", f"{address}/events?cases=1") as page, asyncio.timeout(HEARTBEAT_SECONDS / 2):
        lines = page.aiter_lines()
        await anext(lines)
        assert await erases(citizen, clock) == 1
        assert (await client.get(f"{address}/messages")).status_code in (200, 410)  # where the token is still known
        async for _ in lines:
            pass  # until it ends
    assert (await client.get(f"{address}/messages")).status_code == 410

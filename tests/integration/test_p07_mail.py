"""News reaches people by e-mail (P7): through a real SMTP server, once, and never with a citizen's words in it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from handoff import jobs
from handoff.services.case import verbs
from handoff.services.deadlines import escalation
from handoff.services.post import mail, notices
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db, queue
from handoff.store.schema import contacts, conversations, officers
from handoff.store.schema_clocks import mails
from tests.support import waiting
from tests.support.mailbox import mailbox
from tests.support.office import officer_row, open_case, person

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")
WORDS = "anak saya sakit keras dan kartunya mati"
CITIZEN = "warga@contoh.id"


def wib(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WIB)


@pytest.fixture
def box():
    with mailbox() as box:
        yield box


@pytest.fixture
async def posting(runtime, box):
    """The runtime with a mail server, and an address for every officer."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).values(email=officers.c.login + "@contoh.go.id"))
    settings = dataclasses.replace(runtime.settings, smtp_url=box.url, smtp_from="wajah@contoh.go.id")
    return dataclasses.replace(runtime, settings=settings)


async def with_address(runtime, address: str = CITIZEN):
    case = await open_case(runtime, WORDS)
    await inbox.receive(runtime, case.conversation_id, Inbound("contact", {"email": address}))
    await turn.drain(runtime, case.conversation_id)
    return case


async def rows(runtime) -> list[tuple[str, int, str | None]]:
    async with db.transaction(runtime.pool) as connection:
        found = (await connection.execute(select(mails).order_by(mails.c.created_at))).all()
    return [(row.state, row.attempts, row.refusal) for row in found]


async def test_p07_officer_supervisor_and_citizen_are_mailed(posting, box, clock):
    case = await with_address(posting)
    officer, supervisor = await officer_row(posting, case.officer_id), await person(posting, "supervisor")
    clock.set(wib("11-24 10:30"))
    await escalation.once(posting)
    assert await mail.send_due(posting) == 1
    (reminder,) = box.to(officer.email or f"{officer.login}@contoh.go.id")
    assert case.number in reminder["Subject"]
    assert "separuh waktu untuk balasan pertama" in reminder.get_content()

    clock.set(wib("11-24 11:00"))
    await escalation.once(posting)
    assert await mail.send_due(posting) == 2
    assert "terlambat" in box.to(f"{supervisor.login}@contoh.go.id")[0].get_content()
    await verbs.reply(posting, officer, case.id, "Maaf menunggu. Kami ubah hari ini.")
    await mail.send_due(posting)
    news = [message.get_content() for message in box.to(CITIZEN)]
    assert len(news) == 2
    assert officer.name in news[1]
    assert all(f"/kasus/{case.number}?k=" in text for text in news)
    assert await mail.send_due(posting) == 0  # each of them once

    for _, message in box.received:
        whole = message.as_string() + message.get_content()
        for word in ("sakit keras", "kartunya", "Kami bantu sekarang"):
            assert word not in whole


async def test_p07_news_of_one_moment_is_one_mail(posting, box, clock):
    opened = [await open_case(posting) for _ in range(4)]
    clock.set(wib("12-10 10:00"))  # after an outage
    await escalation.once(posting)
    await mail.send_due(posting)
    supervisor = await person(posting, "supervisor")
    (letter,) = box.to(f"{supervisor.login}@contoh.go.id")
    assert "4 kasus" in letter["Subject"]
    assert all(case.number in letter.get_content() for case in opened)
    assert "/petugas/kabar" in letter.get_content()


async def test_p07_two_workers_send_each_mail_once(posting, box, clock):
    for _ in range(5):
        await open_case(posting)
    clock.set(wib("11-24 11:30"))
    await escalation.once(posting)
    sent = await asyncio.gather(*(mail.send_due(posting) for _ in range(4)))
    assert sum(sent) == len(box.received)
    assert len({message["Message-ID"] for _, message in box.received}) == len(box.received)
    assert {state for state, _, _ in await rows(posting)} == {"sent"}


async def test_p07_a_bounce_is_seen_and_the_officer_is_told(posting, box, clock):
    box.refusals[CITIZEN] = "550 5.1.1 no such user"
    case = await with_address(posting)
    await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Kami ubah hari ini.")
    assert await mail.send_due(posting) == 0
    assert (await rows(posting))[0] == ("undeliverable", 1, "550: the address is refused")
    async with db.transaction(posting.pool) as connection:
        assert [n.kind for n in await notices.told_of(connection, case.id)] == ["mail_refused"]
        assert (await connection.execute(select(contacts.c.refused_at))).scalar_one() is not None
    await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Ada kabar.")
    assert len([state for state, _, _ in await rows(posting) if state == "pending"]) == 1  # the officer's own


async def test_p07_what_is_refused_for_now_is_tried_again_later(posting, box, clock):
    box.refusals[CITIZEN] = "451 4.7.1 greylisted"
    case = await with_address(posting)
    await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Kami ubah hari ini.")
    assert await mail.send_due(posting) == 0
    assert await rows(posting) == [("pending", 1, "451: the address is refused")]
    assert await mail.send_due(posting) == 0
    assert (await rows(posting))[0][1] == 1  # not at once
    clock.forward(timedelta(minutes=1))
    del box.refusals[CITIZEN]
    assert await mail.send_due(posting) == 1
    assert (await rows(posting))[0][0] == "sent"


async def test_p07_a_mail_server_that_is_away_loses_nothing(posting, box, clock):
    case = await with_address(posting)
    away = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, smtp_url="smtp://127.0.0.1:9"))
    await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Kami ubah hari ini.")
    assert await mail.send_due(away) == 0
    clock.forward(timedelta(minutes=1))
    assert await mail.send_due(posting) == 1
    assert len(box.to(CITIZEN)) == 1


async def test_without_a_mail_server_news_stays_in_the_console(runtime, clock):
    case = await with_address(runtime)
    clock.set(wib("11-24 11:30"))
    await escalation.once(runtime)
    assert await mail.send_due(runtime) == 0
    assert await rows(runtime) == []
    assert await notices.unread(runtime, await officer_row(runtime, case.officer_id)) == 1


async def test_p07_one_mail_that_cannot_be_written_holds_up_no_other(posting, box, clock):
    damaged, good = await with_address(posting, "satu@contoh.id"), await with_address(posting, "dua@contoh.id")
    for case in (damaged, good):
        await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Baik.")
    async with db.transaction(posting.pool) as connection:  # an address that belongs to another row
        await connection.execute(update(contacts).where(
            contacts.c.citizen_id == select(conversations.c.citizen_id)
            .where(conversations.c.id == damaged.conversation_id).scalar_subquery()
        ).values(value_enc=func.set_byte(contacts.c.value_enc, 20, 0)))
    assert await mail.send_due(posting) == 1
    assert len(box.to("dua@contoh.id")) == 1
    assert sorted(await rows(posting), key=str) == [("pending", 1, "ContentTampered: it could not be written"),
                                                    ("sent", 1, None)]
    for _ in range(mail.TRIES):
        clock.forward(timedelta(hours=7))
        await mail.send_due(posting)
    assert sorted(state for state, _, _ in await rows(posting))[0] == "failed"  # not for ever


async def test_p07_a_mail_server_that_hangs_is_asked_once_a_round(posting, monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    for address in ("satu@contoh.id", "dua@contoh.id", "tiga@contoh.id"):
        case = await with_address(posting, address)
        await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Baik.")
    async with hanging() as (url, connections):
        there = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, smtp_url=url))
        assert await mail.send_due(there) == 0
    assert len(connections) == 1
    assert {(state, attempts) for state, attempts, _ in await rows(posting)} == {("pending", 1)}


async def test_p07_what_a_round_does_not_come_to_is_given_back(posting, box, monkeypatch):
    case = await with_address(posting)
    await verbs.reply(posting, await officer_row(posting, case.officer_id), case.id, "Baik.")
    monkeypatch.setattr(mail, "ROUND", timedelta(0))
    assert await mail.send_due(posting) == 0
    assert await rows(posting) == [("pending", 0, None)]
    monkeypatch.undo()
    assert await mail.send_due(posting) == 1


async def test_p03_a_mail_server_that_hangs_holds_up_neither_clocks_nor_other_posts(posting):
    async with hanging() as (url, connections):
        runtime = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, smtp_url=url))
        app = jobs.register(runtime)
        async with app.open_async(), working(app, queue.CLOCKS), working(app, queue.SENDING):
            case = None
            for number in range(3):  # news goes on coming
                case = await with_address(runtime, f"{number}@contoh.id")
                await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Baik.")
                for name in ("clocks", "send_mail"):
                    await app.configure_task(name, queue=app.tasks[name].queue).defer_async(timestamp=number)
                await until_done(app, "clocks")
            await until(lambda: len(connections) == 1)
            await queue.defer_wake(app, case.conversation_id, 0)
            await until_done(app, "wake")
            await app.configure_task("post", queue=queue.SENDING).defer_async(conversation_id=str(case.conversation_id))
            await until_done(app, "post")


@pytest.mark.parametrize(("host", "given"), [("0.0.0.0", False), ("127.0.0.1", True)])
async def test_a_password_goes_to_no_other_machine_in_the_open(posting, host, given):
    """0.0.0.0 leads here too, and is no name of this machine's."""
    async with overheard() as (port, heard):
        url = f"smtp://kantor:rahasia@{host}:{port}"
        runtime = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, smtp_url=url))
        case = await with_address(runtime)
        await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Baik.")
        assert await mail.send_due(runtime) == 0
        assert heard[0].startswith("EHLO")
        assert any(line.startswith("AUTH") for line in heard) is given


@contextlib.asynccontextmanager
async def overheard():
    """A server without TLS that takes nothing: its port, and what is said to it."""
    heard: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 surel.contoh.id\r\n")
        while line := await reader.readline():
            heard.append(line.decode().strip())
            writer.write(b"250-surel.contoh.id\r\n250 AUTH PLAIN\r\n" if line.startswith(b"EHLO") else b"535 no\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


@contextlib.asynccontextmanager
async def hanging():
    """A server that takes every connection and says nothing: its address, and the connections."""
    connections: list[asyncio.StreamWriter] = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
    finally:
        server.close()
        for writer in connections:
            writer.close()


@contextlib.asynccontextmanager
async def working(app, name: str):
    """A worker of this queue with two places."""
    work = asyncio.create_task(app.run_worker_async(
        queues=[name], concurrency=2, install_signal_handlers=False, shutdown_graceful_timeout=0.1,
        fetch_job_polling_interval=0.1,
    ))
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(holds) -> None:
    await asyncio.to_thread(waiting.until, holds)


async def until_done(app, task: str) -> None:
    """No job of this task waits or runs."""
    for _ in range(200):
        if not [job for job in await app.job_manager.list_jobs_async(task=task) if job.status in ("todo", "doing")]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{task} is not done")

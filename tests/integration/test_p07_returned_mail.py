"""Mail that comes back later (P7, P5): read from a real IMAP server and a Maildir, told to the officer; it proves
nothing."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from handoff.channels import returned
from handoff.services.case import verbs
from handoff.services.deadlines import escalation
from handoff.services.post import bounces, mail, notices
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import cases, contacts, officers
from handoff.store.schema_clocks import mails
from tests.support.console import browser
from tests.support.imap import imap, maildir
from tests.support.mailbox import mailbox
from tests.support.office import officer_row, open_case
from tests.support.pages import Page
from tests.support.returned import FAILURES, OTHERS, WHERE, report

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")


@pytest.fixture
def box():
    with mailbox(dsn=True) as box:
        yield box


@pytest.fixture
async def posting(runtime, box):
    """The runtime with a mail server and an address for returned mail."""
    settings = dataclasses.replace(runtime.settings, smtp_url=box.url, smtp_from="wajah@contoh.go.id",
                                   bounces_address="pantulan@contoh.go.id")
    return dataclasses.replace(runtime, settings=settings)


async def mailed(runtime, box):
    """A case whose citizen was sent a mail, which the server took; with its officer and the mail's id."""
    case = await open_case(runtime)
    await inbox.receive(runtime, case.conversation_id, Inbound("contact", {"email": WHERE}))
    await turn.drain(runtime, case.conversation_id)
    owner = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, owner, case.id, "Hari ini kami periksa.")
    await mail.send_due(runtime)
    return case, owner, box.to(WHERE)[-1]["Message-ID"].strip("<>").partition("@")[0]


async def states(runtime) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(mails.c.state).where(mails.c.contact_id.isnot(None)).order_by(mails.c.created_at)
        )).scalars())


async def refused_at(runtime) -> datetime | None:
    async with db.transaction(runtime.pool) as connection:
        found: datetime | None = (await connection.execute(select(contacts.c.refused_at))).scalar_one()
    return found


async def told(runtime, case) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return [one.kind for one in await notices.told_of(connection, case.id)]


async def test_p07_a_mail_that_comes_back_is_known_by_an_id_that_tells_nobody_anything(posting, box):
    case, _, ticket = await mailed(posting, box)
    (envelope,) = box.envelopes
    assert envelope.mail_from == f"pantulan+{UUID(ticket).hex}@contoh.go.id"
    assert f"ENVID={ticket}".upper() in envelope.mail_options
    assert envelope.rcpt_options == ["NOTIFY=FAILURE"]
    assert case.number not in str(envelope.mail_options) + envelope.mail_from
    assert WHERE not in envelope.mail_from


async def test_p07_a_server_without_reports_is_asked_for_none(posting, runtime):
    with mailbox() as plain:
        await mailed(dataclasses.replace(posting, settings=dataclasses.replace(
            posting.settings, smtp_url=plain.url, bounces_address="")), plain)
        (envelope,) = plain.envelopes
    assert envelope.mail_from == "wajah@contoh.go.id"
    assert not [option for option in envelope.mail_options if "ENVID" in option]


@pytest.mark.parametrize("kind", ["imap", "maildir"])
async def test_p07_what_came_back_is_read_once_and_the_officer_is_told(served, posting, box, tmp_path, kind):
    case, owner, ticket = await mailed(posting, box)
    with imap() if kind == "imap" else _folder(tmp_path) as post:
        reading = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, bounces_url=post.url))
        post.arrives(OTHERS["an absence"](ticket))
        post.arrives(report(ticket))
        post.arrives(report(ticket))  # the mailer's second one
        assert await returned.collect(reading) == 1
        assert post.waiting() == 0
        assert await returned.collect(reading) == 0
    assert await states(posting) == ["bounced"]
    assert await refused_at(posting) is not None
    assert (await told(posting, case)).count("mail_refused") == 1
    line = await desk.summary(posting, owner, case.number)
    assert line["mail_failed_at"] is not None
    client = await browser(served, owner)
    page = Page(await client.get(f"/petugas/kasus/{case.number}"))
    for words in ("Surel tidak sampai sejak", "hubungi dengan cara lain", "Surel kabar kepada warga tidak sampai"):
        assert words in page.text
    assert "Surel tidak sampai" in Page(await client.get("/petugas")).text
    await verbs.reply(posting, owner, case.id, "Ada kabar.")
    assert await states(posting) == ["bounced"]  # nothing more goes to an address that does not work


def _folder(tmp_path):
    return contextlib.nullcontext(maildir(tmp_path / "kotak surat"))


@pytest.mark.parametrize("house", FAILURES)
async def test_p07_every_houses_way_is_understood(posting, box, house):
    case, owner, ticket = await mailed(posting, box)
    make, permanent = FAILURES[house]
    assert await bounces.take_in(posting, make(ticket)) == "bounced"
    assert await bounces.take_in(posting, make(ticket)) == "other"  # known already
    assert (await refused_at(posting) is not None) is permanent
    assert (await told(posting, case))[-1] == ("mail_refused" if permanent else "mail_unreached")
    assert (await desk.summary(posting, owner, case.number))["mail_failed_at"] is not None


async def test_p07_for_now_the_address_is_kept_and_the_next_mail_that_arrives_clears_it(posting, box, clock):
    case, owner, ticket = await mailed(posting, box)
    await bounces.take_in(posting, FAILURES["a full mailbox, for now"][0](ticket))
    clock.forward(timedelta(minutes=5))
    await verbs.reply(posting, owner, case.id, "Ada kabar.")
    assert await mail.send_due(posting) == 1
    assert await states(posting) == ["bounced", "sent"]
    assert (await desk.summary(posting, owner, case.number))["mail_failed_at"] is None


async def test_p07_an_address_given_again_is_tried_again(posting, box):
    case, owner, ticket = await mailed(posting, box)
    await bounces.take_in(posting, report(ticket))
    await inbox.receive(posting, case.conversation_id, Inbound("contact", {"email": WHERE}))
    await turn.drain(posting, case.conversation_id)
    assert await refused_at(posting) is None
    await verbs.reply(posting, owner, case.id, "Ada kabar.")
    assert await mail.send_due(posting) == 1


@pytest.mark.parametrize("kind", OTHERS)
async def test_p07_what_is_no_failure_of_ours_changes_nothing(posting, box, kind):
    case, _, ticket = await mailed(posting, box)
    assert await bounces.take_in(posting, OTHERS[kind](ticket)) == "other"
    assert await bounces.take_in(posting, report("6ba7b810-9dad-41d1-80b4-00c04fd430c8")) == "other"  # nobody's
    assert await states(posting) == ["sent"]
    assert await told(posting, case) == []


async def test_p07_all_news_of_one_letter_came_back_with_it_an_officers_too(posting, box, clock):
    async with db.transaction(posting.pool) as connection:
        await connection.execute(update(officers).values(email=officers.c.login + "@contoh.go.id"))
    for _ in range(3):
        await open_case(posting)
    clock.set(datetime(2026, 12, 10, 10, tzinfo=WIB))
    await escalation.once(posting)
    await mail.send_due(posting)
    _, letter = next((to, one) for to, one in box.received if "3 kasus" in one["Subject"])
    assert await bounces.take_in(posting, report(letter["Message-ID"].strip("<>").partition("@")[0])) == "bounced"
    async with db.transaction(posting.pool) as connection:
        found = (await connection.execute(select(mails.c.case_id).where(mails.c.state == "bounced"))).scalars().all()
    assert len(set(found)) == 3


async def test_p05_a_mail_that_a_server_took_proves_nothing_and_one_that_came_back_less(posting, box, clock):
    case, owner, _ = await mailed(posting, box)
    await verbs.propose(posting, owner, case.id, "Data sudah kami perbaiki.", cause="wrong_data")
    for _ in range(20):  # four weeks: both reminders, and far beyond the ten working days
        clock.forward(timedelta(days=1, hours=12))
        await escalation.once(posting)
        await mail.send_due(posting)
        for letter in box.to(WHERE):
            await bounces.take_in(posting, report(letter["Message-ID"].strip("<>").partition("@")[0]))
    async with db.transaction(posting.pool) as connection:
        row = (await connection.execute(select(cases).where(cases.c.id == case.id))).one()
    assert (row.status, row.undelivered_since is not None) == ("resolution_proposed", True)
    assert "undelivered" in await told(posting, case)


async def test_p07_a_mailbox_that_is_away_is_said_without_its_password(posting, tmp_path):
    for url in ("imap://pantulan:rahasia@127.0.0.1:9/INBOX", f"maildir://{tmp_path}/none"):
        away = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, bounces_url=url))
        with pytest.raises(returned.MailboxAway) as said:
            await returned.collect(away)
        assert "rahasia" not in str(said.value)
    assert await returned.collect(posting) == 0  # nothing is configured


async def test_p07_a_wrong_password_is_said_without_it(posting):
    with imap() as post:
        url = post.url.replace("kata%3Asandi%2Fsurel", "rahasia")
        away = dataclasses.replace(posting, settings=dataclasses.replace(posting.settings, bounces_url=url))
        with pytest.raises(returned.MailboxAway) as said:
            await returned.collect(away)
        assert "rahasia" not in str(said.value)

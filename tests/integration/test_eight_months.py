"""The story that started this project, walked with a clock: "tolong ubah data usaha saya"; nobody touches it for eight
months; then "please e-mail that address"; closed the same day; a box that takes a reply and sends nothing. Each step of
it is impossible here."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import func, select, update

from handoff.services.case import cases, closing, verbs
from handoff.services.deadlines import escalation
from handoff.services.post import mail, notices
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import officers
from handoff.store.schema_clocks import breaches, clocks
from tests.support.mailbox import mailbox
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")
REDIRECT = "Terima kasih, Pak. Silakan kirim email ke wlkp [at] kemenaker titik go titik id. Salam hangat."
CITIZEN = "pemilik.usaha@contoh.id"


async def row_of(runtime, case):
    async with db.transaction(runtime.pool) as connection:
        return (await cases.load(connection, case.id)).row


async def told(runtime, case) -> list[tuple[str, str, datetime]]:
    async with db.transaction(runtime.pool) as connection:
        return [(one.login, one.kind, one.at) for one in await notices.told_of(connection, case.id)]


async def test_p07_eight_months_cannot_pass_in_silence(served, settings, clock):
    with mailbox() as box:
        posting = dataclasses.replace(
            served.runtime, settings=dataclasses.replace(settings, smtp_url=box.url, base_url=served.url)
        )
        async with db.transaction(posting.pool) as connection:
            await connection.execute(update(officers).values(email=officers.c.login + "@contoh.go.id"))
        case = await open_case(posting, "tolong ubah data usaha saya", reason="individual_matter")
        await inbox.receive(posting, case.conversation_id, Inbound("contact", {"email": CITIZEN}))
        await turn.drain(posting, case.conversation_id)
        supervisor, head = await person(posting, "supervisor"), await person(posting, "head", "kependudukan")

        for _ in range(8 * 30):  # eight months in which nobody touches it
            clock.forward(timedelta(days=1))
            await escalation.once(posting)
        await mail.send_due(posting)

        news = await told(posting, case)
        for leader in (supervisor, head):
            times = sorted(at for login, _, at in news if login == leader.login)
            gaps = [later - before for before, later in itertools.pairwise(times)]
            assert times, leader.name
            assert max(gaps) <= timedelta(days=20)  # five working days, with the longest holidays in between
            assert clock() - times[-1] <= timedelta(days=20)  # and it has not fallen silent since
        async with db.transaction(posting.pool) as connection:
            facts = (await connection.execute(
                select(breaches.c.kind, breaches.c.level).where(breaches.c.case_id == case.id)
            )).all()
        assert {tuple(fact) for fact in facts} == {
            (kind, level) for kind in ("first_reply", "resolution") for level in (100, 150)
        }
        for address in (f"{supervisor.login}@contoh.go.id", f"{head.login}@contoh.go.id", CITIZEN):
            assert box.to(address), address

        page, client = await case_page(served, posting, case)
        assert supervisor.name in page.text
        assert "Ombudsman" in page.text
        assert page.text.count("Terlambat, dan ini tercatat") == 2

        # "Please e-mail that address": it is sent, and stops no clock; as a resolution it is refused.
        officer = await officer_row(posting, case.officer_id)
        await verbs.reply(posting, officer, case.id, REDIRECT)
        async with db.transaction(posting.pool) as connection:
            running = (await connection.execute(
                select(func.count()).where(clocks.c.case_id == case.id, clocks.c.ended_at.is_(None))
            )).scalar_one()
        assert running == 2
        with pytest.raises(Exception, match="redirect"):
            await verbs.propose(posting, officer, case.id, REDIRECT, cause="delay")
        assert (await row_of(posting, case)).status == "in_progress"

        # "Closed the same day": nothing of ours can.
        for days in range(30):
            clock.forward(timedelta(days=days))
            await escalation.once(posting)
        assert (await row_of(posting, case)).status != "closed"
        assert not hasattr(verbs, "close")
        assert {name for name in vars(closing.Desk) if "close" in name} == {"_close"}  # only the proven silence's

        # "A reply box that takes text and sends nothing": it is in the case before it is called sent.
        page, client = await case_page(served, posting, case)
        form = page.form("pesan")
        answer = Page(await client.post(form.action, data={**form.fields, "pesan": "Email itu tidak pernah dibalas."}))
        assert "Terkirim" in answer.text
        assert "Email itu tidak pernah dibalas." in answer.text

        # And in the end: only the citizen says that it is done; what was missed stays missed.
        await verbs.propose(posting, officer, case.id, "Data usaha Bapak sudah kami ubah hari ini.", cause="delay")
        page, client = await case_page(served, posting, case)
        form, button = next((f, value) for f in page.forms for _, _, value in f.buttons if value.startswith("confirm:"))
        await client.post(form.action, data={**form.fields, "tombol": button})
        await turn.drain(posting, case.conversation_id)
        assert (await row_of(posting, case)).closed_reason == "confirmed"
        page, _ = await case_page(served, posting, case)
        assert page.text.count("Terlambat, dan ini tercatat") >= 2


async def case_page(served, runtime, case) -> tuple[Page, httpx.AsyncClient]:
    """The case's page as the citizen's own browser has it, through the link in the mail."""
    async with db.transaction(runtime.pool) as connection:
        url = cases.url_of(runtime, await cases.load(connection, case.id))
    client = await served.client()
    client.follow_redirects = True
    client.headers["Accept"] = "text/html"
    response = await client.get(url)
    assert response.status_code == 200, response.text
    return Page(response), client

"""The story that began this project, walked step by step with the clock in hand; each step of it is impossible here.

"Tolong ubah data usaha saya". Nobody touches it for eight months. Then: "please e-mail that address". Closed on the
same day. A reply box that takes text and sends nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handoff.services.case import referrals, transfers, verbs
from handoff.services.case.referrals import Letter
from handoff.services.deadlines import escalation
from handoff.services.errors import Unprocessable
from handoff.services.post import notices
from handoff.store import audit, db
from handoff.store.schema_clocks import breaches
from handoff.store.schema_record import case_events
from tests.support.case_page import browser, sent
from tests.support.citizen import UNSURE, Citizen
from tests.support.office import person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIB = ZoneInfo("Asia/Jakarta")
ADDRESS = (
    "Selamat siang Bapak, terima kasih sudah menghubungi layanan kami dan mohon maaf atas lamanya tanggapan ini. "
    "Menindaklanjuti permohonan Bapak mengenai perubahan data usaha, silakan kirim surel ke wlkp@kemnaker.go.id. "
    "Demikian kami sampaikan, atas perhatian Bapak kami ucapkan terima kasih."
)


async def what_happened(runtime, case_id) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(case_events.c.type).where(case_events.c.case_id == case_id).order_by(case_events.c.seq)
        )).scalars())


async def missed(runtime, case_id) -> set[tuple[str, int]]:
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(breaches).where(breaches.c.case_id == case_id))).all()
    return {(row.kind, row.level) for row in rows}


async def test_the_eight_months_cannot_happen(served, runtime, clock):
    # --- "tolong ubah data usaha saya": a number, a name, two times, in the same reply (P2)
    citizen = await Citizen.arrives(runtime)
    (opened,) = await citizen.asks("tolong ubah data usaha saya", UNSURE)
    case, owner = await citizen.case(), await citizen.officer()
    for told in (case.number, owner.name, "Dibalas paling lambat", "Selesai paling lambat"):
        assert told in opened["text"]
    assert opened["case"]["url"]

    # --- nobody touches it: who leads is brought in by name, the citizen is told unasked, and it goes on (P7)
    supervisor, head = await person(runtime, "supervisor"), await person(runtime, "head", "kependudukan")
    clock.forward(timedelta(days=1))
    await escalation.once(runtime)
    texts = " ".join(m["text"] for m in await citizen.sees())
    assert supervisor.name in texts
    assert head.name in texts
    clock.set(datetime(2026, 12, 7, 10, 0, tzinfo=WIB))  # past the five working days of an information request
    await escalation.once(runtime)
    texts = " ".join(m["text"] for m in await citizen.sees())
    assert "Ombudsman" in texts  # the way outside, with the case in hand, at the first resolution that was missed
    assert {("first_reply", 100), ("first_reply", 150), ("resolution", 100)} <= await missed(runtime, case.id)
    clock.set(datetime(2027, 7, 26, 10, 0, tzinfo=WIB))  # eight months
    await escalation.once(runtime)
    async with db.transaction(runtime.pool) as connection:
        pressed = [row.login for row in await notices.told_of(connection, case.id) if row.kind.startswith("still_late")]
    assert {supervisor.login, head.login} <= set(pressed)
    assert (await citizen.case()).status == "assigned"

    # --- "please e-mail that address": no resolution, and as a reply it stops no clock (P6)
    with pytest.raises(Unprocessable, match="redirect"):
        await verbs.propose(runtime, owner, case.id, ADDRESS, cause="delay")
    await verbs.reply(runtime, owner, case.id, ADDRESS)
    now = await citizen.case()
    assert (now.first_replied_at, now.waiting_since, now.status) == (None, case.waiting_since, "in_progress")
    # what it can be instead: the officer writes there, tells when it is asked again, and stays the one who answers
    letter = Letter("Kementerian Ketenagakerjaan", "Permintaan mengubah data usaha.", "560/112",
                    (clock() + timedelta(days=3)).date())
    await referrals.refer(runtime, owner, case.id, letter)
    assert "560/112" in (await citizen.sees())[-1]["text"]
    assert (await citizen.case()).officer_id == owner.id
    # or another unit, by a named officer who accepts
    await transfers.request(runtime, owner, case.id, "tenaga_kerja", "Data WLKP.")
    assert (await citizen.case()).officer_id == owner.id
    await transfers.withdraw(runtime, owner, case.id)
    clock.forward(timedelta(days=3))
    assert await referrals.remind(runtime) == 1

    # --- closed on the same day: only a proposal, which the citizen answers (P5)
    await verbs.propose(runtime, owner, case.id, "Data usaha Bapak sudah kami ubah hari ini.", cause="delay")
    clock.set(clock().replace(hour=23, minute=59))
    await escalation.once(runtime)
    assert (await citizen.case()).status == "resolution_proposed"
    await citizen.taps("Belum selesai")
    assert (await citizen.case()).status == "in_progress"
    await verbs.propose(runtime, owner, case.id, "Nama usahanya sudah kami betulkan.", cause="delay")
    await citizen.taps("Sudah selesai")
    assert (await citizen.case()).closed_reason == "confirmed"
    assert {("first_reply", 150), ("resolution", 100)} <= await missed(runtime, case.id)  # closing takes nothing back

    # --- a reply box that takes text and sends nothing: it works in every state, and says so once it is stored
    client, page = await browser(served, citizen)
    answer = await sent(client, page, "alamatnya masih salah")
    assert "Terkirim." in Page(answer).text
    await citizen.hears(UNSURE)  # the bot is no reader of what was closed: the same case again
    assert "alamatnya masih salah" in [m["text"] for m in await citizen.sees()]
    again = await citizen.case()
    assert (again.id, again.number, again.officer_id, again.status) == (case.id, case.number, owner.id, "in_progress")

    # --- and nothing of it can be rewritten (P10)
    events = await what_happened(runtime, case.id)
    assert {"opened", "deadline_missed", "overdue", "supervisor_joined", "head_joined", "proposal_held", "referred",
            "ask_again_due", "proposed", "refused", "confirmed", "reopened"} <= set(events)
    async with db.transaction(runtime.pool) as connection:
        assert (await audit.verify(connection, runtime.settings))["events"] >= len(events)

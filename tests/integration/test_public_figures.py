"""What counts publicly is on a page that anybody can open, and no person is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.services.case import dismissals, verbs
from handoff.services.deadlines import escalation
from handoff.services.views import figures
from handoff.store import db
from handoff.store.schema import officers
from tests.support.citizen import UNSURE, Citizen
from tests.support.office import officer_row, open_case, person
from tests.support.pages import BROWSER, Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def test_p07_p05_what_is_far_too_late_and_what_was_no_request_counts_publicly(served, runtime, clock):
    late, pizza = await open_case(runtime), await Citizen.arrives(runtime)
    await pizza.asks("pesan pizza dua", UNSURE)
    spam, owner = await pizza.case(), await pizza.officer()
    await dismissals.dismiss(runtime, owner, spam.id, "pesanan pizza")
    await dismissals.confirm(runtime, await person(runtime, "head", "kependudukan"), spam.id, "pesanan pizza")
    opened = clock()
    clock.forward(timedelta(hours=3))
    await escalation.once(runtime)
    found = await figures.count(runtime)
    assert (found.open, found.far_late, found.ever_late, found.untouched_since) == (1, 1, 1, opened)
    assert {reason.value: number for reason, number in found.closed.items() if number} == {"not_a_request": 1}

    page = Page(await (await served.client()).get("/transparansi", headers=BROWSER))
    assert "Terbuka dan terlambat jauh 1" in page.text
    assert "Dinilai dua petugas bukan permintaan layanan 1" in page.text
    async with db.transaction(runtime.pool) as connection:
        names = (await connection.execute(select(officers.c.name))).scalars().all()
    assert not [name for name in names if name in page.text]
    assert late.number not in page.text

    officer = await officer_row(runtime, late.officer_id)
    await verbs.reply(runtime, officer, late.id, "Maaf terlambat. Kami ubah hari ini.")
    after = await figures.count(runtime)
    assert (after.far_late, after.ever_late, after.untouched_since) == (0, 1, None)  # answered now, late for ever

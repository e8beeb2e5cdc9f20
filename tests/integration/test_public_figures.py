"""What counts publicly is on a page that anybody can open, and no person is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.services.case import dismissals, verbs
from handoff.services.deadlines import escalation
from handoff.services.talk import publications
from handoff.services.views import figures
from handoff.store import db
from handoff.store.schema import officers
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import officer_row, open_case, person
from tests.support.pages import BROWSER, Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def public_page(served) -> Page:
    return Page(await (await served.client()).get("/transparansi", headers=BROWSER))



async def test_p07_who_still_waits_is_in_the_times_and_what_is_reopened_waits_again(served, runtime, clock):
    citizens = [await Citizen.arrives(runtime) for _ in range(6)]
    for citizen in citizens:
        await citizen.asks("tolong ubah data usaha saya", UNSURE)
    clock.forward(timedelta(minutes=30))
    for citizen in citizens[:3]:
        await verbs.reply(runtime, await citizen.officer(), (await citizen.case()).id, "Kami ubah hari ini.")
    assert (await month(runtime)).replied == 1800  # half of the six
    assert (await figures.count(runtime)).mostly_replied == figures.STILL
    clock.forward(timedelta(minutes=30))
    for citizen in citizens[:4]:
        await verbs.propose(runtime, await citizen.officer(), (await citizen.case()).id, "Sudah kami ubah.",
                            cause="delay")
        await citizen.taps("Sudah selesai")
    assert (await month(runtime)).settled == 3600
    for citizen in citizens[:2]:
        await citizen.asks("masih salah", UNSURE)
    assert (await month(runtime)).settled == figures.STILL
    assert (await month(runtime)).confirmed == 2
    await figures.publish(runtime)
    page = await public_page(served)
    assert "November 2026 6 disamarkan" in page.text  # six came; fewer than five were confirmed
    assert "November 2026 belum separuh" in page.text
    assert "Separuh kasus dibalas petugas dalam 30 menit" in page.text
    assert "Sembilan dari sepuluh dibalas dalam belum 9 dari 10" in page.text


async def month(runtime) -> figures.Month:
    return (await figures.count(runtime)).months[-1]


async def test_p07_a_case_that_is_only_taken_is_untouched_for_the_public(runtime, clock):
    case, opened = await open_case(runtime), clock()
    clock.forward(timedelta(minutes=5))
    await verbs.take_over(runtime, await officer_row(runtime, case.officer_id), case.id)
    assert (await figures.count(runtime)).untouched_since == opened


async def test_p08_a_dispute_counts_as_upheld_when_its_answer_is_held_back_while_it_is_open(runtime, clock):
    first, second = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    for citizen in (first, second):
        await citizen.asks("ktp saya hilang", answers("ktp_hilang"))
    await first.taps("Jawaban ini salah")
    assert ((await month(runtime)).disputed, (await month(runtime)).upheld) == (1, 0)
    clock.forward(timedelta(minutes=5))
    await publications.suspend(runtime, await person(runtime, "supervisor"), "ktp_hilang", "biayanya salah")
    found = await figures.count(runtime)
    assert (found.months[-1].disputed, found.months[-1].upheld, found.suspended) == (1, 1, 1)
    await verbs.propose(runtime, await first.officer(), (await first.case()).id, "Biayanya keliru.", cause="other")
    await first.taps("Sudah selesai")
    await publications.republish(runtime, await person(runtime, "supervisor"), "ktp_hilang")
    await publications.suspend(runtime, await person(runtime, "supervisor"), "ktp_hilang", "hal lain")
    assert (await month(runtime)).upheld == 1


async def test_a_look_at_the_page_counts_nothing_and_says_when_figures_are_old(served, runtime, clock):
    assert "Kasus yang masih terbuka 0" in (await public_page(served)).text  # the first look ever
    await open_case(runtime)
    page = await public_page(served)
    assert "Kasus yang masih terbuka 0" in page.text
    assert "belum dihitung ulang" not in page.text
    clock.forward(timedelta(minutes=16))
    assert "belum dihitung ulang" in (await public_page(served)).text
    await figures.publish(runtime)
    page = await public_page(served)
    assert "Kasus yang masih terbuka disamarkan" in page.text
    assert "belum dihitung ulang" not in page.text


async def test_every_chart_has_its_words_and_its_table_and_no_style_of_its_own(served, runtime):
    page = await public_page(served)
    assert len([role for role in page.attributes("svg", "role") if role == "img"]) == 4
    assert all("Nov" in label or "tabel" in label for label in page.attributes("svg", "aria-label"))
    assert [tag for tag, _ in page.tags].count("table") == 4
    assert not [given for tag, given in page.tags if "style" in given or tag == "style"]


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
    assert {reason: number for reason, number in found.closed.items() if number} == {"not_a_request": 1}

    await figures.publish(runtime)
    page = await public_page(served)
    assert "Terbuka dan terlambat jauh disamarkan" in page.text  # one case could be somebody's
    assert "Dinilai dua petugas bukan permintaan layanan disamarkan" in page.text
    assert "Digabung dengan kasus lain dari warga yang sama 0" in page.text
    assert "Paling lama belum dibalas petugas sejak 24 November 2026" in page.text
    async with db.transaction(runtime.pool) as connection:
        names = (await connection.execute(select(officers.c.name))).scalars().all()
    assert not [name for name in names if name in page.text]
    assert late.number not in page.text

    officer = await officer_row(runtime, late.officer_id)
    await verbs.reply(runtime, officer, late.id, "Maaf terlambat. Kami ubah hari ini.")
    after = await figures.count(runtime)
    assert (after.far_late, after.ever_late, after.untouched_since) == (0, 1, None)  # answered now, late for ever

"""P8: an answer was wrong, and whoever had it is told what is right: once, by name, in the office's sight."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from handoff.services.case import verbs
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.post import sending
from handoff.services.talk import corrections, publications
from handoff.store import db
from handoff.store.schema import messages
from handoff.store.schema_desk import corrected
from handoff.store.schema_record import case_events
from tests.support.citizen import Citizen, answers
from tests.support.console import browser
from tests.support.office import officer_row, person
from tests.support.pages import Page

# What is told does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
TOPIC, WORDS = "ktp_hilang", "Biayanya Rp0. Tidak ada denda <b>."
SINCE = date(2026, 11, 20)


async def had_it(runtime: Any, times: int = 1, topic: str = TOPIC) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    for n in range(times):
        await citizen.asks(f"ktp saya hilang {n}", answers(topic))
    return citizen


async def stopped(runtime: Any) -> Any:
    """The supervisor, who has just stopped the answer."""
    boss = await person(runtime, "supervisor")
    await publications.suspend(runtime, boss, TOPIC, "biayanya keliru")
    return boss


async def told(citizen: Citizen) -> list[str]:
    return [m["text"] for m in await citizen.sees() if "ternyata keliru" in m["text"]]


async def states(runtime: Any) -> list[str]:
    async with db.transaction(runtime.pool) as connection:
        return sorted((await connection.execute(select(corrected.c.state))).scalars())


async def test_p08_whoever_had_the_wrong_answer_is_told_once_and_nobody_else(runtime, clock):
    one, twice = await had_it(runtime), await had_it(runtime, times=2)
    other = await had_it(runtime, topic="ktp_rusak")
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    clock.forward(timedelta(minutes=1))
    assert await corrections.reached(runtime, boss, TOPIC, SINCE) == 2
    _, count = await corrections.correct(runtime, boss, TOPIC, SINCE, f"  {WORDS} ")
    assert count == 2
    assert (await corrections.listed(runtime, boss))[0].waiting == 2
    rounds = await asyncio.gather(*(corrections.tell(runtime) for _ in range(3)))
    assert sum(rounds) == 2
    assert await corrections.tell(runtime) == 0
    for citizen in (one, twice):
        (said,) = await told(citizen)
        title = runtime.catalogue.topics[TOPIC].title
        assert said.startswith(f"Jawaban kami tentang {title} pada 24 November 2026 ternyata keliru. Kami minta maaf.")
        assert f"Yang benar: {WORDS}" in said
        assert f"ditulis {boss.name}, {boss.title}." in said
        assert [b["title"] for b in (await citizen.sees())[-1]["buttons"]] == ["Bicara dengan petugas"]
    assert await told(other) == []
    (progress,) = await corrections.listed(runtime, boss)
    assert (progress.waiting, progress.told, progress.arrived, progress.officer) == (0, 2, 0, boss.name)


async def test_p08_answers_given_again_are_right_and_the_new_one_is_a_tap_away(runtime, clock):
    wrong = await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    clock.forward(timedelta(minutes=1))
    await publications.republish(runtime, boss, TOPIC)
    right = await had_it(runtime)
    await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS)
    assert await corrections.tell(runtime) == 1
    assert await told(right) == []
    assert len(await told(wrong)) == 1
    await wrong.taps("Baca keterangan baru")
    assert (await wrong.sees())[-1]["answer"]["topic"] == TOPIC


async def test_only_what_was_wrong_is_corrected(runtime, clock):
    """Who asked for the requirements had no wrong fee; a whole answer tells it too."""
    fee, overview, steps = [await Citizen.arrives(runtime) for _ in range(3)]
    await fee.asks("biaya ktp hilang?", answers(TOPIC))
    await overview.asks("ktp hilang", answers(TOPIC))
    await steps.asks("syarat ktp hilang?", answers(TOPIC))
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    _, count = await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS, "fee")
    assert count == 2
    await corrections.tell(runtime)
    assert [len(await told(one)) for one in (fee, overview, steps)] == [1, 1, 0]


async def test_p08_in_a_case_its_officer_reads_it_in_the_record(runtime, clock):
    citizen = await had_it(runtime)
    await citizen.taps("Bicara dengan petugas")
    case = await citizen.case()
    await verbs.take_over(runtime, await officer_row(runtime, case.officer_id), case.id)
    await sending.dispatch(runtime, citizen.id)
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS)
    assert await corrections.tell(runtime) == 1
    assert len(await told(citizen)) == 1  # an officer owns the conversation, and it is told all the same
    async with db.transaction(runtime.pool) as connection:
        event = (await connection.execute(select(case_events).where(case_events.c.type == "answer_corrected"))).one()
        said = (await connection.execute(select(messages).where(messages.c.case_id == case.id)
                                         .order_by(messages.c.seq.desc()).limit(1))).one()
    assert (event.case_id, event.actor_id) == (case.id, str(boss.id))
    assert said.author == "system"


async def test_a_worker_that_was_killed_goes_on_where_it_was(runtime, clock, monkeypatch):
    citizens = [await had_it(runtime) for _ in range(3)]
    clock.forward(timedelta(minutes=1))
    await corrections.correct(runtime, await stopped(runtime), TOPIC, SINCE, WORDS)
    first, calls = corrections.store, []

    async def dies(*given: Any, **more: Any) -> Any:
        done = await first(*given, **more)
        calls.append(done)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return done

    monkeypatch.setattr(corrections, "store", dies)
    assert await corrections.tell(runtime) == 2  # the second was taken back whole
    assert await states(runtime) == ["told", "told", "waiting"]
    assert await corrections.tell(runtime) == 0  # not at once
    clock.forward(timedelta(minutes=1))
    assert await corrections.tell(runtime) == 1
    assert [len(await told(one)) for one in citizens] == [1, 1, 1]


async def test_nobody_is_left_to_be_told_where_the_data_were_erased(runtime, clock, database):
    citizen = await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    boss = await stopped(runtime)
    await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text("UPDATE data_keys SET wrapped = NULL, destroyed_at = now()"))
    assert await corrections.tell(runtime) == 0
    assert await states(runtime) == ["erased"]
    assert (await corrections.listed(runtime, boss))[0].erased == 1
    assert citizen.id is not None


async def test_what_is_refused_corrects_nothing(runtime, clock):
    await had_it(runtime)
    boss, head = await person(runtime, "supervisor"), await person(runtime, "head")
    officer = await person(runtime, "officer")
    with pytest.raises(Conflict, match="never_suspended"):
        await corrections.correct(runtime, head, TOPIC, SINCE, WORDS)
    clock.forward(timedelta(minutes=1))
    await stopped(runtime)
    for who, topic, since, words, aspect, why in (
        (officer, TOPIC, SINCE, WORDS, None, Forbidden), (boss, "tidak_ada", SINCE, WORDS, None, NotFound),
        (boss, TOPIC, SINCE, WORDS, "rahasia", NotFound), (boss, TOPIC, SINCE, " \n", None, Unprocessable),
        (boss, TOPIC, date(2026, 11, 25), WORDS, None, Unprocessable),
        (boss, TOPIC, date(2026, 1, 1), WORDS, None, Unprocessable),
        (boss, TOPIC, date.max, WORDS, None, Unprocessable), (boss, TOPIC, date.min, WORDS, None, Unprocessable),
    ):
        with pytest.raises(why):
            await corrections.correct(runtime, who, topic, since, words, aspect)
    await publications.suspend(runtime, boss, "ktp_rusak", "keliru")
    with pytest.raises(Conflict, match="nobody_had_it"):
        await corrections.correct(runtime, boss, "ktp_rusak", SINCE, WORDS)
    assert await states(runtime) == []
    assert await corrections.listed(runtime, boss) == []
    with pytest.raises(Forbidden):
        await corrections.listed(runtime, officer)


async def test_sent_twice_it_is_one_correction(runtime, clock):
    citizen = await had_it(runtime)
    clock.forward(timedelta(minutes=1))
    boss, one = await stopped(runtime), uuid4()
    for _ in range(2):
        assert await corrections.correct(runtime, boss, TOPIC, SINCE, WORDS, correction_id=one) == (one, 1)
    await corrections.tell(runtime)
    assert len(await told(citizen)) == 1
    assert len(await corrections.listed(runtime, boss)) == 1


# --- the page ---------------------------------------------------------------------------------------------------------


async def test_who_leads_sees_whom_it_reaches_writes_and_watches_it_go_out(served, clock):
    citizen = await had_it(served.runtime)
    clock.forward(timedelta(minutes=1))
    client = await browser(served, await person(served.runtime, "supervisor"))
    assert "/petugas/perbaikan" in (await client.get("/petugas/papan")).text
    assert "Belum ada jawaban yang pernah ditahan" in Page(await client.get("/petugas/perbaikan")).text
    await stopped(served.runtime)
    form = Page(await client.get("/petugas/perbaikan")).form("sejak")
    late = await client.get(form.action, params={"topik": TOPIC, "bagian": "", "sejak": "kemarin"})
    assert late.status_code == 422
    chosen = Page(await client.get(form.action, params={"topik": TOPIC, "bagian": "", "sejak": "2026-11-20"}))
    assert "1 percakapan menerima jawaban ini" in chosen.text
    form = chosen.form("pesan")
    empty = await client.post(form.action, data={**form.fields, "pesan": " "})
    assert (empty.status_code, "Pesannya masih kosong" in empty.text) == (422, True)
    assert (await client.post(form.action, data={**form.fields, "pesan": WORDS, "tanda": "x"})).status_code == 403
    for _ in range(2):
        sent = await client.post(form.action, data={**form.fields, "pesan": WORDS})
        assert sent.url.path == "/petugas/perbaikan"
    assert "<b>" not in sent.text
    assert "0 percakapan sudah dikabari, 1 menunggu giliran." in Page(sent).text
    await corrections.tell(served.runtime)
    assert len(await told(citizen)) == 1
    page = Page(await client.get("/petugas/perbaikan"))
    assert "1 percakapan sudah dikabari, 0 menunggu giliran." in page.text
    assert WORDS in page.text


@pytest.mark.parametrize(("role", "looks", "sends"), [
    ("supervisor", 200, 303), ("head", 200, 303), ("officer", 403, 403), ("inspector", 403, 403),
    ("data_officer", 403, 403), ("auditor", 403, 403), ("admin", 403, 403), (None, 303, 401),
])
async def test_role_by_route(served, clock, role, looks, sends):
    await had_it(served.runtime)
    clock.forward(timedelta(minutes=1))
    await stopped(served.runtime)
    client = await browser(served, await person(served.runtime, role) if role else None)
    token = Page(await client.get("/petugas/kata-sandi")).form("tanda").fields["tanda"]
    client.follow_redirects = False
    assert (await client.get("/petugas/perbaikan/")).status_code == looks
    posted = await client.post("/petugas/perbaikan/", data={
        "tanda": token, "topik": TOPIC, "sejak": "2026-11-20", "pesan": WORDS, "formulir": str(uuid4())})
    assert posted.status_code == sends
    assert len(await states(served.runtime)) == (sends == 303)

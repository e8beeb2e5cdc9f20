"""P2: what a citizen says of the officer who would read it, somebody else reads, and the citizen is told who."""

from __future__ import annotations

import asyncio
import re

import pytest
from sqlalchemy import select, update

from handoff.services.case import merging, verbs
from handoff.services.case.cases import key_of
from handoff.services.errors import Conflict, NotFound
from handoff.services.post import notices
from handoff.services.talk import conversations, turn
from handoff.services.views import desk, lists, pages
from handoff.store import db
from handoff.store.schema import cases, messages, officers
from tests.support.case_page import browser
from tests.support.citizen import UNSURE, Citizen
from tests.support.console import browser as console
from tests.support.office import officer_row, person
from tests.support.rasa import with_bot

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
COMPLAINT = "Ibu kok jutek sekali, saya tidak terima"


@pytest.fixture
async def talk(runtime):
    """A citizen with an officer who has answered."""
    citizen = await Citizen.arrives(with_bot(runtime, "http://127.0.0.1:9"))
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    await verbs.reply(runtime, await citizen.officer(), (await citizen.case()).id, "Hari ini diperiksa.")
    return citizen


async def says(citizen: Citizen, text: str) -> list[dict]:
    receipt = await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return await citizen.sees(after=receipt.seq)


async def complaints(runtime) -> list:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(cases).where(cases.c.reason == "complaint").order_by(cases.c.opened_at)
        )).all())


async def words_of(runtime, officer, case) -> list[tuple[int, str]]:
    """What the officer reads."""
    return [(m["seq"], m["text"]) for m in (await desk.case_in_full(runtime, officer, case.number))["messages"]]


async def only_case(citizen: Citizen):
    async with db.transaction(citizen.runtime.pool) as connection:
        return (await connection.execute(
            select(cases).where(cases.c.conversation_id == citizen.id)
        )).one()


async def test_p02_a_complaint_about_the_officer_is_read_by_somebody_else_who_is_named(runtime, talk):
    case, accused = await talk.case(), await talk.officer()
    head = await person(runtime, "head", "kependudukan")
    before = (await desk.case_in_full(runtime, accused, case.number))["messages"]
    receipt = await talk.writes(COMPLAINT)  # stored, and its turn has not run yet
    assert (await desk.case_in_full(runtime, accused, case.number))["messages"] == before
    await turn.drain(talk.runtime, talk.id)
    (made,) = await complaints(runtime)
    reader = await officer_row(runtime, made.officer_id)
    assert reader.role == "inspector"
    assert {accused.id, head.id} <= set(made.kept_from)
    (told,) = await talk.sees(after=receipt.seq)
    for words in (made.number, reader.name, reader.title, accused.name, "tidak bisa membacanya",
                  "Dibalas paling lambat", f"/kasus/{made.number}?k="):
        assert words in told["text"]
    own = await conversations.read(runtime, made.conversation_id)
    assert own[0]["text"] == COMPLAINT
    assert any(accused.name in m["text"] and case.number in m["text"] for m in own if m["author"] == "system")
    assert (await only_case(talk)).officer_id == accused.id  # their own matter goes on as it was
    assert await talk.fates() == ["new_case", "command"]


async def test_p02_whom_it_is_about_sees_nothing_of_it_anywhere(served, runtime, talk):
    case, accused = await talk.case(), await talk.officer()
    before = await desk.case_in_full(runtime, accused, case.number)
    unread = await lists.unread(runtime, accused)
    await says(talk, COMPLAINT)
    (made,) = await complaints(runtime)
    head = await person(runtime, "head", "kependudukan")
    after = await desk.case_in_full(runtime, accused, case.number)
    assert (after["messages"], after["events"]) == (before["messages"], before["events"])
    assert await lists.unread(runtime, accused) == unread
    for kept in (accused, head):
        with pytest.raises(NotFound):
            await desk.case_in_full(runtime, kept, made.number)
        with pytest.raises(NotFound):
            await desk.locate(runtime, kept, made.number)
        for text in ("jutek", made.number):
            assert (await lists.find(runtime, kept, text, {})).lines == []
        client = await console(served, kept)
        for path in ("/petugas?lingkup=unit", f"/petugas/kasus/{case.number}", "/petugas/kabar"):
            shown = (await client.get(path)).text
            assert made.number not in shown
            assert "jutek" not in shown
    assert made.number not in await merging.mergeable(runtime, case.id)
    with pytest.raises(Conflict, match="not_mergeable"):
        await merging.merge(runtime, accused, case.id, made.number, "sama")
    async with db.transaction(runtime.pool) as connection:
        told = {one.officer_id for one in await notices.told_of(connection, made.id)}
    assert not told & {accused.id, head.id}


async def test_p02_the_citizen_finds_it_beside_their_case_and_goes_on_there(served, runtime, talk):
    await says(talk, COMPLAINT)
    (made,) = await complaints(runtime)
    _, page = await browser(served, talk)
    assert any(f"/kasus/{made.number}?k=" in href for href in page.attributes("a", "href"))
    opened = await pages.open_case(runtime, made.number, key_of(runtime, made.id, made.key_version))
    inside = Citizen(talk.runtime, opened.conversation_id)
    await says(inside, "Kejadiannya di loket 3.")
    reader = await officer_row(runtime, made.officer_id)
    seen = [m["text"] for m in (await desk.case_in_full(runtime, reader, made.number))["messages"]]
    assert "Kejadiannya di loket 3." in seen
    await verbs.reply(runtime, reader, made.id, "Terima kasih, kami periksa besok.")
    assert "Terima kasih, kami periksa besok." in [m["text"] for m in await inside.sees()]


async def test_p02_a_second_one_joins_the_first_and_one_about_the_reader_is_another(runtime, talk):
    await says(talk, COMPLAINT)
    (told,) = await says(talk, "Anda tidak sopan!")
    (made,) = await complaints(runtime)
    assert made.number in told["text"]
    inside = Citizen(talk.runtime, made.conversation_id)
    await says(inside, "petugasnya memang kasar sekali")  # still about the first
    assert len(await complaints(runtime)) == 1
    reader = await officer_row(runtime, made.officer_id)
    await says(inside, "Anda juga tidak sopan")
    about_reader = (await complaints(runtime))[-1]
    assert about_reader.id != made.id
    assert reader.id in about_reader.kept_from
    assert about_reader.officer_id != reader.id


async def test_p02_what_was_no_complaint_goes_to_the_officer_by_one_tap(runtime, talk):
    accused, case = await talk.officer(), await talk.case()
    await says(talk, "petugas dinas lain kasar, bagaimana caranya ya")
    await talk.taps("Ini bukan keluhan")
    (made,) = await complaints(runtime)
    assert (made.status, made.closed_reason) == ("closed", "withdrawn")
    seen = [m["text"] for m in (await desk.case_in_full(runtime, accused, case.number))["messages"]]
    assert "petugas dinas lain kasar, bagaimana caranya ya" in seen
    assert accused.name in (await talk.sees())[-1]["text"]
    assert [line["number"] for line in (await lists.find(runtime, accused, "dinas lain", {})).lines] == [case.number]
    assert await talk.fates() == ["new_case", "command", "case"]
    await talk.taps("Ini bukan keluhan")  # once is enough
    assert "tidak berlaku" in (await talk.sees())[-1]["text"]


async def test_p02_by_a_tap_under_what_the_officer_said(served, runtime, talk):
    accused, case = await talk.officer(), await talk.case()
    before = await words_of(runtime, accused, case)
    client, page = await browser(served, talk)
    form = next(f for f in page.forms if any(value.startswith("complain:") for _, _, value in f.buttons))
    button = next(value for title, _, value in form.buttons if title == "Keluhkan petugas ini")
    await client.post(form.action, data={**form.fields, "tombol": button})
    await turn.drain(talk.runtime, talk.id)
    (made,) = await complaints(runtime)
    own = await conversations.read(runtime, made.conversation_id)
    assert accused.name in own[0]["text"]
    assert "“Hari ini diperiksa.”" in own[0]["text"]
    assert accused.id in made.kept_from
    assert await words_of(runtime, accused, case) == before
    assert made.number in (await talk.sees())[-1]["text"]


async def test_p02_what_is_said_to_the_bot_or_of_somebody_else_is_no_matter_of_this_rule(runtime, talk):
    for text in ("suami saya kasar pak", "petugasnya ramah sekali", "kapan selesainya pak?"):
        await says(talk, text)
    assert await complaints(runtime) == []
    assert (await talk.fates())[1:] == ["case"] * 3


async def test_p02_where_nobody_else_is_left_it_reaches_the_officer_and_nothing_is_lost(runtime, talk):
    accused = await talk.officer()
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id != accused.id).values(active=False))
    await says(talk, COMPLAINT)
    assert await complaints(runtime) == []
    assert (await talk.fates())[-1] == "case"
    seen = (await desk.case_in_full(runtime, accused, (await talk.case()).number))["messages"]
    assert COMPLAINT in [m["text"] for m in seen]
    await talk.taps("Keluhkan petugas ini")
    assert "Ombudsman" in (await talk.sees())[-1]["text"]


async def test_p02_the_head_too_reads_it_where_only_they_are_left(runtime, talk):
    accused, head = await talk.officer(), await person(runtime, "head", "kependudukan")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(
            update(officers).where(officers.c.id.not_in([accused.id, head.id])).values(active=False)
        )
    (told,) = await says(talk, COMPLAINT)
    (made,) = await complaints(runtime)
    assert made.officer_id == head.id
    assert head.name in told["text"]


async def test_p01_two_workers_at_once_make_one_complaint_of_one_message(runtime, talk):
    await talk.writes(COMPLAINT)
    await asyncio.gather(*(turn.drain(talk.runtime, talk.id) for _ in range(4)))
    assert len(await complaints(runtime)) == 1
    async with db.transaction(runtime.pool) as connection:
        waiting = (await connection.execute(
            select(messages.c.id).where(messages.c.author == "citizen", messages.c.fate.is_(None))
        )).all()
    assert waiting == []


async def test_p11_a_bribe_is_a_report_all_the_same(runtime, talk):
    accused = await talk.officer()
    await says(talk, f"{accused.name} kasar dan minta uang 200rb")
    assert await complaints(runtime) == []
    assert re.search(r"/lapor/", (await talk.sees())[-1]["text"])

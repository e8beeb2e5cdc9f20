"""One citizen, two conversations: joined by a case's number and key, and two cases about the same thing merged."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handoff.services.case import joining, merging, verbs
from handoff.services.case.cases import key_of
from handoff.services.errors import Conflict, Forbidden, Unprocessable
from handoff.services.post import notices
from handoff.services.talk.inbox import Inbound, receive
from handoff.services.talk.turn import drain
from handoff.services.views import desk, dossier, pages
from handoff.store import db
from handoff.store.crypto import unseal
from handoff.store.schema import citizens, contacts, conversations
from handoff.store.schema_moves import ratings
from tests.support import console
from tests.support.case_page import browser
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.office import open_case, person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def with_case(runtime) -> Citizen:
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    return citizen


async def one_person(runtime) -> tuple[Citizen, Citizen]:
    first, second = await with_case(runtime), await with_case(runtime)
    case = await first.case()
    await joining.join(runtime, second.id, case.number, key_of(runtime, case.id, case.key_version))
    return first, second


async def test_number_and_key_make_one_history_and_addresses_come_along(runtime):
    first, second = await with_case(runtime), await with_case(runtime)
    case = await first.case()
    await receive(runtime, second.id, Inbound("contact", {"email": "bagas@contoh.id"}))
    await drain(runtime, second.id)
    with pytest.raises(Forbidden):
        await joining.join(runtime, second.id, case.number, "x" * 22)
    with pytest.raises(Forbidden):
        await joining.join(runtime, second.id, "0000-0000", key_of(runtime, case.id, case.key_version))
    await joining.join(runtime, second.id, case.number, key_of(runtime, case.id, case.key_version))
    await joining.join(runtime, second.id, case.number, key_of(runtime, case.id, case.key_version))  # twice is once
    async with db.transaction(runtime.pool) as connection:
        people = (await connection.execute(select(conversations.c.citizen_id).distinct())).scalars().all()
        contact = (await connection.execute(
            select(contacts, citizens.c.data_key_id).join(citizens, citizens.c.id == contacts.c.citizen_id)
        )).one()
        key = await runtime.keyring.open(connection, contact.data_key_id)
    assert people == [contact.citizen_id]
    assert unseal(key, contact.id, contact.value_enc) == b"bagas@contoh.id"
    opened = await pages.open_case(runtime, case.number, key_of(runtime, case.id, case.key_version))
    (other,) = await merging.others(runtime, opened.facts)
    assert other[0] == (await second.case()).number


async def test_joining_over_the_chat_api(served, runtime):
    first = await with_case(runtime)
    case, client = await first.case(), await served.client()
    begun = (await client.post("/api/v1/conversations")).json()
    address = f"/api/v1/conversations/{begun['conversation_id']}/join"
    shown = {"number": case.number, "key": key_of(runtime, case.id, case.key_version)}
    assert (await client.post(address, json=shown)).status_code == 401
    client.headers["Authorization"] = f"Bearer {begun['token']}"
    assert (await client.post(address, json={**shown, "key": "salah"})).status_code == 403
    assert (await client.post(address, json={**shown, "number": "bukan"})).status_code == 403
    assert (await client.post(address, json=shown)).status_code == 204


async def test_merged_both_numbers_stay_valid_and_what_is_written_under_the_old_one_is_heard(served, runtime):
    first, second = await one_person(runtime)
    old, new = await first.case(), await second.case()
    owner = await first.officer()
    with pytest.raises(Unprocessable, match="no_reason"):
        await merging.merge(runtime, owner, old.id, new.number, "")
    await merging.merge(runtime, owner, old.id, new.number, "Soalnya sama.")
    done = await first.case()
    assert (done.status, done.closed_reason, done.merged_into) == ("closed", "merged", new.id)
    assert done.officer_id == (await second.case()).officer_id
    await first.asks("datanya masih salah pak", UNSURE)
    assert (await first.case()).status == "closed"
    assert (await first.fates())[-1] == "case"
    assert "datanya masih salah pak" in [m["text"] for m in await second.sees()]
    said = (await first.sees())[-1]
    assert new.number in said["text"]
    assert said["case"]["number"] == new.number
    _, page = await browser(served, first)
    assert f"digabung dengan kasus {new.number}" in page.text
    link = next(href for href in page.attributes("a", "href") if f"/kasus/{new.number}?k=" in href)
    client = await served.client()
    client.follow_redirects = True
    assert new.number in Page(await client.get(link)).text
    found = await dossier.of(runtime, await pages.open_case(runtime, old.number, key_of(runtime, old.id, 0)))
    assert found.facts.row.closed_reason == "merged"


async def test_p01_open_again_under_a_merged_number_is_heard_where_the_case_goes_on(runtime):
    """The button stands there from before: it used to break the turn, and everything after it waited for ever."""
    first, second = await one_person(runtime)
    old, new = await first.case(), await second.case()
    await first.taps("Batalkan kasus")
    await first.taps("1 (buruk)")
    await first.asks("datanya masih salah", UNSURE)
    await merging.merge(runtime, await first.officer(), old.id, new.number, "Soalnya sama.")
    await first.taps("Buka lagi kasus ini")
    done = await first.case()
    assert (done.status, done.merged_into) == ("closed", new.id)
    assert (await first.fates())[-1] == "case"
    assert new.number in (await first.sees())[-1]["text"]
    await second.taps("Batalkan kasus")
    await first.taps("Buka lagi kasus ini")  # and again where that one was closed meanwhile
    assert (await second.case()).status == "in_progress"
    assert None not in await first.fates()


async def test_p07_a_case_is_not_merged_away_from_its_promise_nor_from_who_waits(runtime, clock):
    """An old case, merged into one of today, would have a new time to be settled in."""
    first = await with_case(runtime)
    clock.forward(timedelta(days=7))
    second = await with_case(runtime)
    old, new = await first.case(), await second.case()
    await joining.join(runtime, second.id, old.number, key_of(runtime, old.id, old.key_version))
    with pytest.raises(Conflict, match="merge_later"):
        await merging.merge(runtime, await first.officer(), old.id, new.number, "Soalnya sama.")
    await verbs.reply(runtime, await first.officer(), old.id, "Kami ubah hari ini.")
    assert (await first.case()).waiting_since is None
    await merging.merge(runtime, await second.officer(), new.id, old.number, "Soalnya sama.")
    after = await first.case()
    assert (after.resolve_by, after.waiting_since) == (old.resolve_by, new.waiting_since)
    assert after.reply_by is not None


async def test_p06_merging_moves_no_case_to_a_unit_that_has_not_accepted_it(runtime):
    first, other = await with_case(runtime), await open_case(runtime, topic="bansos_cek")
    old = await first.case()
    await joining.join(runtime, other.conversation_id, old.number, key_of(runtime, old.id, old.key_version))
    with pytest.raises(Conflict, match="not_mergeable"):
        await merging.merge(runtime, await first.officer(), old.id, other.number, "bukan urusan saya")
    assert (await first.case()).status == "assigned"


async def test_merging_by_the_form_on_the_page(served, runtime):
    first, second = await one_person(runtime)
    old, new = await first.case(), await second.case()
    client = await console.browser(served, await first.officer())
    page = await console.opened(client, old.number)
    form = next(f for f in page.forms if f.action.endswith("/gabung"))
    answer = await client.post(form.action, data={**form.fields, "kasus": new.number, "pesan": "Soalnya sama."})
    assert "kedua nomor tetap berlaku" in Page(answer).text
    assert (await first.case()).merged_into == new.id


async def test_what_cannot_be_merged(runtime):
    first, second = await with_case(runtime), await with_case(runtime)  # two citizens
    old, new, owner = await first.case(), await second.case(), await first.officer()
    for into in (new.number, old.number, "0000-0000"):
        with pytest.raises(Conflict, match="not_mergeable"):
            await merging.merge(runtime, owner, old.id, into, "sama")
    first, second = await one_person(runtime)
    old, new, owner = await first.case(), await second.case(), await first.officer()
    for who, error in ((await colleague(runtime, owner), Conflict), (await person(runtime, "auditor"), Conflict)):
        with pytest.raises(error, match="not_your_case"):
            await merging.merge(runtime, who, old.id, new.number, "sama")
    await second.taps("Batalkan kasus")
    with pytest.raises(Conflict, match="not_mergeable"):  # into a closed one nobody merges a case away
        await merging.merge(runtime, owner, old.id, new.number, "sama")
    assert (await first.case()).status == "assigned"


RATING = "Cepat & ramah. NIK saya 3171011708450001"


async def test_a_rating_with_a_word_from_the_page(served, runtime):
    citizen = await with_case(runtime)
    case = await citizen.case()
    await verbs.propose(runtime, await citizen.officer(), case.id, "Data sudah kami ubah.", cause="delay")
    await citizen.taps("Sudah selesai")
    client, page = await browser(served, citizen)
    form = next(f for f in page.forms if any("rate:" in value for _, _, value in f.buttons))
    best = next(value for title, _, value in form.buttons if title.startswith("5"))
    await client.post(form.action, data={**form.fields, "pesan": RATING, "tombol": best})
    await drain(runtime, citizen.id)
    async with db.transaction(runtime.pool) as connection:
        rating = (await connection.execute(select(ratings))).one()
        key_id = (await connection.execute(
            select(conversations.c.data_key_id).where(conversations.c.id == citizen.id)
        )).scalar_one()
        key = await runtime.keyring.open(connection, key_id)
    assert (rating.stars, unseal(key, rating.id, rating.comment_enc)) == (5, RATING.encode())
    assert (await citizen.case()).status == "closed"
    # Nothing that a citizen writes is put where nobody reads it.
    owner = await citizen.officer()
    assert "rated" in {notice.kind for notice in await notices.listed(runtime, owner)}
    shown = await console.opened(await console.browser(served, owner), case.number)
    assert "5 dari 5" in shown.text
    assert "Cepat & ramah. NIK saya [NIK]" in shown.text
    assert "3171011708450001" not in shown.text
    assert "Komentar Anda: Cepat & ramah" in (await browser(served, citizen))[1].text
    auditor = await desk.case_in_full(runtime, await person(runtime, "auditor"), case.number)
    assert "Cepat" not in repr(auditor)

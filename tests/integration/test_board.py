"""The board of who leads: whose case is due when, and giving a case to somebody else with a reason."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from handoff.services.case import verbs
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.people import office
from handoff.services.talk import conversations
from handoff.services.views import desk, leading
from handoff.store import audit, db
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.console import browser
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WHY = "Bonar lebih paham akta <b>"


async def owner_of(runtime, conversation_id):
    async with db.transaction(runtime.pool) as connection:
        return (await connection.exec_driver_sql(
            "SELECT owner_officer_id FROM conversations WHERE id = %s", (conversation_id,)
        )).scalar_one()


# --- the verb ---------------------------------------------------------------------------------------------------------


async def test_p02_a_case_given_to_another_keeps_number_and_promises_and_the_citizen_reads_who(runtime, settings):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    before, owner, head = await citizen.case(), await citizen.officer(), await person(runtime, "head", "kependudukan")
    other = await colleague(runtime, owner)
    await verbs.take_over(runtime, owner, before.id)
    await verbs.reassign(runtime, head, before.id, other.id, WHY, owner.id)
    after = await citizen.case()
    assert (after.officer_id, after.status, after.number) == (other.id, "in_progress", before.number)
    assert (after.respond_by, after.resolve_by) == (before.respond_by, before.resolve_by)
    assert await owner_of(runtime, citizen.id) == other.id  # P4: the conversation goes with its case
    told = (await citizen.sees())[-1]
    assert told["text"].startswith(f"Kasus {before.number} sekarang ditangani {other.name}, {other.title}.")
    assert told["case"]["officer"]["name"] == other.name
    assert WHY not in json.dumps(await citizen.sees())
    with pytest.raises(Conflict) as refused:
        await verbs.reply(runtime, owner, before.id, "Saya lanjutkan besok.")
    assert refused.value.code == "not_your_case"
    await verbs.reply(runtime, other, before.id, "Saya lanjutkan besok.")
    event = (await desk.case_in_full(runtime, other, before.number))["events"][-2]
    assert (event["type"], event["officer"]["name"]) == ("reassigned", head.name)
    assert (event["body"]["why"], event["body"]["officer_was"]) == (WHY, str(owner.id))
    seen = await desk.case_in_full(runtime, await person(runtime, "auditor"), before.number)
    assert WHY not in json.dumps(seen)  # a reason may tell of the citizen
    async with db.transaction(runtime.pool) as connection:
        await audit.verify(connection, settings)


async def test_a_supervisor_takes_a_case_from_whoever_has_it(runtime):
    case, supervisor = await open_case(runtime), await person(runtime, "supervisor")
    owner = await officer_row(runtime, case.officer_id)
    await verbs.take_over(runtime, owner, case.id)
    await verbs.hand_back(runtime, owner, case.id)
    await verbs.reassign(runtime, supervisor, case.id, supervisor.id, WHY)
    assert await owner_of(runtime, case.conversation_id) == supervisor.id
    await verbs.reply(runtime, supervisor, case.id, "Saya yang membantu hari ini.")


async def test_the_bot_goes_on_where_it_speaks_until_the_new_officer_takes_over(runtime):
    case = await open_case(runtime)
    owner = await officer_row(runtime, case.officer_id)
    await verbs.hand_back(runtime, owner, case.id)
    await verbs.reassign(
        runtime, await person(runtime, "supervisor"), case.id, (await colleague(runtime, owner)).id, WHY
    )
    assert await owner_of(runtime, case.conversation_id) is None


async def test_what_is_refused_changes_nothing(runtime):
    case = await open_case(runtime)
    owner, head = await officer_row(runtime, case.officer_id), await person(runtime, "head", "kependudukan")
    other, stranger = await colleague(runtime, owner), await person(runtime, "officer", "sosial")
    said = len(await conversations.read(runtime, case.conversation_id))
    for actor, target, why, held_by, error, code in (
        (owner, other.id, WHY, owner.id, Forbidden, "forbidden"),
        (await person(runtime, "head", "sosial"), other.id, WHY, owner.id, Forbidden, "forbidden"),
        (head, stranger.id, WHY, owner.id, Conflict, "not_assignable"),
        (head, case.id, WHY, owner.id, Conflict, "not_assignable"),  # nobody's id
        (head, other.id, " ", owner.id, Unprocessable, "no_reason"),
        (head, other.id, WHY, other.id, Conflict, "conflict"),  # the page was old
    ):
        with pytest.raises(error) as refused:
            await verbs.reassign(runtime, actor, case.id, target, why, held_by)
        assert refused.value.code == code
    await verbs.reassign(runtime, head, case.id, owner.id, WHY)  # has it already
    assert len(await conversations.read(runtime, case.conversation_id)) == said
    assert (await desk.summary(runtime, owner, case.number))["officer"]["id"] == str(owner.id)


# --- the board --------------------------------------------------------------------------------------------------------


async def test_the_board_groups_by_officer_the_next_deadline_first(runtime, clock):
    first = await open_case(runtime)
    clock.forward(timedelta(minutes=10))
    second = await open_case(runtime)
    head = await person(runtime, "head", "kependudukan")
    await office.set_away(runtime, await officer_row(runtime, second.officer_id), True)
    found = await leading.board(runtime, head)
    assert found.unit.slug == "kependudukan"
    assert [unit.slug for unit in found.units] == ["kependudukan"]
    assert [[line["number"] for line in holder.lines] for holder in found.holders] == [
        [first.number], [second.number], []
    ]
    assert [(h.colleague.on_duty, h.colleague.away) for h in found.holders] == [
        (True, False), (True, True), (True, False)
    ]
    supervisor = await person(runtime, "supervisor")
    everywhere = await leading.board(runtime, supervisor)
    assert (everywhere.unit.slug, len(everywhere.units)) == ("kependudukan", 8)
    assert {u.slug: u.open for u in everywhere.units if u.open} == {"kependudukan": 2}
    assert (await leading.board(runtime, supervisor, "sosial")).unit.slug == "sosial"
    with pytest.raises(NotFound):
        await leading.board(runtime, head, "sosial")


async def test_a_case_is_given_away_on_the_page_and_a_refusal_keeps_what_was_typed(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    other = await colleague(served.runtime, owner)
    client = await browser(served, await person(served.runtime, "head", "kependudukan"))
    page = Page(await client.get("/petugas/papan"))
    assert f"{owner.name}" in page.text
    assert f"/petugas/papan/{case.number}" in page.attributes("a", "href")
    page = Page(await client.get(f"/petugas/papan/{case.number}"))
    form = page.form("alasan")
    assert page.attributes("input", "value").count(str(owner.id)) == 1  # who has it is no choice
    empty = await client.post(form.action, data={**form.fields, "petugas": str(other.id), "alasan": " "})
    assert empty.status_code == 422
    assert "Tulis dulu alasannya." in Page(empty).text
    nobody = await client.post(form.action, data={**form.fields, "petugas": "", "alasan": WHY})
    assert nobody.status_code == 422
    assert Page(nobody).form("alasan").fields["alasan"] == WHY
    done = await client.post(form.action, data={**form.fields, "petugas": str(other.id), "alasan": WHY})
    assert done.url.path == "/petugas/papan"
    assert f"Kasus {case.number} sekarang ditangani {other.name}." in Page(done).text
    again = await client.post(form.action, data={**form.fields, "petugas": str(other.id), "alasan": WHY})
    assert again.status_code == 200
    head = (await person(served.runtime, "head", "kependudukan")).id
    late = await client.post(form.action, data={**form.fields, "petugas": str(head), "alasan": WHY})
    assert late.status_code == 409  # it has left the hands that the form names
    events = (await desk.case_in_full(served.runtime, other, case.number))["events"]
    assert [event["type"] for event in events] == ["opened", "reassigned"]


# --- who may ----------------------------------------------------------------------------------------------------------

# The queue's fragment, what is unread, the search, the duty switch; the board, its form, giving a case away.
ROLES: dict[str, tuple[int, ...]] = {
    "the case's officer": (200, 200, 200, 303, 403, 403, 403),
    "another unit's officer": (200, 200, 200, 303, 403, 403, 403),
    "the unit's head": (200, 200, 200, 303, 200, 200, 303),
    "another unit's head": (200, 200, 200, 303, 200, 404, 404),
    "supervisor": (200, 200, 200, 403, 200, 200, 303),
    "inspector": (200, 200, 200, 303, 403, 403, 403),
    "data_officer": (200, 200, 200, 303, 403, 403, 403),
    "auditor": (200, 200, 200, 403, 403, 403, 403),
    "admin": (403, 403, 403, 403, 403, 403, 403),
    "nobody": (303, 303, 401, 401, 303, 303, 401),
    "without the token": (200, 200, 403, 403, 200, 200, 403),
}
LED = {"the unit's head": "kependudukan", "another unit's head": "sosial", "another unit's officer": "sosial"}


@pytest.mark.parametrize("name", ROLES)
async def test_role_by_route(served, name):
    runtime = served.runtime
    case = await open_case(runtime)
    owner = await officer_row(runtime, case.officer_id)
    if name == "nobody":
        found = None
    elif name == "the case's officer":
        found = owner
    else:
        role = "head" if name == "without the token" else name.rpartition(" ")[2]
        found = await person(runtime, role, LED.get(name, "kependudukan" if role == "head" else None))
    client = await browser(served, found)
    tokens = [f.fields["tanda"] for f in Page(await client.get("/petugas/kata-sandi")).forms if "tanda" in f.fields]
    sent = {"tanda": tokens[0] if tokens and name != "without the token" else "", "semula": str(owner.id),
            "petugas": str((await colleague(runtime, owner)).id), "alasan": WHY, "cari": "kasus",
            "keadaan": "istirahat"}
    client.follow_redirects = False
    of_case = f"/petugas/papan/{case.number}"
    results = [(await client.get(path)).status_code for path in ("/petugas/daftar", "/petugas/hitungan")]
    results += [(await client.post(path, data=sent)).status_code for path in ("/petugas/cari", "/petugas/tugas")]
    results += [(await client.get(path)).status_code for path in ("/petugas/papan", of_case)]
    results.append((await client.post(of_case, data=sent)).status_code)
    assert tuple(results) == ROLES[name]

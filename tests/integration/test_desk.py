"""What officers look at: the right cases in the right order, words for who needs them, every look recorded."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError

from handoff.domain.case import Role, Status
from handoff.services.attachments import files
from handoff.services.case import verbs
from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.people import staff
from handoff.services.talk import conversations, inbox, publications, turn
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import cases, data_keys
from handoff.store.schema_desk import publication_events
from handoff.store.schema_record import access_log
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import officer_row, open_case, person, picture

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WORDS = "anak saya Bagas sakit keras"


async def looks(runtime) -> list[tuple[str, str]]:
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(access_log).order_by(access_log.c.id))).all()
    return [((await officer_row(runtime, row.officer_id)).role, row.what) for row in rows]


async def numbers(runtime, officer, scope="unit", **more) -> list[str]:
    return [line["number"] for line in await desk.cases_of(runtime, officer, scope, **more)]


# --- lists ------------------------------------------------------------------------------------------------------------


async def test_the_list_puts_the_next_deadline_first(runtime, clock):
    first = await open_case(runtime)
    clock.forward(timedelta(minutes=10))
    second = await open_case(runtime)
    clock.forward(timedelta(minutes=10))
    third = await open_case(runtime)
    head = await person(runtime, "head", "kependudukan")
    assert await numbers(runtime, head) == [first.number, second.number, third.number]
    owner = await officer_row(runtime, first.officer_id)
    await verbs.reply(runtime, owner, first.id, "Baik, saya ubah.")  # now only its resolution is due, days later
    assert await numbers(runtime, head) == [second.number, third.number, first.number]


async def test_a_line_tells_what_a_list_needs_and_no_word_of_the_citizen(runtime):
    case = await open_case(runtime, WORDS, "low_confidence", "ktp_hilang", intent="ktp_hilang", confidence=0.2)
    officer = await officer_row(runtime, case.officer_id)
    (line,) = await desk.cases_of(runtime, officer, "mine")
    assert line.pop("officer") == {"id": str(officer.id), "name": officer.name, "title": officer.title}
    assert line == {
        "number": case.number, "status": "assigned", "closed_reason": None, "reason": "low_confidence",
        "topic": "ktp_hilang", "urgent": False, "channel": "web", "owner": "officer",
        "unit": {"slug": "kependudukan", "name": "Dinas Kependudukan dan Pencatatan Sipil"}, "last_seq": 2,
        "opened_at": "2026-11-24T10:00:00+07:00", "waiting_since": "2026-11-24T10:00:00+07:00",
        "respond_by": "2026-11-24T11:00:00+07:00", "reply_by": "2026-11-24T11:00:00+07:00",
        "resolve_by": "2026-12-01T16:00:00+07:00", "next_deadline": "2026-11-24T11:00:00+07:00",
        "first_replied_at": None, "proposed_at": None, "closed_at": None, "undelivered_since": None,
        "mail_failed_at": None, "reply_undelivered_since": None,
        "offer": None, "dismissal_by": None, "supervisor": None, "merged_into": None,
    }
    await verbs.hand_back(runtime, officer, case.id)
    assert (await desk.cases_of(runtime, officer, "mine"))[0]["owner"] == "bot"
    assert await looks(runtime) == []  # a list shows nobody's words


async def test_a_reopened_case_is_due_by_its_new_promise(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    officer, case = await citizen.officer(), await citizen.case()
    await verbs.propose(runtime, officer, case.id, "KTP baru sudah jadi.", cause="delay")
    await citizen.taps("Sudah selesai")
    clock.forward(timedelta(days=1))
    await citizen.asks("ternyata belum", UNSURE)
    (line,) = await desk.cases_of(runtime, officer, "mine")
    assert line["next_deadline"] == line["respond_by"] == "2026-11-25T11:00:00+07:00"


async def test_scopes(runtime):
    ours = await open_case(runtime, topic="ktp_hilang")
    theirs = await open_case(runtime, topic="wlkp_data_salah")
    officer = await officer_row(runtime, ours.officer_id)
    everything = {ours.number, theirs.number}
    for role, unit, scope, expected in [
        ("officer", "kependudukan", "unit", {ours.number}), ("head", "tenaga_kerja", "unit", {theirs.number}),
        ("head", "kependudukan", "mine", set()), ("officer", "sosial", "unit", set()),
        ("supervisor", None, "all", everything), ("supervisor", None, "mine", set()),
        ("auditor", None, "all", everything), ("data_officer", None, "unit", set()),
    ]:
        assert set(await numbers(runtime, await person(runtime, role, unit), scope)) == expected, (role, unit, scope)
    assert await numbers(runtime, officer, "mine") == [ours.number]


@pytest.mark.parametrize(("role", "scope"), [
    ("officer", "all"), ("head", "all"), ("inspector", "all"), ("data_officer", "all"),
    ("admin", "all"), ("admin", "unit"), ("admin", "mine"),
])
async def test_scopes_beyond_a_role(runtime, role, scope):
    with pytest.raises(Forbidden):
        await desk.cases_of(runtime, await person(runtime, role), scope)


async def test_status_and_pages(runtime, clock, monkeypatch):
    monkeypatch.setattr(desk, "LISTED", 2)
    opened = []
    for _ in range(3):
        opened.append(await open_case(runtime))
        clock.forward(timedelta(minutes=1))
    head = await person(runtime, "head", "kependudukan")
    await verbs.take_over(runtime, await officer_row(runtime, opened[1].officer_id), opened[1].id)
    assert await numbers(runtime, head, status=Status.in_progress) == [opened[1].number]
    assert await numbers(runtime, head, status=Status.assigned) == [opened[0].number, opened[2].number]
    assert await numbers(runtime, head) == [opened[0].number, opened[1].number]
    assert await numbers(runtime, head, offset=2) == [opened[2].number]


async def test_closed_cases_are_asked_for_and_come_latest_first(runtime, clock):
    closed = []
    for _ in range(2):
        citizen = await Citizen.arrives(runtime)
        await citizen.asks("zzz", UNSURE)
        await citizen.taps("Batalkan kasus")
        closed.append((await citizen.case()).number)
        clock.forward(timedelta(minutes=1))
    head = await person(runtime, "head", "kependudukan")
    assert await numbers(runtime, head) == []
    assert await numbers(runtime, head, status=Status.closed) == closed[::-1]


# --- one case ---------------------------------------------------------------------------------------------------------


async def test_a_case_in_full_has_the_conversation_with_notes_and_every_event(runtime):
    case = await open_case(runtime, WORDS, "asked_for_officer")
    officer = await officer_row(runtime, case.officer_id)
    await verbs.take_over(runtime, officer, case.id)
    await verbs.note(runtime, officer, case.id, "cek blangko dulu")
    shown = await desk.case_in_full(runtime, officer, case.number)
    assert [(m["author"], m["kind"]) for m in shown["messages"]] == [
        ("citizen", "text"), ("system", "text"), ("system", "text"), ("officer", "note")
    ]
    assert shown["messages"][0]["text"] == WORDS
    assert shown["messages"][-1]["text"] == "cek blangko dulu"
    assert [e["type"] for e in shown["events"]] == ["opened", "taken_over", "noted"]
    assert shown["events"][0]["body"]["reason"] == "asked_for_officer"
    assert shown["events"][1]["officer"] == {"name": officer.name, "title": officer.title}
    (item,) = shown["items"]
    assert item == {"seq": 1, "reason": "asked_for_officer", "created_at": shown["opened_at"], "answer": None}
    assert await looks(runtime) == [("officer", "case")]


async def test_the_citizens_key_of_the_case_is_not_shown_to_officers(runtime):
    case = await open_case(runtime)
    shown = await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number)
    assert shown["messages"][1]["case"]["number"] == case.number
    assert "?k=" not in json.dumps(shown)


async def test_a_disputed_answer_comes_with_everything_it_rested_on(runtime):
    citizen = await Citizen.arrives(runtime)
    (given,) = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    case = await citizen.case()
    shown = await desk.case_in_full(runtime, await citizen.officer(), case.number)
    (item,) = shown["items"]
    answer = item["answer"]
    assert item["reason"] == "disputed_answer"
    assert (answer["id"], answer["topic"]) == (given["answer"]["id"], "ktp_hilang")
    assert (answer["question_seq"], answer["seq"]) == (1, 2)
    assert (answer["confidence"], answer["threshold"], answer["model_version"]) == (0.9, 0.5, "test")
    assert answer["catalogue_version"] == runtime.catalogue.version
    assert answer["sources"] == given["answer"]["sources"] != []
    assert [r["name"] for r in answer["ranking"]] == ["ktp_hilang", "ktp_rusak"]
    assert shown["messages"][1]["answer"] == answer


async def test_an_auditor_sees_clocks_and_events_and_no_words(runtime):
    case = await open_case(runtime, WORDS, "low_confidence", intent="ktp_hilang", ranking=[{"name": "x"}])
    shown = await desk.case_in_full(runtime, await person(runtime, "auditor"), case.number)
    assert shown["words"] is False
    assert {"messages", "items"}.isdisjoint(shown)
    assert "Bagas" not in json.dumps(shown)
    (event,) = shown["events"]
    assert event["body"]["reason"] == "low_confidence"
    assert {"intent", "ranking", "message_id"}.isdisjoint(event["body"])
    assert await looks(runtime) == [("auditor", "events")]


async def test_a_confidential_report_is_read_by_its_officer_only(runtime):
    case = await open_case(runtime, WORDS)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(cases).where(cases.c.id == case.id).values(reason="confidential_report"))
    owner = await officer_row(runtime, case.officer_id)
    assert (await desk.case_in_full(runtime, owner, case.number))["words"] is True
    assert (await desk.case_in_full(runtime, await person(runtime, "auditor"), case.number))["words"] is False
    for role, unit in (("head", "kependudukan"), ("supervisor", None), ("inspector", None)):
        with pytest.raises(NotFound):
            await desk.case_in_full(runtime, await person(runtime, role, unit), case.number)


@pytest.mark.parametrize(("role", "unit", "error"), [
    ("officer", "sosial", NotFound), ("head", "sosial", NotFound), ("inspector", "inspektorat", NotFound),
    ("data_officer", None, NotFound), ("admin", None, Forbidden),
])
async def test_a_case_of_another_unit_is_not_there(runtime, role, unit, error):
    case, officer = await open_case(runtime), await person(runtime, role, unit)
    for look in (desk.case_in_full, desk.summary, desk.locate):
        with pytest.raises(error):
            await look(runtime, officer, case.number)
    assert await looks(runtime) == []


async def test_an_officer_keeps_seeing_a_case_of_their_own_in_another_unit(runtime):
    case, supervisor = await open_case(runtime), await person(runtime, "supervisor")
    await verbs.take_over(runtime, supervisor, case.id, why="menggantikan yang sakit")
    moved = await staff.add_officer(runtime, name="Ida Bagus", title="Petugas", unit="sosial", role=Role.officer)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(cases).where(cases.c.id == case.id).values(officer_id=moved.id))
        await connection.exec_driver_sql("UPDATE conversations SET owner_officer_id = %s", (moved.id,))
    assert (await desk.case_in_full(runtime, await officer_row(runtime, moved.id), case.number))["words"]


async def test_after_erasure_the_record_stands_and_the_words_are_gone(runtime):
    case = await open_case(runtime, WORDS)
    officer = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, officer, case.id, "Semoga lekas sembuh, Bagas.")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(data_keys).values(wrapped=None, destroyed_at=runtime.clock()))
    for key_id in list(runtime.keyring._opened):
        runtime.keyring.forget(key_id)
    shown = await desk.case_in_full(runtime, officer, case.number)
    assert [e["type"] for e in shown["events"]] == ["opened", "replied"]
    assert {e["body"] for e in shown["events"]} == {None}
    assert {m["text"] for m in shown["messages"]} == {"Data ini telah dihapus atas permintaan warga."}


async def test_a_long_conversation_begins_with_its_newest_page(runtime, monkeypatch):
    monkeypatch.setattr(desk, "PAGE", 5)
    case = await open_case(runtime)
    officer = await officer_row(runtime, case.officer_id)
    for n in range(9):
        await verbs.note(runtime, officer, case.id, f"catatan {n}")
    shown = await desk.case_in_full(runtime, officer, case.number)
    assert [m["seq"] for m in shown["messages"]] == [7, 8, 9, 10, 11]
    earlier = await desk.case_in_full(runtime, officer, case.number, after=0)
    assert [m["seq"] for m in earlier["messages"]][:3] == [1, 2, 3]


async def test_a_file_is_for_who_may_read_words_and_the_look_is_recorded(runtime):
    citizen = await Citizen.arrives(runtime)
    stored = files.keep(runtime, await conversations.data_key_of(runtime, citizen.id), "ktp.png", picture())
    await inbox.receive(runtime, citizen.id, Inbound("file", {"text": ""}, files=(stored,)))
    await turn.drain(runtime, citizen.id)
    case, officer = await citizen.case(), await citizen.officer()
    shown = await desk.case_in_full(runtime, officer, case.number)
    (file,) = shown["messages"][0]["attachments"]
    assert file["url"] == f"/api/v1/officer/cases/{case.number}/files/{stored.id}"
    row, data_key, name = await desk.open_file(runtime, officer, case.number, stored.id)
    assert (name, row.mime) == ("ktp.png", "image/png")
    assert files.read(runtime, data_key, row.id).startswith(b"\x89PNG")
    with pytest.raises(Forbidden):
        await desk.open_file(runtime, await person(runtime, "auditor"), case.number, stored.id)
    other = await open_case(runtime)
    with pytest.raises(NotFound):  # a file of another conversation
        await desk.open_file(runtime, await person(runtime, "supervisor"), other.number, stored.id)
    assert await looks(runtime) == [("officer", "case"), ("officer", "file")]


async def test_the_applications_role_cannot_take_back_a_look(runtime):
    case = await open_case(runtime)
    await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number)
    for statement in ("DELETE FROM access_log", "UPDATE access_log SET what = 'x'", "DELETE FROM publication_events",
                      "UPDATE publication_events SET reason = 'x'"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with db.transaction(runtime.pool) as connection:
                await connection.exec_driver_sql(statement)


# --- publications -----------------------------------------------------------------------------------------------------


async def test_every_suspension_and_republication_raises_the_epoch_and_is_kept(runtime, clock):
    head, supervisor = await person(runtime, "head"), await person(runtime, "supervisor")
    assert await publications.suspend(runtime, head, "ktp_hilang", " syaratnya keliru ") == 1
    clock.forward(timedelta(hours=1))
    assert await publications.suspend(runtime, supervisor, "ktp_hilang", "biayanya juga") == 2
    assert await publications.republish(runtime, supervisor, "ktp_hilang") == 3
    async with db.transaction(runtime.pool) as connection:
        kept = (await connection.execute(select(publication_events).order_by(publication_events.c.epoch))).all()
    assert [(e.epoch, e.suspended, e.reason, e.officer_id) for e in kept] == [
        (1, True, "syaratnya keliru", head.id), (2, True, "biayanya juga", supervisor.id),
        (3, False, None, supervisor.id),
    ]
    assert kept[1].at - kept[0].at == timedelta(hours=1)


@pytest.mark.parametrize("role", ["officer", "inspector", "data_officer", "auditor", "admin"])
async def test_who_may_not_publish(runtime, role):
    officer = await person(runtime, role)
    with pytest.raises(Forbidden):
        await publications.suspend(runtime, officer, "ktp_hilang", "keliru")
    with pytest.raises(Forbidden):
        await publications.republish(runtime, officer, "ktp_hilang")


async def test_what_cannot_be_suspended_or_republished(runtime):
    head = await person(runtime, "head")
    for topic, reason, error in (("tidak_ada", "x", NotFound), ("ktp_hilang", "  ", Unprocessable)):
        with pytest.raises(error):
            await publications.suspend(runtime, head, topic, reason)
    with pytest.raises(NotFound):
        await publications.republish(runtime, head, "tidak_ada")
    with pytest.raises(Conflict):
        await publications.republish(runtime, head, "ktp_hilang")


async def test_a_suspended_answer_is_given_to_nobody_and_a_republished_one_again(runtime):
    head = await person(runtime, "head")
    await publications.suspend(runtime, head, "ktp_hilang", "keliru")
    citizen = await Citizen.arrives(runtime)
    (card,) = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert card["case"]["reason"] == "suspended_answer"
    await publications.republish(runtime, head, "ktp_hilang")
    citizen = await Citizen.arrives(runtime)
    (given,) = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert given["answer"]["topic"] == "ktp_hilang"

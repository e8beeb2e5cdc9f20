"""P11: who wishes it is erased: what goes, what stays, how long it can be taken back, and that no crash stops it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update

from handoff.bot import BotAway
from handoff.services.attachments import files
from handoff.services.case import verbs
from handoff.services.errors import Gone, NotFound, Unavailable
from handoff.services.post import notices
from handoff.services.rights import erasing
from handoff.services.talk import conversations as talk
from handoff.services.talk import inbox, turn
from handoff.services.talk.conversations import Doorkeeper
from handoff.services.talk.inbox import Inbound
from handoff.services.views import desk
from handoff.store import audit, crypto, db
from handoff.store.schema import conversations, data_keys, outbox
from handoff.store.schema_clocks import asked_reminders, mails
from handoff.store.schema_record import case_events
from handoff.store.schema_rights import data_events, erasure_leftovers, erasures
from tests.support.citizen import UNSURE, Citizen, answers, reply
from tests.support.erased import found
from tests.support.office import SECRETS, officer_row, picture

# What is kept and destroyed does not depend on the database's release, as far as tables go: both where it is searched.
pytestmark = pytest.mark.asyncio
ONE = pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])
WORDS, FILE, EMAIL, NUMBER = "Kampung Randublatung", "kartu-kuning-istimewa.png", "sumarni@contoh.id", "6281298765432"


class Forgetful:
    """Rasa, as far as it is asked to forget."""

    def __init__(self) -> None:
        self.forgotten: list[Any] = []
        self.away = False

    async def forget(self, conversation_id: Any) -> None:
        if self.away:
            raise BotAway("no model yet")
        self.forgotten.append(conversation_id)

    async def close(self) -> None:
        pass


@pytest.fixture
async def runtime(runtime):
    """The use cases, with a Rasa that remembers what it was told to forget."""
    return dataclasses.replace(runtime, bot=Forgetful())


async def says(citizen: Citizen, text: str) -> list[dict[str, Any]]:
    """A text that needs no bot; what came after it."""
    receipt = await citizen.writes(text)
    assert await turn.drain(citizen.runtime, citizen.id)
    return await citizen.sees(after=receipt.seq)


async def gives(citizen: Citizen, inbound: Inbound) -> None:
    await inbox.receive(citizen.runtime, citizen.id, inbound)
    await turn.drain(citizen.runtime, citizen.id)


async def with_everything(runtime: Any) -> tuple[Citizen, Any]:
    """Somebody who wrote, sent a file, gave addresses, has a case with replies, and wants to be reminded."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(f"KTP saya hilang di {WORDS}", answers("ktp_hilang"))
    await citizen.asks(f"saya tinggal di {WORDS}", UNSURE)
    case = await citizen.case()
    key = await talk.data_key_of(runtime, citizen.id)
    stored = files.keep(runtime, key, FILE, picture())
    await gives(citizen, Inbound("file", {"text": f"foto {WORDS}"}, files=(stored,)))
    await gives(citizen, Inbound("contact", {"email": EMAIL}))
    await says(citizen, "ingatkan saya besok")
    owner = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, owner, case.id, f"Ibu di {WORDS}, sudah kami cek.")
    await verbs.note(runtime, owner, case.id, f"catatan {WORDS}")
    await desk.case_in_full(runtime, owner, case.number)
    return citizen, case


async def asks_to_be_erased(citizen: Citizen) -> dict[str, Any]:
    """By words, and the button under what is said; what was answered."""
    (question,) = await says(citizen, "hapus data saya")
    yes = question["buttons"][0]
    await gives(citizen, Inbound("payload", {"payload": yes["payload"]}))
    return (await citizen.sees())[-1]


async def rows(runtime: Any, table: Any, *where: Any) -> Any:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(table).where(*where))).all()


async def keys_of(runtime: Any) -> dict[str, bytes]:
    """Every data key there is, as the installation opens it and as it lies wrapped."""
    ring, found_keys = crypto.Keyring(runtime.settings), {}
    for row in await rows(runtime, data_keys):
        found_keys[f"key {row.id}"] = ring.unwrap(row.id, row.kek_id, row.wrapped)
        found_keys[f"wrapped {row.id}"] = row.wrapped
    return found_keys


async def test_p11_nothing_of_the_citizen_is_left_anywhere_and_the_record_verifies(runtime, clock, database, settings):
    citizen, case = await with_everything(runtime)
    keys = await keys_of(runtime)
    plain = {"words": WORDS.encode(), "file": FILE.encode(), "e-mail": EMAIL.encode()}
    assert found(database.superuser_url, settings.home, keys) != []  # wrapped, as long as it is needed
    assert found(database.superuser_url, settings.home, plain) == []  # encrypted all along
    hashes = {"address": runtime.keyring.blind("contact-email", EMAIL),
              "a word": runtime.keyring.blind("search", "randublatung")}
    assert {one.split(": ")[1] for one in found(database.superuser_url, settings.home, hashes)} == set(hashes)
    before = len([f for f in settings.uploads.rglob("*") if f.is_file()])
    asked = await asks_to_be_erased(citizen)
    assert (before, case.number in asked["text"]) == (1, True)
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1
    assert found(database.superuser_url, settings.home, {**keys, **plain, **hashes}) == []
    assert [f for f in settings.uploads.rglob("*") if f.is_file()] == []
    assert runtime.bot.forgotten == [citizen.id]
    assert {row.wrapped for row in await rows(runtime, data_keys)} == {None}
    assert await rows(runtime, asked_reminders) == []
    assert {row.state for row in await rows(runtime, outbox)} <= {"sent", "withheld"}
    assert not [row for row in await rows(runtime, mails) if row.contact_id and row.state == "pending"]
    async with db.transaction(runtime.pool) as connection:
        assert (await audit.verify(connection, runtime.settings))["events"] == len(await rows(runtime, case_events))
    (erased,) = await rows(runtime, erasures)
    assert (erased.state, erased.counts["files"], erased.counts["cases"]) == ("done", 1, 1)
    assert [row.kind for row in sorted(await rows(runtime, data_events), key=lambda r: r.at)] == [
        "erasure_asked", "erased"]


@ONE
async def test_p05_an_open_case_is_withdrawn_only_because_its_citizen_said_so_by_its_number(runtime, clock):
    citizen, case = await with_everything(runtime)
    (question,) = await says(citizen, "hapus data saya")
    assert case.number in question["text"]
    assert [b["title"] for b in question["buttons"]] == ["Batalkan dan hapus", "Unduh data saya", "Jangan dihapus"]
    assert (await citizen.case()).status == "in_progress"
    await gives(citizen, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    assert (await citizen.case()).status == "in_progress"  # until it is time
    clock.forward(timedelta(hours=23, minutes=59))
    assert await erasing.carry_out_due(runtime) == 0
    clock.forward(timedelta(minutes=1))
    assert await erasing.carry_out_due(runtime) == 1
    after = await citizen.case()
    assert (after.status, after.closed_reason) == ("closed", "withdrawn")
    events = [row.type for row in sorted(await rows(runtime, case_events), key=lambda r: r.seq)]
    assert events[-3:] == ["erasure_requested", "withdrawn", "erased"]


@ONE
async def test_p05_a_case_that_was_opened_since_stops_it_and_the_citizen_is_asked_again(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("KTP saya hilang", answers("ktp_hilang"))
    asked = await asks_to_be_erased(citizen)
    assert [b["title"] for b in asked["buttons"]] == ["Jangan dihapus"]
    await citizen.asks("zzz", UNSURE)
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 0
    said = (await citizen.sees())[-1]
    assert (await citizen.case()).number in said["text"]
    assert [b["title"] for b in said["buttons"]] == ["Hapus data saya"]
    assert [row.state for row in await rows(runtime, erasures)] == ["blocked"]
    assert (await citizen.case()).status == "assigned"
    await citizen.taps("Hapus data saya")
    await citizen.taps("Batalkan dan hapus")
    clock.forward(timedelta(hours=24))
    assert await erasing.carry_out_due(runtime) == 1


@ONE
async def test_a_question_that_listed_other_cases_is_asked_anew(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("KTP saya hilang", answers("ktp_hilang"))
    (question,) = await says(citizen, "hapus data saya")
    await citizen.asks("zzz", UNSURE)
    await gives(citizen, Inbound("payload", {"payload": question["buttons"][0]["payload"]}))
    assert (await citizen.case()).number in (await citizen.sees())[-1]["text"]
    assert await rows(runtime, erasures) == []


@ONE
@pytest.mark.parametrize("how", ["Jangan dihapus", "batal hapus", "jangan hapus data saya"])
async def test_p11_it_can_be_taken_back_for_a_day(runtime, clock, how):
    citizen, case = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=20))
    if how == "Jangan dihapus":
        await citizen.taps(how)
    else:
        await says(citizen, how)
    assert "dibatalkan" in (await citizen.sees())[-1]["text"]
    clock.forward(timedelta(hours=20))
    assert await erasing.carry_out_due(runtime) == 0
    assert (await citizen.case()).status == "in_progress"
    owner = await officer_row(runtime, case.officer_id)
    shown = await desk.case_in_full(runtime, owner, case.number)
    assert [e["type"] for e in shown["events"]][-2:] == ["erasure_requested", "erasure_cancelled"]


@ONE
async def test_p01_every_wish_is_a_command_and_no_officer_reads_what_is_answered(runtime):
    citizen, case = await with_everything(runtime)
    await says(citizen, "data saya")
    await says(citizen, "unduh data saya")
    await asks_to_be_erased(citizen)
    await says(citizen, "batal hapus")
    assert (await citizen.fates())[-5:] == ["command"] * 5
    shown = await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number)
    assert not [m for m in shown["messages"] if "/data/" in m["text"] or "Siapa yang sudah melihat" in m["text"]]


@ONE
async def test_p11_the_overview_tells_what_why_how_long_and_who_looked(runtime):
    citizen, case = await with_everything(runtime)
    (said,) = await says(citizen, "data saya")
    owner = await officer_row(runtime, case.officer_id)
    for expected in ("1 berkas", "1 surel", case.number, "UU 27/2022", "sampai Anda meminta dihapus",
                     f"{owner.name} ({owner.title}), 1 kali"):
        assert expected in said["text"]
    assert [b["title"] for b in said["buttons"]] == ["Unduh data saya", "Hapus data saya"]


@ONE
async def test_words_that_only_sound_like_it_go_the_ordinary_way(runtime):
    citizen = await Citizen.arrives(runtime)
    (said,) = await citizen.asks("data saya salah di KTP", answers("ktp_ubah_data"))
    assert said["answer"]["topic"] == "ktp_ubah_data"
    (said,) = await citizen.asks("batal hapus", reply(text="Baik.", intent="basa_basi"))  # nothing waits
    assert said["text"] == "Baik."


@ONE
async def test_p01_a_message_without_a_fate_has_it_before_anything_is_destroyed(runtime, clock):
    citizen, _ = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))
    await citizen.writes("halo?")
    assert await erasing.carry_out_due(runtime) == 0
    await turn.drain(runtime, citizen.id)
    assert await erasing.carry_out_due(runtime) == 1
    assert None not in await citizen.fates()


class Killed(BaseException):
    """The process ends here."""


@ONE
@pytest.mark.parametrize("at", ["before", "files", "rasa"])
async def test_p11_killed_anywhere_it_is_completed(runtime, clock, settings, monkeypatch, at):
    citizen, _ = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))

    def dies(*_: Any, **__: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        place = {"before": (erasing.erasure, "_destroy_keys"), "files": (type(runtime.depot), "remove"),
                 "rasa": (runtime.bot, "forget")}[at]
        patch.setattr(*place, dies)
        with pytest.raises(Killed):
            await erasing.carry_out_due(runtime)
    (erased,) = await rows(runtime, erasures)
    assert erased.state == ("waiting" if at == "before" else "destroyed")
    assert (await citizen.case()).status == ("in_progress" if at == "before" else "closed")  # all of it or nothing
    await erasing.carry_out_due(runtime)
    (erased,) = await rows(runtime, erasures)
    assert erased.state == "done"
    assert await rows(runtime, erasure_leftovers) == []
    assert [f for f in settings.uploads.rglob("*") if f.is_file()] == []


A_WORKER = """
import asyncio, sys, time
from handoff.services.rights import erasing
from handoff.services.runtime import Runtime
from handoff.settings import Settings

def here(*_, **__):
    print("here", flush=True)
    time.sleep(600)

async def work():
    runtime = Runtime.create(Settings.from_env())
    place = {"transaction": (erasing.erasure, "_destroy_keys"), "files": (type(runtime.depot), "remove")}[sys.argv[1]]
    setattr(*place, here)
    await erasing.carry_out_due(runtime)

asyncio.run(work())
"""


@ONE
@pytest.mark.parametrize("at", ["transaction", "files"])
async def test_p11_a_worker_that_is_killed_leaves_all_of_it_or_nothing_and_the_next_completes_it(
    runtime, clock, settings, database, at
):
    citizen, _ = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))
    environment = {**os.environ, **SECRETS, "WAJAH_HOME": str(settings.home), "DATABASE_URL": database.app_url}
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", A_WORKER, at, env=environment,
                                                  stdout=asyncio.subprocess.PIPE)
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 60) == b"here\n"
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    (erased,) = await rows(runtime, erasures)
    words = [m["text"] for m in await citizen.sees()]
    assert (erased.state, any(WORDS in text for text in words)) == (
        ("waiting", True) if at == "transaction" else ("destroyed", False))
    await erasing.carry_out_due(runtime)
    assert [row.state for row in await rows(runtime, erasures)] == ["done"]
    assert [f for f in settings.uploads.rglob("*") if f.is_file()] == []
    async with db.transaction(runtime.pool) as connection:
        await audit.verify(connection, runtime.settings)


@ONE
async def test_what_cannot_be_reached_is_cleared_away_later(runtime, clock, monkeypatch):
    citizen, _ = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))

    def unavailable(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(runtime.depot), "remove", unavailable)
        runtime.bot.away = True
        assert await erasing.carry_out_due(runtime) == 1
    assert {row.kind for row in await rows(runtime, erasure_leftovers)} == {"file", "tracker"}
    runtime.bot.away = False
    await erasing.carry_out_due(runtime)
    assert [row.state for row in await rows(runtime, erasures)] == ["done"]


@ONE
async def test_p11_officers_see_that_there_was_something_and_their_queue_goes_on(runtime, clock):
    citizen, case = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))
    await erasing.carry_out_due(runtime)
    owner = await officer_row(runtime, case.officer_id)
    shown = await desk.case_in_full(runtime, owner, case.number)
    assert {m["text"] for m in shown["messages"]} == {"Data ini telah dihapus atas permintaan warga."}
    assert {e["body"] is None for e in shown["events"]} == {True}
    assert await desk.cases_of(runtime, owner, "mine") == []
    with pytest.raises(crypto.ContentGone):
        await verbs.note(runtime, owner, case.id, "masih ingat?")


@ONE
async def test_p11_the_old_ways_in_are_closed_and_who_writes_again_is_somebody_new(runtime, clock):
    citizen = await Citizen.arrives(runtime)
    begun = await talk.begin(runtime)
    citizen.id = begun.conversation_id
    await citizen.asks("KTP saya hilang", answers("ktp_hilang"))
    doorkeeper = Doorkeeper(runtime)
    await doorkeeper.admit(begun.conversation_id, begun.token)
    await asks_to_be_erased(citizen)
    clock.forward(timedelta(hours=24))
    await erasing.carry_out_due(runtime)
    with pytest.raises(Gone):
        await Doorkeeper(runtime).admit(begun.conversation_id, begun.token)
    with pytest.raises(NotFound):
        await citizen.writes("halo?")


@ONE
async def test_a_process_that_had_the_key_forgets_it_too(runtime):
    """Another process destroyed it; this one asks again after some seconds."""
    citizen = await Citizen.arrives(runtime)
    key_id = (await rows(runtime, conversations, conversations.c.id == citizen.id))[0].data_key_id
    now = [0.0]
    ring = crypto.Keyring(runtime.settings, now=lambda: now[0])
    async with db.transaction(runtime.pool) as connection:
        await ring.open(connection, key_id)
        await connection.execute(update(data_keys).values(wrapped=None, destroyed_at=runtime.clock()))
        await ring.open(connection, key_id)
        now[0] = crypto.KEPT_SECONDS
        with pytest.raises(crypto.ContentGone):
            await ring.open(connection, key_id)
        assert not ring._opened


@ONE
async def test_p10_what_was_done_with_the_rights_cannot_be_rewritten(runtime, database):
    citizen = await Citizen.arrives(runtime)
    await says(citizen, "data saya")
    with psycopg.connect(database.app_url, options="-c role=wajah_app") as connection:
        for statement in ("UPDATE data_events SET kind = 'x'", "DELETE FROM data_events", "DELETE FROM erasures"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


@ONE
async def test_p11_the_cases_officer_is_told_without_a_word_of_the_citizen(runtime, clock):
    """The notice of a wish is in the console of the case's officer, without the citizen's words."""
    citizen, case = await with_everything(runtime)
    await asks_to_be_erased(citizen)
    owner = await officer_row(runtime, case.officer_id)
    newest = (await notices.listed(runtime, owner))[0]
    assert (newest.kind, newest.number) == ("erasure_requested", case.number)
    assert WORDS not in newest.text

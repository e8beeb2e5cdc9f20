"""`citizen export` and `citizen erase`, as the data officer's colleague at the keyboard types them."""

from __future__ import annotations

import dataclasses
import json
import stat
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handoff import commands
from handoff.__main__ import main
from handoff.services.case import cases, verbs
from handoff.services.post import sending
from handoff.services.rights import erasing
from handoff.services.talk import inbox, turn
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import conversations
from handoff.store.schema_record import access_log, case_events
from handoff.store.schema_rights import data_events, erasures
from tests.support.citizen import UNSURE, Citizen
from tests.support.installation import environment, within
from tests.support.office import officer_row, person

# Commands do not depend on the database's release: one of them is enough.
pytestmark = pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])
EMAIL, BY = "sumarni@contoh.id", ["--reference", "470/12/2026"]


@pytest.fixture
def house(database, tmp_path, settings, monkeypatch):
    """The environment of an installation on the test's database, with no Rasa."""
    nobody = {"RASA_URL": "http://127.0.0.1:9"}
    for name, value in (environment(tmp_path, database.app_url) | nobody).items():
        monkeypatch.setenv(name, value)
    return settings


async def with_case(runtime: Any) -> tuple[str, str]:
    """The number of somebody's case, and the data officer's login."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("saya di Kampung Randublatung", UNSURE)
    await inbox.receive(runtime, citizen.id, Inbound("contact", {"email": EMAIL}))
    await turn.drain(runtime, citizen.id)
    case = await citizen.case()
    await verbs.reply(runtime, await officer_row(runtime, case.officer_id), case.id, "Baik, Bu.")
    return case.number, (await person(runtime, "data_officer")).login


async def with_report(runtime: Any) -> str:
    """The number of a confidential report, in which the reporter gave the same address."""
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("petugas loket minta uang 200rb biar ktp cepat")
    await turn.drain(runtime, citizen.id)
    async with db.transaction(runtime.pool) as connection:
        own = (await connection.execute(select(conversations).where(conversations.c.confidential))).one()
        number = (await connection.execute(
            select(case_table.c.number).where(case_table.c.conversation_id == own.id))).scalar_one()
    await inbox.receive(runtime, own.id, Inbound("contact", {"email": "rahasia@contoh.id"}))
    await turn.drain(runtime, own.id)
    return str(number)


async def rows(runtime: Any, *columns: Any) -> Any:
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(*columns))).all()


def said(capsys: Any) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("by", ["case", "contact"])
def test_p11_a_copy_is_made_recorded_and_its_citizen_reads_of_it(house, capsys, tmp_path, by):
    number, login = within(house, with_case)
    out = tmp_path / "salinan.zip"
    words = ["citizen", "export", f"--{by}", {"case": number, "contact": EMAIL}[by], "--login", login, *BY, "--out",
             str(out)]
    assert main(words) == 0
    assert said(capsys)["cases"] == [number]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    facts = json.loads(zipfile.ZipFile(out).read("data.json"))
    assert "saya di Kampung Randublatung" in [m["text"] for m in facts["conversations"][0]["messages"]]
    ((kind, detail),) = [tuple(row) for row in within(house, lambda runtime: rows(
        runtime, data_events.c.kind, data_events.c.detail))]
    assert (kind, detail) == ("copy_made", "470/12/2026")
    assert "export" in [row.what for row in within(house, lambda runtime: rows(runtime, access_log.c.what))]
    assert "data_exported" in [row.type for row in within(house, lambda runtime: rows(runtime, case_events.c.type))]
    assert main(words) == 1  # nothing is written over
    assert "File exists" in capsys.readouterr().err


def test_p11_what_is_private_to_the_citizen_is_in_no_officers_copy(house, capsys, tmp_path):
    async def prepared(runtime: Any) -> tuple[str, str]:
        number, login = await with_case(runtime)
        async with db.transaction(runtime.pool) as connection:
            conversation_id = (await connection.execute(
                select(case_table.c.conversation_id).where(case_table.c.number == number))).scalar_one()
        await inbox.receive(runtime, conversation_id, Inbound.text("unduh data saya"))
        await turn.drain(runtime, conversation_id)
        return number, login
    number, login = within(house, prepared)
    out = tmp_path / "salinan.zip"
    assert main(["citizen", "export", "--case", number, "--login", login, *BY, "--out", str(out)]) == 0
    assert "/data/" not in zipfile.ZipFile(out).read("data.json").decode()


@pytest.mark.parametrize("what", ["export", "erase"])
def test_p11_a_confidential_report_is_found_by_nothing(house, capsys, tmp_path, what):
    number = within(house, with_report)
    login = within(house, lambda runtime: person(runtime, "data_officer")).login
    more = ["--out", str(tmp_path / "x.zip")] if what == "export" else ["--withdraw"]
    for who in (["--case", number], ["--contact", "rahasia@contoh.id"], ["--case", "1111-1111"]):
        assert main(["citizen", what, *who, "--login", login, *BY, *more]) == 1
        assert capsys.readouterr().err == "wajah: There is no such citizen, or none who may be found so.\n"
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize(("changed", "sentence"), [
    ({"--login": "siti.rahayu"}, "'siti.rahayu' is no active data officer."),
    ({"--reference": "x" * 90}, "--reference is the number"),
])
def test_who_may_not_and_what_is_no_letter_is_one_sentence(house, capsys, tmp_path, changed, sentence):
    number, login = within(house, with_case)
    given = {"--case": number, "--login": login, "--reference": "470/12", "--out": str(tmp_path / "x.zip")} | changed
    assert main(["citizen", "export", *(word for pair in given.items() for word in pair)]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.zip").exists()


def test_p05_an_open_case_needs_the_citizens_word_and_a_day_in_which_they_can_take_it_back(house, capsys, clock):
    number, login = within(house, with_case)
    words = ["citizen", "erase", "--case", number, "--login", login, *BY]
    assert main(words) == 1
    assert f"Open cases: {number}." in capsys.readouterr().err
    assert main([*words, "--withdraw"]) == 0
    assert "/data/bukti/" in said(capsys)["receipt"]
    assert main([*words, "--withdraw"]) == 1
    assert "asked for already" in capsys.readouterr().err

    async def taken_back(runtime: Any) -> tuple[str, str]:
        conversation_id = (await rows(runtime, conversations.c.id))[0].id
        citizen = Citizen(runtime, conversation_id)
        await sending.dispatch(runtime, conversation_id)  # as the sweep does
        told = (await citizen.sees())[-1]["text"]
        await citizen.taps("Jangan dihapus")
        return told, (await rows(runtime, erasures.c.state))[0].state
    told, state = within(house, taken_back)
    assert "Rizky Pangestu" in told
    assert state == "cancelled"


def test_p11_at_once_and_again_after_a_restore(house, capsys):
    number, login = within(house, with_case)
    assert main(["citizen", "erase", "--case", number, "--login", login, *BY, "--withdraw", "--now"]) == 0
    done = said(capsys)
    assert (done["erased"]["cases"], done["cleared_away"]) == (1, False)  # Rasa could not be asked: the worker does
    for who in (["--case", number], ["--citizen", str(within(house, lambda runtime: rows(
            runtime, conversations.c.citizen_id))[0].citizen_id)]):
        assert main(["citizen", "erase", *who, "--login", login, *BY, "--withdraw", "--now"]) == 1
        assert "erased already" in capsys.readouterr().err
    assert main(["audit", "verify"]) == 0


def test_the_rest_is_the_workers(house, capsys):
    number, login = within(house, with_case)
    main(["citizen", "erase", "--case", number, "--login", login, *BY, "--withdraw", "--now"])
    capsys.readouterr()

    class NoRasa:
        async def forget(self, _: Any) -> None:
            """Nothing was remembered."""

        async def close(self) -> None:
            """Nothing is open."""

    async def work(runtime: Any) -> str:
        await erasing.carry_out_due(dataclasses.replace(runtime, bot=NoRasa()))
        return str((await rows(runtime, erasures.c.state))[0].state)
    assert within(house, work) == "done"


def test_p11_who_is_kept_from_a_case_gets_no_word_of_it(house, tmp_path):
    async def prepared(runtime: Any) -> tuple[str, Any]:
        number, _ = await with_case(runtime)
        officer = await person(runtime, "data_officer")
        async with db.transaction(runtime.pool) as connection:
            conversation = (await connection.execute(select(conversations))).one()
            case_id = (await connection.execute(select(case_table.c.id))).scalar_one()
            await cases.record(runtime, connection, conversation, case_id, "handed_on", cases.SYSTEM,
                               kept_from={str(officer.id): "named"})
        return number, officer.login
    number, login = within(house, prepared)
    done = commands.export_citizen(house, commands.named_citizen(case=number, contact=None, citizen=None), login,
                                   "470/12", tmp_path / "x.zip")
    assert (done["cases"], done["messages"]) == ([], 0)
    assert timedelta(hours=24) == erasing.GRACE

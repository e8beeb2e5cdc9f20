"""`officer add` and `audit verify` on a real database, as an operator types them."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest

from handoff.__main__ import main
from handoff.services.people import staff
from handoff.services.runtime import Runtime
from handoff.store import audit, db
from tests.support.installation import environment, within
from tests.support.office import open_case

ADD = ["officer", "add", "--name", "Putri Lestari", "--title", "Petugas Layanan", "--role", "officer"]


@pytest.fixture
def house(database, tmp_path, settings, monkeypatch):
    """The environment of an installation on the test's database."""
    for name, value in environment(tmp_path, database.app_url).items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.mark.parametrize("unit", ["sosial", "dinas sosial"])
def test_an_added_officer_signs_in_with_what_was_printed(house, capsys, unit):
    assert main([*ADD, "--unit", unit, "--email", "putri@contoh.example"]) == 0
    line, = capsys.readouterr().out.splitlines()
    added = json.loads(line)
    assert set(added) == {"login", "one_time_password"}
    _, session = within(house, lambda runtime: staff.sign_in(runtime, added["login"], added["one_time_password"]))
    assert (session.officer.unit_slug, session.officer.email) == ("sosial", "putri@contoh.example")
    assert session.officer.must_change_password


@pytest.mark.parametrize(("words", "sentence"), [
    ([*ADD, "--unit", "pajak"], "There is no unit 'pajak'; there are inspektorat, kelurahan, kependudukan, "
                                "pendapatan, perizinan, sekretariat, sosial, tenaga_kerja."),
    ([*ADD, "--unit", "sosial", "--login", "siti.rahayu"], "The login 'siti.rahayu' is taken."),
    ([*ADD, "--unit", "sosial", "--name", " "], "A name and a title are needed; a login is a-z, 0-9, . _ -."),
])
def test_an_officer_who_cannot_be_added_is_one_sentence(house, capsys, words, sentence):
    assert main(words) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"wajah: {sentence}\n")


def test_a_database_that_is_away_or_older_is_one_sentence(house, capsys, monkeypatch, postgres):
    with postgres.database() as empty:
        monkeypatch.setenv("DATABASE_URL", empty.app_url)
        assert main([*ADD, "--unit", "sosial"]) == 1
        assert "`python -m handoff db upgrade`" in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().err.startswith("wajah: The database cannot be reached: ")


async def anchored(runtime: Runtime, ago: timedelta) -> None:
    async with db.transaction(runtime.pool) as connection:
        await audit.anchor(connection, runtime.settings, runtime.clock() - ago)


def test_verifying_counts_what_was_checked_and_warns_when_nothing_is_anchored(house, capsys):
    assert main(["audit", "verify"]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == ({"events": 0, "anchors": 0}, "")
    within(house, open_case)
    assert main(["audit", "verify"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"events": 1, "anchors": 0}
    assert "was not anchored ever" in said.err


@pytest.mark.parametrize(("ago", "warned"), [(timedelta(minutes=59), False), (timedelta(minutes=61), True)])
def test_verifying_warns_of_an_old_anchor(house, capsys, ago, warned):
    within(house, open_case)
    within(house, lambda runtime: anchored(runtime, ago))
    assert main(["audit", "verify"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"events": 1, "anchors": 1}
    assert ("was not anchored since" in said.err) == warned


def test_a_rewritten_event_is_named_in_one_sentence(house, capsys, database):
    case = within(house, open_case)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE case_events SET type = 'closed'")
    assert main(["audit", "verify"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"wajah: case {case.number}, event 1: was changed after it was written\n")

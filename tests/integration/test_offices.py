"""Several offices: the office of WhatsApp's number decides whose officers get a case, and none is left without one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select, update

from handoff import doctor
from handoff.__main__ import main
from handoff.channels.whatsapp import intake
from handoff.clock import system_clock
from handoff.services.case import transfers
from handoff.services.people import duty, founding
from handoff.services.people.founding import NotAnOffice, Office
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.schema import cases, messages, officers, offices, units
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.office import SECRETS, settings_for
from tests.support.rasa import with_bot
from tests.support.whatsapp import NUMBER, OTHER_NUMBER, SENDER, delivery, says, value

# Who gets a case does not depend on the database's release: one of them is enough.
pytestmark = pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])

TOWN: dict[str, Any] = {
    "slug": "kota-contoh", "name": "Kota Contoh", "zone": "Asia/Makassar",
    "weekly_hours": {str(day): [["08:00", "16:00"]] for day in range(5)},
    "units": [
        {"slug": "kota_umum", "desk": "sekretariat", "name": "Bagian Umum Kota", "default": True, "people": [
            {"role": "officer", "name": "Dewi Anggraini", "title": "Petugas Layanan Kota"}]},
        {"slug": "kota_kerja", "desk": "tenaga_kerja", "name": "Dinas Tenaga Kerja Kota", "people": [
            {"role": "officer", "name": "Irfan Maulana", "title": "Petugas Tenaga Kerja Kota"},
            {"role": "officer", "name": "Lilis Suryani", "title": "Petugas Tenaga Kerja Kota"},
            {"role": "inspector", "name": "Haris Munandar", "title": "Inspektur Kota"}]},
    ],
}


@pytest.fixture
def settings(tmp_path, database):
    """An installation with two numbers, the second one the town's."""
    return dataclasses.replace(settings_for(tmp_path, database.app_url), whatsapp=whatsapp.SETTINGS)


@pytest.fixture
async def town(runtime):
    """The town's office, made from its file; its people's logins by name."""
    return {one["name"]: one["login"] for one in await found(runtime)}


async def found(runtime: Any) -> list[dict[str, str]]:
    """Made today, as the first office was, whatever time the test's clock shows."""
    return await founding.found(dataclasses.replace(runtime, clock=system_clock), Office.of(TOWN))


async def writes(runtime: Any, said: str, number: str = OTHER_NUMBER, sender: str = SENDER) -> Citizen:
    """A citizen writes to one of the numbers."""
    await intake.take_in(runtime, whatsapp.written(delivery(value(says(said, sender=sender), number=number))))
    async with db.transaction(runtime.pool) as connection:
        return Citizen(runtime, (await connection.execute(select(messages.c.conversation_id).order_by(
            messages.c.stored_at.desc()).limit(1))).scalar_one())


async def whose(citizen: Citizen) -> tuple[str, str]:
    """The slugs of the office and the unit that have the citizen's case."""
    async with db.transaction(citizen.runtime.pool) as connection:
        return tuple((await connection.execute(
            select(offices.c.slug, units.c.slug).join(units, units.c.office_id == offices.c.id)
            .join(cases, cases.c.unit_id == units.c.id).join(officers, officers.c.unit_id == units.c.id)
            .where(cases.c.conversation_id == citizen.id, officers.c.id == cases.c.officer_id)
        )).one())


@pytest.mark.parametrize(("number", "said", "bot", "expected"), [
    (NUMBER, "zzz", UNSURE, ("contoh", "kependudukan")),
    (OTHER_NUMBER, "zzz", UNSURE, ("kota-contoh", "kota_umum")),
    (NUMBER, "data wlkp salah", answers("wlkp_data_salah"), ("contoh", "tenaga_kerja")),
    (OTHER_NUMBER, "data wlkp salah", answers("wlkp_data_salah"), ("kota-contoh", "kota_kerja")),
    (OTHER_NUMBER, "nik ganda", answers("nik_bermasalah"), ("kota-contoh", "kota_umum")),  # no such desk in the town
])
async def test_p02_the_number_decides_the_office_and_the_topic_its_desk(runtime, town, number, said, bot, expected):
    citizen = await writes(runtime, said, number)
    await citizen.hears(bot)
    assert await whose(citizen) == expected
    shown = (await citizen.sees())[-1]["case"]["officer"]
    assert shown["name"] == (await citizen.officer()).name


async def test_a_case_on_the_web_is_the_first_offices(runtime, town):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("data wlkp salah", answers("wlkp_data_salah"))
    assert await whose(citizen) == ("contoh", "tenaga_kerja")


async def test_p02_who_leaves_is_replaced_in_the_same_desk_then_in_the_office_then_elsewhere(runtime, town):
    citizen = await writes(runtime, "data wlkp salah")
    await citizen.hears(answers("wlkp_data_salah"))
    had = []
    for expected in (("kota-contoh", "kota_kerja"), ("kota-contoh", "kota_umum"), ("contoh", "kependudukan")):
        person = await citizen.officer()
        had.append(person.name)
        await duty.deactivate(runtime, None, person.login)
        assert await whose(citizen) == expected
        if expected[1] == "kota_kerja":  # its inspector carries cases too, and either may have it first
            second = await citizen.officer()
            had.append(second.name)
            await duty.deactivate(runtime, None, second.login)
    assert set(had) == {"Irfan Maulana", "Haris Munandar", "Lilis Suryani", "Dewi Anggraini"}


@pytest.mark.parametrize("inspected", [True, False])
async def test_p11_a_confidential_report_goes_to_the_offices_own_inspector_if_it_has_one(runtime, town, inspected):
    if not inspected:
        await duty.deactivate(runtime, None, town["Haris Munandar"])
    citizen = await writes(with_bot(runtime, "http://127.0.0.1:9"), "lapor, petugas minta uang 200rb biar ktp cepat")
    assert await turn.drain(citizen.runtime, citizen.id)
    async with db.transaction(runtime.pool) as connection:
        (person,) = (await connection.execute(
            select(officers).join(cases, cases.c.officer_id == officers.c.id)
            .where(cases.c.reason == "confidential_report"))).all()
    assert person.role == "inspector"
    assert (person.name == "Haris Munandar") is inspected


async def test_a_number_that_gets_another_office_takes_its_conversations_along_but_no_open_case(runtime, town):
    alone = dataclasses.replace(whatsapp.SETTINGS, numbers=((NUMBER, None), (OTHER_NUMBER, None)))
    before = dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, whatsapp=alone))
    first = await writes(before, "zzz", sender="6281")
    await first.hears(UNSURE)
    second = await writes(before, "halo", sender="6282")
    assert (await writes(runtime, "halo lagi", sender="6281")).id == first.id
    assert (await writes(runtime, "halo lagi", sender="6282")).id == second.id
    await second.hears(UNSURE)
    assert await whose(first) == ("contoh", "kependudukan")
    assert await whose(second) == ("kota-contoh", "kota_umum")


async def test_p01_an_office_that_there_is_not_costs_no_message_and_the_doctor_says_so(runtime, database):
    citizen = await writes(runtime, "zzz")
    await citizen.hears(UNSURE)
    assert await whose(citizen) == ("contoh", "kependudukan")
    urls = doctor.DatabaseUrls(database.app_url, database.owner_url)
    (finding,) = doctor._offices(runtime.settings, urls)
    assert (finding.mark, "kota-contoh" in finding.text) == ("FAIL", True)
    await found(runtime)
    assert list(doctor._offices(runtime.settings, urls)) == []


async def test_a_case_can_be_offered_to_another_office_by_its_name(runtime, town):
    offered = await transfers.units_for(runtime, "kota_kerja")
    assert offered[0] == ("kota_umum", "Bagian Umum Kota")
    assert ("tenaga_kerja", "Dinas Tenaga Kerja (Kabupaten Contoh)") in offered


async def test_who_cannot_take_a_case_gets_none_though_they_are_of_the_office(runtime, town):
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.name == "Dewi Anggraini").values(role="auditor"))
    citizen = await writes(runtime, "zzz")
    await citizen.hears(UNSURE)
    assert await whose(citizen) == ("contoh", "kependudukan")


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def house(database, tmp_path, monkeypatch):
    """The environment of an installation on the test's database."""
    for name, given in {"WAJAH_HOME": str(tmp_path), "DATABASE_URL": database.app_url, **SECRETS}.items():
        monkeypatch.setenv(name, given)
    return tmp_path


def file(folder: Path, office: Any) -> str:
    path = folder / "kota.yml"
    path.write_text(yaml.safe_dump(office), encoding="utf-8")
    return str(path)


def test_an_office_is_added_from_its_file_once(house, capsys):
    added = ["office", "add", file(house, TOWN)]
    assert main(added) == 0
    people = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {p["name"]: p["unit"] for p in people}["Dewi Anggraini"] == "Bagian Umum Kota"
    assert all(p["login"] and p["one_time_password"] for p in people)
    assert main(added) == 1
    assert capsys.readouterr().err == "wajah: The short name of the office or of one of its units is taken.\n"


@pytest.mark.parametrize(("change", "said"), [
    ({"zone": "Asia/Kota"}, "zone: Value error, is no time zone"),
    ({"weekly_hours": {"7": [["08:00", "16:00"]]}}, "weekdays go from 0"),
    ({"weekly_hours": {"0": [["16:00", "08:00"]]}}, "weekly_hours"),
    ({"weekly_hours": {"0": [["08:00"]]}}, "weekly_hours"),
    ({"weekly_hours": {}}, "never open"),
    ({"units": []}, "units"), ({"units": [TOWN["units"][1]]}, "exactly one is the default"),
    ({"kepala": "siapa"}, "kepala: Extra inputs"), ({"slug": "Kota Contoh"}, "slug"),
])
def test_a_file_that_is_no_office_is_one_sentence(house, capsys, change, said):
    assert main(["office", "add", file(house, TOWN | change)]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    with pytest.raises(NotAnOffice):
        Office.of(TOWN | change)


@pytest.mark.parametrize("content", ["{", "- 1", ""])
def test_what_is_no_mapping_is_one_sentence_too(house, capsys, content):
    path = house / "x.yml"
    path.write_text(content)
    assert main(["office", "add", str(path)]) == 1
    assert main(["office", "add", str(house / "missing.yml")]) == 1
    assert capsys.readouterr().err.count("\n") == 2

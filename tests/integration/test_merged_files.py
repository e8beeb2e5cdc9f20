"""After merging, what was sent under the old number is shown and opened under the other: officer, citizen, dossier."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.services.attachments import files
from handoff.services.case import joining, merging
from handoff.services.case.cases import key_of
from handoff.services.talk import conversations, turn
from handoff.services.talk.inbox import Inbound, receive
from handoff.services.views import desk, dossier, pages
from handoff.store import db
from handoff.store.schema_record import access_log
from handoff.web.api_models_officers import FullCase
from tests.support.case_page import browser
from tests.support.citizen import UNSURE, Citizen, colleague
from tests.support.console import browser as console
from tests.support.office import officer_row, person, picture
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/officer/cases"


async def with_file(runtime, name: str) -> tuple[Citizen, str]:
    """A citizen with a case in which a photo was sent; its id."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("tolong ubah data usaha saya", UNSURE)
    stored = files.keep(runtime, await conversations.data_key_of(runtime, citizen.id), name, picture())
    await receive(runtime, citizen.id, Inbound("file", {"text": ""}, files=(stored,)))
    await turn.drain(runtime, citizen.id)
    return citizen, str(stored.id)


async def merged(runtime, old: Citizen, into: Citizen) -> None:
    source, target = await old.case(), await into.case()
    await joining.join(runtime, old.id, target.number, key_of(runtime, target.id, target.key_version))
    await merging.merge(runtime, await old.officer(), source.id, target.number, "Soalnya sama.")


async def test_the_officer_of_the_other_case_sees_and_opens_them(served, runtime):
    (first, old_file), (second, own_file) = await with_file(runtime, "nib.png"), await with_file(runtime, "ktp.png")
    third, oldest = await with_file(runtime, "3201234567890123.png")
    await merged(runtime, third, first)
    await merged(runtime, first, second)  # a case that has taken in another one
    case, old = await second.case(), await first.case()
    owner = await officer_row(runtime, case.officer_id)
    api = await served.desk(owner)
    full = FullCase.model_validate((await api.get(f"{API}/{case.number}")).json())
    assert full.merged_files is not None
    assert {(one.number, one.id) for one in full.merged_files} == {
        (old.number, old_file), ((await third.case()).number, oldest),
    }
    assert "3201234567890123" not in str(full.merged_files)  # identity numbers are masked in names too
    for file in (old_file, oldest, own_file):
        got = await api.get(f"{API}/{case.number}/files/{file}")
        assert (got.status_code, got.content) == (200, picture())
    assert (await api.get(f"{API}/{case.number}/files/{case.id}")).status_code == 404
    async with db.transaction(runtime.pool) as connection:
        looks = (await connection.execute(select(access_log.c.conversation_id, access_log.c.what).where(
            access_log.c.officer_id == owner.id, access_log.c.what.in_(["file", "files"]),
        ))).all()
    assert {(first.id, "files"), (third.id, "files"), (first.id, "file"), (third.id, "file")} <= set(map(tuple, looks))
    page = Page(await (await console(served, owner)).get(f"/petugas/kasus/{case.number}"))
    assert f"{API}/{case.number}/files/{old_file}" in page.attributes("a", "href")
    assert f"dikirim di kasus {old.number}" in page.text


async def test_who_may_not_open_the_case_may_not_open_them(served, runtime):
    (first, old_file), (second, _) = await with_file(runtime, "nib.png"), await with_file(runtime, "ktp.png")
    await merged(runtime, first, second)
    case = await second.case()
    for role, status in (("auditor", 403), ("admin", 403), ("data_officer", 404)):
        api = await served.desk(await person(runtime, role))
        assert (await api.get(f"{API}/{case.number}/files/{old_file}")).status_code == status
    stranger, _ = await with_file(runtime, "lain.png")
    other = await stranger.case()
    api = await served.desk(await colleague(runtime, await officer_row(runtime, other.officer_id)))
    assert (await api.get(f"{API}/{other.number}/files/{old_file}")).status_code == 404  # not by another number


async def test_the_citizen_sees_and_opens_them_with_the_other_cases_key_and_carries_them(served, runtime):
    (first, old_file), (second, _) = await with_file(runtime, "nib usaha.png"), await with_file(runtime, "ktp.png")
    await merged(runtime, first, second)
    case, old = await second.case(), await first.case()
    client, page = await browser(served, second)
    address = f"/kasus/{case.number}/berkas/{old_file}"
    assert address in page.attributes("a", "href")
    assert f"dikirim di kasus {old.number}" in page.text
    got = await client.get(address)
    assert (got.status_code, got.content) == (200, picture())
    nobody = await served.client()
    assert (await nobody.get(address)).status_code == 403
    stranger, _ = await with_file(runtime, "lain.png")
    theirs, _ = await browser(served, stranger)
    assert (await theirs.get(f"/kasus/{(await stranger.case()).number}/berkas/{old_file}")).status_code == 404
    found = await dossier.of(runtime, await pages.open_case(runtime, case.number, key_of(runtime, case.id, 0)))
    assert [(one.number, one.name) for one in found.merged_files] == [(old.number, "nib usaha.png")]
    paper = await client.get(f"/kasus/{case.number}/berkas.pdf")
    assert paper.content.startswith(b"%PDF-")
    assert (await desk.summary(runtime, await second.officer(), old.number))["merged_into"] == case.number

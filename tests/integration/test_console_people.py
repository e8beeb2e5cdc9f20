"""Leave, the end of a duty and deactivation in the console: who may decide what, and that nothing is done before it was
shown whom each open case goes to, nor otherwise than it was shown."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from handoff.services.errors import Conflict, Forbidden, NotFound, Unprocessable
from handoff.services.people import duty
from handoff.store import db
from handoff.store.schema import cases as case_table
from handoff.store.schema import officers
from handoff.store.schema_clocks import leaves
from tests.support.console import browser
from tests.support.office import officer_row, open_case, person
from tests.support.pages import Page

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
HERE = "/petugas/orang"
TODAY, TOMORROW, FRIDAY = date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27)


def of(page: Page, act: str):
    return next(form for form in page.forms if form.action.endswith(f"/{act}"))


async def holders(runtime) -> dict[str, str]:
    """Who has which case, by number."""
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(
            select(case_table.c.number, officers.c.name).join(officers, officers.c.id == case_table.c.officer_id)
        )).all()
    return {row.number: row.name for row in rows}


async def someone_with_cases(runtime):
    """An officer of the population unit with two open cases."""
    some = [await open_case(runtime) for _ in range(4)]
    return await officer_row(runtime, some[0].officer_id)


async def shows(client: httpx.AsyncClient, who, act: str, **fields: str) -> Page:
    """The form is filled in and sent once: the plan."""
    page = Page(await client.get(f"{HERE}/{who.login}"))
    response = await client.post(f"{HERE}/{who.login}/{act}", data={"tanda": of(page, act).fields["tanda"], **fields})
    return Page(response)


async def test_leave_that_begins_today_goes_as_it_was_shown(served, runtime):
    absent = await someone_with_cases(runtime)
    client = await browser(served, await person(runtime, "supervisor"))
    plan = await shows(client, absent, "cuti", dari=str(TODAY), sampai=str(FRIDAY))
    assert "24 November 2026 sampai 27 November 2026" in plan.text
    before = await holders(runtime)
    assert all(before[number] == absent.name for number in before if number in plan.text)  # nothing was done yet
    moving = [number for number, name in before.items() if name == absent.name]
    assert len(moving) == 2
    done = Page(await client.post(of(plan, "cuti").action, data=of(plan, "cuti").fields))
    assert "Cuti tersimpan." in done.text
    after = await holders(runtime)
    for number in moving:
        assert after[number] != absent.name
        shown = plan.text[plan.text.index(number):]
        assert shown.startswith(f"{number} {after[number]} ,")
    assert "Sedang cuti" in Page(await client.get(HERE)).text


async def test_what_is_no_longer_as_it_was_shown_is_not_done(served, runtime):
    leaving = await someone_with_cases(runtime)
    client = await browser(served, await person(runtime, "admin"))
    plan = await shows(client, leaving, "nonaktif")
    await open_case(runtime)
    new = await open_case(runtime)  # one of the two is theirs
    before = await holders(runtime)
    refused = await client.post(of(plan, "nonaktif").action, data=of(plan, "nonaktif").fields)
    assert refused.status_code == 409
    assert "Belum ada yang disimpan" in Page(refused).text
    assert (await officer_row(runtime, leaving.id)).active
    assert await holders(runtime) == before
    plan = await shows(client, leaving, "nonaktif")
    assert new.number in plan.text or before[new.number] != leaving.name
    done = Page(await client.post(of(plan, "nonaktif").action, data=of(plan, "nonaktif").fields))
    assert "Akun dinonaktifkan" in done.text
    assert leaving.name not in (await holders(runtime)).values()
    back = Page(await client.post(of(done, "aktifkan").action, data=of(done, "aktifkan").fields))
    assert "Akun aktif lagi." in back.text
    assert (await officer_row(runtime, leaving.id)).active
    assert leaving.name not in (await holders(runtime)).values()  # what moved stays


async def test_the_end_of_a_duty_comes_on_its_day_and_can_be_taken_back_until_then(served, runtime, clock):
    leaving = await someone_with_cases(runtime)
    client = await browser(served, await person(runtime, "supervisor"))
    plan = await shows(client, leaving, "akhir", hari=str(TOMORROW))
    assert "Kasus yang akan berpindah, menurut keadaan sekarang" in plan.text
    done = Page(await client.post(of(plan, "akhir").action, data=of(plan, "akhir").fields))
    assert "Bertugas sampai 25 November 2026" in done.text
    assert await duty.end_duties(runtime) == (0, [])
    taken_back = Page(await client.post(of(done, "akhir/batal").action, data=of(done, "akhir/batal").fields))
    assert "Akhir tugas dibatalkan." in taken_back.text
    clock.forward(timedelta(days=2))
    assert await duty.end_duties(runtime) == (0, [])
    supervisor = await person(runtime, "supervisor")
    await duty.end(runtime, supervisor, leaving.login, date(2026, 11, 26))
    clock.forward(timedelta(days=1))
    assert await duty.end_duties(runtime) == (1, [])
    assert await duty.end_duties(runtime) == (0, [])
    assert not (await officer_row(runtime, leaving.id)).active
    assert leaving.name not in (await holders(runtime)).values()


async def test_p02_who_goes_tomorrow_gets_no_case_that_begins_later(runtime, clock):
    there = [await officer_row(runtime, (await open_case(runtime)).officer_id) for _ in range(2)]
    await duty.end(runtime, await person(runtime, "supervisor"), there[0].login, TODAY)
    clock.forward(timedelta(hours=10))  # in the evening
    for _ in range(3):
        assert (await open_case(runtime)).officer_id != there[0].id


async def test_a_leave_is_taken_back_or_ends_early(served, runtime, clock):
    absent = await someone_with_cases(runtime)
    client = await browser(served, absent)  # one's own
    plan = await shows(client, absent, "cuti", dari=str(TOMORROW), sampai=str(FRIDAY))
    done = Page(await client.post(of(plan, "cuti").action, data=of(plan, "cuti").fields))
    assert "Batalkan cuti ini" in done.text
    gone = Page(await client.post(of(done, "batal").action, data=of(done, "batal").fields))
    assert "Cuti dibatalkan." in gone.text
    supervisor = await person(runtime, "supervisor")
    await duty.leave(runtime, supervisor, absent.login, TODAY, FRIDAY)
    clock.forward(timedelta(days=2))
    client = await browser(served, absent)  # the old session has ended
    page = Page(await client.get(f"{HERE}/{absent.login}"))
    assert "Akhiri cuti ini sekarang" in page.text
    await client.post(of(page, "batal").action, data=of(page, "batal").fields)
    async with db.transaction(runtime.pool) as connection:
        (left,) = (await connection.execute(select(leaves))).all()
    assert (left.first_day, left.last_day) == (TODAY, TOMORROW)
    again = await client.post(of(page, "batal").action, data=of(page, "batal").fields)
    assert again.status_code == 404


@pytest.mark.parametrize(("act", "fields", "said"), [
    ("cuti", {"dari": "", "sampai": ""}, "Isi hari pertama dan hari terakhir cuti"),
    ("cuti", {"dari": "2026-11-26", "sampai": "2026-11-25"}, "Isi hari pertama dan hari terakhir cuti"),
    ("cuti", {"dari": "2026-11-23", "sampai": "2026-11-25"}, "Isi hari pertama dan hari terakhir cuti"),
    ("cuti", {"dari": "2026-11-26", "sampai": "9999-12-31"}, "Isi hari pertama dan hari terakhir cuti"),
    ("akhir", {"hari": "kemarin"}, "Isi hari kerja terakhir"), ("akhir", {"hari": "2026-11-23"}, "Isi hari kerja"),
])
async def test_refusals_in_plain_words_lose_nothing(served, runtime, act, fields, said):
    absent = await someone_with_cases(runtime)
    client = await browser(served, await person(runtime, "supervisor"))
    for plan in ("", "rencana palsu"):
        page = await shows(client, absent, act, rencana=plan, **fields)
        assert said in page.text
        assert all(value in {v for f in page.forms for v in f.fields.values()} for value in fields.values())
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(leaves))).all() == []


async def test_nobody_else_is_there(served, runtime):
    case = await open_case(runtime)
    only, admin = await officer_row(runtime, case.officer_id), await person(runtime, "admin")
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id.not_in([only.id, admin.id])).values(active=False))
    client = await browser(served, admin)
    assert "Tidak ada petugas lain" in (await shows(client, only, "nonaktif")).text
    plan = await shows(client, only, "akhir", hari=str(TOMORROW))
    assert "tetap atas nama petugas ini" in plan.text
    own = await browser(served, only)
    assert "Tidak ada petugas lain" in (await shows(own, only, "cuti", dari=str(TODAY), sampai=str(TODAY))).text
    served.clock.forward(timedelta(days=2))
    await duty.end(runtime, admin, only.login, date(2026, 11, 26))
    served.clock.forward(timedelta(days=1))
    assert await duty.end_duties(runtime) == (0, [only.login])
    assert (await holders(runtime))[case.number] == only.name


async def test_p11_a_confidential_report_that_moves_is_not_named(served, runtime):
    inspector = await person(runtime, "inspector")
    report = await open_case(runtime)
    async with db.transaction(runtime.pool) as connection:
        holder = await connection.execute(update(case_table).where(case_table.c.id == report.id).values(
            kept_from=[(await person(runtime, "supervisor")).id]
        ).returning(case_table.c.officer_id))
        officer_id = holder.scalar_one()
    assert inspector.id != officer_id
    client = await browser(served, await person(runtime, "supervisor"))
    plan = await shows(client, await officer_row(runtime, officer_id), "nonaktif")
    assert report.number not in plan.text
    assert "Kasus yang tidak boleh Anda lihat" in plan.text


# --- who may ----------------------------------------------------------------------------------------------------------

ACTS = {
    "list": ("GET", ""), "page": ("GET", "/nurul.hidayah"), "leave": ("POST", "/nurul.hidayah/cuti"),
    "leave back": ("POST", "/nurul.hidayah/cuti/6ba7b810-9dad-11d1-80b4-00c04fd430c8/batal"),
    "end": ("POST", "/nurul.hidayah/akhir"), "end back": ("POST", "/nurul.hidayah/akhir/batal"),
    "deactivate": ("POST", "/nurul.hidayah/nonaktif"), "reactivate": ("POST", "/nurul.hidayah/aktifkan"),
}
FIELDS = {"dari": str(TOMORROW), "sampai": str(FRIDAY), "hari": str(FRIDAY)}
UNSEEN = (200, 404, 404, 403, 404, 403, 404, 403)
ROLES = {  # in the order of `ACTS`; 404: no such leave, nobody who is deactivated
    "supervisor": (200, 200, 200, 404, 200, 303, 200, 404), "admin": (200, 200, 403, 403, 200, 303, 200, 404),
    "head": (200, 200, 200, 404, 403, 403, 403, 403), "another head": UNSEEN, "officer": UNSEEN,
    "inspector": UNSEEN, "data_officer": UNSEEN, "auditor": UNSEEN,
    "themselves": (200, 200, 200, 404, 403, 403, 403, 403),
    "nobody": (303, 303, *(401,) * 6), "supervisor without the token": (200, 200, *(403,) * 6),
}


async def role(served, name: str):
    runtime = served.runtime
    if name == "nobody":
        return await browser(served)
    if name == "themselves":
        return await browser(served, next(p for p in [await _named(runtime, "nurul.hidayah")]))
    units = {"head": "sosial", "another head": "kependudukan", "officer": "kependudukan"}
    found = await person(runtime, name.removeprefix("another ").partition(" ")[0], units.get(name))
    return await browser(served, found)


async def _named(runtime, login: str):
    async with db.transaction(runtime.pool) as connection:
        return (await connection.execute(select(officers).where(officers.c.login == login))).one()


@pytest.mark.parametrize("name", ROLES)
async def test_role_by_route(served, name):
    client = await role(served, name)
    client.follow_redirects = False
    page = Page(await client.get("/petugas/kata-sandi"))
    token = next((f.fields["tanda"] for f in page.forms if "tanda" in f.fields), "")
    fields = {**FIELDS, "tanda": "" if name.endswith("token") else token}
    found = []
    for method, path in ACTS.values():
        response = await client.request(method, HERE + path, data=fields if method == "POST" else None)
        found.append(response.status_code)
    assert tuple(found) == ROLES[name]
    async with db.transaction(served.runtime.pool) as connection:
        assert (await connection.execute(select(leaves))).all() == []
    assert (await _named(served.runtime, "nurul.hidayah")).active


async def test_the_table_names_every_route(served):
    routes = {(method, "/" + route.path) for route in served.app.router.routes for method in route.methods
              if route.path.startswith(HERE[1:])}
    named = {(method, HERE + path.replace("nurul.hidayah", "<login:str>").replace(
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "<leave_id:str>")) for method, path in ACTS.values()}
    assert {(m, p.rstrip("/")) for m, p in routes} == named


async def test_who_may_decide_is_asked_below_the_pages_too(runtime):
    sosial, head = await person(runtime, "officer", "sosial"), await person(runtime, "head", "kependudukan")
    supervisor = await person(runtime, "supervisor")
    for decide in (duty.end(runtime, head, sosial.login, TOMORROW), duty.reactivate(runtime, head, sosial.login),
                   duty.foresee(runtime, head, sosial.login, duty.GIVES_LEAVE)):
        with pytest.raises(Forbidden):
            await decide
    with pytest.raises(NotFound):
        await duty.reactivate(runtime, supervisor, sosial.login)
    for decide in (duty.end(runtime, supervisor, supervisor.login, TOMORROW),
                   duty.deactivate(runtime, supervisor, supervisor.login)):
        with pytest.raises(Conflict, match="yourself"):
            await decide
    with pytest.raises(Unprocessable, match="bad_last_day"):
        await duty.end(runtime, supervisor, sosial.login, date(2026, 11, 23))

"""`/petugas`: the officers' console as a browser without JavaScript has it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from handoff.domain.case import Role
from handoff.services.deadlines import escalation
from handoff.services.people import staff
from handoff.store import db
from handoff.store.schema import officers
from handoff.web.limits import Buckets
from tests.support.citizen import colleague
from tests.support.console import browser, enter, form_of, offered, opened, spoken
from tests.support.office import PASSWORD, officer_row, open_case, person
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
ACTIONS = ("takeover", "reply", "note", "propose", "hand_back")


# --- signing in -------------------------------------------------------------------------------------------------------


async def test_signing_in_by_the_form_leads_to_the_list_and_signing_out_to_the_door(served):
    client = await browser(served)
    assert (await client.get("/petugas")).url.path == "/petugas/masuk"
    response = await enter(client, "siti.rahayu")
    assert response.url.path == "/petugas"
    cookie = next(c for c in response.history[-1].headers.get_list("set-cookie") if c.startswith("wajah_session="))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    page = Page(response)
    assert "Siti Rahayu" in page.text
    assert "Tidak ada kasus terbuka atas nama Anda." in page.text
    assert "no-store" in response.headers["cache-control"]
    token = client.cookies["wajah_session"]
    form = form_of(page, "keluar")
    assert (await client.post(form.action, data=form.fields)).url.path == "/petugas/masuk"
    assert await staff.session_of(served.runtime, token) is None


async def test_a_wrong_password_then_a_lock_are_told_as_sentences(served):
    client = await browser(served)
    for _ in range(staff.FAILURES):
        response = await enter(client, "siti.rahayu", "salah")
        assert response.status_code == 401
        page = Page(response)
        assert "Nama masuk atau kata sandi salah." in page.text
        assert (page.form("sandi").fields["nama"], page.form("sandi").fields["sandi"]) == ("siti.rahayu", "")
    locked = await enter(client, "siti.rahayu")
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "900")
    assert "Terlalu banyak percobaan masuk." in Page(locked).text
    served.clock.forward(staff.LOCKED)
    assert (await enter(client, "siti.rahayu")).url.path == "/petugas"


async def test_attempts_are_limited_by_address_too(served):
    served.app.ctx.login_buckets = Buckets(2, 0.001)
    client = await browser(served)
    assert [(await enter(client, f"x{n}", "x")).status_code for n in range(3)] == [401, 401, 429]


async def test_a_foreign_form_signs_nobody_in(served):
    client = await browser(served)
    sent = {"nama": "siti.rahayu", "sandi": PASSWORD}
    assert (await client.post("/petugas/masuk", data=sent)).status_code == 403
    assert (await enter(client, "siti.rahayu", tanda="0" * 32)).status_code == 403
    assert "wajah_session" not in client.cookies
    assert (await enter(client, "x", "y" * 1001)).status_code == 400


async def test_a_one_time_password_is_changed_first(served):
    new = await staff.add_officer(served.runtime, name="Putri Lestari", title="Petugas", unit="sosial",
                                  role=Role.officer)
    client = await browser(served)
    response = await enter(client, new.login, new.one_time_password)
    assert response.url.path == "/petugas/kata-sandi"
    assert (await client.get("/petugas/kasus/1234-5671")).url.path == "/petugas/kata-sandi"
    form = Page(response).form("baru")
    sent = {**form.fields, "lama": new.one_time_password, "baru": "kata sandi pilihan sendiri"}
    for wrong, status, why in (({"baru": "pendek"}, 422, "paling sedikit 12 huruf"),
                               ({"lama": "x"}, 403, "Kata sandi lama salah.")):
        refused = await client.post(form.action, data={**sent, **wrong})
        assert refused.status_code == status
        assert why in Page(refused).text
    assert (await client.post(form.action, data=sent)).url.path == "/petugas"
    again = await browser(served)
    assert (await enter(again, new.login, "kata sandi pilihan sendiri")).url.path == "/petugas"


async def test_a_case_that_was_asked_for_opens_after_signing_in(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    client = await browser(served)
    form = Page(await client.get(f"/petugas/kasus/{case.number}")).form("sandi")
    sent = {**form.fields, "nama": owner.login, "sandi": PASSWORD}
    assert (await client.post(form.action, data=sent)).url.path == f"/petugas/kasus/{case.number}"
    foreign = await enter(client, owner.login, kasus="//lain.example")
    assert foreign.url.path == "/petugas"


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_the_list_tells_in_words_what_waits_and_what_is_late(served, clock):
    first = await open_case(served.runtime, topic="ktp_hilang")
    clock.forward(timedelta(hours=1))
    second = await open_case(served.runtime, reason="low_confidence")
    client = await browser(served, await person(served.runtime, "supervisor"))
    page = Page(await client.get("/petugas?lingkup=semua"))
    owner = await officer_row(served.runtime, first.officer_id)
    for told in (first.number, "Minta petugas", "Menunggu diambil petugas", f"Petugas: {owner.name}",
                 served.runtime.catalogue.topics["ktp_hilang"].title, "Bot tidak yakin",
                 "Menunggu 1 jam", "Menunggu 1 menit", "Web", "Dibalas paling lambat"):
        assert told in page.text
    assert page.text.index(first.number) < page.text.index(second.number)
    assert page.text.count("Terlambat") == 1  # the list's name
    clock.forward(timedelta(days=90))
    await client.aclose()
    client = await browser(served, await person(served.runtime, "supervisor"))
    assert Page(await client.get("/petugas?lingkup=semua")).text.count("Terlambat") == 3
    assert (await client.get("/petugas?lingkup=lain")).status_code == 400
    assert "Belum ada kasus yang ditutup" in Page(await client.get("/petugas?lingkup=unit&ditutup=1")).text


@pytest.mark.parametrize("token", ["", "x", "é"])
async def test_a_form_without_the_sessions_token_does_nothing(served, token):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    for action in ACTIONS[:4]:
        sent = {"pesan": "dari situs lain", "tanda": token}
        response = await client.post(form_of(page, action).action, data=sent)
        assert response.status_code == 403
        assert "dari situs lain" not in response.text
    for path in ("/petugas/keluar", "/petugas/kata-sandi"):
        assert (await client.post(path, data={"tanda": token})).status_code == 403
    assert await spoken(served.runtime) == 0
    assert "takeover" in offered(await opened(client, case.number))


# --- who may ----------------------------------------------------------------------------------------------------------

PAGES = ("/petugas?lingkup=saya", "/petugas?lingkup=unit", "/petugas?lingkup=semua", "/petugas/kasus/{number}")
DOOR = [303] * 4
ROLES: dict[str, tuple[list[int], list[int], list[str]]] = {  # each page; takeover and a note; what the case offers
    "the case's officer": ([200, 200, 403, 200], [303, 303],
                           ["takeover", "reply", "ask", "propose", "note", "hand_back"]),
    "their colleague": ([200, 200, 403, 200], [303, 303], ["takeover"]),
    "head": ([200, 200, 403, 200], [303, 303], ["takeover", "note"]),
    "supervisor": ([200, 200, 200, 200], [303, 303], ["takeover", "note"]),
    "another unit's officer": ([200, 200, 403, 404], [404, 404], []),
    "inspector": ([200, 200, 403, 404], [404, 404], []),
    "data_officer": ([200, 200, 403, 404], [404, 404], []),
    "auditor": ([200, 200, 200, 200], [403, 403], []),
    "admin": ([403, 403, 403, 403], [403, 403], []),
    "nobody": (DOOR, [401, 401], []),
    "one-time password": (DOOR, [303, 303], []),
}


@pytest.mark.parametrize("name", ROLES)
async def test_role_by_page(served, name):
    looks, acts, offers = ROLES[name]
    case = await open_case(served.runtime, "RAHASIA warga")
    client = await role(served, name, case)
    client.follow_redirects = False
    shown = [await client.get(path.format(number=case.number)) for path in PAGES]
    assert [r.status_code for r in shown] == looks
    page = Page(shown[-1])
    assert offered(page) == offers
    assert ("RAHASIA warga" in page.text) == bool(offers)
    own = Page(await client.get("/petugas/kata-sandi"))  # whoever has signed in may see this page
    tokens = [f.fields["tanda"] for f in own.forms if "tanda" in f.fields]
    for action, expected in zip(("takeover", "note"), acts, strict=True):
        response = await client.post(f"/petugas/kasus/{case.number}/{action}",
                                     data={"tanda": tokens[0] if tokens else "", "pesan": "Catatan."})
        assert response.status_code == expected, action
    if name == "one-time password":
        assert {r.headers["location"] for r in shown} == {"/petugas/kata-sandi"}
        assert await spoken(served.runtime) == 0


async def role(served, name: str, case) -> httpx.AsyncClient:
    """The browser of the one who asks."""
    runtime, units = served.runtime, {"head": "kependudukan", "another unit's officer": "sosial"}
    if name == "nobody":
        return await browser(served)
    owner = await officer_row(runtime, case.officer_id)
    if name in ("the case's officer", "one-time password"):
        found = owner
    elif name == "their colleague":
        found = await colleague(runtime, owner)
    else:
        found = await person(runtime, name.rpartition(" ")[2], units.get(name))
    client = await browser(served, found)
    if name == "one-time password":
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(officers).values(must_change_password=True))
    return client


# --- news -------------------------------------------------------------------------------------------------------------


async def test_p07_news_is_shown_to_its_reader_only_and_marked_read(served):
    case = await open_case(served.runtime)
    officer = await officer_row(served.runtime, case.officer_id)
    served.clock.forward(timedelta(minutes=90))
    await escalation.once(served.runtime)
    client = await browser(served, officer)
    page = Page(await client.get("/petugas/kabar"))
    assert case.number in page.text
    assert "Separuh waktu untuk balasan pertama" in page.text
    assert "1 kabar baru" in (await client.get("/petugas/hitungan")).text
    for role_name, said in (("supervisor", "terlambat, batasnya"), ("head", "dihitung terlambat di halaman publik")):
        unit = "kependudukan" if role_name == "head" else None
        other = Page(await (await browser(served, await person(served.runtime, role_name, unit))).get("/petugas/kabar"))
        assert said in other.text
        assert "separuh waktu" not in other.text.lower()
    form = form_of(page, "kabar")
    after = Page(await client.post(form.action, data=form.fields))
    assert "belum dibaca" not in after.text
    assert "kabar baru" not in (await client.get("/petugas/hitungan")).text
    assert (await client.post("/petugas/kabar", data={**form.fields, "sampai": "kemarin"})).status_code == 400
    assert (await client.post("/petugas/kabar", data={**form.fields, "tanda": "x"})).status_code == 403


@pytest.mark.parametrize("name", ["supervisor", "auditor", "admin", "data_officer"])
async def test_anybody_with_a_session_has_their_own_news(served, name):
    client = await browser(served, await person(served.runtime, name))
    assert "Belum ada kabar" in Page(await client.get("/petugas/kabar")).text

"""`/petugas`: the officers' console as a browser without JavaScript has it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from handoff.domain.case import Role
from handoff.services import staff, verbs
from handoff.store import db
from handoff.store.schema import access_log, messages, officers
from handoff.web.limits import Buckets
from tests.integration.test_case_page import reachable
from tests.support.citizen import UNSURE, Citizen, answers, colleague
from tests.support.office import PASSWORD, officer_row, open_case, open_case_with_file, person
from tests.support.pages import BROWSER, Form, Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
ACTIONS = ("takeover", "reply", "note", "propose", "hand_back")


async def browser(served, officer=None) -> httpx.AsyncClient:
    """A browser, signed in through the form if an officer is named."""
    client = await served.client()
    client.headers.update(BROWSER)
    client.follow_redirects = True
    if officer is not None:
        response = await enter(client, officer.login)
        assert (response.status_code, response.url.path) != (401, "/petugas/masuk"), response.text
    return client


async def enter(client: httpx.AsyncClient, login: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    form = Page(await client.get("/petugas/masuk")).form("sandi")
    return await client.post(form.action, data={**form.fields, "nama": login, "sandi": password, **more})


def offered(page: Page) -> list[str]:
    return page.attributes("button", "data-action")


def form_of(page: Page, action: str) -> Form:
    return next(f for f in page.forms if f.action.endswith(f"/{action}"))


async def does(client: httpx.AsyncClient, page: Page, action: str, text: str | None = None) -> httpx.Response:
    form = form_of(page, action)
    return await client.post(form.action, data=form.fields if text is None else {**form.fields, "pesan": text})


async def opened(client: httpx.AsyncClient, number: str) -> Page:
    response = await client.get(f"/petugas/kasus/{number}")
    assert response.status_code == 200, response.text
    return Page(response)


async def spoken(runtime) -> int:
    async with db.transaction(runtime.pool) as connection:
        return len((await connection.execute(select(messages.c.id).where(messages.c.author == "officer"))).all())


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
    assert "Tidak ada kasus terbuka di daftar ini." in page.text
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
                 "Warga menunggu sejak Selasa, 24 November 2026 pukul 10.00 WIB", "Dibalas paling lambat"):
        assert told in page.text
    assert page.text.index(first.number) < page.text.index(second.number)
    assert "Terlambat" not in page.text
    clock.forward(timedelta(days=90))
    await client.aclose()
    client = await browser(served, await person(served.runtime, "supervisor"))
    assert Page(await client.get("/petugas?lingkup=semua")).text.count("Terlambat") == 2
    assert (await client.get("/petugas?lingkup=lain")).status_code == 400
    assert "Belum ada kasus yang ditutup" in Page(await client.get("/petugas?lingkup=unit&ditutup=1")).text


async def test_the_case_shows_what_the_bot_answered_and_on_what_it_rested(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    case = await citizen.case()
    client = await browser(served, await citizen.officer())
    page = await opened(client, case.number)
    title = runtime.catalogue.topics["ktp_hilang"].title
    for told in ("ktp sy ilang", "Jawaban bot dibantah", f"Topik: {title}", "Keyakinan bot 90%, batas 50%",
                 "Model test", "Sumber: ", "Kasus dibuka: Jawaban bot dibantah", "Dibalas paling lambat"):
        assert told in page.text
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(access_log.c.what))).scalars().all() == ["case"]
    assert (await client.get(f"/petugas/kasus/{case.number.replace('-', '')}")).url.path.endswith(case.number)


async def test_what_a_citizen_writes_is_text_and_no_page_has_a_script(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("<script>alert('x')</script> <img src=x onerror=y> \"'&amp;", UNSURE)
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "<script>alert('x')</script> <img src=x onerror=y> \"'&amp;" in page.text
    assert not {"script", "img", "style"} & {tag for tag, _ in page.tags}
    assert not [name for _, given in page.tags for name in given if name == "style" or name.startswith("on")]


async def test_files_are_downloads(served):
    case, file = await open_case_with_file(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    link = next(h for h in (await opened(client, case.number)).attributes("a", "href") if str(file) in h)
    response = await client.get(link)
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''ktp.png"


async def test_a_long_talk_is_read_page_by_page(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    for n in range(230):
        await citizen.writes(f"pesan-{n:03}.")
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "pesan-229." in page.text
    assert "pesan-010." not in page.text
    first = Page(await client.get(next(h for h in page.attributes("a", "href") if "setelah=" in h)))
    assert "pesan-010." in first.text
    assert "pesan-229." not in first.text
    last = Page(await client.get([h for h in first.attributes("a", "href") if "setelah=" in h][-1]))
    assert "pesan-229." in last.text


# --- acting -----------------------------------------------------------------------------------------------------------


async def test_of_two_officers_one_takes_over_and_the_other_reads_who(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    people = [owner, await colleague(served.runtime, owner)]
    clients = [await browser(served, officer) for officer in people]
    pages = [await opened(client, case.number) for client in clients]
    both = await asyncio.gather(*(does(c, p, "takeover") for c, p in zip(clients, pages, strict=True)))
    assert sorted(r.status_code for r in both) == [200, 409]
    won, lost = sorted(both, key=lambda r: r.status_code)
    winner = people[both.index(won)]
    assert "Percakapan ini sekarang Anda tangani." in Page(won).text
    assert f"sudah diambil alih oleh {winner.name}" in Page(lost).text
    assert offered(Page(won)) == ["reply", "propose", "note", "hand_back"]
    assert offered(Page(lost)) == []


async def test_a_talk_from_takeover_to_the_citizens_yes(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    number = (await citizen.case()).number
    client = await browser(served, await citizen.officer())
    page = Page(await does(client, await opened(client, number), "takeover"))
    page = Page(await does(client, page, "note", "RAHASIA kantor"))
    assert "Catatan internal tersimpan." in page.text
    assert "Catatan internal, tidak terlihat warga" in page.text
    page = Page(await does(client, page, "reply", "Selamat pagi,\r\nsaya bantu."))
    assert "Balasan Anda tersimpan" in page.text
    page = Page(await does(client, page, "hand_back"))
    assert "Bot boleh menjawab lagi." in page.text
    assert offered(page) == ["takeover", "reply", "propose", "note"]
    page = Page(await does(client, page, "propose", "KTP sudah jadi."))
    assert "Penyelesaian diusulkan, menunggu jawaban warga" in page.text
    seen = [m["text"] for m in await citizen.sees()]
    assert "Selamat pagi,\nsaya bantu." in seen
    assert "RAHASIA" not in str(seen)
    assert any(text.startswith("KTP sudah jadi.") for text in seen)
    await citizen.taps("Sudah selesai")
    refused = await does(client, page, "reply", "Satu hal lagi <b>")
    assert refused.status_code == 409
    page = Page(refused)
    assert "Kasus ini sudah ditutup." in page.text
    assert "Satu hal lagi <b>" in page.text
    assert offered(page) == ["note"]
    assert "Ditutup" in Page(await client.get("/petugas?ditutup=1")).text


@pytest.mark.parametrize("action", ["reply", "note", "propose"])
async def test_a_form_sent_twice_says_it_once(served, action):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    both = await asyncio.gather(*(does(client, page, action, "Baik.") for _ in range(2)))
    assert [r.status_code for r in both] == [200, 200]
    assert await spoken(served.runtime) == 1
    await does(client, page, action, "Yang lain, dari halaman yang sama.")
    assert await spoken(served.runtime) == 2


@pytest.mark.parametrize(("text", "status", "why"), [
    (" \n", 422, "Pesannya masih kosong."), ("a" * 4097, 413, "Terlalu besar."),
])
async def test_what_cannot_be_said_stays_in_its_box(served, text, status, why):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    for action in ("reply", "note", "propose"):
        response = await does(client, await opened(client, case.number), action, text)
        page = Page(response)
        assert response.status_code == status
        assert why in page.text
        assert {a: form_of(page, a).fields["pesan"] for a in ("reply", "note", "propose")} == {
            **dict.fromkeys(("reply", "note", "propose"), ""), action: text
        }
    assert await spoken(served.runtime) == 0


async def test_without_the_database_nothing_typed_is_lost_and_the_same_form_still_says_it_once(served, database):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    await reachable(database, False)
    response = await does(client, page, "reply", "jangan hilang <b>")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert (await client.get("/petugas")).status_code == 503
    await reachable(database, True)
    again = Page(response)
    assert "Layanan sedang terganggu." in again.text
    assert form_of(again, "reply").fields["pesan"] == "jangan hilang <b>"
    for sent in (again, page):
        told = Page(await does(client, sent, "reply", "jangan hilang <b>")).text
        assert "Balasan Anda tersimpan" in told
        assert told.count("jangan hilang <b>") == 1


async def test_nothing_is_called_done_that_this_officer_did_not_do(served):
    case = await open_case(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    await verbs.take_over(served.runtime, owner, case.id)
    client = await browser(served, await colleague(served.runtime, owner))
    for claimed in ("takeover", "reply", "x"):
        page = Page(await client.get(f"/petugas/kasus/{case.number}?hasil={claimed}"))
        assert "status" not in [given.get("role") for _, given in page.tags]


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
    "the case's officer": ([200, 200, 403, 200], [303, 303], ["takeover", "reply", "propose", "note", "hand_back"]),
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

"""`/petugas/kasus/…`: one case in the console as a browser without JavaScript has it."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

import httpx
import pytest
from sqlalchemy import select, update

from handoff.services.case import verbs
from handoff.services.talk import inbox
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema import officers
from handoff.store.schema_desk import read_marks
from handoff.store.schema_record import access_log
from tests.support.case_page import reachable
from tests.support.citizen import UNSURE, Citizen, answers, colleague, reply
from tests.support.console import browser, does, form_of, offered, opened, spoken
from tests.support.office import officer_row, open_case, open_case_with_file, person
from tests.support.pages import Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


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


async def test_what_a_citizen_writes_is_text_and_every_script_is_a_file_of_ours(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("<script>alert('x')</script> <img src=x onerror=y> \"'&amp;", UNSURE)
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "<script>alert('x')</script> <img src=x onerror=y> \"'&amp;" in page.text
    assert "style" not in {tag for tag, _ in page.tags}
    assert all(given.get("src", "").startswith("/static/") for tag, given in page.tags if tag in ("script", "img"))
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
    assert offered(Page(won)) == ["reply", "ask", "propose", "note", "hand_back"]
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
    page = Page(await does(client, page, "reply", "Selamat pagi,\r\nsaya cetak."))
    assert "Balasan Anda tersimpan" in page.text
    page = Page(await does(client, page, "hand_back"))
    assert "Bot boleh menjawab lagi." in page.text
    assert offered(page) == ["takeover", "reply", "ask", "propose", "note"]
    page = Page(await does(client, page, "propose", "KTP sudah jadi."))
    assert "Penyelesaian diusulkan, menunggu jawaban warga" in page.text
    seen = [m["text"] for m in await citizen.sees()]
    assert "Selamat pagi,\nsaya cetak." in seen
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


async def test_a_proposal_needs_a_cause_and_what_was_typed_stays(served):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    assert not [given for tag, given in page.tags if tag == "option" and "selected" in given]  # nobody chose for them
    form = form_of(page, "propose")
    for cause in ("", "nasib"):
        refused = await client.post(form.action, data={**form.fields, "sebab": cause, "pesan": "KTP sudah jadi."})
        page = Page(refused)
        assert refused.status_code == 422
        assert "Pilih dulu sebabnya, lalu kirim lagi." in page.text
        assert form_of(page, "propose").fields["pesan"] == "KTP sudah jadi."
    by_script = {"HX-Request": "true"}
    notice = await client.post(form.action, headers=by_script, data={**form.fields, "pesan": "KTP sudah jadi."})
    assert "Pilih dulu sebabnya" in notice.text
    assert await spoken(served.runtime) == 0


@pytest.mark.parametrize("action", ["reply", "note", "propose"])
async def test_a_form_sent_twice_says_it_once(served, action):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    both = await asyncio.gather(*(does(client, page, action, "Kami ubah hari ini.") for _ in range(2)))
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
        assert "hasil" not in [given.get("id") for _, given in page.tags]


# --- who may ----------------------------------------------------------------------------------------------------------

# Each route of a case, with what its form sends. The citizen's message is number 1.
ROUTES: dict[str, tuple[str, str, dict[str, str]]] = {
    "page": ("GET", "", {}),
    "newest": ("GET", "/segar", {}),
    "small photo": ("GET", "/kecil/{file}", {}),
    "act": ("POST", "/note", {"pesan": "Catatan."}),
    "draft": ("PUT", "/draf", {"reply": "Baru separuh"}),
    "presence": ("POST", "/hadir", {}),
    "reveal": ("POST", "/tampilkan", {"pesan": "1", "alasan": "cocokkan data"}),
    "transfer": ("POST", "/pindah", {"unit": "sosial", "pesan": "Urusan bansos."}),
    "withdraw transfer": ("POST", "/pindah/batal", {}),
    "accept transfer": ("POST", "/pindah/terima", {}),
    "decline transfer": ("POST", "/pindah/tolak", {"pesan": "Bukan kami."}),
    "refer": ("POST", "/rujuk", {"kantor": "Kemenaker", "pesan": "Surat.", "hari": "2026-12-01"}),
    "follow up": ("POST", "/rujuk/{file}", {"pesan": "Belum."}),
    "dismiss": ("POST", "/bukan-permintaan", {"pesan": "Pesan pizza."}),
    "confirm dismissal": ("POST", "/bukan-permintaan/benarkan", {"pesan": "Ya."}),
    "merge": ("POST", "/gabung", {"kasus": "bukan", "pesan": "Sama."}),
    "allow address": ("POST", "/benarkan-alamat", {"pesan": "Memang di sana."}),
}
_MOVES = ("transfer", "withdraw transfer", "accept transfer", "decline transfer", "refer", "follow up", "dismiss",
          "confirm dismissal", "merge", "allow address")
_ALL = dict.fromkeys(ROUTES, 200) | {"act": 303, "draft": 204} | dict.fromkeys(_MOVES, 409)
_OWN = _ALL | {"transfer": 303, "withdraw transfer": 303, "refer": 303, "follow up": 404, "dismiss": 303,
               "allow address": 403}
_LEADS = _ALL | {"transfer": 303, "withdraw transfer": 303}
_UNKNOWN = dict.fromkeys(ROUTES, 404)
EXPECTED: dict[str, dict[str, int]] = {
    "the case's officer": _OWN,
    "their colleague": _ALL | {"act": 409, "allow address": 403},
    "the unit's head": _LEADS,
    "supervisor": _LEADS,
    "another unit's officer": _UNKNOWN,
    "inspector": _UNKNOWN,
    "data_officer": _UNKNOWN,
    "auditor": dict.fromkeys(ROUTES, 403) | {"page": 200, "newest": 200},
    "admin": dict.fromkeys(ROUTES, 403),
    "nobody": {name: 303 if method == "GET" else 401 for name, (method, _, _) in ROUTES.items()},
    "the case's officer without the CSRF token": {
        name: 200 if method == "GET" else 403 for name, (method, _, _) in ROUTES.items()
    },
    "the case's officer with a one-time password": dict.fromkeys(ROUTES, 303),
}


@pytest.mark.parametrize("name", EXPECTED)
async def test_role_by_route_of_a_case(served, name):
    case, file = await open_case_with_file(served.runtime)
    owner = await officer_row(served.runtime, case.officer_id)
    client = await as_role(served, name, owner)
    token = "" if name.endswith("CSRF token") else await token_of(client)
    if name.endswith("one-time password"):
        async with db.transaction(served.runtime.pool) as connection:
            await connection.execute(update(officers).values(must_change_password=True))
    client.follow_redirects = False
    results = {}
    for route, (method, path, fields) in ROUTES.items():
        address = f"/petugas/kasus/{case.number}{path.format(file=file)}"
        response = await client.request(method, address, data={"tanda": token, **fields} if method != "GET" else None)
        results[route] = response.status_code
    assert results == EXPECTED[name]


async def test_the_table_names_every_route_of_a_case(served):
    routes = {(method, route.path) for route in served.app.router.routes
              if route.path.startswith("petugas/kasus/") for method in route.methods}
    shape = {"/note": "/<action:str>", "/kecil/{file}": "/kecil/<file:str>",
             "/rujuk/{file}": "/rujuk/<referral:str>"}
    assert routes == {
        (method, "petugas/kasus/<number:str>" + shape.get(path, path)) for method, path, _ in ROUTES.values()
    }


async def as_role(served, name: str, owner) -> httpx.AsyncClient:
    """The browser of the one who asks."""
    runtime = served.runtime
    if name == "nobody":
        return await browser(served)
    if name.startswith("the case's officer"):
        return await browser(served, owner)
    if name == "their colleague":
        return await browser(served, await colleague(runtime, owner))
    units = {"the unit's head": "kependudukan", "another unit's officer": "sosial"}
    return await browser(served, await person(runtime, name.rpartition(" ")[2], units.get(name)))


async def token_of(client: httpx.AsyncClient) -> str:
    """The session's CSRF token, from a page that everybody who has signed in may see."""
    page = Page(await client.get("/petugas/kata-sandi"))
    return next((form.fields["tanda"] for form in page.forms if "tanda" in form.fields), "")


# --- for a page that is open ------------------------------------------------------------------------------------------

BY_HTMX = {"HX-Request": "true"}


async def test_what_is_new_comes_without_what_was_shown_and_counts_as_read(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz pertama", UNSURE)
    client = await browser(served, await citizen.officer())
    number = (await citizen.case()).number
    page = await opened(client, number)
    last = page.attributes("ol", "data-last")[0]
    await citizen.writes("yang kedua")
    fresh = Page(await client.get(f"/petugas/kasus/{number}/segar?setelah={last}"))
    assert "yang kedua" in fresh.text
    assert "zzz pertama" not in fresh.text
    assert fresh.attributes("ol", "data-last")[0] == str(int(last) + 1)
    assert offered(fresh) == offered(page)
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(read_marks.c.seq))).scalars().all() == [int(last) + 1]


async def test_htmx_is_answered_with_one_sentence_done_or_why_not(served):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    form = form_of(await opened(client, case.number), "reply")
    for text, status, told in (("Kami ubah.", 200, "Balasan Anda tersimpan"), (" ", 422, "Pesannya masih kosong.")):
        answer = await client.post(form.action, data={**form.fields, "pesan": text}, headers=BY_HTMX)
        assert (answer.status_code, answer.headers["wajah-kabar"]) == (status, "1")
        assert told in Page(answer).text
        assert "<html" not in answer.text
    assert await spoken(served.runtime) == 1


async def test_without_the_database_htmx_is_told_so(served, database):
    case = await open_case(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    form = form_of(await opened(client, case.number), "reply")
    await reachable(database, False)
    answer = await client.post(form.action, data={**form.fields, "pesan": "Kami ubah hari ini."}, headers=BY_HTMX)
    await reachable(database, True)
    assert (answer.status_code, answer.headers["wajah-kabar"]) == (503, "1")
    assert "<html" not in answer.text


async def test_photos_are_small_and_other_files_have_no_picture(served):
    case, file = await open_case_with_file(served.runtime)
    client = await browser(served, await officer_row(served.runtime, case.officer_id))
    page = await opened(client, case.number)
    [picture] = [src for src in page.attributes("img", "src") if not src.startswith("/static/")]
    assert picture.endswith(f"/kecil/{file}")
    shown = await client.get(picture)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.content[:3] == b"\xff\xd8\xff"


async def test_a_place_is_a_point_on_a_sketch_without_anybody_being_asked(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("zzz", UNSURE)
    place = {"location": {"latitude": -2.43, "longitude": 115.25}}
    await inbox.receive(runtime, citizen.id, Inbound("location", place))
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    assert "Letak -2.430000, 115.250000" in page.text
    assert page.attributes("circle", "cx")[0] == "21.25"
    assert not [src for src in page.attributes("img", "src") if "://" in src]


async def test_the_catalogue_beside_begins_with_what_the_citizen_asked_about(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.asks("brp lama jadinya", reply({"do": "aspect", "aspect": "time"}, intent="tanya_waktu"))
    await citizen.taps("Jawaban ini salah")
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    parts = re.findall(r"Sisipkan ke balasan : (.+?), KTP hilang", page.text)
    assert parts[:3] == ["Ringkasan", "Waktu", "Syarat"]


async def test_an_entry_overdue_for_review_names_its_keeper_to_the_officer(served, runtime, clock):
    clock.set(datetime.fromisoformat("2027-06-02T10:00:00+07:00"))
    citizen = await Citizen.arrives(runtime)
    (said,) = await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    assert "Keterangan ini menunggu diperiksa ulang. Pastikan ke petugas." in said["text"]
    await citizen.taps("Jawaban ini salah")
    page = await opened(await browser(served, await citizen.officer()), (await citizen.case()).number)
    assert "Penjaganya: Siti Rahayu, Petugas Layanan KTP dan KK." in page.text


async def test_the_catalogue_stands_beside_in_parts_the_cases_topic_first(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    client = await browser(served, await citizen.officer())
    page = await opened(client, (await citizen.case()).number)
    entries = [given for given in page.attributes("details", "id") if given.startswith("katalog-")]
    assert entries[:2] == ["katalog-ktp_hilang", "katalog-ktp_rusak"]
    for part in ("Syarat", "Biaya", "Waktu", "Langkah"):
        assert f"Sisipkan ke balasan : {part}, KTP hilang" in page.text

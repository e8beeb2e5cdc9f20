"""The citizen's plain pages over real HTTP: the office, the services, the widget's file, errors as pages."""

from __future__ import annotations

import gzip
from datetime import datetime
from urllib.parse import quote

import pytest
from sqlalchemy import update

from handoff.services.talk import publications
from handoff.store import db
from handoff.store.schema import offices
from handoff.web.assets import FOLDER
from tests.support.office import person
from tests.support.pages import BROWSER, Page

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
WIDGET_BYTES = 12 * 1024
FIRST_LOAD_BYTES = 150 * 1024
PAGES = ("/", "/layanan", "/layanan?q=ktp", "/layanan/ktp_hilang", "/layanan/tidak_ada", "/privasi", "/transparansi",
         "/kasus/1234-5671",
         "/docs")


async def read(served, path: str, status: int = 200) -> Page:
    response = await (await served.client()).get(path, headers=BROWSER)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    return Page(response)


async def test_the_office_is_named_and_marked_as_an_example_and_the_set_clock_is_told(served):
    page = await read(served, "/")
    assert "Kabupaten Contoh Contoh" in page.text
    assert "Ini bukan waktu sebenarnya" in page.text
    assert "Selasa, 24 November 2026 pukul 10.00 WIB" in page.text
    assert "/widget.js" in page.attributes("script", "src")
    assert [t for t, _ in page.tags].count("wajah-chat") == 1
    assert {"/layanan", "/layanan/ktp_hilang"} <= set(page.attributes("a", "href"))


async def test_a_real_office_is_not_marked(served, runtime):
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(offices).values(is_example=False, name="Kota Sungguhan"))
    page = await read(served, "/layanan")
    assert "Kota Sungguhan" in page.text
    assert "Kantor ini bukan kantor sungguhan" not in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_keeps_the_policy_and_says_what_it_is(served, path):
    response = await (await served.client()).get(path, headers=BROWSER)
    page = Page(response)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [1 for _, given in page.tags if "style" in given or any(name.startswith("on") for name in given)]
    assert "style" not in {tag for tag, _ in page.tags}
    assert all(given.get("src") for tag, given in page.tags if tag == "script")
    assert [tag for tag, _ in page.tags].count("h1") == 1
    assert page.attributes("html", "lang") == ["en" if path == "/docs" else "id"]
    assert "Ini bukan waktu sebenarnya" in page.text
    labels = set(page.attributes("label", "for"))
    typed = [given for tag, given in page.tags if tag in ("input", "textarea") and given.get("type") != "hidden"]
    assert all(given["id"] in labels for given in typed)


# --- services ---------------------------------------------------------------------------------------------------------


async def test_services_stand_in_families_with_pictures(served):
    page = await read(served, "/layanan")
    for family in ("KTP dan data diri", "Kartu Keluarga (KK)", "Tentang kantor"):
        assert family in page.text
    links = [h for h in page.attributes("a", "href") if h.startswith("/layanan/")]
    assert len(links) == len(set(links)) == len(served.runtime.catalogue.topics)
    pictures = {href.partition("#")[2] for href in page.attributes("use", "href")}
    drawn = (FOLDER / "icons.svg").read_text(encoding="utf-8")
    assert pictures
    assert [name for name in pictures if f'id="{name}"' not in drawn] == []


@pytest.mark.parametrize(("typed", "first"), [
    ("KTP hilang", "ktp_hilang"), ("ktp ilang", "ktp_hilang"), ("akte lahir anak", "akta_kelahiran"),
    ("kartu keluraga", "kk_baru"), ("nikah", "akta_perkawinan"), ("gmn urus e-ktp yg ilaaang", "ktp_hilang"),
    ("kecopetan ktp", "ktp_hilang"), ("jam buka", "jam_layanan"), ("akte lahir telat", "akta_kelahiran_terlambat"),
    ("pecah kk", "kk_pisah"), ("skpwni", "pindah_keluar"), ("lega", "legalisir"), ("wlkp", "wlkp"),
])
async def test_a_search_forgives_slang_and_typing_errors(served, typed, first):
    page = await read(served, f"/layanan?cari={quote(typed)}")
    assert next(h for h in page.attributes("a", "href") if h.startswith("/layanan/")) == f"/layanan/{first}"
    assert page.attributes("input", "value") == [typed]


async def test_a_search_that_finds_nothing_says_where_to_go(served):
    page = await read(served, "/layanan?cari=pizza")
    assert "Tidak ada layanan untuk “pizza”" in page.text
    assert {"/#percakapan", "/#datang"} <= set(page.attributes("a", "href"))


async def test_a_search_is_shown_as_text(served):
    page = await read(served, "/layanan?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "script" not in {tag for tag, _ in page.tags}
    assert '"><script>alert(1)</script>' in page.text
    assert '"><script>alert(1)</script>' in page.attributes("input", "value")


async def test_a_service_has_its_facts_their_sources_and_the_date(served):
    page = await read(served, "/layanan/ktp_hilang")
    for told in ("Syarat", "Biaya", "Waktu", "Langkah", "Sumber", "Diperiksa 1 November 2026", "Gratis."):
        assert told in page.text
    anchors = {h for h in page.attributes("a", "href") if h.startswith("#sumber-")}
    assert anchors
    assert {a.removeprefix("#") for a in anchors} <= set(page.attributes("li", "id"))


async def test_a_service_tells_who_may_apply_what_to_do_when_refused_and_who_keeps_it_true(served, clock):
    page = await read(served, "/layanan/ktp_hilang")
    for told in ("Kantor yang mengurus", "Siapa yang boleh", "Pemilik KTP yang hilang.", "Kalau ditolak",
                 "Belum punya surat kehilangan? Minta dulu di kantor polisi.", "sejak diumumkan",
                 "oleh Petugas Layanan KTP dan KK, Dinas Kependudukan dan Pencatatan Sipil",
                 "Diperiksa lagi paling lambat 30 April 2027"):
        assert told in page.text
    assert "Siti Rahayu" not in page.text  # the name is for colleagues
    anchors = [h for h in page.attributes("a", "href") if h.startswith("#") and h != "#isi"]
    assert {a.removeprefix("#") for a in anchors} <= {given["id"] for _, given in page.tags if "id" in given}
    clock.set(datetime.fromisoformat("2027-05-01T10:00:00+07:00"))
    assert "menunggu diperiksa ulang" in (await read(served, "/layanan/ktp_hilang")).text


async def test_what_another_office_gives_says_how_to_pay_there_and_that_ours_helps(served):
    page = await read(served, "/layanan/paspor_baru")
    for told in ("Kantor kami yang membantu", "Cara bayar", "Bayar lewat bank atau kantor pos.",
                 "Jangan beri uang tunai kepada petugas."):
        assert told in page.text


async def test_p08_a_suspended_answer_is_not_told_here_either(served):
    head = await person(served.runtime, "head", "kependudukan")
    await publications.suspend(served.runtime, head, "ktp_hilang", "biayanya salah")
    page = await read(served, "/layanan/ktp_hilang")
    assert "sedang diperiksa petugas" in page.text
    assert "Gratis." not in page.text
    assert "/layanan/ktp_hilang" not in (await read(served, "/")).attributes("a", "href")
    await publications.republish(served.runtime, head, "ktp_hilang")
    assert "Gratis." in (await read(served, "/layanan/ktp_hilang")).text


# --- the office -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "told"), [
    ("2026-11-24T10:00", "Buka sampai 16.00"), ("2026-11-24T07:00", "Tutup, buka lagi hari ini pukul 08.00"),
    ("2026-11-24T16:00", "Tutup, buka lagi besok, Rabu pukul 08.00"),
    ("2026-11-27T18:00", "Tutup, buka lagi Senin pukul 08.00"),
    ("2026-12-25T09:00", "Tutup, buka lagi Senin pukul 08.00"),  # Christmas, a Friday
])
async def test_the_office_says_whether_it_is_open(served, clock, now, told):
    clock.set(datetime.fromisoformat(now).replace(tzinfo=clock().tzinfo))
    assert told in (await read(served, "/")).text


async def test_without_a_script_the_office_says_where_to_go(served):
    page = await read(served, "/")
    assert "Percakapan tidak bisa dibuka di peramban ini" in page.text
    assert not [1 for tag, _ in page.tags if tag == "textarea"]
    assert any("noscript.css" in href for href in page.attributes("link", "href"))


# --- what travels -----------------------------------------------------------------------------------------------------


async def test_pages_without_a_secret_are_packed_and_kept_and_no_others(served, runtime):
    client = await served.client()
    for path in ("/", "/layanan", "/layanan?cari=ktp", "/layanan/ktp_hilang"):
        response = await client.get(path, headers=BROWSER)
        assert response.headers["content-encoding"] == "gzip"
        assert "set-cookie" not in response.headers
        again = await client.get(path, headers={**BROWSER, "If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        plain = await client.get(path, headers={**BROWSER, "Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.text == response.text
    for path in ("/petugas", "/kasus/1234-5671"):
        assert "content-encoding" not in (await client.get(path, headers=BROWSER)).headers


# --- errors -----------------------------------------------------------------------------------------------------------


async def test_errors_are_pages_for_browsers_and_json_for_programs_with_one_sentence(served):
    client = await served.client()
    for path, status in (("/layanan/tidak_ada", 404), ("/tidak/ada", 404), ("/api/v1/officer/session", 401)):
        told = (await client.get(path)).json()["error"]["message"]
        response = await client.get(path, headers=BROWSER)
        assert response.status_code == status
        assert told in Page(response).text
        assert response.headers["cache-control"] == "no-store"


# --- files ------------------------------------------------------------------------------------------------------------


async def test_the_widget_is_small_whole_and_asked_for_again_cheaply(served):
    client = await served.client()
    script = await client.get("/widget.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(script.content, 9)) <= WIDGET_BYTES
    assert '"office":"Kabupaten Contoh"' in script.text
    assert "customElements.define" in script.text
    assert "// The element" not in script.text  # comments stay with us
    again = await client.get("/widget.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert script.headers["cache-control"] == "public, max-age=300"
    plain = await client.get("/widget.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == script.content


async def test_the_first_load_is_small_and_its_files_stay(served):
    client = await served.client()
    response = await client.get("/", headers=BROWSER)
    page, total = Page(response), len(response.content)
    for path in (*page.attributes("link", "href"), *page.attributes("script", "src")):
        async with client.stream("GET", path) as file:
            assert file.status_code == 200
            total += sum([len(part) async for part in file.aiter_raw()])
            if path.startswith("/static/"):
                assert "immutable" in file.headers["cache-control"]
    assert total <= FIRST_LOAD_BYTES
    print(f"first load of /: {total} bytes")


@pytest.mark.parametrize("path", ["/static/../html.py", "/static/%2e%2e/html.py", "/static/x.css"])
async def test_nothing_but_static_files_is_served(served, path):
    assert (await (await served.client()).get(path)).status_code == 404

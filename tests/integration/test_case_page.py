"""`/kasus/<number>`: only with its key, readable and answerable in every state, each sending stored once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from handoff.services.case import verbs
from handoff.services.deadlines import escalation
from handoff.services.talk import conversations, turn
from handoff.web import case_page
from tests.support.case_page import browser, reachable, sent, with_case
from tests.support.citizen import Citizen, answers
from tests.support.office import picture
from tests.support.pages import Page

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def said(citizen: Citizen) -> list[str]:
    return [m["text"] for m in await citizen.sees() if m["author"] == "citizen"]


# --- the page ---------------------------------------------------------------------------------------------------------


async def test_it_names_officer_unit_both_times_and_shows_the_talk_in_order(served, runtime):
    citizen = await with_case(runtime, "ktp saya <b>hilang</b> <script>alert('x')</script> \u202egnalih\u202c")
    officer = await citizen.officer()
    await verbs.take_over(runtime, officer, (await citizen.case()).id)
    await verbs.note(runtime, officer, (await citizen.case()).id, "rahasia kantor")
    await verbs.reply(runtime, officer, (await citizen.case()).id, "Baik, <i>saya</i> bantu.")
    _, page = await browser(served, citizen)
    for told in (officer.name, officer.title, "Dinas Kependudukan dan Pencatatan Sipil", "Sedang ditangani petugas",
                 "Selesai paling lambat", "Dibalas pertama kali Selasa, 24 November 2026 pukul 10.00 WIB"):
        assert told in page.text
    assert "rahasia kantor" not in page.text
    assert page.text.index("<b>hilang</b> <script>alert('x')</script>") < page.text.index("Baik, <i>saya</i> bantu.")
    assert "i" not in {tag for tag, _ in page.tags}
    assert all("/static/case_live.js" in given["src"] for tag, given in page.tags if tag == "script")


async def test_every_step_is_told_in_words_and_nothing_of_the_offices_own(served, runtime):
    citizen = await with_case(runtime)
    case, officer = await citizen.case(), await citizen.officer()
    await verbs.take_over(runtime, officer, case.id)
    await verbs.note(runtime, officer, case.id, "rahasia kantor")
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    for _ in range(2):
        await citizen.writes("ini keterangan saya")
    await turn.drain(runtime, citizen.id)
    await verbs.propose(runtime, officer, case.id, "KTP baru sudah jadi.", cause="delay")
    await citizen.taps("Belum selesai")
    _, page = await browser(served, citizen)
    steps = page.text[page.text.index("Langkah-langkah kasus ini"):]
    places = [steps.index(told) for told in (
        "24 November 2026, 10.00 WIB Kasus dibuka dan diserahkan kepada "
        f"{officer.name}, {officer.title}. Janji: dibalas",
        f"{officer.name} mulai melayani Anda.", f"{officer.name} membalas.", "Anda menulis pesan.",
        f"{officer.name} mengusulkan penyelesaian", "Anda menjawab belum selesai. Kasus dilanjutkan.",
    )]
    assert places == sorted(places)
    assert steps.count("Anda menulis pesan.") == 1  # two in a row are one step
    assert len([1 for tag, given in page.tags if tag == "time" and given["datetime"]]) > len(places)
    assert "noted" not in page.text


async def test_the_buttons_are_those_that_mean_something_now(served, runtime):
    citizen = await with_case(runtime)
    case, officer = await citizen.case(), await citizen.officer()

    async def offered() -> list[str]:
        _, page = await browser(served, citizen)
        return [title for form in page.forms for title, name, value in form.buttons
                if name == "tombol" and value != "data:see"]  # which stands there always

    assert "Batalkan kasus" in await offered()
    await verbs.take_over(runtime, officer, case.id)
    assert sorted(await offered()) == ["Batalkan kasus", "Tanya bot lagi"]  # the guesses of the bot are gone
    await verbs.propose(runtime, officer, case.id, "Sudah jadi.", cause="delay")
    await verbs.reply(runtime, officer, case.id, "Satu hal lagi.")
    assert (await offered())[:2] == ["Sudah selesai", "Belum selesai"]  # whatever was said after the proposal
    await citizen.taps("Sudah selesai")
    assert [title[0] for title in await offered()] == ["5", "4", "3", "2", "1"]  # how was it?


async def test_what_is_new_is_told_to_the_pages_script_and_a_note_is_not(served, runtime, monkeypatch):
    monkeypatch.setattr(case_page, "NEWS_SECONDS", 0.3)
    citizen = await with_case(runtime)
    case, officer = await citizen.case(), await citizen.officer()
    client, page = await browser(served, citizen)
    version = next(given["data-version"] for _, given in page.tags if "data-version" in given)
    path = f"/kasus/{case.number}/kabar"
    await verbs.note(runtime, officer, case.id, "rahasia kantor")
    assert (await client.get(path, params={"versi": version})).status_code == 204
    monkeypatch.setattr(case_page, "NEWS_SECONDS", 30)
    asking = asyncio.create_task(client.get(path, params={"versi": version}))
    await verbs.reply(runtime, officer, case.id, "Kami ubah hari ini.")
    told = await asking
    assert told.status_code == 200
    assert told.json()["version"] != version
    assert (await (await served.client()).get(path)).status_code == 403


async def test_a_missed_promise_is_told(served, runtime, clock):
    citizen = await with_case(runtime)
    case = await citizen.case()
    _, page = await browser(served, citizen)
    assert "Terlambat" not in page.text
    clock.set(case.resolve_by.replace(year=case.resolve_by.year + 1))
    _, page = await browser(served, citizen)
    assert page.text.count("Terlambat. Keterlambatan ini tercatat.") == 2


async def test_a_dispute_begins_with_the_disputed_answer_and_nothing_earlier(served, runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.asks("soal lain sebelumnya", answers("kk_baru"))
    await citizen.asks("ktp sy ilang", answers("ktp_hilang"))
    await citizen.taps("Jawaban ini salah")
    _, page = await browser(served, citizen)
    assert "ktp sy ilang" in page.text
    assert "Surat kehilangan dari polisi." in page.text
    assert "soal lain sebelumnya" not in page.text


async def test_a_long_talk_is_read_page_by_page(served, runtime):
    citizen = await with_case(runtime)
    for n in range(130):
        await citizen.writes(f"pesan-{n:03}.")
    client, page = await browser(served, citizen)
    assert "pesan-129." in page.text
    assert "pesan-010." not in page.text
    older = next(h for h in page.attributes("a", "href") if "dari=" in h)
    first = Page(await client.get(older))
    assert "pesan-010." in first.text
    assert "pesan-129." not in first.text
    newer = [h for h in first.attributes("a", "href") if "dari=" in h]
    assert "pesan-129." in Page(await client.get(newer[-1])).text


# --- answering --------------------------------------------------------------------------------------------------------


async def test_a_reply_is_stored_once_although_sent_twice_and_then_called_sent(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    assert "Terkirim." not in page.text
    both = await asyncio.gather(*(sent(client, page, "Ini\r\nketerangan saya") for _ in range(2)))
    assert [r.status_code for r in both] == [200, 200]
    assert all("Terkirim. Pesan Anda sudah tersimpan" in Page(r).text for r in both)
    assert both[0].url == both[1].url
    assert (await said(citizen)).count("Ini\nketerangan saya") == 1
    other = await sent(client, page, "Yang lain, dari halaman yang sama")
    assert other.url != both[0].url
    assert len(await said(citizen)) == 3


async def test_terkirim_is_not_said_for_what_was_not_sent(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    path = page.form("pesan").action
    for seq in (2, 99):  # the system's message, and none
        assert "Terkirim." not in Page(await client.get(f"{path}?terkirim={seq}")).text


async def test_p05_a_reply_to_a_closed_case_reaches_the_inbox_and_reopens_it(served, runtime):
    citizen = await with_case(runtime)
    case, officer = await citizen.case(), await citizen.officer()
    await verbs.take_over(runtime, officer, case.id)
    await verbs.propose(runtime, officer, case.id, "KTP baru sudah jadi.", cause="delay")
    client, page = await browser(served, citizen)
    assert "Menunggu jawaban Anda" in page.text
    buttons = {title: value for f in page.forms for title, name, value in f.buttons if name == "tombol"}
    form = page.form("tombol")
    closing = asyncio.create_task(client.post(form.action, data={**form.fields, "tombol": buttons["Sudah selesai"]}))
    await settled(citizen, closing)
    closed = Page(await closing)
    assert "Ditutup" in closed.text
    assert "atas persetujuan Anda" in closed.text
    assert "Kasus yang sama akan dibuka lagi" in closed.text
    assert "Terkirim." in Page(await sent(client, closed, "ternyata belum")).text
    await citizen.hears(answers("ktp_hilang"))
    again = await citizen.case()
    assert (again.status, again.number) == ("in_progress", case.number)
    assert "Sedang ditangani petugas" in Page(await client.get(form.action)).text


async def settled(citizen: Citizen, task: asyncio.Task) -> None:
    """Run the turn that the request waits for."""
    while not task.done():
        await turn.drain(citizen.runtime, citizen.id)
        await asyncio.sleep(0)


@pytest.mark.parametrize(("text", "status", "why"), [
    ("   ", 422, "Pesannya masih kosong"), ("a" * 4097, 413, "Terlalu besar"),
])
async def test_what_cannot_be_stored_stays_in_the_box(served, runtime, text, status, why):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    response = await sent(client, page, text)
    again = Page(response)
    assert response.status_code == status
    assert "belum terkirim" in again.text
    assert why in again.text
    assert again.form("pesan").fields["pesan"] == text
    assert "Terkirim." not in again.text
    assert "Terkirim." in Page(await sent(client, again, "sekarang benar")).text


async def test_without_the_database_nothing_is_called_sent_and_nothing_typed_is_lost(served, runtime, database):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    await reachable(database, False)
    away = await client.get(page.form("pesan").action)
    assert away.status_code == 503
    assert "tidak hilang" in Page(away).text
    response = await sent(client, page, "jangan hilang <b>")
    assert response.status_code == 503
    again = Page(response)
    assert "Layanan sedang terganggu" in again.text
    assert again.form("pesan").fields["pesan"] == "jangan hilang <b>"
    assert "Kabupaten Contoh" in again.text  # what was known of the office before
    await reachable(database, True)
    assert "Terkirim." in Page(await sent(client, again, again.form("pesan").fields["pesan"])).text


async def test_a_foreign_form_changes_nothing_and_is_not_shown(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    for token in ("", "0" * 32, "é"):
        response = await sent(client, page, "dari situs lain", tanda=token)
        assert response.status_code == 403
        assert "dari situs lain" not in response.text
    stranger = await served.client()
    response = await sent(stranger, page, "tanpa kunci")
    assert response.status_code == 403
    assert len(await said(citizen)) == 1


async def test_a_button_that_was_not_offered_is_refused(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    form = page.form("tombol")
    response = await client.post(form.action, data={**form.fields, "tombol": f"confirm:{(await citizen.case()).id}"})
    assert response.status_code == 422
    assert "tidak berasal dari percakapan ini" in response.text


# --- files ------------------------------------------------------------------------------------------------------------


async def test_a_photo_with_words_is_one_message_stored_once(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    form = page.form("pesan")
    sending = {"data": {**form.fields, "pesan": "ini surat polisi"},
               "files": {"berkas": ("surat.png", picture())}}
    for _ in range(2):
        told = Page(await client.post(form.action, **sending))
        assert "Terkirim." in told.text
        assert "surat.png" in told.text
    mine = [m for m in await citizen.sees() if m["author"] == "citizen" and m["attachments"]]
    assert [(m["text"], len(m["attachments"])) for m in mine] == [("ini surat polisi", 1)]


async def test_a_file_that_is_not_taken_leaves_the_words_in_the_box(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    form = page.form("pesan")
    response = await client.post(form.action, data={**form.fields, "pesan": "jangan hilang"},
                                 files={"berkas": ("virus.exe", b"MZ\x90\x00" * 40)})
    again = Page(response)
    assert response.status_code == 415
    assert again.form("pesan").fields["pesan"] == "jangan hilang"
    assert "Pilih lagi berkas Anda" in again.text
    assert len(await said(citizen)) == 1


async def test_an_empty_file_field_is_no_file(served, runtime):
    citizen = await with_case(runtime)
    client, page = await browser(served, citizen)
    form = page.form("pesan")
    await client.post(form.action, data={**form.fields, "pesan": "tanpa foto"}, files={"berkas": ("", b"")})
    assert (await said(citizen))[-1] == "tanpa foto"


async def test_a_file_is_a_download_with_this_cases_cookie_only(served, runtime):
    begun = await conversations.begin(runtime)
    citizen = Citizen(runtime, begun.conversation_id)
    api = await served.client()
    sending = await api.post(
        f"/api/v1/conversations/{citizen.id}/messages", headers={"Authorization": f"Bearer {begun.token}"},
        files={"file": ("surat <kehilangan>.png", picture())},
    )
    assert sending.status_code == 202, sending.text
    await turn.drain(runtime, citizen.id)
    client, page = await browser(served, citizen)
    assert "surat <kehilangan>.png" in page.text
    path = next(h for h in page.attributes("a", "href") if "/berkas/" in h)
    response = await client.get(path)
    assert response.content[:3] == b"\x89PN"
    assert response.headers["content-disposition"].startswith("attachment")
    other, _ = await browser(served, await with_case(runtime))
    assert (await other.get(path)).status_code == 403
    number = (await citizen.case()).number
    assert (await other.get(f"/kasus/{number}/berkas/{path.rsplit('/', 1)[1]}")).status_code == 403


# --- what it says of times --------------------------------------------------------------------------------------------


async def test_p07_a_proposal_made_in_time_is_not_called_late_while_its_citizen_thinks(served, runtime, clock):
    citizen = await with_case(runtime)
    case, owner = await citizen.case(), await citizen.officer()
    await verbs.propose(runtime, owner, case.id, "Data sudah kami ubah.", cause="delay")
    clock.set(case.resolve_by + timedelta(days=1))
    _, page = await browser(served, citizen)
    assert "Keterlambatan ini tercatat" not in page.text
    await citizen.taps("Belum selesai")  # the old time stands, and has passed
    await escalation.once(runtime)
    _, page = await browser(served, citizen)
    assert "Terlambat. Keterlambatan ini tercatat." in page.text

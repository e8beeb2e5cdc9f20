"""The Chat API as any client may use it, and as nobody should: streams, repeated deliveries, limits, refusals."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.house import House
from tests.support.people import Citizen, read_to, refused
from tests.support.record import rows, until_settled

# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_shows_question_and_answer_as_they_come(citizen: Citizen) -> None:
    with citizen.stream() as events:
        seq = citizen.says("ktp sy ilang gmn ngurusnya")
        first, second = next(events), next(events)
    assert [event.name for event in (first, second)] == ["message", "message"]
    assert (first.data["author"], first.data["seq"], first.id) == ("citizen", seq, str(seq))
    assert second.data == citizen.sees()[-1]
    assert second.data["answer"]["topic"] == "ktp_hilang"


def test_a_stream_that_comes_back_misses_and_repeats_nothing(house: House, citizen: Citizen) -> None:
    citizen.asks("selamat pagi")
    with citizen.stream() as events:
        seen = read_to(events, 2)
    citizen.asks("ktp sy ilang gmn ngurusnya")  # while nobody listens
    with citizen.stream(last=seen[-1]) as events:
        seen += read_to(events, 4)
        citizen.says("biayanya brp?")  # while somebody does
        seen += read_to(events, 6)
    with citizen.stream(last=4) as events:
        assert read_to(events, 6) == [5, 6]
    assert seen == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("last", ["", "abc", "-1", "1e3", "9" * 40, "٣", "1; DROP TABLE messages"])
def test_a_senseless_last_event_id_begins_at_the_beginning(citizen: Citizen, last: str) -> None:
    citizen.asks("selamat pagi")
    headers = [(k.encode(), v.encode()) for k, v in citizen.headers(**{"Last-Event-ID": last}).items()]
    request = httpx.Request("GET", f"{citizen.address}/events", headers=headers)
    with httpx.Client(timeout=10) as client:
        response = client.send(request, stream=True)
        lines = response.iter_lines()
        assert response.status_code == 200
        assert next(line for line in lines if line.startswith("id:")) == "id: 1"
        response.close()


def test_two_readers_of_one_conversation_see_the_same(citizen: Citizen) -> None:
    with citizen.stream() as one, citizen.stream() as other:
        citizen.asks("selamat pagi")
        assert read_to(one, 2) == read_to(other, 2) == [1, 2]


# --- repeated deliveries ----------------------------------------------------------------------------------------------


def test_p01_the_same_post_three_times_is_one_message_and_one_answer(house: House, citizen: Citizen) -> None:
    answers = [citizen.post({"text": "ktp sy ilang gmn ngurusnya"}, "k1") for _ in range(3)]
    assert [(r.status_code, r.json()) for r in answers] == [(202, answers[0].json())] * 3
    citizen.hears(1)
    until_settled(house.home, citizen.id)
    assert citizen.post({"text": "ktp sy ilang gmn ngurusnya"}, "k1").json() == answers[0].json()  # answered meanwhile
    assert [m["author"] for m in citizen.sees()] == ["citizen", "bot"]


def test_p01_the_same_post_twenty_times_at_once_is_one_message_and_one_answer(house: House, citizen: Citizen) -> None:
    with ThreadPoolExecutor(20) as pool:
        got = list(pool.map(lambda _: citizen.post({"text": "mo bikin kk baru"}, "same").json(), range(20)))
    assert got == [got[0]] * 20
    until_settled(house.home, citizen.id)
    citizen.hears(1)
    assert [m["author"] for m in citizen.sees()] == ["citizen", "bot"]


def test_p01_the_same_file_twice_is_kept_once(house: House, citizen: Citizen) -> None:
    content = b"#!AMR\n" + uuid4().bytes
    first, second = (citizen.upload("suara.amr", content, "f1") for _ in range(2))
    assert (first.status_code, first.json()) == (202, second.json())
    (attached,) = citizen.sees()[0]["attachments"]
    kept = rows(house.home, "SELECT id::text FROM attachments WHERE conversation_id = %s", citizen.id)
    assert kept == [(attached["id"],)]
    refused(citizen.upload("suara.amr", content + b"x", "f1"), 409, "key_reused")


def test_a_key_used_for_another_message_is_refused(citizen: Citizen) -> None:
    citizen.says("selamat pagi", key="k1")
    refused(citizen.post({"text": "selamat malam"}, "k1"), 409, "key_reused")


# --- buttons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["topic:ktp_hilang", "confirm:" + "0" * 36, "restart", "", "a" * 257, "withdraw:x"])
def test_a_payload_that_was_not_issued_here_is_refused(citizen: Citizen, payload: str) -> None:
    response = citizen.post({"payload": payload})
    refused(response, 400 if len(payload) > 256 else 422)
    assert citizen.sees() == []


def test_a_button_of_another_conversation_is_refused(house: House, citizen: Citizen) -> None:
    citizen.asks("ktp sy ilang gmn ngurusnya")
    payload = citizen.sees()[-1]["buttons"][-1]["payload"]
    refused(Citizen.arrives(house.url).post({"payload": payload}), 422, "unknown_button")
    assert citizen.post({"payload": payload}).status_code == 202


# --- limits -----------------------------------------------------------------------------------------------------------


def test_text_up_to_4096_characters(citizen: Citizen) -> None:
    assert citizen.post({"text": "😀" * 4096}).status_code == 202
    refused(citizen.post({"text": "a" * 4097}), 413, "too_large")
    assert [len(m["text"]) for m in citizen.sees() if m["author"] == "citizen"] == [4096]


@pytest.mark.parametrize(("extra", "status"), [(0, 202), (1, 413), (1024 * 1024, 413)])
def test_files_up_to_10_megabytes(citizen: Citizen, extra: int, status: int) -> None:
    content = b"#!AMR\n".ljust(10 * 1024 * 1024 + extra, b"0")
    response = citizen.upload("besar.amr", content)
    if status == 202:
        assert response.status_code == 202, response.text
        assert citizen.sees()[0]["attachments"][0]["size"] == len(content)
    else:
        refused(response, 413, "too_large")


@pytest.mark.parametrize(("name", "content", "status"), [
    ("virus.exe", b"MZ\x90\x00" + b"\0" * 200, 415), ("foto.jpg", b"<html><script>alert(1)</script></html>", 415),
    ("kosong.pdf", b"", 422), ("rusak.jpg", b"\xff\xd8\xff\xe0 not a picture", 422),
    ("rusak.pdf", b"%PDF-1.4 not a document", 422), ("halaman.svg", b"<svg onload='x'/>", 415),
])
def test_only_pictures_documents_and_recordings_are_taken(
    citizen: Citizen, name: str, content: bytes, status: int
) -> None:
    refused(citizen.upload(name, content), status)
    assert citizen.sees() == []


def test_a_flood_in_one_conversation_is_slowed_and_others_are_not(house: House, citizen: Citizen) -> None:
    statuses = []
    for _ in range(200):
        response = citizen.post({"text": "selamat pagi"}, "one message, again and again")
        statuses.append(response.status_code)
        if response.status_code == 429:
            break
    assert set(statuses) == {202, 429}
    assert len(statuses) > 60  # the burst that a person may need
    refused(response, 429, "too_many_requests")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert Citizen.arrives(house.url).post({"text": "selamat pagi"}).status_code == 202


# --- foreign sites ----------------------------------------------------------------------------------------------------


def test_a_foreign_site_may_ask_and_read_errors_too(house: House, citizen: Citizen) -> None:
    site = "https://desa-contoh.example"
    preflights = [httpx.options(address, headers={
        "Origin": site, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }) for address in (f"{house.url}/api/v1/conversations", f"{citizen.address}/messages", f"{citizen.address}/events")]
    for preflight in preflights:
        assert preflight.status_code == 204
        allowed = preflight.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "last-event-id"))
    begun = httpx.post(f"{house.url}/api/v1/conversations", headers={"Origin": site})
    unauthorised = httpx.get(f"{citizen.address}/messages", headers={"Origin": site})
    with httpx.stream("GET", f"{citizen.address}/events", headers=citizen.headers(Origin=site)) as stream:
        for response in (*preflights, begun, unauthorised, stream):
            assert response.headers["access-control-allow-origin"] in (site, "*")
            assert "access-control-allow-credentials" not in response.headers
    officers = httpx.get(f"{house.url}/api/v1/officer/session", headers={"Origin": site})
    assert "access-control-allow-origin" not in officers.headers


# --- refusals ---------------------------------------------------------------------------------------------------------

NOBODY = "00000000-0000-4000-8000-000000000020"  # a fixed one: every worker must collect the same tests
MALFORMED: dict[str, bytes] = {
    "nothing": b"", "no json": b"{text: halo}", "a list": b'["halo"]', "a number": b"7", "null": b"null",
    "bad utf-8": b'{"text": "\xff\xfe"}',
    "no kind": b"{}", "two kinds": b'{"text": "a", "payload": "b"}',
    "unknown field": b'{"text": "a", "fate": "answer"}',
    "text is a number": b'{"text": 7}', "text is a list": b'{"text": ["a"]}', "text is null": b'{"text": null}',
    "deep": b"[" * 100_000, "deep objects": b'{"location":' * 20_000, "infinite": b'{"location": Infinity}',
    "payload is an object": b'{"payload": {}}',
}
SENSELESS: dict[str, Any] = {
    "empty": {"text": ""}, "blank": {"text": " \n\t "}, "control characters": {"text": "\x00\x01\x02"},
    "nowhere": {"location": {"latitude": 91, "longitude": 0}}, "half a place": {"location": {"latitude": 1}},
    "place as text": {"location": {"latitude": "north", "longitude": "east"}},
    "a stranger place": {"location": {"latitude": 1, "longitude": 1, "x": 1}},
    "no contact": {"contact": {}}, "two contacts": {"contact": {"email": "a@b.id", "whatsapp": "+628123456789"}},
    "no address": {"contact": {"email": "siapa saja"}}, "no number": {"contact": {"whatsapp": "12"}},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_is_malformed(citizen: Citizen, name: str) -> None:
    headers = citizen.headers(**{"Content-Type": "application/json"})
    refused(httpx.post(f"{citizen.address}/messages", content=MALFORMED[name], headers=headers), 400, "bad_request")
    assert citizen.sees() == []


@pytest.mark.parametrize("name", SENSELESS)
def test_what_makes_no_sense_is_unprocessable(citizen: Citizen, name: str) -> None:
    refused(citizen.post(SENSELESS[name]), 422)
    assert citizen.sees() == []


@pytest.mark.parametrize("text", [
    "\ud800", "a\x00b", "\u202e", "'; DROP TABLE messages; --", "{{ 7 * 7 }}", "%s %(x)s", "\\x00",
])
def test_odd_texts_are_only_texts(citizen: Citizen, text: str) -> None:
    content = json.dumps({"text": f"halo {text} halo"}).encode()
    headers = citizen.headers(**{"Content-Type": "application/json"})
    assert httpx.post(f"{citizen.address}/messages", content=content, headers=headers).status_code == 202
    assert citizen.sees()[0]["text"] == f"halo {text.replace(chr(0), '').replace(chr(0xd800), '')} halo"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", f"/api/v1/conversations/{NOBODY}/messages", 404), ("GET", "/api/v1/conversations/1/messages", 404),
    ("POST", "/api/v1/conversations/%00/messages", 404), ("GET", "/api/v1/conversations/../../etc/passwd", 404),
    ("GET", "/api/v1/conversations/{id}/nothing", 404), ("DELETE", "/api/v1/conversations/{id}/messages", 405),
    ("PUT", "/api/v1/conversations", 405), ("GET", "/api/v1/conversations/{id}/messages?after=-1", 400),
    ("GET", "/api/v1/conversations/{id}/messages?after=x", 400),
    ("GET", f"/api/v1/conversations/{{id}}/messages?after={'9' * 30}", 400),
    ("GET", f"/api/v1/conversations/{{id}}/files/{NOBODY}", 404),
    ("GET", "/api/v1/conversations/{id}/files/..%2f..%2fsecrets.json", 404),
    ("GET", "/internal/v1/cases", 405), ("POST", "/internal/v1/cases", 401),
    ("POST", "/api/v1/officer/cases/1/takeover", 401),
])
def test_wrong_addresses_and_verbs_are_refused_in_json(citizen: Citizen, method: str, path: str, status: int) -> None:
    request = httpx.Request(method, citizen.url + path.replace("{id}", citizen.id), headers=citizen.headers())
    with httpx.Client() as client:
        response = client.send(request)
    refused(response, status)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer falsch", "Basic YTpi", "Bearer " + "x" * 4000])
def test_without_its_token_a_conversation_is_closed(citizen: Citizen, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("GET", "messages"), ("POST", "messages"), ("GET", "events"), ("GET", f"files/{NOBODY}")):
        refused(httpx.request(method, f"{citizen.address}/{path}", headers=headers), 401)


def test_another_citizens_token_opens_nothing(house: House, citizen: Citizen) -> None:
    stranger = Citizen.arrives(house.url)
    refused(httpx.get(f"{citizen.address}/messages", headers=stranger.headers()), 401)


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_unusable_key_is_refused(citizen: Citizen, key: str) -> None:
    headers = {**citizen.headers(), "Idempotency-Key": key}
    refused(httpx.post(f"{citizen.address}/messages", json={"text": "halo"}, headers=headers), 400)


@pytest.mark.parametrize("body", [
    b"--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhalo\r\n--x--\r\n", b"--x\r\n", b"", b"garbage",
    b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno file name\r\n--x--\r\n",
    b"--x\r\nContent-Disposition\r\n\r\n\r\n--x--\r\n",
])
def test_a_form_without_a_file_is_refused(citizen: Citizen, body: bytes) -> None:
    headers = citizen.headers(**{"Content-Type": "multipart/form-data; boundary=x"})
    response = httpx.post(f"{citizen.address}/messages", content=body, headers=headers)
    refused(response, 400)

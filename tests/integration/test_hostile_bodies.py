"""What anybody may post, however it is made, holds nobody up: it is refused before it is parsed."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from handoff.services.attachments.files import FILE_BYTES

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=xx"
END = b"\r\n--xx--\r\n"
PART = b'--xx\r\nContent-Disposition: form-data; name="tanda"\r\n'


@pytest.mark.parametrize(("kind", "body", "status"), [
    (FORM, b"a=1&" * 2_000_000, 413),
    (FORM, b"a=1&" * 60_000, 400),
    (FORM, b"nama=" + b"%41" * 3_000_000, 413),
    (PARTS, b"--xx" * 2_000_000, 413),
    (PARTS, (PART + b"\r\nb\r\n") * 3000, 400),
    (PARTS, PART + b"a: b\r\n" * 40_000 + b"\r\nb" + END, 400),
    (PARTS, PART + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" + b"9" * 200_000 + END, 400),
    ("application/json", b'{"login": [' + b"1," * 4_000_000 + b"1]}", 413),
], ids=["fields", "many fields", "percents", "boundaries", "parts", "heads", "charset", "json"])
async def test_a_body_that_is_costly_to_parse_is_refused_unparsed(served, kind, body, status):
    client = await served.client()
    answered = await client.post("/petugas/masuk", content=body, headers={"Content-Type": kind})
    assert answered.status_code == status  # parsed it would be 403: the form has no token


async def test_a_file_route_takes_files_and_no_costly_form(served):
    client = await served.client()
    begun = (await client.post("/api/v1/conversations")).json()
    address = f"/api/v1/conversations/{begun['conversation_id']}/messages"
    client.headers["Authorization"] = f"Bearer {begun['token']}"
    voice = b"#!AMR\n" + b"x" * (FILE_BYTES - 6)
    stored = await client.post(address, files={"file": ("suara.amr", voice)}, data={"text": "catatan"})
    assert stored.status_code == 202, stored.text
    assert (await client.post(address, content=b"--xx" * 2_000_000, headers={"Content-Type": PARTS})).status_code == 400


async def test_what_is_announced_too_large_is_refused_before_it_is_sent(served):
    host, port = httpx.URL(served.url).host, httpx.URL(served.url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /petugas/masuk HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.readline()).split()[1] == b"413"
    writer.close()

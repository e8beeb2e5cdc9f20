"""Senseless requests to every operation that the OpenAPI document names: refused in JSON, never a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.house import House
from tests.support.people import Citizen, Officers, refused

COOKIE, CSRF = "wajah_session", "X-CSRF-Token"
BODIES = [
    b"", b"null", b"[]", b"{}", b"{", b'{"text": {}}', b'{"text": "\\ud800"}', b"\xff\xfe", b'{"login": null}',
    b'{"text": "a", "text": 7}', b'{"reason": []}', b'{"old_password": 1, "new_password": 2}', b"[" * 50_000,
]
WORDS = ["0", "..", "%00", "%F0%9F%98%80", "a" * 300, str(UUID(int=0)), "9141-0548", "' OR 1=1 --"]
QUERIES = [
    "", "?after=", "?after=-1", "?after=99999999999999999999", "?scope=%00", "?status=open&offset=x",
    "?" + "a=1&" * 200,
]


@pytest.fixture(scope="module")
def operations(house: House) -> list[tuple[str, str]]:
    """Method and path of every operation, path parameters in braces."""
    paths = httpx.get(f"{house.url}/docs/openapi.json").raise_for_status().json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert len(found) > 15
    return found


@pytest.fixture(scope="module")
def credentials(house: House, officer: Officers) -> dict[str, dict[str, str]]:
    """The headers of nobody, of a citizen, and of an officer."""
    citizen, desk = Citizen.arrives(house.url), officer("Siti Rahayu").http
    return {
        "nobody": {}, "citizen": citizen.headers(),
        "officer": {"Cookie": f"{COOKIE}={desk.cookies[COOKIE]}", CSRF: desk.headers[CSRF]},
    }


def attempts(method: str, path: str) -> Iterator[tuple[str, bytes | None]]:
    """Addresses and bodies to try."""
    for word in WORDS if "{" in path else [""]:
        address = path
        while "{" in address:
            address = address[: address.index("{")] + word + address[address.index("}") + 1 :]
        if method == "GET":
            yield from ((address + query, None) for query in QUERIES)
        else:
            yield from ((address, body) for body in BODIES)


def sensible(response: httpx.Response) -> None:
    """A refusal as the contract says, or an answer that is none of ours to judge."""
    assert response.status_code < 500, f"{response.request.method} {response.request.url}: {response.text}"
    if response.status_code >= 400:
        refused(response, response.status_code)


@pytest.mark.parametrize("who", ["nobody", "citizen", "officer"])
def test_no_senseless_request_is_a_fault(
    house: House, operations: list[tuple[str, str]], credentials: dict[str, dict[str, str]], who: str
) -> None:
    ends_the_session = ("DELETE", "/api/v1/officer/session")
    kept = [operation for operation in operations if operation != ends_the_session]
    with httpx.Client(base_url=house.url, timeout=30, headers={"Content-Type": "application/json"}) as http:
        for method, path in kept:
            for address, body in attempts(method, path):
                with http.stream(method, address, content=body, headers=credentials[who]) as response:
                    if not response.headers.get("content-type", "").startswith("text/event-stream"):
                        response.read()
                        sensible(response)


FIELDS = st.sampled_from(
    ["text", "payload", "location", "contact", "latitude", "longitude", "accuracy", "email", "whatsapp"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("topic:ktp_hilang"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3), max_leaves=6,
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(body=st.dictionaries(FIELDS, VALUES, max_size=3))
def test_whatever_is_sent_as_a_message_is_stored_or_refused(house: House, body: dict[str, Any]) -> None:
    citizen = Citizen.arrives(house.url)
    headers = citizen.headers(**{"Content-Type": "application/json"})
    response = httpx.post(f"{citizen.address}/messages", content=json.dumps(body).encode(), headers=headers)
    sensible(response)
    assert response.status_code in (202, 400, 413, 422)
    assert len([m for m in citizen.sees() if m["author"] == "citizen"]) == (response.status_code == 202)

"""A citizen and an officer as clients of a running house: everything over HTTP, nothing of our own code."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.support.house import House, Login
from tests.support.waiting import until

PATIENCE = 30.0  # seconds; Rasa's own answer takes milliseconds, a restarted part some seconds
PASSWORD = "kata sandi uji coba"
_CONVERSATIONS = "/api/v1/conversations"


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    id: str | None
    name: str
    data: dict[str, Any]


@dataclass
class Citizen:
    """One conversation, spoken over the Chat API."""

    url: str
    id: str
    token: str
    http: httpx.Client = field(repr=False)

    @classmethod
    def arrives(cls, url: str, http: httpx.Client | None = None) -> Citizen:
        """Begins a conversation."""
        http = http or httpx.Client(timeout=PATIENCE, verify=False)  # http only: no certificates to read
        begun = http.post(f"{url}{_CONVERSATIONS}")
        assert begun.status_code == 201, begun.text
        return cls(url, begun.json()["conversation_id"], begun.json()["token"], http)

    @property
    def address(self) -> str:
        """The conversation's address."""
        return f"{self.url}{_CONVERSATIONS}/{self.id}"

    def headers(self, **more: str) -> dict[str, str]:
        """What every request of this citizen carries."""
        return {"Authorization": f"Bearer {self.token}", **more}

    # --- saying -------------------------------------------------------------------------------------------------------

    def post(self, body: Any, key: str | None = None, **more: Any) -> httpx.Response:
        """One message as it is, whatever comes of it."""
        return self.http.post(f"{self.address}/messages", headers=self.headers(**_key(key)), json=body, **more)

    def says(self, text: str, key: str | None = None) -> int:
        """A text; its number."""
        return _accepted(self.post({"text": text}, key or uuid4().hex))

    def insists(self, text: str, seconds: float = 90.0) -> tuple[int, list[int]]:
        """A text, sent again under its key until it is accepted, as the widget does. Its number, and the other
        statuses on the way (0: no answer)."""
        key, refused, deadline = uuid4().hex, [], time.monotonic() + seconds
        while True:
            try:
                response = self.post({"text": text}, key)
            except httpx.HTTPError:
                refused.append(0)
                wait = 0.2
            else:
                if response.status_code == 202:
                    return _accepted(response), refused
                assert response.status_code == 503, response.text
                refused.append(503)
                wait = float(response.headers["Retry-After"])
            assert time.monotonic() < deadline, f"not accepted within {seconds:g} s: {refused}"
            time.sleep(wait)

    def taps(self, title: str) -> int:
        """The newest button with this title."""
        offered = [b["payload"] for m in self.sees() for b in m["buttons"] if b["title"] == title]
        assert offered, f"no button {title!r} in {[b['title'] for m in self.sees() for b in m['buttons']]}"
        return _accepted(self.post({"payload": offered[-1]}, uuid4().hex))

    def upload(self, name: str, content: bytes, key: str | None = None, text: str | None = None) -> httpx.Response:
        """A file, whatever comes of it."""
        return self.http.post(
            f"{self.address}/messages", headers=self.headers(**_key(key)), files={"file": (name, content)},
            data={"text": text} if text else None,
        )

    def sends_file(self, name: str, content: bytes) -> int:
        """A file; its number."""
        return _accepted(self.upload(name, content, uuid4().hex))

    def is_at(self, latitude: float, longitude: float) -> int:
        """A location; its number."""
        return _accepted(self.post({"location": {"latitude": latitude, "longitude": longitude}}, uuid4().hex))

    # --- hearing ------------------------------------------------------------------------------------------------------

    def sees(self, after: int = 0) -> list[dict[str, Any]]:
        """The conversation after a number."""
        response = self.http.get(f"{self.address}/messages", params={"after": after}, headers=self.headers())
        assert response.status_code == 200, response.text
        return list(response.json()["messages"])

    def hears(self, after: int, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """What others said after the number, as soon as somebody said something."""
        def said() -> list[dict[str, Any]]:
            return [message for message in self.sees(after) if message["author"] != "citizen"]

        return until(said, seconds, f"a reply after {after}")

    def asks(self, text: str) -> list[dict[str, Any]]:
        """Says something and hears the reply."""
        return self.hears(self.says(text))

    @contextlib.contextmanager
    def stream(self, last: int | None = None) -> Iterator[Iterator[Event]]:
        """The event stream, from after `last` on."""
        headers = self.headers(**({"Last-Event-ID": str(last)} if last is not None else {}))
        with httpx.stream("GET", f"{self.address}/events", headers=headers, timeout=PATIENCE) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield _events(response)


def read_to(events: Iterator[Event], seq: int) -> list[int]:
    """The numbers of the events up to `seq`."""
    numbers: list[int] = []
    while not numbers or numbers[-1] < seq:
        event = next(events)
        assert event.id == str(event.data["seq"])
        numbers.append(event.data["seq"])
    return numbers


def refused(response: httpx.Response, status: int, code: str | None = None) -> None:
    """The contract's error: JSON, a code and a sentence, and nothing of our insides."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    error = response.json()["error"]
    assert set(error) == {"code", "message"}
    assert code in (None, error["code"])
    assert error["message"].strip()
    for inside in ("Traceback", "File \"", ".py", "sqlalchemy", "psycopg", "sanic"):
        assert inside not in response.text


def _events(response: httpx.Response) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(fields.get("id"), fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key is not None else {}


def _accepted(response: httpx.Response) -> int:
    assert response.status_code == 202, response.text
    return int(response.json()["seq"])


@dataclass
class Officer:
    """An officer who has signed in, over the officers' API."""

    url: str
    name: str
    http: httpx.Client = field(repr=False)

    @classmethod
    def signs_in(cls, url: str, login: str, one_time_password: str) -> Officer:
        """Signs in for the first time: the one-time password must be changed before anything else."""
        http = httpx.Client(base_url=f"{url}/api/v1/officer", timeout=PATIENCE, verify=False)
        begun = http.post("/session", json={"login": login, "password": one_time_password})
        assert begun.status_code == 200, begun.text
        http.headers["X-CSRF-Token"] = begun.json()["csrf_token"]
        assert http.get("/cases").status_code == 403
        changed = http.post("/password", json={"old_password": one_time_password, "new_password": PASSWORD})
        assert changed.status_code == 204, changed.text
        return cls(url, begun.json()["officer"]["name"], http)

    def returns(self, login: str) -> None:
        """Signs in again, after a night or more."""
        begun = self.http.post("/session", json={"login": login, "password": PASSWORD})
        assert begun.status_code == 200, begun.text
        self.http.headers["X-CSRF-Token"] = begun.json()["csrf_token"]

    def cases(self, scope: str = "mine") -> list[dict[str, Any]]:
        """The open cases."""
        return list(self._got(f"/cases?scope={scope}")["cases"])

    def case(self, number: str) -> dict[str, Any]:
        """One case in full."""
        return self._got(f"/cases/{number}")

    def tries(self, verb: str, number: str, text: str | None = None, key: str | None = None) -> httpx.Response:
        """A verb, whatever comes of it."""
        cause = {"cause": "delay"} if verb == "propose" else {}
        body = {"text": text, **cause} if text else None
        return self.http.post(f"/cases/{number}/{verb}", json=body, headers=_key(key))

    def does(self, verb: str, number: str, text: str | None = None, key: str | None = None) -> dict[str, Any]:
        """A verb; the case afterwards."""
        done = self.tries(verb, number, text, key)
        assert done.status_code == 200, done.text
        return dict(done.json()["case"])

    def _got(self, path: str) -> dict[str, Any]:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return dict(response.json())


class Officers:
    """The example officers of a house by name, each signed in when first needed."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[str, Officer] = {}

    def login(self, name: str) -> Login:
        """The account of the officer whose name begins so, as the first run printed it."""
        return next(login for login in self._house.logins if login.who.startswith(name))

    def __call__(self, name: str) -> Officer:
        """The officer whose name begins so."""
        if name not in self._known:
            found = self.login(name)
            self._known[name] = Officer.signs_in(self._house.url, found.login, found.password)
        return self._known[name]

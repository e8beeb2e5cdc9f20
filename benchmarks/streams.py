"""(e) Many readers at once: what an open stream costs the web process, and how soon a message is with its readers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import batched, cycle, islice
from time import perf_counter

from benchmarks.conversation import Conversation, listen
from benchmarks.house import House
from benchmarks.http import Client, connected, request

OFFICER = "/api/v1/officer"
PASSWORD = "kata sandi tolok ukur"
WATCHED = 20  # conversations with an open case: their messages concern every officer
MESSAGES = 100
PAUSE_SECONDS = 0.1  # between messages: one message is timed here, not a crowd (that is the burst)
WARM_UP = 100
OPENING_AT_ONCE = 50
ARRIVAL_SECONDS = 5.0

Opening = tuple[bytes, Callable[[bytes], None]]


@dataclass
class Streams:
    """Bytes of the web process for each open stream; seconds from posting a message until a stream had brought it."""

    bytes_each: float
    citizens: list[float] = field(default_factory=list)
    officers: list[float] = field(default_factory=list)
    lost: int = 0


@dataclass(frozen=True)
class _Case:
    talk: Conversation
    number: str


class _Readers:
    """When each stream brought the one message that is under way."""

    def __init__(self, number: int) -> None:
        """`number` of them are concerned."""
        self.arrived: dict[int, float] = {}
        self.all_arrived = asyncio.Event()
        self._number = number
        self._wanted = ("", 0)

    def expect(self, name: str, seq: int) -> None:
        """From now on the message `seq` of the conversation or case `name` is waited for."""
        self.arrived, self._wanted = {}, (name, seq)
        self.all_arrived.clear()

    @property
    def missing(self) -> int:
        """How many wait in vain."""
        return self._number - len(self.arrived)

    def heard_message(self, reader: int, conversation: str, data: bytes) -> None:
        """A citizen's stream brought a message."""
        self._heard(reader, conversation, json.loads(data)["seq"])

    def heard_case(self, reader: int, data: bytes) -> None:
        """An officer's stream brought a change."""
        change = json.loads(data)
        self._heard(reader, change.get("number", ""), change.get("seq", 0))

    def _heard(self, reader: int, name: str, seq: int) -> None:
        if name == self._wanted[0] and seq >= self._wanted[1]:
            self.arrived.setdefault(reader, perf_counter())
            if len(self.arrived) == self._number:
                self.all_arrived.set()


async def streams(house: House, citizens: int, officers: int) -> Streams:
    """Opens the streams, weighs them, then writes messages that concern one citizen and every officer."""
    async with connected(house.port) as web:
        cookie = await _signed_in(house, web)
        talks = [await Conversation.begin(web) for _ in range(citizens)]
        cases = [_Case(talk, await _case_number(house.port, web, talk)) for talk in talks[:WATCHED]]
        at_citizens, at_officers = _Readers(1), _Readers(officers)
        watching = request("GET", f"{OFFICER}/events", None, {"Cookie": cookie})
        openings: list[Opening] = [
            *((talk.events(), partial(at_citizens.heard_message, nth, talk.id)) for nth, talk in enumerate(talks)),
            *((watching, partial(at_officers.heard_case, nth)) for nth in range(officers)),
        ]
        random.shuffle(openings)
        open_streams = await _open(house.port, openings[:WARM_UP])  # the first ones pay for what all of them share
        before = house.web.memory_info().rss
        open_streams += await _open(house.port, openings[WARM_UP:])
        result = Streams((house.web.memory_info().rss - before) / (len(openings) - WARM_UP))
        gc.collect()
        gc.freeze()  # a pause for our own garbage would look like theirs
        for case in islice(cycle(cases), MESSAGES):
            await _time(web, case, at_citizens, at_officers, result)
            await asyncio.sleep(PAUSE_SECONDS)
        for stream in open_streams:
            stream.close()
    return result


async def _time(web: Client, case: _Case, at_citizens: _Readers, at_officers: _Readers, result: Streams) -> None:
    seq = (await case.talk.read(web))[-1]["seq"] + 1
    at_citizens.expect(case.talk.id, seq)
    at_officers.expect(case.number, seq)
    began = perf_counter()
    await case.talk.write(web, "Apakah sudah ada kabar?")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ARRIVAL_SECONDS):
            await at_citizens.all_arrived.wait()
            await at_officers.all_arrived.wait()
    result.citizens += [at - began for at in at_citizens.arrived.values()]
    result.officers += [at - began for at in at_officers.arrived.values()]
    result.lost += at_citizens.missing + at_officers.missing


async def _signed_in(house: House, web: Client) -> str:
    """The session cookie of the example office's supervisor, who may know of every case."""
    login = next(login for login in house.logins if login.role == "supervisor")
    cookie, csrf = await _session(web, login.login, login.password)
    await web.call("POST", f"{OFFICER}/password", {"old_password": login.password, "new_password": PASSWORD},
                   Cookie=cookie, X_CSRF_Token=csrf)
    return cookie


async def _session(web: Client, login: str, password: str) -> tuple[str, str]:
    answer = await web.exchange("POST", f"{OFFICER}/session", {"login": login, "password": password})
    return answer.headers["set-cookie"].partition(";")[0], json.loads(answer.content)["csrf_token"]


async def _case_number(port: int, web: Client, talk: Conversation) -> str:
    """Asks for a person; the number of the case that this opens."""
    async with talk.heard(port) as heard, asyncio.timeout(ARRIVAL_SECONDS):
        await talk.write(web, "Saya mau bicara dengan petugas.")
        while not (message := await heard.get())["case"]:
            pass
    return str(message["case"]["number"])


async def _open(port: int, openings: list[Opening]) -> list[asyncio.Transport]:
    opened: list[asyncio.Transport] = []
    for some in batched(openings, OPENING_AT_ONCE):
        opened += await asyncio.gather(*(listen(port, opening, heard) for opening, heard in some))
    return opened

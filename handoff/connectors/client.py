"""Asking an agency's status service: with a time limit, a second attempt, a short memory, and a rest after failures.

Only the host in the file is asked: redirects are not followed, and the reference is quoted into its place. Nothing of
the exchange is logged but the connector's name and the kind of failure.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import aiohttp
import jmespath
from yarl import URL

from handoff.connectors.schema import Connector

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024
KEPT = 2000  # remembered answers
QUOTED = 60  # characters of an agency's own word that are repeated
PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Found:
    """What the agency says, in its own words: cut to `QUOTED` characters of one line."""

    state: str
    officer: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class Unknown:
    """The agency does not know the reference."""


@dataclass(frozen=True)
class Away:
    """It could not be asked, or its answer could not be read."""


Outcome = Found | Unknown | Away


class _Failed(Exception):
    """This attempt brought nothing. `again`: another one might."""

    def __init__(self, kind: str, again: bool) -> None:
        super().__init__(kind)
        self.again = again


@dataclass
class _Breaker:
    """How often in a row it failed, and until when it is left alone."""

    failed: int = 0
    resting_until: float = 0.0


class Connectors:
    """The connectors of this installation, one client for a process."""

    def __init__(self, connectors: Iterable[Connector] = ()) -> None:
        self.all = tuple(connectors)
        self._breakers = {one.name: _Breaker() for one in self.all}
        self._kept: OrderedDict[tuple[str, str], tuple[float, Outcome]] = OrderedDict()

    def serving(self, text: str, topic: str | None) -> list[tuple[Connector, str]]:
        """Who may know a reference in the text, with the reference: one serving the topic or named in the text before
        the others. More than one: it is not clear whose it is."""
        fitting = [(one, found) for one in self.all for found in sorted(one.reference.found_in(text))]
        said = text.casefold()
        for chosen in (
            [(one, found) for one, found in fitting if one.agency.casefold() in said],
            [(one, found) for one, found in fitting if topic is not None and topic in one.topics],
        ):
            if chosen:
                return chosen
        return fitting

    async def ask(self, connector: Connector, reference: str) -> Outcome:
        """What the agency knows of the reference. Never raises for what happens over there; at most
        `connector.limits.seconds` long."""
        key, now = (connector.name, reference), time.monotonic()
        if (kept := self._kept.get(key)) is not None and now < kept[0]:
            return kept[1]
        breaker = self._breakers[connector.name]
        if now < breaker.resting_until:
            return Away()
        try:
            async with asyncio.timeout(connector.limits.seconds):
                outcome = await self._attempts(connector, reference)
        except (_Failed, TimeoutError) as failure:
            log.warning("connector %s: %s", connector.name, failure if isinstance(failure, _Failed) else "too slow")
            breaker.failed += 1
            if breaker.failed >= connector.limits.failures:
                breaker.resting_until = time.monotonic() + connector.limits.rest_seconds
                breaker.failed = connector.limits.failures - 1  # after the rest one attempt shows whether it is back
            return Away()
        breaker.failed = 0
        self._keep(key, outcome, connector.limits.cache_seconds)
        return outcome

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in self.__dict__:
            await self._session.close()

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # No cookies, no proxy from the environment: what is in the file is all that happens.
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    def _keep(self, key: tuple[str, str], outcome: Outcome, seconds: float) -> None:
        self._kept[key] = (time.monotonic() + seconds, outcome)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _attempts(self, connector: Connector, reference: str) -> Outcome:
        for left in reversed(range(connector.limits.attempts)):
            try:
                return await self._attempt(connector, reference)
            except _Failed as failure:
                if not failure.again or not left:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError("at least one attempt is made")

    async def _attempt(self, connector: Connector, reference: str) -> Outcome:
        request = connector.request
        try:
            async with self._session.request(
                request.method, URL(request.address(reference), encoded=True), headers=request.headers,
                json=request.filled(reference), allow_redirects=False,
            ) as response:
                if response.status in (404, 410):
                    return Unknown()
                if response.status != 200:
                    raise _Failed(f"HTTP {response.status}", again=response.status >= 500)
                return _read(connector, await _body(response))
        except (aiohttp.ClientError, OSError) as error:
            raise _Failed(type(error).__name__, again=True) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _Failed("too long", again=False)
    return body


def _read(connector: Connector, body: bytes) -> Found:
    try:
        answer = json.loads(body)
        values = {
            name: _word(jmespath.search(path, answer)) if path else None
            for name, path in connector.response.model_dump().items()
        }
    except (ValueError, RecursionError, jmespath.exceptions.JMESPathError):
        raise _Failed("malformed", again=False) from None
    state = values["status"]
    if state is None:
        raise _Failed("no status in the answer", again=False)
    return Found(state, values["officer"], values["date"])


def _word(value: Any) -> str | None:
    """A text or a number as one short line; None for nothing and for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    line = " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())
    return line[:QUOTED] or None

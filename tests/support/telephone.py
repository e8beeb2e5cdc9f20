"""Telephones with WhatsApp on them, and Meta between them and a running house: everything over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.support import whatsapp
from tests.support.graph import TOKEN, StandIn, graph_api
from tests.support.waiting import until
from tests.support.whatsapp import NUMBER, SECRET, SENDER, VERIFY, delivery, message, says, sign, status, value

PATIENCE = 90.0  # seconds; Meta takes one message in six seconds for one person, and a long text is several


@contextlib.contextmanager
def meta(**more: Any) -> Iterator[StandIn]:
    """The stand-in of the Graph API, serving from a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = graph_api(**more)

    def done(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    stand_in = done(serving.__aenter__())
    try:
        yield stand_in
    finally:
        done(serving.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


def environment(api: StandIn) -> dict[str, str]:
    """What a house needs to speak to it."""
    return {"WHATSAPP_PHONE_NUMBER_ID": NUMBER, "WHATSAPP_ACCESS_TOKEN": TOKEN, "WHATSAPP_APP_SECRET": SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY, "WHATSAPP_API_URL": api.url}


def posted(http: httpx.Client, given: Any) -> httpx.Response:
    """A signed delivery, whatever comes of it."""
    body = whatsapp.written(given)
    return http.post("/webhooks/whatsapp", content=body, headers={
        "X-Hub-Signature-256": sign(body), "Content-Type": "application/json"})


@dataclass
class Telephone:
    """A citizen's, with what came to it."""

    http: httpx.Client
    api: StandIn
    number: str = SENDER
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    # --- saying -------------------------------------------------------------------------------------------------------

    def says(self, text: str) -> None:
        """A text."""
        self.sends(says(text, sender=self.number, at=int(self.clock().timestamp())))

    def sends(self, one: dict[str, Any], times: int = 1) -> None:
        """An element of `messages[]`; Meta posts it so often. From now on the window is open."""
        self.api.open_for.add(self.number)
        for _ in range(times):
            answered = posted(self.http, delivery(value(one)))
            assert answered.status_code == 200, answered.text

    def taps(self, title: str, times: int = 1) -> None:
        """The newest choice whose title begins so."""
        found = [(kind, choice, one) for one in self.came() for kind, choice in _choices(one)
                 if choice["title"].startswith(title)]
        assert found, f"no choice {title!r} in {[c['title'] for one in self.came() for _, c in _choices(one)]}"
        kind, choice, one = found[-1]
        tapped = {"type": "interactive", "context": {"from": "62211500", "id": one["wamid"]},
                  "interactive": {"type": kind, kind: choice}}
        self.sends(message(tapped, sender=self.number, at=int(self.clock().timestamp())), times)

    # --- hearing ------------------------------------------------------------------------------------------------------

    def came(self) -> list[dict[str, Any]]:
        """What came to this number, in order."""
        return [one for one in list(self.api.accepted) if one["to"] == self.number]

    def reads(self) -> list[str]:
        """The same as words."""
        return [text for text, one in zip(self.api.texts, self.api.accepted, strict=False) if one["to"] == self.number]

    def hears(self, words: str, seconds: float = PATIENCE) -> str:
        """The first text with these words, as soon as it is there."""
        return until(lambda: next((text for text in self.reads() if words in text), ""), seconds,
                     f"{words!r} on the telephone, on which there is {json.dumps(self.reads(), ensure_ascii=False)}")


def reported(one: dict[str, Any], names: tuple[str, ...] = ("sent", "delivered", "read")) -> list[dict[str, Any]]:
    """The statuses of a message that was taken: each twice, in any order."""
    told = [status(one["wamid"], name, one["biz_opaque_callback_data"]) for name in names] * 2
    random.Random(one["wamid"]).shuffle(told)
    return told


def _choices(one: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if one["type"] != "interactive":
        return []
    said = one["interactive"]
    if said["type"] == "button":
        return [("button_reply", b["reply"]) for b in said["action"]["buttons"]]
    return [("list_reply", row) for section in said["action"]["sections"] for row in section["rows"]]

"""The action server over HTTP: what it asks of the gateway, and what it says when that fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from rasa_sdk import Tracker
from sanic import Sanic

from actions.__main__ import build
from actions.cases import REASONS, case_request
from actions.gateway import Gateway
from handoff.catalogue import load

ROOT = Path(__file__).parents[2]
CONVERSATION, MESSAGE, ANSWER = (f"6f1b2c3d-0000-4000-8000-00000000000{n}" for n in range(3))
CLASSIFICATION = {"intent": "kia", "confidence": 0.4, "threshold": 0.8, "ranking": [], "model_version": "m"}
OPENED = {"number": "D-1", "reason": "complaint", "joined": False}


def said(intent: str, text: str = "rahasia warga", **metadata: Any) -> dict[str, Any]:
    """The tracker's event for one message of a citizen."""
    return {
        "event": "user", "text": text, "message_id": MESSAGE, "parse_data": {"intent": {"name": intent}},
        "metadata": {"last_topic": "kia", "last_answer_id": ANSWER, "classification": CLASSIFICATION, **metadata},
    }


def tracker(*events: dict[str, Any]) -> dict[str, Any]:
    return {"sender_id": CONVERSATION, "slots": {}, "latest_message": {}, "events": list(events), "paused": False}


@pytest.mark.parametrize(
    ("intent", "reason", "topic", "answer"),
    [
        ("nlu_fallback", "low_confidence", None, None),
        ("luar_cakupan", "low_confidence", None, None),
        ("minta_petugas", "asked_for_officer", "kia", None),
        ("hapus_data", "asked_for_officer", None, None),
        ("darurat", "low_confidence", None, None),
        ("data_disalahgunakan", "asked_for_officer", None, None),
        ("bantah_jawaban", "disputed_answer", "kia", ANSWER),
        ("sanggah_keputusan", "disputed_decision", "kia", None),
        ("pengaduan", "complaint", "kia", None),
        ("pengaduan_pungli", "complaint", "pengaduan_pungli", None),
        ("nik_bermasalah", "individual_matter", "nik_bermasalah", None),
        ("wlkp_data_salah", "individual_matter", "wlkp_data_salah", None),
    ],
)
def test_why_a_case_opens_and_what_it_is_about(intent, reason, topic, answer):
    asked = case_request(Tracker.from_dict(tracker(said("sapa"), said(intent), {"event": "action", "name": "x"})))
    assert asked == {
        "conversation_id": CONVERSATION, "message_id": MESSAGE, "reason": reason, "topic": topic,
        "answer_id": answer, "classification": CLASSIFICATION,
    }


def test_a_dispute_of_no_answer_is_still_a_dispute():
    asked = case_request(Tracker.from_dict(tracker(said("bantah_jawaban", last_topic=None, last_answer_id=None))))
    assert (asked["reason"], asked["topic"], asked["answer_id"]) == ("disputed_answer", None, None)


def test_every_rule_that_opens_a_case_has_its_reason():
    steps = [rule["steps"] for rule in yaml.safe_load((ROOT / "data" / "rules.yml").read_text())["rules"]]
    to_a_person = {
        choice["intent"]
        for condition, action in steps if action["action"] == "action_open_case"
        for choice in condition.get("or", [condition])
    }
    assert REASONS.keys() <= to_a_person
    topics = load(ROOT / "data" / "catalogue").topics.values()
    assert to_a_person - REASONS.keys() == {topic.id for topic in topics if topic.individual_matter}


class House:
    """A server in the gateway's place."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in rest)}
                asked = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.asked.append((line, headers, asked))
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n" % (self.status, len(self.body)) + self.body)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def house(status: int = 200, body: bytes = json.dumps(OPENED).encode()) -> AsyncIterator[tuple[str, House]]:
    """A house, and its address."""
    served = House(status, body)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", served


@contextlib.asynccontextmanager
async def action_server(gateway_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Our action server, asking that gateway; yields a client of it."""
    Sanic.test_mode = True
    gateway = Gateway(gateway_url, "rahasia-bersama")
    listening = socket.create_server(("127.0.0.1", 0))
    app = build(gateway)
    app.config.TOUCHUP = False  # it would take our web process's signals out of Sanic, for every later test as well
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    assert server is not None
    await server.startup()
    await server.start_serving()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client
    finally:
        await gateway.close()
        server.close()
        await server.wait_closed()


def call(*events: dict[str, Any], action: str = "action_open_case") -> dict[str, Any]:
    """What Rasa 3.6 sends; `enable_selective_domain` leaves the domain out."""
    return {
        "next_action": action, "sender_id": CONVERSATION, "tracker": tracker(*events), "version": "3.6.21",
    }


async def test_opens_the_case_and_hands_its_number_back():
    async with house() as (url, gateway), action_server(url) as client:
        answer = await client.post("/webhook", json=call(said("pengaduan")))
    assert answer.status_code == 200
    assert answer.json()["events"] == []
    assert [response["custom"] for response in answer.json()["responses"]] == [{"do": "case_opened", **OPENED}]
    (line, headers, asked), = gateway.asked
    assert line == "POST /internal/v1/cases HTTP/1.1"
    assert headers["authorization"] == "Bearer rahasia-bersama"
    assert asked["reason"] == "complaint"
    assert "rahasia warga" not in json.dumps(asked)


async def test_the_connection_to_the_gateway_stays_open_between_calls():
    async with house() as (url, gateway), action_server(url) as client:
        for _ in range(5):
            await client.post("/webhook", json=call(said("pengaduan")))
    assert (len(gateway.asked), gateway.connections) == (5, 1)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (401, b"{}"), (404, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (204, b"")],
)
async def test_a_gateway_that_opens_no_case_is_an_error_without_the_citizens_words(status, body, caplog):
    with caplog.at_level(logging.INFO):
        async with house(status, body) as (url, _), action_server(url) as client:
            answer = await client.post("/webhook", json=call(said("pengaduan")))
    assert answer.status_code == 500
    assert answer.json().keys() == {"error"}
    assert "Action failed with" in caplog.text
    assert "rahasia" not in caplog.text + answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"rahasia", 400),
        (json.dumps(call(said("pengaduan"), action="rahasia_warga")).encode(), 404),
        (json.dumps(call()).encode(), 500),
    ],
)
async def test_a_wrong_call_is_an_error_without_the_citizens_words(body, status, caplog):
    with caplog.at_level(logging.INFO):
        async with house() as (url, gateway), action_server(url) as client:
            answer = await client.post("/webhook", content=body)
    assert answer.status_code == status
    assert gateway.asked == []
    assert "rahasia warga" not in caplog.text + answer.text


async def test_a_gateway_that_is_away_is_an_error_and_health_stands():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with action_server(url) as client:
        assert (await client.post("/webhook", json=call(said("pengaduan")))).json() == {"error": "ConnectError"}
        assert (await client.get("/health")).status_code == 200

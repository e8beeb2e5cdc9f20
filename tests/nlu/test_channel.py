"""The gateway's door, knocked on over HTTP: a real Rasa server application with a model that Rasa trained."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jsonschema
import pytest
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.run import configure_app
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from bot import action_results
from bot.channel import GatewayInput, Turn
from bot.tracker_store import BoundedTrackerStore

TOKEN = "rahasia-bersama"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CONVERSATION = str(uuid.uuid4())


class Door:
    """A client of one running Rasa server."""

    def __init__(self, url: str, session: aiohttp.ClientSession, agent: Agent) -> None:
        self.url, self.session, self.agent = url, session, agent

    async def post(
        self, body: bytes, headers: dict[str, str] = AUTHORIZED, door: str = "webhook"
    ) -> tuple[int, Any]:
        async with self.session.post(f"{self.url}{door}", data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def say(self, text: str, **metadata: Any) -> dict[str, Any]:
        status, answer = await self.post(turn(text, **metadata))
        assert status == 200, answer
        return answer

    async def health(self) -> tuple[int, Any]:
        async with self.session.get(self.url) as answer:
            return answer.status, await answer.json()


def turn(text: Any, **metadata: Any) -> bytes:
    return json.dumps(
        {"conversation_id": CONVERSATION, "message_id": str(uuid.uuid4()), "text": text, "metadata": metadata}
    ).encode()


@contextlib.asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[Door]:
    """Rasa's own application with our channel and no other, on a free port."""
    Sanic.test_mode = True  # else no second application of the same name in one process
    app = configure_app([GatewayInput.from_credentials({"token": TOKEN})], enable_api=False, use_uvloop=False)
    app.ctx.agent = agent
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.start_serving()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/webhooks/gateway/"
    try:
        async with aiohttp.ClientSession() as session:
            yield Door(url, session, agent)
    finally:
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def action_server(status: int, answer: dict[str, Any]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server in the action server's place; yields its address and what it was asked."""
    asked: list[dict[str, Any]] = []

    async def webhook(request: aiohttp.web.Request) -> aiohttp.web.Response:
        asked.append(await request.json())
        return aiohttp.web.json_response(answer, status=status)

    app = aiohttp.web.Application()
    app.router.add_post("/webhook", webhook)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhook", asked
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def loaded(model_path):
    """Loaded once; each test gives it a fresh tracker store."""
    return Agent.load(model_path, tracker_store=BoundedTrackerStore(None))


@pytest.fixture
def agent(loaded):
    loaded.processor.action_endpoint = EndpointConfig("http://127.0.0.1:1/webhook", enable_selective_domain=True)
    loaded.processor.tracker_store = BoundedTrackerStore(loaded.domain)
    return loaded


@pytest.fixture
async def door(agent):
    async with serving(agent) as door:
        yield door


async def test_health_names_the_model(door):
    assert await door.health() == (200, {"status": "ok", "model_version": door.agent.model_id})


async def test_without_a_model_it_says_so_and_takes_no_message():
    async with serving(Agent()) as door:
        read = await door.post(b'{"texts": ["halo"]}', door="read")
        for status, answer in (await door.health(), await door.post(turn("halo")), read):
            assert (status, answer["error"]["code"]) == (503, "no_model")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": TOKEN}, {"Authorization": "Bearer salah"}, {"Authorization": "Bearer é"}]
)
async def test_only_the_service_token_opens(door, headers):
    for status, answer in (
        await door.post(turn("halo"), headers),
        await door.post(b'{"texts": ["halo"]}', headers, "read"),
    ):
        assert (status, answer["error"]["code"]) == (401, "unauthorized")


def test_without_a_token_there_is_no_channel():
    for credentials in (None, {}, {"token": ""}):
        with pytest.raises(RasaException):
            GatewayInput.from_credentials(credentials)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"halo"',
        b"{}",
        turn(None),
        turn(7),
        turn(["halo"]),
        json.dumps({"conversation_id": "1", "message_id": CONVERSATION, "text": "halo"}).encode(),
        json.dumps({"conversation_id": CONVERSATION, "message_id": {"a": 1}, "text": "halo"}).encode(),
        json.dumps({"conversation_id": CONVERSATION, "text": "halo"}).encode(),
        turn("halo").replace(b'"metadata": {}', b'"metadata": "x"'),
    ],
)
async def test_what_is_no_turn_is_refused(door, body):
    status, answer = await door.post(body)
    assert (status, answer["error"]["code"]) == (400, "malformed")


async def test_a_routine_topic_is_an_instruction_to_answer(door):
    answer = await door.say("ktp saya hilang")
    assert answer["replies"] == [{"text": None, "custom": {"do": "answer", "topic": "ktp_hilang"}, "buttons": []}]
    assert answer["intent"] == answer["ranking"][0]
    assert answer["intent"]["name"] == "ktp_hilang"
    assert answer["intent"]["confidence"] >= answer["threshold"] > 0.0
    assert answer["abstained"] is False
    assert answer["model_version"] == door.agent.model_id


async def test_an_aspect_and_talk(door):
    fee, thanks = await door.say("berapa biayanya"), await door.say("makasih banyak")
    assert fee["replies"][0]["custom"] == {"do": "aspect", "aspect": "fee"}
    assert thanks["replies"][0]["text"].startswith("Sama-sama")
    assert len(thanks["replies"]) == 1


@pytest.mark.parametrize("command", ["/{}", "  /{}", "//{}", "\n/ /{}", "/{}@0.99", '/{}@1.0{{"a": "b"}}'])
@pytest.mark.parametrize("name", ["restart", "terima_kasih", "back"])
async def test_a_typed_command_is_read_as_words(door, command, name):
    text = command.format(name)
    assert not Turn.parse(turn(text)).text.startswith("/")
    as_command, as_words = await door.say(text), await door.say(text.replace("/", " "))
    assert as_command == as_words
    assert as_command["intent"]["confidence"] < 1.0


@pytest.mark.parametrize("text", ["", "/", " // ", "?!", "qqq"])
async def test_what_resembles_nothing_is_left_to_a_person(door, text):
    answer = await door.say(text)
    assert answer["abstained"] is True
    assert answer["intent"] == {"name": None, "confidence": 0.0}
    assert answer["replies"] == []  # no action server listens: the gateway sees it and opens the case itself


async def test_texts_are_read_without_acting_on_them(door):
    texts = ["ktp saya hilang", "/restart", "mau bicara dengan petugas", "mana", ""]
    async with action_server(200, {"events": [], "responses": []}) as (url, asked):
        door.agent.processor.action_endpoint.url = url
        status, answer = await door.post(json.dumps({"texts": texts}).encode(), door="read")
        assert (status, asked) == (200, [])
        for text, reading in zip(texts, answer["readings"], strict=True):
            said = await door.say(text)
            assert reading == {name: said[name] for name in reading}
    assert set(reading) == {"intent", "ranking", "threshold", "abstained", "near_tie", "model_version"}
    assert (await door.post(b'{"texts": []}', door="read")) == (200, {"readings": []})


@pytest.mark.parametrize("body", [
    b"", b"[]", b"7", b"{}", b'{"texts": "halo"}', b'{"texts": [7]}', b'{"texts": null}', b"\xff",
    json.dumps({"texts": ["halo"] * 13}).encode(),
])
async def test_what_is_no_list_of_texts_is_refused(door, body):
    status, answer = await door.post(body, door="read")
    assert (status, answer["error"]["code"]) == (400, "malformed")


async def test_an_unclear_text_is_given_back_when_the_gateway_knows_another_way(door):
    async with action_server(200, {"events": [], "responses": []}) as (url, asked):
        door.agent.processor.action_endpoint.url = url
        unclear = await door.say("mana", hold_if_unclear=True)
        assert (unclear["abstained"], unclear["replies"], asked) == (True, [], [])
        clear = await door.say("ktp saya hilang", hold_if_unclear=True)
        assert clear["replies"] == (await door.say("ktp saya hilang"))["replies"] != []


async def test_abstaining_keeps_the_true_intent(door):
    answer = await door.say("mana")
    assert answer["abstained"] is True
    assert answer["intent"] == answer["ranking"][0]
    assert answer["intent"]["name"] != "nlu_fallback"
    assert answer["intent"]["confidence"] < answer["threshold"]


async def test_a_custom_action_sees_the_reading_and_its_words_come_back(door):
    said = {"events": [], "responses": [{"custom": {"do": "case_opened", "number": "X-1"}}]}
    async with action_server(200, said) as (url, asked):
        door.agent.processor.action_endpoint.url = url
        answer = await door.say("mau bicara dengan petugas", last_topic="kia", last_answer_id=None)
    (call,) = asked
    message = next(event for event in call["tracker"]["events"] if event["event"] == "user")
    assert answer["replies"] == [{"text": None, "custom": {"do": "case_opened", "number": "X-1"}, "buttons": []}]
    assert call["next_action"] == "action_open_case"
    assert "domain" not in call
    assert call["tracker"]["sender_id"] == CONVERSATION
    assert message["parse_data"]["intent"]["name"] == "minta_petugas"
    assert message["metadata"]["last_topic"] == "kia"
    assert message["metadata"]["classification"] == {
        "intent": "minta_petugas",
        "confidence": answer["intent"]["confidence"],
        "threshold": answer["threshold"],
        "ranking": answer["ranking"],
        "near_tie": answer["near_tie"],
        "model_version": answer["model_version"],
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, {"error": "x"}), (200, {"events": "none"}), (200, {"responses": "none"}), (404, {"error": "x"})],
)
async def test_a_failing_action_leaves_the_replies_empty(door, status, said):
    async with action_server(status, said) as (url, _):
        door.agent.processor.action_endpoint.url = url
        answer = await door.say("mau bicara dengan petugas")
    assert answer["replies"] == []
    assert answer["intent"]["name"] == "minta_petugas"


async def test_an_exception_is_an_error_and_the_log_keeps_the_secret(door, monkeypatch, caplog):
    text = "ktp saya hilang"

    async def break_down(sender_id: str) -> None:
        raise KeyError(text)

    monkeypatch.setattr(door.agent.processor.tracker_store, "retrieve", break_down)
    with caplog.at_level(logging.INFO):
        status, answer = await door.post(turn(text))
    assert (status, answer["error"]["code"]) == (500, "turn_failed")
    assert "KeyError" in caplog.text
    assert "break_down" in caplog.text
    assert "hilang" not in caplog.text


async def test_nothing_a_citizen_writes_is_logged(door, caplog, capfd):
    with caplog.at_level(logging.INFO):
        for text in ("ktp budi hilang", "/budi", "mau bicara dengan petugas budi", "budi?"):
            await door.say(text)
        await door.post(b'{"text": "budi"')
    assert "budi" not in caplog.text.lower()
    assert "budi" not in "".join(capfd.readouterr()).lower()


async def test_a_long_conversation_stays_small(door):
    sizes = []
    for _ in range(20):
        await door.say("ktp saya hilang")
        sizes.append(len((await door.agent.processor.tracker_store.retrieve(CONVERSATION)).events))
    assert sizes[2:] == sizes[1:-1]
    assert max(sizes) <= 8


async def test_a_conversation_that_was_erased_is_forgotten(door):
    await door.say("ktp saya hilang")
    trackers = door.agent.processor.tracker_store
    assert list(await trackers.keys()) == [CONVERSATION]
    body = json.dumps({"conversation_id": CONVERSATION}).encode()
    assert (await door.post(body, headers={}, door="forget"))[0] == 401
    assert list(await trackers.keys()) == [CONVERSATION]
    assert (await door.post(b"[]", door="forget"))[0] == 400
    for _ in range(2):
        assert await door.post(body, door="forget") == (200, {"forgotten": True})
    assert list(await trackers.keys()) == []
    assert (await door.say("ktp saya hilang"))["intent"]["name"]  # and may be talked in again


async def test_messages_of_many_conversations_at_once(door):
    async def one(text: str) -> str:
        body = json.loads(turn(text))
        _, answer = await door.post(json.dumps({**body, "conversation_id": str(uuid.uuid4())}).encode())
        return answer["intent"]["name"]

    texts = {"ktp saya hilang": "ktp_hilang", "makasih banyak": "terima_kasih", "bikin akta lahir": "akta_kelahiran"}
    assert await asyncio.gather(*(one(text) for text in list(texts) * 10)) == list(texts.values()) * 10


@pytest.mark.parametrize(
    ("result", "good"),
    [
        ({"events": [], "responses": []}, True),
        ({"events": [{"event": "slot", "name": "a", "value": 1}], "responses": [{"text": "ya"}]}, True),
        ({"events": [{"name": "no kind"}]}, False),
        ({"responses": ["no object"]}, False),
    ],
)
def test_action_results_are_still_checked(result, good):
    action_results.install()
    action = RemoteAction("action_open_case", None)
    with contextlib.nullcontext() if good else pytest.raises(jsonschema.ValidationError):
        assert action._validate_action_result(result)

"""The webhook: who may post, what is stored before it is acknowledged, whose conversation it belongs to."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from handoff.services.talk import conversations as services
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.crypto import unseal, unseal_json
from handoff.store.schema import cases, conversations, messages, offices
from handoff.store.schema_whatsapp import whatsapp_addresses, whatsapp_events, whatsapp_statuses
from handoff.web.whatsapp import BODY_BYTES
from tests.support.citizen import Citizen, answers
from tests.support.people import refused
from tests.support.whatsapp import (
    NUMBER,
    OLD_SECRET,
    OTHER_NUMBER,
    REACTION,
    SAID,
    SENDER,
    SYSTEM,
    VERIFY,
    delivery,
    message,
    post,
    says,
    sign,
    status,
    value,
)

# What a channel stores does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
HOOK = "/webhooks/whatsapp"


async def rows(runtime: Any, query: Any) -> list[Any]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(query)).all())


async def stored(runtime: Any) -> list[tuple[Any, str, dict[str, Any]]]:
    """Every citizen's message in order of arrival: conversation, kind, body."""
    found = await rows(runtime, select(messages, conversations.c.data_key_id).join(
        conversations, conversations.c.id == messages.c.conversation_id
    ).where(messages.c.author == "citizen").order_by(messages.c.stored_at, messages.c.seq))
    async with db.transaction(runtime.pool) as connection:
        keys = {r.data_key_id: await runtime.keyring.open(connection, r.data_key_id) for r in found}
    return [(r.conversation_id, r.kind, unseal_json(keys[r.data_key_id], r.id, r.body_enc)) for r in found]


async def events(runtime: Any) -> list[tuple[str, str]]:
    return [(r.kind, r.reason) for r in await rows(
        runtime, select(whatsapp_events).order_by(whatsapp_events.c.received_at, whatsapp_events.c.kind))]


async def test_the_address_is_verified_with_the_token_only(served):
    client = await served.client()

    async def asked(token: str, mode: str) -> httpx.Response:
        return await client.get(HOOK, params={
            "hub.mode": mode, "hub.challenge": "1158201444", "hub.verify_token": token})

    verified = await asked(VERIFY, "subscribe")
    assert (verified.status_code, verified.text) == (200, "1158201444")
    assert verified.headers["content-type"].startswith("text/plain")
    for token, mode in (("salah", "subscribe"), ("", "subscribe"), (VERIFY, "unsubscribe"), ("\u00e9", "subscribe")):
        refused(await asked(token, mode), 403)


async def test_only_what_is_signed_over_its_very_bytes_is_taken(served):
    client = await served.client()
    body = json.dumps(delivery(value(says("halo")))).encode()
    refused(await client.post(HOOK, content=body), 401)
    for header in ("sha256=", "sha1=x", sign(body, "secret"), sign(body + b" "), sign(body).upper(), "é"):
        refused(await client.post(HOOK, content=body, headers={"X-Hub-Signature-256": header.encode()}), 403)
    assert await stored(served.runtime) == []
    taken = await client.post(HOOK, content=body, headers={"X-Hub-Signature-256": sign(body, OLD_SECRET)})
    assert taken.status_code == 200
    assert len(await stored(served.runtime)) == 1


async def test_no_more_than_three_megabytes(served):
    client = await served.client()
    refused(await post(client, b" " * (BODY_BYTES + 1)), 413)


async def test_every_type_is_stored_with_a_fate_to_come(served):
    given = [message(said, sender=f"62{n}") for n, said in enumerate(SAID.values())]
    assert (await post(await served.client(), delivery(value(*given)))).status_code == 200
    as_text = {"text", "button reply", "list reply", "template reply"}  # no such button was offered: what it says
    for name, (_, kind, body) in zip(SAID, await stored(served.runtime), strict=True):
        assert kind == ("text" if name in as_text else "location" if name == "location" else "file")
        assert body["wamid"].startswith("wamid.")
        assert body.get("text") or name in ("image", "voice", "audio", "sticker", "location")


async def test_p03_a_voice_note_opens_a_case(served):
    await post(await served.client(), delivery(value(message(SAID["voice"]))))
    ((conversation, _, _),) = await stored(served.runtime)
    await turn.drain(served.runtime, conversation)
    assert [c.reason for c in await rows(served.runtime, select(cases))] == ["unreadable_message"]


async def test_every_element_of_a_delivery_counts_and_a_bad_one_costs_no_other(served):
    given = delivery(
        value(says("satu"), 7, says("dua"), statuses=[status("wamid.s", "sent"), None]),
        value(says("tiga", sender="628777")), value(says("empat"), number="999"),
        value(errors=[{"code": 130429, "title": "x"}]),
    )
    answer = await post(await served.client(), given)
    assert answer.json() == {"received": 8}
    assert [body["text"] for _, _, body in await stored(served.runtime)] == ["satu", "dua", "tiga"]
    assert sorted(await events(served.runtime)) == [
        ("fault", "number"), ("unread", "message_without_address"), ("unread", "number_not_ours"),
        ("unread", "status_without_id"),
    ]


async def test_p01_deliveries_may_repeat_and_come_at_once_each_message_is_there_once(served):
    client = await served.client()
    deliveries = [delivery(value(*(says(f"{sender} {n}", sender=sender, wamid=f"w{sender}{n}") for n in range(3))))
                  for sender in ("6281", "6282", "6283")]
    many = deliveries * 4
    random.Random(7).shuffle(many)
    answered = await asyncio.gather(*(post(client, one) for one in many))
    assert {a.status_code for a in answered} == {200}
    texts = [body["text"] for _, _, body in await stored(served.runtime)]
    assert sorted(texts) == [f"{s} {n}" for s in ("6281", "6282", "6283") for n in range(3)]
    assert len({c for c, _, _ in await stored(served.runtime)}) == 3


async def test_numbered_in_order_of_arrival_with_the_senders_time_beside(served):
    client = await served.client()
    for text, at in (("kedua", 1795575600), ("pertama", 1795575000)):
        await post(client, delivery(value(says(text, at=at))))
    found = await rows(served.runtime, select(messages).order_by(messages.c.seq))
    assert [(m.seq, int(m.sent_at.timestamp())) for m in found] == [(1, 1795575600), (2, 1795575000)]


async def test_p01_nothing_is_acknowledged_that_is_not_stored(served, monkeypatch):
    client = await served.client()

    async def away(*_: Any, **__: Any) -> None:
        raise db.DatabaseAway("gone")

    with monkeypatch.context() as patched:
        patched.setattr("handoff.services.talk.inbox.receive", away)
        refused(await post(client, delivery(value(says("halo", wamid="w1")))), 503)
    assert await stored(served.runtime) == []
    assert (await post(client, delivery(value(says("halo", wamid="w1"))))).status_code == 200
    assert len(await stored(served.runtime)) == 1


async def test_a_fault_of_ours_keeps_the_item_and_lets_the_others_through(served, monkeypatch, caplog):
    real = services.begin_in

    async def broken(*given: Any, **more: Any) -> Any:
        if not broken.done:
            broken.done = True
            raise RuntimeError("ktp sy ilang")
        return await real(*given, **more)

    broken.done = False
    monkeypatch.setattr("handoff.services.talk.conversations.begin_in", broken)
    await post(await served.client(), delivery(value(says("satu", sender="1"), says("dua", sender="2"))))
    assert [body["text"] for _, _, body in await stored(served.runtime)] == ["dua"]
    assert await events(served.runtime) == [("failed", "RuntimeError")]
    assert "ktp sy ilang" not in caplog.text


async def test_the_same_person_writes_to_two_offices_in_two_conversations(served):
    client = await served.client()
    async with db.transaction(served.runtime.pool) as connection:
        await connection.execute(update(offices).values(slug="kota-contoh"))
    await post(client, delivery(value(says("a")), value(says("b"), number=OTHER_NUMBER)))
    found = await rows(served.runtime, select(whatsapp_addresses))
    assert {a.number_id for a in found} == {NUMBER, OTHER_NUMBER}
    assert len({a.conversation_id for a in found}) == 2


async def test_p11_the_number_is_nowhere_readable(served):
    await post(await served.client(), delivery(value(says("halo", wamid=f"wamid.{SENDER}"), user_id="ID.77")))
    (address,) = await rows(served.runtime, select(whatsapp_addresses))
    (one,) = await rows(served.runtime, select(messages))
    for row in (address, one):
        written = " ".join(map(repr, row))
        assert SENDER not in written
        assert "ID.77" not in written
    data_key = await services.data_key_of(served.runtime, address.conversation_id)
    assert unseal(data_key, address.id, address.wa_enc).decode() == SENDER
    assert unseal(data_key, address.id, address.user_enc).decode() == "ID.77"


async def test_who_changes_the_number_keeps_the_conversation_and_the_next_owner_of_it_does_not_get_it(served):
    client = await served.client()
    first = delivery(value(says("punya Budi", wamid="w1"), user_id="ID.77"))
    await post(client, first)
    change = delivery(value(message(SYSTEM, wamid="sys")))
    for one in (change, delivery(value(says("ini Budi lagi", sender="628999"))),
                delivery(value(says("saya orang lain"))), change, first):
        assert (await post(client, one)).status_code == 200
    found = [(c, body["text"]) for c, _, body in await stored(served.runtime)]
    assert [text for _, text in found] == ["punya Budi", "ini Budi lagi", "saya orang lain"]
    assert found[0][0] == found[1][0] != found[2][0]


async def test_who_is_known_by_metas_id_is_found_from_another_number_too(served):
    client = await served.client()
    await post(client, delivery(value(says("satu"))))
    await post(client, delivery(value(says("dua"), user_id="ID.77")))  # now we learn the id
    nameless = says("tiga") | {"from": None}
    for one in (value(nameless) | {"contacts": [{"user_id": "ID.77"}]}, value(says("empat", sender="628999"),
                                                                                user_id="ID.77")):
        await post(client, delivery(one))
    assert len({c for c, _, _ in await stored(served.runtime)}) == 1


async def test_a_button_that_we_offered_is_a_tap(served):
    client = await served.client()
    await post(client, delivery(value(says("ktp sy ilang"))))
    ((conversation, _, _),) = await stored(served.runtime)
    citizen = Citizen(served.runtime, conversation)
    await citizen.hears(answers("ktp_hilang"))
    offered = next(b for m in await citizen.sees() for b in m["buttons"] if b["payload"].startswith("dispute:"))
    tap = {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {
        "id": offered["payload"], "title": "apa saja"}}}
    await post(client, delivery(value(message(tap))))
    await turn.drain(served.runtime, conversation)
    assert (await citizen.case()).reason == "disputed_answer"


async def test_statuses_are_all_kept_and_one_without_a_message_of_ours_hurts_nothing(served):
    client = await served.client()
    for name in ("read", "sent", "delivered", "sent", "failed"):
        code = 131047 if name == "failed" else None
        for ticket in (None, "not ours", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"):
            given = delivery(value(statuses=[status("wamid.out", name, ticket, code)]))
            assert (await post(client, given)).status_code == 200
    kept = await rows(served.runtime, select(whatsapp_statuses).order_by(whatsapp_statuses.c.received_at))
    assert sorted(s.status for s in kept) == ["delivered", "failed", "read", "sent"]
    assert {s.details for s in kept} == {None, "to " + "#" * len(SENDER)}


async def test_a_reaction_is_kept_and_is_no_message(served):
    client = await served.client()
    await post(client, delivery(value(says("halo"), message(REACTION, wamid="w2"))))
    assert len(await stored(served.runtime)) == 1
    assert await events(served.runtime) == [("reaction", "emoji")]


async def test_what_whatsapp_itself_tells_of_a_sender_is_no_message_of_theirs(served):
    """New security keys open no case, answer nothing, and move nobody."""
    client = await served.client()
    await post(client, delivery(value(says("halo"))))
    for told in ({"type": "customer_identity_changed", "wa_id": SENDER, "identity": "x", "customer": SENDER},
                 {"type": "something_new", "body": "x"}):
        for sender in (SENDER, "628999"):
            given = delivery(value(message({"type": "system", "system": told}, sender=sender)))
            assert (await post(client, given)).status_code == 200
    assert len(await stored(served.runtime)) == 1
    assert set(await events(served.runtime)) == {("system", "notice")}
    assert len(await rows(served.runtime, select(whatsapp_addresses))) == 1

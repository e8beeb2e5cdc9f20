"""Anything at all, signed, over HTTP: never a fault, every item that can be read is stored, the rest is kept sealed.

`WAJAH_FUZZ` is the number of examples for each of the properties (20 in the suite).
"""

from __future__ import annotations

import copy
import json
import os
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import func, select

from handoff.channels.whatsapp.addresses import message_key
from handoff.channels.whatsapp.payload import Fault, Message, NumberChanged, Reaction, Unread, UserIdChanged, parse
from handoff.store import db
from handoff.store.crypto import unseal_json
from handoff.store.schema import messages
from handoff.store.schema_whatsapp import whatsapp_events, whatsapp_statuses
from handoff.web.whatsapp import BODY_BYTES
from tests.support.whatsapp import (
    NAMES,
    NUMBER,
    REACTION,
    SAID,
    SYSTEM,
    delivery,
    message,
    post,
    says,
    sign,
    status,
    value,
    written,
)

# What a channel stores does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
fuzzed = hypothesis(
    max_examples=int(os.environ.get("WAJAH_FUZZ", "20")), deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck),
)
_fresh = count(1)

# Any character there is, half surrogates, NUL and the ends of a line too.
WORDS = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["\x00", "\ud800", "\udfff\ud800", "\u202e", "\ufeff", "\U0010ffff", "a\u0300" * 20, "'; --", "/restart", " " * 5])
NUMBERS = st.integers() | st.sampled_from([10**400, -(10**400), 2**63, -1, 0]) | st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.sampled_from(["messages", "text", NUMBER]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | WORDS, inner, max_size=6),
    max_leaves=30,
)
RECORDED = [*SAID.values(), SYSTEM, REACTION]


@st.composite
def bent(draw: Any, whole: Any) -> Any:
    """`whole` with something else in one place, or with one place missing."""
    whole = copy.deepcopy(whole)
    here = whole
    while True:
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
        if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 3)):
            here = here[key]
        elif draw(st.booleans()):
            here[key] = draw(JSON)
            return whole
        else:
            del here[key]
            return whole


def recorded() -> st.SearchStrategy[Any]:
    """A message as it was recorded, once, or bent in one place."""
    made = st.sampled_from(RECORDED).map(lambda said: message(said, wamid=f"wamid.f{next(_fresh)}"))
    return made | made.flatmap(bent)


def together(said: list[Any]) -> dict[str, Any]:
    """A delivery of these."""
    return delivery(value(says("")) | {"messages": said})


async def counted(runtime: Any) -> list[int]:
    """How many messages, events and statuses there are."""
    async with db.transaction(runtime.pool) as connection:
        return [(await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in (messages, whatsapp_events, whatsapp_statuses)]


async def keys(runtime: Any) -> set[str]:
    """What the stored messages are known by."""
    async with db.transaction(runtime.pool) as connection:
        return set((await connection.execute(select(messages.c.channel_message_id))).scalars())


async def kept(runtime: Any) -> list[Any]:
    """What stands sealed in the events, opened."""
    async with db.transaction(runtime.pool) as connection:
        rows = (await connection.execute(select(whatsapp_events))).all()
        return [json.loads(unseal_json(await runtime.keyring.open(connection, row.data_key_id), row.id, row.body_enc))
                for row in rows]


async def taken(served: Any, body: bytes) -> None:
    """It is answered with 200, and again; the second time changes nothing; nothing failed through us."""
    client = await served.client()
    answered = await post(client, body)
    assert answered.status_code == 200, answered.text
    once = await counted(served.runtime)
    assert (await post(client, body)).status_code == 200
    assert await counted(served.runtime) == once
    async with db.transaction(served.runtime.pool) as connection:
        failed = (await connection.execute(select(whatsapp_events.c.reason).where(whatsapp_events.c.kind == "failed")))
        assert failed.all() == []


@fuzzed
@given(whole=JSON)
@example(whole=delivery({"messages": [{"text": {"body": "\ud800\x00"}}]}))
async def test_any_json_is_answered_and_kept_whole(served, whole):
    await taken(served, written(whole))
    items = parse(json.loads(written(whole)))
    held = [json.dumps(one, sort_keys=True) for one in await kept(served.runtime)]
    unread = [item for item in items if isinstance(item, Unread | Fault)]
    assert [item for item in unread if json.dumps(item.raw, sort_keys=True) not in held] == []


@fuzzed
@given(odd=st.lists(recorded() | JSON, max_size=3), told=st.lists(JSON, max_size=2), beside=JSON)
async def test_p01_whatever_stands_beside_it_a_good_message_is_stored(served, odd, told, beside):
    first, last, alone = (says("halo", sender="62811", wamid=f"wamid.g{next(_fresh)}") for _ in range(3))
    whole = delivery(value(first, statuses=[*told, status("wamid.s", "read")]), value(alone))
    whole["entry"][0]["changes"][0]["value"]["messages"] += [*odd, last]
    whole["entry"][0]["changes"].insert(0, beside)
    whole["entry"].insert(1, beside)
    await taken(served, written(whole))
    stored = await keys(served.runtime)
    for one in (first, last, alone):
        assert message_key(served.runtime, one["id"]) in stored


@fuzzed
@given(whole=st.lists(recorded(), min_size=1, max_size=3).map(together).flatmap(bent))
async def test_p01_every_message_that_can_be_read_is_stored(served, whole):
    body = written(whole)
    await taken(served, body)
    stored = await keys(served.runtime)
    readable = [item for item in parse(json.loads(body)) if isinstance(item, Message) and item.number_id == NUMBER
                and not isinstance(item.content, Reaction | NumberChanged | UserIdChanged)]
    lost = [item for item in readable if message_key(served.runtime, item.wamid) not in stored]
    assert lost == []


@fuzzed
@given(body=st.binary(max_size=200) | st.builds(
    lambda said, at, piece, cut: written(delivery(value(message(said))))[:cut][:at] + piece,
    st.sampled_from(RECORDED), st.integers(0, 500), st.binary(max_size=5), st.integers(0, 600)))
@example(body=b"[" * 100_000)
@example(body=b'{"entry":' * 20_000 + b"1" + b"}" * 20_000)
@example(body=b'{"entry":[' + b"[" * 900 + b"]" * 900 + b"]}")
@example(body=b'{"entry": ' + b"9" * 5000 + b"}")
@example(body=b"\xef\xbb\xbf{}")
@example(body='{"entry": []}'.encode("utf-16"))
@example(body=b"NaN")
@example(body=b"")
async def test_what_is_no_json_is_kept_sealed_byte_for_byte(served, body):
    await taken(served, body)
    try:
        json.dumps(json.loads(body))
    except (ValueError, RecursionError):
        assert body.decode("latin-1") in await kept(served.runtime)
        async with db.transaction(served.runtime.pool) as connection:
            sealed = (await connection.execute(select(whatsapp_events.c.body_enc))).scalars().all()
        assert len(body) < 4 or not any(body in one for one in sealed)


async def test_a_delivery_of_three_megabytes_is_taken_and_one_more_byte_is_not(served):
    client = await served.client()
    body = written(delivery(value(says("halo", wamid="wamid.big"))))
    whole = body[:-1] + b" " * (BODY_BYTES - len(body)) + b"}"
    assert len(whole) == BODY_BYTES
    assert (await post(client, whole)).status_code == 200
    assert message_key(served.runtime, "wamid.big") in await keys(served.runtime)
    assert (await post(client, whole + b" ")).status_code == 413


async def test_a_delivery_of_two_hundred_messages_is_stored_whole(served):
    client = await served.client()
    many = [says(f"pesan {n}", sender=f"6281{n % 7}", wamid=f"wamid.m{n}") for n in range(200)]
    answered = await client.post("/webhooks/whatsapp", content=(body := written(delivery(value(*many)))), timeout=120,
                                 headers={"X-Hub-Signature-256": sign(body)})
    assert answered.json() == {"received": 200}
    assert len(await keys(served.runtime)) == 200

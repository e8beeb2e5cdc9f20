"""Reading what Meta posts: every type, every element, nothing that breaks it."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.channels.whatsapp.payload import (
    Cards,
    Fault,
    Media,
    Message,
    Notice,
    NumberChanged,
    Place,
    Reaction,
    Status,
    Tap,
    Text,
    Unread,
    Unreadable,
    UserIdChanged,
    parse,
)
from handoff.domain.delivering import furthest
from tests.support.whatsapp import NAMES, NUMBER, REACTION, SAID, SENDER, SYSTEM, delivery, message, says, status, value

EXPECTED = {
    "text": Text("ktp sy ilang"),
    "button reply": Tap("topic:ktp_hilang", "KTP hilang"),
    "list reply": Tap("topic:kk_baru", "KK baru"),
    "template reply": Tap("confirm:1", "Sudah selesai"),
    "image": Media("image", "65463453", "image/jpeg", "4654+8g=", "", "", False),
    "document": Media("document", "65463453", "application/pdf", "4654+8g=", "surat.pdf", "surat dari RT", False),
    "voice": Media("audio", "65463453", "audio/ogg; codecs=opus", "4654+8g=", "", "", True),
    "audio": Media("audio", "65463453", "audio/mpeg", "4654+8g=", "", "", False),
    "video": Media("video", "65463453", "video/mp4", "4654+8g=", "", "jalan rusak", False),
    "sticker": Media("sticker", "65463453", "image/webp", "4654+8g=", "", "", False),
    "location": Place(-7.8, 110.4, "Balai desa, Jalan Melati 1"),
    "contacts": Cards(("Pak RT, +62 811",)),
    "unsupported": Unreadable("unsupported"),
    "from the future": Unreadable("hologram"),
}


@pytest.mark.parametrize("name", SAID)
def test_every_type_is_read(name):
    (item,) = parse(delivery(value(message(SAID[name], wamid="wamid.x"), user_id="ID.77")))
    assert isinstance(item, Message)
    assert item.content == EXPECTED[name]
    assert (item.number_id, item.wamid, item.wa_id, item.user_id) == (NUMBER, "wamid.x", SENDER, "ID.77")
    assert item.sent_at == datetime.fromtimestamp(1795575600, UTC)
    assert item.quoted == SAID[name].get("context", {}).get("id", "")


@pytest.mark.parametrize(("said", "content"), [
    (REACTION, Reaction("wamid.ours", "\U0001f44d")),
    ({"type": "reaction", "reaction": {"message_id": "wamid.ours", "emoji": ""}}, Reaction("wamid.ours", "")),
    ({"type": "reaction", "reaction": {"message_id": "wamid.ours"}}, Reaction("wamid.ours", "")),
    (SYSTEM, NumberChanged("628999")),
    ({"type": "system", "system": {"type": "customer_identity_changed", "wa_id": SENDER}},
     Notice("customer_identity_changed")),
    ({"type": "system"}, Notice("")),
    ({"type": "text", "text": {"body": 5}}, Unreadable("text")),
    ({"type": "text", "text": []}, Unreadable("text")),
    ({"type": "text", "text": {"body": "\ud800\x00 "}}, Unreadable("text")),
    ({"type": "image", "image": {"mime_type": "image/png"}}, Unreadable("image")),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, Unreadable("location")),
    ({"type": "location", "location": {"latitude": True, "longitude": "0"}}, Unreadable("location")),
    ({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {}}}, Unreadable("interactive")),
    ({"type": ["text"]}, Unreadable("unknown")),
    ({}, Unreadable("unknown")),
])
def test_what_does_not_fit_costs_only_itself(said, content):
    before, odd, after = parse(delivery(value(says("satu"), message(said), says("dua"))))
    assert (before.content, odd.content, after.content) == (Text("satu"), content, Text("dua"))


def test_who_sends_is_known_by_number_by_id_or_by_the_only_contact():
    told = {"type": "system", "id": "wamid.y", "timestamp": "1795575600", "system": {
        "type": "user_changed_user_id", "previous_user_id": "CO.1", "user_id": "MX.2"}}
    (changed,) = parse(delivery(value(told)))
    assert (changed.wa_id, changed.user_id, changed.content) == ("", "CO.1", UserIdChanged("CO.1", "MX.2"))
    nameless = says("halo") | {"from": None}
    given = value(nameless) | {"contacts": [{"user_id": "ID.5"}]}
    assert [(m.wa_id, m.user_id) for m in parse(delivery(given))] == [("", "ID.5")]


def test_a_status_tells_what_we_sent_along_and_why_it_failed():
    ok, bad = parse(delivery(value(statuses=[status("wamid.a", "delivered", "ticket"),
                                             status("wamid.a", "failed", code=131047)])))
    assert isinstance(ok, Status)
    assert (ok.status, ok.ticket, ok.code) == ("delivered", "ticket", None)
    assert (bad.status, bad.code, bad.details) == ("failed", 131047, f"to {SENDER}")


def test_every_element_of_every_level_counts():
    given = delivery(value(says("a"), says("b"), statuses=[status("w", "sent")]), value(says("c")),
                     value(errors=[{"code": 130429, "title": "limit"}]))
    given["entry"][0]["changes"].append({"field": "account_update", "value": {"event": "x"}})
    kinds = [type(item) for item in parse(given)]
    assert kinds == [Message, Message, Status, Unread, Message, Fault]


@pytest.mark.parametrize(("given", "reason"), [
    (None, "no_entries"), ([], "no_entries"), ({"entry": {}}, "no_entries"), ({"entry": [3]}, "no_changes"),
    ({"entry": [{"changes": [3]}]}, "other_field"), (delivery(None), "other_field"), (delivery({}), "empty_change"),
    (delivery({"messages": {}}), "no_list_of_messages"), (delivery(value(7)), "message_without_address"),
    (delivery(value(statuses=[{}])), "status_without_id"),
    (delivery(value(says("a", wamid="w" * 600))), "message_without_address"),
])
def test_what_cannot_be_taken_apart_says_why(given, reason):
    assert [item.reason for item in parse(given)] == [reason]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["messages", "text", NUMBER]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
    max_leaves=30,
)


@st.composite
def damaged(draw):
    """A real delivery in which one place holds something else."""
    whole = copy.deepcopy(delivery(value(*(message(SAID[name]) for name in draw(
        st.lists(st.sampled_from(sorted(SAID)), min_size=1, max_size=3))), statuses=[status("w", "read")])))
    here = whole
    while True:
        keys = sorted(here) if isinstance(here, dict) else list(range(len(here)))
        key = draw(st.sampled_from(keys))
        deeper = isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 5))
        if not deeper:
            here[key] = draw(JSON)
            return whole
        here = here[key]


@settings(max_examples=300, deadline=None)
@given(JSON | damaged())
def test_reading_never_fails_and_loses_no_element(whole):
    items = parse(whole)
    assert items or whole.get("entry") == [] or all(e.get("changes") == [] for e in whole["entry"])
    kept = json.dumps([item.raw for item in items])
    for text in ("jalan rusak", "Pak RT", "ktp sy ilang"):  # what is still in it is in some item
        assert json.dumps(whole).count(text) <= kept.count(text)


@settings(max_examples=100, deadline=None)
@given(st.permutations(["sent", "delivered", "read", "failed", "sent", "delivered"]))
def test_a_message_only_comes_further_in_whatever_order_it_is_told(reports):
    stands = ["stored"]
    for report in reports:
        stands.append(furthest(stands[-1], report))
    ranks = [("stored", "sent", "failed", "delivered", "read").index(s) for s in stands]
    assert ranks == sorted(ranks)
    assert stands[-1] == "read"
    assert furthest("withheld", "read") == "withheld"
    assert furthest("sent", "deleted") == "sent"

"""What each kind of WhatsApp message does, in the shapes that were recorded: from the webhook to officer or bot.

Files have theirs in test_media, a thumb down and a button that was offered in test_sending and test_webhook.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from handoff.channels.whatsapp import intake, sending
from handoff.services.case import verbs
from handoff.services.post import sending as dispatching
from handoff.services.talk import turn
from handoff.services.views import desk
from handoff.store import db
from handoff.store.schema import messages
from handoff.store.schema_whatsapp import whatsapp_events
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen, answers
from tests.support.graph import StandIn
from tests.support.line import writes
from tests.support.office import officer_row
from tests.support.whatsapp import REACTION, SAID, SENDER, SYSTEM, delivery, message, says, status, value

# What a message does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"]),
              pytest.mark.usefixtures("no_pace")]
NEW = "628999"  # the number that SYSTEM announces


async def comes(runtime: Any, *given: dict[str, Any]) -> None:
    """Meta posts these elements of `messages[]`, twice."""
    for _ in range(2):
        await intake.take_in(runtime, whatsapp.written(delivery(value(*given))))


async def sends(runtime: Any, name: str) -> Citizen:
    """The recorded message of that name from somebody new."""
    await comes(runtime, message(SAID[name], wamid="wamid.first"))
    async with db.transaction(runtime.pool) as connection:
        return Citizen(runtime, (await connection.execute(select(messages.c.conversation_id))).scalar_one())


async def posted(runtime: Any, graph: Any, citizen: Citizen) -> None:
    """Everything that is due is at Meta."""
    await dispatching.dispatch(runtime, citizen.id)
    await sending.post_due(runtime, graph, citizen.id)


def choice(api: StandIn, kind: str, title: str) -> dict[str, Any]:
    """The newest list row or button with that title, as its tap comes back."""
    for one in reversed(api.accepted):
        said = one.get("interactive", {"type": "", "action": {}})
        rows = [row for section in said["action"].get("sections", []) for row in section["rows"]]
        rows += [button["reply"] for button in said["action"].get("buttons", [])]
        for row in rows:
            if row["title"].startswith(title):
                return {"type": "interactive", "context": {"from": "62211500", "id": one["wamid"]},
                        "interactive": {"type": kind, kind: row}}
    raise AssertionError(title)


async def test_a_text_is_a_question_to_the_bot(runtime, graph, api):
    citizen = await sends(runtime, "text")
    question = await turn._next(runtime, citizen.id)
    assert question is not None
    assert question.text == "ktp sy ilang"
    await citizen.hears(answers("ktp_hilang"))
    await posted(runtime, graph, citizen)
    assert any("KTP" in text for text in api.texts)
    assert await citizen.fates() == ["answer"]


@pytest.mark.parametrize("name", ["button reply", "list reply", "template reply"])
async def test_a_tap_that_was_not_offered_here_is_asked_as_its_title(runtime, graph, api, name):
    citizen = await sends(runtime, name)
    question = await turn._next(runtime, citizen.id)
    assert question is not None
    assert question.text == {"button reply": "KTP hilang", "list reply": "KK baru",
                             "template reply": "Sudah selesai"}[name]


async def test_a_row_of_a_list_is_what_it_offered(runtime, graph, api):
    citizen = await sends(runtime, "text")
    await citizen.hears(UNSURE)
    await posted(runtime, graph, citizen)
    row = choice(api, "list_reply", "Batalkan kasus")
    assert row["interactive"]["type"] == "list_reply"
    await comes(runtime, message(row, wamid="wamid.row"))
    await turn.drain(runtime, citizen.id)
    assert (await citizen.case()).closed_reason == "withdrawn"
    assert await citizen.fates() == ["new_case", "command"]


async def test_p05_a_quick_reply_under_a_template_closes_as_a_button_does(runtime, graph, api):
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.take_over(runtime, officer, case.id)
    await verbs.propose(runtime, officer, case.id, "KTP sudah diserahkan.", cause="delay")
    offered = next(b for m in await citizen.sees() for b in m["buttons"] if b["payload"].startswith("confirm:"))
    tapped = {"type": "button", "context": {"from": "62211500", "id": "wamid.ours"},
              "button": {"payload": offered["payload"], "text": offered["title"]}}
    await comes(runtime, message(tapped, wamid="wamid.quick"))
    await turn.drain(runtime, citizen.id)
    assert ((await citizen.case()).status, (await citizen.case()).closed_reason) == ("closed", "confirmed")


@pytest.mark.parametrize(("name", "shown"), [
    ("location", "Balai desa, Jalan Melati 1"), ("contacts", "Pak RT, +62 811"),
    ("unsupported", "tidak bisa ditampilkan"), ("from the future", "tidak bisa ditampilkan"),
])
async def test_p03_what_only_a_person_can_read_opens_a_case_in_which_it_stands(runtime, graph, api, name, shown):
    citizen = await sends(runtime, name)
    await turn.drain(runtime, citizen.id)
    case = await citizen.case()
    assert case.reason == "unreadable_message"
    assert await citizen.fates() == ["new_case"]
    seen = (await desk.case_in_full(runtime, await officer_row(runtime, case.officer_id), case.number))["messages"][0]
    assert shown in seen["text"]
    if name == "location":
        assert seen["location"] == {"latitude": -7.8, "longitude": 110.4}
    await posted(runtime, graph, citizen)
    assert case.number in api.texts[-1]


@pytest.mark.parametrize("emoji", ["\U0001f44d", "", None])
async def test_a_reaction_that_means_nothing_to_us_is_kept_and_asks_nobody(runtime, graph, api, emoji):
    citizen = await sends(runtime, "text")
    await citizen.hears(answers("ktp_hilang"))
    await posted(runtime, graph, citizen)
    reaction = {"message_id": api.accepted[-1]["wamid"]} | ({"emoji": emoji} if emoji is not None else {})
    await comes(runtime, message({**REACTION, "reaction": reaction}, wamid="wamid.reaction"))
    assert await citizen.fates() == ["answer"]
    async with db.transaction(runtime.pool) as connection:
        kept = (await connection.execute(select(whatsapp_events))).one()
    assert (kept.kind, kept.conversation_id) == ("reaction", citizen.id)


async def test_an_error_of_the_number_is_told_to_the_operator(runtime, caplog):
    given = delivery(value(errors=[{"code": 130429, "title": "Rate limit hit", "message": f"to {SENDER}",
                                    "error_data": {"details": "too many"}}]))
    for _ in range(2):
        await intake.take_in(runtime, whatsapp.written(given))
    assert "130429" in caplog.text
    assert SENDER not in caplog.text
    async with db.transaction(runtime.pool) as connection:
        kept = (await connection.execute(select(whatsapp_events))).one()
    assert (kept.kind, kept.code) == ("fault", 130429)


# --- another number ---------------------------------------------------------------------------------------------------


async def test_p01_who_changes_the_number_keeps_case_and_conversation_and_is_reached_there(runtime, graph, api):
    """What waits goes to the new number, statuses of what was sent before still count, and the next owner of the old
    number sees nothing of it."""
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await posted(runtime, graph, citizen)
    before = list(api.accepted)
    await comes(runtime, message(SYSTEM, wamid="wamid.system"))
    api.open_for = {NEW}
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    await verbs.reply(runtime, officer, case.id, "Berkas Anda sudah lengkap.")
    await posted(runtime, graph, citizen)
    (reply,) = api.accepted[len(before):]
    assert reply["to"] == NEW
    for one in (*before, reply):  # statuses are told for the number each was sent to
        told = delivery(value(statuses=[status(one["wamid"], "read", one["biz_opaque_callback_data"])]))
        await intake.take_in(runtime, whatsapp.written(told))
    assert {m["delivery"] for m in await citizen.sees() if m["author"] != "citizen"} == {"read"}
    await comes(runtime, says("terima kasih bu", sender=NEW, wamid="wamid.new"))
    await turn.drain(runtime, citizen.id)
    assert await citizen.fates() == ["new_case", "case"]

    api.open_for.add(SENDER)
    await comes(runtime, says("halo, ini nomor baru saya", sender=SENDER, wamid="wamid.stranger"))
    async with db.transaction(runtime.pool) as connection:
        other = Citizen(runtime, (await connection.execute(select(messages.c.conversation_id).where(
            messages.c.conversation_id != citizen.id))).scalar_one())
    assert [m["text"] for m in await other.sees()] == ["halo, ini nomor baru saya"]
    await other.hears(UNSURE)
    assert (await other.case()).number != case.number
    await posted(runtime, graph, other)
    assert case.number not in api.texts[-1]
    await verbs.reply(runtime, officer, case.id, "Besok bisa diambil.")
    await posted(runtime, graph, citizen)
    assert api.accepted[-1]["to"] == NEW


async def test_a_number_given_to_who_wrote_before_from_another_one_ends_the_older_conversation(runtime, graph, api):
    """Budi moves to a number from which somebody else wrote before: that somebody's conversation is not his."""
    first = await writes(runtime, "saya pemilik lama", sender=NEW)
    second = await writes(runtime, "saya Budi")
    await comes(runtime, message(SYSTEM, wamid="wamid.system"))
    await comes(runtime, says("saya Budi, nomor baru", sender=NEW, wamid="wamid.new"))
    assert [m["text"] for m in await first.sees()] == ["saya pemilik lama"]
    assert [m["text"] for m in await second.sees()] == ["saya Budi", "saya Budi, nomor baru"]

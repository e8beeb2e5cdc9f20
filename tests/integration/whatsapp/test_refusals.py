"""What becomes of a message, a template and a file for every refusal that there is: one table."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from handoff.channels.whatsapp import intake, media, sending
from handoff.channels.whatsapp.graph import Graph
from handoff.store import db
from handoff.store.schema_whatsapp import whatsapp_invitations, whatsapp_media, whatsapp_sends, whatsapp_stops
from tests.support import whatsapp
from tests.support.graph import StandIn
from tests.support.line import case_and_silence, later, replies, stands, tells, told, writes
from tests.support.office import picture
from tests.support.whatsapp import delivery, message, value

# What a channel sends does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]

AGAIN, WINDOW, FAILED, STOP = "again", "window", "failed", "stop"
LINE = (0, None)  # the line breaks, and nobody knows whether it was carried out
CLOSED = (1, None)  # it was never reached
UNKNOWN = "unknown"

# (HTTP status, code): what becomes of a message, of a template, of a file that is asked for as often as makes sense.
# Refused without a code it is the file's address, which is good for minutes only.
TABLE: dict[tuple[int, int | None], tuple[str, str, str]] = {
    (400, 130429): (AGAIN, AGAIN, AGAIN), (429, 130429): (AGAIN, AGAIN, AGAIN),
    (400, 131056): (AGAIN, AGAIN, AGAIN), (429, 131056): (AGAIN, AGAIN, AGAIN),
    (400, 131047): (WINDOW, FAILED, FAILED),
    (400, 131026): (FAILED, FAILED, FAILED),
    (400, 131048): (FAILED, FAILED, FAILED), (400, 131049): (FAILED, FAILED, FAILED),
    (400, 130472): (FAILED, FAILED, FAILED),
    (500, 131000): (AGAIN, AGAIN, AGAIN), (400, 131000): (AGAIN, AGAIN, AGAIN), (400, 131016): (AGAIN, AGAIN, AGAIN),
    (500, 1): (AGAIN, AGAIN, AGAIN), (400, 1): (AGAIN, AGAIN, AGAIN), (503, 2): (AGAIN, AGAIN, AGAIN),
    (400, 80007): (AGAIN, AGAIN, AGAIN),
    (401, 190): (STOP, STOP, STOP), (401, 0): (STOP, STOP, STOP), (400, 3): (STOP, STOP, STOP),
    (403, 10): (STOP, STOP, STOP), (403, 200): (STOP, STOP, STOP), (400, 250): (STOP, STOP, STOP),
    (403, 299): (STOP, STOP, STOP), (403, 131031): (STOP, STOP, STOP), (400, 368): (STOP, STOP, STOP),
    (403, 131005): (STOP, STOP, STOP), (400, 131042): (STOP, STOP, STOP), (400, 131045): (STOP, STOP, STOP),
    (400, 133010): (STOP, STOP, STOP), (400, 131057): (AGAIN, AGAIN, AGAIN), (400, 133004): (AGAIN, AGAIN, AGAIN),
    (400, 100): (FAILED, FAILED, FAILED), (400, 131008): (FAILED, FAILED, FAILED),
    (400, 131009): (FAILED, FAILED, FAILED),
    (404, 132000): (FAILED, FAILED, FAILED), (404, 132001): (FAILED, FAILED, FAILED),
    (400, 132015): (FAILED, FAILED, FAILED), (400, 132999): (FAILED, FAILED, FAILED),
    (400, 999999): (FAILED, FAILED, FAILED), (404, 4711): (FAILED, FAILED, FAILED),
    (500, 999999): (AGAIN, AGAIN, AGAIN), (429, 999999): (AGAIN, AGAIN, AGAIN),
    (500, None): (AGAIN, AGAIN, AGAIN), (502, None): (AGAIN, AGAIN, AGAIN), (503, None): (AGAIN, AGAIN, AGAIN),
    (429, None): (AGAIN, AGAIN, AGAIN), (401, None): (STOP, STOP, AGAIN), (400, None): (FAILED, FAILED, FAILED),
    LINE: (UNKNOWN, UNKNOWN, AGAIN), CLOSED: (AGAIN, AGAIN, AGAIN),
}


@pytest.fixture
async def nowhere(settings):
    """A client of an API that nobody serves."""
    graph = Graph(dataclasses.replace(settings.whatsapp, api_url="http://127.0.0.1:9"))
    yield graph
    await graph.close()


def refuse(api: StandIn, refusal: tuple[int, int | None]) -> None:
    """The next request is answered so."""
    api.breaks, api.troubles = int(refusal == LINE), [] if refusal in (LINE, CLOSED) else [refusal]


async def became(runtime: Any, table: Any, *which: Any) -> str:
    """What became of the only such row of the table; and the numbers are well again."""
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(
            select(table, func.clock_timestamp().label("now")).where(*which))).one()
        stopped = (await connection.execute(select(whatsapp_stops.c.code))).all()
        await connection.execute(whatsapp_stops.delete())
        await connection.execute(text(
            "UPDATE whatsapp_paces SET free_at = clock_timestamp(), slowed = 0, slowed_at = NULL"))
    if stopped:
        assert row.state == "waiting"
        return STOP
    if row.state == "waiting":
        return WINDOW if row.due_at > row.now + timedelta(days=1) else AGAIN
    return {"failed": FAILED, "sending": UNKNOWN}.get(row.state, row.state)


async def test_what_becomes_of_a_message(runtime, graph, nowhere, api):
    found: dict[Any, str] = {}
    for n, refusal in enumerate(TABLE):
        sender = f"6281{n:04}"
        citizen = await writes(runtime, "halo", sender=sender)
        api.open_for.add(sender)
        await tells(runtime, citizen.id, "satu")
        refuse(api, refusal)
        await sending.post_due(runtime, nowhere if refusal == CLOSED else graph, citizen.id)
        found[refusal] = await became(runtime, whatsapp_sends, whatsapp_sends.c.conversation_id == citizen.id)
    assert found == {refusal: message for refusal, (message, _, _) in TABLE.items()}


async def test_what_becomes_of_a_template(runtime, graph, nowhere, api, clock):
    citizen, case, officer = await case_and_silence(runtime, graph, api, clock)
    await replies(runtime, citizen, officer, case, "Berkas Anda sudah lengkap.")
    own = whatsapp_invitations.c.template == "balasan_petugas"  # where it is missing, the plain one goes out beside it
    found: dict[Any, str] = {}
    for refusal in TABLE:
        await later(runtime, 60)
        refuse(api, refusal)
        await sending.post_due(runtime, nowhere if refusal == CLOSED else graph, citizen.id)
        found[refusal] = await became(runtime, whatsapp_invitations, own)
        assert (await stands(runtime))[-1] == "waiting_window"  # the text waits whatever becomes of the template
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(whatsapp_invitations).where(own).values(
                state="waiting", due_at=func.clock_timestamp(), tries=0, delivery="stored"))
    assert found == {refusal: template for refusal, (_, template, _) in TABLE.items()}


async def test_what_becomes_of_a_file(runtime, graph, nowhere, api):
    api.holds("77", picture())
    found: dict[Any, str] = {}
    for n, refusal in enumerate(TABLE):
        said = {"type": "image", "image": {"id": "77", "mime_type": "image/png", "sha256": ""}}
        await intake.take_in(runtime, whatsapp.written(delivery(value(message(said, sender=f"6281{n:04}")))))
        async with db.transaction(runtime.pool) as connection:
            row = (await connection.execute(select(whatsapp_media).where(whatsapp_media.c.state == "waiting")
                                            .order_by(whatsapp_media.c.due_at.desc()).limit(1))).one()
        for _ in range(media.REFUSALS):
            refuse(api, refusal)
            await media.fetch(runtime, nowhere if refusal == CLOSED else graph, row.message_id)
            async with db.transaction(runtime.pool) as connection:
                await connection.execute(update(whatsapp_media).where(whatsapp_media.c.state == "waiting").values(
                    due_at=func.clock_timestamp()))
        outcome = await became(runtime, whatsapp_media, whatsapp_media.c.message_id == row.message_id)
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(update(whatsapp_media).values(state="failed"))
        found[refusal] = outcome
    assert found == {refusal: file for refusal, (_, _, file) in TABLE.items()}


@pytest.mark.parametrize(("code", "stands_then", "said_then"), [
    (131000, "sent", ["satu", "satu"]), (131026, "failed", ["satu"]), (131049, "failed", ["satu"]),
    (999999, "failed", ["satu"]), (131031, "sent", ["satu", "satu"]),
])
async def test_a_failure_that_is_reported_later_is_treated_alike(runtime, graph, api, code, stands_then, said_then):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    await sending.post_due(runtime, graph, citizen.id)
    ticket = api.accepted[0]["biz_opaque_callback_data"]
    for name in ("failed", "sent", "failed"):  # late, twice, out of order
        one = whatsapp.status("wamid.out1", name, ticket, code if name == "failed" else None)
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))
    await later(runtime, 301)
    await sending.post_due(runtime, graph, citizen.id)
    assert api.texts == said_then
    assert (await stands(runtime))[-1] == stands_then


async def test_what_came_to_hand_came_to_hand_whatever_failure_is_reported_later(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    await sending.post_due(runtime, graph, citizen.id)
    await told(runtime, api, names=("delivered",))
    failed = whatsapp.status("wamid.out1", "failed", api.accepted[0]["biz_opaque_callback_data"], 131000)
    await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[failed]))))
    await later(runtime, 301)
    await sending.post_due(runtime, graph, citizen.id)
    assert (api.texts, await stands(runtime)) == (["satu"], ["delivered"])


async def test_a_line_that_is_down_and_a_number_that_is_crowded_give_no_message_up(runtime, graph, nowhere, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    api.troubles = [(400, 80007)] * 15
    for asked in [nowhere, graph] * 15:
        assert await sending.post_due(runtime, asked, citizen.id) is not None
        await later(runtime, 3600)
    assert (len(api.refused), api.troubles) == (15, [])
    await sending.post_due(runtime, graph, citizen.id)
    assert (api.texts, await stands(runtime)) == (["satu"], ["sent"])


async def test_nothing_is_tried_for_ever(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    api.troubles = [(500, 131000)] * 50
    while await sending.post_due(runtime, graph, citizen.id) is not None:
        await later(runtime, 3600)
    assert len(api.refused) == 12
    assert await stands(runtime) == ["failed"]


async def test_a_file_that_is_refused_for_the_token_stops_the_number_and_one_that_came_starts_it_again(
    runtime, graph, api
):
    api.holds("77", picture())
    said = {"type": "image", "image": {"id": "77", "mime_type": "image/png", "sha256": ""}}
    await intake.take_in(runtime, whatsapp.written(delivery(value(message(said)))))
    api.token = "a new one"
    await media.fetch_overdue(runtime, graph)
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_stops.c.code))).scalars().all() == [190]
        await connection.execute(update(whatsapp_media).values(due_at=func.clock_timestamp()))
    api.token = "token"
    await media.fetch_overdue(runtime, graph)
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(whatsapp_media.c.state))).scalar_one() == "stored"
        assert (await connection.execute(select(whatsapp_stops))).all() == []


async def test_an_error_that_is_reported_for_the_number_stops_it(runtime, graph, api):
    citizen = await writes(runtime, "halo")
    await tells(runtime, citizen.id, "satu")
    fault = value(errors=[{"code": 131031, "title": "locked", "message": "locked"}])
    await intake.take_in(runtime, whatsapp.written(delivery(fault)))
    assert (await sending.post_due(runtime, graph, citizen.id) or 0) > 200
    assert api.accepted == []

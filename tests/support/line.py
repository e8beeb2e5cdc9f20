"""A line of WhatsApp between an office and Budi's telephone, in the process of the test: both its ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from handoff.channels.whatsapp import intake, sending
from handoff.services.case import verbs
from handoff.services.post import outbox as outgoing
from handoff.services.post import sending as dispatching
from handoff.services.post.outbox import Outgoing
from handoff.services.talk import ownership
from handoff.store import db
from handoff.store.schema import messages
from tests.support import whatsapp
from tests.support.citizen import UNSURE, Citizen
from tests.support.graph import StandIn
from tests.support.office import officer_row
from tests.support.whatsapp import SENDER, delivery, says, value


async def writes(runtime: Any, said: str, sender: str = SENDER, **more: Any) -> Citizen:
    """A citizen writes over WhatsApp; nobody has looked at it yet."""
    await intake.take_in(runtime, whatsapp.written(delivery(value(says(said, sender=sender, **more)))))
    async with db.transaction(runtime.pool) as connection:
        found = (await connection.execute(select(messages.c.conversation_id).order_by(
            messages.c.stored_at.desc()).limit(1))).scalar_one()
    return Citizen(runtime, found)


async def tells(runtime: Any, conversation: UUID, *texts: str, **more: Any) -> None:
    """The office says something."""
    async with db.transaction(runtime.pool) as connection:
        row = await ownership.lock(connection, conversation)
        await outgoing.store(runtime, connection, row, [Outgoing("system", one, **more) for one in texts])
    await dispatching.dispatch(runtime, conversation)


CHOICE = ({"title": "Ya", "payload": "topic:ktp_hilang"},)  # with a choice under it a message stands for itself


async def stands(runtime: Any) -> list[str]:
    """How far each message of ours has come, in order."""
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(messages.c.delivery).where(messages.c.author != "citizen").order_by(messages.c.seq)
        )).scalars())


async def told(runtime: Any, api: StandIn, **more: Any) -> None:
    """Meta reports."""
    for one in api.reports(**more):
        await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[one]))))


async def later(runtime: Any, seconds: float) -> None:
    """The claims and pauses were that much earlier."""
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(text(
            "UPDATE whatsapp_sends SET claimed_at = claimed_at - make_interval(secs => :s),"
            " due_at = due_at - make_interval(secs => :s)"), {"s": seconds})
        await connection.execute(text("UPDATE whatsapp_stops SET until = until - make_interval(secs => :s)"),
                                 {"s": seconds})
        await connection.execute(text(
            "UPDATE whatsapp_paces SET free_at = free_at - make_interval(secs => :s),"
            " slowed_at = slowed_at - make_interval(secs => :s)"), {"s": seconds})


async def case_and_silence(runtime: Any, graph: Any, api: Any, clock: Any) -> tuple[Citizen, Any, Any]:
    """A citizen with a case who has not written for a day; Meta knows it too."""
    citizen = await writes(runtime, "mau bicara sama petugas")
    await citizen.hears(UNSURE)
    await sending.post_due(runtime, graph, citizen.id)
    case = await citizen.case()
    clock.forward(timedelta(hours=24))
    api.open_for.clear()
    api.accepted.clear()
    return citizen, case, await officer_row(runtime, case.officer_id)


async def replies(runtime: Any, citizen: Citizen, officer: Any, case: Any, words: str) -> None:
    await verbs.reply(runtime, officer, case.id, words)
    await dispatching.dispatch(runtime, citizen.id)


async def reports(runtime: Any, api: Any, name: str, template: str) -> None:
    """Meta reports what became of a template."""
    for one in api.accepted:
        if one["type"] == "template" and one["template"]["name"] == template:
            told = whatsapp.status(one["wamid"], name, one["biz_opaque_callback_data"])
            await intake.take_in(runtime, whatsapp.written(delivery(value(statuses=[told]))))


def names(api: Any) -> list[str]:
    """The templates that arrived, in order."""
    return [one["template"]["name"] for one in api.accepted if one["type"] == "template"]

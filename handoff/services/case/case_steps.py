"""What a citizen may see happening in a case: its steps in words, and the buttons that can still be pressed.

The words stand in `texts.yml` under `steps`: an event without a sentence there is the office's own and not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, and_, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Status
from handoff.services.case.cases import Facts
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal_json
from handoff.store.schema import conversations, messages, officers
from handoff.store.schema_record import case_events

SAID_BY_CITIZEN = "citizen_message"
#: What of an event's words is the citizen's to read.
TOLD = ("why", "office", "sent", "reference", "unit_name", "because", "into", "permanent",
        "stars", "comment")


@dataclass(frozen=True)
class Step:
    """One thing that happened, in one sentence."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Doings:
    """A case's steps, the oldest first, and its buttons: the two answers to a proposal, one to five for how a closed
    case was handled, and the others."""

    steps: tuple[Step, ...]
    answers: tuple[dict[str, str], ...]
    others: tuple[dict[str, str], ...]
    stars: tuple[dict[str, str], ...]


async def doings(runtime: Runtime, facts: Facts) -> Doings:
    """What happened in the case and what its citizen can do now."""
    async with db.transaction(runtime.pool) as connection:
        conversation = (await connection.execute(
            select(conversations).where(conversations.c.id == facts.row.conversation_id)
        )).one()
        steps = await _steps(runtime, connection, facts, conversation.data_key_id)
        offered = (await connection.execute(
            select(messages.c.buttons).where(
                messages.c.conversation_id == conversation.id, messages.c.author != "citizen",
                messages.c.kind != "note", messages.c.delivery != "withheld",
            ).order_by(messages.c.seq)
        )).scalars().all()
    buttons = _pressable(offered, facts, with_officer=conversation.owner_officer_id is not None)
    answers = tuple(b for b in buttons if _kind(b) in ("confirm", "not_yet"))
    stars = tuple(b for b in buttons if _kind(b) == "rate")
    return Doings(steps, answers, tuple(b for b in buttons if b not in answers and b not in stars), stars)


async def _steps(runtime: Runtime, connection: AsyncConnection, facts: Facts, key_id: UUID) -> tuple[Step, ...]:
    actor = officers.alias("actor")
    rows: Sequence[Row[Any]] = (await connection.execute(
        select(case_events, actor.c.name.label("actor_name"), actor.c.title.label("actor_title"))
        .outerjoin(actor, and_(case_events.c.actor_kind == "officer", cast(actor.c.id, Text) == case_events.c.actor_id))
        .where(case_events.c.case_id == facts.id).order_by(case_events.c.seq)
    )).all()
    try:
        data_key = await runtime.keyring.open(connection, key_id)
    except ContentGone:
        data_key = None  # erased at the citizen's wish: that something happened stays, the details are gone
    rows = [row for row in rows if f"steps.{row.type}" in runtime.texts]
    bodies = [unseal_json(data_key, row.id, row.body_enc) if data_key is not None else {} for row in rows]
    named = await _named(connection, bodies)
    return tuple(_told(runtime, facts, row, body, named) for row, body in _without_repeats(rows, bodies))


def _without_repeats(
    rows: Iterable[Row[Any]], bodies: Iterable[dict[str, Any]]
) -> list[tuple[Row[Any], dict[str, Any]]]:
    """Of several messages of the citizen in a row the first one is enough: the talk shows them all."""
    kept: list[tuple[Row[Any], dict[str, Any]]] = []
    for row, body in zip(rows, bodies, strict=True):
        if not (row.type == SAID_BY_CITIZEN and kept and kept[-1][0].type == SAID_BY_CITIZEN):
            kept.append((row, body))
    return kept


async def _named(connection: AsyncConnection, bodies: Iterable[dict[str, Any]]) -> Mapping[str, Any]:
    """The officers whom the events name, by id."""
    wanted = {UUID(body["officer_id"]) for body in bodies if body.get("officer_id")}
    rows = (await connection.execute(
        select(officers.c.id, officers.c.name, officers.c.title).where(officers.c.id.in_(wanted))
    )).all()
    return {str(row.id): row for row in rows}


def _told(
    runtime: Runtime, facts: Facts, row: Row[Any], body: dict[str, Any], named: Mapping[str, Any]
) -> Step:
    """The step as a sentence: who did it, or who was named in it."""
    doer = {"name": row.actor_name, "title": row.actor_title} if row.actor_name else None
    times = {name: datetime.fromisoformat(body[name]) for name in ("respond_by", "resolve_by", "due_at", "counted_at")
             if body.get(name)}
    clock = runtime.texts.say(f"notices.what.{body['clock']}") if body.get("clock") else ""
    said = runtime.texts.say(
        f"steps.{row.type}", officer=named.get(str(body.get("officer_id"))) or doer, unit=facts.unit,
        respond_by=times.get("respond_by"), resolve_by=times.get("resolve_by"), due_at=times.get("due_at"), clock=clock,
        counted_at=times.get("counted_at"),
        number=facts.row.number,
        ask_again_on=date.fromisoformat(body["ask_again_on"]) if body.get("ask_again_on") else None,
        **{name: body.get(name) for name in TOLD},
    )
    return Step(row.at, " ".join(said.split()))


def _kind(button: Mapping[str, str]) -> str:
    return button["payload"].partition(":")[0]


def _pressable(
    offered: Iterable[list[dict[str, str]] | None], facts: Facts, *, with_officer: bool
) -> tuple[dict[str, str], ...]:
    """The newest button of each kind that means something now. A button on the case stays as long as its state allows
    it; any other (a topic, a dispute) only as long as nothing was said after it."""
    on_case = {
        "confirm": facts.row.status == Status.resolution_proposed,
        "not_yet": facts.row.status == Status.resolution_proposed,
        "withdraw": facts.state.is_open and facts.row.status != Status.resolution_proposed,
        "bot_again": facts.state.is_open and with_officer,
        "unhelpful_reply": facts.state.is_open,
        "complain": facts.state.is_open,
        "reopen": not facts.state.is_open,
    }
    possible = on_case | {"rate": not facts.state.is_open}
    found: dict[str, dict[str, str]] = {}
    for buttons in offered:
        found = {key: button for key, button in found.items() if key in on_case}
        for button in buttons or ():
            kind = _kind(button)
            if possible.get(kind, True):
                found[kind if kind in on_case else button["payload"]] = button
    return tuple(found.values())

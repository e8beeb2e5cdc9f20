"""A case as it stands: reading it, writing what became of it, giving it to another officer. How a message comes to a
case: `services.case.taking`.

Every function here that writes is part of a transaction that holds the conversation's lock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.assignment import NobodyToAssign
from handoff.domain.case import Actor, CaseState, ClosedReason, Offer, Reason, Status, Verb, transition
from handoff.domain.notice import Notice
from handoff.services.deadlines import clocks
from handoff.services.errors import Conflict
from handoff.services.people import office
from handoff.services.post import notices
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership
from handoff.store import audit
from handoff.store.schema import cases, messages, officers, units
from handoff.store.schema_moves import transfers

CITIZEN, SYSTEM = Actor("citizen"), Actor("system")
ANSWERS = frozenset({"replied", "asked", "proposed"})  # an officer's word to the citizen
CONFIDENTIAL = Reason.confidential_report.value


@dataclass(frozen=True)
class Facts:
    """A case with its officer and unit, as texts, rules and JSON need it."""

    row: Row[Any]
    officer: Row[Any]
    unit: Row[Any]

    @property
    def id(self) -> UUID:
        """The case's id."""
        return self.row.id  # type: ignore[no-any-return]

    @property
    def state(self) -> CaseState:
        """What the transition function needs."""
        closed = ClosedReason(self.row.closed_reason) if self.row.closed_reason else None
        row = self.row
        offered = Offer(str(row.transfer_unit_id), str(row.transfer_officer_id)) if row.transfer_unit_id else None
        return CaseState(Status(row.status), str(row.officer_id), str(row.unit_id), closed, offered,
                         str(row.dismissal_by) if row.dismissal_by else None, frozenset(map(str, row.kept_from)))

    def said(self) -> dict[str, Any]:
        """The placeholders of the texts about a case."""
        return {"number": self.row.number, "officer": self.officer, "unit": self.unit, "reason": self.row.reason,
                "respond_by": self.row.respond_by, "resolve_by": self.row.resolve_by}


async def load(connection: AsyncConnection, case_id: UUID) -> Facts:
    """The case `case_id`; the caller holds its conversation's lock or only reads."""
    row = (await connection.execute(select(cases).where(cases.c.id == case_id))).one()
    officer = (await connection.execute(select(officers).where(officers.c.id == row.officer_id))).one()
    unit = (await connection.execute(select(units).where(units.c.id == row.unit_id))).one()
    return Facts(row, officer, unit)


def key_of(runtime: Runtime, case_id: UUID, version: int) -> str:
    """The secret that opens the case's page; derived, never stored, changed by raising the version."""
    versioned = case_id.bytes + version.to_bytes(2, "big")
    digest = hmac.new(runtime.settings.derived_key("case-key"), versioned, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def url_of(runtime: Runtime, facts: Facts) -> str:
    """The address of the case's page, with its key: for its citizen only."""
    return f"{runtime.settings.base_url}/kasus/{facts.row.number}?k={key_of(runtime, facts.id, facts.row.key_version)}"


async def record(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], case_id: UUID, kind: str, actor: Actor,
    **body: Any,
) -> None:
    """Append one event to the case's chain, and make its clocks what its state asks for now (P7). Whom the event keeps
    from the case (`kept_from`: why, by officer) its row keeps from it for good."""
    if kept := body.get("kept_from"):
        await connection.execute(update(cases).where(cases.c.id == case_id).values(
            kept_from=func.array_cat(cases.c.kept_from, cast([UUID(one) for one in kept], cases.c.kept_from.type))
        ))
    answer_id = body.get("message_id") if kind in ANSWERS else None
    body |= await clocks.follow(runtime, connection, case_id, answer_id)
    await audit.append(
        connection, case_id=case_id, data_key=await runtime.keyring.open(connection, conversation.data_key_id),
        kind=kind, actor_kind=actor.kind, actor_id=actor.id, at=runtime.clock(),
        body={name: _plain(value) for name, value in body.items()},
    )
    await notices.news(runtime, connection, conversation, case_id, kind)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


_FATE = select(messages.c.fate).where(messages.c.id == bindparam("message"))
_SETTLE = (
    update(messages).where(messages.c.id == bindparam("message"), messages.c.fate.is_(None)).values(
        fate=bindparam("new_fate"), fate_at=bindparam("at"), fate_case_id=bindparam("case"),
        case_id=func.coalesce(messages.c.case_id, bindparam("case")),
    ).returning(messages.c.id)
)


async def settle(
    connection: AsyncConnection, message_id: UUID, fate: str, at: datetime, case_id: UUID | None = None
) -> bool:
    """Set the message's fate where it has none (P1); True when this call did it."""
    done = (await connection.execute(
        _SETTLE, {"message": message_id, "new_fate": fate, "at": at, "case": case_id}
    )).first()
    return done is not None


async def has_fate(connection: AsyncConnection, message_id: UUID) -> bool:
    """Whether the message is settled already; the caller holds the conversation's lock."""
    return (await connection.execute(_FATE, {"message": message_id})).scalar_one() is not None


def card(
    runtime: Runtime, facts: Facts, text: str, message_id: UUID | None, buttons: tuple[dict[str, str], ...] = (),
    guess: str | None = None, notice: Notice | None = None, **more: Any,
) -> Outgoing:
    """A message of the system that names the case, the officer and the times."""
    said = runtime.texts.say(text, **facts.said(), **more)
    if guess:
        said += "\n" + runtime.texts.say(guess)
    return Outgoing("system", said, buttons, case_id=facts.id, shows_case=True, notice=notice,
                    in_reply_to=message_id)


async def to_another(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], facts: Facts, barred: set[UUID],
    because: str, **more: Any,
) -> Row[Any]:
    """The open case goes to somebody who is not `barred`, who is told, and so is the citizen. Returns the conversation
    as it is then. Raises `Conflict("nobody_else")`."""
    taker = await office.taker_again(connection, facts.row, facts.unit)
    try:
        chosen = await office.choose(connection, replace(taker, barred=taker.barred | barred),
                                     conversation.citizen_id, runtime.clock())
    except NobodyToAssign:
        raise Conflict("nobody_else") from None
    other = Actor("officer", str(chosen.officer_id), unit_id=str(chosen.unit.id))
    await move(connection, facts, transition(facts.state, Verb.hand_on, SYSTEM, other))
    if conversation.owner_officer_id is not None:  # where the bot speaks it goes on
        conversation = await ownership.give(
            connection, conversation, officer_id=chosen.officer_id, open_case_id=facts.id
        )
    await record(runtime, connection, conversation, facts.id, "handed_on", SYSTEM, because=because,
                 officer_id=chosen.officer_id, officer_was=facts.row.officer_id, **more)
    await notices.tell(runtime, connection, chosen.officer_id, facts.id, "handed_on")
    now = await load(connection, facts.id)
    await store(runtime, connection, conversation, [
        card(runtime, now, "case.reassigned", None, notice=Notice.new_officer)
    ])
    return await ownership.lock(connection, conversation.id)


async def move(connection: AsyncConnection, facts: Facts, state: CaseState, **columns: Any) -> None:
    """Write what the transition function decided, and nothing else decides a status."""
    values: dict[str, Any] = {
        "status": state.status.value, "officer_id": UUID(state.officer_id), "unit_id": UUID(state.unit_id),
        "closed_reason": state.closed_reason.value if state.closed_reason else None,
        "transfer_unit_id": UUID(state.offer.unit_id) if state.offer else None,
        "transfer_officer_id": UUID(state.offer.officer_id) if state.offer else None,
        "dismissal_by": UUID(state.dismissal_by) if state.dismissal_by else None,
    } | columns
    if facts.state.offer is not None and state.offer is None:  # unless it was answered in this very transaction
        await connection.execute(
            update(transfers).where(transfers.c.case_id == facts.id, transfers.c.outcome == "pending")
            .values(outcome="withdrawn")
        )
    await connection.execute(update(cases).where(cases.c.id == facts.id).values(**values))


def confirm_buttons(runtime: Runtime, facts: Facts) -> tuple[dict[str, str], ...]:
    """The citizen's two answers to a proposed resolution."""
    return (button(runtime, "confirm", f"confirm:{facts.id}"), button(runtime, "not_yet", f"not_yet:{facts.id}"))

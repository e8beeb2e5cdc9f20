"""What is no request at all (spam, an order for pizza): two persons close it, its sender is told, it is counted
publicly, and any later message opens it again (P5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from handoff.domain.case import Verb, transition
from handoff.services.case.cases import move, record
from handoff.services.case.holding import actor_of, given_reason, holding
from handoff.services.post.outbox import Outgoing, notify, store
from handoff.services.runtime import Runtime
from handoff.services.talk import ownership


async def dismiss(runtime: Runtime, officer: Row[Any], case_id: UUID, why: str) -> None:
    """The first of the two says why. Whatever is said afterwards, by citizen or officer, undoes it. Raises
    `Unprocessable("no_reason")`."""
    reason = given_reason(why)
    async with holding(runtime, case_id) as held:
        state = transition(held.facts.state, Verb.dismiss, actor_of(officer))
        await move(held.connection, held.facts, state)
        await record(runtime, held.connection, held.conversation, held.facts.id, "dismissal_proposed",
                     actor_of(officer), why=reason)
        await notify(held.connection, held.conversation.id, held.conversation.next_seq - 1)


async def confirm(runtime: Runtime, officer: Row[Any], case_id: UUID, why: str) -> None:
    """The second, another one, agrees: the case is closed and its sender told. Raises `Unprocessable("no_reason")`,
    `Conflict("not_dismissed")`, `Conflict("same_person")`."""
    reason = given_reason(why)
    async with holding(runtime, case_id) as held:
        facts, actor = held.facts, actor_of(officer)
        state = transition(facts.state, Verb.confirm_dismissal, actor)
        await move(held.connection, facts, state, closed_at=runtime.clock(), waiting_since=None,
                   dismissal_confirmed_by=officer.id)
        owned = await ownership.give(
            held.connection, held.conversation, officer_id=None, open_case_id=None, last_case_id=facts.id
        )
        await record(runtime, held.connection, owned, facts.id, "dismissed", actor, why=reason,
                     proposed_by=facts.row.dismissal_by)
        await store(runtime, held.connection, owned, [Outgoing(
            "system", runtime.texts.say("case.dismissed", **facts.said()), case_id=facts.id, shows_case=True,
        )])

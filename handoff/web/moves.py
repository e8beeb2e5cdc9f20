"""What an officer may do about whose case it is and how it ends, for the page of one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handoff.domain.case import Actor, CaseState, ClosedReason, Offer, Refusal, Role, Status, Verb, transition
from handoff.services.case import merging, referrals, transfers
from handoff.services.case.referrals import Waiting
from handoff.services.people.staff import Session
from handoff.services.runtime import Runtime

#: A colleague of any other unit: whom exactly is asked is chosen when it is asked.
_SOMEBODY = Actor("officer", "somebody", Role.officer, "another unit")
_HELD = ("proposal_held", "proposed", "address_allowed", "replied", "reassigned", "taken_over", "transfer_accepted")
EVENTS = {
    "transfer": "transfer_requested", "withdraw_transfer": "transfer_withdrawn",
    "accept_transfer": "transfer_accepted", "refer": "referred", "follow_up": "referral_followed",
    "dismiss": "dismissal_proposed", "confirm_dismissal": "dismissed", "allow_address": "address_allowed",
    "merge": "merged",
}


@dataclass(frozen=True)
class Moves:
    """What is possible (by `data-action`), which units can be asked, what is waited for elsewhere, which proposal is
    held back, which cases this one can be merged into."""

    possible: frozenset[str] = frozenset()
    units: list[tuple[str, str]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    held: str | None = None
    mergeable: list[str] = field(default_factory=list)


async def moves_of(runtime: Runtime, session: Session, case: Mapping[str, Any], case_id: Any) -> Moves:
    """For an officer who may read the case's words."""
    held = _held_back(case)
    possible = _possible(session, case) - (frozenset() if held else {"allow_address"})
    units = await transfers.units_for(runtime, case["unit"]["slug"]) if "transfer" in possible else []
    waiting = await referrals.waiting(runtime, case_id) if "refer" in possible else []
    mergeable = await merging.mergeable(runtime, case_id) if "merge" in possible else []
    return Moves(possible, units, waiting, held, mergeable)


def state_of(case: Mapping[str, Any]) -> CaseState:
    """The case as the rules see it. Units are compared by slug."""
    reason, offer = case["closed_reason"], case["offer"]
    return CaseState(
        Status(case["status"]), case["officer"]["id"], case["unit"]["slug"], ClosedReason(reason) if reason else None,
        Offer(offer["unit"]["slug"], offer["officer"]["id"]) if offer else None,
        case["dismissal_by"]["id"] if case["dismissal_by"] else None,
    )


def actor_of(session: Session) -> Actor:
    """Who looks, in a unit that is known by its slug."""
    officer = session.officer
    return Actor("officer", str(officer.id), Role(officer.role), officer.unit_slug)


def _possible(session: Session, case: Mapping[str, Any]) -> frozenset[str]:
    allowed = set()
    for action in ("transfer", "withdraw_transfer", "accept_transfer", "decline_transfer", "refer", "dismiss",
                   "confirm_dismissal", "allow_address", "merge"):
        try:
            transition(state_of(case), Verb(action), actor_of(session), _SOMEBODY)
        except Refusal:
            continue
        allowed.add(action)
    return frozenset(allowed - ({"dismiss"} if case["dismissal_by"] else set()))


def _held_back(case: Mapping[str, Any]) -> str | None:
    """The proposal that waits for who leads the unit, unless something was said since."""
    last = next((event for event in reversed(case["events"]) if event["type"] in _HELD), None)
    if last is None or last["type"] != "proposal_held" or not last["body"]:
        return None
    return str(last["body"].get("text", "")) or None

"""What a case is to the rules (`domain.case`): its states, who acts, every verb, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Status(StrEnum):
    """Where a case stands; every one but `closed` is open and has an active officer."""

    assigned = "assigned"
    in_progress = "in_progress"
    waiting_citizen = "waiting_citizen"
    resolution_proposed = "resolution_proposed"
    closed = "closed"


class ClosedReason(StrEnum):
    """Why a case is closed."""

    confirmed = "confirmed"
    no_reply = "no_reply"
    withdrawn = "withdrawn"
    merged = "merged"
    not_a_request = "not_a_request"


class Reason(StrEnum):
    """Why a case was opened."""

    low_confidence = "low_confidence"
    disputed_answer = "disputed_answer"
    disputed_decision = "disputed_decision"
    asked_for_officer = "asked_for_officer"
    complaint = "complaint"
    individual_matter = "individual_matter"
    emergency = "emergency"
    confidential_report = "confidential_report"
    suspended_answer = "suspended_answer"
    bot_failure = "bot_failure"
    unreadable_message = "unreadable_message"
    repeated_question = "repeated_question"


class Role(StrEnum):
    """What an officer is in the office."""

    officer = "officer"
    supervisor = "supervisor"
    head = "head"
    inspector = "inspector"
    data_officer = "data_officer"
    auditor = "auditor"
    admin = "admin"


class Verb(StrEnum):
    """Everything that can be done to a case."""

    open = "open"
    take_over = "take_over"
    reassign = "reassign"
    reply = "reply"
    note = "note"
    ask = "ask"
    hand_back = "hand_back"
    propose = "propose"
    confirm = "confirm"
    refuse = "refuse"
    withdraw = "withdraw"
    reopen = "reopen"
    bot_again = "bot_again"
    join = "join"  # type: ignore[assignment]  # the verb's public name; nobody calls str.join on a verb
    citizen_message = "citizen_message"
    go_on = "go_on"
    close_silent = "close_silent"
    transfer = "transfer"
    accept_transfer = "accept_transfer"
    decline_transfer = "decline_transfer"
    withdraw_transfer = "withdraw_transfer"
    ask_another = "ask_another"
    hand_on = "hand_on"
    refer = "refer"
    dismiss = "dismiss"
    confirm_dismissal = "confirm_dismissal"
    allow_address = "allow_address"
    merge = "merge"
    rate = "rate"


#: Roles that work on the cases of their own unit; a supervisor works on those of every unit.
UNIT_ROLES = frozenset({Role.officer, Role.head, Role.inspector, Role.data_officer})

#: Roles that carry the cases of their unit.
CARRYING = frozenset({Role.officer, Role.inspector, Role.head})

#: Every code that a `Refusal` of this module carries.
REFUSAL_CODES = frozenset({"forbidden", "not_your_case", "already_taken", "already_open", "closed", "not_closed",
                           "not_proposed", "not_assignable", "not_waiting", "not_silent", "transfer_pending",
                           "no_transfer", "transfer_loop", "not_dismissed", "same_person", "kept_from",
                           "merged"})


@dataclass(frozen=True)
class Actor:
    """Who acts. `citizen` is the citizen of this very case: the caller has checked that. `id`, `role` and `unit_id`
    are an officer's; a supervisor may have no unit.
    """

    kind: Literal["citizen", "officer", "bot", "system"]
    id: str | None = None
    role: Role | None = None
    unit_id: str | None = None


@dataclass(frozen=True)
class Offer:
    """A transfer that waits for an answer: which unit is asked, and which of its officers by name. Until somebody there
    accepts it the case stays whose it is."""

    unit_id: str
    officer_id: str


@dataclass(frozen=True)
class CaseState:
    """What the rules need to know of a case. Raises `ValueError` for a case without an officer or a unit, for one that
    is closed without a reason or open with one, and for a closed one that is still offered to another unit.
    """

    status: Status
    officer_id: str
    unit_id: str
    closed_reason: ClosedReason | None = None
    offer: Offer | None = None
    dismissal_by: str | None = None  # who holds it for no request at all; it takes a second one to close it
    kept_from: frozenset[str] = frozenset()  # whom a complaint is about, and their superiors: never theirs

    def __post_init__(self) -> None:
        if not self.officer_id or not self.unit_id:
            raise ValueError("a case always has an officer and a unit")
        if (self.status is Status.closed) != (self.closed_reason is not None):
            raise ValueError("a case has a closing reason exactly when it is closed")
        if self.offer is not None and not self.is_open:
            raise ValueError("a closed case is offered to nobody")

    @property
    def is_open(self) -> bool:
        """Whether somebody still owes the citizen something."""
        return self.status is not Status.closed


class Refusal(Exception):
    """A verb that this actor may not do to this case now; `code` is public and stable (`REFUSAL_CODES`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

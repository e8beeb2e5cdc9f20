"""What the officers' API says, as models: see `handoff.web.api_models`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from handoff.domain.case import ClosedReason, Reason, Role, Status
from handoff.web import officers
from handoff.web.api_models import Attachment, Button, Holder, Person, Said

Author = Literal["citizen", "bot", "officer", "system"]


class WhySuspended(officers.Reason):
    """Why an answer is suspended; a name of its own beside the reasons of cases."""


class Unit(Said):
    """A unit of the office."""

    slug: str
    name: str


class Officer(Person):
    """An officer, known by id."""

    id: str


class Colleague(Officer):
    """An officer who has signed in."""

    login: str
    role: Role
    unit: Unit


class SignedIn(Said):
    """The session; `csrf_token` goes with every request that changes something, as `X-CSRF-Token`."""

    officer: Colleague
    csrf_token: str
    must_change_password: bool


class Offer(Said):
    """A request to another unit that waits for an answer: which one, and who is asked there by name."""

    unit: Unit
    officer: Officer


class Named(Said):
    """Who did it, known by id."""

    id: str
    name: str


class WaitingReferral(Said):
    """What a case waits for at an office outside; `due`: the day to ask there again has come."""

    id: str
    office: str
    reference: str
    ask_again_on: date
    due: bool


class Referrals(Said):
    """The next day first."""

    referrals: list[WaitingReferral]


class CaseLine(Said):
    """A case in a list: no word of a citizen. Times in the unit's zone."""

    number: str
    status: Status
    closed_reason: ClosedReason | None
    reason: Reason
    topic: str | None
    urgent: bool
    channel: Literal["web", "whatsapp"]
    owner: Literal["officer", "bot"]
    officer: Officer
    unit: Unit
    offer: Offer | None
    dismissal_by: Named | None
    supervisor: Person | None
    merged_into: str | None
    last_seq: int
    opened_at: datetime
    waiting_since: datetime | None
    respond_by: datetime
    reply_by: datetime | None
    resolve_by: datetime
    next_deadline: datetime | None
    first_replied_at: datetime | None
    proposed_at: datetime | None
    closed_at: datetime | None
    undelivered_since: datetime | None
    mail_failed_at: datetime | None
    reply_undelivered_since: datetime | None


class CaseLines(Said):
    """At most 200 cases: urgent ones first, then the next deadline."""

    cases: list[CaseLine]


class Offered(CaseLine):
    """A case that another unit asks this one to take, and since when."""

    offered_at: datetime


class Offers(Said):
    """At most 100, the longest asked first."""

    offers: list[Offered]


class Notice(Said):
    """One piece of news about a case; `kind` names it for a program."""

    number: str
    kind: str
    text: str
    at: datetime
    unread: bool


class Unread(Said):
    """How many notices are unread, counted to 100."""

    unread: int


class Notices(Unread):
    """At most 100 notices, the latest first."""

    notices: list[Notice]


class GivenAnswer(Said):
    """Everything that an automated answer rested on. `withheld`: it was stored and never sent. `step`: told one step a
    message, which one this was, from 1."""

    id: str
    seq: int
    question_seq: int
    withheld: bool
    topic: str
    aspect: str
    step: int | None
    intent: str | None
    confidence: float | None
    threshold: float | None
    ranking: list[dict[str, Any]]
    model_version: str | None
    catalogue_version: str
    sources: list[str]
    reviewed: date
    helped: bool


class CaseCard(Said):
    """The case as the citizen was told of it, without the address that is theirs alone."""

    number: str
    status: Status
    reason: Reason
    officer: Holder
    respond_by: datetime
    resolve_by: datetime
    reply_due: bool


class SeenMessage(Said):
    """One message as officers see it: notes and withheld answers too. In the citizen's words identity numbers are
    masked; `masked` tells their kinds."""

    id: str
    seq: int
    author: Author
    kind: Literal["text", "payload", "location", "file", "contact", "note"]
    officer: Person | None
    text: str
    masked: list[str] | None = None
    buttons: list[Button]
    attachments: list[Attachment]
    location: dict[str, float] | None = None
    answer: GivenAnswer | None
    case: CaseCard | None
    sent_at: datetime | None
    created_at: datetime
    delivery: Literal["stored", "sent", "delivered", "read", "failed", "waiting_window", "withheld"]
    delivery_reason: str | None
    forwarded: bool | None = None
    not_passed_on: list[str] | None = None


class MergedFile(Attachment):
    """A file that was sent under the number of a case which this one has taken in."""

    number: str
    created_at: datetime


class Matter(Said):
    """A message that the case is about, with the answer that it disputes."""

    seq: int
    reason: Reason
    created_at: datetime
    answer: GivenAnswer | None


class Event(Said):
    """An event of the case's chain; without its body when the citizen's words were erased."""

    seq: int
    type: str
    at: datetime
    actor: str
    officer: Person | None
    body: dict[str, Any] | None


class UndeliveredReply(Said):
    """The oldest reply that has not come to hand over WhatsApp: how long in working time, and why, in words."""

    since: datetime
    age: str
    reason: str | None


class FullCase(CaseLine):
    """A case in full. `window_until`: over WhatsApp, until when anything but a template reaches the citizen.
    `messages`, `items` and `merged_files` only for who may read words (`words`)."""

    words: bool
    window_until: datetime | None
    window_open: bool | None
    undelivered_reply: UndeliveredReply | None
    sender_name: str | None = None
    events: list[Event]
    messages: list[SeenMessage] | None = None
    items: list[Matter] | None = None
    merged_files: list[MergedFile] | None = None


class Candidate(Officer):
    """An officer who can be given a case: whether their working hours run now, and whether they are on a break."""

    on_duty: bool
    away: bool


class Candidates(Said):
    """The officers of the case's unit."""

    colleagues: list[Candidate]


class Acted(Said):
    """The case as it stands after the act."""

    case: CaseLine


class Spoke(Acted):
    """The case as it stands, and the message that was said."""

    message_id: str


class Moved(Said):
    """How many open cases went to somebody else by name."""

    moved: int


class Published(Said):
    """Whether the topic's answer may be given; `epoch` rises with each change."""

    topic: str
    suspended: bool
    epoch: int


class Corrected(Said):
    """How many conversations are told what is right."""

    id: str
    conversations: int


class CorrectionProgress(Said):
    """How far a correction has come, in conversations. `arrived`: it provably came to hand; `window`: WhatsApp lets it
    through once the citizen writes again; `unwanted`: they want no news; `erased`: their data are."""

    id: str
    topic: str
    aspect: str | None
    words: str
    officer: str
    at: datetime
    waiting: int
    told: int
    arrived: int
    window: int
    failed: int
    given_up: int
    unwanted: int
    erased: int


class Corrections(Said):
    """The newest corrections first."""

    corrections: list[CorrectionProgress]

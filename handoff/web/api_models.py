"""What the citizens' and the internal API take and say, as models: for the OpenAPI document, and for the test that
holds real answers against them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from handoff.domain.case import Reason, Status
from handoff.web.chat import Contact, Location


class Said(BaseModel):
    """Base of what the APIs answer."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Begun(Said):
    """A new conversation; the token opens it and is shown this once."""

    conversation_id: str
    token: str


class Consented(Said):
    """What was recorded."""

    version: str
    given: bool
    at: datetime


class Uploading(Said):
    """A file on its way: `received` of `size` bytes are here. When it is whole, send its id as a message."""

    upload_id: str
    size: int
    received: int


class Sent(BaseModel):
    """A message: exactly one of the fields. `payload` is that of a button offered in this conversation; `upload` is a
    file that came in pieces, and may have a `text` as its caption."""

    text: str | None = Field(None, max_length=4096)
    payload: str | None = Field(None, max_length=256)
    location: Location | None = None
    contact: Contact | None = None
    upload: UUID | None = None


class Stored(Said):
    """The message is stored; an answer comes later, as a message."""

    message_id: str
    seq: int


class Person(Said):
    """An officer as citizens know them."""

    name: str
    title: str


class Holder(Person):
    """The officer of a case, with their unit."""

    unit: str


class Button(Said):
    """What the citizen may tap; tapping sends the payload."""

    title: str
    payload: str


class Attachment(Said):
    """A file of the conversation; `size` in bytes, `mime` by content."""

    id: str
    name: str
    mime: str
    size: int
    url: str


class Answer(Said):
    """What an automated answer rests on. Nothing was guessed, and `confidence` is null, when a button chose it."""

    id: str
    topic: str
    aspect: str
    confidence: float | None
    threshold: float | None
    sources: list[str]
    reviewed: date
    model_version: str | None


class Case(Said):
    """A case as it stands when it is read; times in the office's zone. `reply_due`: the promised reply is still
    owed."""

    number: str
    status: Status
    reason: Reason
    officer: Holder
    respond_by: datetime
    resolve_by: datetime
    reply_due: bool
    url: str


class Message(Said):
    """One message as its citizen sees it. `sent_at`: by the sender's clock, where the channel tells; `created_at`: when
    it came, which numbers it."""

    id: str
    seq: int
    author: Literal["citizen", "bot", "officer", "system"]
    kind: Literal["text", "payload", "location", "file", "contact"]
    officer: Person | None
    text: str
    buttons: list[Button]
    attachments: list[Attachment]
    location: Location | None = None
    answer: Answer | None
    case: Case | None
    sent_at: datetime | None
    created_at: datetime
    delivery: Literal["stored", "sent", "delivered", "read", "failed", "waiting_window"]


class Messages(Said):
    """Messages in order; at most 200, ask again after the last number. `case` is the conversation's open case, or its
    last one."""

    messages: list[Message]
    case: Case | None


class CaseOpened(Said):
    """The case that the message went to; `joined` when it was opened for another reason before."""

    number: str
    reason: Reason
    joined: bool


class ErrorDetail(Said):
    """A code for programs and a sentence (Indonesian) for people."""

    code: str
    message: str


class Error(Said):
    """Every refusal. `received` comes with `wrong_offset`: where the next piece begins."""

    error: ErrorDetail
    received: int | None = None

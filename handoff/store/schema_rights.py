"""Further tables: what citizens did with their right to see, take and erase their data; conventions as in
`store.schema`. No word and no address of a citizen stands here."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String, Table, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from handoff.store.schema import _at, _id, _one_of, metadata

data_events = Table(  # append-only: each use of a right, and each stop of news; who, when, in which of our words
    "data_events", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("actor_id", String(80), nullable=True),
    Column("detail", String(200), nullable=True),  # a word of ours or of a closed list; an officer's reason
    _at("at"),
    _one_of("actor_kind", "citizen", "officer", "system"),
)

data_links = Table(  # one-time links to a copy of the citizen's data; gone when they are erased
    "data_links", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("session_hash", LargeBinary, nullable=True, unique=True),  # of the cookie that the link was exchanged for
    _at("made_at"), _at("expires_at"), _at("used_at", nullable=True),
    CheckConstraint("(session_hash IS NULL) = (used_at IS NULL)", name="used_once"),
)

erasures = Table(  # every wish to be erased, and what became of it
    "erasures", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("receipt_hash", LargeBinary, nullable=False, unique=True),  # of the token of the page that proves it
    Column("agreed", ARRAY(UUID(as_uuid=True)), nullable=False),  # open cases that the citizen said may be withdrawn
    Column("asked_by", String(80), nullable=True),  # the data officer who was asked; NULL: the citizen in the chat
    _at("asked_at"), _at("due_at"), _at("destroyed_at", nullable=True), _at("settled_at", nullable=True),
    # `blocked`: a case was opened meanwhile. `destroyed`: nothing can be read any more, files are being removed.
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("counts", JSONB, nullable=True),  # how much went
    _one_of("state", "waiting", "cancelled", "blocked", "destroyed", "done"),
    CheckConstraint("(state IN ('destroyed', 'done')) = (destroyed_at IS NOT NULL)", name="destroyed_when"),
)
Index("uq_erasures_one_waiting", erasures.c.citizen_id, unique=True, postgresql_where=erasures.c.state == "waiting")
Index("ix_erasures_open", erasures.c.due_at, postgresql_where=text("state IN ('waiting', 'destroyed')"))

erasure_leftovers = Table(  # what lies outside the database and has still to go, once its erasure has destroyed the key
    "erasure_leftovers", metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("erasure_id", ForeignKey("erasures.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    _one_of("kind", "file", "upload", "tracker"),
)

whatsapp_forgotten = Table(  # messages of who was erased: Meta repeats for days what it doubts, and that begins nothing
    "whatsapp_forgotten", metadata,
    Column("message_key", String(200), primary_key=True),
    _at("at"),
)

"""Further tables: what happened to a case and who looked at it, append-only (P10, P11); conventions as in
`store.schema`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from handoff.store.schema import _at, _id, metadata

case_events = Table(  # append-only: the application's role has INSERT and SELECT, nothing else (P10)
    "case_events", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("actor_id", String(80), nullable=True),
    _at("at"),
    Column("body_enc", LargeBinary, nullable=False),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("case_id", "seq"),
)
# Written in the order of time: a few pages tell where a day's events lie.
Index("ix_case_events_at", case_events.c.at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

anchors = Table(  # append-only; `mac` is keyed outside the database
    "anchors", metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _at("at"),
    Column("root", LargeBinary, nullable=False),
    Column("prev_mac", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

anchor_heads = Table(
    "anchor_heads", metadata,
    Column("anchor_id", ForeignKey("anchors.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

access_log = Table(  # append-only: every look at a citizen's words (P11)
    "access_log", metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("what", String(40), nullable=False),
    _at("at"),
)

"""Further tables: what becomes of a case beside its row: whom it was offered to, where else it was asked, who is kept
from it, what the citizen thought of it; conventions as in `store.schema`."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, LargeBinary, SmallInteger, String, Table, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from handoff.store.schema import _at, _id, _one_of, metadata

confidential_reports = Table(  # what a case with the reason `confidential_report` needs besides (adr/0018)
    "confidential_reports", metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    # Officers whom it names, and their superiors: they never get it and never see it.
    Column("kept_from", ARRAY(UUID(as_uuid=True)), nullable=False, server_default=text("'{}'")),
    # Keyed hash of the message that it was: the same message is the same report, and the database tells nobody whose.
    Column("origin_hash", LargeBinary, nullable=False, unique=True),
    Column("link_hash", LargeBinary, nullable=False, unique=True),  # of the one-time link's token
    _at("link_used_at", nullable=True),
)

complaints_apart = Table(  # complaints about who owned the conversation they were written in (adr/0032)
    "complaints_apart", metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("own_conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),  # whom it is about
    _at("at"),
)

transfers = Table(  # every request to another unit; what was said with it stands in the case's events
    "transfers", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("from_unit_id", ForeignKey("units.id"), nullable=False),
    Column("to_unit_id", ForeignKey("units.id"), nullable=False),
    Column("asked_by", ForeignKey("officers.id"), nullable=False),
    Column("asked_id", ForeignKey("officers.id"), nullable=False),
    Column("outcome", String(10), nullable=False, server_default="pending"),
    Column("answered_by", ForeignKey("officers.id"), nullable=True),
    _at("created_at"), _at("answered_at", nullable=True),
    _one_of("outcome", "pending", "accepted", "declined", "withdrawn"),
)
Index("uq_transfers_one_pending", transfers.c.case_id, unique=True, postgresql_where=transfers.c.outcome == "pending")

referrals = Table(  # an office outside the system was written to: when to ask there again; the words are in the events
    "referrals", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),
    Column("ask_again_on", Date, nullable=True),  # NULL: nothing is waited for there any more
    _at("reminded_at", nullable=True),
    _at("created_at"),
)
Index("ix_referrals_due", referrals.c.ask_again_on,
      postgresql_where=referrals.c.ask_again_on.isnot(None) & referrals.c.reminded_at.is_(None))

unhelpful_replies = Table(  # append-only: replies that the citizen said did not help, each once
    "unhelpful_replies", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    _at("at"),
)

ratings = Table(  # append-only: what the citizen thought of it, once closed; the last one counts
    "ratings", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("stars", SmallInteger, nullable=False),
    Column("comment_enc", LargeBinary, nullable=True),
    _at("at"),
    CheckConstraint("stars BETWEEN 1 AND 5", name="stars_known"),
)

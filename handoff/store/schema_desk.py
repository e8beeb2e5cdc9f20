"""Further tables: what officers work with beside the cases, which topics they suspended, and which answers they
corrected, what anybody may see of it all; conventions as in `store.schema`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from handoff.store.schema import _at, _id, _one_of, metadata

publications = Table(  # one row for each topic that was ever suspended; the epoch makes "unchanged since" checkable
    "publications", metadata,
    Column("topic", String(60), primary_key=True),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("suspended", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text, nullable=True),
    Column("officer_id", ForeignKey("officers.id"), nullable=True),
    Column("case_id", ForeignKey("cases.id"), nullable=True),  # whose dispute showed that it is wrong
    _at("changed_at"),
)

publication_events = Table(  # append-only: each change of a publication
    "publication_events", metadata,
    Column("topic", String(60), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("suspended", Boolean, nullable=False),
    Column("reason", Text, nullable=True),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id"), nullable=True),
    _at("at"),
)

corrections = Table(  # append-only: what was wrong with an answer, in an officer's words for whoever had it
    "corrections", metadata, _id(),
    Column("topic", String(60), nullable=False),
    Column("aspect", String(20), nullable=True),  # only answers about this, and whole ones; NULL: every answer
    _at("since"), _at("until"),  # when the wrong answers were given
    Column("words", Text, nullable=False),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),
    _at("at"),
    CheckConstraint("since < until", name="correction_sane"),
)

corrected = Table(  # one row for each conversation that had one of the wrong answers
    "corrected", metadata,
    Column("correction_id", ForeignKey("corrections.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("answer_id", ForeignKey("answers.id"), nullable=False),  # the newest of them
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("message_id", ForeignKey("messages.id"), nullable=True),  # what told of it
    _at("settled_at", nullable=True),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    _at("try_at", nullable=True),  # after one that went wrong
    # `unwanted`: they want no news; `erased`: at their wish, nobody is left to be told; `failed`: given up
    _one_of("state", "waiting", "told", "unwanted", "erased", "failed"),
    CheckConstraint("(state = 'told') = (message_id IS NOT NULL)", name="told_by_a_message"),
)
Index("ix_corrected_waiting", corrected.c.correction_id, postgresql_where=corrected.c.state == "waiting")

public_figures = Table(  # one row: what was counted last, without what would show a person (docs/adr/0038)
    "public_figures", metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    _at("at"),
    Column("body", JSONB, nullable=False),
    CheckConstraint("one", name="one_row"),
)

drafts = Table(  # what an officer has begun to write; kept over a reload and a change of device
    "drafts", metadata,
    Column("officer_id", ForeignKey("officers.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False, unique=True),  # the associated data of `body_enc`
    Column("body_enc", LargeBinary, nullable=False),
    _at("updated_at"),
)

presences = Table(  # who is looking at or typing in a case; worth seconds
    "presences", metadata,
    Column("officer_id", ForeignKey("officers.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    _at("seen_at"), _at("typed_at", nullable=True),
)

read_marks = Table(  # how far an officer has read a conversation
    "read_marks", metadata,
    Column("officer_id", ForeignKey("officers.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, nullable=False),
)

search_words = Table(  # keyed hashes of the citizen's words; erasure deletes them (docs/adr/0012)
    "search_words", metadata,
    Column("word_hash", LargeBinary, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
)
Index("ix_search_words_conversation_id", search_words.c.conversation_id)

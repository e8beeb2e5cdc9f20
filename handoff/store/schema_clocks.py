"""Further tables: the clocks of a case, what was missed, who is told of it, and what citizens asked to be reminded of;
conventions as in `store.schema`."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from handoff.store.schema import _at, _id, _one_of, metadata

leaves = Table(  # days on which an officer does not work; cases that come meanwhile go to others
    "leaves", metadata, _id(),
    Column("officer_id", ForeignKey("officers.id"), nullable=False, index=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    _at("created_at"),
    CheckConstraint("first_day <= last_day", name="leave_sane"),
)

clocks = Table(  # every time that was ever promised for a case, running or past (domain.clocks)
    "clocks", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    _at("started_at"),
    _at("counted_from"),
    _at("mark_1"), _at("mark_2"), _at("mark_3"),  # the second one is the deadline
    Column("spans", ARRAY(Integer), nullable=False),  # working minutes from `counted_from` to each mark
    Column("step", SmallInteger, nullable=False, server_default="0"),  # marks that were reached
    _at("next_due_at", nullable=True),  # NULL: held or ended
    _at("held_since", nullable=True),
    _at("ended_at", nullable=True),
    Column("ended_by", ForeignKey("messages.id"), nullable=True),  # the answer that ended it, if one did
    _one_of("kind", "first_reply", "next_reply", "receipt", "resolution", "question", "closing"),
    CheckConstraint("ended_at IS NULL OR next_due_at IS NULL", name="ended_is_still"),
)
Index("ix_clocks_due", clocks.c.next_due_at, postgresql_where=clocks.c.next_due_at.isnot(None))
Index("ix_clocks_ended_by", clocks.c.ended_by, postgresql_where=clocks.c.ended_by.isnot(None))
Index("uq_clocks_one_of_a_kind", clocks.c.case_id, clocks.c.kind, unique=True,
      postgresql_where=clocks.c.ended_at.is_(None))

# `breaches` and `tellings` refer to a case through its clock only: whoever marks thousands of clocks at once must not
# wait for the rows of the cases.
breaches = Table(  # append-only: a missed deadline is a fact that nothing takes back (P7). About a unit, not a person.
    "breaches", metadata, _id(),
    Column("case_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False),
    Column("unit_id", ForeignKey("units.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("level", SmallInteger, nullable=False),  # 100: the deadline; 150: half as much again, publicly overdue
    _at("due_at"), _at("noted_at"),
    CheckConstraint("level IN (100, 150)", name="level_known"),
    UniqueConstraint("clock_id", "level"),
)

tellings = Table(  # marks that were reached and of which somebody has still to be told; gone when they are
    "tellings", metadata, _id(),
    Column("case_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("clock_id", UUID(as_uuid=True), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("mark", SmallInteger, nullable=False),
    _at("due_at"), _at("noted_at"),
    UniqueConstraint("clock_id", "mark"),
)

reminders = Table(  # what a citizen was reminded with before their silence counts (P5)
    "reminders", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False, index=True),
    _at("at"),
)

notices = Table(  # news for an officer, a supervisor, a head; ids and times only
    "notices", metadata, _id(),
    Column("officer_id", ForeignKey("officers.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    _at("due_at", nullable=True),
    _at("at"), _at("read_at", nullable=True),
)
Index("ix_notices_officer", notices.c.officer_id, notices.c.at)
Index("ix_notices_unread", notices.c.officer_id, postgresql_where=notices.c.read_at.is_(None))

mails = Table(  # what goes out by e-mail: whom and about what; the words are made when it is sent
    "mails", metadata, _id(),
    Column("officer_id", ForeignKey("officers.id"), nullable=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=True),
    Column("case_id", ForeignKey("cases.id"), nullable=True, index=True),  # none: it is about the installation
    Column("kind", String(32), nullable=False),
    _at("due_at", nullable=True),
    Column("state", String(16), nullable=False, server_default="pending"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _at("next_try_at"),
    Column("refusal", String(200), nullable=True),  # what the mail server said, without the address
    _at("created_at"), _at("settled_at", nullable=True),
    Column("letter_id", UUID(as_uuid=True), nullable=True, index=True),  # what went out as one mail, by its Message-ID
    _one_of("state", "pending", "sent", "undeliverable", "failed", "bounced"),
    CheckConstraint("(officer_id IS NULL) <> (contact_id IS NULL)", name="one_recipient"),
    CheckConstraint("case_id IS NOT NULL OR officer_id IS NOT NULL", name="citizens_hear_of_cases"),
)
Index("ix_mails_pending", mails.c.next_try_at, postgresql_where=mails.c.state == "pending")

asked_reminders = Table(  # what a citizen asked to be reminded of; no words, and gone when they are erased
    "asked_reminders", metadata, _id(),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("case_id", ForeignKey("cases.id"), nullable=True),
    Column("topic", String(60), nullable=True),
    _at("asked_at"), _at("due_at"),
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("message_id", ForeignKey("messages.id"), nullable=True),  # the reminder itself
    _at("settled_at", nullable=True),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    _at("try_at", nullable=True),  # after one that went wrong
    _one_of("state", "waiting", "sent", "cancelled", "failed"),
    CheckConstraint("(case_id IS NULL) <> (topic IS NULL)", name="about_one_thing"),
    CheckConstraint("(state = 'sent') = (message_id IS NOT NULL)", name="sent_as_a_message"),
)
Index("ix_asked_reminders_due", asked_reminders.c.due_at, postgresql_where=asked_reminders.c.state == "waiting")

"""The tables, one place. Rules that must hold whatever the code does are constraints here (docs/adr/0003).

Columns named `*_enc` are AES-GCM ciphertext under the data key of the row's conversation or citizen
(`store.crypto`); the row's own id is the associated data. Times are `timestamptz`; the calendar's zone is the unit's.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

APP_ROLE = "wajah_app"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _at(name: str, nullable: bool = False) -> Column:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _stored_at() -> Column:
    """The machine's own time: what measures how long something has waited while a demonstration's clock stands."""
    return Column("stored_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")

# --- the office ---------------------------------------------------------------------------------------------------

offices = Table(
    "offices", metadata, _id(),
    Column("slug", String(40), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("is_example", Boolean, nullable=False, server_default=text("false")),
    _at("created_at"),
)

units = Table(
    "units", metadata, _id(),
    Column("office_id", ForeignKey("offices.id"), nullable=False),
    Column("slug", String(40), nullable=False, unique=True),
    Column("desk", String(40), nullable=False),  # which of the catalogue's desks it is in its office
    Column("name", Text, nullable=False),
    Column("zone", String(40), nullable=False),  # IANA name: Asia/Jakarta, Asia/Makassar, Asia/Jayapura
    Column("weekly_hours", JSONB, nullable=False),  # {"0": [["08:00", "16:00"]], …}, 0 = Monday
    Column("first_reply_minutes", Integer, nullable=False, server_default="60"),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),  # takes what no topic claims
    CheckConstraint("first_reply_minutes > 0", name="first_reply_positive"),
    UniqueConstraint("office_id", "desk"),
)
Index("uq_units_one_default", units.c.office_id, unique=True, postgresql_where=units.c.is_default)

closures = Table(  # local holidays and half days; national ones come from the `holidays` library
    "closures", metadata, _id(),
    Column("unit_id", ForeignKey("units.id"), nullable=True),  # NULL: every unit
    Column("day", Date, nullable=False),
    Column("name", Text, nullable=False),
    Column("hours", JSONB, nullable=True),  # NULL: closed all day; otherwise the hours of that day
)

officers = Table(
    "officers", metadata, _id(),
    Column("unit_id", ForeignKey("units.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("login", String(80), nullable=False, unique=True),
    Column("email", Text, nullable=True),
    Column("languages", ARRAY(String(8)), nullable=False, server_default=text("'{id}'")),
    Column("password_hash", Text, nullable=False),
    Column("must_change_password", Boolean, nullable=False, server_default=text("true")),
    Column("failed_logins", SmallInteger, nullable=False, server_default="0"),
    _at("locked_until", nullable=True),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _at("last_assigned_at", nullable=True),
    Column("last_day", Date, nullable=True),  # of their duty; on the next day they are deactivated
    _at("away_since", nullable=True),  # on a break: gets no new case while somebody else is on duty
    _at("created_at"),
    _one_of("role", "officer", "supervisor", "head", "inspector", "data_officer", "auditor", "admin"),
    UniqueConstraint("id", "active"),  # what cases refer to: a case's officer cannot be inactive
)

shifts = Table(
    "shifts", metadata, _id(),
    Column("officer_id", ForeignKey("officers.id"), nullable=False, index=True),
    Column("weekday", SmallInteger, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    CheckConstraint("weekday BETWEEN 0 AND 6 AND start_time < end_time", name="shift_sane"),
)

sessions = Table(
    "sessions", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("officer_id", ForeignKey("officers.id"), nullable=False, index=True),
    Column("csrf_token", String(64), nullable=False),
    _at("created_at"), _at("seen_at"), _at("expires_at"),
)

# --- the citizen --------------------------------------------------------------------------------------------------

data_keys = Table(
    "data_keys", metadata, _id(),
    Column("kek_id", String(40), nullable=False, index=True),
    Column("wrapped", LargeBinary, nullable=True),  # NULL once destroyed: erasure
    _at("created_at"), _at("destroyed_at", nullable=True),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_means_gone"),
)

citizens = Table(
    "citizens", metadata, _id(),
    Column("data_key_id", ForeignKey("data_keys.id"), nullable=False),
    Column("language", String(8), nullable=False, server_default="id"),
    _at("consented_at", nullable=True),
    _at("created_at"),
)

consents = Table(  # append-only: what the citizen was told and what they said to it
    "consents", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("version", String(20), nullable=False),  # of the text that was shown
    Column("given", Boolean, nullable=False),
    _at("at"),
)

contacts = Table(  # where news of a case should reach the citizen
    "contacts", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("value_enc", LargeBinary, nullable=False),
    # Keyed hash, to find and deduplicate without reading.
    Column("value_hash", LargeBinary, nullable=False, index=True),
    _at("created_at"),
    _at("refused_at", nullable=True),  # the address took no mail: nothing more is sent there
    # A number gets news of the conversation that it was given in, and of no other.
    Column("conversation_id", ForeignKey("conversations.id", use_alter=True), nullable=True),
    _one_of("kind", "email", "whatsapp"),
    UniqueConstraint("citizen_id", "kind", "value_hash", "conversation_id", postgresql_nulls_not_distinct=True),
)

conversations = Table(
    "conversations", metadata, _id(),
    Column("citizen_id", ForeignKey("citizens.id"), nullable=False, index=True),
    Column("data_key_id", ForeignKey("data_keys.id"), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("office_id", ForeignKey("offices.id"), nullable=True),  # who answers for it; NULL: the first office
    # A confidential report lives alone: nobody enters by a token, what arrives is private until its turn (adr/0018).
    Column("confidential", Boolean, nullable=False, server_default=text("false")),
    Column("token_hash", LargeBinary, nullable=True),  # web: SHA-256 of the bearer token
    Column("next_seq", Integer, nullable=False, server_default="1"),
    # Who speaks (P4): NULL is the bot; changed by `services.talk.ownership.give` only, which raises the epoch.
    Column("owner_officer_id", UUID(as_uuid=True), nullable=True),
    Column("owner_epoch", Integer, nullable=False, server_default="0"),
    Column("open_case_id", UUID(as_uuid=True), nullable=True),
    Column("last_case_id", UUID(as_uuid=True), nullable=True),  # closed, and a later message reopens it
    Column("last_topic", String(60), nullable=True),
    Column("last_answer_id", UUID(as_uuid=True), nullable=True),
    _at("acknowledged_at", nullable=True),  # the last "your officer will answer", to limit their rate
    _at("last_inbound_at", nullable=True),
    _at("heard_at", nullable=True),  # WhatsApp: when the citizen wrote there last; on the case's page does not count
    _at("introduced_at", nullable=True),  # WhatsApp: when the citizen was told who this is and what becomes of it
    _at("erased_at", nullable=True),  # at its citizen's wish: nothing is written here any more (docs/adr/0039)
    _at("created_at"),
    _one_of("channel", "web", "whatsapp"),
    CheckConstraint("owner_officer_id IS NULL OR open_case_id IS NOT NULL", name="officer_owns_through_case"),
    # The officer who owns the conversation is the officer of its open case, whatever the code does.
    ForeignKeyConstraint(
        ["open_case_id", "owner_officer_id"], ["cases.id", "cases.officer_id"],
        name="fk_conversations_owner_is_cases_officer", deferrable=True, initially="DEFERRED", use_alter=True,
    ),
    ForeignKeyConstraint(["open_case_id"], ["cases.id"], name="fk_conversations_open_case_id",
                         deferrable=True, initially="DEFERRED", use_alter=True),
    ForeignKeyConstraint(["last_case_id"], ["cases.id"], name="fk_conversations_last_case_id", use_alter=True),
)

messages = Table(
    "messages", metadata, _id(),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("author", String(10), nullable=False),
    Column("officer_id", ForeignKey("officers.id"), nullable=True),
    Column("kind", String(12), nullable=False),
    Column("body_enc", LargeBinary, nullable=False),
    # What we offered: titles and payloads, no citizen's words.
    Column("buttons", JSONB(none_as_null=True), nullable=True),
    Column("in_reply_to", ForeignKey("messages.id"), nullable=True),
    Column("case_id", ForeignKey("cases.id", use_alter=True), nullable=True),
    Column("shows_case", Boolean, nullable=False, server_default=text("false")),
    Column("private", Boolean, nullable=False, server_default=text("false")),  # its citizen sees it, no officer
    Column("channel_message_id", String(200), nullable=True),  # web: the Idempotency-Key; WhatsApp: the wamid
    Column("request_hash", LargeBinary, nullable=True),  # tells a repeated key from a reused one
    # P1: an inbound message ends in exactly one of these; a trigger lets it be set once (docs/adr/0004).
    Column("fate", String(12), nullable=True),
    _at("fate_at", nullable=True),
    Column("fate_case_id", ForeignKey("cases.id", use_alter=True), nullable=True),
    Column("delivery", String(16), nullable=False, server_default="stored"),
    _at("delivered_at", nullable=True),  # when it provably came to the citizen's hands (docs/adr/0022)
    _at("created_at"),
    _at("sent_at", nullable=True),  # the sender's own timestamp, for display
    _stored_at(),
    _one_of("author", "citizen", "bot", "officer", "system"),
    _one_of("kind", "text", "payload", "location", "file", "contact", "note"),
    _one_of("fate", "answer", "case", "new_case", "command"),
    _one_of("delivery", "stored", "sent", "delivered", "read", "failed", "waiting_window", "withheld"),
    CheckConstraint("fate IS NULL OR author = 'citizen'", name="only_inbound_has_fate"),
    CheckConstraint("(fate IN ('case', 'new_case')) = (fate_case_id IS NOT NULL) OR fate IS NULL",
                    name="case_fate_names_it"),
    CheckConstraint("(author = 'officer') = (officer_id IS NOT NULL)", name="officer_is_named"),
    UniqueConstraint("conversation_id", "seq"),
)
Index("uq_messages_channel_message_id", messages.c.conversation_id, messages.c.channel_message_id, unique=True,
      postgresql_where=messages.c.channel_message_id.isnot(None))
Index("ix_messages_of_officers", messages.c.conversation_id, messages.c.seq,
      postgresql_where=text("author = 'officer'"))
Index("ix_messages_unseen", messages.c.case_id, postgresql_where=text(
    "author = 'officer' AND delivery IN ('failed', 'waiting_window') AND delivered_at IS NULL"))
Index("ix_messages_without_fate", messages.c.created_at,
      postgresql_where=text("author = 'citizen' AND fate IS NULL"))
Index("ix_messages_not_arrived", messages.c.conversation_id,
      postgresql_where=text("author = 'officer' AND delivery IN ('failed', 'waiting_window')"))
Index("ix_messages_conversation_without_fate", messages.c.conversation_id, messages.c.seq,
      postgresql_where=text("author = 'citizen' AND fate IS NULL"))

attachments = Table(
    "attachments", metadata, _id(),
    Column("message_id", ForeignKey("messages.id"), nullable=False, index=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("name_enc", LargeBinary, nullable=False),
    Column("mime", String(100), nullable=False),  # sniffed, never what the client said
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),  # of the ciphertext on disk
    _at("created_at"),
)

uploads = Table(  # a file on its way, in pieces; gone once it is a message or too old
    "uploads", metadata, _id(),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("name_enc", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("received", Integer, nullable=False, server_default="0"),
    Column("key", String(200), nullable=False),  # the Idempotency-Key it was begun with
    _at("created_at"),
    CheckConstraint("size > 0 AND received BETWEEN 0 AND size", name="size_sane"),
    UniqueConstraint("conversation_id", "key"),
)

answers = Table(  # P8: what every automated answer rested on
    "answers", metadata, _id(),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("question_id", ForeignKey("messages.id"), nullable=False),  # one message may ask two things
    Column("message_id", ForeignKey("messages.id"), nullable=False),
    Column("topic", String(60), nullable=False),
    Column("aspect", String(20), nullable=False),
    Column("step", SmallInteger, nullable=True),  # given one step a message: which one this was, from 1
    Column("intent", String(60), nullable=True),
    Column("confidence", Float, nullable=True),  # NULL: the citizen chose a button, nothing was guessed
    Column("threshold", Float, nullable=True),
    Column("ranking", JSONB, nullable=False, server_default=text("'[]'")),
    Column("model_version", String(80), nullable=True),
    Column("catalogue_version", String(80), nullable=False),
    Column("sources", JSONB, nullable=False),
    Column("reviewed", Date, nullable=False),
    _at("created_at"),
    # Thumbs up under it, while it stands there; `reacted_at`: the newest reaction of any kind, by the sender's clock.
    _at("helped_at", nullable=True), _at("reacted_at", nullable=True),
    UniqueConstraint("question_id", "topic", "aspect", "step", postgresql_nulls_not_distinct=True),
)
Index("ix_answers_message_id", answers.c.message_id)
Index("ix_answers_helped", answers.c.helped_at, postgresql_where=answers.c.helped_at.isnot(None))

outbox = Table(
    "outbox", metadata, _id(),
    Column("message_id", ForeignKey("messages.id"), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("owner_epoch", Integer, nullable=True),  # an answer of the bot: withheld when the owner has changed since
    Column("topic", String(60), nullable=True),
    Column("publication_epoch", Integer, nullable=True),
    Column("notice", String(20), nullable=True),  # what kind of news it is (domain.notice)
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _at("created_at"), _at("settled_at", nullable=True), _stored_at(),
    # `handed`: checked and given to the channel, which is at it (docs/adr/0029); the web needs no such time.
    _one_of("state", "pending", "handed", "sent", "withheld", "failed"),
)
Index("ix_outbox_handed", outbox.c.conversation_id, postgresql_where=outbox.c.state == "handed")
Index("ix_outbox_pending", outbox.c.conversation_id, outbox.c.created_at, postgresql_where=outbox.c.state == "pending")

# --- the case -----------------------------------------------------------------------------------------------------

cases = Table(
    "cases", metadata, _id(),
    Column("number", String(12), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("unit_id", ForeignKey("units.id"), nullable=False),
    Column("officer_id", UUID(as_uuid=True), nullable=False),  # P2: never cleared
    Column("status", String(20), nullable=False),
    Column("closed_reason", String(16), nullable=True),
    Column("reason", String(20), nullable=False),
    Column("topic", String(60), nullable=True),
    Column("sla_class", String(12), nullable=False),
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    Column("key_version", SmallInteger, nullable=False, server_default="0"),
    Column("events_count", Integer, nullable=False, server_default="0"),
    # `respond_by` is what the citizen was told, `reply_by` the target that is measured while they wait: a busy queue
    # moves the first, never the second.
    _at("opened_at"), _at("respond_by"), _at("resolve_by"), _at("reply_by", nullable=True),
    _at("first_replied_at", nullable=True),
    _at("waiting_since", nullable=True),  # the citizen's oldest message that no person has answered
    _at("proposed_at", nullable=True),
    Column("proposal_id", ForeignKey("messages.id", use_alter=True), nullable=True),  # the message that proposes it
    _at("closed_at", nullable=True),
    _at("undelivered_since", nullable=True),  # silence that cannot be proven: the case stays open (P5)
    Column("supervisor_id", ForeignKey("officers.id"), nullable=True),  # brought in when it went badly, by name
    Column("head_id", ForeignKey("officers.id"), nullable=True),
    Column("cause", String(16), nullable=True),  # what the trouble came from, for the office to learn
    # What an officer is pressed by next. Nothing presses while the citizen is asked or has a proposal.
    Column("next_deadline", DateTime(timezone=True), Computed(
        "CASE WHEN status = 'closed' THEN NULL WHEN status IN ('waiting_citizen', 'resolution_proposed') THEN reply_by"
        " ELSE least(reply_by, resolve_by) END", persisted=True)),
    # Offered to another unit, and there to whom by name; until somebody accepts, unit and officer stay (P6).
    Column("transfer_unit_id", ForeignKey("units.id"), nullable=True),
    Column("transfer_officer_id", ForeignKey("officers.id"), nullable=True),
    # Held for no request at all: by whom, and who confirmed it.
    Column("dismissal_by", ForeignKey("officers.id"), nullable=True),
    Column("dismissal_confirmed_by", ForeignKey("officers.id"), nullable=True),
    Column("merged_into", ForeignKey("cases.id"), nullable=True),
    # Whom a complaint is about, who spoke before it, and their superiors: it is never theirs, nor theirs to see.
    Column("kept_from", ARRAY(UUID(as_uuid=True)), nullable=False, server_default=text("'{}'")),
    Column("refusals", SmallInteger, nullable=False, server_default="0"),  # how often the citizen said *Belum*
    Column("must_be_active", Boolean, Computed("CASE WHEN status = 'closed' THEN NULL ELSE true END", persisted=True)),
    ForeignKeyConstraint(["officer_id", "must_be_active"], ["officers.id", "officers.active"],
                         name="fk_cases_officer_is_active"),
    ForeignKeyConstraint(["officer_id"], ["officers.id"], name="fk_cases_officer_id"),
    UniqueConstraint("id", "officer_id"),
    _one_of("status", "assigned", "in_progress", "waiting_citizen", "resolution_proposed", "closed"),
    _one_of("closed_reason", "confirmed", "no_reply", "withdrawn", "merged", "not_a_request"),
    _one_of("reason", "low_confidence", "disputed_answer", "disputed_decision", "asked_for_officer", "complaint",
            "individual_matter", "emergency", "confidential_report", "suspended_answer", "bot_failure",
            "unreadable_message", "repeated_question"),
    _one_of("sla_class", "information", "complaint", "inspection"),
    CheckConstraint("(status = 'closed') = (closed_reason IS NOT NULL AND closed_at IS NOT NULL)",
                    name="closed_says_why"),
    CheckConstraint("(transfer_unit_id IS NULL) = (transfer_officer_id IS NULL)"
                    " AND (transfer_unit_id IS NULL OR (status <> 'closed' AND transfer_unit_id <> unit_id))",
                    name="offered_while_open"),
    CheckConstraint("closed_reason IS DISTINCT FROM 'not_a_request'"
                    " OR (dismissal_by IS NOT NULL AND dismissal_confirmed_by IS NOT NULL"
                    " AND dismissal_by <> dismissal_confirmed_by)", name="dismissed_by_two"),
    CheckConstraint("(closed_reason IS NOT DISTINCT FROM 'merged') = (merged_into IS NOT NULL) AND merged_into <> id",
                    name="merged_says_where"),
)
Index("ix_cases_offered", cases.c.transfer_unit_id, postgresql_where=cases.c.transfer_unit_id.isnot(None))
Index("ix_cases_asked", cases.c.transfer_officer_id, postgresql_where=cases.c.transfer_officer_id.isnot(None))
Index("uq_cases_one_open_a_conversation", cases.c.conversation_id, unique=True,
      postgresql_where=cases.c.status != "closed")
_OPEN, _CLOSED = text("status <> 'closed'"), text("status = 'closed'")
_LATEST = (cases.c.closed_at.desc(), cases.c.number)
Index("ix_cases_closed_by_officer", cases.c.officer_id, *_LATEST, postgresql_where=_CLOSED)
Index("ix_cases_closed_by_unit", cases.c.unit_id, *_LATEST, postgresql_where=_CLOSED)
Index("ix_cases_closed", *_LATEST, postgresql_where=_CLOSED)
_PRESSING = (cases.c.urgent.desc(), cases.c.next_deadline, cases.c.number)
Index("ix_cases_open_by_officer", cases.c.officer_id, *_PRESSING, postgresql_where=_OPEN)
Index("ix_cases_open_by_unit", cases.c.unit_id, *_PRESSING, postgresql_where=_OPEN)
Index("ix_cases_open", *_PRESSING, postgresql_where=_OPEN)
Index("ix_cases_waiting_by_unit", cases.c.unit_id, postgresql_where=text("status <> 'closed' AND reply_by IS NOT NULL"))
Index("ix_cases_answered_by_unit", cases.c.unit_id, cases.c.first_replied_at)
Index("ix_cases_conversation_id", cases.c.conversation_id)

case_items = Table(  # what the case is about: the message that opened it, and every further dispute that joined
    "case_items", metadata, _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("message_id", ForeignKey("messages.id"), nullable=False, unique=True),
    Column("answer_id", ForeignKey("answers.id"), nullable=True),
    Column("reason", String(20), nullable=False),
    _at("created_at"),
)

APPEND_ONLY = ("case_events", "anchors", "anchor_heads", "access_log", "case_items", "publication_events",
               "consents", "corrections", "breaches", "unhelpful_replies", "ratings", "whatsapp_statuses",
               "whatsapp_events", "data_events")

"""the record"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "anchors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("prev_mac", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchors")),
    )
    op.create_table(
        "data_keys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kek_id", sa.String(length=40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name=op.f("ck_data_keys_destroyed_means_gone")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
    )
    op.create_index(op.f("ix_data_keys_kek_id"), "data_keys", ["kek_id"], unique=False)
    op.create_table(
        "offices",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_example", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offices")),
        sa.UniqueConstraint("slug", name=op.f("uq_offices_slug")),
    )
    op.create_table(
        "citizens",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("data_key_id", sa.UUID(), nullable=False),
        sa.Column("language", sa.String(length=8), server_default="id", nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.id"], name=op.f("fk_citizens_data_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_citizens")),
    )
    op.create_table(
        "units",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("office_id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("weekly_hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_reply_minutes", sa.Integer(), server_default="60", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("first_reply_minutes > 0", name=op.f("ck_units_first_reply_positive")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_units_office_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("slug", name=op.f("uq_units_slug")),
    )
    op.create_index("uq_units_one_default", "units", ["office_id"], unique=True, postgresql_where="is_default")
    op.create_table(
        "closures",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("unit_id", sa.UUID(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_closures_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value_enc", sa.LargeBinary(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('email', 'whatsapp')", name=op.f("ck_contacts_kind_known")),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_contacts_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("citizen_id", "kind", "value_hash", name=op.f("uq_contacts_citizen_id_kind_value_hash")),
    )
    op.create_index(op.f("ix_contacts_citizen_id"), "contacts", ["citizen_id"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("data_key_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("next_seq", sa.Integer(), server_default="1", nullable=False),
        sa.Column("owner_officer_id", sa.UUID(), nullable=True),
        sa.Column("owner_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_case_id", sa.UUID(), nullable=True),
        sa.Column("last_case_id", sa.UUID(), nullable=True),
        sa.Column("last_topic", sa.String(length=60), nullable=True),
        sa.Column("last_answer_id", sa.UUID(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_inbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("channel IN ('web', 'whatsapp')", name=op.f("ck_conversations_channel_known")),
        sa.CheckConstraint(
            "owner_officer_id IS NULL OR open_case_id IS NOT NULL",
            name=op.f("ck_conversations_officer_owns_through_case"),
        ),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_conversations_citizen_id")),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.id"], name=op.f("fk_conversations_data_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(op.f("ix_conversations_citizen_id"), "conversations", ["citizen_id"], unique=False)
    op.create_table(
        "officers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("unit_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("login", sa.String(length=80), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.String(length=8)), server_default=sa.text("'{id}'"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("failed_logins", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('officer', 'supervisor', 'head', 'inspector', 'data_officer', 'auditor', 'admin')",
            name=op.f("ck_officers_role_known"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_officers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officers")),
        sa.UniqueConstraint("id", "active", name=op.f("uq_officers_id_active")),
        sa.UniqueConstraint("login", name=op.f("uq_officers_login")),
    )
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_access_log_conversation_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_access_log_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )
    op.create_index(op.f("ix_access_log_conversation_id"), "access_log", ["conversation_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("unit_id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("closed_reason", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("topic", sa.String(length=60), nullable=True),
        sa.Column("sla_class", sa.String(length=12), nullable=False),
        sa.Column("key_version", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("events_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("respond_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolve_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "must_be_active",
            sa.Boolean(),
            sa.Computed("CASE WHEN status = 'closed' THEN NULL ELSE true END", persisted=True),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_reason IS NOT NULL AND closed_at IS NOT NULL)",
            name=op.f("ck_cases_closed_says_why"),
        ),
        sa.CheckConstraint(
            "closed_reason IN ('confirmed', 'no_reply', 'withdrawn', 'merged', 'not_a_request')",
            name=op.f("ck_cases_closed_reason_known"),
        ),
        sa.CheckConstraint(
            "reason IN ('low_confidence', 'disputed_answer', 'disputed_decision', 'asked_for_officer', 'complaint', "
            "'individual_matter', 'emergency', 'confidential_report', 'suspended_answer', 'bot_failure', "
            "'unreadable_message', 'repeated_question')",
            name=op.f("ck_cases_reason_known"),
        ),
        sa.CheckConstraint(
            "sla_class IN ('information', 'complaint', 'inspection')", name=op.f("ck_cases_sla_class_known")
        ),
        sa.CheckConstraint(
            "status IN ('assigned', 'in_progress', 'waiting_citizen', 'resolution_proposed', 'closed')",
            name=op.f("ck_cases_status_known"),
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_cases_conversation_id")),
        sa.ForeignKeyConstraint(
            ["officer_id", "must_be_active"], ["officers.id", "officers.active"], name="fk_cases_officer_is_active"
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name="fk_cases_officer_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_cases_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("id", "officer_id", name=op.f("uq_cases_id_officer_id")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    op.create_index("ix_cases_conversation_id", "cases", ["conversation_id"], unique=False)
    op.create_index(
        "ix_cases_open_by_officer",
        "cases",
        ["officer_id", "respond_by"],
        unique=False,
        postgresql_where=sa.text("status != 'closed'"),
    )
    op.create_index(
        "ix_cases_open_by_unit",
        "cases",
        ["unit_id", "respond_by"],
        unique=False,
        postgresql_where=sa.text("status != 'closed'"),
    )
    op.create_index(
        "uq_cases_one_open_a_conversation",
        "cases",
        ["conversation_id"],
        unique=True,
        postgresql_where=sa.text("status != 'closed'"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=10), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("buttons", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("in_reply_to", sa.UUID(), nullable=True),
        sa.Column("case_id", sa.UUID(), nullable=True),
        sa.Column("shows_case", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("channel_message_id", sa.String(length=200), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=True),
        sa.Column("fate", sa.String(length=12), nullable=True),
        sa.Column("fate_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fate_case_id", sa.UUID(), nullable=True),
        sa.Column("delivery", sa.String(length=16), server_default="stored", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(
            "(author = 'officer') = (officer_id IS NOT NULL)", name=op.f("ck_messages_officer_is_named")
        ),
        sa.CheckConstraint(
            "(fate IN ('case', 'new_case')) = (fate_case_id IS NOT NULL) OR fate IS NULL",
            name=op.f("ck_messages_case_fate_names_it"),
        ),
        sa.CheckConstraint("author IN ('citizen', 'bot', 'officer', 'system')", name=op.f("ck_messages_author_known")),
        sa.CheckConstraint(
            "delivery IN ('stored', 'sent', 'delivered', 'read', 'failed', 'waiting_window', 'withheld')",
            name=op.f("ck_messages_delivery_known"),
        ),
        sa.CheckConstraint("fate IN ('answer', 'case', 'new_case', 'command')", name=op.f("ck_messages_fate_known")),
        sa.CheckConstraint("fate IS NULL OR author = 'citizen'", name=op.f("ck_messages_only_inbound_has_fate")),
        sa.CheckConstraint(
            "kind IN ('text', 'payload', 'location', 'file', 'contact', 'note')", name=op.f("ck_messages_kind_known")
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id")),
        sa.ForeignKeyConstraint(["in_reply_to"], ["messages.id"], name=op.f("fk_messages_in_reply_to")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_messages_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "seq", name=op.f("uq_messages_conversation_id_seq")),
    )
    op.create_index(
        "ix_messages_conversation_without_fate",
        "messages",
        ["conversation_id", "seq"],
        unique=False,
        postgresql_where=sa.text("author = 'citizen' AND fate IS NULL"),
    )
    op.create_index(
        "ix_messages_without_fate",
        "messages",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("author = 'citizen' AND fate IS NULL"),
    )
    op.create_index(
        "uq_messages_channel_message_id",
        "messages",
        ["conversation_id", "channel_message_id"],
        unique=True,
        postgresql_where=sa.text("channel_message_id IS NOT NULL"),
    )
    op.create_table(
        "publications",
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("suspended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.UUID(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_publications_officer_id")),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_publications")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_sessions_officer_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_officer_id"), "sessions", ["officer_id"], unique=False)
    op.create_table(
        "shifts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=False),
        sa.Column("end_time", sa.Time(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6 AND start_time < end_time", name=op.f("ck_shifts_shift_sane")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_shifts_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index(op.f("ix_shifts_officer_id"), "shifts", ["officer_id"], unique=False)
    op.create_table(
        "anchor_heads",
        sa.Column("anchor_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["anchor_id"], ["anchors.id"], name=op.f("fk_anchor_heads_anchor_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_anchor_heads_case_id")),
        sa.PrimaryKeyConstraint("anchor_id", "case_id", name=op.f("pk_anchor_heads")),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("question_id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("aspect", sa.String(length=20), nullable=False),
        sa.Column("intent", sa.String(length=60), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("ranking", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("model_version", sa.String(length=80), nullable=True),
        sa.Column("catalogue_version", sa.String(length=80), nullable=False),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reviewed", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_answers_conversation_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_answers_message_id")),
        sa.ForeignKeyConstraint(["question_id"], ["messages.id"], name=op.f("fk_answers_question_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("question_id", name=op.f("uq_answers_question_id")),
    )
    op.create_index(op.f("ix_answers_conversation_id"), "answers", ["conversation_id"], unique=False)
    op.create_index("ix_answers_message_id", "answers", ["message_id"], unique=False)
    op.create_table(
        "attachments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("mime", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_attachments_conversation_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_attachments_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index(op.f("ix_attachments_message_id"), "attachments", ["message_id"], unique=False)
    op.create_table(
        "case_events",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.String(length=80), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_case_events_case_id_seq")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("owner_epoch", sa.Integer(), nullable=True),
        sa.Column("topic", sa.String(length=60), nullable=True),
        sa.Column("publication_epoch", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'sent', 'withheld', 'failed')", name=op.f("ck_outbox_state_known")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_outbox_conversation_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_outbox_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
    )
    op.create_index(
        "ix_outbox_pending", "outbox", ["conversation_id", "created_at"], unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "case_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("answer_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_case_items_answer_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_items_case_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_case_items_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_items")),
        sa.UniqueConstraint("message_id", name=op.f("uq_case_items_message_id")),
    )
    op.create_index(op.f("ix_case_items_case_id"), "case_items", ["case_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

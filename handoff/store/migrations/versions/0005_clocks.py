"""the clocks of a case: their marks, what was missed, who is told of it, and leave"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from handoff.store.schema import APP_ROLE

revision = "0005"
down_revision = "0004"

CHANGEABLE = ("leaves", "clocks", "tellings", "reminders", "notices", "mails")


def upgrade() -> None:
    _tables()
    _columns()
    # What is open already is counted from its old promise; its clocks are set by the first sweep (services.clocks).
    op.execute("UPDATE cases SET reply_by = respond_by WHERE status <> 'closed' AND waiting_since IS NOT NULL")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(CHANGEABLE)} TO {APP_ROLE}")
    op.execute(f"REVOKE DELETE ON clocks FROM {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON breaches TO {APP_ROLE}")


def _tables() -> None:
    op.create_table(
        "leaves",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_leaves_leave_sane")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_leaves_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leaves")),
    )
    op.create_index(op.f("ix_leaves_officer_id"), "leaves", ["officer_id"], unique=False)
    op.create_table(
        "clocks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark_1", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark_2", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark_3", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spans", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("step", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('first_reply', 'next_reply', 'receipt', 'resolution', 'question', 'closing')",
            name=op.f("ck_clocks_kind_known"),
        ),
        sa.CheckConstraint("ended_at IS NULL OR next_due_at IS NULL", name=op.f("ck_clocks_ended_is_still")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_clocks_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
    )
    op.create_index(op.f("ix_clocks_case_id"), "clocks", ["case_id"], unique=False)
    op.create_index(
        "ix_clocks_due", "clocks", ["next_due_at"], unique=False, postgresql_where=sa.text("next_due_at IS NOT NULL")
    )
    op.create_index(
        "uq_clocks_one_of_a_kind",
        "clocks",
        ["case_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=True),
        sa.Column("contact_id", sa.UUID(), nullable=True),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refusal", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'undeliverable', 'failed')", name=op.f("ck_mails_state_known")
        ),
        sa.CheckConstraint("(officer_id IS NULL) <> (contact_id IS NULL)", name=op.f("ck_mails_one_recipient")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_mails_case_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_mails_contact_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_mails_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index(op.f("ix_mails_case_id"), "mails", ["case_id"], unique=False)
    op.create_index(
        "ix_mails_pending", "mails", ["next_try_at"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_notices_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_notices_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_case_id"), "notices", ["case_id"], unique=False)
    op.create_index("ix_notices_officer", "notices", ["officer_id", "at"], unique=False)
    op.create_index(
        "ix_notices_unread", "notices", ["officer_id"], unique=False, postgresql_where=sa.text("read_at IS NULL")
    )
    op.create_table(
        "breaches",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("clock_id", sa.UUID(), nullable=False),
        sa.Column("unit_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("level IN (100, 150)", name=op.f("ck_breaches_level_known")),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_breaches_clock_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_breaches_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
        sa.UniqueConstraint("clock_id", "level", name=op.f("uq_breaches_clock_id_level")),
    )
    op.create_index(op.f("ix_breaches_case_id"), "breaches", ["case_id"], unique=False)
    op.create_table(
        "reminders",
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("clock_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_reminders_clock_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_reminders_message_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_reminders")),
    )
    op.create_index(op.f("ix_reminders_clock_id"), "reminders", ["clock_id"], unique=False)
    op.create_table(
        "tellings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("clock_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("mark", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_tellings_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tellings")),
        sa.UniqueConstraint("clock_id", "mark", name=op.f("uq_tellings_clock_id_mark")),
    )
    op.create_index(op.f("ix_tellings_case_id"), "tellings", ["case_id"], unique=False)


def _columns() -> None:
    op.add_column("cases", sa.Column("reply_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("proposal_id", sa.UUID(), nullable=True))
    op.add_column("cases", sa.Column("undelivered_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("supervisor_id", sa.UUID(), nullable=True))
    op.add_column("cases", sa.Column("head_id", sa.UUID(), nullable=True))
    op.add_column("cases", sa.Column("cause", sa.String(length=16), nullable=True))
    op.add_column(
        "cases",
        sa.Column(
            "next_deadline",
            sa.DateTime(timezone=True),
            sa.Computed(
                "CASE WHEN status = 'closed' THEN NULL WHEN status IN ('waiting_citizen', 'resolution_proposed')"
                " THEN reply_by ELSE least(reply_by, resolve_by) END",
                persisted=True,
            ),
            nullable=True,
        ),
    )
    op.drop_index(
        op.f("ix_cases_open_by_officer"), table_name="cases", postgresql_where="((status)::text <> 'closed'::text)"
    )
    op.create_index(
        "ix_cases_open_by_officer",
        "cases",
        ["officer_id", sa.text("urgent DESC"), "next_deadline", "number"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.drop_index(
        op.f("ix_cases_open_by_unit"), table_name="cases", postgresql_where="((status)::text <> 'closed'::text)"
    )
    op.create_index(
        "ix_cases_open_by_unit",
        "cases",
        ["unit_id", sa.text("urgent DESC"), "next_deadline", "number"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index("ix_cases_answered_by_unit", "cases", ["unit_id", "first_replied_at"], unique=False)
    op.create_index(
        "ix_cases_open",
        "cases",
        [sa.text("urgent DESC"), "next_deadline", "number"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "ix_cases_waiting_by_unit",
        "cases",
        ["unit_id"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed' AND reply_by IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_cases_head_id"), "cases", "officers", ["head_id"], ["id"])
    op.create_foreign_key(op.f("fk_cases_proposal_id"), "cases", "messages", ["proposal_id"], ["id"])
    op.create_foreign_key(op.f("fk_cases_supervisor_id"), "cases", "officers", ["supervisor_id"], ["id"])
    op.add_column("contacts", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

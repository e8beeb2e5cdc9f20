"""Answers that were wrong, whom that is told; reminders that citizens asked for"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0025"
down_revision = "0024"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _corrections()
    _reminders()


def _corrections() -> None:
    name = "corrections"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.String(60), nullable=False),
        sa.Column("aspect", sa.String(20), nullable=True),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("since < until", name=op.f(f"ck_{name}_correction_sane")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f(f"fk_{name}_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.execute(f"GRANT SELECT, INSERT ON {name} TO {APP_ROLE}")
    name = "corrected"
    op.create_table(
        name,
        sa.Column("correction_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("answer_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),
        sa.Column("message_id", sa.UUID(), nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'told', 'unwanted', 'erased')", name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("(state = 'told') = (message_id IS NOT NULL)", name=op.f(f"ck_{name}_told_by_a_message")),
        *(sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}")) for column, table in (
            ("correction_id", "corrections"), ("conversation_id", "conversations"), ("answer_id", "answers"),
            ("message_id", "messages"))),
        sa.PrimaryKeyConstraint("correction_id", "conversation_id", name=op.f(f"pk_{name}")),
    )
    op.create_index(f"ix_{name}_waiting", name, ["correction_id"], postgresql_where=sa.text("state = 'waiting'"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {name} TO {APP_ROLE}")


def _reminders() -> None:
    name = "asked_reminders"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=True),
        sa.Column("topic", sa.String(60), nullable=True),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),
        sa.Column("message_id", sa.UUID(), nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'cancelled')", name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("(case_id IS NULL) <> (topic IS NULL)", name=op.f(f"ck_{name}_about_one_thing")),
        sa.CheckConstraint("(state = 'sent') = (message_id IS NOT NULL)", name=op.f(f"ck_{name}_sent_as_a_message")),
        *(sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}")) for column, table in (
            ("conversation_id", "conversations"), ("case_id", "cases"), ("message_id", "messages"))),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_conversation_id"), name, ["conversation_id"])
    op.create_index(f"ix_{name}_due", name, ["due_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

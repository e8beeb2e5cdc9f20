"""WhatsApp: what is posted, part by part, and numbers that cannot send for now"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0011"
down_revision = "0010"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_outbox_state_known"), "outbox")
    op.create_check_constraint(op.f("ck_outbox_state_known"), "outbox",
                               "state IN ('pending', 'handed', 'sent', 'withheld', 'failed')")
    op.create_index("ix_outbox_handed", "outbox", ["conversation_id"], postgresql_where=sa.text("state = 'handed'"))
    op.alter_column("whatsapp_statuses", "outbox_id", new_column_name="ticket")
    op.execute("ALTER INDEX ix_whatsapp_statuses_outbox RENAME TO ix_whatsapp_statuses_ticket")
    _sends()
    op.create_table(
        "whatsapp_stops",
        sa.Column("number_id", sa.String(64), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_whatsapp_stops")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON whatsapp_sends TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON whatsapp_stops TO {APP_ROLE}")


def _sends() -> None:
    name = "whatsapp_sends"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("outbox_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("delivery", sa.String(16), nullable=False, server_default=sa.text("'stored'")),
        sa.Column("tries", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("wamid_hash", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('sending', 'waiting', 'accepted', 'failed')",
                           name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("part BETWEEN 1 AND parts", name=op.f(f"ck_{name}_part_sane")),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f(f"fk_{name}_outbox_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("outbox_id", "part", name=op.f(f"uq_{name}_outbox_id_part")),
    )
    op.create_index("ix_whatsapp_sends_pace", name, ["conversation_id", "claimed_at"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

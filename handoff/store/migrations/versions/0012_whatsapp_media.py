"""WhatsApp: files that are still to be fetched"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0012"
down_revision = "0011"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    name = "whatsapp_media"
    op.create_table(
        name,
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default=sa.text("'waiting'")),
        sa.Column("reason", sa.String(20), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'stored', 'failed')", name=op.f(f"ck_{name}_state_known")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f(f"fk_{name}_message_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f(f"pk_{name}")),
    )
    op.create_index("ix_whatsapp_media_due", name, ["due_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: templates that invite a citizen to write, when only templates may be sent"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0013"
down_revision = "0012"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    name = "whatsapp_invitations"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("outbox_id", sa.UUID(), nullable=False),
        sa.Column("template", sa.String(60), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("delivery", sa.String(16), nullable=False, server_default=sa.text("'stored'")),
        sa.Column("tries", sa.SmallInteger(), nullable=False, server_default=sa.text("1")),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('sending', 'waiting', 'accepted', 'failed')",
                           name=op.f(f"ck_{name}_state_known")),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f(f"fk_{name}_outbox_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_conversation_id"), name, ["conversation_id"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

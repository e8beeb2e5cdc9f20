"""WhatsApp's window opens with what was written there, not with what the same citizen writes on the case's page"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(  # as far as can be told: a message over WhatsApp has its sender's time
        "UPDATE conversations c SET heard_at = (SELECT max(least(i.sent_at, i.created_at)) FROM messages i"
        " WHERE i.conversation_id = c.id AND i.author = 'citizen' AND i.sent_at IS NOT NULL)"
        " WHERE channel = 'whatsapp'")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

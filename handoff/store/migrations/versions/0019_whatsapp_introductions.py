"""WhatsApp: who was told who this is; numbers that were erased"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("introduced_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE conversations c SET introduced_at = now() WHERE channel = 'whatsapp'"
               " AND EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id AND m.author <> 'citizen')")
    name = op.f("ck_whatsapp_addresses_known_by_something")
    op.drop_constraint(name, "whatsapp_addresses")
    op.create_check_constraint(name, "whatsapp_addresses",
                               "wa_hash IS NOT NULL OR user_hash IS NOT NULL OR NOT current")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: a status without our ticket is tied by the post's id; what Meta tells of a sender beside their number"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("whatsapp_invitations", sa.Column("wamid_hash", sa.LargeBinary(), nullable=True))
    for table in ("whatsapp_sends", "whatsapp_invitations"):
        op.create_index(f"ix_{table}_wamid", table, ["wamid_hash"], postgresql_where=sa.text("wamid_hash IS NOT NULL"))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: what kind of news a message is, and what a template has announced"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("notice", sa.String(20), nullable=True))
    op.add_column("whatsapp_invitations", sa.Column("covers", sa.Integer(), nullable=False,
                                                    server_default=sa.text("0")))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

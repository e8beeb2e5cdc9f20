"""Which answer ended a clock: one that WhatsApp refuses afterwards has met no promise"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("clocks", sa.Column("ended_by", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_clocks_ended_by"), "clocks", "messages", ["ended_by"], ["id"])
    op.create_index("ix_messages_unseen", "messages", ["case_id"], postgresql_where=sa.text(
        "author = 'officer' AND delivery IN ('failed', 'waiting_window') AND delivered_at IS NULL"))
    op.create_index("ix_clocks_ended_by", "clocks", ["ended_by"],
                    postgresql_where=sa.text("ended_by IS NOT NULL"))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""an officer's duty may end on a day that is known before; what they are asked to
take, and what of their words did not arrive, is found by index"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("officers", sa.Column("last_day", sa.Date(), nullable=True))
    op.create_index("ix_cases_asked", "cases", ["transfer_officer_id"],
                    postgresql_where=sa.text("transfer_officer_id IS NOT NULL"))
    op.create_index("ix_messages_not_arrived", "messages", ["conversation_id"], postgresql_where=sa.text(
        "author = 'officer' AND delivery IN ('failed', 'waiting_window')"))


def downgrade() -> None:
    op.drop_index("ix_messages_not_arrived", table_name="messages")
    op.drop_index("ix_cases_asked", table_name="cases")
    op.drop_column("officers", "last_day")

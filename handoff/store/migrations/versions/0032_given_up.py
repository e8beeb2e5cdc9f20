"""Corrections and reminders that cannot be sent are given up after some tries"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

STATES = {"corrected": "'waiting', 'told', 'unwanted', 'erased', 'failed'",
          "asked_reminders": "'waiting', 'sent', 'cancelled', 'failed'"}


def upgrade() -> None:
    for table, states in STATES.items():
        op.add_column(table, sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("try_at", sa.DateTime(timezone=True), nullable=True))
        op.drop_constraint(op.f(f"ck_{table}_state_known"), table)
        op.create_check_constraint(op.f(f"ck_{table}_state_known"), table, f"state IN ({states})")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""Mail that came back: a state of its own, and which letter a row went out with"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_mails_state_known"), "mails")
    op.create_check_constraint(op.f("ck_mails_state_known"), "mails",
                               "state IN ('pending', 'sent', 'undeliverable', 'failed', 'bounced')")
    op.add_column("mails", sa.Column("letter_id", sa.UUID(), nullable=True))
    op.create_index(op.f("ix_mails_letter_id"), "mails", ["letter_id"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""Officers' replies are looked at for each line of a list: whether they came to hand"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("ix_messages_of_officers", "messages", ["conversation_id", "seq"],
                    postgresql_where=sa.text("author = 'officer'"))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""Several offices: the desk that a unit is in its office, and the office that answers for a conversation"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("units", sa.Column("desk", sa.String(40), nullable=True))
    op.execute("UPDATE units SET desk = slug")
    op.alter_column("units", "desk", nullable=False)
    op.create_unique_constraint(op.f("uq_units_office_id_desk"), "units", ["office_id", "desk"])
    op.add_column("conversations", sa.Column("office_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_conversations_office_id"), "conversations", "offices", ["office_id"], ["id"])
    op.execute("UPDATE conversations SET office_id = a.office_id FROM whatsapp_addresses a"
               " WHERE a.conversation_id = conversations.id AND a.current")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: a sender's id across the numbers of one owner, and what they call themselves"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

NAME = "whatsapp_addresses"


def upgrade() -> None:
    for column in ("parent_hash", "parent_enc", "name_enc"):
        op.add_column(NAME, sa.Column(column, sa.LargeBinary(), nullable=True))
    op.drop_constraint(op.f(f"ck_{NAME}_hashed_and_sealed"), NAME)
    op.create_check_constraint(
        op.f(f"ck_{NAME}_hashed_and_sealed"), NAME,
        "(wa_hash IS NULL) = (wa_enc IS NULL) AND (user_hash IS NULL) = (user_enc IS NULL)"
        " AND (parent_hash IS NULL) = (parent_enc IS NULL)",
    )
    op.create_index(f"ix_{NAME}_parent", NAME, ["number_id", "parent_hash"],
                    postgresql_where=sa.text("parent_hash IS NOT NULL"))


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

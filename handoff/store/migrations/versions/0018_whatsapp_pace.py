"""WhatsApp: texts that go out as one message, and how fast a number may go"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0018"
down_revision = "0017"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("whatsapp_sends", sa.Column("carrier_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_whatsapp_sends_carrier_id"), "whatsapp_sends", "whatsapp_sends", ["carrier_id"],
                          ["id"])
    op.create_index("ix_whatsapp_sends_carried", "whatsapp_sends", ["carrier_id"],
                    postgresql_where=sa.text("carrier_id IS NOT NULL"))
    op.create_table(
        "whatsapp_paces",
        sa.Column("number_id", sa.String(64), nullable=False),
        sa.Column("free_at", TIME, nullable=False),
        sa.Column("slowed", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("slowed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_whatsapp_paces")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON whatsapp_paces TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: whose conversation a number is, every status, everything else that came"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True)
APPEND_ONLY = ("whatsapp_statuses", "whatsapp_events")


def upgrade() -> None:
    _addresses()
    _statuses()
    _events()
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON whatsapp_addresses TO {APP_ROLE}")
    op.execute(f"REVOKE ALL ON {', '.join(APPEND_ONLY)} FROM {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON {', '.join(APPEND_ONLY)} TO {APP_ROLE}")


def _addresses() -> None:
    name = "whatsapp_addresses"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("office_id", sa.UUID(), nullable=False),
        sa.Column("number_id", sa.String(64), nullable=False),
        sa.Column("wa_hash", sa.LargeBinary(), nullable=True),
        sa.Column("wa_enc", sa.LargeBinary(), nullable=True),
        sa.Column("user_hash", sa.LargeBinary(), nullable=True),
        sa.Column("user_enc", sa.LargeBinary(), nullable=True),
        sa.Column("current", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("wa_hash IS NOT NULL OR user_hash IS NOT NULL", name=op.f(f"ck_{name}_known_by_something")),
        sa.CheckConstraint(
            "(wa_hash IS NULL) = (wa_enc IS NULL) AND (user_hash IS NULL) = (user_enc IS NULL)",
            name=op.f(f"ck_{name}_hashed_and_sealed"),
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f(f"fk_{name}_office_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_conversation_id"), name, ["conversation_id"])
    op.create_index("uq_whatsapp_addresses_wa", name, ["number_id", "wa_hash"], unique=True,
                    postgresql_where=sa.text("current"))
    op.create_index("ix_whatsapp_addresses_user", name, ["number_id", "user_hash"],
                    postgresql_where=sa.text("user_hash IS NOT NULL"))
    op.create_index("ix_whatsapp_addresses_wa_hash", name, ["wa_hash"])


def _statuses() -> None:
    name = "whatsapp_statuses"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("wamid_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("outbox_id", sa.UUID(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("details", sa.String(500), nullable=True),
        sa.Column("at", TIME, nullable=True),
        sa.Column("received_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index("uq_whatsapp_statuses_once", name, ["wamid_hash", "status"], unique=True)
    op.create_index("ix_whatsapp_statuses_outbox", name, ["outbox_id"])


def _events() -> None:
    name = "whatsapp_events"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("number_id", sa.String(64), nullable=True),
        sa.Column("conversation_id", sa.UUID(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("data_key_id", sa.UUID(), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('unread', 'fault', 'reaction', 'system', 'failed')",
                           name=op.f(f"ck_{name}_kind_known")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.id"], name=op.f(f"fk_{name}_data_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("digest", name=op.f(f"uq_{name}_digest")),
    )
    op.create_index(op.f(f"ix_{name}_conversation_id"), name, ["conversation_id"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

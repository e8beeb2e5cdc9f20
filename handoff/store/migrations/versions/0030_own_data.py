"""Citizens see, take and erase their data: uses of these rights, one-time links, erasures and what is left of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from handoff.store.schema import APP_ROLE

revision = "0030"
down_revision = "0029"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("conversations", sa.Column("erased_at", TIME, nullable=True))
    _events()
    _links()
    _erasures()
    _leftovers()


def _events() -> None:
    name = "data_events"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("actor_kind", sa.String(10), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=True),
        sa.Column("detail", sa.String(200), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("actor_kind IN ('citizen', 'officer', 'system')", name=op.f(f"ck_{name}_actor_kind_known")),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f(f"fk_{name}_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_citizen_id"), name, ["citizen_id"])
    op.execute(f"GRANT SELECT, INSERT ON {name} TO {APP_ROLE}")


def _links() -> None:
    name = "data_links"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_hash", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.CheckConstraint("(session_hash IS NULL) = (used_at IS NULL)", name=op.f(f"ck_{name}_used_once")),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f(f"fk_{name}_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{name}_token_hash")),
        sa.UniqueConstraint("session_hash", name=op.f(f"uq_{name}_session_hash")),
    )
    op.create_index(op.f(f"ix_{name}_citizen_id"), name, ["citizen_id"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {APP_ROLE}")


def _erasures() -> None:
    name = "erasures"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("receipt_hash", sa.LargeBinary(), nullable=False),
        sa.Column("agreed", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("asked_by", sa.String(80), nullable=True),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("destroyed_at", TIME, nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),
        sa.Column("counts", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'cancelled', 'blocked', 'destroyed', 'done')",
                           name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("(state IN ('destroyed', 'done')) = (destroyed_at IS NOT NULL)",
                           name=op.f(f"ck_{name}_destroyed_when")),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f(f"fk_{name}_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("receipt_hash", name=op.f(f"uq_{name}_receipt_hash")),
    )
    op.create_index(op.f(f"ix_{name}_citizen_id"), name, ["citizen_id"])
    op.create_index("uq_erasures_one_waiting", name, ["citizen_id"], unique=True,
                    postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("ix_erasures_open", name, ["due_at"],
                    postgresql_where=sa.text("state IN ('waiting', 'destroyed')"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {name} TO {APP_ROLE}")


def _leftovers() -> None:
    name = "erasure_leftovers"
    op.create_table(
        name,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("erasure_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.CheckConstraint("kind IN ('file', 'upload', 'tracker')", name=op.f(f"ck_{name}_kind_known")),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f(f"fk_{name}_erasure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_erasure_id"), name, ["erasure_id"])
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {name} TO {APP_ROLE}")
    name = "whatsapp_forgotten"
    op.create_table(
        name,
        sa.Column("message_key", sa.String(200), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("message_key", name=op.f(f"pk_{name}")),
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""confidential reports: a conversation of their own, messages that no officer sees, whom a report is kept from"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from handoff.store.schema import APP_ROLE

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for table, column in (("conversations", "confidential"), ("messages", "private")):
        op.add_column(table, sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_table(
        "confidential_reports",
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("kept_from", postgresql.ARRAY(sa.UUID()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("origin_hash", sa.LargeBinary(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("link_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_confidential_reports_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_confidential_reports")),
        sa.UniqueConstraint("origin_hash", name=op.f("uq_confidential_reports_origin_hash")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_confidential_reports_link_hash")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON confidential_reports TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

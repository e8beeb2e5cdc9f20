"""every suspension and republication of an answer: who, why, when (P8); append-only"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "publication_events",
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_publication_events_officer_id")),
        sa.PrimaryKeyConstraint("topic", "epoch", name=op.f("pk_publication_events")),
    )
    op.execute(f"GRANT SELECT, INSERT ON publication_events TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

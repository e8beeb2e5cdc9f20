"""Public figures are counted from time to time and kept"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from handoff.store.schema import APP_ROLE

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    name = "public_figures"
    op.create_table(
        name,
        sa.Column("one", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.CheckConstraint("one", name=op.f(f"ck_{name}_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f(f"pk_{name}")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

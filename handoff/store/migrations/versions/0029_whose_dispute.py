"""An answer that was suspended names the case whose dispute showed that it is wrong"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    for table in ("publications", "publication_events"):
        op.add_column(table, sa.Column("case_id", sa.UUID(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_case_id"), table, "cases", ["case_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

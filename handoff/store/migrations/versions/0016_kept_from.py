"""from whom a complaint is kept stands on its case, so that every way to get it or to see it asks the same row"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("cases", sa.Column(
        "kept_from", postgresql.ARRAY(sa.UUID()), server_default=sa.text("'{}'"), nullable=False
    ))


def downgrade() -> None:
    op.drop_column("cases", "kept_from")

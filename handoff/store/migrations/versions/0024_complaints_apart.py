"""Complaints about who owned the conversation they were written in: which ones there are, from where"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    name = "complaints_apart"
    op.create_table(
        name,
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("own_conversation_id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{name}_case_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f(f"fk_{name}_conversation_id")),
        sa.ForeignKeyConstraint(["own_conversation_id"], ["conversations.id"],
                                name=op.f(f"fk_{name}_own_conversation_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f(f"fk_{name}_officer_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_conversation_id"), name, ["conversation_id"])
    op.execute(f"GRANT SELECT, INSERT ON {name} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

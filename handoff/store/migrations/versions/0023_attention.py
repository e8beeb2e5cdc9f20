"""Blue ticks, thumbs up, and mail about the installation itself"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0023"
down_revision = "0022"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "whatsapp_reads",
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("marked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"],
                                name=op.f("fk_whatsapp_reads_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_whatsapp_reads")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON whatsapp_reads TO {APP_ROLE}")
    op.create_index("ix_whatsapp_sends_claimed_at", "whatsapp_sends", ["claimed_at"], postgresql_using="brin")
    op.add_column("answers", sa.Column("helped_at", TIME, nullable=True))
    op.add_column("answers", sa.Column("reacted_at", TIME, nullable=True))
    op.create_index("ix_answers_helped", "answers", ["helped_at"], postgresql_where=sa.text("helped_at IS NOT NULL"))
    op.alter_column("mails", "case_id", nullable=True)
    op.create_check_constraint(op.f("ck_mails_citizens_hear_of_cases"), "mails",
                               "case_id IS NOT NULL OR officer_id IS NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""WhatsApp: news to numbers that citizens chose elsewhere, and numbers that want none"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0020"
down_revision = "0019"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("contacts", sa.Column("conversation_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_contacts_conversation_id"), "contacts", "conversations", ["conversation_id"], ["id"])
    op.drop_constraint(op.f("uq_contacts_citizen_id_kind_value_hash"), "contacts")
    op.create_unique_constraint(
        op.f("uq_contacts_citizen_id_kind_value_hash_conversation_id"), "contacts",
        ["citizen_id", "kind", "value_hash", "conversation_id"], postgresql_nulls_not_distinct=True,
    )
    op.create_index(op.f("ix_contacts_value_hash"), "contacts", ["value_hash"])
    name = "whatsapp_invitations"
    for column in (
        sa.Column("contact_id", sa.UUID(), nullable=True), sa.Column("case_id", sa.UUID(), nullable=True),
        sa.Column("notice", sa.String(20), nullable=True), sa.Column("hinted_at", TIME, nullable=True),
    ):
        op.add_column(name, column)
    for column, table in (("contact_id", "contacts"), ("case_id", "cases")):
        op.create_foreign_key(op.f(f"fk_{name}_{column}"), name, table, [column], ["id"])
    op.create_index(op.f(f"ix_{name}_contact_id"), name, ["contact_id"])
    op.create_index(f"ix_{name}_news_due", name, ["due_at"],
                    postgresql_where=sa.text("contact_id IS NOT NULL AND state IN ('sending', 'waiting')"))
    for column in ("outbox_id", "template"):
        op.alter_column(name, column, nullable=True)
    op.create_check_constraint(
        op.f(f"ck_{name}_announces_or_tells"), name,
        "(contact_id IS NULL AND outbox_id IS NOT NULL AND template IS NOT NULL)"
        " OR (contact_id IS NOT NULL AND outbox_id IS NULL AND case_id IS NOT NULL AND notice IS NOT NULL)",
    )
    optouts = "whatsapp_optouts"
    op.create_table(
        optouts,
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("number_hash", name=op.f(f"pk_{optouts}")),
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {optouts} TO {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

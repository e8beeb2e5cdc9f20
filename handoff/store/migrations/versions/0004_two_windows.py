"""what the two windows keep: consents, files on their way, the officers' desks, the search through keyed hashes"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0004"
down_revision = "0003"

CHANGEABLE = ("uploads", "drafts", "presences", "read_marks", "search_words")


def upgrade() -> None:
    op.add_column("officers", sa.Column("away_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("answers", sa.Column("step", sa.SmallInteger(), nullable=True))
    op.add_column("cases", sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    _citizens()
    _desks()
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(CHANGEABLE)} TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON consents TO {APP_ROLE}")


def _citizens() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("citizen_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_consents_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_citizen_id"), "consents", ["citizen_id"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size > 0 AND received BETWEEN 0 AND size", name=op.f("ck_uploads_size_sane")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_uploads_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("conversation_id", "key", name=op.f("uq_uploads_conversation_id_key")),
    )
    op.create_index(op.f("ix_uploads_conversation_id"), "uploads", ["conversation_id"])


def _desks() -> None:
    op.create_table(
        "drafts", *_officer_and("case", "drafts"),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("id", name=op.f("uq_drafts_id")),
    )
    op.create_table(
        "presences", *_officer_and("case", "presences"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("typed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "read_marks", *_officer_and("conversation", "read_marks"),
        sa.Column("seq", sa.Integer(), nullable=False),
    )
    op.create_table(
        "search_words",
        sa.Column("word_hash", sa.LargeBinary(), nullable=False),
        sa.Column("conversation_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_search_words_conversation_id"),
        ),
        sa.PrimaryKeyConstraint("word_hash", "conversation_id", name=op.f("pk_search_words")),
    )
    op.create_index("ix_search_words_conversation_id", "search_words", ["conversation_id"])


def _officer_and(what: str, table: str) -> list[sa.schema.SchemaItem]:
    """Columns and keys of a table that has a row for an officer and one of `what`."""
    return [
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column(f"{what}_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f(f"fk_{table}_officer_id")),
        sa.ForeignKeyConstraint([f"{what}_id"], [f"{what}s.id"], name=op.f(f"fk_{table}_{what}_id")),
        sa.PrimaryKeyConstraint("officer_id", f"{what}_id", name=op.f(f"pk_{table}")),
    ]


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

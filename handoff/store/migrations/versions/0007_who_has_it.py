"""who has a case and what was said of it: transfers, referrals, two persons' dismissals, merging, ratings"""

import sqlalchemy as sa
from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0007"
down_revision = "0006"

OFFICERS = ("transfer_officer_id", "dismissal_by", "dismissal_confirmed_by")
OFFERED = """(transfer_unit_id IS NULL) = (transfer_officer_id IS NULL)
    AND (transfer_unit_id IS NULL OR (status <> 'closed' AND transfer_unit_id <> unit_id))"""
DISMISSED = """closed_reason IS DISTINCT FROM 'not_a_request'
    OR (dismissal_by IS NOT NULL AND dismissal_confirmed_by IS NOT NULL AND dismissal_by <> dismissal_confirmed_by)"""
MERGED = "(closed_reason IS NOT DISTINCT FROM 'merged') = (merged_into IS NOT NULL) AND merged_into <> id"


def upgrade() -> None:
    for column, table in (("transfer_unit_id", "units"), *((name, "officers") for name in OFFICERS),
                          ("merged_into", "cases")):
        op.add_column("cases", sa.Column(column, sa.UUID(), nullable=True))
        op.create_foreign_key(op.f(f"fk_cases_{column}"), "cases", table, [column], ["id"])
    op.add_column("cases", sa.Column("refusals", sa.SmallInteger(), nullable=False, server_default="0"))
    for name, rule in (("offered_while_open", OFFERED), ("dismissed_by_two", DISMISSED), ("merged_says_where", MERGED)):
        op.create_check_constraint(op.f(f"ck_cases_{name}"), "cases", rule)
    op.create_index("ix_cases_offered", "cases", ["transfer_unit_id"],
                    postgresql_where=sa.text("transfer_unit_id IS NOT NULL"))
    _transfers()
    _referrals()
    _opinions()
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON transfers, referrals TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON unhelpful_replies, ratings TO {APP_ROLE}")


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.UUID(), nullable=False),
        *(sa.Column(name, sa.UUID(), nullable=False)
          for name in ("case_id", "from_unit_id", "to_unit_id", "asked_by", "asked_id")),
        sa.Column("outcome", sa.String(length=10), nullable=False, server_default="pending"),
        sa.Column("answered_by", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_transfers_{name}"))
          for name, table in (("case_id", "cases"), ("from_unit_id", "units"), ("to_unit_id", "units"),
                              ("asked_by", "officers"), ("asked_id", "officers"), ("answered_by", "officers"))),
        sa.CheckConstraint("outcome IN ('pending', 'accepted', 'declined', 'withdrawn')",
                           name=op.f("ck_transfers_outcome_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_case_id"), "transfers", ["case_id"])
    op.create_index("uq_transfers_one_pending", "transfers", ["case_id"], unique=True,
                    postgresql_where=sa.text("outcome = 'pending'"))


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("officer_id", sa.UUID(), nullable=False),
        sa.Column("ask_again_on", sa.Date(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referrals_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_referrals_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
    )
    op.create_index(op.f("ix_referrals_case_id"), "referrals", ["case_id"])
    op.create_index("ix_referrals_due", "referrals", ["ask_again_on"],
                    postgresql_where=sa.text("ask_again_on IS NOT NULL AND reminded_at IS NULL"))


def _opinions() -> None:
    op.create_table(
        "unhelpful_replies",
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_unhelpful_replies_message_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_unhelpful_replies_case_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_unhelpful_replies")),
    )
    op.create_index(op.f("ix_unhelpful_replies_case_id"), "unhelpful_replies", ["case_id"])
    op.create_table(
        "ratings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("comment_enc", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_ratings_stars_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_ratings_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
    )
    op.create_index(op.f("ix_ratings_case_id"), "ratings", ["case_id"])


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

"""A million cases: the lists of closed ones, and the events of a day, by index"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

CLOSED = sa.text("status = 'closed'")


def upgrade() -> None:
    latest = [sa.text("closed_at DESC"), "number"]
    op.create_index("ix_cases_closed_by_officer", "cases", ["officer_id", *latest], postgresql_where=CLOSED)
    op.create_index("ix_cases_closed_by_unit", "cases", ["unit_id", *latest], postgresql_where=CLOSED)
    op.create_index("ix_cases_closed", "cases", latest, postgresql_where=CLOSED)
    op.create_index("ix_case_events_at", "case_events", ["at"], postgresql_using="brin",
                    postgresql_with={"autosummarize": "on"})

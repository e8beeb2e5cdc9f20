"""several answers to one question, each once: two questions in one message, or an answer given step by step"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_constraint("uq_answers_question_id", "answers", type_="unique")
    op.create_unique_constraint(
        "uq_answers_question_id_topic_aspect_step", "answers", ["question_id", "topic", "aspect", "step"],
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

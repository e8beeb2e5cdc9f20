"""what the database refuses whatever the code does: circular keys, a second fate, a rewritten record"""

from importlib.resources import files

from alembic import op

from handoff.store.schema import APP_ROLE

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("case_events", "anchors", "anchor_heads", "access_log", "case_items")  # as of this revision

CIRCULAR_KEYS = (
    (
        "conversations",
        "fk_conversations_owner_is_cases_officer",
        "(open_case_id, owner_officer_id)",
        "(id, officer_id)",
        True,
    ),
    ("conversations", "fk_conversations_open_case_id", "(open_case_id)", "(id)", True),
    ("conversations", "fk_conversations_last_case_id", "(last_case_id)", "(id)", False),
    ("messages", "fk_messages_case_id", "(case_id)", "(id)", False),
    ("messages", "fk_messages_fate_case_id", "(fate_case_id)", "(id)", False),
)

# A fate is set once. The one exception: an answer that was withheld before it was sent is no answer, so its question
# goes to the officer instead.
FATE_GUARD = """
CREATE FUNCTION keep_fate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.fate = 'answer' AND NEW.fate IN ('case', 'new_case') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'message % already has the fate %', OLD.id, OLD.fate USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER messages_keep_fate BEFORE UPDATE OF fate, fate_case_id ON messages FOR EACH ROW
    WHEN (OLD.fate IS NOT NULL AND (NEW.fate, NEW.fate_case_id) IS DISTINCT FROM (OLD.fate, OLD.fate_case_id))
    EXECUTE FUNCTION keep_fate();
"""


def upgrade() -> None:
    for table, name, columns, target, deferred in CIRCULAR_KEYS:
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES cases {target}"
            + (" DEFERRABLE INITIALLY DEFERRED" if deferred else "")
        )
    op.execute(FATE_GUARD)
    _run(files("procrastinate.sql").joinpath("schema.sql").read_text(encoding="utf-8"))
    # Finished jobs are deleted at once, todo jobs come and go: keep these tables small and their pages warm.
    op.execute("ALTER TABLE procrastinate_jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)")
    _grant()


def _run(script: str) -> None:
    """A script with `$$` bodies and `%`: straight to the driver, which takes several statements at once."""
    op.get_bind().connection.cursor().execute(script)


def _grant() -> None:
    op.execute(f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        CREATE ROLE {APP_ROLE} NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, '{APP_ROLE}', 'SET') THEN
        EXECUTE format('GRANT {APP_ROLE} TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- somebody else made the role and logs in as it: the owner need not become it
END $$""")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}")
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(APPEND_ONLY)} FROM {APP_ROLE}")
    op.execute(f"REVOKE DELETE ON messages, answers, cases, conversations, officers FROM {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the record is append-only: restore a backup instead")

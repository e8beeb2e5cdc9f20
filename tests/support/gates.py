"""Holding a real message at one exact step of its way, without a hook in the product.

The test installs triggers in the house's database. Each waits for a lock named after the step and the conversation; it
is free unless a test holds it. So the process that takes the step stands still inside its own transaction, and can be
killed there.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psycopg

from handoff.embedded import SUPERUSER
from handoff.home import Home
from tests.support.waiting import until

# step: when the trigger fires. A deferred trigger runs inside COMMIT: the row is stored although the process that
# stored it is dead by then.
STEPS = {
    "receiving": "BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.author = 'citizen')",
    "acknowledging": "AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                     " WHEN (NEW.author = 'citizen')",
    "speaking": "AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.author = 'officer')",
    "opening": "BEFORE INSERT ON cases FOR EACH ROW",
    "storing": "BEFORE INSERT ON answers FOR EACH ROW",
    "stored": "AFTER INSERT ON answers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
    "sending": "BEFORE UPDATE ON outbox FOR EACH ROW",
    "finishing": "BEFORE DELETE ON procrastinate_jobs FOR EACH ROW WHEN (OLD.task_name = 'turn')",
}
_FUNCTION = """
CREATE OR REPLACE FUNCTION public.test_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext(TG_ARGV[0]), hashtext(coalesce(one ->> 'conversation_id', one ->> 'lock')));
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$
"""
_LOCK = "hashtext(%s), hashtext(%s)"


def install(home: Home) -> None:
    """Puts a gate at every step; all of them open."""
    with psycopg.connect(home.cluster.url(SUPERUSER)) as connection:
        connection.execute(_FUNCTION)
        for step, moment in STEPS.items():
            kind = "CONSTRAINT TRIGGER" if "DEFERRABLE" in moment else "TRIGGER"
            statement = f"CREATE {kind} test_{step} {moment} EXECUTE FUNCTION public.test_gate('{step}')"
            connection.execute(statement.encode())


@dataclass
class Gate:
    """The closed gate of one step of one conversation."""

    connection: psycopg.Connection
    step: str
    conversation_id: str

    @classmethod
    def close(cls, home: Home, step: str, conversation_id: str) -> Gate:
        """From now on nobody takes this step in this conversation."""
        assert step in STEPS
        connection = psycopg.connect(home.cluster.url(SUPERUSER), autocommit=True)
        connection.execute(f"SELECT pg_advisory_lock({_LOCK})".encode(), [step, conversation_id])
        return cls(connection, step, conversation_id)

    def until_reached(self, seconds: float = 30.0) -> None:
        """Waits until somebody stands before it."""
        waiting = """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND classid::bigint::bit(32) = hashtext(%s)::bit(32) AND objid::bigint::bit(32) = hashtext(%s)::bit(32)
        """
        until(
            lambda: self.connection.execute(waiting, [self.step, self.conversation_id]).fetchone() != (0,), seconds,
            f"{self.step} of {self.conversation_id}",
        )

    def open(self) -> None:
        """Lets everybody through; a database that is gone has opened it already."""
        with contextlib.suppress(psycopg.Error):
            self.connection.close()

"""Migrations, run by the owner role only."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

FOLDER = Path(__file__).parent / "migrations"
LOCK = 7267001  # two starts at once: the second waits and finds nothing to do


def upgrade(owner_url: str) -> None:
    """Bring the database at `owner_url` to the newest schema; one transaction, safe to run by several at once."""
    engine = _engine(owner_url)
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()
    finally:
        engine.dispose()


def pending(owner_url: str) -> bool:
    """Whether the database is older than this program."""
    engine = _engine(owner_url)
    try:
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return bool(present != ScriptDirectory.from_config(_config()).get_current_head())


def _engine(url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=sqlalchemy.NullPool,
        connect_args={"connect_timeout": 5},
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config

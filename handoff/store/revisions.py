"""Which revision the program brings and which the database has, without loading Alembic: a start looks here first."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

VERSIONS = Path(__file__).parent / "migrations" / "versions"
_ASSIGNED = re.compile(r'^(revision|down_revision)\s*=\s*"([^"]+)"', re.MULTILINE)


def newest() -> str:
    """The revision that no other comes after."""
    found = [match for file in VERSIONS.glob("*.py") for match in _ASSIGNED.findall(file.read_text(encoding="utf-8"))]
    revisions, precursors = ({value for kind, value in found if kind == name} for name in ("revision", "down_revision"))
    (head,) = revisions - precursors
    return head


def present(connection: psycopg.Connection) -> str | None:
    """The database's revision; None for a fresh one."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        connection.rollback()
        return None
    return str(row[0]) if row else None

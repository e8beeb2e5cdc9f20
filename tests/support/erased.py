"""Everything that an installation keeps, searched for what must not be there any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from handoff.store import db, erasure
from handoff.store.schema_rights import erasures


def found(superuser_url: str, home: Path, traces: dict[str, bytes]) -> list[str]:
    """Where any of the traces stands: in a cell of any table of the database, as text or as bytes, or in a file."""
    places = []
    with psycopg.connect(superuser_url) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')").fetchall()]
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}".encode()).fetchall():
                places += [f"{table}: {name}" for name, trace in traces.items()
                           if any(trace in as_bytes(cell) for cell in row)]
    for file in home.rglob("*"):
        if file.is_file():
            try:
                content = file.read_bytes()
            except FileNotFoundError:  # a running database removes some
                continue
            places += [f"{file.name}: {name}" for name, trace in traces.items() if trace in content]
    return places


def as_bytes(cell: object) -> bytes:
    """The cell as it could be read."""
    if isinstance(cell, (bytes, memoryview)):
        return bytes(cell)
    return str(cell).encode()


async def forget(runtime: Any, citizen_id: UUID) -> None:
    """The citizen is erased now, whatever waits."""
    async with db.transaction(runtime.pool) as connection:
        erasure_id, at = uuid4(), runtime.clock()
        await connection.execute(erasures.insert().values(
            id=erasure_id, citizen_id=citizen_id, receipt_hash=erasure_id.bytes, agreed=[], asked_at=at, due_at=at,
            state="destroyed", destroyed_at=at,
        ))
        forgotten = await erasure.forget(connection, citizen_id, erasure_id, at)
    for key_id in forgotten.keys:
        runtime.keyring.forget(key_id)

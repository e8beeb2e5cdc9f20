"""Alembic's entry: the connection comes from `store.migrate`, nothing is configured by files."""

from alembic import context

from handoff.store import (  # noqa: F401  (their tables)
    schema_clocks,
    schema_desk,
    schema_moves,
    schema_record,
    schema_whatsapp,
)
from handoff.store.schema import metadata


def _ours(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, include_name=_ours,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

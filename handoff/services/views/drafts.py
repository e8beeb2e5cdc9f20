"""What an officer has begun to write on a case: kept on the server, under the citizen's own key, until it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.services.errors import NotFound, TooLarge
from handoff.services.runtime import Runtime
from handoff.services.talk.inbox import TEXT_CHARACTERS
from handoff.store import db
from handoff.store.crypto import ContentGone, seal_json, unseal_json
from handoff.store.schema import cases, conversations
from handoff.store.schema_desk import drafts

KINDS = ("reply", "note", "propose", "ask")  # the boxes of a case, by `data-action`


async def keep(runtime: Runtime, officer: Row[Any], case_id: UUID, texts: Mapping[str, str]) -> None:
    """Keep these texts in place of what was kept; boxes without a word are forgotten. The last device wins.

    Raises `TooLarge`, `NotFound`.
    """
    written = {kind: text for kind in KINDS if (text := texts.get(kind, "")).strip()}
    if any(len(text) > TEXT_CHARACTERS for text in written.values()):
        raise TooLarge()
    async with db.transaction(runtime.pool) as connection:
        await _write(runtime, connection, officer, case_id, written)


async def kept(runtime: Runtime, officer: Row[Any], case_id: UUID) -> dict[str, str]:
    """What this officer has begun to write on the case; nothing once the citizen's content was erased."""
    async with db.transaction(runtime.pool) as connection:
        return await _read(runtime, connection, officer, case_id)


async def drop(runtime: Runtime, officer: Row[Any], case_id: UUID, kind: str) -> None:
    """That box was sent; the others are kept."""
    async with db.transaction(runtime.pool) as connection:
        written = await _read(runtime, connection, officer, case_id)
        if written.pop(kind, None) is not None:
            await _write(runtime, connection, officer, case_id, written)


async def _read(runtime: Runtime, connection: AsyncConnection, officer: Row[Any], case_id: UUID) -> dict[str, str]:
    row = (await connection.execute(
        select(drafts).where(drafts.c.officer_id == officer.id, drafts.c.case_id == case_id).with_for_update()
    )).one_or_none()
    if row is None:
        return {}
    try:
        body: dict[str, str] = unseal_json(await _key(runtime, connection, case_id), row.id, row.body_enc)
    except ContentGone:
        return {}
    return body


async def _write(
    runtime: Runtime, connection: AsyncConnection, officer: Row[Any], case_id: UUID, written: dict[str, str]
) -> None:
    if not written:
        await connection.execute(
            delete(drafts).where(drafts.c.officer_id == officer.id, drafts.c.case_id == case_id)
        )
        return
    draft_id = uuid4()
    try:
        body = seal_json(await _key(runtime, connection, case_id), draft_id, written)
    except ContentGone:
        raise NotFound() from None
    columns = {"id": draft_id, "body_enc": body, "updated_at": runtime.clock()}
    await connection.execute(
        upsert(drafts).values(officer_id=officer.id, case_id=case_id, **columns)
        .on_conflict_do_update(index_elements=["officer_id", "case_id"], set_=columns)
    )


async def _key(runtime: Runtime, connection: AsyncConnection, case_id: UUID) -> bytes:
    key_id = (await connection.execute(
        select(conversations.c.data_key_id).join(cases, cases.c.conversation_id == conversations.c.id)
        .where(cases.c.id == case_id)
    )).scalar_one_or_none()
    if key_id is None:
        raise NotFound()
    return await runtime.keyring.open(connection, key_id)

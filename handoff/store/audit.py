"""The audit chain (P10): what happened to a case, append-only, each event hashed over the one before it.

    hash(n) = SHA-256(hash(n-1) | canonical header of n | SHA-256(ciphertext of n))

Hashes cover ciphertext, so the chain still verifies after a citizen's key is destroyed. Every hour the heads of all
chains that grew are anchored: `mac(k) = HMAC(key, mac(k-1) | root(k))`, with a key that the database never sees. Who
can write to the database but lacks the key cannot rewrite an anchored event unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Subquery, Table, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.settings import Settings
from handoff.store.crypto import seal_json
from handoff.store.schema import cases
from handoff.store.schema_record import anchor_heads, anchors, case_events

GENESIS = bytes(32)
ANCHOR_SECONDS = 3600  # P10: at least hourly
LATE = timedelta(days=1)  # no event is stored longer after its time
PAGE = 1000


class BrokenLink(Exception):
    """The first place where the record does not verify: `where`, and `how`."""

    def __init__(self, where: str, how: str) -> None:
        super().__init__(f"{where}: {how}")
        self.where, self.how = where, how


def event_hash(previous: bytes, header: list[Any], body: bytes) -> bytes:
    """The hash of one event from the hash before it, its header and its ciphertext."""
    canonical = json.dumps(header, separators=(",", ":")).encode()
    return hashlib.sha256(previous + canonical + hashlib.sha256(body).digest()).digest()


def _header(
    event_id: UUID, case_id: UUID, seq: int, kind: str, actor_kind: str, actor_id: str | None, at: datetime
) -> list[Any]:
    return [str(event_id), str(case_id), seq, kind, actor_kind, actor_id, _stamp(at)]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


async def append(
    connection: AsyncConnection, *, case_id: UUID, data_key: bytes, kind: str, actor_kind: str,
    actor_id: str | None, at: datetime, body: dict[str, Any],
) -> int:
    """Write one event of the case; the caller holds the conversation's lock. Returns the event's number."""
    seq = (await connection.execute(
        update(cases).where(cases.c.id == case_id).values(events_count=cases.c.events_count + 1)
        .returning(cases.c.events_count)
    )).scalar_one()
    previous = GENESIS
    if seq > 1:
        previous = (await connection.execute(
            select(case_events.c.hash).where(case_events.c.case_id == case_id, case_events.c.seq == seq - 1)
        )).scalar_one()
    event_id = uuid4()
    sealed = seal_json(data_key, event_id, body)
    await connection.execute(insert(case_events).values(
        id=event_id, case_id=case_id, seq=seq, type=kind, actor_kind=actor_kind, actor_id=actor_id, at=at,
        body_enc=sealed, prev_hash=previous,
        hash=event_hash(previous, _header(event_id, case_id, seq, kind, actor_kind, actor_id, at), sealed),
    ))
    return int(seq)


def _root(heads: list[tuple[UUID, int, bytes]]) -> bytes:
    digest = hashlib.sha256()
    for case_id, seq, head in sorted(heads, key=lambda h: h[0].bytes):
        digest.update(case_id.bytes + seq.to_bytes(8, "big") + head)
    return digest.digest()


def _mac(key: bytes, previous: bytes, at: datetime, root: bytes) -> bytes:
    return hmac.new(key, previous + _stamp(at).encode() + root, hashlib.sha256).digest()


async def anchor(connection: AsyncConnection, settings: Settings, at: datetime) -> bytes:
    """Anchor the heads of all chains that grew since they were last anchored; an empty anchor is made too, so that
    a missing hour shows. Returns the anchor's MAC, which belongs in a log outside the database."""
    await connection.execute(select(func.pg_advisory_xact_lock(7267002)))  # one anchor at a time
    last = (await connection.execute(select(anchors).order_by(anchors.c.id.desc()).limit(1))).one_or_none()
    previous = last.mac if last is not None else GENESIS
    heads = await _grown(connection, _since(last.at if last is not None else None, at))
    root = _root(heads)
    mac = _mac(settings.derived_key("audit-anchor"), previous, at, root)
    anchor_id = (await connection.execute(
        insert(anchors).values(at=at, root=root, prev_mac=previous, mac=mac).returning(anchors.c.id)
    )).scalar_one()
    if heads:
        await connection.execute(insert(anchor_heads), [
            {"anchor_id": anchor_id, "case_id": case_id, "seq": seq, "hash": head} for case_id, seq, head in heads
        ])
    return mac


def _since(last: datetime | None, at: datetime) -> datetime | None:
    """How far back to look for events that are not anchored, from the last anchor and now: a transaction is stored a
    little after the time that its event bears. None: at all of them, which a million cases make slow, so only once a
    day, and after a clock was set back."""
    if last is None or at < last or at.astimezone(UTC).date() != last.astimezone(UTC).date():
        return None
    return last - LATE


async def _grown(connection: AsyncConnection, since: datetime | None) -> list[tuple[UUID, int, bytes]]:
    """The last event of each chain that has none of its events since then anchored."""
    made = select(anchors.c.id).where(anchors.c.at >= since) if since is not None else None
    anchored = _last_seq(anchor_heads, *([anchor_heads.c.anchor_id.in_(made)] if made is not None else []))
    found = (
        select(case_events.c.case_id, case_events.c.seq, case_events.c.hash)
        .join(cases, and_(cases.c.id == case_events.c.case_id, cases.c.events_count == case_events.c.seq))
        .outerjoin(anchored, anchored.c.case_id == case_events.c.case_id)
        .where(func.coalesce(anchored.c.seq, 0) < case_events.c.seq)
    )
    if since is not None:
        found = found.where(case_events.c.at >= since)
    return [(row.case_id, row.seq, row.hash) for row in (await connection.execute(found)).all()]


def _last_seq(table: Table, *which: ColumnElement[bool]) -> Subquery:
    """The highest event number of each case in `table`."""
    highest = func.max(table.c.seq).label("seq")
    return select(table.c.case_id, highest).where(*which).group_by(table.c.case_id).subquery()


async def last_anchor_at(connection: AsyncConnection) -> datetime | None:
    """When the record was last anchored."""
    return (await connection.execute(select(func.max(anchors.c.at)))).scalar_one_or_none()


async def verify(connection: AsyncConnection, settings: Settings) -> dict[str, int]:
    """Check every chain and every anchor. Returns how much was checked; raises `BrokenLink` at the first fault."""
    events = 0
    last: tuple[UUID, int, bytes] | None = None
    async for row in _events(connection):
        if last is not None and row.case_id == last[0]:
            expected, previous = last[1] + 1, last[2]
        else:
            expected, previous = 1, GENESIS
        where = f"case {row.number}, event {row.seq}"
        if row.seq != expected:
            raise BrokenLink(f"case {row.number}, event {expected}", "is missing")
        if row.prev_hash != previous:
            raise BrokenLink(where, "does not follow the event before it")
        header = _header(row.id, row.case_id, row.seq, row.type, row.actor_kind, row.actor_id, row.at)
        if row.hash != event_hash(previous, header, row.body_enc):
            raise BrokenLink(where, "was changed after it was written")
        last = (row.case_id, row.seq, row.hash)
        events += 1
    await _verify_counts(connection)
    return {"events": events, "anchors": await _verify_anchors(connection, settings.derived_key("audit-anchor"))}


async def _events(connection: AsyncConnection) -> AsyncIterator[Any]:
    result = await connection.stream(
        select(case_events, cases.c.number).join(cases, cases.c.id == case_events.c.case_id)
        .order_by(case_events.c.case_id, case_events.c.seq), execution_options={"yield_per": PAGE},
    )
    async for row in result:
        yield row


async def _verify_counts(connection: AsyncConnection) -> None:
    written = _last_seq(case_events)
    row = (await connection.execute(
        select(cases.c.number, cases.c.events_count).outerjoin(written, written.c.case_id == cases.c.id)
        .where(func.coalesce(written.c.seq, 0) != cases.c.events_count).order_by(cases.c.number).limit(1)
    )).first()
    if row is not None:
        raise BrokenLink(f"case {row.number}, event {row.events_count}", "is missing")


async def _verify_anchors(connection: AsyncConnection, key: bytes) -> int:
    previous, checked = GENESIS, 0
    for row in (await connection.execute(select(anchors).order_by(anchors.c.id))).all():
        where = f"anchor {row.id} of {row.at.isoformat(timespec='seconds')}"
        if row.prev_mac != previous or row.mac != _mac(key, previous, row.at, row.root):
            raise BrokenLink(where, "was not made with our key, or one before it is missing")
        heads = (await connection.execute(
            select(anchor_heads.c.case_id, anchor_heads.c.seq, anchor_heads.c.hash, case_events.c.hash.label("now"),
                   cases.c.number)
            .outerjoin(case_events, and_(
                case_events.c.case_id == anchor_heads.c.case_id, case_events.c.seq == anchor_heads.c.seq
            ))
            .outerjoin(cases, cases.c.id == anchor_heads.c.case_id)
            .where(anchor_heads.c.anchor_id == row.id).order_by(cases.c.number.nulls_first())
        )).all()
        if _root([(h.case_id, h.seq, h.hash) for h in heads]) != row.root:
            raise BrokenLink(where, "its list of cases was changed")
        for head in heads:
            if head.number is None:
                raise BrokenLink(where, f"case {head.case_id} was removed, with everything that happened in it")
            if head.now != head.hash:
                raise BrokenLink(where, f"event {head.seq} of case {head.number} is no longer what was anchored")
        previous, checked = row.mac, checked + 1
    return checked

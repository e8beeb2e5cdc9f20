"""One encryption scheme (docs/adr/0005): a data key for each citizen, wrapped by a key with an id.

Content is `version (1 byte) | nonce (12) | AES-256-GCM ciphertext`, with the row's id as associated data, so that a
ciphertext moved to another row does not open. Destroying the data key erases everything written with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.settings import Settings
from handoff.store.schema import data_keys

VERSION = b"\x01"
NONCE_BYTES = 12
KEPT_KEYS = 10_000  # data keys held in memory; about 3 MB
KEPT_SECONDS = 5.0  # for which one is held: what another process has destroyed is gone here too, soon after


class ContentGone(Exception):
    """The content was erased (its data key is destroyed)."""


class UnknownKey(Exception):
    """The database names a wrapping key that this installation does not have."""


class ContentTampered(Exception):
    """The ciphertext was changed, or belongs to another row."""


def seal(key: bytes, row_id: UUID, content: bytes) -> bytes:
    """`content` encrypted under `key` (32 bytes), bound to `row_id`."""
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, content, row_id.bytes)


def unseal(key: bytes, row_id: UUID, sealed: bytes) -> bytes:
    """What `seal` was given. Raises `ContentTampered` when the bytes or the row differ, `ContentGone` for none."""
    if not sealed:
        raise ContentGone(str(row_id))
    if sealed[:1] != VERSION:
        raise ContentTampered(f"unknown encryption version in row {row_id}")
    nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, row_id.bytes)
    except InvalidTag:
        raise ContentTampered(f"the content of row {row_id} does not belong to it") from None


def seal_json(key: bytes, row_id: UUID, value: Any) -> bytes:
    """`value` as compact JSON, sealed."""
    return seal(key, row_id, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unseal_json(key: bytes, row_id: UUID, sealed: bytes) -> Any:
    """What `seal_json` was given."""
    return json.loads(unseal(key, row_id, sealed))


class Keyring:
    """The wrapping keys of this installation, and the data keys unwrapped in the last seconds."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrapping = dict(settings.data_keys)
        self._current = settings.data_keys[0][0]
        self._blind = settings.derived_key("blind-index")
        self._opened: OrderedDict[UUID, tuple[bytes, float]] = OrderedDict()  # with until when; the oldest first

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the wrapping keys at hand."""
        return frozenset(self._wrapping)

    async def create(self, connection: AsyncConnection, at: datetime) -> UUID:
        """A new data key, stored wrapped; its id."""
        key_id, key = uuid4(), AESGCM.generate_key(256)
        wrapped = seal(self._wrapping[self._current], key_id, key)
        await connection.execute(
            insert(data_keys).values(id=key_id, kek_id=self._current, wrapped=wrapped, created_at=at)
        )
        self._remember(key_id, key)
        return key_id

    async def open(self, connection: AsyncConnection, key_id: UUID) -> bytes:
        """The data key. Raises `ContentGone` when it was destroyed, `UnknownKey` when we cannot unwrap it."""
        kept = self._opened.get(key_id)
        if kept is not None and self._now() < kept[1]:
            return kept[0]
        row = (await connection.execute(
            select(data_keys.c.kek_id, data_keys.c.wrapped).where(data_keys.c.id == key_id)
        )).one_or_none()
        if row is None or row.wrapped is None:
            self.forget(key_id)
            raise ContentGone(str(key_id))
        key = self.unwrap(key_id, row.kek_id, row.wrapped)
        self._remember(key_id, key)
        return key

    def unwrap(self, key_id: UUID, kek_id: str, wrapped: bytes) -> bytes:
        """The data key inside `wrapped`. Raises `UnknownKey`."""
        if kek_id not in self._wrapping:
            raise UnknownKey(kek_id)
        return unseal(self._wrapping[kek_id], key_id, wrapped)

    def forget(self, key_id: UUID) -> None:
        """Drop a destroyed key from memory."""
        self._opened.pop(key_id, None)

    def blind(self, purpose: str, value: str) -> bytes:
        """A keyed hash of `value`: finds equal values without storing them readable."""
        return hmac.new(self._blind, f"{purpose}\0{value}".encode(), hashlib.sha256).digest()

    def _remember(self, key_id: UUID, key: bytes) -> None:
        now = self._now()
        self._opened.pop(key_id, None)
        self._opened[key_id] = (key, now + KEPT_SECONDS)
        while len(self._opened) > KEPT_KEYS or next(iter(self._opened.values()))[1] <= now:
            self._opened.popitem(last=False)

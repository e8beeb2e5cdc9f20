"""Officers and their signing in: one-time passwords, lock-out, sessions.

argon2 takes a tenth of a second and 64 MiB on purpose; it runs in a thread, and nobody's transaction waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import argon2
from sqlalchemy import Row, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.case import Role
from handoff.domain.language import INDONESIAN
from handoff.services.errors import Conflict, Forbidden, NotFound, TooMany, Unauthorized, Unprocessable
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import officers, sessions, units

FAILURES = 5
LOCKED = timedelta(minutes=15)
IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)  # how often a busy session's row is touched
PASSWORD_CHARACTERS = range(12, 257)
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
_HASHER = argon2.PasswordHasher()


@dataclass(frozen=True)
class Joined:
    """A new officer; the one-time password exists here and nowhere else."""

    id: UUID
    login: str
    one_time_password: str


@dataclass(frozen=True)
class Session:
    """An officer who has signed in: their row with `unit_slug` and `unit_name`, and what ties requests to them."""

    officer: Row[Any]
    token_hash: bytes
    csrf_token: str


# --- officers ---------------------------------------------------------------------------------------------------------


async def add_officer(
    runtime: Runtime, *, name: str, title: str, unit: str, role: Role, email: str | None = None,
    login: str | None = None, languages: Sequence[str] = (INDONESIAN,),
) -> Joined:
    """A new officer with a one-time password. `unit` is a slug or a name; the login comes from the name unless given;
    `languages` are ISO 639-1 codes.

    Raises `NotFound` for an unknown unit, `Unprocessable` for an empty name or title or an unusable login,
    `Conflict("login_taken")`.
    """
    password = new_password()
    (password_hash,) = await hashed([password])
    async with db.transaction(runtime.pool) as connection:
        unit_id = (await connection.execute(
            select(units.c.id).where(or_(units.c.slug == unit, func.lower(units.c.name) == unit.strip().lower()))
            .order_by((units.c.slug == unit).desc()).limit(1)
        )).scalar_one_or_none()
        if unit_id is None:
            raise NotFound()
        officer_id, login = await enlist(
            connection, unit_id=unit_id, name=name, title=title, role=role, email=email, login=login,
            password_hash=password_hash, at=runtime.clock(),
        )
        await connection.execute(
            update(officers).where(officers.c.id == officer_id).values(languages=list(dict.fromkeys(languages)))
        )
    return Joined(officer_id, login, password)


async def enlist(
    connection: AsyncConnection, *, unit_id: UUID, name: str, title: str, role: Role, email: str | None,
    login: str | None, password_hash: str, at: datetime,
) -> tuple[UUID, str]:
    """The row of a new officer, part of the caller's transaction; the id and the login. Raises as `add_officer`."""
    name, title = name.strip(), title.strip()
    if not name or not title or (login is not None and not _LOGIN.fullmatch(login)):
        raise Unprocessable()
    for candidate in [login] if login else _logins(name):
        officer_id = (await connection.execute(
            postgresql.insert(officers).values(
                id=uuid4(), unit_id=unit_id, name=name, title=title, role=role.value, login=candidate, email=email,
                password_hash=password_hash, created_at=at,
            ).on_conflict_do_nothing(index_elements=["login"]).returning(officers.c.id)
        )).scalar_one_or_none()
        if officer_id is not None:
            return officer_id, candidate
    raise Conflict("login_taken")


def _logins(name: str) -> itertools.chain[str]:
    """`Dr. Siti Nur Rahayu, M.Si.` → siti.rahayu, siti.rahayu2, siti.rahayu3, …"""
    plain = unicodedata.normalize("NFKD", name.partition(",")[0]).encode("ascii", "ignore").decode().lower()
    words = [re.sub(r"[^a-z0-9]", "", word) for word in plain.split() if not word.endswith(".")]
    words = [word for word in words if word]
    base = ".".join(dict.fromkeys((words or ["petugas"])[:1] + words[-1:]))[:50]
    return itertools.chain([base], (f"{base}{number}" for number in itertools.count(2)))


def new_password() -> str:
    """A one-time password that can be read out over the telephone; 59 bits."""
    letters = [secrets.choice(_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


async def hashed(passwords: list[str]) -> list[str]:
    """Each password's argon2id hash, made off the event loop."""
    return await asyncio.to_thread(lambda: [_HASHER.hash(_spelled(password)) for password in passwords])


# --- signing in -------------------------------------------------------------------------------------------------------


def spelled(login: str) -> str:
    """A login as it is stored; "" for what cannot be one."""
    login = login.strip().lower()
    return login if _LOGIN.fullmatch(login) else ""


async def sign_in(runtime: Runtime, login: str, password: str, *, known: bool = False) -> tuple[str, Session]:
    """A new session and its token, which is stored hashed only. `known`: from a browser in which this officer has
    signed in before, whose failures the caller limits: strangers' failures do not keep them out, nor do theirs count.

    Raises `Unauthorized("wrong_login")`; after five failures in a row `TooMany("locked")` for a quarter of an hour,
    for the right password too.
    """
    who = officers.c.login == spelled(login)
    officer_id, rehashed = await (_prove_known if known else _prove)(runtime, who, password)
    token, at = secrets.token_urlsafe(32), runtime.clock()
    async with db.transaction(runtime.pool) as connection:
        if rehashed or not known:
            await _forgive(connection, officer_id, rehashed)
        await connection.execute(delete(sessions).where(
            sessions.c.officer_id == officer_id, or_(sessions.c.expires_at <= at, sessions.c.seen_at <= at - IDLE)
        ))
        await connection.execute(postgresql.insert(sessions).values(
            token_hash=_hash(token), officer_id=officer_id, csrf_token=secrets.token_urlsafe(32), created_at=at,
            seen_at=at, expires_at=at + ABSOLUTE,
        ))
    session = await session_of(runtime, token)
    if session is None:  # deactivated in this very moment
        raise Unauthorized("wrong_login")
    return token, session


async def _prove(runtime: Runtime, who: Any, password: str) -> tuple[UUID, str | None]:
    """The officer whose password this is, and a fresh hash where the parameters have changed.

    The attempt is counted before it is judged, so that a hundred guesses at once are no more than five.
    """
    at = runtime.clock()
    fresh = officers.c.locked_until <= at  # a lock that has run out: count anew
    count = case((fresh, 1), else_=officers.c.failed_logins + 1)
    async with db.transaction(runtime.pool) as connection:
        known = (await connection.execute(
            update(officers).where(who, officers.c.active, or_(officers.c.locked_until.is_(None), fresh)).values(
                failed_logins=count, locked_until=case((count >= FAILURES, at + LOCKED), else_=None),
            ).returning(officers.c.id, officers.c.password_hash)
        )).one_or_none()
        if known is None:
            locked_until = (await connection.execute(
                select(officers.c.locked_until).where(who, officers.c.active)
            )).scalar_one_or_none()
            if locked_until is not None:
                raise TooMany("locked", retry_after=max(1.0, (locked_until - at).total_seconds()))
    right, rehashed = await asyncio.to_thread(_judge, known.password_hash if known else _nobodys_hash(), password)
    if known is None or not right:
        raise Unauthorized("wrong_login")
    return known.id, rehashed


async def _prove_known(runtime: Runtime, who: Any, password: str) -> tuple[UUID, str | None]:
    """The officer whose password this is; nothing is counted, and no lock looked at."""
    async with db.statement(runtime.pool) as connection:
        found = (await connection.execute(
            select(officers.c.id, officers.c.password_hash).where(who, officers.c.active)
        )).one_or_none()
    right, rehashed = await asyncio.to_thread(_judge, found.password_hash if found else _nobodys_hash(), password)
    if found is None or not right:
        raise Unauthorized("wrong_login")
    return found.id, rehashed


def _judge(password_hash: str, password: str) -> tuple[bool, str | None]:
    """Whether it is the password, and its new hash if the old one has old parameters; slow on purpose."""
    spelled = _spelled(password)
    try:
        _HASHER.verify(password_hash, spelled)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False, None
    return True, _HASHER.hash(spelled) if _HASHER.check_needs_rehash(password_hash) else None


def _nobodys_hash() -> str:
    """What the password for an unknown login is compared with, so that it takes as long as for a known one."""
    h = _HASHER
    return f"$argon2id$v=19$m={h.memory_cost},t={h.time_cost},p={h.parallelism}${'A' * 22}${'A' * 43}"


def _spelled(password: str) -> bytes:
    """The same password, whichever way a keyboard composes its letters; what is too long to be one is cut."""
    return unicodedata.normalize("NFKC", password[: PASSWORD_CHARACTERS.stop]).encode("utf-8", "surrogatepass")


async def _forgive(connection: AsyncConnection, officer_id: UUID, rehashed: str | None) -> None:
    values = {"failed_logins": 0, "locked_until": None} | ({"password_hash": rehashed} if rehashed else {})
    await connection.execute(update(officers).where(officers.c.id == officer_id).values(**values))


# --- sessions ---------------------------------------------------------------------------------------------------------


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def session_of(runtime: Runtime, token: str, *, active: bool = True) -> Session | None:
    """The session that the token opens; None when it has ended or its officer has left.

    `active`: somebody does something, so the twelve idle hours begin again.
    """
    at, token_hash = runtime.clock(), _hash(token)
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(
            select(officers, units.c.slug.label("unit_slug"), units.c.name.label("unit_name"),
                   units.c.zone.label("unit_zone"), sessions.c.csrf_token, sessions.c.seen_at)
            .join(officers, officers.c.id == sessions.c.officer_id).join(units, units.c.id == officers.c.unit_id)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires_at > at, sessions.c.seen_at > at - IDLE,
                   officers.c.active)
        )).one_or_none()
        if row is None:
            return None
        if active and at - row.seen_at >= SEEN_EVERY:
            await connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at=at))
    return Session(row, token_hash, row.csrf_token)


async def sign_out(runtime: Runtime, token: str) -> None:
    """End the session; harmless when it has ended."""
    async with db.statement(runtime.pool) as connection:
        await connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))


async def change_password(runtime: Runtime, session: Session, old: str, new: str) -> None:
    """A password of the officer's own choice; every other session of theirs ends.

    Raises `Unprocessable("weak_password")`, `Forbidden("wrong_password")`; wrong ones count as failed sign-ins, so
    `TooMany("locked")` too.
    """
    if len(new) not in PASSWORD_CHARACTERS or _spelled(new) == _spelled(old):
        raise Unprocessable("weak_password")
    try:
        officer_id, _ = await _prove(runtime, officers.c.id == session.officer.id, old)
    except Unauthorized:
        raise Forbidden("wrong_password") from None
    (password_hash,) = await hashed([new])
    async with db.transaction(runtime.pool) as connection:
        await _forgive(connection, officer_id, password_hash)
        await connection.execute(update(officers).where(officers.c.id == officer_id).values(must_change_password=False))
        await connection.execute(delete(sessions).where(
            sessions.c.officer_id == officer_id, sessions.c.token_hash != session.token_hash
        ))

"""Commands on an installation's record, whether it runs now or not. Each opens the database, does one thing, and says
in one sentence why it could not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import yaml
from sqlalchemy import select

from handoff.channels.whatsapp import check
from handoff.domain.calendar import CalendarError
from handoff.domain.case import Role
from handoff.domain.language import INDONESIAN
from handoff.embedded import EmbeddedError
from handoff.home import HomeError, reachable_database
from handoff.services.errors import NotFound, ServiceError
from handoff.services.people import duty, founding, staff
from handoff.services.runtime import Runtime
from handoff.settings import Settings
from handoff.store import audit, db, revisions
from handoff.store.schema import units

ANCHOR_AGE = timedelta(seconds=audit.ANCHOR_SECONDS)


class CommandError(Exception):
    """The command cannot be carried out; the text is one sentence that says why, or what to do."""


@dataclasses.dataclass(frozen=True)
class Verified:
    """What was checked, and what should be looked into although every link holds."""

    counts: dict[str, int]
    warning: str | None


def add_officer(
    settings: Settings, *, name: str, title: str, unit: str, role: str, email: str | None, login: str | None,
    languages: list[str] | None = None,
) -> dict[str, str]:
    """Add an officer; their `login` and `one_time_password`. Blocking. Raises `CommandError`."""

    async def add(runtime: Runtime) -> dict[str, str]:
        try:
            new = await staff.add_officer(
                runtime, name=name, title=title, unit=unit, role=Role(role), email=email, login=login,
                languages=languages or [INDONESIAN],
            )
        except NotFound:
            async with db.statement(runtime.pool) as connection:
                slugs = (await connection.execute(select(units.c.slug).order_by(units.c.slug))).scalars().all()
            there_are = f"there are {', '.join(slugs)}" if slugs else "the office has none yet"
            raise CommandError(f"There is no unit {unit!r}; {there_are}.") from None
        except ServiceError as refusal:
            reason = {"login_taken": f"The login {login!r} is taken."}
            raise CommandError(reason.get(refusal.code, "A name and a title are needed; a login is a-z, 0-9, . _ -.")) \
                from None
        return {"login": new.login, "one_time_password": new.one_time_password}

    return _with_runtime(settings, add)


def add_office(settings: Settings, file: Path) -> list[dict[str, str]]:
    """Make the office that the file describes, beside those there are; its officers with their one-time passwords.
    Blocking. Raises `CommandError`."""
    try:
        office = founding.Office.of(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CommandError(f"{file} is no YAML.") from None
    except founding.NotAnOffice as error:
        raise CommandError(f"{file} describes no office: {error}.") from None

    async def add(runtime: Runtime) -> list[dict[str, str]]:
        try:
            return await founding.found(runtime, office)
        except ServiceError:
            raise CommandError("The short name of the office or of one of its units is taken.") from None

    return _with_runtime(settings, add)


def deactivate_officer(settings: Settings, login: str) -> dict[str, int]:
    """An officer leaves; how many open cases `moved` to somebody else by name. Blocking. Raises `CommandError`."""

    async def leave(runtime: Runtime) -> dict[str, int]:
        try:
            return {"moved": len(await duty.deactivate(runtime, None, login))}
        except NotFound:
            raise CommandError(f"There is no active officer {login!r}.") from None
        except ServiceError:
            raise CommandError(f"Nobody else can take the open cases of {login!r}; add an officer first.") from None

    return _with_runtime(settings, leave)


def change_calendar(settings: Settings, change: Callable[[Runtime], Awaitable[int]]) -> int:
    """Change hours or days off and re-date the open cases; how many moved. Blocking. Raises `CommandError`."""

    async def work(runtime: Runtime) -> int:
        try:
            return await change(runtime)
        except NotFound:
            raise CommandError("There is no such unit.") from None
        except (CalendarError, ServiceError) as error:
            raise CommandError(f"That is no calendar: {error}.") from None

    return _with_runtime(settings, work)


def verify_record(settings: Settings) -> Verified:
    """Check every chain and anchor. Blocking. Raises `store.audit.BrokenLink` at the first fault, `CommandError`."""

    async def verify(runtime: Runtime) -> Verified:
        async with db.transaction(runtime.pool) as connection:
            counts = await audit.verify(connection, runtime.settings)
            last = await audit.last_anchor_at(connection)
        if not counts["events"] or (last is not None and runtime.clock() - last <= ANCHOR_AGE):
            return Verified(counts, None)
        since = f"since {last.isoformat(timespec='seconds')}" if last else "ever"
        return Verified(counts, f"The record was not anchored {since}; it should be every hour: does the worker run?")

    return _with_runtime(settings, verify)


def _with_runtime[T](settings: Settings, work: Callable[[Runtime], Awaitable[T]]) -> T:
    async def run(database_url: str) -> T:
        runtime = Runtime.create(dataclasses.replace(settings, database_url=database_url), pool_size=1)
        try:
            return await work(runtime)
        finally:
            await runtime.close()

    with _database(settings) as url:
        try:
            return asyncio.run(run(url))
        except db.DatabaseAway as error:
            raise CommandError(f"The database went away: {error}") from error


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The application's address of a database that is as new as this program."""
    try:
        with reachable_database(settings) as urls:
            with psycopg.connect(urls.app, connect_timeout=db.CONNECT_SECONDS) as connection:
                present = revisions.present(connection)
            if present != revisions.newest():
                raise CommandError("The database is not of this version; run `python -m handoff db upgrade`.")
            yield urls.app
    except (HomeError, EmbeddedError) as error:
        raise CommandError(str(error)) from error
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise CommandError(f"The database cannot be reached: {reason.strip()}") from error


def whatsapp_check(settings: Settings) -> int:
    """Print what WhatsApp needs and has; 1 when something is missing."""
    async def found() -> list[check.Finding]:
        return [finding async for finding in check.check(settings)]

    findings = asyncio.run(found())
    for finding in findings:
        mark, advice = ("FAIL", f". {finding.advice}") if finding.advice else ("ok", "")
        print(f"{mark:4}  {finding.text}{advice}")
    return int(any(finding.advice for finding in findings))

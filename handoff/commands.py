"""Commands on an installation's record, whether it runs now or not. Each opens the database, does one thing, and says
in one sentence why it could not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import psycopg
import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.channels.whatsapp import check
from handoff.domain.calendar import CalendarError
from handoff.domain.case import Role
from handoff.domain.language import INDONESIAN
from handoff.embedded import EmbeddedError
from handoff.home import HomeError, reachable_database
from handoff.services.errors import Forbidden, NotFound, ServiceError
from handoff.services.people import duty, founding, staff
from handoff.services.rights import desk as rights
from handoff.services.rights import erasing, links
from handoff.services.runtime import Runtime
from handoff.settings import Settings
from handoff.store import audit, db, revisions
from handoff.store.crypto import ContentGone
from handoff.store.schema import units
from handoff.web import data_copy, html

#: Finds the citizen whom a command names. Raises `NotFound`, `Conflict("several")`.
Finder = Callable[[Runtime, AsyncConnection], Awaitable[UUID]]
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


def export_citizen(settings: Settings, who: Finder, login: str, reference: str, out: Path) -> dict[str, Any]:
    """Write a copy of the citizen's data to the new file `out`, readable by its owner only; what is in it. Blocking.
    Raises `CommandError`."""

    async def export(runtime: Runtime) -> dict[str, Any]:
        with _rights_refused(login):
            async with db.transaction(runtime.pool) as connection:
                officer = await rights.data_officer(connection, login)
                citizen_id = await who(runtime, connection)
            with _new_file(out) as file:
                copy = await rights.copy_for(runtime, officer, citizen_id, reference)
                template = html.Look().templates.get_template("data_copy.html")
                async with data_copy.packed(runtime, copy, template) as made:
                    shutil.copyfileobj(made, file)
        return {"file": str(out), "cases": [case["number"] for case in copy.facts["cases"]], "files": len(copy.files),
                "messages": sum(len(one["messages"]) for one in copy.facts["conversations"])}

    return _with_runtime(settings, export)


def erase_citizen(
    settings: Settings, who: Finder, login: str, reference: str, *, withdraw: bool, now: bool
) -> dict[str, Any]:
    """Have the citizen erased in a day, or `now`; when, or how much went. `withdraw`: they agreed that their open cases
    end. Blocking. Raises `CommandError`."""

    async def erase(runtime: Runtime) -> dict[str, Any]:
        with _rights_refused(login):
            async with db.transaction(runtime.pool) as connection:
                officer = await rights.data_officer(connection, login)
                citizen_id = await who(runtime, connection)
                if await rights.is_erased(connection, citizen_id):
                    raise CommandError("That citizen is erased already.")
            asked = await rights.erase_for(runtime, officer, citizen_id, reference, withdraw=withdraw,
                                           grace=timedelta() if now else erasing.GRACE)
        if not now:
            return {"erased_at": asked.due_at.isoformat(timespec="seconds"),
                    "receipt": f"{runtime.settings.base_url}/data/bukti/{asked.receipt}"}
        if not await erasing.destroy(runtime, asked.id):
            raise CommandError("A message of the citizen has just come; the worker erases them once it is dealt with.")
        await erasing.clear_away(runtime)
        found = await links.receipt(runtime, asked.receipt)
        return {"erased": found.counts, "cleared_away": found.state == "done",
                "receipt": f"{runtime.settings.base_url}/data/bukti/{asked.receipt}"}

    return _with_runtime(settings, erase)


def named_citizen(*, case: str | None, contact: str | None, citizen: UUID | None) -> Finder:
    """How a command finds the citizen whom it names in one of three ways."""

    async def who(runtime: Runtime, connection: AsyncConnection) -> UUID:
        if case is not None:
            return await rights.by_case(connection, case)
        if contact is not None:
            return await rights.by_address(runtime, connection, contact)
        assert citizen is not None
        return citizen

    return who


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that nobody else can read; gone again when it cannot be completed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _rights_refused(login: str) -> Iterator[None]:
    """What the data officer is told."""
    try:
        yield
    except Forbidden:
        raise CommandError(f"{login!r} is no active data officer.") from None
    except NotFound:
        raise CommandError("There is no such citizen, or none who may be found so.") from None
    except ContentGone:
        raise CommandError("That citizen is erased already.") from None
    except ServiceError as refusal:
        said = {
            "several": "Several citizens have given that address; name a case instead.",
            "bad_reference": "--reference is the number of the citizen's letter: 3 to 80 letters, digits, . / ( ) -.",
            "open_cases": f"Open cases: {refusal.facts.get('numbers')}. Ask the citizen whether these may end; "
                          "then add --withdraw.",
            "waiting": "That was asked for already; the worker does it at its time.",
            "unavailable": "The store of files cannot be reached; try again later.",
        }
        raise CommandError(said.get(refusal.code, f"It was refused: {refusal.code}.")) from None


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

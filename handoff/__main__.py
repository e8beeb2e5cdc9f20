"""The command line: `python -m handoff <command>`. Each command imports what it needs, so none pays for the others."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from handoff.domain.case import Role
from handoff.domain.language import INDONESIAN, MARKS
from handoff.settings import Settings, SettingsError, new_secrets

if TYPE_CHECKING:
    from handoff.services.runtime import Runtime

Group = argparse._SubParsersAction
Command = Callable[[argparse.Namespace], int]


def _run(arguments: argparse.Namespace) -> int:
    from handoff.run import StartError, run

    try:
        run(Settings.from_env(make_secrets=True), echo=arguments.logs)
    except StartError as error:
        return _fail(error)
    return 0


def _serve(_: argparse.Namespace) -> int:
    from handoff.app import serve

    serve(Settings.from_env())
    return 0


def _worker(_: argparse.Namespace) -> int:
    from handoff.jobs import work

    work(Settings.from_env())
    return 0


def _db_upgrade(_: argparse.Namespace) -> int:
    from handoff.embedded import EmbeddedError
    from handoff.home import HomeError, reachable_database
    from handoff.store.migrate import upgrade

    try:
        with reachable_database(Settings.from_env()) as database:
            upgrade(database.owner)
    except (HomeError, EmbeddedError) as error:
        return _fail(error)
    return 0


def _officer_add(arguments: argparse.Namespace) -> int:
    from handoff.commands import CommandError, add_officer

    try:
        added = add_officer(
            Settings.from_env(), name=arguments.name, title=arguments.title, unit=arguments.unit, role=arguments.role,
            email=arguments.email, login=arguments.login, languages=arguments.languages,
        )
    except CommandError as error:
        return _fail(error)
    print(json.dumps(added))
    return 0


def _office_add(arguments: argparse.Namespace) -> int:
    from handoff.commands import CommandError, add_office

    try:
        for person in add_office(Settings.from_env(), arguments.file):
            print(json.dumps(person, ensure_ascii=False))
    except CommandError as error:
        return _fail(error)
    return 0


def _officer_deactivate(arguments: argparse.Namespace) -> int:
    from handoff.commands import CommandError, deactivate_officer

    try:
        print(json.dumps(deactivate_officer(Settings.from_env(), arguments.login)))
    except CommandError as error:
        return _fail(error)
    return 0


def _audit_verify(_: argparse.Namespace) -> int:
    from handoff.commands import CommandError, verify_record
    from handoff.store.audit import BrokenLink

    try:
        verified = verify_record(Settings.from_env())
    except (BrokenLink, CommandError) as error:
        return _fail(error)
    print(json.dumps(verified.counts))
    if verified.warning:
        print(f"wajah: {verified.warning}", file=sys.stderr)
    return 0


def _citizen(arguments: argparse.Namespace) -> int:
    from handoff.commands import CommandError, erase_citizen, export_citizen, named_citizen

    who = named_citizen(case=arguments.case, contact=arguments.contact, citizen=getattr(arguments, "citizen", None))
    settings = Settings.from_env()
    try:
        if arguments.what == "export":
            done = export_citizen(settings, who, arguments.login, arguments.reference, arguments.out)
        else:
            done = erase_citizen(settings, who, arguments.login, arguments.reference, withdraw=arguments.withdraw,
                                 now=arguments.now)
    except CommandError as error:
        return _fail(error)
    print(json.dumps(done, ensure_ascii=False))
    return 0


def _calendar(arguments: argparse.Namespace) -> int:
    from handoff.commands import CommandError, change_calendar
    from handoff.services.deadlines import calendars

    def change(runtime: Runtime) -> Awaitable[int]:
        if arguments.what == "close":
            return calendars.close(runtime, arguments.day, arguments.name, arguments.hours, arguments.unit)
        if arguments.what == "hours":
            return calendars.set_hours(runtime, arguments.unit, arguments.weekday, arguments.hours)
        return calendars.redate(runtime, arguments.why, arguments.unit)

    try:
        print(json.dumps({"cases_moved": change_calendar(Settings.from_env(), change)}))
    except CommandError as error:
        return _fail(error)
    return 0


def _hours(text: str) -> list[tuple[time, time]]:
    """`08:00-12:00,13:00-16:00`; empty: closed."""
    spans = [part.split("-") for part in text.split(",") if part]
    return [(time.fromisoformat(start), time.fromisoformat(end)) for start, end in spans]


def _languages(text: str) -> list[str]:
    given = [part.strip() for part in text.split(",")]
    if unknown := set(given) - {INDONESIAN, *MARKS}:
        raise argparse.ArgumentTypeError(f"no such language: {', '.join(sorted(unknown))}")
    return given


def _train(arguments: argparse.Namespace) -> int:
    from handoff.home import Home
    from handoff.model import Model, ModelError

    try:
        print(Model(Home(Settings.from_env().home).models).train(force=arguments.force))
    except ModelError as error:
        return _fail(error)
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from handoff.doctor import examine

    return examine(Settings.from_env())


def _whatsapp_check(_: argparse.Namespace) -> int:
    from handoff.commands import whatsapp_check

    return whatsapp_check(Settings.from_env())


def _whatsapp_templates(_: argparse.Namespace) -> int:
    from handoff.channels.whatsapp.templates import TemplateError, submissions

    settings = Settings.from_env()
    try:
        told = submissions(settings.base_url)
    except TemplateError as error:
        return _fail(error)
    print(json.dumps(told, ensure_ascii=False, indent=2))
    if not settings.base_url.startswith("https://"):
        print(f"wajah: the buttons lead to {settings.base_url}; set WAJAH_BASE_URL before you submit.", file=sys.stderr)
    return 0


def _keys(_: argparse.Namespace) -> int:
    for name, value in new_secrets().items():
        print(f"{name}={value}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of every command; each sets `command`, the function that carries it out."""
    root = argparse.ArgumentParser(prog="python -m handoff", description="Wajah: services with a face.")
    commands = root.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Command, text: str, group: Group = commands) -> argparse.ArgumentParser:
        sub = group.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add("run", _run, "run everything in the foreground and keep it running").add_argument(
        "--logs", action="store_true", help="show the processes' own lines too, not only what happens to them")
    add("serve", _serve, "serve the pages and the APIs (one process of `run`)")
    add("worker", _worker, "carry out turns, sending and clocks (one process of `run`)")
    database = commands.add_parser("db", help="the database").add_subparsers(required=True, metavar="command")
    add("upgrade", _db_upgrade, "bring the database to the newest schema", database)
    add("add", _office_add, "add an office with its units; prints its officers' logins and one-time passwords",
        commands.add_parser("office", help="offices").add_subparsers(required=True, metavar="command")
        ).add_argument("file", type=Path, help="in the form of handoff/example_office.yml")
    people = commands.add_parser("officer", help="officers").add_subparsers(required=True, metavar="command")
    officer = add("add", _officer_add, "add an officer; prints the login and a one-time password", people)
    officer.add_argument("--name", required=True)
    officer.add_argument("--title", required=True, help="the position that citizens are told")
    officer.add_argument("--unit", required=True, help="the unit's short name")
    officer.add_argument("--role", required=True, choices=list(Role))
    officer.add_argument("--email")
    officer.add_argument("--login", help="default: from the name")
    officer.add_argument("--languages", type=_languages, help="for example id,jv; citizens who write "
                         "in one of them come to this officer first (id, jv, su, en); default: id")
    add("deactivate", _officer_deactivate, "an officer leaves: every open case moves to a named person", people
        ).add_argument("--login", required=True)
    add("verify", _audit_verify, "check that nothing in the record was rewritten",
        commands.add_parser("audit", help="the record").add_subparsers(required=True, metavar="command"))
    _add_citizen(commands, add)
    _add_calendar(commands, add)
    add("train", _train, "train the bot's model if its data or code changed").add_argument(
        "--force", action="store_true", help="train even if nothing changed")
    add("doctor", _doctor, "check each part and say what to do")
    whatsapp = commands.add_parser("whatsapp", help="WhatsApp").add_subparsers(required=True, metavar="command")
    add("check", _whatsapp_check, "compare WhatsApp's settings and templates with the API: what is missing?", whatsapp)
    add("templates", _whatsapp_templates, "print the templates as JSON, each ready for the Graph API", whatsapp)
    add("keys", _keys, "print a fresh WAJAH_SECRET_KEY and WAJAH_DATA_KEYS")
    return root


def _add_citizen(commands: Group, add: Callable[..., argparse.ArgumentParser]) -> None:
    group = commands.add_parser("citizen", help="citizens who ask the data officer instead of the chat (UU 27/2022)")
    ways = group.add_subparsers(required=True, metavar="command", dest="what")
    export = add("export", _citizen, "write a copy of a citizen's data, to hand to them; they read of it", ways)
    export.add_argument("--out", type=Path, required=True, help="a new file, for example salinan.zip")
    erase = add("erase", _citizen, "have a citizen erased in 24 hours; they are told, and can take it back", ways)
    erase.add_argument("--withdraw", action="store_true", help="the citizen agreed that their open cases end")
    erase.add_argument("--now", action="store_true", help="at once; nobody can take it back")
    for one in (export, erase):
        who = one.add_mutually_exclusive_group(required=True)
        who.add_argument("--case", help="the number of one of the citizen's cases")
        who.add_argument("--contact", help="the e-mail or the number that the citizen gave, or writes from")
        if one is erase:
            who.add_argument("--citizen", type=UUID, help="the id, from the log, after a backup was restored")
        one.add_argument("--login", required=True, help="the data officer who answers for it")
        one.add_argument("--reference", required=True, help="the number of the citizen's letter, without a name")


def _add_calendar(commands: Group, add: Callable[..., argparse.ArgumentParser]) -> None:
    group = commands.add_parser("calendar", help="hours and days off; re-dates open cases, keeping the old times")
    ways = group.add_subparsers(required=True, metavar="command", dest="what")
    close = add("close", _calendar, "a day off, or a day with hours of its own", ways)
    close.add_argument("--day", required=True, type=date.fromisoformat)
    close.add_argument("--name", required=True, help="what the day is")
    close.add_argument("--hours", type=_hours, help="for example 08:00-11:00; without them closed all day")
    close.add_argument("--unit", help="the unit's short name; without it every unit")
    hours = add("hours", _calendar, "a unit's hours on a weekday", ways)
    hours.add_argument("--unit", required=True)
    hours.add_argument("--weekday", required=True, type=int, help="0 is Monday")
    hours.add_argument("--hours", required=True, type=_hours, help="for example 08:00-12:00,13:00-16:00; '' for closed")
    redate = add("redate", _calendar, "count the deadlines of open cases anew", ways)
    redate.add_argument("--why", required=True)
    redate.add_argument("--unit")


def main(words: list[str] | None = None) -> int:
    """Carries out one command; returns the exit status."""
    arguments = parser().parse_args(words)
    try:
        return int(arguments.command(arguments))
    except SettingsError as error:
        return _fail(error)


def _fail(error: Exception) -> int:
    print(f"wajah: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

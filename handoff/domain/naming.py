"""Whom a text names. Meant for keeping a report away from whom it is about: better one name too many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from handoff.domain.alarm import normalised

LEAST_LETTERS = 3  # an initial is nobody's name
_DEGREES = frozenset({"drs", "dra", "msi", "spd", "skom", "haji", "hajah", "bin", "binti", "ibu", "bapak", "pak"})


@dataclass(frozen=True)
class Person:
    """Somebody who may be named, with their position."""

    id: UUID
    name: str
    title: str


def named(text: str, people: Iterable[Person]) -> frozenset[UUID]:
    """Everybody of whose name one part stands in the text, or whose position does as a whole."""
    said = normalised(text)
    words = set(said.split())
    return frozenset(
        person.id for person in people if _parts(person.name) & words or f" {normalised(person.title)} " in f" {said} "
    )


def _parts(name: str) -> set[str]:
    bare = normalised(name.partition(",")[0])  # what follows a comma are degrees
    return {part for part in bare.split() if len(part) >= LEAST_LETTERS and part not in _DEGREES}

"""Who may see what, and who may stop an answer: one table of roles, and the unit as its bound (promise P11).

What an officer may *do* to a case they can see is the case's own rule (`domain.case.transition`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from handoff.domain.case import UNIT_ROLES, Role


class Permission(StrEnum):
    """What a role allows."""

    see_cases = "see_cases"  # that there is a case, its clocks and its events; no word of the citizen
    read_words = "read_words"  # what the citizen wrote and was answered, notes, files
    publish = "publish"  # suspend an answer everywhere, publish it again


_SEE = frozenset({Permission.see_cases})
_READ = _SEE | {Permission.read_words}
_LEAD = _READ | {Permission.publish}

#: The whole table. An administrator keeps the installation and has no need of a single case.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.officer: _READ,
    Role.inspector: _READ,
    Role.data_officer: _READ,
    Role.head: _LEAD,
    Role.supervisor: _LEAD,
    Role.auditor: _SEE,
    Role.admin: frozenset(),
}

#: Roles that look at every unit's cases; the others at their own unit's, and at those that are theirs by name.
OFFICE_WIDE = frozenset({Role.supervisor, Role.auditor})


@dataclass(frozen=True)
class Viewer:
    """An active officer who asks."""

    officer_id: str
    role: Role
    unit_id: str


@dataclass(frozen=True)
class Matter:
    """A case as far as looking at it is concerned. `confidential`: a report that only its officer may know of;
    `kept_from`: whom a report or a complaint names, and their superiors. `offered_to`: the unit that is asked to take
    it, which must see what it is asked for."""

    officer_id: str
    unit_id: str
    confidential: bool = False
    offered_to: str | None = None
    kept_from: frozenset[str] = frozenset()


def allows(role: Role, permission: Permission) -> bool:
    """Whether the role has the permission at all."""
    return permission in PERMISSIONS[role]


def may(viewer: Viewer, permission: Permission, matter: Matter) -> bool:
    """Whether the viewer has the permission for this very case."""
    if not allows(viewer.role, permission):
        return False
    if viewer.officer_id == matter.officer_id:
        return True
    if viewer.officer_id in matter.kept_from:
        return False
    if matter.confidential:  # an auditor sees that it exists, its clocks and its events, and never a word
        return permission is Permission.see_cases and viewer.role is Role.auditor
    concerned = (matter.unit_id, matter.offered_to)
    return viewer.role in OFFICE_WIDE or (viewer.role in UNIT_ROLES and viewer.unit_id in concerned)

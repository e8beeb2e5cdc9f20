"""Who may see what (P11): the whole table, and its two bounds, the unit and confidentiality."""

from __future__ import annotations

import pytest

from handoff.domain.access import PERMISSIONS, Matter, Permission, Viewer, allows, may
from handoff.domain.case import Role

SEE, READ, PUBLISH = Permission.see_cases, Permission.read_words, Permission.publish
OWN, OTHERS = Matter("somebody", "own unit"), Matter("somebody", "another unit")
CONFIDENTIAL = Matter("somebody", "own unit", confidential=True)

TABLE = [  # role: own unit's case, another unit's case, a confidential one of the own unit
    (Role.officer, {SEE, READ}, set(), set()),
    (Role.inspector, {SEE, READ}, set(), set()),
    (Role.data_officer, {SEE, READ}, set(), set()),
    (Role.head, {SEE, READ, PUBLISH}, set(), set()),
    (Role.supervisor, {SEE, READ, PUBLISH}, {SEE, READ, PUBLISH}, set()),
    (Role.auditor, {SEE}, {SEE}, {SEE}),
    (Role.admin, set(), set(), set()),
]


def test_the_table_names_every_role() -> None:
    assert {row[0] for row in TABLE} == set(Role) == set(PERMISSIONS)


@pytest.mark.parametrize(("role", "own", "others", "confidential"), TABLE)
def test_what_a_role_may(
    role: Role, own: set[Permission], others: set[Permission], confidential: set[Permission]
) -> None:
    viewer = Viewer("me", role, "own unit")
    for matter, expected in ((OWN, own), (OTHERS, others), (CONFIDENTIAL, confidential)):
        assert {permission for permission in Permission if may(viewer, permission, matter)} == expected


@pytest.mark.parametrize("role", Role)
def test_p11_a_confidential_report_is_hidden_from_whom_it_names(role: Role) -> None:
    about_me = Matter("somebody", "own unit", confidential=True, kept_from=frozenset({"me"}))
    assert not any(may(Viewer("me", role, "own unit"), permission, about_me) for permission in Permission)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("confidential", [False, True])
def test_a_case_of_ones_own_is_open_wherever_it_is_as_far_as_the_role_goes(role: Role, confidential: bool) -> None:
    mine = Matter("me", "another unit", confidential)
    allowed = {permission for permission in Permission if may(Viewer("me", role, "own unit"), permission, mine)}
    assert allowed == {permission for permission in Permission if allows(role, permission)}

"""The case's rules: the whole table of status × verb × actor, and long random lives that only a citizen can end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from handoff.domain.case import (
    REFUSAL_CODES,
    Actor,
    CaseState,
    ClosedReason,
    Reason,
    Refusal,
    Role,
    Status,
    Verb,
    opened,
    transition,
)

UNIT, OWNER = "kependudukan", "sari"
CITIZEN, BOT, SYSTEM = Actor("citizen"), Actor("bot"), Actor("system")
SARI = Actor("officer", OWNER, Role.officer, UNIT)
BUDI = Actor("officer", "budi", Role.officer, UNIT)
HEAD = Actor("officer", "head", Role.head, UNIT)
SUPERVISOR = Actor("officer", "supervisor", Role.supervisor, None)
STRANGER = Actor("officer", "stranger", Role.officer, "sosial")
OTHER_HEAD = Actor("officer", "other-head", Role.head, "sosial")
AUDITOR = Actor("officer", "auditor", Role.auditor, UNIT)
ADMIN = Actor("officer", "admin", Role.admin, UNIT)
INSPECTOR = Actor("officer", "inspector", Role.inspector, UNIT)
ACTORS = {
    "citizen": CITIZEN, "bot": BOT, "system": SYSTEM, "sari": SARI, "budi": BUDI, "head": HEAD,
    "supervisor": SUPERVISOR, "stranger": STRANGER, "other_head": OTHER_HEAD, "auditor": AUDITOR, "admin": ADMIN,
    "inspector": INSPECTOR,
}
OFFICERS = set(ACTORS) - {"citizen", "bot", "system"}
COLLEAGUES = {"budi", "head", "inspector", "supervisor"}

# How a row reads: for each status in this order, what becomes of the case: a status, "=" for unchanged, or "!code".
STATUSES = ("assigned", "in_progress", "waiting_citizen", "resolution_proposed", "closed")
ROWS: dict[tuple[str, str], tuple[str, str, str, str, str]] = {
    ("reassign", "head supervisor"): ("assigned", "in_progress", "waiting_citizen", "resolution_proposed", "!closed"),
    ("open", "citizen bot system"): ("!already_open",) * 4 + ("!closed",),
    ("take_over", "sari"): ("in_progress", "=", "=", "=", "!closed"),
    ("take_over", "budi head inspector supervisor"): ("in_progress", *("!already_taken",) * 3, "!closed"),
    ("reply", "sari"): ("in_progress", "=", "=", "=", "!closed"),
    ("note", "sari head supervisor"): ("=",) * 5,
    ("hand_back", "sari"): ("=", "=", "=", "=", "!closed"),
    ("propose", "sari"): ("resolution_proposed", "resolution_proposed", "resolution_proposed", "=", "!closed"),
    ("confirm", "citizen"): ("!not_proposed", "!not_proposed", "!not_proposed", "closed", "!closed"),
    ("refuse", "citizen"): ("!not_proposed", "!not_proposed", "!not_proposed", "in_progress", "!closed"),
    ("withdraw", "citizen"): ("closed", "closed", "closed", "closed", "!closed"),
    ("reopen", "citizen"): ("!not_closed",) * 4 + ("in_progress",),
    ("bot_again", "citizen"): ("=", "=", "=", "=", "!closed"),
    ("join", "citizen bot system"): ("=", "=", "in_progress", "in_progress", "!closed"),
    ("citizen_message", "citizen"): ("=", "=", "in_progress", "=", "!closed"),
    ("ask", "sari"): ("waiting_citizen", "waiting_citizen", "=", "waiting_citizen", "!closed"),
    ("go_on", "system"): ("!not_waiting", "!not_waiting", "in_progress", "!not_waiting", "!closed"),
    ("close_silent", "system"): ("!not_proposed", "!not_proposed", "!not_proposed", "!not_silent", "!closed"),
}
NOT_YOURS = {"reply", "note", "hand_back", "propose", "ask"}  # an officer who is not the case's own is told so


def state(status: str) -> CaseState:
    return CaseState(Status(status), OWNER, UNIT, ClosedReason.no_reply if status == "closed" else None)


def expected(verb: str, who: str) -> tuple[str, ...]:
    for (name, actors), outcomes in ROWS.items():
        if name == verb and who in actors.split():
            return outcomes
    return ("!not_your_case" if verb in NOT_YOURS and who in OFFICERS else "!forbidden",) * 5


TABLE = [
    (status, verb.value, who, outcome)
    for verb, who in itertools.product(Verb, ACTORS)
    for status, outcome in zip(STATUSES, expected(verb.value, who), strict=True)
]


def outcome_of(before: CaseState, verb: str, actor: Actor, target: Actor | None = BUDI) -> str:
    try:
        after = transition(before, Verb(verb), actor, target)
    except Refusal as refusal:
        return f"!{refusal.code}"
    return "=" if after == before else after.status.value


def test_the_whole_table() -> None:
    wrong = [row for row in TABLE if outcome_of(state(row[0]), row[1], ACTORS[row[2]]) != row[3]]
    assert wrong == []
    assert {row[3] for row in TABLE if row[3].startswith("!")} == {
        f"!{code}" for code in REFUSAL_CODES - {"not_assignable"}
    }


@pytest.mark.parametrize("status", STATUSES[:4])
@pytest.mark.parametrize(("actor", "target", "outcome"), [
    (HEAD, SARI, "="), (HEAD, INSPECTOR, None), (SUPERVISOR, HEAD, None), (SUPERVISOR, SUPERVISOR, "taken"),
    (HEAD, HEAD, "taken"), (HEAD, SUPERVISOR, "!not_assignable"), (SUPERVISOR, STRANGER, "!not_assignable"),
    (HEAD, AUDITOR, "!not_assignable"), (HEAD, ADMIN, "!not_assignable"), (HEAD, None, "!not_assignable"),
    (HEAD, CITIZEN, "!not_assignable"), (HEAD, BOT, "!not_assignable"), (SARI, BUDI, "!forbidden"),
    (OTHER_HEAD, OTHER_HEAD, "!forbidden"), (CITIZEN, BUDI, "!forbidden"), (SYSTEM, BUDI, "!forbidden"),
    (Actor("officer", None, Role.supervisor), BUDI, "!forbidden"),
])
def test_who_gives_a_case_to_whom(status: str, actor: Actor, target: Actor | None, outcome: str | None) -> None:
    before = state(status)
    took = "in_progress" if status == "assigned" else status
    assert outcome_of(before, "reassign", actor, target) == (took if outcome == "taken" else outcome or status)
    if outcome in (None, "taken"):
        assert target is not None
        after = transition(before, Verb.reassign, actor, target)
        assert (after.officer_id, after.unit_id) == (target.id, UNIT)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("actor", [ACTORS[who] for who in (*sorted(OFFICERS), "bot", "system")])
def test_p5_nobody_but_the_citizen_closes(status: str, verb: Verb, actor: Actor) -> None:
    before = state(status)
    try:
        after = transition(before, verb, actor)
    except Refusal:
        return
    assert after.is_open or not before.is_open


def test_taking_over_makes_the_officer_its_own() -> None:
    taken = transition(opened(OWNER, UNIT), Verb.take_over, BUDI)
    assert taken == CaseState(Status.in_progress, "budi", UNIT)
    with pytest.raises(Refusal, match="already_taken"):
        transition(taken, Verb.take_over, SARI)
    with pytest.raises(Refusal, match="not_your_case"):
        transition(taken, Verb.reply, SARI)
    by_supervisor = transition(opened(OWNER, UNIT), Verb.take_over, SUPERVISOR)
    assert (by_supervisor.officer_id, by_supervisor.unit_id) == ("supervisor", UNIT)


def test_how_it_closes_and_comes_back_under_the_same_officer() -> None:
    proposed = transition(state("in_progress"), Verb.propose, SARI)
    closed = transition(proposed, Verb.confirm, CITIZEN)
    assert closed == CaseState(Status.closed, OWNER, UNIT, ClosedReason.confirmed)
    assert transition(closed, Verb.reopen, CITIZEN) == CaseState(Status.in_progress, OWNER, UNIT, None)
    assert transition(proposed, Verb.withdraw, CITIZEN).closed_reason is ClosedReason.withdrawn


def test_an_officer_of_another_unit_keeps_what_was_assigned_to_them() -> None:
    """A case may wait with a supervisor or somebody who has moved: who holds it may always work on it."""
    held = opened("stranger", UNIT)
    assert transition(held, Verb.take_over, STRANGER).status is Status.in_progress


def test_an_officer_without_an_id_takes_nothing() -> None:
    with pytest.raises(Refusal, match="forbidden"):
        transition(opened(OWNER, UNIT), Verb.take_over, Actor("officer", None, Role.supervisor))


@pytest.mark.parametrize("fields", [
    (Status.assigned, "", UNIT, None), (Status.assigned, OWNER, "", None), (Status.closed, OWNER, UNIT, None),
    (Status.in_progress, OWNER, UNIT, ClosedReason.confirmed),
])
def test_p2_impossible_cases_cannot_be_built(fields: tuple[Status, str, str, ClosedReason | None]) -> None:
    with pytest.raises(ValueError, match=r"a case (always )?has"):
        CaseState(*fields)


def test_the_names_are_the_public_ones() -> None:
    for names in (Status, ClosedReason, Reason, Role, Verb):
        assert all(member.name == member.value == str(member) for member in names)
    assert len(Reason) == 12


class Life(RuleBasedStateMachine):
    """Anybody does anything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.case = opened(OWNER, UNIT)

    @rule(verb=st.sampled_from(list(Verb)), who=st.sampled_from(sorted(ACTORS)), to=st.sampled_from(sorted(ACTORS)))
    def anything(self, verb: Verb, who: str, to: str) -> None:
        before, actor, target = self.case, ACTORS[who], ACTORS[to]
        try:
            self.case = transition(before, verb, actor, target)
        except Refusal:
            return
        if before.is_open and not self.case.is_open:
            assert actor.kind == "citizen"
            confirmed = self.case.closed_reason is ClosedReason.confirmed
            assert verb is (Verb.confirm if confirmed else Verb.withdraw)
            assert not confirmed or before.status is Status.resolution_proposed
        if before.officer_id != self.case.officer_id:
            assert verb in (Verb.take_over, Verb.reassign)
            assert self.case.officer_id == (actor if verb is Verb.take_over else target).id
        if not before.is_open and self.case.is_open:
            assert verb is Verb.reopen
            assert actor.kind == "citizen"

    @invariant()
    def has_an_officer_and_a_unit(self) -> None:
        assert self.case.officer_id
        assert self.case.unit_id == UNIT


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)

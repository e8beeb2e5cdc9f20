"""The case's rules: the whole table of status × verb × actor, and long random lives that only a citizen can end."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from handoff.domain.case import (
    REFUSAL_CODES,
    Actor,
    CaseState,
    ClosedReason,
    Offer,
    Reason,
    Refusal,
    Role,
    Status,
    Verb,
    opened,
    transition,
)
from handoff.domain.transfers import Outcome, Past

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
    # `BUDI`, whom the table asks, is of the case's own unit: nothing to transfer
    ("transfer", "sari head supervisor"): ("!not_assignable",) * 4 + ("!closed",),
    ("accept_transfer", "sari budi head inspector supervisor"): ("!no_transfer",) * 5,
    ("decline_transfer", "sari budi head inspector supervisor"): ("!no_transfer",) * 5,
    ("withdraw_transfer", "sari head supervisor"): ("!no_transfer",) * 4 + ("!closed",),
    ("ask_another", "system"): ("!no_transfer",) * 4 + ("!closed",),
    ("hand_on", "system"): ("assigned", "in_progress", "waiting_citizen", "resolution_proposed", "!closed"),
    ("refer", "sari"): ("in_progress", "=", "=", "=", "!closed"),
    ("dismiss", "sari"): ("assigned", "in_progress", "waiting_citizen", "resolution_proposed", "!closed"),
    ("confirm_dismissal", "sari budi head inspector supervisor"): ("!not_dismissed",) * 4 + ("!closed",),
    ("allow_address", "head supervisor"): (*("resolution_proposed",) * 3, "=", "!closed"),
    ("merge", "sari head supervisor"): ("closed",) * 4 + ("!closed",),
    ("rate", "citizen"): ("!not_closed",) * 4 + ("=",),
}
# An officer who is not the case's own is told so.
NOT_YOURS = {
    "reply", "note", "hand_back", "propose", "ask", "transfer", "withdraw_transfer", "refer", "dismiss", "merge",
}


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
        f"!{code}" for code in REFUSAL_CODES - {"transfer_pending", "transfer_loop", "same_person", "kept_from",
                                                "merged"}
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
    assert after.is_open or not before.is_open or verb is Verb.merge  # which goes on under another number


@pytest.mark.parametrize(("first", "second", "outcome"), [
    (SARI, SARI, "!same_person"), (SARI, BUDI, "closed"), (SARI, SUPERVISOR, "closed"), (SARI, HEAD, "closed"),
    (SARI, STRANGER, "!forbidden"), (SARI, CITIZEN, "!forbidden"), (SARI, SYSTEM, "!forbidden"),
    (SARI, AUDITOR, "!forbidden"), (BUDI, SARI, "!not_dismissed"),
])
def test_p5_no_request_at_all_takes_two_persons(first: Actor, second: Actor, outcome: str) -> None:
    held = state("in_progress")
    with contextlib.suppress(Refusal):
        held = transition(held, Verb.dismiss, first)
    assert outcome_of(held, "confirm_dismissal", second) == outcome
    if outcome == "closed":
        closed = transition(held, Verb.confirm_dismissal, second)
        assert closed.closed_reason is ClosedReason.not_a_request
        assert transition(closed, Verb.reopen, CITIZEN) == state("in_progress")


def test_p5_what_is_merged_is_not_opened_again_beside_the_case_in_which_it_goes_on() -> None:
    merged = transition(state("in_progress"), Verb.merge, SARI)
    assert outcome_of(merged, "reopen", CITIZEN) == "!merged"


@pytest.mark.parametrize(("verb", "actor"), [
    (Verb.citizen_message, CITIZEN), (Verb.join, CITIZEN), (Verb.reply, SARI), (Verb.propose, SARI),
])
def test_whatever_is_said_undoes_the_first_ones_dismissal(verb: Verb, actor: Actor) -> None:
    held = transition(state("in_progress"), Verb.dismiss, SARI)
    assert outcome_of(transition(held, verb, actor), "confirm_dismissal", BUDI) == "!not_dismissed"


# --- a complaint ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("kept", [BUDI, HEAD, SUPERVISOR, INSPECTOR])
def test_whom_a_complaint_is_about_can_neither_act_on_it_nor_be_given_it(
    status: str, verb: Verb, kept: Actor
) -> None:
    before = replace(state(status), kept_from=frozenset({str(kept.id)}))
    assert outcome_of(before, verb, kept) == "!forbidden"
    for actor in (SARI, HEAD, SUPERVISOR, SYSTEM):
        if actor is not kept:
            target = replace(kept, unit_id="sosial") if verb is Verb.transfer else kept
            given = outcome_of(before, verb, actor, target)
            assert given.startswith("!") or transition(before, verb, actor, target).officer_id != kept.id
            if verb is Verb.hand_on and actor is SYSTEM:
                assert given in ("!closed" if status == "closed" else "!kept_from", "!not_assignable")


def test_who_is_kept_from_a_case_is_not_asked_to_take_it() -> None:
    before = replace(state("assigned"), kept_from=frozenset({"stranger"}))
    assert outcome_of(before, "transfer", SARI, STRANGER) == "!kept_from"
    assert outcome_of(OFFERED, "ask_another", SYSTEM, replace(OTHER_HEAD, id="x")) == "assigned"
    other = transition(OFFERED, Verb.ask_another, SYSTEM, OTHER_HEAD)
    assert other.offer == Offer("sosial", "other-head")
    assert transition(OFFERED, Verb.ask_another, SYSTEM, None) == state("assigned")
    assert outcome_of(OFFERED, "ask_another", SYSTEM, BUDI) == "!not_assignable"


# --- transfers --------------------------------------------------------------------------------------------------------


OFFERED = transition(state("assigned"), Verb.transfer, SARI, STRANGER)


def test_p6_until_somebody_accepts_the_case_stays_whose_it_is() -> None:
    assert (OFFERED.officer_id, OFFERED.unit_id, OFFERED.offer) == (OWNER, UNIT, Offer("sosial", "stranger"))
    assert transition(OFFERED, Verb.reply, SARI).offer is not None
    for who in (STRANGER, OTHER_HEAD):
        taken = transition(OFFERED, Verb.accept_transfer, who)
        assert taken == CaseState(Status.in_progress, str(who.id), "sosial")
        assert transition(OFFERED, Verb.decline_transfer, who) == state("assigned")


@pytest.mark.parametrize("verb", [Verb.accept_transfer, Verb.decline_transfer])
@pytest.mark.parametrize("who", ["sari", "budi", "head", "supervisor", "citizen", "bot", "system", "auditor", "admin"])
def test_only_the_asked_unit_answers(verb: Verb, who: str) -> None:
    assert outcome_of(OFFERED, verb, ACTORS[who]) == "!forbidden"


@pytest.mark.parametrize(("actor", "target", "past", "code"), [
    (SARI, BUDI, Past(), "not_assignable"), (SARI, SUPERVISOR, Past(), "not_assignable"),
    (SARI, None, Past(), "not_assignable"), (SARI, Actor("officer", "x", Role.auditor, "sosial"), Past(),
                                             "not_assignable"),
    (SARI, STRANGER, Past(frozenset({"sosial"})), "transfer_loop"), (BUDI, STRANGER, Past(), "not_your_case"),
    (STRANGER, STRANGER, Past(), "not_your_case"), (CITIZEN, STRANGER, Past(), "forbidden"),
])
def test_who_offers_a_case_to_whom(actor: Actor, target: Actor | None, past: Past, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        transition(state("in_progress"), Verb.transfer, actor, target, past=past)


def test_a_case_is_offered_to_one_unit_at_a_time_and_a_closed_one_to_none() -> None:
    with pytest.raises(Refusal, match="transfer_pending"):
        transition(OFFERED, Verb.transfer, SARI, OTHER_HEAD)
    assert transition(OFFERED, Verb.withdraw, CITIZEN).offer is None
    with pytest.raises(ValueError, match="offered to nobody"):
        CaseState(Status.closed, OWNER, UNIT, ClosedReason.confirmed, Offer("sosial", "stranger"))
    for who in (SARI, HEAD, SUPERVISOR):
        assert transition(OFFERED, Verb.withdraw_transfer, who) == state("assigned")


def test_what_is_known_of_a_cases_way() -> None:
    here = [("b", Outcome.declined), ("b", Outcome.withdrawn), ("b", Outcome.declined)]
    past = Past.of([("a", Outcome.declined), ("a", Outcome.accepted), *here])
    assert (past.sent_away_by, past.declines, past.is_for_the_head) == ({"a"}, 2, False)
    assert Past.of([]) == Past()
    assert Past.of([("a", Outcome.declined)] * 3).is_for_the_head


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
        if before.is_open and not self.case.is_open and verb in (Verb.merge, Verb.confirm_dismissal):
            assert verb is Verb.merge or before.dismissal_by not in (None, actor.id)
        elif before.is_open and not self.case.is_open:
            assert actor.kind == "citizen"
            confirmed = self.case.closed_reason is ClosedReason.confirmed
            assert verb is (Verb.confirm if confirmed else Verb.withdraw)
            assert not confirmed or before.status is Status.resolution_proposed
        if before.officer_id != self.case.officer_id:
            assert verb in (Verb.take_over, Verb.reassign, Verb.accept_transfer, Verb.hand_on)
            assert self.case.officer_id == (target if verb in (Verb.reassign, Verb.hand_on) else actor).id
        if before.unit_id != self.case.unit_id:
            assert verb in (Verb.accept_transfer, Verb.hand_on)
            if verb is Verb.accept_transfer:
                assert before.offer is not None
                assert actor.unit_id == self.case.unit_id == before.offer.unit_id
        if not before.is_open and self.case.is_open:
            assert verb is Verb.reopen
            assert actor.kind == "citizen"
            assert before.closed_reason is not ClosedReason.merged

    @invariant()
    def has_an_officer_and_a_unit(self) -> None:
        assert self.case.officer_id
        assert self.case.unit_id in (UNIT, "sosial")
        assert self.case.offer is None or self.case.is_open


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)

"""The life of a case: its states, who may do what, and the one function that moves it (promises P2, P4, P5, P12).

`assigned → in_progress → resolution_proposed → closed`, with `waiting_citizen` beside `in_progress`. Only the citizen
closes, or their silence once it is proven (`domain.closing`). Two verbs of officers end in `closed` too, and leave the
citizen a way on: what two persons hold for no request is reopened by any message, and what is merged goes on under its
other number. The officer is handed over, never cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from handoff.domain.case_words import (
    CARRYING,
    REFUSAL_CODES,
    UNIT_ROLES,
    Actor,
    CaseState,
    ClosedReason,
    Offer,
    Reason,
    Refusal,
    Role,
    Status,
    Verb,
)
from handoff.domain.closing import Silence
from handoff.domain.transfers import Past

__all__ = [
    "CARRYING", "REFUSAL_CODES", "UNIT_ROLES", "Actor", "CaseState", "ClosedReason", "Offer", "Reason", "Refusal",
    "Role", "Status", "Verb", "opened", "transition",
]


def opened(officer_id: str, unit_id: str) -> CaseState:
    """The state in which every case begins: assigned to a named officer. Raises `ValueError` when one is missing."""
    return CaseState(Status.assigned, officer_id, unit_id)


def transition(
    state: CaseState, verb: Verb, actor: Actor, target: Actor | None = None, *, silence: Silence | None = None,
    past: Past | None = None,
) -> CaseState:
    """The case after `actor` did `verb`; the same state when the verb changes nothing of it. `target` is the active
    officer who shall have the case (`reassign`, `hand_on`) or is asked to take it (`transfer`, with where it has been;
    `ask_another`); `silence` what is known of the citizen's (`close_silent`).

    Whoever the case is kept from can neither act on it nor be given it, whatever their role.

    Raises `Refusal`. Entitlement is checked before the state, so a stranger learns nothing about the case.
    """
    if actor.kind == "officer" and actor.id in state.kept_from and actor.id != state.officer_id:
        raise Refusal("forbidden")
    after = _moved(state, verb, actor, target, silence, past)
    offered = after.offer.officer_id if after.offer and after.offer != state.offer else None
    if {after.officer_id, offered} & (state.kept_from - {state.officer_id}):
        raise Refusal("kept_from")
    return after


def _moved(
    state: CaseState, verb: Verb, actor: Actor, target: Actor | None, silence: Silence | None, past: Past | None
) -> CaseState:
    if verb is Verb.reassign:
        return _reassign(state, actor, target)
    if verb is Verb.close_silent:
        return _close_silent(state, actor, silence)
    if verb is Verb.hand_on:
        return _hand_on(state, actor, target)
    if verb is Verb.ask_another:
        return _ask_another(state, actor, target)
    if verb is Verb.transfer:
        return _transfer(state, actor, target, past or Past())
    return _RULES[verb](state, actor)


def _open(state: CaseState, actor: Actor) -> CaseState:
    """There is a case already; a further matter joins it or reopens it."""
    _by(actor, "citizen", "bot", "system")
    raise Refusal("already_open" if state.is_open else "closed")


def _take_over(state: CaseState, actor: Actor) -> CaseState:
    """The first entitled officer wins. Repeating it is harmless: an officer takes the talk back from the bot so."""
    if not _works_on(state, actor) or not actor.id:
        raise Refusal("forbidden")
    _still_open(state)
    if state.status is Status.assigned:
        return replace(state, status=Status.in_progress, officer_id=actor.id)
    if state.officer_id != actor.id:
        raise Refusal("already_taken")
    return state


def _reassign(state: CaseState, actor: Actor, target: Actor | None) -> CaseState:
    """Who leads the unit gives the case to another of its officers, or takes it themself from whoever has it. How far
    it has come stays; the one who takes it works on it."""
    if not _leads(state, actor) or not actor.id:
        raise Refusal("forbidden")
    _still_open(state)
    if target is None or target.kind != "officer" or not target.id:
        raise Refusal("not_assignable")
    if target.id == state.officer_id:
        return state
    if target.id == actor.id:
        status = Status.in_progress if state.status is Status.assigned else state.status
        return replace(state, officer_id=actor.id, status=status)
    if target.role not in CARRYING or target.unit_id != state.unit_id:
        raise Refusal("not_assignable")
    return replace(state, officer_id=target.id)


def _reply(state: CaseState, actor: Actor) -> CaseState:
    _by_its_officer(state, actor)
    return _begun(replace(_still_open(state), dismissal_by=None))


def _note(state: CaseState, actor: Actor) -> CaseState:
    """Internal, so it moves nothing and may be added to a closed case too."""
    if not _leads(state, actor):
        _by_its_officer(state, actor)
    return state


def _ask(state: CaseState, actor: Actor) -> CaseState:
    """The officer cannot go on without the citizen's answer. That the question is concrete is `domain.clocks`'s."""
    _by_its_officer(state, actor)
    return replace(_still_open(state), status=Status.waiting_citizen)


def _go_on(state: CaseState, actor: Actor) -> CaseState:
    """The citizen's time to answer is over; the case is worked on without it."""
    _by(actor, "system")
    if _still_open(state).status is not Status.waiting_citizen:
        raise Refusal("not_waiting")
    return replace(state, status=Status.in_progress)


def _close_silent(state: CaseState, actor: Actor, silence: Silence | None) -> CaseState:
    """The citizen's silence closes what was proposed to them, only when it is proven (P5)."""
    _by(actor, "system")
    _proposed(state)
    if silence is None or not silence.proven:
        raise Refusal("not_silent")
    return _closed(state, ClosedReason.no_reply)


def _hand_back(state: CaseState, actor: Actor) -> CaseState:
    """The bot talks again; the case, its officer and its clocks stay."""
    _by_its_officer(state, actor)
    return _still_open(state)


def _propose(state: CaseState, actor: Actor) -> CaseState:
    _by_its_officer(state, actor)
    return replace(_still_open(state), status=Status.resolution_proposed, dismissal_by=None)


def _confirm(state: CaseState, actor: Actor) -> CaseState:
    _by(actor, "citizen")
    return _closed(_proposed(state), ClosedReason.confirmed)


def _refuse(state: CaseState, actor: Actor) -> CaseState:
    _by(actor, "citizen")
    return replace(_proposed(state), status=Status.in_progress)


def _withdraw(state: CaseState, actor: Actor) -> CaseState:
    _by(actor, "citizen")
    return _closed(_still_open(state), ClosedReason.withdrawn)


def _reopen(state: CaseState, actor: Actor) -> CaseState:
    """Under its number; what was merged goes on under the other one, and so does what is said to it."""
    _by(actor, "citizen")
    if state.is_open:
        raise Refusal("not_closed")
    if state.closed_reason is ClosedReason.merged:
        raise Refusal("merged")
    return replace(state, status=Status.in_progress, closed_reason=None, dismissal_by=None)


def _bot_again(state: CaseState, actor: Actor) -> CaseState:
    """The citizen asks the bot something else; the case and its officer stay."""
    _by(actor, "citizen")
    return _still_open(state)


def _join(state: CaseState, actor: Actor) -> CaseState:
    """A further matter becomes an item of the open case. What was proposed did not cover it, so the proposal falls."""
    _by(actor, "citizen", "bot", "system")
    state = replace(_still_open(state), dismissal_by=None)
    return state if state.status is Status.assigned else replace(state, status=Status.in_progress)


def _citizen_message(state: CaseState, actor: Actor) -> CaseState:
    """What we waited for has come. Free text after a proposal neither closes nor refuses it."""
    _by(actor, "citizen")
    state = replace(_still_open(state), dismissal_by=None)
    return replace(state, status=Status.in_progress) if state.status is Status.waiting_citizen else state


def _transfer(state: CaseState, actor: Actor, target: Actor | None, past: Past) -> CaseState:
    """The case is offered to a named officer of another unit; who has it goes on answering (P6)."""
    if not _leads(state, actor):
        _by_its_officer(state, actor)
    if _still_open(state).offer is not None:
        raise Refusal("transfer_pending")
    if target is None or not target.id or not target.unit_id or target.role not in CARRYING:
        raise Refusal("not_assignable")
    if target.unit_id == state.unit_id:
        raise Refusal("not_assignable")
    if target.unit_id in past.sent_away_by:
        raise Refusal("transfer_loop")
    return replace(state, offer=Offer(target.unit_id, target.id), dismissal_by=None)


def _accept_transfer(state: CaseState, actor: Actor) -> CaseState:
    """Who accepts has the case from now on; how far it has come stays."""
    offer = _asked(state, actor)
    return _begun(replace(state, officer_id=str(actor.id), unit_id=offer.unit_id, offer=None))


def _decline_transfer(state: CaseState, actor: Actor) -> CaseState:
    _asked(state, actor)
    return replace(state, offer=None)


def _withdraw_transfer(state: CaseState, actor: Actor) -> CaseState:
    if not _leads(state, actor):
        _by_its_officer(state, actor)
    if _still_open(state).offer is None:
        raise Refusal("no_transfer")
    return replace(state, offer=None)


def _ask_another(state: CaseState, actor: Actor, target: Actor | None) -> CaseState:
    """Who was asked to take the case has left: a colleague there is asked by name, or nobody is any more."""
    _by(actor, "system")
    offer = _still_open(state).offer
    if offer is None:
        raise Refusal("no_transfer")
    if target is None:
        return replace(state, offer=None)
    if not target.id or target.unit_id != offer.unit_id or target.role not in CARRYING:
        raise Refusal("not_assignable")
    return replace(state, offer=Offer(offer.unit_id, target.id))


def _hand_on(state: CaseState, actor: Actor, target: Actor | None) -> CaseState:
    """Its officer leaves, or it is about them: somebody else has it, in the same transaction (P2)."""
    _by(actor, "system")
    _still_open(state)
    if target is None or not target.id or not target.unit_id:
        raise Refusal("not_assignable")
    offer = state.offer if state.offer and state.offer.unit_id != target.unit_id else None
    return replace(state, officer_id=target.id, unit_id=target.unit_id, offer=offer)


def _refer(state: CaseState, actor: Actor) -> CaseState:
    """*Rujuk dan dampingi*: the officer wrote to an office outside, and stays the one who answers (P6)."""
    _by_its_officer(state, actor)
    return _begun(_still_open(state))


def _dismiss(state: CaseState, actor: Actor) -> CaseState:
    """The first of two persons who hold it for no request at all (spam, a pizza order)."""
    _by_its_officer(state, actor)
    return replace(_still_open(state), dismissal_by=str(actor.id))


def _confirm_dismissal(state: CaseState, actor: Actor) -> CaseState:
    """The second person, never the same; what the citizen or the officer said meanwhile has undone the first one's."""
    if not _works_on(state, actor):
        raise Refusal("forbidden")
    if _still_open(state).dismissal_by is None:
        raise Refusal("not_dismissed")
    if not actor.id or actor.id == state.dismissal_by:
        raise Refusal("same_person")
    return _closed(state, ClosedReason.not_a_request)


def _allow_address(state: CaseState, actor: Actor) -> CaseState:
    """A supervisor stands for it that an address truly is the answer; the proposal is then made. Somebody else than who
    proposes it, or whoever leads could send citizens away as they like."""
    if not _leads(state, actor):
        raise Refusal("forbidden")
    if actor.id == _still_open(state).officer_id:
        raise Refusal("same_person")
    return replace(_still_open(state), status=Status.resolution_proposed, dismissal_by=None)


def _merge(state: CaseState, actor: Actor) -> CaseState:
    """The case goes on under another number of the same citizen's, which the caller has checked is open."""
    if not _leads(state, actor):
        _by_its_officer(state, actor)
    return _closed(_still_open(state), ClosedReason.merged)


def _rate(state: CaseState, actor: Actor) -> CaseState:
    _by(actor, "citizen")
    if state.is_open:
        raise Refusal("not_closed")
    return state


def _asked(state: CaseState, actor: Actor) -> Offer:
    """The offer that this officer may answer: any of the asked unit who carries cases."""
    offer = state.offer
    if actor.kind != "officer" or not actor.id:
        raise Refusal("forbidden")
    if offer is None:
        raise Refusal("no_transfer" if _works_on(state, actor) else "forbidden")
    if actor.role not in CARRYING or actor.unit_id != offer.unit_id:
        raise Refusal("forbidden")
    return offer


def _begun(state: CaseState) -> CaseState:
    return replace(state, status=Status.in_progress) if state.status is Status.assigned else state


def _by(actor: Actor, *kinds: str) -> None:
    if actor.kind not in kinds:
        raise Refusal("forbidden")


def _by_its_officer(state: CaseState, actor: Actor) -> None:
    _by(actor, "officer")
    if actor.id != state.officer_id:
        raise Refusal("not_your_case")


def _leads(state: CaseState, actor: Actor) -> bool:
    """A supervisor leads in every unit, a head in the case's own."""
    if actor.kind != "officer":
        return False
    return actor.role is Role.supervisor or (actor.role is Role.head and actor.unit_id == state.unit_id)


def _works_on(state: CaseState, actor: Actor) -> bool:
    if actor.kind != "officer":
        return False
    own_unit = actor.role in UNIT_ROLES and actor.unit_id == state.unit_id
    return own_unit or actor.role is Role.supervisor or actor.id == state.officer_id


def _still_open(state: CaseState) -> CaseState:
    if not state.is_open:
        raise Refusal("closed")
    return state


def _proposed(state: CaseState) -> CaseState:
    if _still_open(state).status is not Status.resolution_proposed:
        raise Refusal("not_proposed")
    return state


def _closed(state: CaseState, reason: ClosedReason) -> CaseState:
    return replace(state, status=Status.closed, closed_reason=reason, offer=None)


_RULES: Mapping[Verb, Callable[[CaseState, Actor], CaseState]] = {
    Verb.open: _open,
    Verb.take_over: _take_over,
    Verb.reply: _reply,
    Verb.note: _note,
    Verb.ask: _ask,
    Verb.go_on: _go_on,
    Verb.hand_back: _hand_back,
    Verb.propose: _propose,
    Verb.confirm: _confirm,
    Verb.refuse: _refuse,
    Verb.withdraw: _withdraw,
    Verb.reopen: _reopen,
    Verb.bot_again: _bot_again,
    Verb.join: _join,
    Verb.citizen_message: _citizen_message,
    Verb.accept_transfer: _accept_transfer,
    Verb.decline_transfer: _decline_transfer,
    Verb.withdraw_transfer: _withdraw_transfer,
    Verb.refer: _refer,
    Verb.dismiss: _dismiss,
    Verb.confirm_dismissal: _confirm_dismissal,
    Verb.allow_address: _allow_address,
    Verb.merge: _merge,
    Verb.rate: _rate,
}

"""What a refusal of WhatsApp's Cloud API means, by its error's code (never by its title, which will disappear).

One table for everything that can be refused: messages, templates, files, and failures reported later.
"""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """What becomes of what was refused, or of the number."""

    again = "again"          # later, by itself
    window = "window"        # when the citizen has written again
    failed = "failed"        # not at all: the officer must see it
    stop = "stop"            # the number cannot send now: nothing is lost, the operator is called
    bug = "bug"              # we asked for nonsense: it failed, and somebody must mend it
    template = "template"    # a template is missing, paused or other than submitted: it failed, the operator is called


class Why(Enum):
    """Why something did not come to hand, as an officer needs to know it: each has its own thing to do."""

    unreachable = "unreachable"  # not on WhatsApp, an old client, or the office is blocked: another way
    limited = "limited"          # Meta does not deliver to this person now: not again today
    ours = "ours"                # our own fault: the operator
    worn_out = "worn_out"        # tried as often as makes sense
    unknown = "unknown"          # a refusal that we do not know


# 131057, 133004: the account or Meta's server is being mended.
_AGAIN = frozenset({1, 2, 80007, 130429, 131000, 131016, 131056, 131057, 133004})
_CROWDED = frozenset({80007, 130429})  # the number or the account as a whole asked too much
# 131005: no right to it; 131042: the bill is not paid; 131045, 133010: the number is not registered.
_STOP = frozenset({0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010})
UNREACHABLE = 131026
_UNREACHABLE = frozenset({UNREACHABLE})
_LIMITED = frozenset({130472, 131048, 131049})
_BUG = frozenset({100, 131008, 131009})
WINDOW = 131047  # more than 24 hours since the person's last message


def verdict(http_status: int, code: int | None) -> Verdict:
    """For an answer that is no success. What is unknown to us is tried again while it may be the server's doing."""
    if code in _AGAIN:
        return Verdict.again
    if code == WINDOW:
        return Verdict.window
    if code is not None and (code in _STOP or 200 <= code <= 299):
        return Verdict.stop
    if code in _UNREACHABLE or code in _LIMITED:
        return Verdict.failed
    if code in _BUG:
        return Verdict.bug
    if code is not None and 132000 <= code <= 132999:
        return Verdict.template
    if http_status in (401, 403):
        return Verdict.stop
    return Verdict.again if http_status == 429 or http_status >= 500 else Verdict.failed


def is_crowded(code: int | None) -> bool:
    """Whether it is the number as a whole that must slow down, not this message alone."""
    return code in _CROWDED


def why(code: int | None) -> Why:
    """What to tell the officer of something that failed for good with this code; None: the line, not a refusal."""
    if code in _UNREACHABLE:
        return Why.unreachable
    if code in _LIMITED:
        return Why.limited
    match verdict(400, code) if code is not None else Verdict.again:
        case Verdict.bug | Verdict.template:
            return Why.ours
        case Verdict.again | Verdict.stop | Verdict.window:
            return Why.worn_out
        case _:
            return Why.unknown

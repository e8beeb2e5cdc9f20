"""Messages with two matters, made of two questions and what joins them. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from benchmarks.understanding.reading import Question

LONGEST = 140  # characters of a question in a pair
JOINTS: dict[str, Callable[[str, str], str]] = {
    "A? B?": "{}? {}?".format, "A. B": "{}. {}".format, "A. B?": "{}. {}?".format, "A, B": "{}, {}".format,
    "two lines": "{}\n{}".format, "1. 2.": "1. {}\n2. {}".format, "A & B": "{} & {}".format, "A / B": "{} / {}".format,
    **{word: f"{{}} {word} {{}}".format
       for word in ("dan", "sama", "terus", "trus", "lalu", "sekalian", "plus", "abis itu")},
    ", juga": "{}, juga {}".format,
}


def joined(joint: str, pair: tuple[Question, Question]) -> str:
    """The two as one message; the signs at their ends are the joint's."""
    return JOINTS[joint](*(question.text.rstrip(" .!?") for question in pair))


def paired(
    ours: Sequence[Question], others: Sequence[Question], number: int, seed: str
) -> list[tuple[Question, Question]]:
    """So many pairs about two things, one of `ours` and one of `others`, in either order."""
    chance = random.Random(seed)
    short = [[q for q in some if q.style != "long" and len(q.text) <= LONGEST] for some in (ours, others)]
    pairs: list[tuple[Question, Question]] = []
    while len(pairs) < number:
        one, other = chance.choice(short[0]), chance.choice(short[1])
        if one.intent != other.intent:
            pairs.append((one, other) if chance.random() < 0.5 else (other, one))
    return pairs

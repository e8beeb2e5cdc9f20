"""Messages with two or three matters, made of questions and what joins them. Pure."""

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
JOINTS_OF_THREE: dict[str, Callable[[str, str, str], str]] = {
    "A? B? C?": "{}? {}? {}?".format, "A. B. C": "{}. {}. {}".format, "A, B, C": "{}, {}, {}".format,
    "three lines": "{}\n{}\n{}".format, "1. 2. 3.": "1. {}\n2. {}\n3. {}".format,
    **{f"A, B {word} C": f"{{}}, {{}} {word} {{}}".format for word in ("dan", "sama", "terus")},
    "A sama B terus C": "{} sama {} terus {}".format, "A dan B. C?": "{} dan {}. {}?".format,
}


def joined(joint: str, questions: Sequence[Question]) -> str:
    """The two or three as one message; the signs at their ends are the joint's."""
    form: Callable[..., str] = JOINTS[joint] if joint in JOINTS else JOINTS_OF_THREE[joint]
    return form(*(question.text.rstrip(" .!?") for question in questions))


def paired(
    ours: Sequence[Question], others: Sequence[Question], number: int, seed: str
) -> list[tuple[Question, Question]]:
    """So many pairs about two things, one of `ours` and one of `others`, in either order."""
    chance = random.Random(seed)
    short = [_short(some) for some in (ours, others)]
    pairs: list[tuple[Question, Question]] = []
    while len(pairs) < number:
        one, other = chance.choice(short[0]), chance.choice(short[1])
        if one.intent != other.intent:
            pairs.append((one, other) if chance.random() < 0.5 else (other, one))
    return pairs


def tripled(
    ours: Sequence[Question], others: Sequence[Question], number: int, seed: str
) -> list[tuple[Question, Question, Question]]:
    """So many triples about three things, two of `ours` and one of `others`, in any order."""
    chance = random.Random(seed)
    some, other = _short(ours), _short(others)
    triples: list[tuple[Question, Question, Question]] = []
    while len(triples) < number:
        three = [chance.choice(some), chance.choice(some), chance.choice(other)]
        if len({question.intent for question in three}) == len(three):
            chance.shuffle(three)
            one, two, last = three
            triples.append((one, two, last))
    return triples


def _short(questions: Sequence[Question]) -> list[Question]:
    return [q for q in questions if q.style != "long" and len(q.text) <= LONGEST]

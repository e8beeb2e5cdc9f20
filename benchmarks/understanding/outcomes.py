"""What became of a question, and what a set of such outcomes amounts to. Pure."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FALLBACK = "nlu_fallback"


@dataclass(frozen=True)
class Outcome:
    """One question: what it was, the bot's foremost reading with its confidence, and whether a person gets it.

    `foremost` is the intent before abstaining; `escalated` is whether the bot abstained or the intent is one that a
    rule hands over.
    """

    intent: str
    style: str
    foremost: str | None
    confidence: float
    abstained: bool
    handed_over: bool

    @property
    def escalated(self) -> bool:
        """Whether a person gets it."""
        return self.abstained or self.handed_over

    @property
    def right(self) -> bool:
        """Whether the foremost reading is what the question was."""
        return self.foremost == self.intent

    @property
    def wrong(self) -> bool:
        """Whether the citizen got an answer about something else."""
        return not self.escalated and not self.right


@dataclass(frozen=True)
class Point:
    """What a threshold gives: `coverage` and `risk` are shares."""

    threshold: float
    coverage: float
    risk: float


def coverage(outcomes: Sequence[Outcome]) -> float:
    """The share that gets an answer."""
    return sum(not outcome.escalated for outcome in outcomes) / max(len(outcomes), 1)


def risk(outcomes: Sequence[Outcome]) -> float:
    """The share of the answers that are wrong; 0 when none is given."""
    answered = [outcome for outcome in outcomes if not outcome.escalated]
    return sum(outcome.wrong for outcome in answered) / max(len(answered), 1)


def worst_group(groups: Mapping[str, Sequence[Outcome]]) -> tuple[str, float]:
    """The group with the highest risk, and how many times the risk of all that is; 0 when nothing is wrong."""
    whole = risk([outcome for group in groups.values() for outcome in group])
    risks = {name: risk(group) / whole if whole else 0.0 for name, group in groups.items()}
    return max(risks.items(), key=lambda item: item[1])


def worst_by_chance(groups: Mapping[str, Sequence[Outcome]], draws: int = 10_000, seed: int = 1) -> float:
    """How often a worst group is at least as bad when the same mistakes fall on the answers of all groups at random
    (a permutation test): near 1, the worst group says nothing; under 0.05, it is one to mend."""
    answered = [[o for o in group if not o.escalated] for group in groups.values()]
    sizes = [len(group) for group in answered if group]
    wrong = [outcome.wrong for group in answered for outcome in group]
    _, seen = worst_group(groups)
    dice, as_bad = random.Random(seed), 0
    for _ in range(draws):
        mistakes = dice.sample(range(len(wrong)), sum(wrong))
        as_bad += _worst(mistakes, sizes, sum(wrong) / max(len(wrong), 1)) >= seen
    return as_bad / draws


def _worst(mistakes: Sequence[int], sizes: Sequence[int], whole: float) -> float:
    """The highest risk among groups of these sizes that lie one after the other, in times the whole's."""
    worst, begin = 0.0, 0
    for size in sizes:
        inside = sum(begin <= mistake < begin + size for mistake in mistakes)
        worst, begin = max(worst, inside / size / whole if whole else 0.0), begin + size
    return worst


def accuracy(outcomes: Sequence[Outcome]) -> float:
    """The share whose foremost reading is right, answered or not."""
    return sum(outcome.right for outcome in outcomes) / max(len(outcomes), 1)


def curve(outcomes: Sequence[Outcome]) -> list[Point]:
    """Every threshold that changes something, the highest first: what would be answered, and how much of it wrongly.

    What a rule hands over is answered at no threshold.
    """
    offered = sorted((o for o in outcomes if not o.handed_over), key=lambda o: -o.confidence)
    points, mistakes = [], 0
    for answered, outcome in enumerate(offered, start=1):
        mistakes += not outcome.right
        if answered == len(offered) or offered[answered].confidence < outcome.confidence:
            points.append(Point(outcome.confidence, answered / len(outcomes), mistakes / answered))
    return points


def at_coverage(outcomes: Sequence[Outcome], wanted: float) -> Point:
    """The highest threshold that answers at least the share `wanted`, or the lowest there is."""
    points = curve(outcomes)
    return next((point for point in points if point.coverage >= wanted), points[-1])


def out_of_scope_answered(foreign: Sequence[Outcome], threshold: float) -> float:
    """The share of questions about something else that would be answered from this confidence on."""
    answered = sum(not outcome.handed_over and outcome.confidence >= threshold for outcome in foreign)
    return answered / max(len(foreign), 1)


def separation(known: Sequence[Outcome], foreign: Sequence[Outcome]) -> float:
    """The probability that a known question is surer than a foreign one (area under the in/out curve); a tie is half.

    What is handed over counts as not sure at all: it is not answered.
    """
    from scipy.stats import rankdata

    sure = [0.0 if outcome.handed_over else outcome.confidence for outcome in (*known, *foreign)]
    ranks = rankdata(sure)[: len(known)]
    return float((ranks.sum() - len(known) * (len(known) + 1) / 2) / (len(known) * len(foreign)))


def reliability(outcomes: Sequence[Outcome], bins: int = 10) -> list[tuple[float, float, int]]:
    """In each band of confidence: the mean confidence, the share right, and how many."""
    bands = defaultdict(list)
    for outcome in outcomes:
        bands[min(int(outcome.confidence * bins), bins - 1)].append(outcome)
    return [
        (sum(o.confidence for o in band) / len(band), accuracy(band), len(band)) for _, band in sorted(bands.items())
    ]

"""Reading an intent off a normalised text: a linear model, its nearest examples, and how far to trust them.

Words and character n-grams, weighted by TF-IDF, feed a linear support vector machine; beside its scores stands how
close the most similar training example of each intent is. From both, a logistic regression over readings of texts the
model had not seen gives the confidence: the probability that the top intent is right. It also learns what a stranger
looks like, from readings by models to which the text's whole intent was unknown (docs/adr/0027). Trains in seconds,
each time the same, and knows no language.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skops.io
from joblib import Parallel, delayed
from scipy.sparse import csc_matrix, csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from bot.ngrams import Counts, Ngrams, Weighing

FOLDS = 5
SEED = 20
# For each text of a known intent, how many about something unknown the confidence reckons with.
STRANGERS = 0.2
# Of so many texts one is read by a model to which its intent is unknown: as many readings as the confidence needs.
ONE_STRANGER_OF = 3
MANY_ENOUGH = 4  # intents from which some can be hidden from the others
# Turns distances from a separating plane into shares of an intent ranking.
SHARPNESS = 6.0
RANKING_LENGTH = 10
# So many texts are read at once in training, and an n-gram in more than this share of the examples is multiplied with
# all of them, found there or not, because that is faster.
BLOCK = 512
COMMON = 0.05
# From so many texts on, models that must not know some of them are trained in processes of their own. Never in threads:
# all of liblinear's fits in a process draw from one source of chance, and none would come out the same twice.
WORTH_PROCESSES = 2_000
# The one type in a stored model that skops does not know as harmless by itself.
TRUSTED_TYPES = ["scipy.sparse._csc.csc_matrix"]


class TooFewExamples(ValueError):
    """There is nothing to learn from; the text names the intent."""


Signals = tuple[float, ...]


@dataclass(frozen=True)
class Evidence:
    """What speaks for the intents of a text."""

    foremost: list[tuple[str, float]]  # at most ten, each with its signed distance from the separating plane
    first: Signals  # what tells whether the first is right
    either: Signals  # what tells whether one of the first two is
    familiar: bool  # whether the text has anything in common with any example


@dataclass(frozen=True)
class Confidence:
    """The probability that a claim about a text is right, from its signals: that the top intent is its own, or that
    one of the two foremost is."""

    weights: np.ndarray
    bias: float

    # What a text that resembles nothing, and one that is a training example, would show: the truth about these two is
    # known beforehand, and with them there is something to learn even where every held-out reading was right.
    STRANGER = (-1.0, 0.0, 0.0, 0.0, 1.0), False
    TWIN = (1.0, 2.0, 1.0, 1.0, 1.0), True

    @classmethod
    def fit(cls, signals: list[Signals], right: list[bool], strangers: list[Signals]) -> Confidence:
        """Learn from readings of held-out texts and whether each was right, and from readings of texts whose intent
        was unknown, which are wrong whatever they say.
        """
        anchors, truth = zip(cls.STRANGER, cls.TWIN, strict=True)
        stranger = STRANGERS * len(signals) / max(len(strangers), 1)
        weights = [1.0] * len(signals) + [stranger] * len(strangers) + [1.0] * len(anchors)
        learned = LogisticRegression(C=10.0, max_iter=1000).fit(
            [*signals, *strangers, *(_by_length(*anchor) for anchor in anchors)],
            [*right, *(False for _ in strangers), *truth],
            sample_weight=weights,
        )
        return cls(learned.coef_[0], float(learned.intercept_[0]))

    def __call__(self, signals: Signals) -> float:
        """The probability."""
        return float(expit(self.weights.dot(signals) + self.bias))


def _signals(distances: list[float], nearest: list[float], foremost: int, words: int) -> Signals:
    """What tells whether the text's intent is among the first one or two (`foremost`): eight numbers. Of each intent,
    the likeliest first, the distance and the nearest example."""
    near, others = max(nearest[:foremost]), max(nearest[foremost:], default=-1.0)
    lead = distances[foremost - 1] - distances[min(foremost, len(distances) - 1)]
    return _by_length(distances[0], lead, near, near - others, math.log1p(words))


def _by_length(best: float, margin: float, nearest: float, nearest_margin: float, length: float) -> Signals:
    """The same distance means less in a long story than in three words, so the length also weighs with the distances;
    without this long texts were wrong twice as often as others at the same confidence."""
    return best, margin, nearest, nearest_margin, length, length * best, length * margin, length * length


class LinearNeighbours:
    """Learns from labelled texts; gives the evidence for each intent in others."""

    def __init__(
        self, intents: list[str], ngrams: Ngrams, planes: np.ndarray, examples: csc_matrix, starts: np.ndarray
    ) -> None:
        self.intents = intents
        self.ngrams = ngrams
        self.planes = planes  # a row an n-gram and one for the bias, a column an intent
        self.examples = examples  # a row a training example of length one, a column an n-gram; sorted by intent
        self.starts = starts  # where each intent's examples begin

    @classmethod
    def fit(cls, counts: Counts, labels: np.ndarray, learnt: np.ndarray) -> tuple[LinearNeighbours, Weighing]:
        """Learn at least two intents from these rows of the texts; also gives how it weighs what it is asked."""
        learnt = learnt[np.argsort(labels[learnt], kind="stable")]
        intents, starts = np.unique(labels[learnt], return_index=True)
        weigh = Weighing(counts, learnt)
        found = weigh(learnt)
        machine = LinearSVC(C=0.3, random_state=SEED).fit(found, labels[learnt])
        planes, bias = machine.coef_, machine.intercept_
        if len(intents) == 2:  # one plane parts two intents
            planes, bias = np.vstack([-planes, planes]), np.concatenate([-bias, bias])
        # Single precision: half the size.
        planes = np.vstack([planes.T, bias]).astype(np.float32)
        return cls(intents.tolist(), weigh.ngrams(), planes, normalize(found).tocsc(), starts), weigh

    def evidence(self, text: str) -> Evidence:
        """What speaks for each of `self.intents`; looks at nothing but the n-grams that the text has."""
        found, weights = self.ngrams.weigh(text)
        # Not @, which shares these few thousand products between threads and, on a busy machine, waits for them.
        linear = np.einsum("i,ij->j", weights, self.planes[found], dtype=float) + self.planes[-1]
        similar = self.examples[:, found] @ weights / max(np.linalg.norm(weights), 1.0)
        nearest = np.maximum.reduceat(similar, self.starts)
        return self._evidence(linear, nearest, len(text.split()), len(found) > 0)

    def all_evidence(self, weights: csr_matrix, lengths: Sequence[int]) -> Iterator[Evidence]:
        """As `evidence`, of many texts at once: a row of weights each, and its words."""
        linear = weights.astype(float) @ self.planes[:-1] + self.planes[-1]
        sizes = np.sqrt(weights.multiply(weights).sum(axis=1).A1)
        weights = weights.multiply(1 / np.maximum(sizes, 1.0)[:, None]).tocsr()
        common = np.diff(self.examples.indptr) > COMMON * self.examples.shape[0]
        often, rarely = self.examples[:, common].toarray().T, self.examples[:, ~common].T.tocsr()
        for first in range(0, len(lengths), BLOCK):
            block = weights[first : first + BLOCK]
            similar = block[:, common].toarray() @ often + (block[:, ~common] @ rarely).toarray()
            nearest = np.maximum.reduceat(similar, self.starts, axis=1)
            for row, near in enumerate(nearest, start=first):
                yield self._evidence(linear[row], near, lengths[row], sizes[row] > 0)

    def _evidence(self, linear: np.ndarray, nearest: np.ndarray, words: int, familiar: bool) -> Evidence:
        """From each intent's distance and nearest example, in the order of the intents."""
        order = np.argsort(-linear, kind="stable")
        distances, near = linear[order].tolist(), nearest[order].tolist()
        names = [self.intents[i] for i in order[:RANKING_LENGTH].tolist()]
        return Evidence(
            foremost=list(zip(names, distances, strict=False)),
            first=_signals(distances, near, 1, words),
            either=_signals(distances, near, 2, words),
            familiar=bool(familiar),
        )


@dataclass(frozen=True)
class Reading:
    """The most likely intents, at most ten, each with its confidence; none when the text resembles nothing known.
    `either` is the probability that one of the first two is right."""

    ranking: tuple[tuple[str, float], ...]
    either: float = 0.0


@dataclass(frozen=True)
class IntentModel:
    """The whole reader: evidence, and confidence in it."""

    neighbours: LinearNeighbours
    confidence: Confidence
    either: Confidence

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str]) -> tuple[IntentModel, list[Reading]]:
        """The model, and for each text the reading of a model that had not seen it.

        Raises `TooFewExamples` unless there are two intents with two different texts each.
        """
        _check(texts, labels)
        examples = _Examples(Counts(texts), np.asarray(labels), [len(text.split()) for text in texts])
        known, strangers = _evidence_without(examples, _folds(examples.labels), _unknown(examples.labels))
        right = [[name == label for name, _ in e.foremost[:2]] for e, label in zip(known, labels, strict=True)]
        neighbours, _ = LinearNeighbours.fit(examples.counts, examples.labels, np.arange(len(texts)))
        model = cls(
            neighbours,
            Confidence.fit([e.first for e in known], [first for first, _ in right], [e.first for e in strangers]),
            Confidence.fit([e.either for e in known], [any(both) for both in right], [e.either for e in strangers]),
        )
        return model, [model._reading(evidence) for evidence in known]

    def read(self, text: str) -> Reading:
        """How likely each intent is for a normalised text."""
        return self._reading(self.neighbours.evidence(text))

    def save(self, path: Path) -> None:
        """Write the model; what is written holds data only, no code."""
        ngrams = {"terms": self.neighbours.ngrams.terms, "rarity": self.neighbours.ngrams.rarity}
        neighbours = {**vars(self.neighbours), "ngrams": ngrams}
        stored = {"neighbours": neighbours, "confidence": vars(self.confidence), "either": vars(self.either)}
        skops.io.dump(stored, path)

    @classmethod
    def load(cls, path: Path) -> IntentModel:
        """Read what `save` wrote. Raises `TypeError` when the file holds anything else."""
        stored = skops.io.load(path, trusted=TRUSTED_TYPES)
        neighbours = stored["neighbours"]
        neighbours["ngrams"] = Ngrams(**neighbours["ngrams"])
        return cls(
            LinearNeighbours(**neighbours), Confidence(**stored["confidence"]), Confidence(**stored["either"])
        )

    def _reading(self, evidence: Evidence) -> Reading:
        if not evidence.familiar:
            return Reading(())
        confidence, (_, best) = self.confidence(evidence.first), evidence.foremost[0]
        ranking = ((name, confidence * math.exp(SHARPNESS * (far - best))) for name, far in evidence.foremost)
        return Reading(tuple(ranking), self.either(evidence.either))


@dataclass(frozen=True)
class _Examples:
    """What is learnt from, a row a text."""

    counts: Counts
    labels: np.ndarray
    lengths: list[int]  # in words


Split = tuple[np.ndarray, np.ndarray]  # the rows that are learnt, and those that are read


def _folds(labels: np.ndarray) -> list[Split]:
    """Each text is read by a model trained on the other folds."""
    _, counts = np.unique(labels, return_counts=True)
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=SEED)
    return list(folds.split(labels, labels))


def _unknown(labels: np.ndarray) -> list[Split]:
    """Every third text is read by a model that knows neither it nor its intent: what a text about something else looks
    like. Needs four intents, so that at least two are known; with fewer there is none."""
    intents, numbers = np.unique(labels, return_inverse=True)
    if len(intents) < MANY_ENOUGH:
        return []
    folds = KFold(min(FOLDS, len(intents) // 2), shuffle=True, random_state=SEED)
    return [(np.flatnonzero(np.isin(numbers, known)), np.flatnonzero(np.isin(numbers, unknown))[::ONE_STRANGER_OF])
            for known, unknown in folds.split(intents)]


def _evidence_without(examples: _Examples, *groups: Sequence[Split]) -> list[list[Evidence]]:
    """For each group of splits the evidence in each text that is read, in the texts' order."""
    work = [delayed(_learn_and_read)(examples, *split) for splits in groups for split in splits]
    done = iter(Parallel(n_jobs=-1 if len(examples.lengths) >= WORTH_PROCESSES else 1)(work))
    result = []
    for splits in groups:
        evidence = {row: e for _, read in splits for row, e in zip(read.tolist(), next(done), strict=True)}
        result.append([evidence[row] for row in sorted(evidence)])
    return result


def _learn_and_read(examples: _Examples, learnt: np.ndarray, read: np.ndarray) -> list[Evidence]:
    model, weigh = LinearNeighbours.fit(examples.counts, examples.labels, learnt)
    return list(model.all_evidence(weigh(read), [examples.lengths[row] for row in read]))


def _check(texts: Sequence[str], labels: Sequence[str]) -> None:
    examples = {(label, text) for label, text in zip(labels, texts, strict=True)}
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise TooFewExamples("training needs at least two intents")
    for intent in intents:
        if sum(label == intent for label, _ in examples) < 2:
            raise TooFewExamples(f"intent {intent!r} needs at least two different examples")

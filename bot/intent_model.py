"""Reading an intent off a normalised text: a linear model, its nearest examples, and how far to trust them.

Words and character n-grams, weighted by TF-IDF, feed a linear support vector machine; beside its scores stands how
close the most similar training example of each intent is. From both, a logistic regression over readings of texts the
model had not seen gives the confidence: the probability that the top intent is right. It also learns what a stranger
looks like, from readings by models to which the text's whole intent was unknown (docs/adr/0027). Trains in seconds,
each time the same, and knows no language.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import skops.io
from scipy.sparse import csc_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from bot.ngrams import Ngrams

FOLDS = 5
SEED = 20
# For each text of a known intent, how many about something unknown the confidence reckons with.
STRANGERS = 0.2
MANY_ENOUGH = 4  # intents from which some can be hidden from the others
# The distance of an intent that a model does not know: farther than any that it does.
FAR_AWAY = -9.0
# Turns distances from a separating plane into shares of an intent ranking.
SHARPNESS = 6.0
RANKING_LENGTH = 10
# All of liblinear's fits in a process draw from one source of chance: side by side, none would come out the same twice.
ONE_AT_A_TIME = Lock()
# The one type in a stored model that skops does not know as harmless by itself.
TRUSTED_TYPES = ["scipy.sparse._csc.csc_matrix"]


class TooFewExamples(ValueError):
    """There is nothing to learn from; the text names the intent."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for each intent in some texts: a row a text, a column an intent."""

    linear: np.ndarray  # signed distance from the intent's separating plane
    nearest: np.ndarray  # cosine with the intent's most similar training example, 0 to 1
    lengths: np.ndarray  # the texts' number of words

    @classmethod
    def blank(cls, texts: int, intents: int) -> Evidence:
        """Where nothing is known yet: every intent far away."""
        return cls(np.full((texts, intents), FAR_AWAY), np.zeros((texts, intents)), np.zeros(texts, dtype=int))

    def put(self, rows: np.ndarray, columns: np.ndarray, found: Evidence) -> None:
        """Fill in what a model that knows only some of the intents (`columns`) found in some of the texts (`rows`)."""
        self.linear[np.ix_(rows, columns)] = found.linear
        self.nearest[np.ix_(rows, columns)] = found.nearest
        self.lengths[rows] = found.lengths

    @cached_property
    def order(self) -> np.ndarray:
        """Each text's intents by number, the foremost first."""
        return np.argsort(-self.linear, axis=1, kind="stable")

    def signals(self, foremost: int = 1) -> np.ndarray:
        """What tells whether the text's intent is among the first one or two (`foremost`): eight numbers a text."""
        rows, last = np.arange(len(self.linear)), self.order.shape[1] - 1
        chosen = rows[:, np.newaxis], self.order[:, :foremost]
        others = self.nearest.copy()
        others[chosen] = -1.0
        nearest = self.nearest[chosen].max(axis=1)
        weakest, following = self.linear[rows, self.order[:, [foremost - 1, min(foremost, last)]].T]
        return _by_length(
            self.linear[rows, self.order[:, 0]], weakest - following, nearest, nearest - others.max(axis=1),
            np.log1p(self.lengths),
        )


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
    def fit(cls, signals: np.ndarray, right: np.ndarray, strangers: np.ndarray) -> Confidence:
        """Learn from readings of held-out texts and whether each was right, and from readings of texts whose intent
        was unknown, which are wrong whatever they say.
        """
        anchors, truth = zip(cls.STRANGER, cls.TWIN, strict=True)
        weights = np.ones(len(signals) + len(strangers) + len(anchors))
        weights[len(signals) : -len(anchors)] = STRANGERS
        learned = LogisticRegression(C=10.0, max_iter=1000).fit(
            np.vstack([signals, strangers, _by_length(*np.asarray(anchors).T)]),
            np.concatenate([right, np.zeros(len(strangers), dtype=bool), truth]),
            sample_weight=weights,
        )
        return cls(learned.coef_[0], float(learned.intercept_[0]))

    def __call__(self, signals: np.ndarray) -> np.ndarray:
        """One probability a row."""
        return expit(signals @ self.weights + self.bias)


def _by_length(
    best: np.ndarray, margin: np.ndarray, nearest: np.ndarray, nearest_margin: np.ndarray, length: np.ndarray
) -> np.ndarray:
    """The signals, a row a text. The same distance means less in a long story than in three words, so the length also
    weighs with the distances; without this long texts were wrong twice as often as others at the same confidence."""
    return np.column_stack(
        [best, margin, nearest, nearest_margin, length, length * best, length * margin, length * length]
    )


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
    def fit(cls, texts: Sequence[str], labels: Sequence[str]) -> LinearNeighbours:
        """Learn at least two intents."""
        order = np.argsort(np.asarray(labels), kind="stable")
        texts, sorted_labels = [texts[i] for i in order], np.asarray(labels)[order]
        intents, starts = np.unique(sorted_labels, return_index=True)
        ngrams, found = Ngrams.fit(texts)
        with ONE_AT_A_TIME:
            machine = LinearSVC(C=0.3, random_state=SEED).fit(found, sorted_labels)
        planes, bias = machine.coef_, machine.intercept_
        if len(intents) == 2:  # one plane parts two intents
            planes, bias = np.vstack([-planes, planes]), np.concatenate([-bias, bias])
        # Single precision: half the size.
        planes = np.vstack([planes.T, bias]).astype(np.float32)
        return cls(intents.tolist(), ngrams, planes, normalize(found).tocsc(), starts)

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """What speaks for each of `self.intents`; a text without a known n-gram has `nearest` 0 throughout."""
        linear, nearest = zip(*map(self._read, texts), strict=True)
        return Evidence(np.stack(linear), np.stack(nearest), np.array([len(text.split()) for text in texts]))

    def _read(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Distances and nearest examples, from nothing but the n-grams that the text has."""
        found, weights = self.ngrams.weigh(text)
        # Not @, which shares these few thousand products between threads and, on a busy machine, waits for them.
        linear = np.einsum("i,ij->j", weights, self.planes[found], dtype=float) + self.planes[-1]
        similar = self.examples[:, found] @ weights / max(np.linalg.norm(weights), 1.0)
        return linear, np.maximum.reduceat(similar, self.starts)


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
        truth = np.asarray(labels)
        known, unknown = _held_out_evidence(texts, truth), _strangers(texts, truth)
        neighbours = LinearNeighbours.fit(texts, labels)
        foremost = np.asarray(neighbours.intents)[known.order[:, :2]]
        right = foremost == truth[:, np.newaxis]
        model = cls(
            neighbours,
            Confidence.fit(known.signals(), right[:, 0], unknown.signals()),
            Confidence.fit(known.signals(2), right.any(axis=1), unknown.signals(2)),
        )
        return model, model._readings(known)

    def read(self, text: str) -> Reading:
        """How likely each intent is for a normalised text."""
        return self._readings(self.neighbours.evidence([text]))[0]

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

    def _readings(self, evidence: Evidence) -> list[Reading]:
        certain, either = self.confidence(evidence.signals()), self.either(evidence.signals(2))
        foremost = evidence.order[:, :RANKING_LENGTH]
        distances = np.take_along_axis(evidence.linear, foremost, axis=1)
        shares = certain[:, np.newaxis] * np.exp(SHARPNESS * (distances - distances[:, :1]))
        names = np.asarray(self.neighbours.intents, dtype=object)[foremost]
        found = zip(names.tolist(), shares.tolist(), either.tolist(), evidence.nearest.any(axis=1), strict=True)
        return [
            Reading(tuple(zip(intents, confidences, strict=True)), pair) if known else Reading(())
            for intents, confidences, pair, known in found
        ]


def _held_out_evidence(texts: Sequence[str], labels: np.ndarray) -> Evidence:
    """Evidence for each text from a model trained on the other folds."""
    intents, counts = np.unique(labels, return_counts=True)
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=SEED)
    return _evidence_without(texts, labels, intents, folds.split(labels, labels))


def _strangers(texts: Sequence[str], labels: np.ndarray) -> Evidence:
    """Evidence for each text from a model that knows neither it nor its intent: what a text about something else
    looks like. Needs four intents, so that at least two are known; with fewer there is none."""
    intents, numbers = np.unique(labels, return_inverse=True)
    if len(intents) < MANY_ENOUGH:
        return Evidence.blank(0, len(intents))
    folds = KFold(min(FOLDS, len(intents) // 2), shuffle=True, random_state=SEED)
    splits = ((np.flatnonzero(np.isin(numbers, known)), np.flatnonzero(np.isin(numbers, unknown)))
              for known, unknown in folds.split(intents))
    return _evidence_without(texts, labels, intents, splits)


def _evidence_without(
    texts: Sequence[str], labels: np.ndarray, intents: np.ndarray, splits: Iterable[tuple[np.ndarray, np.ndarray]]
) -> Evidence:
    """For each split into what is learnt and what is read: the evidence in the texts read."""
    evidence = Evidence.blank(len(texts), len(intents))

    def learn_and_read(split: tuple[np.ndarray, np.ndarray]) -> None:
        learnt, read = split
        model = LinearNeighbours.fit([texts[i] for i in learnt], labels[learnt])
        columns = np.searchsorted(intents, model.intents)
        evidence.put(read, columns, model.evidence([texts[i] for i in read]))

    # liblinear lets go of the interpreter, so that one thread reads while another learns; each fills rows of its own.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(learn_and_read, splits))
    return evidence


def _check(texts: Sequence[str], labels: Sequence[str]) -> None:
    examples = {(label, text) for label, text in zip(labels, texts, strict=True)}
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise TooFewExamples("training needs at least two intents")
    for intent in intents:
        if sum(label == intent for label, _ in examples) < 2:
            raise TooFewExamples(f"intent {intent!r} needs at least two different examples")

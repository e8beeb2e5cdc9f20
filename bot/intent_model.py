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
from pathlib import Path

import numpy as np
import skops.io
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

FOLDS = 5
SEED = 20
# For each text of a known intent, how many about something unknown the confidence reckons with.
STRANGERS = 0.2
MANY_ENOUGH = 4  # intents from which some can be hidden from the others
# The distance of an intent that a model does not know: farther than any that it does.
FAR_AWAY = -9.0
# Turns distances from a separating plane into shares of an intent ranking.
SHARPNESS = 6.0
# The one type in a stored model that skops does not know as harmless by itself.
TRUSTED_TYPES = ["scipy.sparse._csr.csr_matrix"]


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

    def signals(self) -> np.ndarray:
        """What tells a right top intent from a wrong one: eight numbers a text."""
        rows, top = np.arange(len(self.linear)), self.linear.argmax(axis=1)
        best, second = (-np.partition(-self.linear, 1, axis=1)[:, :2]).T
        others = self.nearest.copy()
        others[rows, top] = -1.0
        nearest = self.nearest[rows, top]
        return _by_length(best, best - second, nearest, nearest - others.max(axis=1), np.log1p(self.lengths))


    def pair_signals(self) -> np.ndarray:
        """What tells whether one of the two foremost intents is right, as many numbers as `signals`."""
        rows = np.arange(len(self.linear))
        order = np.argsort(-self.linear, axis=1, kind="stable")
        first, second, third = order[:, 0], order[:, 1], order[:, min(2, order.shape[1] - 1)]
        others = self.nearest.copy()
        others[rows, first] = others[rows, second] = -1.0
        nearest = np.maximum(self.nearest[rows, first], self.nearest[rows, second])
        return _by_length(
            self.linear[rows, first], self.linear[rows, second] - self.linear[rows, third], nearest,
            nearest - others.max(axis=1), np.log1p(self.lengths),
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
        self, intents: list[str], features: FeatureUnion, planes: np.ndarray, examples: csr_matrix, starts: np.ndarray
    ) -> None:
        self.intents = intents
        self.features = features
        self.planes = planes  # a row a feature and one for the bias, a column an intent
        self.examples = examples  # a row a feature, a column a training example of length one, sorted by intent
        self.starts = starts  # where each intent's examples begin

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str]) -> LinearNeighbours:
        """Learn at least two intents."""
        order = np.argsort(np.asarray(labels), kind="stable")
        texts, sorted_labels = [texts[i] for i in order], np.asarray(labels)[order]
        intents, starts = np.unique(sorted_labels, return_index=True)
        features = FeatureUnion(
            [("words", _tfidf("word", (1, 2))), ("characters", _tfidf("char_wb", (2, 4)))],
            transformer_weights={"words": 1.0, "characters": 1.5},
        )
        found = features.fit_transform(texts)
        machine = LinearSVC(C=0.3, random_state=SEED).fit(found, sorted_labels)
        planes, bias = machine.coef_, machine.intercept_
        if len(intents) == 2:  # one plane parts two intents
            planes, bias = np.vstack([-planes, planes]), np.concatenate([-bias, bias])
        # Single precision throughout: half the size, and no copy of all planes for each text.
        planes = np.vstack([planes.T, bias]).astype(np.float32)
        return cls(intents.tolist(), features, planes, normalize(found).T.tocsr(), starts)

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """What speaks for each of `self.intents`; a text without a known n-gram has `nearest` 0 throughout."""
        found = self.features.transform(texts)
        similar = (normalize(found) @ self.examples).toarray()
        return Evidence(
            linear=found @ self.planes[:-1] + self.planes[-1],
            nearest=np.maximum.reduceat(similar, self.starts, axis=1),
            lengths=np.array([len(text.split()) for text in texts]),
        )


@dataclass(frozen=True)
class Reading:
    """Intents, the most likely first, each with its confidence; empty when the text resembles nothing known. `either`
    is the probability that one of the first two is right."""

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
        foremost = np.asarray(neighbours.intents)[np.argsort(-known.linear, axis=1, kind="stable")[:, :2]]
        right = foremost == truth[:, np.newaxis]
        model = cls(
            neighbours,
            Confidence.fit(known.signals(), right[:, 0], unknown.signals()),
            Confidence.fit(known.pair_signals(), right.any(axis=1), unknown.pair_signals()),
        )
        return model, model._readings(known)

    def read(self, text: str) -> Reading:
        """How likely each intent is for a normalised text."""
        return self._readings(self.neighbours.evidence([text]))[0]

    def save(self, path: Path) -> None:
        """Write the model; what is written holds data only, no code."""
        stored = {"neighbours": vars(self.neighbours), "confidence": vars(self.confidence), "either": vars(self.either)}
        skops.io.dump(stored, path)

    @classmethod
    def load(cls, path: Path) -> IntentModel:
        """Read what `save` wrote. Raises `TypeError` when the file holds anything else."""
        stored = skops.io.load(path, trusted=TRUSTED_TYPES)
        return cls(
            LinearNeighbours(**stored["neighbours"]), Confidence(**stored["confidence"]), Confidence(**stored["either"])
        )

    def _readings(self, evidence: Evidence) -> list[Reading]:
        shares = softmax(SHARPNESS * evidence.linear, axis=1)
        readings = []
        certainties = zip(
            self.confidence(evidence.signals()).tolist(), self.either(evidence.pair_signals()).tolist(), strict=True
        )
        for row, (certain, either) in enumerate(certainties):
            if not evidence.nearest[row].any():
                readings.append(Reading(()))
                continue
            order = np.argsort(-evidence.linear[row], kind="stable")
            relative = shares[row, order] / shares[row, order[0]]
            names = [self.neighbours.intents[i] for i in order]
            readings.append(Reading(tuple(zip(names, (certain * relative).tolist(), strict=True)), either))
        return readings


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

    # liblinear lets go of the interpreter, so threads share the processors; each fills rows of its own.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(learn_and_read, splits))
    return evidence


def _tfidf(analyzer: str, lengths: tuple[int, int]) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=analyzer, ngram_range=lengths, token_pattern=r"\S+", lowercase=False, sublinear_tf=True,
        dtype=np.float32,
    )


def _check(texts: Sequence[str], labels: Sequence[str]) -> None:
    examples = {(label, text) for label, text in zip(labels, texts, strict=True)}
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise TooFewExamples("training needs at least two intents")
    for intent in intents:
        if sum(label == intent for label, _ in examples) < 2:
            raise TooFewExamples(f"intent {intent!r} needs at least two different examples")

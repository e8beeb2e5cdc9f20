"""Reading an intent off a normalised text: a linear model, its nearest examples, and how far to trust them.

Words and character n-grams, weighted by TF-IDF, feed a linear support vector machine; beside its scores stands how
close the most similar training example of each intent is. From both, a logistic regression over readings of texts the
model had not seen gives the confidence: the probability that the top intent is right. Trains in seconds, each time the
same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skops.io
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

FOLDS = 5
SEED = 20
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

    def signals(self) -> np.ndarray:
        """What tells a right top intent from a wrong one, five numbers a text."""
        rows, top = np.arange(len(self.linear)), self.linear.argmax(axis=1)
        best, second = (-np.partition(-self.linear, 1, axis=1)[:, :2]).T
        others = self.nearest.copy()
        others[rows, top] = -1.0
        nearest = self.nearest[rows, top]
        return np.column_stack([best, best - second, nearest, nearest - others.max(axis=1), np.log1p(self.lengths)])


@dataclass(frozen=True)
class Confidence:
    """The probability that a top intent is right, from its signals."""

    weights: np.ndarray
    bias: float

    # What a text that resembles nothing, and one that is a training example, would show: the truth about these two is
    # known beforehand, and with them there is something to learn even where every held-out reading was right.
    STRANGER = (-1.0, 0.0, 0.0, 0.0, 1.0), False
    TWIN = (1.0, 2.0, 1.0, 1.0, 1.0), True

    @classmethod
    def fit(cls, signals: np.ndarray, right: np.ndarray) -> Confidence:
        """Learn from readings of held-out texts and whether each was right."""
        anchors, truth = zip(cls.STRANGER, cls.TWIN, strict=True)
        learned = LogisticRegression(C=10.0, max_iter=1000).fit(
            np.vstack([signals, anchors]), np.concatenate([right, truth])
        )
        return cls(learned.coef_[0], float(learned.intercept_[0]))

    def __call__(self, signals: np.ndarray) -> np.ndarray:
        """One probability a row."""
        return expit(signals @ self.weights + self.bias)


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
        return cls(intents.tolist(), features, np.vstack([planes.T, bias]), normalize(found).T.tocsr(), starts)

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
    """Intents, the most likely first, each with its confidence; empty when the text resembles nothing known."""

    ranking: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class IntentModel:
    """The whole reader: evidence, and confidence in it."""

    neighbours: LinearNeighbours
    confidence: Confidence

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str]) -> tuple[IntentModel, list[Reading]]:
        """The model, and for each text the reading of a model that had not seen it.

        Raises `TooFewExamples` unless there are two intents with two different texts each.
        """
        _check(texts, labels)
        evidence = _held_out_evidence(texts, np.asarray(labels))
        signals = evidence.signals()
        neighbours = LinearNeighbours.fit(texts, labels)
        right = np.asarray(neighbours.intents)[evidence.linear.argmax(axis=1)] == np.asarray(labels)
        model = cls(neighbours, Confidence.fit(signals, right))
        return model, model._readings(evidence)

    def read(self, text: str) -> Reading:
        """How likely each intent is for a normalised text."""
        return self._readings(self.neighbours.evidence([text]))[0]

    def save(self, path: Path) -> None:
        """Write the model; what is written holds data only, no code."""
        skops.io.dump({**vars(self.neighbours), **vars(self.confidence)}, path)

    @classmethod
    def load(cls, path: Path) -> IntentModel:
        """Read what `save` wrote. Raises `TypeError` when the file holds anything else."""
        stored = skops.io.load(path, trusted=TRUSTED_TYPES)
        confidence = Confidence(stored.pop("weights"), stored.pop("bias"))
        return cls(LinearNeighbours(**stored), confidence)

    def _readings(self, evidence: Evidence) -> list[Reading]:
        shares = softmax(SHARPNESS * evidence.linear, axis=1)
        readings = []
        for row, certain in enumerate(self.confidence(evidence.signals())):
            if not evidence.nearest[row].any():
                readings.append(Reading(()))
                continue
            order = np.argsort(-evidence.linear[row], kind="stable")
            relative = shares[row, order] / shares[row, order[0]]
            names = [self.neighbours.intents[i] for i in order]
            readings.append(Reading(tuple(zip(names, (certain * relative).tolist(), strict=True))))
        return readings


def _held_out_evidence(texts: Sequence[str], labels: np.ndarray) -> Evidence:
    """Evidence for each text from a model trained on the other folds."""
    intents, counts = np.unique(labels, return_counts=True)
    linear, nearest = np.zeros((2, len(texts), len(intents)))
    lengths = np.zeros(len(texts), dtype=int)
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=SEED)
    for train, test in folds.split(labels, labels):
        model = LinearNeighbours.fit([texts[i] for i in train], labels[train])
        found = model.evidence([texts[i] for i in test])
        linear[test], nearest[test], lengths[test] = found.linear, found.nearest, found.lengths
    return Evidence(linear, nearest, lengths)


def _tfidf(analyzer: str, lengths: tuple[int, int]) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=analyzer, ngram_range=lengths, token_pattern=r"\S+", lowercase=False, sublinear_tf=True
    )


def _check(texts: Sequence[str], labels: Sequence[str]) -> None:
    examples = {(label, text) for label, text in zip(labels, texts, strict=True)}
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise TooFewExamples("training needs at least two intents")
    for intent in intents:
        if sum(label == intent for label, _ in examples) < 2:
            raise TooFewExamples(f"intent {intent!r} needs at least two different examples")

"""The quick way in which a question is read gives what the plain formula gives, on our examples and held-out questions.

The plain way is scikit-learn's own analysers and matrices, and one question after the other in plain Python.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import FeatureUnion

from benchmarks.understanding.reading import PROJECT, held_out
from bot import intent_model
from bot.intent_model import RANKING_LENGTH, IntentModel, LinearNeighbours
from bot.language import Lexicon
from bot.ngrams import Counts

EVERY = 8  # of the examples, enough to learn on


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon((PROJECT / "data" / "lexicon.csv").read_text("utf-8"))


@pytest.fixture(scope="module")
def examples(lexicon):
    """Normalised texts and their intents."""
    messages = load_data(str(PROJECT / "data" / "nlu")).intent_examples[::EVERY]
    pairs = dict.fromkeys((normalised(lexicon, message.get(TEXT)), message.get(INTENT)) for message in messages)
    return [(text, intent) for text, intent in pairs if text]


def normalised(lexicon, text):
    return " ".join(word for term in lexicon.normalise(text) for word in term.words)


def test_a_question_is_read_as_the_plain_formula_says(lexicon, examples):
    texts, labels = map(list, zip(*examples, strict=True))
    model, _ = IntentModel.train(texts, labels)
    questions = [normalised(lexicon, question.text) for question in held_out()]
    tfidf = FeatureUnion(
        [
            ("words", TfidfVectorizer(token_pattern=r"\S+", lowercase=False, ngram_range=(1, 2), sublinear_tf=True)),
            ("pieces", TfidfVectorizer(analyzer="char_wb", lowercase=False, ngram_range=(2, 4), sublinear_tf=True)),
        ],
        transformer_weights={"words": 1.0, "pieces": 1.5},
    )
    known, asked = tfidf.fit_transform(texts), tfidf.transform(questions)
    planes = model.neighbours.planes.astype(float)
    distances, similar = asked @ planes[:-1] + planes[-1], cosine_similarity(asked, known)
    assert len(questions) > 600
    for question, row, likeness in zip(questions, distances, similar, strict=True):
        distance = dict(zip(model.neighbours.intents, row, strict=True))
        nearest = {intent: max(likeness[np.asarray(labels) == intent]) for intent in distance}
        confidences, either = plainly_read(model, distance, nearest, len(question.split()))
        reading = model.read(question)
        assert reading.ranking[0][0] == max(confidences, key=confidences.get)
        assert len(reading.ranking) == RANKING_LENGTH
        assert all(confidence == pytest.approx(confidences[name], abs=1e-6) for name, confidence in reading.ranking)
        assert reading.either == pytest.approx(either, abs=1e-6)


def test_held_out_examples_are_read_as_by_a_model_that_never_counted_them(examples):
    """What training counts once and reads at once is what one model a fold says, one text after the other."""
    texts, labels = map(list, zip(*examples, strict=True))
    labels = np.asarray(labels)
    folds = intent_model._folds(labels)
    lengths = [len(text.split()) for text in texts]
    (together,) = intent_model._evidence_without(intent_model._Examples(Counts(texts), labels, lengths), folds)
    learnt, read = folds[0]
    alone, _ = LinearNeighbours.fit(Counts([texts[row] for row in learnt]), labels[learnt], np.arange(len(learnt)))
    for row in read:
        one, among = alone.evidence(texts[row]), together[row]
        assert [name for name, _ in one.foremost] == [name for name, _ in among.foremost]
        assert (one.familiar, one.first[4]) == (among.familiar, among.first[4])
        assert among.first == pytest.approx(one.first, abs=1e-5)
        assert among.either == pytest.approx(one.either, abs=1e-5)


def test_processes_side_by_side_learn_what_one_process_learns(examples, monkeypatch):
    texts, labels = map(list, zip(*examples[::4], strict=True))
    known = intent_model._Examples(Counts(texts), np.asarray(labels), [len(text.split()) for text in texts])
    splits = intent_model._unknown(known.labels)
    (alone,) = intent_model._evidence_without(known, splits)
    monkeypatch.setattr(intent_model, "WORTH_PROCESSES", 0)
    (together,) = intent_model._evidence_without(known, splits)
    assert len(together) == len(alone) > 100
    for one, other in zip(alone, together, strict=True):
        assert [name for name, _ in one.foremost[:2]] == [name for name, _ in other.foremost[:2]]
        assert other.first == pytest.approx(one.first, abs=1e-5)


def plainly_read(model, distance, nearest, words):
    """Every intent's confidence, and that one of the two foremost is right."""
    first, second, third, *_ = sorted(distance, key=distance.get, reverse=True)
    confidence = sure(model.confidence, distance[first], distance[first] - distance[second], nearest, [first], words)
    either = sure(model.either, distance[first], distance[second] - distance[third], nearest, [first, second], words)
    return {i: confidence * math.exp(6.0 * (distance[i] - distance[first])) for i in distance}, either


def sure(learned, best, margin, nearest, foremost, words):
    """The logistic regression over eight numbers."""
    near = max(nearest[intent] for intent in foremost)
    lead, length = near - max(nearest[intent] for intent in nearest if intent not in foremost), math.log(1 + words)
    signals = best, margin, near, lead, length, length * best, length * margin, length * length
    return 1 / (1 + math.exp(-learned.bias - sum(w * s for w, s in zip(learned.weights, signals, strict=True))))

"""Knowing when not to answer: the threshold keeps its promise, and abstaining hides nothing."""

from __future__ import annotations

import pytest
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import is_fallback_classifier_prediction, undo_fallback_prediction
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.abstention import ABSTENTION, Abstention, choose_threshold
from bot.classifier import EITHER, HELD_OUT

RESOURCE = Resource("abstention")
CONFIG = {"target_risk": 0.2, "hand_over": ["minta_petugas"]}


def readings(marks: str, predicted: str = "ktp_hilang") -> TrainingData:
    """Held-out readings, the surest first: `+` right, `-` wrong."""
    return TrainingData(
        [
            Message(
                {
                    TEXT: f"contoh {place}",
                    INTENT: predicted if mark == "+" else "lain",
                    HELD_OUT: {"name": predicted, "confidence": 0.9 - place / 10},
                }
            )
            for place, mark in enumerate(marks)
        ]
    )


@pytest.mark.parametrize(
    ("confidences", "marks", "target", "threshold"),
    [
        ([0.9, 0.8, 0.7], "+++", 0.0, 0.7),
        ([0.9, 0.8, 0.7], "++-", 0.0, 0.8),
        ([0.9, 0.8, 0.7, 0.6], "++-+", 0.25, 0.6),  # one of four
        ([0.9, 0.8, 0.7, 0.6], "-+++", 0.25, 0.6),  # a bad beginning is made good
        ([0.9, 0.8, 0.7, 0.6], "-+++", 0.1, 1.0),  # no threshold keeps the target: none is answered
        ([0.9, 0.8, 0.8, 0.8], "+++-", 0.1, 0.9),  # equals stand or fall together
        ([0.98765], "+", 0.05, 0.9876),  # rounded towards answering what was counted as answered
        ([], "", 0.05, 1.0),
    ],
)
def test_the_threshold_answers_as_much_as_the_target_allows(confidences, marks, target, threshold):
    assert choose_threshold(confidences, [mark == "-" for mark in marks], target) == threshold


@pytest.fixture
def trained(storage, context):
    """Trained so that it answers from 0.7 on, and read back from storage."""
    resource = Abstention.create(CONFIG, storage, RESOURCE, context).train(readings("+++---"))
    return Abstention.load(CONFIG, storage, resource, context)


def decided(abstention: Abstention, ranking: list[dict], either: float = 0.0) -> Message:
    top = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    (message,) = abstention.process(
        [Message({TEXT: "x", INTENT: top, "intent_ranking": list(ranking), EITHER: either})]
    )
    return message


SURE = [{"name": "ktp_hilang", "confidence": 0.7}, {"name": "ktp_rusak", "confidence": 0.1}]
UNSURE = [{"name": "ktp_hilang", "confidence": 0.69}, {"name": "ktp_rusak", "confidence": 0.6}]


def test_from_the_threshold_on_the_reading_stands(trained):
    message = decided(trained, SURE)
    assert message.get(INTENT) == SURE[0]
    assert message.get("intent_ranking") == SURE
    assert message.get(ABSTENTION) == {"abstained": False, "near_tie": False, "threshold": 0.7, "intent": SURE[0]}


def test_below_it_the_fallback_comes_first_and_the_ranking_stays(trained):
    message = decided(trained, UNSURE)
    assert message.get(INTENT) == {"name": "nlu_fallback", "confidence": 0.69}
    assert message.get("intent_ranking")[1:] == UNSURE
    assert message.get(ABSTENTION) == {"abstained": True, "near_tie": False, "threshold": 0.7, "intent": UNSURE[0]}
    parsed = message.as_dict(only_output_properties=True)
    assert parsed[ABSTENTION]["abstained"]
    assert is_fallback_classifier_prediction(parsed)
    assert undo_fallback_prediction(parsed)[INTENT] == UNSURE[0]


@pytest.mark.parametrize(
    ("ranking", "either", "near_tie"),
    [(UNSURE, 0.7, True), (UNSURE, 0.69, False), (SURE, 0.9, False), ([], 0.0, False)],
)
def test_a_near_tie_is_as_sure_of_its_two_as_an_answer_of_its_one(trained, ranking, either, near_tie):
    assert decided(trained, ranking, either).get(ABSTENTION)["near_tie"] is near_tie


def test_no_intent_at_all_is_never_answered(storage, context):
    resource = Abstention.create(CONFIG, storage, RESOURCE, context).train(
        TrainingData([Message({TEXT: "x", INTENT: "a", HELD_OUT: {"name": "a", "confidence": 0.0}})])
    )
    message = decided(Abstention.load(CONFIG, storage, resource, context), [])
    assert message.get(INTENT)["name"] == "nlu_fallback"
    assert message.get(ABSTENTION)["intent"] == {"name": None, "confidence": 0.0}


def test_a_reading_that_hands_over_is_no_wrong_answer(storage, context):
    data = readings("+++---").merge(readings("------", predicted="minta_petugas"))
    resource = Abstention.create(CONFIG, storage, RESOURCE, context).train(data)
    assert decided(Abstention.load(CONFIG, storage, resource, context), SURE).get(ABSTENTION)["threshold"] == 0.7


@pytest.mark.parametrize("config", [{"target_risk": 1.5}, {"target_risk": -0.1}, {"threshold": 0.3}])
def test_an_impossible_configuration_is_refused(storage, context, config):
    with pytest.raises(InvalidConfigException):
        Abstention.create({**CONFIG, **config}, storage, RESOURCE, context)

"""Knowing when not to answer: below a threshold, found in training, the bot hands over instead of guessing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, INTENT_RANKING_KEY, PREDICTED_CONFIDENCE_KEY
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.cli import print_info

from bot.classifier import EITHER, HELD_OUT, NeighbourIntentClassifier
from bot.config import refuse_unknown_keys

# The output property that says what happened: {"abstained", "near_tie", "threshold", "intent": the true top intent}.
ABSTENTION = "abstention"
THRESHOLD_FILE = "threshold.json"


def choose_threshold(confidences: Sequence[float], wrong: Sequence[bool], target_risk: float) -> float:
    """The lowest confidence at which answering keeps the share of wrong answers within `target_risk`.

    `confidences` and `wrong` describe answers to questions whose truth is known. The threshold, rounded down to four
    digits, answers as many of them as the target allows; 1.0, answering none, when it allows none.
    """
    threshold, mistakes = 1.0, 0
    ranked = sorted(zip(confidences, wrong, strict=True), reverse=True)
    for answered, (confidence, mistake) in enumerate(ranked, start=1):
        mistakes += mistake
        last_of_its_confidence = answered == len(ranked) or ranked[answered][0] < confidence
        if last_of_its_confidence and mistakes <= target_risk * answered:
            threshold = confidence
    return math.floor(threshold * 10_000) / 10_000


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Abstention(GraphComponent, IntentClassifier):
    """Puts `nlu_fallback` before an intent that is not sure enough; the ranking behind it stays as it was.

    A near tie is a text for which "it is one of these two" is as sure as an answer would have to be: it is not answered
    either, but whoever offers the two may say so.
    """

    @classmethod
    def required_components(cls) -> list[type[Any]]:
        """The threshold is learned from that classifier's held-out readings."""
        return [NeighbourIntentClassifier]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`target_risk`: wrong answers among those given, at most; `hand_over`: intents that give no answer."""
        return {"target_risk": 0.05, "hand_over": []}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Abstention:
        """Untrained. Raises `InvalidConfigException` for a key it does not know."""
        refuse_unknown_keys(cls, config)
        return cls(config, model_storage, resource)

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        threshold: float | None = None,
    ) -> None:
        """Raises `InvalidConfigException` when the target is not a share."""
        if not 0.0 <= config["target_risk"] < 1.0:
            raise InvalidConfigException(f"target_risk must be from 0 up to 1, not {config['target_risk']}.")
        self._target_risk: float = config["target_risk"]
        self._hand_over = frozenset(config["hand_over"])
        self._model_storage = model_storage
        self._resource = resource
        self._threshold = threshold

    def train(self, training_data: TrainingData) -> Resource:
        """Find the threshold in how the training examples were read by models that had not seen them."""
        confidences, wrong = [], []
        for message in training_data.intent_examples:
            reading = message.get(HELD_OUT)
            if reading[INTENT_NAME_KEY] is None or reading[INTENT_NAME_KEY] in self._hand_over:
                continue  # a person answers: this cannot be a wrong answer
            confidences.append(reading[PREDICTED_CONFIDENCE_KEY])
            wrong.append(reading[INTENT_NAME_KEY] != message.get(INTENT))
        self._threshold = choose_threshold(confidences, wrong, self._target_risk)
        answered = sum(confidence >= self._threshold for confidence in confidences)
        print_info(
            f"Threshold {self._threshold} keeps the risk within {self._target_risk} on held-out examples: "
            f"of {len(training_data.intent_examples)}, {answered} are answered."
        )
        with self._model_storage.write_to(self._resource) as folder:
            (folder / THRESHOLD_FILE).write_text(json.dumps({"threshold": self._threshold}))
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Abstention:
        """With the threshold that training found."""
        with model_storage.read_from(resource) as folder:
            threshold = json.loads((folder / THRESHOLD_FILE).read_text())["threshold"]
        return cls(config, model_storage, resource, threshold)

    def process(self, messages: list[Message]) -> list[Message]:
        """Abstain where the top intent is below the threshold, and say on every message what was decided."""
        if self._threshold is None:
            raise InvalidConfigException("The abstention has not been trained.")
        for message in messages:
            top = message.get(INTENT)
            abstained = top[INTENT_NAME_KEY] is None or top[PREDICTED_CONFIDENCE_KEY] < self._threshold
            near_tie = abstained and (message.get(EITHER) or 0.0) >= self._threshold
            decision = {"abstained": abstained, "near_tie": near_tie, "threshold": self._threshold, "intent": top}
            message.set(ABSTENTION, decision, add_to_output=True)
            if abstained:
                # Rasa's own fallback shows its threshold here; how sure the bot really was says more.
                fallback = {**top, INTENT_NAME_KEY: DEFAULT_NLU_FALLBACK_INTENT_NAME}
                message.set(INTENT, fallback, add_to_output=True)
                message.set(INTENT_RANKING_KEY, [fallback, *message.get(INTENT_RANKING_KEY)], add_to_output=True)
        return messages

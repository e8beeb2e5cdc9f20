"""Rasa's intent classifier: hangs `intent_model` into the graph."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import (
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot import intent_model, ngrams
from bot.config import refuse_unknown_keys
from bot.intent_model import IntentModel, TooFewExamples

# Set on each training example: the intent and confidence that a model gave it which had not seen it.
HELD_OUT = "held_out_intent"
# Set on each message: how likely it is that one of the two foremost intents is right.
EITHER = "either_confidence"
MODEL_FILE = "model.skops"
HELD_OUT_FILE = "held_out.json"


# Rasa lets only featurizers and tokenizers write into the training data, and the component after this one learns its
# threshold from what this one says there of each example.
@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER],
    is_trainable=True,
)
class NeighbourIntentClassifier(GraphComponent, IntentClassifier):
    """Ranks intents with calibrated confidence; a text that resembles no example gets none (`None`, 0)."""

    @classmethod
    def required_components(cls) -> list[type[Any]]:
        """Lemmas come from a tokenizer."""
        return [Tokenizer]

    @staticmethod
    def required_packages() -> list[str]:
        """Another version trains another model."""
        return ["sklearn"]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> NeighbourIntentClassifier:
        """Untrained. Raises `InvalidConfigException` for a key it does not know."""
        refuse_unknown_keys(cls, config)
        return cls(model_storage, resource)

    def __init__(
        self,
        model_storage: ModelStorage,
        resource: Resource,
        model: IntentModel | None = None,
        held_out: dict[str, Any] | None = None,
    ) -> None:
        self._model_storage = model_storage
        self._resource = resource
        self._model = model
        self._held_out = held_out or {}

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Changes with the model's code, which Rasa would not see: it looks at this class alone."""
        code = (Path(module.__file__).read_bytes() for module in (intent_model, ngrams))
        return hashlib.sha256(b"".join(code)).hexdigest()

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples. Raises `RasaException` when there are too few."""
        # An example that says the same as another would be tested on itself.
        examples = dict.fromkeys(
            (lemmas, message.get(INTENT)) for message in training_data.intent_examples if (lemmas := _lemmas(message))
        )
        texts, labels = [text for text, _ in examples], [label for _, label in examples]
        try:
            self._model, readings = IntentModel.train(texts, labels)
        except TooFewExamples as problem:
            raise RasaException(f"NLU training data: {problem}") from problem
        self._held_out = {text: _top(reading) for text, reading in zip(texts, readings, strict=True)}
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder / MODEL_FILE)
            (folder / HELD_OUT_FILE).write_text(json.dumps(self._held_out))
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> NeighbourIntentClassifier:
        """As it was trained."""
        with model_storage.read_from(resource) as folder:
            held_out = json.loads((folder / HELD_OUT_FILE).read_text())
            return cls(model_storage, resource, IntentModel.load(folder / MODEL_FILE), held_out)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Set `HELD_OUT` on every example."""
        for message in training_data.intent_examples:
            message.set(HELD_OUT, self._held_out.get(_lemmas(message), _top(intent_model.Reading(()))))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking."""
        if self._model is None:
            raise RasaException("The intent classifier has not been trained.")
        for message in messages:
            reading = self._model.read(_lemmas(message))
            ranking = [_score(name, confidence) for name, confidence in reading.ranking]
            message.set(INTENT, _top(reading), add_to_output=True)
            message.set(EITHER, reading.either, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages


def _lemmas(message: Message) -> str:
    return " ".join(token.lemma for token in message.get(TOKENS_NAMES[TEXT]) or [])


def _score(name: str | None, confidence: float) -> dict[str, Any]:
    return {INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: confidence}


def _top(reading: intent_model.Reading) -> dict[str, Any]:
    return _score(*reading.ranking[0]) if reading.ranking else _score(None, 0.0)

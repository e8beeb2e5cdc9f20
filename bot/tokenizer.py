"""Rasa's tokenizer for citizens' Indonesian: a token keeps the words as typed, its lemma is their standard spelling."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot import language
from bot.config import refuse_unknown_keys

PROJECT = Path(__file__).resolve().parent.parent
LEXICON_FILE = "lexicon.csv"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=True)
class IndonesianTokenizer(Tokenizer):
    """Splits and normalises with a lexicon that travels inside the model.

    "Training" copies the lexicon, so that an edited file changes nothing until the next training: the words a model was
    trained on are always spelled as the words it is asked.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`lexicon`: the CSV's path below the project; the others are what Rasa's base class asks for."""
        return {
            "lexicon": "data/lexicon.csv",
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, lexicon: language.Lexicon
    ) -> None:
        super().__init__(config)
        self._model_storage = model_storage
        self._resource = resource
        self._lexicon = lexicon

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IndonesianTokenizer:
        """With the project's lexicon.

        Raises `LexiconError` or `OSError` when that cannot be read, `InvalidConfigException` for an unknown key.
        """
        refuse_unknown_keys(cls, config)
        return cls(config, model_storage, resource, language.Lexicon(_lexicon_path(config).read_text("utf-8")))

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> IndonesianTokenizer:
        """With the lexicon that the model was trained on."""
        with model_storage.read_from(resource) as folder:
            lexicon = language.Lexicon((folder / LEXICON_FILE).read_text("utf-8"))
        return cls(config, model_storage, resource, lexicon)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Changes with the lexicon and the rules that use it; without this Rasa would restore yesterday's tokens."""
        digest = hashlib.sha256(_lexicon_path(config).read_bytes())
        digest.update(Path(language.__file__).read_bytes())
        return digest.hexdigest()

    def train(self, training_data: TrainingData) -> Resource:
        """Put the lexicon into the model."""
        with self._model_storage.write_to(self._resource) as folder:
            (folder / LEXICON_FILE).write_text(self._lexicon.source, "utf-8")
        return self._resource

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """One token a term; what carries no meaning (punctuation, particles) gives none."""
        text = message.get(attribute)
        return [
            Token(text[term.start : term.end], term.start, term.end, lemma=" ".join(term.words))
            for term in self._lexicon.normalise(text)
        ]


def _lexicon_path(config: dict[str, Any]) -> Path:
    return PROJECT / (config.get("lexicon") or IndonesianTokenizer.get_default_config()["lexicon"])

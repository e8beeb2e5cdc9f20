"""The tokenizer in Rasa's graph: what a token carries, and that a model keeps the lexicon it was trained with."""

from __future__ import annotations

import pytest
from rasa.engine.storage.resource import Resource
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.tokenizer import IndonesianTokenizer

HEADER = "colloquial,standard,note\n"
RESOURCE = Resource("tokenizer")


@pytest.fixture
def lexicon_file(tmp_path):
    file = tmp_path / "lexicon.csv"
    file.write_text(HEADER + "gmn,bagaimana,\nktp,KTP-el,\n")
    return file


@pytest.fixture
def config(lexicon_file):
    return {**IndonesianTokenizer.get_default_config(), "lexicon": str(lexicon_file)}


def tokens(tokenizer, text):
    (message,) = tokenizer.process([Message({TEXT: text})])
    return [(token.text, token.lemma, token.start, token.end) for token in message.get(TOKENS_NAMES[TEXT])]


def test_a_token_is_the_text_as_typed_and_its_lemma_the_standard(config, storage, context):
    tokenizer = IndonesianTokenizer.create(config, storage, RESOURCE, context)
    assert tokens(tokenizer, "KTP gmn?") == [("KTP", "ktp el", 0, 3), ("gmn", "bagaimana", 4, 7)]


def test_a_model_spells_as_it_was_trained_even_when_the_file_has_changed(
    config, storage, context, lexicon_file, training_data
):
    resource = IndonesianTokenizer.create(config, storage, RESOURCE, context).train(training_data)
    lexicon_file.write_text(HEADER + "gmn,sesuatu yang lain,\n")
    tokenizer = IndonesianTokenizer.load(config, storage, resource, context)
    assert tokens(tokenizer, "gmn") == [("gmn", "bagaimana", 0, 3)]


def test_a_changed_lexicon_changes_the_fingerprint(config, lexicon_file):
    before = IndonesianTokenizer.fingerprint_addon(config)
    assert before == IndonesianTokenizer.fingerprint_addon(config)
    lexicon_file.write_text(HEADER)
    assert before != IndonesianTokenizer.fingerprint_addon(config)


def test_training_examples_get_tokens_too(config, storage, context, training_data):
    tokenizer = IndonesianTokenizer.create(config, storage, RESOURCE, context)
    tokenizer.process_training_data(training_data)
    assert all(message.get(TOKENS_NAMES[TEXT]) for message in training_data.intent_examples)


def test_a_misspelt_key_is_refused(config, storage, context):
    with pytest.raises(InvalidConfigException, match="lexcion"):
        IndonesianTokenizer.create({**config, "lexcion": "x"}, storage, RESOURCE, context)

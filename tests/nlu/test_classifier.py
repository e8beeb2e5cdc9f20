"""The classifier in Rasa's graph: it learns, is stored and read back, and knows what it does not know."""

from __future__ import annotations

import pytest
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.classifier import EITHER, HELD_OUT, NeighbourIntentClassifier
from bot.intent_model import RANKING_LENGTH, Confidence, IntentModel, TooFewExamples
from bot.tokenizer import IndonesianTokenizer

RESOURCE = Resource("classifier")


@pytest.fixture
def tokenizer(storage, context):
    return IndonesianTokenizer.create(IndonesianTokenizer.get_default_config(), storage, Resource("words"), context)


@pytest.fixture
def classifier(storage, context, tokenizer, training_data):
    """Trained on the few examples, and read back from storage."""
    tokenizer.process_training_data(training_data)
    resource = NeighbourIntentClassifier.create({}, storage, RESOURCE, context).train(training_data)
    return NeighbourIntentClassifier.load({}, storage, resource, context)


@pytest.fixture
def read(classifier, tokenizer):
    def read(text: str) -> Message:
        (message,) = classifier.process(tokenizer.process([Message({TEXT: text})]))
        return message

    return read


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("gmn dong ktp gw ilaaang", "ktp_hilang"),
        ("mo bikin akte lahir anak2", "akta_kelahiran"),
        ("brp biaya nya", "tanya_biaya"),
        ("makasiiih", "terima_kasih"),
        ("pengen ngomong sama petugas", "minta_petugas"),
        ("resep ayam goreng", "luar_cakupan"),
    ],
)
def test_reads_what_citizens_mean(read, text, intent):
    assert read(text).get(INTENT)["name"] == intent


def test_a_ranking_begins_with_the_intent_and_falls(read):
    message = read("ktp saya hilang")
    ranking = message.get("intent_ranking")
    confidences = [item["confidence"] for item in ranking]
    assert ranking[0] == message.get(INTENT)
    assert confidences == sorted(confidences, reverse=True)
    assert len(ranking) <= RANKING_LENGTH
    assert all(0.0 <= confidence <= 1.0 for confidence in confidences)


def test_a_known_sentence_is_surer_than_a_vague_one(read):
    def confidence(text: str) -> float:
        return read(text).get(INTENT)["confidence"]

    assert confidence("ktp saya hilang") > confidence("saya anak berapa") > confidence("zxqv")


def test_one_of_two_is_likelier_than_the_first_alone(read):
    """Words of two intents: torn between them, surer of the pair."""
    message = read("akta kelahiran anak berapa biayanya")
    assert {item["name"] for item in message.get("intent_ranking")[:2]} == {"akta_kelahiran", "tanya_biaya"}
    assert message.get(EITHER) > message.get(INTENT)["confidence"]


def test_a_text_about_nothing_known_is_less_sure_where_strangers_were_met(training_data):
    """Without readings by models that did not know the intent, confidence measures only who is nearest."""
    texts, intents = zip(*[(m.get(TEXT), m.get(INTENT)) for m in training_data.intent_examples], strict=True)
    model, _ = IntentModel.train(texts, intents)
    seen = [model.neighbours.evidence(text).first for text in texts]
    blind = Confidence.fit(seen, [True] * len(seen), [])
    stranger = model.neighbours.evidence("beli pulsa anak murah berapa").first
    assert model.confidence(stranger) < blind(stranger)


@pytest.mark.parametrize("text", ["", "?!", "世界", "qqq"])
def test_what_resembles_nothing_has_no_intent(read, text):
    message = read(text)
    assert message.get(INTENT) == {"name": None, "confidence": 0.0}
    assert message.get("intent_ranking") == []


def test_training_twice_gives_the_same_model(tmp_path, training_data):
    examples = [(message.get(TEXT), message.get(INTENT)) for message in training_data.intent_examples]
    texts, intents = zip(*examples, strict=True)
    files = [tmp_path / "one", tmp_path / "two"]
    readings = []
    for file in files:
        model, held_out = IntentModel.train(texts, intents)
        model.save(file)
        readings.append((held_out, [IntentModel.load(file).read(text) for text in texts]))
    assert readings[0] == readings[1]


def test_what_is_stored_reads_as_what_was_trained(tmp_path, training_data):
    texts = [message.get(TEXT) for message in training_data.intent_examples]
    model, _ = IntentModel.train(texts, [message.get(INTENT) for message in training_data.intent_examples])
    model.save(tmp_path / "model")
    stored = IntentModel.load(tmp_path / "model")
    assert [stored.read(text) for text in texts] == [model.read(text) for text in texts]


def test_every_example_is_also_read_by_a_model_that_had_not_seen_it(classifier, training_data):
    classifier.process_training_data(training_data)
    held_out = [message.get(HELD_OUT) for message in training_data.intent_examples]
    seen = classifier.process([Message({**message.data}) for message in training_data.intent_examples])
    assert all(reading["name"] is None or reading["confidence"] > 0.0 for reading in held_out)
    assert sum(reading["confidence"] for reading in held_out) < sum(
        message.get(INTENT)["confidence"] for message in seen
    )


def test_two_intents_share_one_plane():
    model, _ = IntentModel.train(["ktp hilang", "hilang ktp", "akta lahir", "lahir akta"], ["a", "a", "b", "b"])
    assert [model.read(text).ranking[0][0] for text in ("hilang", "lahir")] == ["a", "b"]


@pytest.mark.parametrize(
    ("texts", "intents", "complaint"),
    [
        ([], [], "two intents"),
        (["a", "b"], ["one", "one"], "two intents"),
        (["a b", "b c", "c d"], ["one", "one", "two"], "'two'"),
        (["a b", "b c", "c d", "c d"], ["one", "one", "two", "two"], "'two'"),
    ],
)
def test_too_few_examples_are_refused(texts, intents, complaint):
    with pytest.raises(TooFewExamples, match=complaint):
        IntentModel.train(texts, intents)


def test_rasa_hears_of_too_few_examples(storage, context):
    with pytest.raises(RasaException, match="two intents"):
        NeighbourIntentClassifier.create({}, storage, RESOURCE, context).train(TrainingData([]))


def test_a_misspelt_key_is_refused(storage, context):
    with pytest.raises(InvalidConfigException, match="epochs"):
        NeighbourIntentClassifier.create({"epochs": 1}, storage, RESOURCE, context)

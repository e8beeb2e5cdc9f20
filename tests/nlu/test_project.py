"""The bot's files fit each other: domain, rules, training data, configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rasa.shared.utils.io
import yaml
from rasa.core.run import create_http_input_channels

PROJECT = Path(__file__).resolve().parents[2]
PERSON = "action_open_case"


def read(name: str) -> Any:
    return yaml.safe_load((PROJECT / name).read_text("utf-8"))


def rules() -> list[tuple[str, str]]:
    """Intent and action of every rule."""
    found = []
    for rule in read("data/rules.yml")["rules"]:
        condition, action = rule["steps"]  # history is no condition: one intent, one action
        found += [(step["intent"], action["action"]) for step in condition.get("or", [condition])]
    return found


@pytest.fixture(scope="module")
def domain() -> dict[str, Any]:
    return read("domain.yml")


def trained_intents() -> set[str]:
    return {block["intent"] for file in (PROJECT / "data" / "nlu").glob("*.yml") for block in read(str(file))["nlu"]}


def test_every_intent_has_exactly_one_rule(domain):
    assert sorted(intent for intent, _ in rules()) == sorted([*domain["intents"], "nlu_fallback"])


def test_every_action_of_a_rule_exists_and_every_response_is_used(domain):
    used = {action for _, action in rules()}
    assert used == set(domain["actions"]) | set(domain["responses"])


def test_training_data_and_domain_name_the_same_intents(domain):
    assert trained_intents() == set(domain["intents"])


def test_what_goes_to_a_person_is_what_the_threshold_does_not_count_as_an_answer():
    (abstention,) = [part for part in read("config.yml")["pipeline"] if part["name"] == "bot.abstention.Abstention"]
    to_a_person = {intent for intent, action in rules() if action == PERSON}
    assert set(abstention["hand_over"]) == to_a_person - {"nlu_fallback"}


def test_a_response_says_one_thing(domain):
    for name, variants in domain["responses"].items():
        (variant,) = variants  # a choice among several would make the bot unpredictable
        assert ("text" in variant) != ("custom" in variant), name
        assert variant.get("custom", {"do": "answer"})["do"] in {"answer", "aspect", "command"}, name
        assert "\n" not in variant.get("text", ""), name


def test_the_service_token_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("WAJAH_INTERNAL_TOKEN", "dari-lingkungan")
    (credentials,) = rasa.shared.utils.io.read_config_file(str(PROJECT / "credentials.yml")).values()
    (channel,) = create_http_input_channels(None, str(PROJECT / "credentials.yml"))
    assert credentials == {"token": "dari-lingkungan"}
    assert channel.name() == "gateway"


def test_the_action_server_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("WAJAH_ACTIONS_URL", "http://127.0.0.1:5055")
    endpoints = rasa.shared.utils.io.read_config_file(str(PROJECT / "endpoints.yml"))
    assert endpoints["action_endpoint"]["url"] == "http://127.0.0.1:5055/webhook"

"""How well the bot reads questions it was never trained on: `make nlu-report`, or `report.py [model.tar.gz]`.

    coverage        the share that gets an answer from the bot
    selective risk  the share of those answers that are about something else
    escalated       left to a person: never wrong, but it costs somebody's time

Without a model's path it takes the newest in `WAJAH_HOME/models`, and trains one if there is none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
FALLBACK = "nlu_fallback"
OUT_OF_SCOPE = "luar_cakupan"


class Outcome(NamedTuple):
    """One question, what it was, and what the bot made of it."""

    intent: str
    style: str
    read_as: str
    escalated: bool

    @property
    def wrong(self) -> bool:
        return not self.escalated and self.read_as != self.intent


def main() -> None:
    """Print the report. Exits with one sentence when there is nothing to measure with."""
    os.environ.update(RASA_TELEMETRY_ENABLED="false", TF_CPP_MIN_LOG_LEVEL="3", SQLALCHEMY_SILENCE_UBER_WARNING="1")
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else newest_model() or train(folder)
        outcomes, threshold = asyncio.run(measure(model))
    print(f"model {model.name}, threshold {threshold}, {len(outcomes)} held-out questions\n")
    print_table("", {"all": outcomes})
    print_table("by style", grouped(outcomes, "style"))
    print_table("by intent", grouped(outcomes, "intent"))
    foreign = [outcome for outcome in outcomes if outcome.intent == OUT_OF_SCOPE]
    print(f"out of scope: {sum(outcome.wrong for outcome in foreign)} of {len(foreign)} answered")
    confusions = Counter((outcome.intent, outcome.read_as) for outcome in outcomes if outcome.wrong)
    for (intent, read_as), count in confusions.most_common(15):
        print(f"  {intent} read as {read_as}: {count}")


def newest_model() -> Path | None:
    """The model trained last by `make train` or `make run`."""
    home = Path(os.environ.get("WAJAH_HOME") or PROJECT / ".wajah").expanduser()
    return max((home / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, default=None)


def train(folder: str) -> Path:
    """A model of the present data."""
    from rasa.model_training import train

    result = train("domain.yml", "config.yml", ["data/nlu", "data/rules.yml"], output=folder)
    if result.model is None:
        sys.exit("Training failed; the messages above say why.")
    return Path(result.model)


async def measure(model: Path) -> tuple[list[Outcome], float]:
    """Ask the model every held-out question."""
    import structlog
    from rasa.core.agent import Agent

    from bot.abstention import ABSTENTION
    from bot.tracker_store import BoundedTrackerStore

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    agent = Agent.load(model, tracker_store=BoundedTrackerStore(None))
    to_a_person, outcomes, threshold = handed_over(), [], 0.0
    for intent, example in held_out():
        parsed = await agent.parse_message(example["text"])
        threshold = parsed[ABSTENTION]["threshold"]
        read_as = parsed["intent"]["name"]
        outcomes.append(Outcome(intent, example["metadata"]["style"], read_as, read_as in to_a_person))
    return outcomes, threshold


def held_out() -> Iterator[tuple[str, dict[str, Any]]]:
    """The questions and their intents."""
    from rasa.shared.utils.io import read_yaml_file

    for block in read_yaml_file(PROJECT / "tests" / "nlu" / "held_out.yml")["nlu"]:
        for example in block["examples"]:
            yield block["intent"], example


def handed_over() -> set[str]:
    """The intents whose answer comes from a person, as config.yml names them."""
    from rasa.shared.utils.io import read_yaml_file

    pipeline = read_yaml_file(PROJECT / "config.yml")["pipeline"]
    return {FALLBACK, *next(part["hand_over"] for part in pipeline if "hand_over" in part)}


def grouped(outcomes: list[Outcome], field: str) -> dict[str, list[Outcome]]:
    """The outcomes by one of their fields."""
    groups = defaultdict(list)
    for outcome in outcomes:
        groups[getattr(outcome, field)].append(outcome)
    return dict(sorted(groups.items()))


def print_table(title: str, groups: dict[str, list[Outcome]]) -> None:
    """A line a group."""
    print(f"{title:26}{'questions':>10}{'coverage':>10}{'risk':>8}{'escalated':>11}{'wrong':>7}")
    for name, outcomes in groups.items():
        answered = [outcome for outcome in outcomes if not outcome.escalated]
        wrong = sum(outcome.wrong for outcome in answered)
        print(
            f"{name:26}{len(outcomes):>10}{len(answered) / len(outcomes):>10.3f}"
            f"{wrong / max(len(answered), 1):>8.3f}{len(outcomes) - len(answered):>11}{wrong:>7}"
        )
    print()


if __name__ == "__main__":
    main()

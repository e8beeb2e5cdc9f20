"""Asking a trained model: every question, the reading it gives, and what that costs."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.understanding.outcomes import FALLBACK, Outcome

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Question:
    """A text whose intent is known, and the way it speaks."""

    text: str
    intent: str
    style: str = ""


@dataclass(frozen=True)
class Read:
    """A model's outcomes, its threshold where it has one, and its costs: seconds, megabytes at the most."""

    outcomes: list[Outcome]
    threshold: float | None
    ready_seconds: float
    parses_per_second: float
    processor_ms: float  # a parse, of all threads
    memory_mb: float


def quiet() -> None:
    """What Rasa reads of its environment before it is imported."""
    os.environ.update(RASA_TELEMETRY_ENABLED="false", TF_CPP_MIN_LOG_LEVEL="3", SQLALCHEMY_SILENCE_UBER_WARNING="1",
                      RASA_MAX_CACHE_SIZE="0")


def read(model: Path, questions: Sequence[Question], to_a_person: frozenset[str]) -> Read:
    """Load the model and ask it everything."""
    return asyncio.run(_read(model, questions, to_a_person))


def loaded(model: Path) -> Any:
    """Rasa's agent with that model."""
    import structlog
    from rasa.core.agent import Agent

    from bot.tracker_store import BoundedTrackerStore

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    return Agent.load(model, tracker_store=BoundedTrackerStore(None))


async def _read(model: Path, questions: Sequence[Question], to_a_person: frozenset[str]) -> Read:
    started = time.perf_counter()
    agent = loaded(model)
    await agent.parse_message(questions[0].text)
    ready, started, worked = time.perf_counter() - started, time.perf_counter(), time.process_time()
    parsed = [await agent.parse_message(question.text) for question in questions]
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - worked
    outcomes = [_outcome(question, said, to_a_person) for question, said in zip(questions, parsed, strict=True)]
    threshold = (parsed[0].get("abstention") or {}).get("threshold")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Read(outcomes, threshold, ready, len(questions) / seconds, 1e3 * processor_seconds / len(questions), memory)


def _outcome(question: Question, parsed: dict[str, Any], to_a_person: frozenset[str]) -> Outcome:
    ranking = [score for score in parsed["intent_ranking"] if score["name"] != FALLBACK]
    foremost = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    return Outcome(
        intent=question.intent,
        style=question.style,
        foremost=foremost["name"],
        confidence=float(foremost["confidence"]),
        abstained=parsed["intent"]["name"] in (FALLBACK, None),
        handed_over=foremost["name"] is None or foremost["name"] in to_a_person,
    )


def newest_model() -> Path | None:
    """The model trained last by `make train` or `make run`."""
    home = Path(os.environ.get("WAJAH_HOME") or PROJECT / ".wajah").expanduser()
    return max((home / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, default=None)


def trained(chosen: Path | None) -> Path:
    """The model to ask. Raises `SystemExit` when none was chosen and there is none."""
    model = chosen or newest_model()
    if model is None:
        raise SystemExit("There is no trained model yet: make train")
    return model


def held_out(file: Path = PROJECT / "tests" / "nlu" / "held_out.yml") -> Iterator[Question]:
    """Our own questions that nothing is trained on."""
    for block in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
        for example in block["examples"]:
            yield Question(example["text"], block["intent"], example["metadata"]["style"])


def handed_over() -> frozenset[str]:
    """The intents whose answer comes from a person, as config.yml names them."""
    pipeline = yaml.safe_load((PROJECT / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    return frozenset(next(part["hand_over"] for part in pipeline if "hand_over" in part))

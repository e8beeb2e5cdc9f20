"""`make nlu-compare`: Rasa's own pipelines beside ours, trained on the same examples, asked the same questions.

    python -m benchmarks.understanding.compare [--epochs 100] [--only ours logistic default] [--keep FOLDER]
    python -m benchmarks.understanding.compare --english data_full.json

`default` is what `rasa init` gives (DIET and FallbackClassifier), `logistic` Rasa's LogisticRegressionClassifier. The
English questions are those of the benchmark clinc/oos-eval (Larson et al. 2019, `data_full.json`), which is not part of
this repository. Training the default pipeline takes many minutes: with `--keep` the models stay in FOLDER, and the next
comparison trains only those whose configuration, examples or code have changed, but asks all of them again. What it
says of the training of a model that was kept is of the day it was trained.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from string import Template

from benchmarks.understanding import outcomes as figures
from benchmarks.understanding import pictures, reading, systems
from benchmarks.understanding.outcomes import Outcome
from benchmarks.understanding.reading import PROJECT, Question, Read
from benchmarks.understanding.report import OUT_OF_SCOPE, PICTURES, TARGET_RISK
from benchmarks.understanding.systems import Trained

HERE = Path(__file__).parent / "pipelines"
DEFAULT = PROJECT / "benchmarks" / "default" / "config.yml"
NAMES = {"ours": "Wajah", "logistic": "Rasa, logistic regression", "default": "Rasa, default (DIET)"}
ENGLISH_OUT_OF_SCOPE = "oos"
# How often all are asked, in turn; of each the fastest turn counts, as what else the machine does slows one more than
# another.
TURNS = 3


@dataclass(frozen=True)
class Task:
    """Examples to learn, questions to ask, and which of these are about nothing that was learnt."""

    nlu: Path
    questions: Sequence[Question]
    out_of_scope: str
    to_a_person: frozenset[str]
    ours: Path


def main() -> None:
    """Train, ask, print."""
    options = _options()
    reading.quiet()
    keep = _folder(options.keep)
    os.chdir(PROJECT)
    with keep as name:
        folder = Path(name)
        task = english(options.english, folder) if options.english else indonesian()
        configs = {"ours": task.ours, "logistic": HERE / "logistic.yml", "default": default(folder, options.epochs)}
        trained = {system: _trained(system, configs[system], task, folder) for system in options.only}
        turns = [{system: systems.read(trained[system], task.questions, task.to_a_person, folder) for system in trained}
                 for _ in range(TURNS)]
    results = {system: (trained[system], max((turn[system] for turn in turns), key=_speed)) for system in trained}
    print(f"\n{len(task.questions)} questions, load {os.getloadavg()[0]:.1f}\n")
    _print(task, results)
    lines = {NAMES[system]: read.outcomes for system, (_, read) in results.items()}
    pictures.risk_coverage(PICTURES / f"compared{'-english' if options.english else ''}.png", lines, TARGET_RISK)


def _trained(system: str, config: Path, task: Task, folder: Path) -> Trained:
    kept = systems.kept(config, task.nlu, folder)
    print(f"{'training' if kept is None else 'kept from an earlier run:'} {NAMES[system]}", flush=True)
    return kept or systems.train(config, task.nlu, folder)


def _speed(read: Read) -> float:
    return read.parses_per_second


def indonesian() -> Task:
    """Our examples and our held-out questions."""
    return Task(PROJECT / "data" / "nlu", list(reading.held_out()), OUT_OF_SCOPE, reading.handed_over(),
                PROJECT / "config.yml")


def english(file: Path, folder: Path) -> Task:
    """The English benchmark, its examples written as Rasa wants them."""
    import yaml

    sets = json.loads(file.read_text(encoding="utf-8"))
    examples = defaultdict(list)
    for text, intent in (*sets["train"], *sets["oos_train"]):
        examples[intent].append(text)
    nlu = folder / "english.yml"
    content = [{"intent": intent, "examples": "".join(f"- {t}\n" for t in texts)} for intent, texts in examples.items()]
    nlu.write_text(yaml.safe_dump({"version": "3.1", "nlu": content}, allow_unicode=True), encoding="utf-8")
    questions = [Question(text, intent) for text, intent in (*sets["test"], *sets["oos_test"])]
    return Task(nlu, questions, ENGLISH_OUT_OF_SCOPE, frozenset([ENGLISH_OUT_OF_SCOPE]), HERE / "english.yml")


def default(folder: Path, epochs: int) -> Path:
    """The default pipeline's configuration."""
    config = folder / "default.yml"
    config.write_text(Template(DEFAULT.read_text(encoding="utf-8")).substitute(epochs=epochs), encoding="utf-8")
    return config


def _print(task: Task, results: dict[str, tuple[Trained, Read]]) -> None:
    """A column a system; risk and foreign answers where each answers as large a share as ours does (or the first)."""
    reads = [read for _, read in results.values()]
    shared = figures.coverage(_known(task, reads[0].outcomes))
    rows: list[tuple[str, list[str]]] = [
        ("accuracy of the foremost reading", [f"{figures.accuracy(_known(task, r.outcomes)):.3f}" for r in reads]),
        ("coverage as configured", [f"{figures.coverage(_known(task, r.outcomes)):.3f}" for r in reads]),
        ("risk as configured", [f"{figures.risk(_known(task, r.outcomes)):.3f}" for r in reads]),
        ("out of scope answered as configured", [f"{_answered(task, r.outcomes):.3f}" for r in reads]),
    ]
    points = [figures.at_coverage(_known(task, r.outcomes), shared) for r in reads]
    rows += [
        (f"risk at coverage {shared:.3f}", [f"{point.risk:.3f}" for point in points]),
        ("out of scope answered there", [
            f"{figures.out_of_scope_answered(_foreign(task, r.outcomes), point.threshold):.3f}"
            for r, point in zip(reads, points, strict=True)
        ]),
        ("area under the in/out curve", [
            f"{figures.separation(_known(task, r.outcomes), _foreign(task, r.outcomes)):.3f}" for r in reads
        ]),
        ("parses a second", [f"{r.parses_per_second:.1f}" for r in reads]),
        ("processor ms a parse", [f"{r.processor_ms:.2f}" for r in reads]),
        ("ready after, s", [f"{r.ready_seconds:.1f}" for r in reads]),
        ("memory while reading, MB", [f"{r.memory_mb:.0f}" for r in reads]),
        ("training, s", [f"{trained.seconds:.1f}" for trained, _ in results.values()]),
        ("training, processor seconds", [f"{trained.processor_seconds:.1f}" for trained, _ in results.values()]),
        ("memory while training, MB", [f"{trained.memory_mb:.0f}" for trained, _ in results.values()]),
        ("model, MB", [f"{trained.size_mb:.1f}" for trained, _ in results.values()]),
    ]
    print(f"{'':38}" + "".join(f"{NAMES[system]:>28}" for system in results))
    for title, values in rows:
        print(f"{title:38}" + "".join(f"{value:>28}" for value in values))


def _known(task: Task, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The questions that the bot may answer."""
    return [o for o in outcomes if o.intent not in task.to_a_person]


def _foreign(task: Task, outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [o for o in outcomes if o.intent == task.out_of_scope]


def _answered(task: Task, outcomes: Sequence[Outcome]) -> float:
    return figures.coverage(_foreign(task, outcomes))


def _folder(keep: Path | None) -> AbstractContextManager[str | Path]:
    """Where models are trained: a folder that stays, or one that goes."""
    if keep is None:
        return tempfile.TemporaryDirectory()
    keep.mkdir(parents=True, exist_ok=True)
    return nullcontext(keep.absolute())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100, help="of the default pipeline; `rasa init` says 100")
    parser.add_argument("--only", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the models there; use those that still hold")
    parser.add_argument("--english", type=Path, metavar="data_full.json", help="the English benchmark instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""`make nlu-report`: how well the bot reads questions it was never trained on.

Without a model's path it takes the newest in `WAJAH_HOME/models`, and trains one if there is none. Pictures go to
`results/nlu`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.understanding import outcomes as figures
from benchmarks.understanding import pictures, reading
from benchmarks.understanding.outcomes import Outcome
from benchmarks.understanding.reading import PROJECT

OUT_OF_SCOPE = "luar_cakupan"
TARGET_RISK = 0.05
PICTURES = PROJECT / "results" / "nlu"


def main() -> None:
    """Print the report and draw its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    chosen = parser.parse_args().model
    reading.quiet()
    os.chdir(PROJECT)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        model = chosen or reading.newest_model() or train(folder)
        result = reading.read(model, list(reading.held_out()), reading.handed_over())
    outcomes = result.outcomes
    print(f"model {model.name}, threshold {result.threshold}, {len(outcomes)} held-out questions, "
          f"{result.parses_per_second:.0f} parses/s\n")
    print_table("", {"all": outcomes, "what the bot may answer": answerable(outcomes)})
    styles = grouped(outcomes, "style")
    print_table("by style", styles)
    worst, times = figures.worst_group(styles)
    print(f"the worst style is {worst}, with {times:.1f} times the risk of all; by chance alone the worst is as bad "
          f"in {figures.worst_by_chance(styles):.0%} of cases\n")
    print_table("by intent", grouped(outcomes, "intent"))
    foreign = [outcome for outcome in outcomes if outcome.intent == OUT_OF_SCOPE]
    print(f"out of scope: {sum(outcome.wrong for outcome in foreign)} of {len(foreign)} answered")
    confusions = Counter((outcome.intent, outcome.foremost) for outcome in outcomes if outcome.wrong)
    for (intent, read_as), count in confusions.most_common(15):
        print(f"  {intent} read as {read_as}: {count}")
    pictures.risk_coverage(PICTURES / "risk-coverage.png", {"Wajah": outcomes}, TARGET_RISK)
    pictures.calibration(PICTURES / "reliability.png", outcomes)
    pictures.confusion(PICTURES / "confusion.png", outcomes)
    print(f"\npictures: {PICTURES.relative_to(PROJECT)}/risk-coverage.png, reliability.png, confusion.png")


def train(folder: str) -> Path:
    """A model of the present data."""
    from rasa.model_training import train

    result = train("domain.yml", "config.yml", ["data/nlu", "data/rules.yml"], output=folder)
    if result.model is None:
        sys.exit("Training failed; the messages above say why.")
    return Path(result.model)


def answerable(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The questions whose right answer is not a person."""
    to_a_person = reading.handed_over()
    return [outcome for outcome in outcomes if outcome.intent not in to_a_person]


def grouped(outcomes: Sequence[Outcome], field: str) -> dict[str, list[Outcome]]:
    """The outcomes by one of their fields."""
    groups = defaultdict(list)
    for outcome in outcomes:
        groups[getattr(outcome, field)].append(outcome)
    return dict(sorted(groups.items()))


def print_table(title: str, groups: Mapping[str, Sequence[Outcome]]) -> None:
    """A line a group."""
    print(f"{title:26}{'questions':>10}{'accuracy':>10}{'coverage':>10}{'risk':>8}{'escalated':>11}{'wrong':>7}")
    for name, outcomes in groups.items():
        print(
            f"{name:26}{len(outcomes):>10}{figures.accuracy(outcomes):>10.3f}{figures.coverage(outcomes):>10.3f}"
            f"{figures.risk(outcomes):>8.3f}{sum(o.escalated for o in outcomes):>11}"
            f"{sum(o.wrong for o in outcomes):>7}"
        )
    print()


if __name__ == "__main__":
    main()

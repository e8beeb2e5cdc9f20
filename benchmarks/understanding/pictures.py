"""The figures as pictures: what can be answered at what risk, what is mistaken for what, how honest confidence is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.understanding.outcomes import Outcome, Point, coverage, curve, reliability, risk

MOST_CONFUSED = 24  # intents in the confusion picture: with all of them nobody can read it


def risk_coverage(path: Path, systems: Mapping[str, Sequence[Outcome]], target: float) -> None:
    """One line a system; the dot is where it works."""
    figure, axes = plt.subplots(figsize=(7, 5))
    for name, outcomes in systems.items():
        points: list[Point] = curve(outcomes)
        (line,) = axes.plot([p.coverage for p in points], [p.risk for p in points], label=name)
        axes.plot([coverage(outcomes)], [risk(outcomes)], "o", color=line.get_color())
    axes.axhline(target, color="gray", linestyle="--", linewidth=1, label=f"target risk {target}")
    axes.set(xlabel="coverage (share answered)", ylabel="selective risk (wrong among answered)", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.legend()
    _save(figure, path)


def calibration(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Confidence against the share that was right: honest confidence lies on the diagonal."""
    bands = reliability(outcomes)
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="gray", linestyle="--", linewidth=1)
    axes.plot([mean for mean, _, _ in bands], [right for _, right, _ in bands], marker="o")
    for mean, right, number in bands:
        axes.annotate(str(number), (mean, right), textcoords="offset points", xytext=(4, -10), fontsize=8)
    axes.set(xlabel="confidence", ylabel="share right (with the number of questions)", xlim=(0, 1), ylim=(0, 1.02))
    _save(figure, path)


def confusion(path: Path, outcomes: Sequence[Outcome]) -> None:
    """What the intents that go wrong most are read as."""
    wrong = Counter((o.intent, o.foremost or "-") for o in outcomes if not o.right)
    involved = Counter[str]()
    for (intent, read_as), number in wrong.items():
        involved[intent] += number
        involved[read_as] += number
    names = sorted(name for name, _ in involved.most_common(MOST_CONFUSED))
    grid = [[sum((o.intent, o.foremost or "-") == (row, column) for o in outcomes) for column in names]
            for row in names]
    figure, axes = plt.subplots(figsize=(10, 9))
    axes.imshow(grid, cmap="Blues")
    for row, cells in enumerate(grid):
        for column, number in enumerate(cells):
            if number:
                colour = "black" if row == column else "red"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set(xlabel="read as (foremost reading, also where the bot then abstained)", ylabel="was")
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)

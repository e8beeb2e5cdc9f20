"""The weights with which `handoff.domain.several` tells two matters from one, learnt anew; in Rasa's environment:

    python -m benchmarks.understanding.weigh

A quarter of the training examples is kept from a model that is trained on the others, and is then read by it: pairs in
every way of `pairs.JOINTS`, and each by itself. Prints the weights in the order of `several.signals`, and for some
thresholds the share of the single texts and of the pairs that reach them. Nothing that is held out is looked at.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression

from benchmarks.understanding import systems
from benchmarks.understanding.pairs import JOINTS, joined, paired
from benchmarks.understanding.reading import PROJECT, Question, handed_over, quiet
from handoff.domain.asking import cuts
from handoff.domain.several import WEIGHTS, Ranked, signals

SEED = 7
PAIRS = 100  # for each joint; a third as many with a matter for a person
ROUNDS = 3  # which cut of a text is looked at depends on the weights
ASPECTS = frozenset({"tanya_biaya", "tanya_waktu", "tanya_syarat"})
TALK_FILE = "obrolan.yml"


def main() -> None:
    """Train, read, fit, print."""
    quiet()
    examples, talk = _examples()
    with tempfile.TemporaryDirectory() as name:
        folder, kept = _split(examples, Path(name))
        trained = systems.train(PROJECT / "config.yml", folder, Path(name))
        with systems.Reader(Path(trained.model)) as reader:
            weighing = _Weighing(reader, handed_over(), talk | ASPECTS)
            single = [weighing.signals(question.text) for question in kept]
            double = [weighing.signals(text) for text in _pairs(kept, weighing)]
    weights = _fit([found for found in single if found], [found for found in double if found])
    print("weights:", " ".join(f"{weight:.2f}" for weight in weights), " in use:", *WEIGHTS)
    for threshold in (-0.5, 0.0, 0.5, 1.0, 2.0, 3.0):
        hit = [_share(found, threshold) for found in (single, double)]
        print(f"from {threshold:4.1f}: {hit[0]:.4f} of {len(single)} single texts, {hit[1]:.3f} of {len(double)} pairs")


def _examples() -> tuple[Mapping[str, list[str]], frozenset[str]]:
    """The training examples by intent, and the intents of small talk."""
    found: dict[str, list[str]] = defaultdict(list)
    talk: set[str] = set()
    for file in sorted((PROJECT / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            if "intent" in block:
                found[block["intent"]] += [line[2:].strip() for line in block["examples"].splitlines() if line.strip()]
                talk |= {block["intent"]} if file.name == TALK_FILE else set()
    return found, frozenset(talk)


def _split(examples: Mapping[str, list[str]], folder: Path) -> tuple[Path, list[Question]]:
    """Three quarters as a folder of training data, and the rest."""
    chance, kept, blocks = random.Random(SEED), [], []
    for intent, texts in examples.items():
        chance.shuffle(texts)
        quarter = len(texts) // 4
        kept += [Question(text, intent) for text in texts[:quarter]]
        blocks.append({"intent": intent, "examples": "".join(f"- {text}\n" for text in texts[quarter:])})
    nlu = folder / "nlu"
    nlu.mkdir()
    content = yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, width=10_000)
    (nlu / "examples.yml").write_text(content, encoding="utf-8")
    return nlu, kept


def _pairs(kept: Sequence[Question], weighing: _Weighing) -> Iterator[str]:
    ours = [question for question in kept if weighing.kind(question.intent) == "topic"]
    theirs = [question for question in kept if weighing.kind(question.intent) == "person"]
    for joint in JOINTS:
        for others, number in ((ours, PAIRS), (theirs, PAIRS // 3)):
            yield from (joined(joint, pair) for pair in paired(ours, others, number, f"{SEED} {joint}"))


class _Weighing:
    """Reads texts as the gateway's rule sees them."""

    def __init__(self, reader: systems.Reader, to_a_person: frozenset[str], other: frozenset[str]) -> None:
        self._reader = reader
        self._to_a_person = to_a_person
        self._other = other

    def kind(self, intent: str | None) -> str:
        """As `several.Ranked` has it."""
        if intent is None or intent in self._other:
            return "other"
        return "person" if intent in self._to_a_person else "topic"

    def signals(self, text: str) -> list[tuple[float, ...]]:
        """Of each cut that could matter; none where a person gets the whole anyway."""
        found = cuts(text)
        texts = [text, *(half for cut in found for half in (cut.left, cut.right))]
        own, *halves = map(self._ranked, self._reader.read(texts))
        if not own.sure or own.kind == "person":
            return []
        return [
            signals(own, cut, left, right) for cut, left, right in zip(found, halves[::2], halves[1::2], strict=True)
            if "other" not in (left.kind, right.kind) and left.name != right.name
        ]

    def _ranked(self, reading: dict[str, Any]) -> Ranked:
        ranking = {one["name"]: one["confidence"] for one in reading["ranking"]}
        kind: Any = self.kind(reading["intent"]["name"])
        return Ranked(kind, not reading["abstained"], ranking)


def _fit(single: Sequence[Sequence[tuple[float, ...]]], double: Sequence[Sequence[tuple[float, ...]]]) -> np.ndarray:
    """The weights, each text looked at where it is likeliest to be two."""
    weights, texts = np.asarray(WEIGHTS), [np.asarray(found, dtype=float) for found in (*single, *double)]
    truth = np.repeat([False, True], [len(single), len(double)])
    for _ in range(ROUNDS):
        likeliest = np.vstack([found[(found @ weights).argmax()] for found in texts])
        weights = LogisticRegression(C=10.0, max_iter=5000, fit_intercept=False).fit(likeliest, truth).coef_[0]
    return weights


def _share(texts: Sequence[Sequence[tuple[float, ...]]], threshold: float) -> float:
    odds = [(np.asarray(found, dtype=float) @ np.asarray(WEIGHTS)).max() if found else -np.inf for found in texts]
    return float(np.mean(np.asarray(odds) >= threshold))


if __name__ == "__main__":
    main()

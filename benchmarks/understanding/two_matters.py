"""A message with two or three matters gets all answers or a person, in the application's environment:

    python -m benchmarks.understanding.two_matters [MODEL]

Pairs and triples of held-out questions, the same ones for the same seed, joined in each of several ways, are read by
the model as the gateway's channel reads them, and what the gateway would do about them is counted; then every held-out
question by itself, to see how many of them are disturbed. Long stories are in no pair.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.understanding.pairs import JOINTS, JOINTS_OF_THREE, joined, paired, tripled
from benchmarks.understanding.reading import PROJECT, Question, handed_over, held_out, trained
from benchmarks.understanding.systems import Reader
from handoff.bot import BotReading
from handoff.catalogue import load
from handoff.clock import system_clock
from handoff.services.talk import followup

OUTCOMES = ("all", "person", "offered", "told", "misread", "lost")


@dataclass(frozen=True)
class Outcome:
    """What a citizen gets: topics answered, what else is said to have been seen, and whether a person has it all."""

    answered: frozenset[str]
    seen: frozenset[str] = frozenset()
    person: bool = False

    def kept(self, wanted: frozenset[str]) -> str:
        """What becomes of a message with these intents."""
        if wanted <= self.answered:
            return "all"
        if self.person:
            return "person"
        if wanted <= self.answered | self.seen:
            return "offered"
        misread = len(self.answered) > 1 and not self.answered <= wanted
        return "told" if self.seen else "misread" if misread else "lost"


class Gateway:
    """What the gateway would do with a text, in a conversation that has just begun."""

    _FRESH: Any = SimpleNamespace(last_case_id=None, last_topic=None, last_answer_id=None)

    def __init__(self, reader: Reader) -> None:
        """`reader` reads as the gateway's channel does."""
        self.topics = load(PROJECT / "data" / "catalogue")
        self.to_a_person = handed_over()
        self.calls = self.texts = 0
        self._reader = reader
        self._runtime: Any = SimpleNamespace(bot=self, catalogue=self.topics, clock=system_clock)

    async def read(self, texts: Sequence[str]) -> list[BotReading]:
        """As `Bot.read`."""
        self.calls, self.texts = self.calls + 1, self.texts + len(texts)
        return [BotReading.model_validate(reading) for reading in self._reader.read(list(texts))]

    def alone(self, text: str) -> Outcome:
        """Read as a whole, as Rasa's rules act on it."""
        (reading,) = self._reader.read([text])
        name = str(reading["intent"]["name"])
        if reading["abstained"] or name in self.to_a_person:
            return Outcome(frozenset(), person=True)
        return Outcome(frozenset([name]) if name in self.topics.topics else frozenset())

    def settle(self, text: str) -> Outcome:
        """As the gateway plans it."""
        plan = asyncio.run(followup.plan(self._runtime, self._FRESH, text))
        if plan is None:
            return self.alone(text)
        return Outcome(frozenset(one.topic for one in plan.wanted), frozenset(plan.seen), plan.person is not None)

    def disturbed(self, text: str) -> str:
        """What becomes of a single question that would have been another thing without two matters."""
        whole, outcome = self.alone(text), self.settle(text)
        if len(outcome.answered) > 1:
            return "a second answer"
        if outcome.person and not whole.person:
            return "a person beside the answer"
        return "another matter offered" if outcome.seen else "left alone"


def main() -> None:
    """Ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--pairs", type=int, default=60, help="for each joint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what was lost and who was disturbed")
    options = parser.parse_args()
    with Reader(trained(options.model)) as reader:
        _report(Gateway(reader), options)


def _report(gateway: Gateway, options: argparse.Namespace) -> None:
    every = list(held_out())
    theirs = [q for q in every if q.intent in gateway.to_a_person]
    ours = [q for q in every if q.intent in gateway.topics.topics and q not in theirs]
    for title, others in (("topics", ours), ("topics and a matter for a person", theirs)):
        print(f"\n{title:36}" + "".join(f"{name:>9}" for name in (*OUTCOMES, "calls")))
        total: Counter[str] = Counter()
        for number, joint in enumerate(JOINTS):
            pairs = paired(ours, others, options.pairs, f"{options.seed} {number}")
            total.update(_joint(gateway, joint, pairs, options))
        _row("all", total, "")
        total = Counter()
        for number, joint in enumerate(JOINTS_OF_THREE):
            triples = tripled(ours, others, options.pairs, f"{options.seed} three {number}")
            total.update(_joint(gateway, joint, triples, options))
        _row("all", total, "")
    found = [gateway.disturbed(question.text) for question in every]
    print(f"\n{len(every)} single questions:", dict(Counter(found)))
    if options.show:
        print(*(f"    {kind}: {q.text!r}" for q, kind in zip(every, found, strict=True) if kind != "left alone"),
              sep="\n")


def _joint(
    gateway: Gateway, joint: str, pairs: Sequence[tuple[Question, ...]], options: argparse.Namespace
) -> Counter[str]:
    texts = [joined(joint, pair) for pair in pairs]
    gateway.calls = 0
    outcomes = [gateway.settle(text) for text in texts]
    found = [one.kept(frozenset(q.intent for q in pair)) for pair, one in zip(pairs, outcomes, strict=True)]
    _row(joint, Counter(found), f"{gateway.calls / len(pairs):.2f}")
    if options.show:
        print(*(f"    {text!r}" for text, kept in zip(texts, found, strict=True) if kept == "lost"), sep="\n")
    return Counter(found)


def _row(title: str, counts: Counter[str], calls: str) -> None:
    print(f"{title:36}" + "".join(f"{counts[name]:>9}" for name in OUTCOMES) + f"{calls:>9}", flush=True)


if __name__ == "__main__":
    main()

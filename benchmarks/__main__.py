"""`python -m benchmarks`: everything in one run, as a table; then each target with what was measured."""

from __future__ import annotations

import argparse
import contextlib
import os
from statistics import median

import uvloop

from benchmarks import deadlines, default_pipeline, figures, house, public, questions, turns
from benchmarks.burst import burst
from benchmarks.figures import Target, Timing, percentile
from benchmarks.growth import EARLY, LATE, growth
from benchmarks.streams import streams

ROUNDS = 4
WARM_UP = 40
FEW_CLIENTS = 4
PARTS = "abcdefgh"


def main() -> None:
    """Measure, print."""
    options = _options()
    print(figures.machine(), flush=True)
    with contextlib.ExitStack() as stack:
        wajah = stack.enter_context(house.running())
        default = stack.enter_context(default_pipeline.serving(options.epochs)) if "c" in options.parts else None
        uvloop.run(_measure(options, wajah, default))
    if "g" in options.parts:  # its own database: when the house has gone
        print(*deadlines.measure(), sep="\n")
    if "h" in options.parts:
        print(*public.measure(), sep="\n")


async def _measure(options: argparse.Namespace, wajah: house.House, default_port: int | None) -> None:
    routine = await questions.routine(wajah.settings, wajah.rasa_port)
    print(f"{len(routine)} routine questions in slang that the model was never trained on", flush=True)
    run = _Run(options, wajah, default_port, questions.endless(routine))
    await run.turns()
    for part, measure in (("d", run.burst), ("f", run.growth), ("e", run.streams)):
        if part in options.parts:
            await measure()
    print("\nTargets", *run.targets, sep="\n")


class _Run:
    """One run, and what it has found out about the targets so far."""

    def __init__(
        self, options: argparse.Namespace, wajah: house.House, default_port: int | None, asked: questions.Asked
    ) -> None:
        self.targets: list[Target] = []
        self._options = options
        self._house = wajah
        self._asked = asked
        self._alone = turns.gateway_channel(wajah.rasa_port, wajah.settings.internal_token)
        self._through = turns.whole_way(wajah.port)
        self._default = turns.rest(default_port) if default_port else None

    async def turns(self) -> None:
        """(a), (b) and (c), a round of each in turns: what else the machine does meets all of them."""
        ways = {"a": self._alone} | ({"b": self._through} if "b" in self._options.parts else {})
        if self._default:
            ways["c"] = self._default
        rounds: dict[str, list[Timing]] = {name: [] for name in ways}
        for way in ways.values():
            await turns.clients(way, self._asked, WARM_UP)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                rounds[name].append(await turns.clients(way, self._asked, self._options.turns))
        every = {name: sum(timings, Timing()) for name, timings in rounds.items()}
        _say("(a) Rasa's gateway channel alone", every["a"])
        few = await turns.clients(self._alone, self._asked, 2 * self._options.turns, FEW_CLIENTS)
        _say(f"    the same, {FEW_CLIENTS} clients", few)
        if "b" in every:
            _say("(b) through the gateway, until the reply can be read", every["b"])
            few = await turns.clients(self._through, self._asked, 2 * self._options.turns, FEW_CLIENTS)
            _say(f"    the same, {FEW_CLIENTS} clients", few)
            self.targets.append(Target("(b) - (a), p95, one client", every["b"].p95 - every["a"].p95, 40, "ms"))
        if "c" in every:
            _say(f"(c) Rasa's default pipeline, REST ({self._options.epochs} epochs)", every["c"])
            ratio = median(ours.rate / theirs.rate for ours, theirs in zip(rounds["a"], rounds["c"], strict=True))
            self.targets.append(Target("(a) / (c), turns a second, median of the rounds", ratio, 4, "", at_least=True))

    async def burst(self) -> None:
        """(d), with (a) measured before and after it."""
        before = await turns.clients(self._alone, self._asked, 2 * self._options.turns)
        spent = self._house.spent()
        result = await burst(self._house.port, self._asked, self._options.burst, self._options.conversations)
        each = {name: (total - spent[name]) / result.messages for name, total in self._house.spent().items()}
        after = await turns.clients(self._alone, self._asked, 2 * self._options.turns)
        _say(f"(d) a burst of {result.messages}", f"{result.rate:6.1f}/s   accepted in {result.posted:.1f} s, "
             f"answered in {result.drained:.1f} s; (a) meanwhile {before.rate:.1f}/s and {after.rate:.1f}/s")
        costs = ", ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in each.items())
        print(f"    processor time for a message: {costs}", flush=True)
        ratio = 2 * result.rate / (before.rate + after.rate)
        self.targets.append(Target("(d) / (a), messages a second", ratio, 0.6, "", at_least=True))
        self.targets.append(Target("(d) lost, doubled or out of order", len(result.faults), 0, ""))
        print(*result.faults[:10], sep="\n", end="")

    async def growth(self) -> None:
        """(f)."""
        early, late = await growth(self._house.port, self._asked)
        _say(f"(f) reply to message {EARLY}", Timing(early, sum(early)))
        _say(f"    reply to message {LATE}", Timing(late, sum(late)))
        ratio = median(late) / median(early)
        self.targets.append(Target(f"(f) reply to message {LATE} / to message {EARLY}, medians", ratio, 1.2, ""))

    async def streams(self) -> None:
        """(e)."""
        result = await streams(self._house, self._options.citizens, self._options.officers)
        everybody = result.citizens + result.officers
        name = f"(e) {self._options.citizens} citizens' and {self._options.officers} officers' streams"
        _say(name, f"{result.bytes_each / 1024:.1f} KB each; a message reaches its citizen in "
             f"{1000 * percentile(result.citizens, 0.95):.1f} ms, the officers in "
             f"{1000 * percentile(result.officers, 0.95):.1f} ms (p95)")
        self.targets.append(Target("(e) memory of the web process for a stream", result.bytes_each / 1024, 60, "KB"))
        reach = 1000 * percentile(everybody, 0.95)
        self.targets.append(Target("(e) from posting a message to a reader's stream, p95", reach, 100, "ms"))
        self.targets.append(Target("(e) readers whom a message did not reach", result.lost, 0, ""))


def _say(what: str, figures: object) -> None:
    print(f"{what:<52} {figures}   [load {os.getloadavg()[0]:.1f}]", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", default=PARTS, help="which of (a) to (h); (a) is always measured")
    parser.add_argument("--epochs", type=int, default=5, help="of training the default pipeline, done once and kept; "
                        "`rasa init` says 100, and a turn costs the same after 5")
    parser.add_argument("--turns", type=int, default=100, help=f"questions in each of {ROUNDS} rounds of (a) to (c)")
    parser.add_argument("--burst", type=int, default=2000, help="messages of (d)")
    parser.add_argument("--conversations", type=int, default=200, help="conversations of (d)")
    parser.add_argument("--citizens", type=int, default=2000, help="citizens' streams of (e)")
    parser.add_argument("--officers", type=int, default=300, help="officers' streams of (e)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How well what cannot wait is heard: `python -m benchmarks.understanding.alarms [MODEL]`, in the application's
environment.

Two sets that nothing is taught or tuned on: the held-out questions, and the messages of tests/e2e/alarm_texts.yml, by
people who had seen neither rules nor examples; its `harmless` ones share words with the others. Each is heard as the
gateway hears it at the beginning of a conversation: by its words, and by how the bot reads it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from benchmarks.understanding.reading import PROJECT, held_out, trained
from benchmarks.understanding.systems import Reader
from handoff.bot import BotReading
from handoff.domain.alarm import EMERGENCIES, MISUSE, Alarm, heard, nearly
from handoff.domain.lapsed import lapsed

KINDS = ("emergency", "bribery", "misuse")
INTENTS = {"darurat": "emergency", "pengaduan_pungli": "bribery", "data_disalahgunakan": "misuse"}
WRITTEN = PROJECT / "tests" / "e2e" / "alarm_texts.yml"


def main() -> None:
    """Ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--show", action="store_true", help="print what was missed and who was taken for one")
    options = parser.parse_args()
    with Reader(trained(options.model)) as reader:
        for title, texts in (("held-out questions", questions()), ("messages by others", written())):
            _report(title, texts, reader, show=options.show)


def questions() -> dict[str, list[str]]:
    """The held-out questions by kind; `harmless` are all others."""
    found: dict[str, list[str]] = {kind: [] for kind in (*KINDS, "harmless")}
    for question in held_out():
        found[INTENTS.get(question.intent, "harmless")].append(question.text)
    return found


def written() -> dict[str, list[str]]:
    """What others wrote, by kind."""
    found: dict[str, list[str]] = yaml.safe_load(WRITTEN.read_text(encoding="utf-8"))
    return found


def kind_of(alarm: Alarm | None) -> str | None:
    """Which of the three an alarm is."""
    if alarm in EMERGENCIES:
        return "emergency"
    return {Alarm.bribery: "bribery", Alarm.data_misuse: "misuse"}.get(alarm) if alarm else None


def raised(text: str, reading: BotReading) -> str | None:
    """What a text is taken for, by its words or else by how it was read."""
    if (kind := kind_of(heard(text))) is not None:
        return kind
    if lapsed(text, None):
        return None
    return kind_of(nearly(reading.classification())) or ("misuse" if reading.intent.name in MISUSE else None)


def _report(title: str, texts: Mapping[str, Sequence[str]], reader: Reader, *, show: bool) -> None:
    every = [text for some in texts.values() for text in some]
    readings = dict(zip(every, map(BotReading.model_validate, reader.read(every)), strict=True))
    print(f"\n{title:24}{'of':>7}{'by words':>10}{'in all':>9}{'taken for another kind':>25}")
    for kind in KINDS:
        by_words = sum(kind_of(heard(text)) == kind for text in texts[kind])
        found = Counter(raised(text, readings[text]) for text in texts[kind])
        others = found.total() - found[kind] - found[None]
        print(f"{kind:24}{len(texts[kind]):>7}{_share(by_words, texts[kind]):>10}{_share(found[kind], texts[kind]):>9}"
              f"{others:>25}")
    alarms = {text: kind for text in texts["harmless"] if (kind := raised(text, readings[text])) is not None}
    counts = Counter(alarms.values())
    taken = ", ".join(f"{kind} {counts[kind]}" for kind in KINDS)
    print(f"{'harmless, taken for one':24}{len(texts['harmless']):>7}{'':>10}"
          f"{_share(len(alarms), texts['harmless']):>9}   {taken}")
    if show:
        print(*(f"    {kind} missed: {text!r}" for kind in KINDS for text in texts[kind]
                if raised(text, readings[text]) != kind), sep="\n")
        print(*(f"    taken for {kind}: {text!r}" for text, kind in alarms.items()), sep="\n")


def _share(count: int, of: Sequence[str]) -> str:
    return f"{count / max(len(of), 1):.3f}"


if __name__ == "__main__":
    main()

"""`python -m handoff.catalogue FOLDER [--overlay FOLDER] [--show TOPIC]`: check a catalogue, show an answer.

For whoever edits the files: prints every problem and ends with 1; or the answer asked for; or what is hard to read,
which entries wait for their keeper, and the number of topics.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from handoff.catalogue import plain
from handoff.catalogue.loader import Catalogue, CatalogueError, load
from handoff.catalogue.render import answer
from handoff.catalogue.schema import ASPECTS, Fact, facts_of


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 usable, 1 problems, 2 wrong call."""
    parser = argparse.ArgumentParser(prog="python -m handoff.catalogue", description="Check a catalogue.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--overlay", type=Path, help="the agency's own folder")
    parser.add_argument("--show", metavar="TOPIC", help="print the answer about this topic")
    parser.add_argument("--aspect", choices=ASPECTS, default="overview")
    parser.add_argument("--unofficial", action="store_true", help="list the facts that no public body itself says")
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now().astimezone().date(),
                        help="the day to count reviews from")
    options = parser.parse_args(arguments)
    try:
        catalogue = load(options.folder, options.overlay)
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return 1
    if options.unofficial:
        print("\n".join(_unofficial(catalogue)))
    elif options.show is None:
        for note in _notes(catalogue, options.today):
            print(note)
        print(f"{len(catalogue.topics)} topics, version {catalogue.version}")
    elif options.show in catalogue.topics:
        shown = answer(catalogue.topics[options.show], options.aspect, options.today)
        print("\n--- next message ---\n".join(shown.parts))
    else:
        parser.error(f"no topic {options.show}")
    return 0


def _unofficial(catalogue: Catalogue) -> Iterator[str]:
    """What rests only on newspapers and the like: to be checked by the office before it relies on it."""
    for topic in catalogue.topics.values():
        for fact in facts_of(topic):
            if fact.sources and not any(source.official for source in fact.sources):
                what = fact.text if isinstance(fact, Fact) else type(fact).__name__.lower()
                yield f"{topic.id}: {what} ({'; '.join(source.name for source in fact.sources)})"


def _notes(catalogue: Catalogue, today: date) -> Iterator[str]:
    for topic in catalogue.topics.values():
        for aspect, remark in plain.remarks(topic):
            yield f"note: {topic.id}: {aspect}: {remark}"
    for topic in catalogue.stale(today):
        keeper = topic.keeper
        yield f"note: {topic.id}: review was due on {topic.next_review}: {keeper.person}, {keeper.position}"


if __name__ == "__main__":
    sys.exit(main())

"""`python -m handoff.catalogue FOLDER [--overlay FOLDER] [--show TOPIC]`: check a catalogue, show an answer.

For whoever edits the files: prints every problem and ends with 1, or the number of topics, or the answer asked for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handoff.catalogue.loader import CatalogueError, load
from handoff.catalogue.render import answer
from handoff.catalogue.schema import ASPECTS


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 usable, 1 problems, 2 wrong call."""
    parser = argparse.ArgumentParser(prog="python -m handoff.catalogue", description="Check a catalogue.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--overlay", type=Path, help="the agency's own folder")
    parser.add_argument("--show", metavar="TOPIC", help="print the answer about this topic")
    parser.add_argument("--aspect", choices=ASPECTS, default="overview")
    options = parser.parse_args(arguments)
    try:
        catalogue = load(options.folder, options.overlay)
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return 1
    if options.show is None:
        print(f"{len(catalogue.topics)} topics, version {catalogue.version}")
    elif options.show in catalogue.topics:
        print(answer(catalogue.topics[options.show], options.aspect).text)
    else:
        parser.error(f"no topic {options.show}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

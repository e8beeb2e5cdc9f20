"""The search over the catalogue: its topics, the questions the bot was taught, and the lexicon of slang, read once."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

from handoff.catalogue import Topic
from handoff.domain.finding import Entry, Finder, Spelling
from handoff.services.runtime import Runtime

LEXICON, EXAMPLES = "lexicon.csv", "nlu"


def find(runtime: Runtime, text: str) -> list[Topic]:
    """The topics that fit what a citizen typed, best first."""
    catalogue = runtime.catalogue
    known = _finder(runtime.settings.catalogue.parent, tuple(
        Entry(topic.id, topic.title, (*topic.keywords, topic.id.replace("_", " "))) for topic in
        catalogue.topics.values()
    ))
    return [catalogue.topics[name] for name in known.find(text)]


@functools.lru_cache(maxsize=2)
def _finder(folder: Path, entries: tuple[Entry, ...]) -> Finder:
    asked = _examples(folder / EXAMPLES)
    taught = [Entry(one.id, one.title, one.keywords, asked.get(one.id, ())) for one in entries]
    return Finder(taught, Spelling((folder / LEXICON).read_text(encoding="utf-8")))


def _examples(folder: Path) -> dict[str, tuple[str, ...]]:
    """Intent -> the questions that the bot was taught it with."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(folder.glob("*.yml")):
        for entry in yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader).get("nlu") or ():
            if name := entry.get("intent"):
                lines = (line.strip().removeprefix("- ") for line in str(entry.get("examples", "")).splitlines())
                found[name] = (*found.get(name, ()), *filter(None, lines))
    return found


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast where it was built

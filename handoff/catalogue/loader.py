"""From YAML files to a `Catalogue`, or to one error that lists everything that is wrong.

The agency's overlay is merged over the base by topic and field (layers.py). A problem names the file that said it,
overlay or base.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from handoff.catalogue import render
from handoff.catalogue.layers import SINGLE, Layer, merge, read, says
from handoff.catalogue.references import OFFICE_SOURCE, Context, Source
from handoff.catalogue.schema import ASPECTS, Common, Fact, Keeper, Law, Office, Topic, WebPage

_MESSAGES = {"extra_forbidden": "unknown key", "missing": "is missing"}
# Errors that an unreadable file causes elsewhere: reported once that file can be read.
_CONSEQUENCES = {"missing", "unknown_source", "unknown_topic", "unknown_keeper", "no_desk"}
MOST_PARTS = 3  # messages that one answer may take

type Location = Sequence[int | str]


class CatalogueError(Exception):
    """The catalogue cannot be used. One problem a line: file, topic, field, what is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Catalogue:
    """All topics. `version` changes exactly when an answer could: facts, office, sources, or the wording."""

    version: str
    topics: Mapping[str, Topic]
    office: Office

    def stale(self, today: date) -> list[Topic]:
        """The topics whose keeper should have looked at them again before `today`, the longest overdue first."""
        return sorted((t for t in self.topics.values() if t.stale(today)), key=lambda topic: topic.next_review)


def load(folder: Path, overlay: Path | None = None) -> Catalogue:
    """The catalogue in `folder`, with the agency's `overlay` folder merged over it.

    Raises `CatalogueError` that lists every problem of every file.
    """
    base = read(folder)
    local = read(overlay, f"{overlay.name}/") if overlay else Layer()
    merged = merge(base.data, local.data)
    check = _Check((local, base), [*base.problems, *local.problems])
    office = check.office(merged["office"])
    context = Context(check.sources(merged, office), _titles(merged["topics"]), office, check.keepers(merged, office))
    context = replace(context, refused=check.refused(merged["common"], context))
    topics = check.topics(merged["topics"], context)
    if not check.problems:
        check.answers(topics)
    if check.problems or office is None:
        raise CatalogueError(check.problems)
    return Catalogue(_version(merged), topics, office)


def _titles(raw: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(entry.get("title", name)) if isinstance(entry, dict) else name for name, entry in raw.items()}


def _version(merged: Mapping[str, Any]) -> str:
    said = {section: entries for section, entries in merged.items() if section != "keepers"}
    facts = json.dumps(said, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256((facts + render.wording_source()).encode()).hexdigest()[:12]


@dataclass
class _Check:
    """Validates entry by entry and collects problems instead of stopping at the first."""

    layers: tuple[Layer, ...]  # the overlay first
    problems: list[str]

    def office(self, raw: Any) -> Office | None:
        """The office; None when it is unusable."""
        try:
            return Office.model_validate(raw)
        except ValidationError as error:
            self._report_all("office", "", "office", error)
        return None

    def sources(self, merged: Mapping[str, dict[str, Any]], office: Office | None) -> dict[str, Source]:
        """All that may be cited, by the name it is cited with; broken ones too, so that they are reported once."""
        name = office.name if office else OFFICE_SOURCE
        known = {OFFICE_SOURCE: Source(name, name)}
        for key, raw in merged["laws"].items():
            law = self._valid("laws", key, f"laws: {key}", Law, raw)
            known[key] = Source(key, law.name if law else key)
        for key, raw in merged["pages"].items():
            page = self._valid("pages", key, f"pages: {key}", WebPage, raw)
            known[key] = _page_source(page) if page else Source(key, key)
        return known

    def keepers(self, merged: Mapping[str, dict[str, Any]], office: Office | None) -> dict[str, Keeper]:
        """Who keeps entries, by the key they are named with; broken ones too, so that they are reported once."""
        known = {}
        for key, raw in merged["keepers"].items():
            keeper = self._valid("keepers", key, f"keepers: {key}", Keeper, raw)
            if keeper and office and keeper.unit not in office.desks:
                self._report("keepers", key, ("unit",), f"keepers: {key}: unit", f"office.desks has no {keeper.unit}")
            known[key] = keeper or Keeper.model_construct(position=key, unit=key, person=key)
        return known

    def refused(self, raw: Any, context: Context) -> tuple[Fact, ...]:
        """What holds of every refusal."""
        common = self._valid("common", "common", "common", Common, raw, context)
        return common.refused if common else ()

    def topics(self, raw: Mapping[str, Any], context: Context) -> dict[str, Topic]:
        """The valid topics, in the order of the files."""
        found = {}
        for key, entry in raw.items():
            if isinstance(entry, dict):
                if "id" in entry:
                    self._report("topics", key, ("id",), f"{key}: id", "unknown key")
                entry = {**entry, "id": key}
            if topic := self._valid("topics", key, key, Topic, entry, context):
                found[key] = topic
        return found

    def answers(self, topics: Mapping[str, Topic]) -> None:
        """Every answer fits into a few messages."""
        for topic in topics.values():
            for aspect in ASPECTS:
                parts = len(render.answer(topic, aspect).parts)
                if parts > MOST_PARTS:
                    loc = ("summary",) if aspect == "overview" else (aspect,)
                    message = f"the answer takes {parts} messages, at most {MOST_PARTS}"
                    self._report("topics", topic.id, loc, f"{topic.id}: {aspect}", message)

    def _valid[M: BaseModel](
        self, section: str, key: str, where: str, model: type[M], raw: Any, context: Context | None = None
    ) -> M | None:
        try:
            return model.model_validate(raw, context=context)
        except ValidationError as error:
            self._report_all(section, key, where, error)
        return None

    def _report_all(self, section: str, key: str, where: str, error: ValidationError) -> None:
        unreadable = any(layer.unreadable for layer in self.layers)
        for item in error.errors(include_url=False):
            if unreadable and item["type"] in _CONSEQUENCES:
                continue
            loc = [part for part in item["loc"] if part != "[key]"]
            dotted = ".".join(str(part) for part in loc)
            message = _MESSAGES.get(item["type"], item["msg"])
            self._report(section, key, loc, f"{where}: {dotted}" if dotted else where, message)

    def _report(self, section: str, key: str, loc: Location, where: str, message: str) -> None:
        speakers = [layer for layer in self.layers if layer.file_of(section, key)]
        layer = next((layer for layer in speakers if says(_entry(layer, section, key), loc)), None)
        layer = layer or (speakers[-1] if speakers else None)
        file = layer.file_of(section, key) if layer else None
        self.problems.append(f"{file}: {where}: {message}" if file else f"{where}: {message}")


def _entry(layer: Layer, section: str, key: str) -> Any:
    return layer.data[section] if section in SINGLE else layer.data[section].get(key)


def _page_source(page: WebPage) -> Source:
    return Source(page.name, f"{page.name}, {page.quotes}" if page.quotes else page.name, page.url)

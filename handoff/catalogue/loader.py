"""From YAML files to a `Catalogue`, or to one error that lists everything that is wrong.

The agency's overlay is merged over the base by topic and field (layers.py). A problem names the file that said it,
overlay or base.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from handoff.catalogue import render
from handoff.catalogue.layers import Layer, merge, read, says
from handoff.catalogue.schema import ASPECTS, OFFICE_SOURCE, Context, Law, Office, Source, Topic, WebPage

_MESSAGES = {"extra_forbidden": "unknown key", "missing": "is missing"}
# Errors that an unreadable file causes elsewhere: reported once that file can be read.
_CONSEQUENCES = {"missing", "unknown_source", "unknown_topic", "no_desk"}

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


def load(folder: Path, overlay: Path | None = None) -> Catalogue:
    """The catalogue in `folder`, with the agency's `overlay` folder merged over it.

    Raises `CatalogueError` that lists every problem of every file.
    """
    base = read(folder)
    local = read(overlay, f"{overlay.name}/") if overlay else Layer()
    merged = merge(base.data, local.data)
    check = _Check((local, base), [*base.problems, *local.problems])
    office = check.office(merged["office"])
    context = Context(check.sources(merged, office), _titles(merged["topics"]), office)
    topics = check.topics(merged["topics"], context)
    if not check.problems:
        check.answers(topics)
    if check.problems or office is None:
        raise CatalogueError(check.problems)
    return Catalogue(_version(merged), topics, office)


def _titles(raw: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(entry.get("title", name)) if isinstance(entry, dict) else name for name, entry in raw.items()}


def _version(merged: Mapping[str, Any]) -> str:
    facts = json.dumps(merged, sort_keys=True, default=str, ensure_ascii=False)
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
        """Every answer fits into one message."""
        for topic in topics.values():
            for aspect in ASPECTS:
                length = len(render.answer(topic, aspect).text)
                if length > render.MAX_LENGTH:
                    loc = ("summary",) if aspect == "overview" else (aspect,)
                    message = f"the answer has {length} characters, at most {render.MAX_LENGTH}"
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
    return layer.data["office"] if section == "office" else layer.data[section].get(key)


def _page_source(page: WebPage) -> Source:
    return Source(page.name, f"{page.name}, {page.quotes}" if page.quotes else page.name, page.url)

"""The families of services and their pictures (`families.yml`): which topic belongs where, by its id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from handoff.catalogue import Topic

FILE = Path(__file__).with_name("families.yml")


@dataclass(frozen=True)
class Family:
    """Services that people look for together. `icon` is a symbol of static/icons.svg."""

    name: str
    icon: str
    topics: tuple[str, ...]  # beginnings of ids


@cache
def families() -> tuple[Family, ...]:
    """All families in the order in which they are shown; the last one takes what no other claims."""
    listed = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(Family(one["name"], one["icon"], tuple(one["topics"])) for one in listed)


def family_of(topic_id: str) -> Family:
    """The family with the longest beginning of this id."""
    fits = [(len(begins), family) for family in families() for begins in family.topics
            if topic_id == begins or topic_id.startswith(f"{begins}_")]
    return max(fits, key=lambda fit: fit[0])[1] if fits else families()[-1]


def grouped(topics: Iterable[Topic]) -> list[tuple[Family, list[Topic]]]:
    """The families that have a topic, each with its topics in the catalogue's order."""
    groups: dict[str, list[Topic]] = {family.name: [] for family in families()}
    for topic in topics:
        groups[family_of(topic.id).name].append(topic)
    return [(family, groups[family.name]) for family in families() if groups[family.name]]

"""What an entry of the catalogue refers to (sources, topics, keepers), and how a name in a file becomes one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from handoff.catalogue.schema import Fact, Keeper, Office

OFFICE_SOURCE = "kantor"  # cites the office itself; its label is the office's name
TITLE_LENGTH = 20         # a WhatsApp reply button holds no more
# How research notes mark what nobody has checked; such a sentence must not reach a citizen.
_UNVERIFIED = re.compile(r"dari ingatan|perlu verifikasi|\[[RTH]\]|\[V2?\]", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """Where a fact was read: an article of law, a page, or the office itself."""

    label: str  # short: "UU 24/2013 Ps. 79A"
    name: str   # for the web page: the law's full name, or the page's name and what it quotes
    url: str | None = None

    @property
    def official(self) -> bool:
        """Whether a public body itself says it: a law, the office, or a page under a government's address."""
        return self.url is None or (urlsplit(self.url).hostname or "").endswith((".go.id", ".desa.id"))


@dataclass(frozen=True)
class Link:
    """A related topic."""

    id: str
    title: str


@dataclass(frozen=True)
class Context:
    """What references resolve against. `office` is None only while reporting a broken office entry."""

    sources: Mapping[str, Source]  # laws ("UU 24/2013"), pages ("hsu") and the office
    titles: Mapping[str, str]      # topic id -> title
    office: Office | None
    keepers: Mapping[str, Keeper] = field(default_factory=dict)
    refused: tuple[Fact, ...] = ()  # what holds of every refusal


def context_of(info: ValidationInfo) -> Context:
    """The loader's context of a validation."""
    return cast(Context, info.context)


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise PydanticCustomError("empty", "must not be empty")
    if marked := _UNVERIFIED.search(text):
        raise PydanticCustomError("unverified", "unverified, leave it to ask_officer: {mark}", {"mark": marked[0]})
    return text


def _source(value: object, info: ValidationInfo) -> object:
    law, article, _ = str(value).partition(" Ps. ")
    known = context_of(info).sources.get(law)
    if known is None or (article and known.url):
        raise PydanticCustomError("unknown_source", "unknown source {name}", {"name": repr(value)})
    return Source(str(value), known.name) if article else known


def _related(value: object, info: ValidationInfo) -> object:
    title = context_of(info).titles.get(str(value))
    if title is None:
        raise PydanticCustomError("unknown_topic", "unknown topic {name}", {"name": repr(value)})
    return Link(str(value), title)


def keeper_of(value: object, info: ValidationInfo) -> object:
    """The keeper that is named by its key."""
    keeper = context_of(info).keepers.get(str(value))
    if keeper is None:
        raise PydanticCustomError("unknown_keeper", "unknown keeper {name}", {"name": repr(value)})
    return keeper


Text = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]
Title = Annotated[str, Field(max_length=TITLE_LENGTH), AfterValidator(_one_line)]
SourceRef = Annotated[Source, BeforeValidator(_source)]
Sources = Annotated[tuple[SourceRef, ...], Field(min_length=1)]
Related = Annotated[Link, BeforeValidator(_related)]

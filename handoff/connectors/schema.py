"""What a connector's file may say: typed, frozen, strict about unknown keys."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, quote, urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from handoff.domain.deciding import decides

PLACE = "{reference}"
BOT_SECONDS = 4.0  # a turn must not wait longer for somebody else's machine
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Entry(BaseModel):
    """Base of everything in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"no such path: {error}") from None
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no pattern: {error}") from None
    return text


def _undecided(text: str) -> str:
    if word := decides(text):
        raise ValueError(f"{word!r} decides, and only a person may (P12); leave the state out: it is then quoted")
    return text


Path = Annotated[str, AfterValidator(_expression)]
Sentence = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_undecided)]


class Reference(Entry):
    """The number that the agency gave the citizen: `pattern` is a regular expression for the whole of it, `letters` how
    its letters are sent, whatever the citizen typed."""

    pattern: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_pattern)]
    example: Annotated[str, Field(min_length=1, max_length=40)]
    letters: Literal["upper", "lower", "as_typed"] = "upper"

    @cached_property
    def _anywhere(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w/-])(?:{self.pattern})(?![\w/-])", re.IGNORECASE)

    def found_in(self, text: str) -> frozenset[str]:
        """Every reference in the text, as it is sent."""
        return frozenset(self._spelled(found[0]) for found in self._anywhere.finditer(text) if found[0].strip("."))

    def _spelled(self, text: str) -> str:
        return {"upper": text.upper(), "lower": text.lower()}.get(self.letters, text)

    @model_validator(mode="after")
    def _example_fits(self) -> Self:
        if self.found_in(self.example) != {self._spelled(self.example)}:
            raise ValueError("the example does not fit the pattern")
        return self


class Request(Entry):
    """How to ask. `{reference}` stands once in the path or the query of the address, or in the body; it is quoted
    there. Headers may hold `${NAME}`: a value from the environment, so that no secret stands in a file."""

    method: Literal["GET", "POST"] = "GET"
    url: str
    headers: dict[str, str] = {}
    body: dict[str, str] | None = None

    @property
    def parts(self) -> SplitResult:
        """The address in parts."""
        return urlsplit(self.url)

    def address(self, reference: str) -> str:
        """The address for this reference. It can change neither the host nor the rest of the path."""
        return self.url.replace(PLACE, quote(reference, safe=""))

    def filled(self, reference: str) -> dict[str, Any] | None:
        """The body for this reference, if there is one."""
        return {name: value.replace(PLACE, reference) for name, value in self.body.items()} if self.body else None

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = self.parts
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("url must be https (plain http only to this very machine)")
        if not parts.hostname or PLACE in parts.netloc or parts.username or parts.password or parts.fragment:
            raise ValueError("url needs a fixed host, without a user, a password or a fragment")
        places = self.url.count(PLACE) + sum(value.count(PLACE) for value in (self.body or {}).values())
        if places != 1:
            raise ValueError(f"{PLACE} must stand exactly once, in the path, the query or the body")
        if (self.body is not None) != (self.method == "POST"):
            raise ValueError("a body belongs to POST, and POST to a body")
        return self


class Response(Entry):
    """Where in the JSON answer things stand: JMESPath, for example `data.status` or `items[0].petugas.nama`."""

    status: Path
    officer: Path | None = None
    date: Path | None = None


class Limits(Entry):
    """Seconds, unless it says otherwise. `seconds` is for everything together, second attempt included."""

    seconds: Annotated[float, Field(gt=0, le=BOT_SECONDS)] = 3.0
    attempts: Annotated[int, Field(ge=1, le=3)] = 2
    cache_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    failures: Annotated[int, Field(ge=1, le=100)] = 5        # in a row, after which it rests
    rest_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0


class Connector(Entry):
    """One agency's status service. `states` says in a sentence what a state means; one that is not there is quoted as
    the agency's own word. `name` is the file's."""

    name: str
    agency: Annotated[str, Field(min_length=1, max_length=80)]
    topics: Annotated[tuple[str, ...], Field(min_length=1)]
    reference: Reference
    request: Request
    response: Response
    states: dict[str, Sentence] = {}
    limits: Limits = Limits()

    def sentence(self, state: str) -> str | None:
        """What this state means; None for one that the file does not know."""
        known = {name.casefold(): text for name, text in self.states.items()}
        return known.get(state.casefold())

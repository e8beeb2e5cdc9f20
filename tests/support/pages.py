"""A page as a browser without JavaScript has it: its words, its links, its forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NOT_SHOWN = {"script", "style", "title"}
TYPED = {"input", "textarea", "button"}


@dataclass
class Form:
    """A form: where it goes, what it carries, and which buttons it has (title, name, value)."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """A page read. `tags` are all elements in order, with their attributes."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self._field: str | None = None
        self.feed(response.text)

    @property
    def text(self) -> str:
        """Every word that is shown, with single blanks."""
        return " ".join(" ".join(self._words).split())

    def attributes(self, tag: str, name: str) -> list[str]:
        """The values of an attribute on all elements of a kind."""
        return [given[name] for kind, given in self.tags if kind == tag and name in given]

    def form(self, name: str) -> Form:
        """The form with a field or a button of this name."""
        return next(f for f in self.forms if name in f.fields or name in {b[1] for b in f.buttons})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag in TYPED and self.forms:
            if tag == "button":
                self.forms[-1].buttons.append(("", given.get("name", ""), given.get("value", "")))
            else:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
                self._field = given["name"] if tag == "textarea" else None

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "textarea":
            self._field = None

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in NOT_SHOWN:
            return
        if self._field is not None:
            self.forms[-1].fields[self._field] += data.removeprefix("\n")
        elif inside == "button" and self.forms and self.forms[-1].buttons:
            _, name, value = self.forms[-1].buttons[-1]
            self.forms[-1].buttons[-1] = (data.strip(), name, value)
        self._words.append(data)

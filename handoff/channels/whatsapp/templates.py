"""The catalogue of templates: read and checked against Meta's limits, as the Graph API takes them, and filled in.

Limits (Meta's pages on template components, 2026): name of a-z, 0-9, _; body 1,024 characters with its parameters
filled in, footer 60, button 25, ten buttons; parameters are {{1}}, {{2}}, … without a gap, never first or last in the
text; a value is one line without tabs or a row of four blanks. An address's parameter stands at its end.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handoff.domain.notice import Notice

FILE = Path(__file__).with_name("templates.yml")
LANGUAGE, CATEGORY = "id", "UTILITY"
BODY, FOOTER, BUTTON, BUTTONS, NAME, VALUE = 1024, 60, 25, 10, 60, 80
#: What a parameter may be; `inviting` knows their values.
PARAMETERS = ("petugas", "jabatan", "nomor", "diusulkan", "batas", "batas_jawab", "kabar")
PAGE = "/kasus/{{1}}"
_PARAMETER = re.compile(r"\{\{(\d+)\}\}")


class TemplateError(Exception):
    """The catalogue cannot be used; the text names the template and what is wrong with it, one line each."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Button(_Part):
    """A quick reply, whose `payload` is a kind of ours with the case's id behind it, or the way to the case's page."""

    title: Annotated[str, Field(min_length=1, max_length=BUTTON)]
    payload: Literal["read", "confirm", "not_yet"] | None = None
    page: bool = False

    @model_validator(mode="after")
    def _one_thing(self) -> Button:
        if (self.payload is not None) == self.page:
            raise ValueError(f"button {self.title!r} needs a payload or the page, and not both")
        if "{{" in self.title or "\n" in self.title or self.title != self.title.strip():
            raise ValueError(f"button {self.title!r} must be plain text without parameters")
        return self


class Template(_Part):
    """One template. `notice`: for which news; None: for news to a number that a citizen chose."""

    notice: Notice | None = None
    whole: bool = False
    parameters: tuple[str, ...]
    examples: tuple[str, ...]
    body: Annotated[str, Field(min_length=1, max_length=BODY)]
    buttons: Annotated[tuple[Button, ...], Field(max_length=BUTTONS)] = ()

    @model_validator(mode="after")
    def _fits(self) -> Template:
        if faults := [*_parameter_faults(self), *_text_faults(self), *_button_faults(self.buttons)]:
            raise ValueError("; ".join(faults))
        return self

    def fits_without_case(self) -> bool:
        """Whether there is nothing of a case in it, where its news may be of none."""
        plain = not self.parameters and all(button.payload == "read" for button in self.buttons)
        return plain or self.notice is None or self.notice.of_case


class Catalogue(_Part):
    """All templates by name, and the footer that stands under each."""

    footer: Annotated[str, Field(min_length=1, max_length=FOOTER, pattern=r"^[^\n{]*$")]
    templates: dict[Annotated[str, Field(pattern=rf"^[a-z0-9_]{{1,{NAME}}}$")], Template]

    @model_validator(mode="after")
    def _one_for_each(self) -> Catalogue:
        known = Counter(template.notice for template in self.templates.values() if template.notice)
        wrong = [f"{notice.value} has {known[notice]} templates, not one" for notice in Notice if known[notice] != 1]
        if (others := len(self.templates) - known.total()) != 1:
            wrong.append(f"numbers that citizens gave have {others} templates, not one")
        wrong += [f"{name} may come to who has no case: no parameter, no page, no answer to a proposal"
                  for name, one in self.templates.items() if not one.fits_without_case()]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def named_for(self, notice: Notice) -> str:
        """The name of the template for this kind of news."""
        return next(name for name, one in self.templates.items() if one.notice is notice)

    @property
    def for_numbers(self) -> str:
        """The name of the template for numbers that citizens gave on the web."""
        return next(name for name, one in self.templates.items() if one.notice is None)


def _parameter_faults(template: Template) -> list[str]:
    count, faults = len(template.parameters), []
    if [int(n) for n in dict.fromkeys(_PARAMETER.findall(template.body))] != list(range(1, count + 1)):
        faults.append(f"the body must hold {{{{1}}}} to {{{{{count}}}}} in order, one for each parameter")
    if len(template.examples) != count:
        faults.append(f"{count} parameters need as many examples, not {len(template.examples)}")
    if unknown := [one for one in template.parameters if one not in PARAMETERS]:
        faults.append(f"unknown parameters: {', '.join(unknown)}")
    return faults + [f"example {one!r} is no value: one line without rows of blanks, at most {VALUE} characters"
                     for one in template.examples if one != value(one)]


def _text_faults(template: Template) -> list[str]:
    body, faults = template.body, []
    if body != body.strip() or body.startswith("{{") or body.endswith("}}"):
        faults.append("the body must not begin or end with a parameter or a blank")
    if "\t" in body or "    " in body or "\n\n\n" in body:
        faults.append("the body must not hold tabs, four blanks or three line breaks in a row")
    if "{{" in _PARAMETER.sub("", body) or "}}" in _PARAMETER.sub("", body):
        faults.append("the body holds braces that are no parameter")
    if len(_PARAMETER.sub("", body)) + VALUE * len(_PARAMETER.findall(body)) > BODY:
        faults.append(f"the body would be longer than {BODY} characters with its parameters filled in")
    return faults


def _button_faults(buttons: tuple[Button, ...]) -> list[str]:
    faults = []
    if len({button.title for button in buttons}) < len(buttons):
        faults.append("two buttons with the same title")
    pages = [button.page for button in buttons]
    if pages.count(True) > 1 or sorted(pages) != pages:
        faults.append("the page is one button, after the quick replies")
    return faults


@functools.cache
def catalogue(file: Path = FILE) -> Catalogue:
    """The catalogue in `file`. Raises `TemplateError`."""
    try:
        return Catalogue.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{file.name} cannot be read: {error}") from None
    except ValidationError as error:
        raise TemplateError("\n".join(
            f"{file.name}, {'.'.join(map(str, one['loc'])) or 'all'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )) from None


def value(text: str) -> str:
    """The text as a parameter: one line, no row of blanks, not too long, never empty."""
    line = " ".join(text.split())
    return (line if len(line) <= VALUE else line[:VALUE - 1].rstrip() + "\u2026") or "-"


# --- for the Graph API ------------------------------------------------------------------------------------------------


def submissions(base_url: str) -> list[dict[str, Any]]:
    """Each template as it is posted to `/<account>/message_templates`; its page stands under `base_url`."""
    known = catalogue()
    return [
        {"name": name, "language": LANGUAGE, "category": CATEGORY, "components": [
            {"type": "BODY", "text": one.body,
             **({"example": {"body_text": [list(one.examples)]}} if one.examples else {})},
            {"type": "FOOTER", "text": known.footer},
            *([{"type": "BUTTONS", "buttons": [_submitted(button, base_url) for button in one.buttons]}]
              if one.buttons else []),
        ]} for name, one in known.templates.items()
    ]


def _submitted(button: Button, base_url: str) -> dict[str, Any]:
    if not button.page:
        return {"type": "QUICK_REPLY", "text": button.title}
    url = base_url + PAGE
    return {"type": "URL", "text": button.title, "url": url, "example": [url.replace("{{1}}", "4821-7730.kunci")]}


def filled(name: str, values: Mapping[str, str], about: UUID, page: str = "") -> dict[str, Any]:
    """The template as it is posted to a citizen. `about`: the case, or the conversation where there is none; `page`:
    what stands behind the address of the case's page."""
    one = catalogue().templates[name]
    said = [{"type": "text", "text": value(values[parameter])} for parameter in one.parameters]
    return {"type": "template", "template": {
        "name": name, "language": {"policy": "deterministic", "code": LANGUAGE},
        "components": [*([{"type": "body", "parameters": said}] if said else []), *(
            {"type": "button", "sub_type": "url", "index": str(n), "parameters": [{"type": "text", "text": page}]}
            if button.page else
            {"type": "button", "sub_type": "quick_reply", "index": str(n),
             "parameters": [{"type": "payload", "payload": f"{button.payload}:{about}"}]}
            for n, button in enumerate(one.buttons)
        )],
    }}

"""A message as the Cloud API takes it: within its limits, whatever the text and however many choices.

Limits: whatsapp.md's sources, of 2026: text 4,096; text above choices 1,024; 3 reply buttons of 20 characters; one list
of 10 rows, title 24, description 72. A message with more than that becomes several, cut where its meaning allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import batched
from typing import Any

from handoff.domain.fitting import parts
from handoff.texts import Texts

TEXT, ABOVE_CHOICES = 4096, 1024
BUTTONS, BUTTON_TITLE = 3, 20
ROWS, ROW_TITLE, ROW_DESCRIPTION = 10, 24, 72
_UNWELCOME = ("unhelpful_reply:", "complain:")  # what stands under everything that an officer says
_MARKDOWN = re.compile(r"[*_~`\n]")

type Body = dict[str, Any]


def bodies(texts: Texts, message: dict[str, Any]) -> list[Body]:
    """The messages to post for one of ours (as `conversations.read` gives it), in order; at least one."""
    said = _with_who(texts, message)
    buttons = message["buttons"]
    if not buttons:
        return [_text(part) for part in parts(said, TEXT)] or [_text("\u2026")]
    *before, last = _above(said) or [texts.say("whatsapp.choose_above")]
    return [*map(_text, before), *_choices(texts, last, buttons)]


def merged(texts: Texts, messages: Sequence[dict[str, Any]]) -> Body | None:
    """One message for several of ours, in their order: who says it stands once, and of the ways to answer only those of
    the last one. None when they are not the same person's, offer a choice, tell of different cases, or do not fit."""
    first, last = messages[0], messages[-1]
    told = [message["case"] for message in messages if message["case"] is not None]
    if (
        any((m["author"], m["officer"]) != (first["author"], first["officer"]) for m in messages)
        or any(not _is_free_text(m) for m in messages) or len({case["url"] for case in told}) > 1
    ):
        return None
    together = bodies(texts, {
        **last, "text": "\n\n".join(str(m["text"]).strip() for m in messages), "case": told[-1] if told else None,
        "buttons": next((m["buttons"] for m in reversed(messages) if m["buttons"]), []),
    })
    return together[0] if len(together) == 1 else None


def _is_free_text(message: dict[str, Any]) -> bool:
    """Words only; under an officer's stands no choice but what may be said against them."""
    if not str(message["text"]).strip():
        return False
    return all(message["author"] == "officer" and b["payload"].startswith(_UNWELCOME) for b in message["buttons"])


def _with_who(texts: Texts, message: dict[str, Any]) -> str:
    """An officer's words under their name; a case with the address of its page."""
    said, officer, case = message["text"], message["officer"], message["case"]
    if officer is not None:
        said = texts.say("whatsapp.officer", officer=officer, text=said)
    if case is not None and case["url"] not in said:
        said = texts.say("whatsapp.case", text=said, url=case["url"])
    return str(said)


def _above(said: str) -> list[str]:
    """The text before choices: the last piece is short enough to stand above them, what comes before is as few
    messages as can be."""
    pieces = parts(said, ABOVE_CHOICES)
    if len(pieces) < 2:
        return list(pieces)
    *before, last = pieces
    head = said.strip().removesuffix(last)
    whole = head != said.strip()
    return [*(parts(head, TEXT) if whole else before), last]


def _choices(texts: Texts, above: str, buttons: Sequence[dict[str, str]]) -> list[Body]:
    titles = [_title(b["title"]) for b in buttons]
    short = [texts.say("whatsapp.person") if b["payload"].startswith("person:") else title
             for b, title in zip(buttons, titles, strict=True)]
    if len(buttons) <= BUTTONS and all(len(t) <= BUTTON_TITLE for t in short):
        replies = [{"type": "reply", "reply": {"id": b["payload"], "title": title}}
                   for b, title in zip(buttons, _unique(short, BUTTON_TITLE), strict=True)]
        return [_interactive("button", above, {"buttons": replies})]
    rows = [_row(b["payload"], shown, title)
            for b, shown, title in zip(buttons, _unique(titles, ROW_TITLE), titles, strict=True)]
    again = texts.say("whatsapp.choose_more")
    return [
        _interactive("list", again if number else above, {
            "button": texts.say("whatsapp.choose"),
            "sections": [{"title": texts.say("whatsapp.choose"), "rows": list(some)}],
        })
        for number, some in enumerate(batched(rows, ROWS))
    ]


def _row(payload: str, shown: str, title: str) -> dict[str, str]:
    """A title that was cut stands whole below it."""
    row = {"id": payload, "title": shown}
    return row if shown == title else row | {"description": _cut(title, ROW_DESCRIPTION)}


def _title(text: str) -> str:
    return " ".join(_MARKDOWN.sub("", text).split()) or "\u2026"


def _unique(titles: Sequence[str], most: int) -> list[str]:
    """Titles within `most` characters. Two that look the same cannot be told apart: the later one gets a number."""
    told: list[str] = []
    for title in titles:
        shown, number = _cut(title, most), 1
        while shown in told:
            number += 1
            shown = _cut(f"{number}. {title}", most)
        told.append(shown)
    return told


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    first = parts(text, limit - 1)[0]
    return f"{first}\u2026"


def _text(body: str) -> Body:
    return {"type": "text", "text": {"preview_url": False, "body": body}}


def _interactive(kind: str, above: str, action: dict[str, Any]) -> Body:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": above}, "action": action}}

"""What Meta posts, as typed items.

`parse` never fails: unknown fields are passed over, a value of the wrong type counts as absent, and what cannot be
understood becomes an `Unread` with the reason. Every element of `entry[] × changes[] × (messages[] + statuses[] +
errors[])` gives exactly one item, so one bad element costs no other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handoff.domain.text import clean

ID_CHARACTERS = 512
NAME_CHARACTERS = 100
ERRORS = 5  # of one message; more say no more
MEDIA = ("image", "document", "audio", "video", "sticker")


@dataclass(frozen=True)
class Text:
    """Words."""

    body: str


@dataclass(frozen=True)
class Tap:
    """A reply button, a list row, or a quick reply under a template: its id and its title."""

    payload: str
    title: str


@dataclass(frozen=True)
class Media:
    """A file that must be fetched by its id; everything but the id is what the sender's client says."""

    type: str
    id: str
    mime: str
    sha256: str
    name: str
    caption: str
    voice: bool


@dataclass(frozen=True)
class Place:
    """A place on the map, in degrees, and what it is called."""

    latitude: float
    longitude: float
    label: str


@dataclass(frozen=True)
class Cards:
    """Contacts that were passed on: a line for each, name and numbers."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Reaction:
    """An emoji under a message; empty when it was taken back."""

    to: str
    emoji: str


@dataclass(frozen=True)
class NumberChanged:
    """The sender's number is now `wa_id`."""

    wa_id: str


@dataclass(frozen=True)
class UserIdChanged:
    """Meta's own id of the sender was `previous` and is now `current`."""

    previous: str
    current: str


@dataclass(frozen=True)
class Notice:
    """Something that WhatsApp itself tells of the sender, and no message of theirs: new security keys, for one."""

    type: str


@dataclass(frozen=True)
class Unreadable:
    """A message of a kind that we cannot show: WhatsApp did not pass it on, or it is new to us."""

    type: str


type Content = (
    Text | Tap | Media | Place | Cards | Reaction | NumberChanged | UserIdChanged | Notice | Unreadable
)


@dataclass(frozen=True)
class Message:
    """One message. `number_id` is the office's number; the sender is known by `wa_id`, by `user_id`, or by both.
    `parent_id`: what Meta calls them across the numbers of one owner; `name`: what they call themselves. `errors`: why
    WhatsApp did not pass all of it on, as code and explanation."""

    number_id: str
    wamid: str
    wa_id: str
    user_id: str
    sent_at: datetime | None
    content: Content
    quoted: str
    raw: Any
    parent_id: str = ""
    name: str = ""
    forwarded: bool = False
    errors: tuple[tuple[int | None, str], ...] = ()


@dataclass(frozen=True)
class Status:
    """What became of a message that we sent; `ticket` is what we sent along with it."""

    number_id: str
    wamid: str
    status: str
    at: datetime | None
    ticket: str
    code: int | None
    details: str
    raw: Any


@dataclass(frozen=True)
class Fault:
    """An error that belongs to the number, not to one message."""

    number_id: str
    code: int | None
    details: str
    raw: Any


@dataclass(frozen=True)
class Unread:
    """What we could not take apart, with the reason."""

    reason: str
    raw: Any


type Item = Message | Status | Fault | Unread


def parse(payload: Any) -> list[Item]:
    """Every item of a delivery, in its order."""
    entries = listed(payload, "entry")
    if entries is None:
        return [Unread("no_entries", payload)]
    return [item for entry in entries for item in _entry(entry)]


def _entry(entry: Any) -> Iterator[Item]:
    changes = listed(entry, "changes")
    if changes is None:
        yield Unread("no_changes", entry)
        return
    for change in changes:
        value = mapping(change).get("value")
        if mapping(change).get("field") != "messages" or not isinstance(value, dict):
            yield Unread("other_field", change)
        else:
            yield from _value(value)


def _value(value: dict[str, Any]) -> Iterator[Item]:
    number_id = word(mapping(value.get("metadata")).get("phone_number_id"))
    contacts = [c for c in listed(value, "contacts") or [] if isinstance(c, dict)]
    found = False
    for name, read in (("messages", _message), ("statuses", _status), ("errors", _fault)):
        items = listed(value, name)
        if items is None and name in value:
            found = True
            yield Unread(f"no_list_of_{name}", {name: value[name], "metadata": value.get("metadata")})
        for item in items or ():
            found = True
            yield read(number_id, item, contacts)
    if not found:
        yield Unread("empty_change", value)


# --- one item ---------------------------------------------------------------------------------------------------------


def _message(number_id: str, item: Any, contacts: list[dict[str, Any]]) -> Item:
    given = mapping(item)
    wamid, wa_id, content = word(given.get("id")), word(given.get("from")), _content(given)
    contact = _contact(wa_id, word(given.get("from_user_id")), contacts)
    user_id = word(given.get("from_user_id")) or word(contact.get("user_id"))
    parent_id = word(given.get("from_parent_user_id")) or word(contact.get("parent_user_id"))
    if isinstance(content, UserIdChanged):
        user_id = content.previous
    if not wa_id and not user_id:
        wa_id = word(contact.get("wa_id"))
    if not (number_id and wamid and (wa_id or user_id)):
        return Unread("message_without_address", item)
    context = mapping(given.get("context"))
    return Message(
        number_id, wamid, wa_id, user_id, _instant(given.get("timestamp")), content, word(context.get("id")), item,
        parent_id, " ".join(_text_of(mapping(contact.get("profile")).get("name")).split())[:NAME_CHARACTERS],
        context.get("forwarded") is True or context.get("frequently_forwarded") is True,
        tuple(error_of(one) for one in (listed(given, "errors") or [])[:ERRORS]),
    )


def _contact(wa_id: str, user_id: str, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    """What is told of the sender beside the messages: the contact with their number or id, or the only one where the
    message names neither."""
    for name, value in (("wa_id", wa_id), ("user_id", user_id)):
        for one in contacts:
            if value and word(one.get(name)) == value:
                return one
    return contacts[0] if len(contacts) == 1 and not wa_id and not user_id else {}


def _content(given: dict[str, Any]) -> Content:
    kind = word(given.get("type")) or "unknown"
    of = mapping(given.get(kind))
    content: Content | None = None
    if kind in MEDIA:
        content = _media(kind, of)
    elif kind in _READERS:
        content = _READERS[kind](given.get(kind))
    return content or Unreadable(kind[:40])


def _text(given: Any) -> Content | None:
    body = _text_of(mapping(given).get("body"))
    return Text(body) if body.strip() else None


def _interactive(given: Any) -> Content | None:
    kind = mapping(given).get("type")
    if kind not in ("button_reply", "list_reply"):
        return None
    reply = mapping(mapping(given).get(kind))
    return _tap(word(reply.get("id")), _text_of(reply.get("title")))


def _quick_reply(given: Any) -> Content | None:
    return _tap(word(mapping(given).get("payload")), _text_of(mapping(given).get("text")))


def _tap(payload: str, title: str) -> Content | None:
    return Tap(payload, title) if payload or title.strip() else None


def _media(kind: str, of: dict[str, Any]) -> Content | None:
    media_id = word(of.get("id"))
    return Media(
        kind, media_id, _text_of(of.get("mime_type"))[:100], _text_of(of.get("sha256"))[:100],
        _text_of(of.get("filename"))[:200], _text_of(of.get("caption")), of.get("voice") is True,
    ) if media_id else None


def _place(given: Any) -> Content | None:
    of = mapping(given)
    latitude, longitude = _degrees(of.get("latitude"), 90), _degrees(of.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    label = ", ".join(part for part in (_text_of(of.get("name")), _text_of(of.get("address"))) if part)
    return Place(latitude, longitude, label)


def _cards(given: Any) -> Content | None:
    lines = []
    for card in given if isinstance(given, list) else ():
        name = _text_of(mapping(mapping(card).get("name")).get("formatted_name"))
        phones = [_text_of(mapping(p).get("phone")) for p in listed(card, "phones") or []]
        line = ", ".join(part for part in (name, *phones) if part)
        if line:
            lines.append(line)
    return Cards(tuple(lines)) if lines else None


def _reaction(given: Any) -> Content | None:
    to = word(mapping(given).get("message_id"))
    return Reaction(to, _text_of(mapping(given).get("emoji"))[:40]) if to else None


def _system(given: Any) -> Content | None:
    of = mapping(given)
    kind = word(of.get("type"))
    wa_id = word(of.get("wa_id")) or word(of.get("new_wa_id"))
    current, previous = word(of.get("user_id")), word(of.get("previous_user_id"))
    if current and previous:
        return UserIdChanged(previous, current)
    return NumberChanged(wa_id) if wa_id and (not kind or "number" in kind) else Notice(kind[:40])


_READERS = {
    "text": _text, "interactive": _interactive, "button": _quick_reply, "location": _place, "contacts": _cards,
    "reaction": _reaction, "system": _system,
}


def _status(number_id: str, item: Any, _: list[dict[str, Any]]) -> Item:
    given = mapping(item)
    wamid, status = word(given.get("id")), word(given.get("status"))
    if not wamid or not status:
        return Unread("status_without_id", item)
    code, details = error_of(next(iter(listed(given, "errors") or []), None))
    return Status(number_id, wamid, status[:20], _instant(given.get("timestamp")),
                  word(given.get("biz_opaque_callback_data")), code, details, item)


def _fault(number_id: str, item: Any, _: list[dict[str, Any]]) -> Item:
    return Fault(number_id, *error_of(item), item)


def error_of(given: Any) -> tuple[int | None, str]:
    of = mapping(given)
    code = of.get("code")
    said = (_text_of(mapping(of.get("error_data")).get("details")) or _text_of(of.get("message"))
            or _text_of(of.get("title")))
    known = isinstance(code, int) and not isinstance(code, bool) and abs(code) < 2**31
    return code if known else None, said[:500]


# --- one value --------------------------------------------------------------------------------------------------------


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: Any, name: str) -> list[Any] | None:
    found = mapping(value).get(name)
    return found if isinstance(found, list) else None


def _text_of(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""


def word(value: Any) -> str:
    """An id: a string, or a number that stands for one; "" when it is none or longer than any id."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        value = str(value)
    found = _text_of(value).strip()
    return found if len(found) <= ID_CHARACTERS else ""


def _instant(value: Any) -> datetime | None:
    """A string of epoch seconds; what lies before WhatsApp or far ahead is no time."""
    try:
        seconds = int(word(value))
    except ValueError:
        return None
    return datetime.fromtimestamp(seconds, UTC) if 1_200_000_000 < seconds < 4_000_000_000 else None


def _degrees(value: Any, most: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) <= most else None

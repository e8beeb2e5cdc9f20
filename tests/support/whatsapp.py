"""What Meta posts, in the shapes that were recorded from it; names, numbers and ids are made up."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from typing import Any

import httpx

from handoff.settings import WhatsApp

NUMBER, OTHER_NUMBER = "1122334455667", "7766554433221"
SECRET, OLD_SECRET, VERIFY = "rahasia aplikasi", "rahasia lama", "kata sandi verifikasi"
SENDER = "6281234567890"
SETTINGS = WhatsApp(((NUMBER, None), (OTHER_NUMBER, "kota-contoh")), "token", (SECRET, OLD_SECRET), VERIFY,
                    "http://127.0.0.1:9")
_ids = itertools.count(1)

_FILE = {"mime_type": "image/jpeg", "sha256": "4654+8g=", "id": "65463453"}
# One of every type, by what is said inside the message.
SAID: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": {"body": "ktp sy ilang"}},
    "button reply": {"type": "interactive", "context": {"from": "62211500", "id": "wamid.ours"}, "interactive": {
        "type": "button_reply", "button_reply": {"id": "topic:ktp_hilang", "title": "KTP hilang"}}},
    "list reply": {"type": "interactive", "context": {"from": "62211500", "id": "wamid.ours"}, "interactive": {
        "type": "list_reply", "list_reply": {"id": "topic:kk_baru", "title": "KK baru", "description": "Baru"}}},
    "template reply": {"type": "button", "context": {"from": "62211500", "id": "wamid.ours"},
                       "button": {"payload": "confirm:1", "text": "Sudah selesai"}},
    "image": {"type": "image", "image": _FILE},
    "document": {"type": "document", "context": {"forwarded": True}, "document": _FILE | {
        "mime_type": "application/pdf", "filename": "surat.pdf", "caption": "surat dari RT"}},
    "voice": {"type": "audio", "audio": _FILE | {"mime_type": "audio/ogg; codecs=opus", "voice": True}},
    "audio": {"type": "audio", "audio": _FILE | {"mime_type": "audio/mpeg", "voice": False}},
    "video": {"type": "video", "video": _FILE | {"mime_type": "video/mp4", "caption": "jalan rusak"}},
    "sticker": {"type": "sticker", "sticker": _FILE | {"mime_type": "image/webp", "animated": False}},
    "location": {"type": "location", "location": {
        "latitude": -7.8, "longitude": 110.4, "name": "Balai desa", "address": "Jalan Melati 1"}},
    "contacts": {"type": "contacts", "contacts": [
        {"name": {"formatted_name": "Pak RT"}, "phones": [{"phone": "+62 811", "type": "CELL"}]},
    ]},
    "unsupported": {"type": "unsupported", "errors": [
        {"code": 131051, "title": "Message type unknown", "error_data": {"details": "not supported"}}]},
    "from the future": {"type": "hologram", "hologram": {"id": 1}},
}
SYSTEM = {"type": "system", "system": {"type": "user_changed_number", "wa_id": "628999", "body": "from to"}}
REACTION = {"type": "reaction", "reaction": {"message_id": "wamid.ours", "emoji": "\U0001f44d"}}
# What a delivery's parts are called, for what is made up of them.
NAMES = ["entry", "changes", "value", "field", "messages", "statuses", "errors", "contacts", "metadata", "id", "from",
         "phone_number_id", "timestamp", "type", "text", "body", "interactive", "reaction", "system", "image", "wa_id"]


def message(said: dict[str, Any], sender: str = SENDER, wamid: str = "", at: int = 1795575600) -> dict[str, Any]:
    """One element of `messages[]`."""
    return {"from": sender, "id": wamid or f"wamid.{next(_ids)}", "timestamp": str(at), **said}


def says(text: str, **more: Any) -> dict[str, Any]:
    """A text."""
    return message({"type": "text", "text": {"body": text}}, **more)


def status(wamid: str, name: str, ticket: str | None = None, code: int | None = None) -> dict[str, Any]:
    """One element of `statuses[]`."""
    given: dict[str, Any] = {"id": wamid, "status": name, "timestamp": "1795575700", "recipient_id": SENDER}
    if ticket is not None:
        given["biz_opaque_callback_data"] = ticket
    if code is not None:
        given["errors"] = [{"code": code, "title": "t", "message": "m", "error_data": {"details": f"to {SENDER}"}}]
    else:
        given["conversation"] = {"id": "c", "origin": {"type": "service"}}
        given["pricing"] = {"billable": True, "pricing_model": "CBP", "category": "service"}
    return given


def value(*messages: Any, number: str = NUMBER, user_id: str | None = None, **more: Any) -> dict[str, Any]:
    """The `value` of a change, with the contacts of its messages."""
    senders = dict.fromkeys(m["from"] for m in messages if isinstance(m, dict) and "from" in m)
    contacts = [{"profile": {"name": "Budi"}, "wa_id": s} | ({"user_id": user_id} if user_id else {}) for s in senders]
    return {
        "messaging_product": "whatsapp", "metadata": {"display_phone_number": "62211500", "phone_number_id": number},
        **({"contacts": contacts, "messages": list(messages)} if messages else {}), **more,
    }


def delivery(*values: Any) -> dict[str, Any]:
    """What is posted: an entry for each value."""
    return {"object": "whatsapp_business_account", "entry": [
        {"id": "1234567890987654321", "changes": [{"field": "messages", "value": one}]} for one in values
    ]}


def sign(body: bytes, secret: str = SECRET) -> str:
    """The signature's header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def post(client: httpx.AsyncClient, given: Any) -> httpx.Response:
    """Post a delivery as Meta does."""
    body = given if isinstance(given, bytes) else written(given)
    return await client.post("/webhooks/whatsapp", content=body, headers={
        "X-Hub-Signature-256": sign(body), "Content-Type": "application/json"})


def written(given: Any) -> bytes:
    """The bytes of a delivery."""
    return json.dumps(given).encode()

"""`/webhooks/whatsapp`: verify, store, acknowledge.

No session, no CSRF token: who may post is decided by the signature over the raw body alone.
"""

from __future__ import annotations

import hashlib
import hmac
import logging

from sanic import Blueprint, Request
from sanic.response import HTTPResponse
from sanic.response import text as text_response

from handoff.channels.whatsapp import intake
from handoff.services.errors import Forbidden, TooLarge, Unauthorized
from handoff.settings import WhatsApp
from handoff.web.requests import answer, runtime_of

whatsapp = Blueprint("whatsapp", url_prefix="/webhooks/whatsapp")
log = logging.getLogger(__name__)

BODY_BYTES = 3 * 1024 * 1024
CHALLENGE_CHARACTERS = 200
SIGNATURE = "x-hub-signature-256"


def _settings(request: Request) -> WhatsApp:
    """Raises `Forbidden` while the channel is off: without a secret nothing can be believed."""
    settings = runtime_of(request).settings.whatsapp
    if settings is None:
        raise Forbidden()
    return settings


@whatsapp.get("/")
async def verify(request: Request) -> HTTPResponse:
    """Meta asks whether this address is ours: the challenge comes back for the right token."""
    given = (request.args.get("hub.verify_token") or "").encode(errors="replace")
    known = hmac.compare_digest(given, _settings(request).verify_token.encode())
    challenge = request.args.get("hub.challenge") or ""
    if request.args.get("hub.mode") != "subscribe" or not known or len(challenge) > CHALLENGE_CHARACTERS:
        raise Forbidden()
    return text_response(challenge, headers={"Cache-Control": "no-store"})


@whatsapp.post("/", ctx_large=True)
async def receive(request: Request) -> HTTPResponse:
    """Everything in the delivery is stored when this answers 200; 503 asks Meta to send it again."""
    authenticate(_settings(request), request.body, request.headers.get(SIGNATURE))
    if len(request.body) > BODY_BYTES:
        raise TooLarge()
    counts = await intake.take_in(runtime_of(request), request.body)
    log.info("WhatsApp delivery: %s", ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or "empty")
    return answer({"received": sum(counts.values())})


def authenticate(settings: WhatsApp, body: bytes, header: str | None) -> None:
    """The signature is over the bytes as they came, with either of the secrets. Raises `Unauthorized` without one,
    `Forbidden` for a wrong one."""
    if not header:
        raise Unauthorized()
    given = header.encode(errors="replace")
    fits = [
        hmac.compare_digest(given, b"sha256=" + hmac.new(s.encode(), body, hashlib.sha256).hexdigest().encode())
        for s in settings.app_secrets
    ]
    if not any(fits):
        raise Forbidden()

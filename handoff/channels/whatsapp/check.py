"""`python -m handoff whatsapp check`: is everything there that the first message needs? It changes nothing at Meta."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from handoff.channels.whatsapp import outcome
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.settings import Settings, WhatsApp

SECONDS = 10.0
_REFUSED_TOKEN = "WHATSAPP_ACCESS_TOKEN must be a lasting token that may send messages for this number."
_REFUSED_NUMBER = "WHATSAPP_PHONE_NUMBER_ID must be the id of the number, not the number itself."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do, empty when it is well."""

    text: str
    advice: str = ""


async def check(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, the settings first. With the channel off the only one is that."""
    whatsapp = settings.whatsapp
    if whatsapp is None:
        yield Finding("the channel is off", "Set WHATSAPP_PHONE_NUMBER_ID, WHATSAPP_ACCESS_TOKEN, WHATSAPP_APP_SECRET "
                                            "and WHATSAPP_VERIFY_TOKEN (docs/whatsapp.md).")
        return
    if urlsplit(settings.base_url).scheme != "https":
        yield Finding(f"WAJAH_BASE_URL is {settings.base_url}", "Meta posts to https with a public certificate only.")
    if len(whatsapp.app_secrets) > 1:
        yield Finding("two app secrets are accepted", "Take the old one out when Meta signs with the new one.")
    graph = Graph(whatsapp, SECONDS)
    try:
        for number_id, _ in whatsapp.numbers:
            yield await _number(graph, number_id)
    finally:
        await graph.close()
    yield await _webhook(settings.base_url, whatsapp)


async def _number(graph: Graph, number_id: str) -> Finding:
    try:
        told = await graph.number(number_id)
    except Refused as refused:
        stopped = outcome.verdict(refused.http_status, refused.code) is Verdict.stop
        return Finding(f"number {number_id} is refused ({refused})", _REFUSED_TOKEN if stopped else _REFUSED_NUMBER)
    except (NotReached, Unknown) as error:
        return Finding(f"number {number_id}: the API is not reached ({error})",
                       "Check WHATSAPP_API_URL and the way out.")
    return Finding(f"number {number_id} is {told or 'known to the API'}")


async def _webhook(base_url: str, whatsapp: WhatsApp) -> Finding:
    """Ask ourselves as Meta will."""
    challenge, address = secrets.token_hex(8), f"{base_url}/webhooks/whatsapp"
    try:
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            answered = await client.get(address, params={
                "hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": whatsapp.verify_token})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(f"{address} is not reached ({type(error).__name__})",
                       "Start Wajah, and lead the public address to it.")
    if answered.status_code != 200 or answered.text != challenge:
        return Finding(f"{address} answers {answered.status_code}",
                       "Wajah must run there with the same WHATSAPP_VERIFY_TOKEN.")
    return Finding(f"{address} answers the verification")

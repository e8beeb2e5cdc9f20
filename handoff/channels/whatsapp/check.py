"""`python -m handoff whatsapp check`: is everything there that the first message needs? It changes nothing at Meta."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from handoff.channels.whatsapp import outcome, templates
from handoff.channels.whatsapp.graph import Graph, NotReached, Refused, Unknown
from handoff.channels.whatsapp.outcome import Verdict
from handoff.channels.whatsapp.payload import listed, mapping
from handoff.settings import Settings, WhatsApp

SECONDS = 10.0
_REFUSED_TOKEN = "WHATSAPP_ACCESS_TOKEN must be a lasting token that may send messages for this number."
_REFUSED_ACCOUNT = ("WHATSAPP_BUSINESS_ACCOUNT_ID must be the account's id, and the token may need "
                    "whatsapp_business_management.")
_SUBMIT = "submit what `python -m handoff whatsapp templates` prints."
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
        if whatsapp.account_id is not None:
            yield await _subscribed(graph, whatsapp.account_id)
        async for finding in _templates(graph, whatsapp.account_id, settings.base_url):
            yield finding
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


async def _subscribed(graph: Graph, account_id: str) -> Finding:
    """Meta posts what arrives only to apps that the account is subscribed to; a number's own check does not tell."""
    try:
        if await graph.is_subscribed(account_id):
            return Finding(f"account {account_id} is subscribed to an app")
    except Refused as refused:
        return Finding(f"the subscriptions of account {account_id} are refused ({refused})", _REFUSED_ACCOUNT)
    except (NotReached, Unknown) as error:
        return Finding(f"the subscriptions of account {account_id}: the API is not reached ({error})", "Try again.")
    return Finding(f"account {account_id} is subscribed to no app: no message will arrive",
                   "POST to <API>/<account id>/subscribed_apps with the token (docs/whatsapp.md).")


async def _templates(graph: Graph, account_id: str | None, base_url: str) -> AsyncIterator[Finding]:
    """What Meta has of our templates, and what it thinks of them."""
    if account_id is None:
        yield Finding("the templates at Meta were not looked at", "Set WHATSAPP_BUSINESS_ACCOUNT_ID.")
        return
    try:
        told = {(one.get("name"), one.get("language")): one for one in await graph.templates(account_id)}
    except Refused as refused:
        yield Finding(f"the templates of account {account_id} are refused ({refused})", _REFUSED_ACCOUNT)
        return
    except (NotReached, Unknown) as error:
        yield Finding(f"the templates of account {account_id}: the API is not reached ({error})", "Try again.")
        return
    for ours in templates.submissions(base_url):
        yield _template(ours, told.get((ours["name"], ours["language"])))


def _template(ours: dict[str, Any], theirs: dict[str, Any] | None) -> Finding:
    name = f"template {ours['name']}"
    if theirs is None:
        return Finding(f"{name} is not at Meta", _SUBMIT.capitalize())
    if differing := _differing(ours, theirs):
        return Finding(f"{name} differs at Meta: {', '.join(differing)}", "Edit it there: " + _SUBMIT)
    if theirs.get("category") != ours["category"]:
        return Finding(f"{name} is in category {theirs.get('category')}", "Ask Meta to review it: it is utility.")
    if theirs.get("status") != "APPROVED":
        return Finding(f"{name} is {theirs.get('status')}", "It cannot be sent until Meta approves it.")
    return Finding(f"{name} is approved")


def _differing(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The parts that do not stand there as they do here; examples, which Meta may leave out, do not count."""
    has = {str(mapping(one).get("type")).upper(): mapping(one) for one in listed(theirs, "components") or []}
    faults = [part["type"].lower() for part in ours["components"]
              if "text" in part and has.get(part["type"], {}).get("text") != part["text"]]
    expected = [_button(b) for part in ours["components"] for b in part.get("buttons", [])]
    if [_button(mapping(b)) for b in listed(has.get("BUTTONS"), "buttons") or []] != expected:
        faults.append("buttons")
    return faults + [f"{one.lower()} too many" for one in sorted(has) if one not in {
        part["type"] for part in ours["components"]}]


def _button(given: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(given.get(name) for name in ("type", "text", "url"))


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

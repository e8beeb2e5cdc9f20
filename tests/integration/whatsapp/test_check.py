"""`python -m handoff whatsapp check`: what is missing for the first message, and what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from handoff.channels.whatsapp.check import check
from handoff.channels.whatsapp.templates import submissions
from handoff.settings import Settings
from tests.support.graph import ACCOUNT, OFFICE
from tests.support.whatsapp import NUMBER

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def advice(settings: Settings, **other: Any) -> list[str]:
    assert settings.whatsapp is not None
    changed = dataclasses.replace(settings, whatsapp=dataclasses.replace(settings.whatsapp, **other))
    return [f.advice for f in [f async for f in check(changed)] if f.advice]


async def test_what_is_well_is_said_and_what_is_not_is_told(served, settings, api):
    settings = dataclasses.replace(settings, base_url=served.url)
    https, two_secrets, account = await advice(settings)
    assert "WHATSAPP_BUSINESS_ACCOUNT_ID" in account
    api.templates = {one["name"]: {**one, "status": "APPROVED"} for one in submissions(served.url)}
    settings = dataclasses.replace(settings, whatsapp=dataclasses.replace(settings.whatsapp, account_id=ACCOUNT))
    assert "https" in https
    assert "old one" in two_secrets
    one = {"app_secrets": ("x",)}
    assert len(await advice(settings, **one)) == 1
    assert any("WHATSAPP_ACCESS_TOKEN" in a for a in await advice(settings, access_token="other"))
    assert any("WHATSAPP_PHONE_NUMBER_ID" in a for a in await advice(settings, numbers=(("5", None),)))
    assert any("WHATSAPP_API_URL" in a for a in await advice(settings, api_url="http://127.0.0.1:9"))
    assert any("WHATSAPP_VERIFY_TOKEN" in a for a in await advice(settings, verify_token="other"))
    said = [f.text async for f in check(settings)]
    assert f"number {NUMBER} is +62 21 1500, Contoh" in said


async def test_what_meta_has_of_the_templates_is_compared_with_ours(served, settings, api):
    assert settings.whatsapp is not None
    settings = dataclasses.replace(
        settings, base_url=OFFICE, whatsapp=dataclasses.replace(settings.whatsapp, account_id=ACCOUNT))

    async def said() -> list[str]:
        return [f"{f.text}. {f.advice}" for f in [f async for f in check(settings)] if "template" in f.text]

    assert [one.partition(" is ")[2] for one in await said()] == ["approved. "] * len(api.templates)
    kept = dict(api.templates)
    del api.templates["petugas_baru"]
    api.templates["kabar_kasus"] = {**kept["kabar_kasus"], "status": "PENDING"}
    api.templates["kabar_rujukan"] = {**kept["kabar_rujukan"], "category": "MARKETING"}
    api.templates["balasan_petugas"] = {**kept["balasan_petugas"], "components": [
        {"type": "BODY", "text": "Lain"}, *kept["balasan_petugas"]["components"][2:]]}
    other = dict(kept["kasus_ditutup"]["components"][2])
    other["buttons"] = [{**other["buttons"][0]}, {**other["buttons"][1], "url": "https://lain.id/{{1}}"}]
    api.templates["kasus_ditutup"] = {**kept["kasus_ditutup"], "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Kabar"}, *kept["kasus_ditutup"]["components"][:2], other]}
    assert [one for one in await said() if "approved. " not in one] == [
        "template balasan_petugas differs at Meta: body, footer. "
        "Edit it there: submit what `python -m handoff whatsapp templates` prints.",
        "template kasus_ditutup differs at Meta: buttons, header too many. "
        "Edit it there: submit what `python -m handoff whatsapp templates` prints.",
        "template petugas_baru is not at Meta. Submit what `python -m handoff whatsapp templates` prints.",
        "template kabar_rujukan is in category MARKETING. Ask Meta to review it: it is utility.",
        "template kabar_kasus is PENDING. It cannot be sent until Meta approves it.",
    ]
    wrong = dataclasses.replace(settings, whatsapp=dataclasses.replace(settings.whatsapp, account_id="5"))
    assert any("WHATSAPP_BUSINESS_ACCOUNT_ID" in advised for advised in [f.advice async for f in check(wrong)])


async def test_an_account_that_posts_to_no_app_is_told(served, settings, api):
    assert settings.whatsapp is not None
    settings = dataclasses.replace(
        settings, base_url=OFFICE, whatsapp=dataclasses.replace(settings.whatsapp, account_id=ACCOUNT))

    async def said(settings: Settings) -> list[str]:
        return [f"{f.text}. {f.advice}" async for f in check(settings) if "subscri" in f.text]

    assert await said(settings) == [f"account {ACCOUNT} is subscribed to an app. "]
    api.apps = []
    (told,) = await said(settings)
    assert "no message will arrive" in told
    assert "subscribed_apps" in told
    wrong = dataclasses.replace(settings.whatsapp, account_id="5")
    (refused,) = await said(dataclasses.replace(settings, whatsapp=wrong))
    assert "WHATSAPP_BUSINESS_ACCOUNT_ID" in refused


async def test_a_channel_that_is_off_says_how_to_switch_it_on(settings):
    (found,) = [f async for f in check(dataclasses.replace(settings, whatsapp=None))]
    assert "docs/whatsapp.md" in found.advice

"""`python -m handoff whatsapp check`: what is missing for the first message, and what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from handoff.channels.whatsapp.check import check
from handoff.settings import Settings
from tests.integration.test_whatsapp_sending import api, settings  # noqa: F401  (fixtures)
from tests.support.whatsapp import NUMBER

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def advice(settings: Settings, **other: Any) -> list[str]:  # noqa: F811
    assert settings.whatsapp is not None
    changed = dataclasses.replace(settings, whatsapp=dataclasses.replace(settings.whatsapp, **other))
    return [f.advice for f in [f async for f in check(changed)] if f.advice]


async def test_what_is_well_is_said_and_what_is_not_is_told(served, settings, api):  # noqa: F811
    settings = dataclasses.replace(settings, base_url=served.url)
    https, two_secrets = await advice(settings)
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


async def test_a_channel_that_is_off_says_how_to_switch_it_on(settings):  # noqa: F811
    (found,) = [f async for f in check(dataclasses.replace(settings, whatsapp=None))]
    assert "docs/whatsapp.md" in found.advice

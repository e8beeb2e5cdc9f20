"""An office with WhatsApp on, and Meta's side of it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from handoff.channels.whatsapp import outcome
from handoff.channels.whatsapp.graph import Graph
from tests.support import whatsapp
from tests.support.graph import graph_api
from tests.support.office import settings_for
from tests.support.whatsapp import SENDER


@pytest.fixture
async def api():
    """Meta, for one test: Budi has written within a day."""
    async with graph_api(open_for={SENDER}) as stand_in:
        yield stand_in


@pytest.fixture
def settings(tmp_path, database, api):
    """An installation with the channel on."""
    channel = dataclasses.replace(whatsapp.SETTINGS, api_url=api.url)
    return dataclasses.replace(settings_for(tmp_path, database.app_url), whatsapp=channel)


@pytest.fixture
async def graph(settings):
    """The worker's client."""
    graph = Graph(settings.whatsapp)
    yield graph
    await graph.close()


@pytest.fixture
def no_pace(monkeypatch):
    """One person may get any number of messages at once. Only where the pace is not what is tested: what a refusal
    makes wait is counted from it (test_refusals)."""
    monkeypatch.setattr(outcome, "PAIR", timedelta())

"""The example office on a fresh, migrated database of each PostgreSQL release, and the web process on it."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from handoff.catalogue import load
from handoff.services.people import staff
from handoff.services.runtime import Runtime
from handoff.texts import Texts
from handoff.web import html
from tests.support.office import CHEAP, HandClock, serving, settings_for, with_office

_read_once = functools.cache(load)
_texts_once = functools.cache(Texts.load)
_look_once = functools.cache(html.Look)


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch):
    """argon2id as ever, with the least memory and time; test_staff checks what production takes."""
    monkeypatch.setattr(staff, "_HASHER", CHEAP)


@pytest.fixture(autouse=True)
def _read_and_compiled_once(monkeypatch):
    """What every process reads at its start and none changes is read once, not for every test: it took longer than
    most tests."""
    monkeypatch.setattr("handoff.services.runtime.load_catalogue", _read_once)
    monkeypatch.setattr(Texts, "load", _texts_once)
    monkeypatch.setattr(html, "Look", _look_once)


@pytest.fixture
def database(postgres):
    """A fresh database with the example office; `tests.support.office.PASSWORD` opens every officer's account."""
    with postgres.database(prepare=with_office) as database:
        yield database


@pytest.fixture
def settings(tmp_path, database):
    """An installation of its own on that database."""
    return settings_for(tmp_path, database.app_url)


@pytest.fixture
def clock(tmp_path) -> HandClock:
    """The time of `runtime` and `served`: a Tuesday at ten until the test says otherwise."""
    return HandClock(tmp_path / "clock")


@pytest.fixture
async def runtime(settings, clock):
    """What the use cases need."""
    runtime = dataclasses.replace(Runtime.create(settings), clock=clock)
    yield runtime
    await runtime.close()


@pytest.fixture
async def queued_runtime(runtime):
    """The runtime with its job queue open, for what defers jobs outside a transaction."""
    async with runtime.jobs.open_async():
        yield runtime


@pytest.fixture
async def served(settings, clock, runtime):
    """The web process, serving on a port of its own: `tests.support.office.Served`."""
    async with serving(settings, clock, runtime) as served:
        yield served

"""Fixtures every suite may use.

`tests/nlu` runs in Rasa's environment (Python 3.10, none of the application's packages), so nothing here is imported
before a fixture asks for it, and the syntax stays that old.
"""

from __future__ import annotations

import time

import pytest


@pytest.fixture(scope="session", params=[16, 18], ids=["pg16", "pg18"])
def postgres(request):
    """A running PostgreSQL, once for each release we promise: `tests.support.postgres.Server`.

    A fresh database: `with postgres.database(prepare=upgrade) as database: database.app_url`.
    """
    from tests.support.postgres import server

    with server(request.param) as running:
        yield running


@pytest.fixture(scope="session")
def opening():
    """One real house for tests/e2e and tests/browser, started as `make run` starts it: web, worker, Rasa, action server
    and PostgreSQL. Here as soon as its page is open, with a citizen who has asked already: Rasa is far from ready.

    `(tests.support.house.House, tests.support.people.Citizen)`.
    """
    import psutil

    from handoff.processes import free_port
    from tests.support.house import running_house
    from tests.support.people import Citizen

    with running_house(WAJAH_RASA_PORT=str(free_port())) as house:
        house.until_open()
        citizen = Citizen.arrives(house.url)
        citizen.says("ktp sy ilang gmn ngurusnya ya")
        assert house.ready["rasa"] == "starting"
        yield house, citizen
        family, began = house.family(), time.monotonic()
        assert house.stop() == 0
        assert time.monotonic() - began < 15
        _, alive = psutil.wait_procs(family, timeout=1)
        assert alive == []


@pytest.fixture(scope="session")
def house(opening):
    """That house with every part ready: `tests.support.house.House`."""
    opening[0].until_ready()
    return opening[0]


@pytest.fixture
def citizen(house):
    """Somebody new in it, over the Chat API: `tests.support.people.Citizen`."""
    from tests.support.people import Citizen

    return Citizen.arrives(house.url)


@pytest.fixture(scope="session")
def officer(house):
    """Its example officers by name, over the officers' API: `tests.support.people.Officers`."""
    from tests.support.people import Officers

    return Officers(house)

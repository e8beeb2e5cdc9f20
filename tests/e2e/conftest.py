"""One real house for all stories: web, worker, Rasa, action server and PostgreSQL, as `make run` starts them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.house import House, running_house
from tests.support.people import Citizen, Officers
from tests.support.reporting import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

EARLY = "ktp sy ilang gmn ngurusnya ya"


@pytest.fixture(scope="session")
def opening() -> Iterator[tuple[House, Citizen]]:
    """The house as soon as its page is open, and a citizen who has asked already: Rasa is far from ready."""
    with running_house() as house:
        house.until_open()
        citizen = Citizen.arrives(house.url)
        citizen.says(EARLY)
        assert house.ready["rasa"] == "starting"
        yield house, citizen
        family, began = house.family(), time.monotonic()
        assert house.stop() == 0
        assert time.monotonic() - began < 15
        _, alive = psutil.wait_procs(family, timeout=1)
        assert alive == []


@pytest.fixture(scope="session")
def house(opening: tuple[House, Citizen]) -> House:
    """The house with every part ready."""
    opening[0].until_ready()
    return opening[0]


@pytest.fixture
def citizen(house: House) -> Citizen:
    """Somebody new."""
    return Citizen.arrives(house.url)


@pytest.fixture(scope="session")
def officer(house: House) -> Officers:
    """An officer of the example office by name, signed in with the password that was printed."""
    return Officers(house)

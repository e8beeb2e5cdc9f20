"""Two whole houses: a patient one, in which the bot may take its time, and one that soon gives up on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handoff.processes import free_port
from handoff.settings import new_secrets
from tests.support import gates
from tests.support.graph import StandIn
from tests.support.house import House, running_house
from tests.support.people import Citizen, Officers
from tests.support.reporting import pytest_runtest_makereport
from tests.support.telephone import environment, meta

__all__ = ["pytest_runtest_makereport"]

SECRETS = new_secrets()


@pytest.fixture(scope="session")
def meta_api() -> Iterator[StandIn]:
    """Meta's servers, for the patient house."""
    with meta() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def patient_house(meta_api: StandIn) -> Iterator[House]:
    """A house that waits half an hour for its bot, longer than anything takes; with gates (`tests.support.gates`)."""
    port = str(free_port())
    with running_house(WAJAH_BOT_TIMEOUT="1800", WAJAH_RASA_PORT=port, **environment(meta_api), **SECRETS) as house:
        house.until_ready()
        gates.install(house.home)
        yield house


@pytest.fixture
def patient(patient_house: House) -> House:
    """The patient house with every part ready."""
    patient_house.until_ready()
    return patient_house


@pytest.fixture(scope="session")
def officer(patient_house: House) -> Officers:
    """The patient house's officers by name."""
    return Officers(patient_house)


@pytest.fixture(scope="session")
def impatient_house(patient_house: House) -> Iterator[House]:
    """A house that gives up on Rasa after five seconds; it asks the patient house's Rasa."""
    rasa = f"http://127.0.0.1:{patient_house.environment['WAJAH_RASA_PORT']}"
    with running_house(WAJAH_BOT_TIMEOUT="5", RASA_URL=rasa, **SECRETS) as house:
        yield house


@pytest.fixture
def impatient(impatient_house: House) -> House:
    """The impatient house with every part ready."""
    impatient_house.until_ready()
    return impatient_house


@pytest.fixture
def citizen(patient: House) -> Citizen:
    """Somebody new in the patient house."""
    return Citizen.arrives(patient.url)

"""A citizen of the widget gives a WhatsApp number: the running house tells it of the case until its owner says STOP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.graph import StandIn
from tests.support.house import House, running_house
from tests.support.office import picture
from tests.support.people import Citizen, Officers
from tests.support.record import rows
from tests.support.telephone import Telephone, environment, meta, posted, reported
from tests.support.waiting import until
from tests.support.whatsapp import delivery, value

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def api() -> Iterator[StandIn]:
    """Meta, as strict as it is: one message in six seconds to one person."""
    with meta(pair_seconds=5.5) as stand_in:
        yield stand_in


@pytest.fixture
def office(api: StandIn) -> Iterator[House]:
    """A house with the channel on; nothing here needs the bot, so it never comes."""
    with running_house(**environment(api), RASA_URL="http://127.0.0.1:9") as house:
        house.until_open(300)
        yield house


@pytest.fixture
def phone(office: House, api: StandIn) -> Iterator[Telephone]:
    """The telephone whose number is given."""
    with httpx.Client(base_url=office.url, timeout=60) as http:
        yield Telephone(http, api)


def test_news_of_a_case_from_the_web_reaches_the_number_until_its_owner_says_stop(
    office: House, phone: Telephone
) -> None:
    citizen = Citizen.arrives(office.url)
    citizen.sends_file("ktp.png", picture())
    ((number, name),) = until(lambda: rows(
        office.home, "SELECT k.number, f.name FROM cases k JOIN officers f ON f.id = k.officer_id"), 60, "a case")
    assert citizen.post({"contact": {"whatsapp": "0812 3456 7890"}}).status_code == 202
    until(lambda: rows(office.home, "SELECT id FROM contacts"), 60, "the number is kept")
    officer = Officers(office)(name)
    officer.does("takeover", number)
    officer.does("reply", number, "Fotonya sudah kami lihat.")
    said = phone.hears("petugas membalas")
    assert number in said
    (template,) = phone.came()
    assert "Fotonya" not in str(template)
    assert f"/kasus/{number}" not in str(template)  # the number alone stands behind the button's address
    for one in reported(template):
        assert posted(phone.http, delivery(value(statuses=[one]))).status_code == 200
    assert rows(office.home, "SELECT state, delivery FROM whatsapp_invitations") == [("accepted", "read")]

    phone.says("Stop")
    phone.hears("tidak mengirim kabar lagi")
    officer.does("ask", number, "Kapan foto ini diambil?")
    until(lambda: rows(office.home, "SELECT id FROM cases WHERE status = 'waiting_citizen'"), 60, "the question is out")
    assert rows(office.home, "SELECT count(*) FROM whatsapp_invitations") == [(1,)]
    assert not any("menunggu jawaban" in text for text in phone.reads())
    assert set(phone.api.refused) <= {131056}  # the answer came within six seconds of the template; it was sent again

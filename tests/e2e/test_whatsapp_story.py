"""The citizen's whole story over WhatsApp: real Rasa, web, worker, database; only Meta's servers are stood in for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from handoff.settings import REPOSITORY
from tests.support.graph import StandIn
from tests.support.house import House, running_house
from tests.support.office import TUESDAY_10, HandClock
from tests.support.people import Officers
from tests.support.record import rows
from tests.support.telephone import Telephone, environment, meta, posted, reported
from tests.support.waiting import until
from tests.support.whatsapp import delivery, value

pytestmark = pytest.mark.timeout(600)

STANDS = ("stored", "waiting_window", "sent", "failed", "delivered", "read")  # only ever further


@pytest.fixture
def clock(tmp_path: Path) -> HandClock:
    """The time in the house."""
    clock = HandClock(tmp_path / "clock")
    clock.set(TUESDAY_10)
    return clock


@pytest.fixture
def api() -> Iterator[StandIn]:
    """Meta, as strict as it is: one message in six seconds to one person."""
    with meta(pair_seconds=5.5) as stand_in:
        yield stand_in


@pytest.fixture
def office(api: StandIn, clock: HandClock) -> Iterator[House]:
    """A house with the channel on."""
    with running_house(**environment(api), WAJAH_DEMO="1", WAJAH_CLOCK_FILE=str(clock.file)) as house:
        house.until_ready()
        yield house


@pytest.fixture
def phone(office: House, api: StandIn, clock: HandClock) -> Iterator[Telephone]:
    """A citizen's telephone."""
    with httpx.Client(base_url=office.url, timeout=60) as http:
        yield Telephone(http, api, clock=clock)


def stands(house: House) -> dict[str, str]:
    """Where each of our messages stands, by its id."""
    return dict(rows(house.home, "SELECT id::text, delivery FROM messages WHERE author <> 'citizen'"))


def told_by_meta(house: House, phone: Telephone) -> None:
    """Every status of everything that came so far, twice and in any order; each only brings a message further."""
    for one in phone.came():
        for status in reported(one):
            before = stands(house)
            assert posted(phone.http, delivery(value(statuses=[status]))).status_code == 200
            after = stands(house)
            assert [n for n in before if STANDS.index(after[n]) < STANDS.index(before[n])] == []


def test_from_a_question_to_a_closed_case_with_a_day_of_silence_between(
    office: House, phone: Telephone, clock: HandClock
) -> None:
    # The bot answers; the citizen disputes by a tap; a person has it, by name.
    phone.says("ktp sy ilang gmn ngurusnya")
    phone.hears("UU 24/2013")
    until(lambda: any("Jawaban ini salah" in str(one) for one in phone.came()), 60, "choices under the answer")
    phone.taps("Jawaban ini salah", times=2)
    ((number, name),) = until(lambda: rows(
        office.home, "SELECT k.number, f.name FROM cases k JOIN officers f ON f.id = k.officer_id"), 60, "a case")
    assert name in phone.hears(number)
    officers = Officers(office)
    officer = officers(name)
    case = officer.case(number)
    assert (case["reason"], case["status"]) == ("disputed_answer", "assigned")
    assert [item["answer"]["topic"] for item in case["items"]] == ["ktp_hilang"]

    # The officer replies within the day.
    officer.does("takeover", number)
    officer.does("reply", number, "Surat kehilangan dari Polsek sudah cukup, Pak.")
    assert name in phone.hears("Surat kehilangan dari Polsek")
    told_by_meta(office, phone)
    assert set(stands(office).values()) == {"read"}

    # A day without a word: only a template may go, and it says who writes.
    clock.forward(timedelta(hours=25))
    phone.api.open_for.clear()
    officer.returns(officers.login(name).login)
    officer.does("reply", number, "KTP Bapak bisa diambil besok.")
    until(lambda: "waiting_window" in stands(office).values(), 60, "the officer sees that it waits")
    until(lambda: phone.came()[-1]["type"] == "template", 60, "a template")
    assert name in phone.reads()[-1]
    assert number in phone.reads()[-1]
    assert not any("bisa diambil besok" in text for text in phone.reads())
    told_by_meta(office, phone)  # of the template: the reply waits all the same
    assert list(stands(office).values()).count("waiting_window") == 1

    # The citizen writes again, and what waited comes.
    phone.says("iya bu, saya di sini")
    phone.hears("KTP Bapak bisa diambil besok.")

    # A proposal; only the citizen closes.
    officer.does("propose", number, "KTP sudah diserahkan.")
    phone.hears("KTP sudah diserahkan.")
    until(lambda: any("Sudah selesai" in str(one) for one in phone.came()), 60, "the citizen is asked")
    assert officer.case(number)["status"] == "resolution_proposed"
    phone.taps("Sudah selesai", times=3)
    until(lambda: officer.case(number)["status"] == "closed", 60, "the case is closed")
    assert officer.case(number)["closed_reason"] == "confirmed"
    until(lambda: not rows(office.home, "SELECT id FROM outbox WHERE state IN ('pending', 'handed')"), 90, "all is out")
    told_by_meta(office, phone)

    came_once_and_in_order(office, phone)


def came_once_and_in_order(office: House, phone: Telephone) -> None:
    """Nothing was refused by Meta (but for its pace), nothing came twice, each text of ours came, in the order it was
    said."""
    assert set(phone.api.refused) <= {131056}
    tickets = [one["biz_opaque_callback_data"] for one in phone.came()]
    assert len(set(tickets)) == len(tickets)
    assert rows(office.home, "SELECT DISTINCT fate IS NOT NULL FROM messages WHERE author = 'citizen'") == [(True,)]
    assert set(stands(office).values()) == {"read"}
    said = [f"{text[:60]}" for text in ("Surat kehilangan dari Polsek", "KTP Bapak bisa diambil besok.",
                                         "KTP sudah diserahkan.")]
    reads = phone.reads()
    assert [sum(words in text for text in reads) for words in said] == [1, 1, 1]
    places = [next(n for n, text in enumerate(reads) if words in text) for words in said]
    assert places == sorted(places)
    citizens = rows(office.home, "SELECT kind FROM messages WHERE author = 'citizen' ORDER BY seq")
    assert [kind for (kind,) in citizens] == ["text", "payload", "text", "payload"]
    verified = subprocess.run([sys.executable, "-m", "handoff", "audit", "verify"], cwd=REPOSITORY,
                              env=office.environment, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr

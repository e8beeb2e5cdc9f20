"""An officer takes over at the worst moments: while Rasa is asked, while its reply is stored, before it is sent."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gates import Gate
from tests.support.house import House
from tests.support.people import Citizen, Officer, Officers
from tests.support.record import until_quiet, until_settled
from tests.support.stopped import stopped, until_asked

ROUTINE = "ktp sy ilang gmn ngurusnya"
Asking = tuple[Citizen, Officer, str]


@pytest.fixture
def asking(citizen: Citizen, officer: Officers) -> Asking:
    """A citizen who has a case and an officer, and whom the bot may answer meanwhile."""
    case = citizen.asks("mau bicara sama petugas")[-1]["case"]
    citizen.hears(citizen.taps("Tanya bot lagi"))
    return citizen, officer(case["officer"]["name"]), case["number"]


def bots_words(citizen: Citizen) -> list[str]:
    return [m["answer"]["topic"] for m in citizen.sees() if m["author"] == "bot"]


def test_p04_a_takeover_while_rasa_is_asked_silences_its_reply(patient: House, asking: Asking) -> None:
    citizen, helper, number = asking
    with stopped(patient, "rasa"):
        citizen.says(ROUTINE)
        until_asked(patient, "rasa", "worker")
        helper.does("takeover", number)
    assert until_settled(patient.home, citizen.id)[-1] == "case"
    until_quiet(patient.home, citizen.id)
    assert bots_words(citizen) == []


def test_p04_taken_over_and_handed_back_while_rasa_is_asked_it_is_asked_again(patient: House, asking: Asking) -> None:
    citizen, helper, number = asking
    with stopped(patient, "rasa"):
        citizen.says(ROUTINE)
        until_asked(patient, "rasa", "worker")
        helper.does("takeover", number)
        helper.does("hand_back", number)
    assert until_settled(patient.home, citizen.id)[-1] == "answer"
    until_quiet(patient.home, citizen.id)
    assert bots_words(citizen) == ["ktp_hilang"]


@pytest.mark.parametrize("step", ["storing", "stored", "sending"])
def test_p04_a_takeover_while_the_reply_is_underway_comes_wholly_before_or_after_it(
    patient: House, asking: Asking, step: str
) -> None:
    citizen, helper, number = asking
    gate = Gate.close(patient.home, step, citizen.id)
    with ThreadPoolExecutor() as pool:
        question = citizen.says(ROUTINE)
        gate.until_reached()
        taking = pool.submit(helper.does, "takeover", number)
        gate.open()
        taking.result()
    fate = until_settled(patient.home, citizen.id)[-1]
    until_quiet(patient.home, citizen.id)
    authors = [m["author"] for m in citizen.sees(question)]
    assert (fate, authors) in [("answer", ["bot", "system"]), ("case", ["system"])]


def test_p04_an_answer_that_a_dying_worker_stored_is_withheld_when_an_officer_was_faster(
    patient: House, asking: Asking
) -> None:
    citizen, helper, number = asking
    stored_but_not_sent(patient, citizen)
    helper.does("takeover", number)
    assert until_settled(patient.home, citizen.id)[-1] == "case"
    assert bots_words(citizen) == []
    seen = helper.case(number)["messages"]
    assert [m["answer"]["withheld"] for m in seen if m["answer"]] == [True]  # the officer sees what was not said


def test_p08_an_answer_that_a_dying_worker_stored_is_withheld_when_it_was_suspended(
    patient: House, citizen: Citizen, officer: Officers
) -> None:
    head = officer("Ratna Wulandari")
    stored_but_not_sent(patient, citizen)
    assert head.http.post("/topics/ktp_hilang/suspend", json={"reason": "keliru"}).status_code == 200
    try:
        (card,) = citizen.hears(1)
        assert (card["case"]["reason"], bots_words(citizen)) == ("suspended_answer", [])
        assert until_settled(patient.home, citizen.id) == ["new_case"]
    finally:
        assert head.http.post("/topics/ktp_hilang/republish").status_code == 200


def stored_but_not_sent(house: House, citizen: Citizen) -> None:
    """The worker dies in the moment of storing the bot's answer: it is stored, and nobody sends it for now."""
    gate = Gate.close(house.home, "stored", citizen.id)
    citizen.says(ROUTINE)
    gate.until_reached()
    os.kill(house.children["worker"]["pid"], signal.SIGKILL)
    gate.open()


def test_p04_of_two_officers_at_once_one_wins_every_time(citizen: Citizen, officer: Officers) -> None:
    colleagues = [officer(name) for name in ("Siti Rahayu", "Bonar Simanjuntak")]
    citizens = [Citizen.arrives(citizen.url) for _ in range(10)]
    with ThreadPoolExecutor(2) as pool:
        for one in citizens:
            number = one.asks("mau bicara sama petugas")[-1]["case"]["number"]
            outcomes = list(pool.map(lambda who, number=number: who.tries("takeover", number).status_code, colleagues))
            assert sorted(outcomes) == [200, 409]
            assert sum(m["text"].endswith("Bot tidak menjawab selama petugas melayani.") for m in one.sees()) == 1

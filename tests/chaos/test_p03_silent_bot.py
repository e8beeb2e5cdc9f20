"""A bot that hangs, a worker that stands still: the gateway opens the case itself, in time, once."""

from __future__ import annotations

import time

from tests.support.house import House
from tests.support.people import Citizen
from tests.support.record import rows, until_quiet, until_settled
from tests.support.stopped import stopped
from tests.support.waiting import until

SWEEP = 7.0  # seconds after the time-out; the sweep runs every two, and this machine may be busy
ROUTINE = "ktp sy ilang gmn ngurusnya"


def in_time(house: House, took: float) -> bool:
    """Whether a case came after the time-out of the house, and soon."""
    timeout = float(house.environment["WAJAH_BOT_TIMEOUT"])
    return timeout <= took < timeout + SWEEP


def test_p03_a_hanging_rasa_opens_a_case_in_time_and_its_answer_comes_later(patient: House, impatient: House) -> None:
    citizen = Citizen.arrives(impatient.url)
    with stopped(patient, "rasa"):
        began = time.monotonic()
        (card,) = citizen.hears(citizen.says(ROUTINE))
        assert in_time(impatient, time.monotonic() - began)
    assert card["case"]["reason"] == "bot_failure"
    assert card["case"]["officer"]["name"] in card["text"]
    (late,) = citizen.hears(card["seq"], 40)
    assert (late["author"], late["answer"]["topic"]) == ("bot", "ktp_hilang")
    assert card["case"]["number"] in late["text"]
    citizen.hears(citizen.taps("Sudah terjawab"))
    status = rows(impatient.home, "SELECT closed_reason FROM cases WHERE conversation_id = %s", citizen.id)
    assert status == [("withdrawn",)]
    assert until_settled(impatient.home, citizen.id) == ["new_case", "command"]


def test_p03_a_worker_that_stands_still_is_replaced_by_the_webs_sweep(impatient: House) -> None:
    citizen = Citizen.arrives(impatient.url)
    with stopped(impatient, "worker"):
        began = time.monotonic()
        (card,) = citizen.hears(citizen.says(ROUTINE))
        assert in_time(impatient, time.monotonic() - began)
    assert card["case"]["reason"] == "bot_failure"
    until_quiet(impatient.home, citizen.id)  # the worker went on where it had stopped
    assert until_settled(impatient.home, citizen.id) == ["new_case"]
    assert rows(impatient.home, "SELECT count(*) FROM cases WHERE conversation_id = %s", citizen.id) == [(1,)]
    assert len([m for m in citizen.sees() if m["case"]]) == 1


def test_p03_a_question_that_a_hanging_rasa_delayed_is_answered_when_it_goes_on(
    patient: House, citizen: Citizen
) -> None:
    with stopped(patient, "rasa"):
        seq = citizen.says(ROUTINE)
        waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'wake' AND args ->> 'conversation_id' = %s"
        until(lambda: rows(patient.home, waiting, citizen.id) != [(0,)], 20, "the turn gave up and will come back")
    (said,) = citizen.hears(seq)
    assert said["answer"]["topic"] == "ktp_hilang"
    until_quiet(patient.home, citizen.id)
    assert [m["author"] for m in citizen.sees()] == ["citizen", "bot"]

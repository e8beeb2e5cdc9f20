"""`kill -9` of every process while messages stand at every step of their way (design §3).

For each process, one message is brought to each step at the same time, a second one waits behind it, and then the
process is killed; in the end the supervisor, and once everything is told to stop politely. All must come back by
itself; every message ends in one fate, none is lost, doubled or late behind its successor.
"""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.support.gates import Gate
from tests.support.house import House
from tests.support.people import Citizen, Officers
from tests.support.record import rows, until_quiet, until_settled
from tests.support.stopped import stopped, until_asked

ROUTINE, NEXT = ("ktp sy ilang gmn ngurusnya", "ktp_hilang"), ("mo bikin kk baru syaratnya apa aja", "kk_baru")
NUMBER = "3171234567890123"
PERSON = f"mau bicara sama petugas, nik saya {NUMBER}"
PROCESSES = ("worker", "web", "actions", "rasa", "postgres")
WHOLE = ("supervisor killed", "told to stop")
# In the order of design §3: the message is being stored, is stored but not acknowledged; Rasa is being asked, the
# action server is being asked, it opens the case; the reply is being stored, is stored; is being sent; all is done but
# the job. "Received, before the turn" is where the second message of each of them stands.
STEPS = ("receiving", "acknowledging", "asking", "acting", "opening", "storing", "stored", "sending", "finishing")
FOR_A_PERSON = ("acting", "opening")


@dataclass(frozen=True)
class Talk:
    """A citizen who writes two messages, the second as soon as the first is accepted; each until it is."""

    citizen: Citizen
    first: str
    done: Future[list[int]]


def talk(pool: ThreadPoolExecutor, citizen: Citizen, step: str) -> Talk:
    """Begins to talk."""
    first = PERSON if step in FOR_A_PERSON else ROUTINE[0]
    return Talk(citizen, first, pool.submit(lambda: [citizen.insists(text)[0] for text in (first, NEXT[0])]))


def at_every_step(house: House, pool: ThreadPoolExecutor, held: ExitStack) -> dict[str, Talk]:
    """One talk standing at each step, until `held` is closed."""
    citizens = {step: Citizen.arrives(house.url) for step in STEPS}
    talks: dict[str, Talk] = {}
    closed: list[Gate] = []
    for step in (step for step in STEPS if step not in ("asking", "acting")):
        closed.append(Gate.close(house.home, step, citizens[step].id))
        held.callback(closed[-1].open)
        talks[step] = talk(pool, citizens[step], step)
    for gate in closed:
        gate.until_reached()
    held.enter_context(stopped(house, "actions"))
    talks["acting"] = talk(pool, citizens["acting"], "acting")
    until_asked(house, "actions", "rasa")
    held.enter_context(stopped(house, "rasa"))
    talks["asking"] = talk(pool, citizens["asking"], "asking")
    until_asked(house, "rasa", "worker")
    return talks


def kill(house: House, name: str) -> None:
    """`kill -9`, and it is gone; of a supervisor, and of one that is told to stop, everything is."""
    gone = house.family() if name in WHOLE else [psutil.Process(house.children[name]["pid"])]
    if name == "told to stop":  # by Ctrl-C
        assert house.stop(signal.SIGINT, seconds=15) == 0
        assert not house.home.state.exists()
    elif name == "supervisor killed":
        house.process.kill()
        house.process.wait()
    else:
        house.kill(name)
    _, alive = psutil.wait_procs(gone, timeout=10)
    assert alive == []


@pytest.fixture(scope="module", params=(*PROCESSES, *WHOLE))
def aftermath(request: pytest.FixtureRequest, patient_house: House) -> tuple[House, dict[str, Talk]]:
    """The house after one process was killed while a message stood at every step, and everybody was heard."""
    house, name = patient_house, request.param
    house.until_ready()
    with ThreadPoolExecutor(len(STEPS)) as pool:
        with ExitStack() as held:
            talks = at_every_step(house, pool, held)
            restarts = 0 if name in WHOLE else house.children[name]["restarts"]
            kill(house, name)
        if name in WHOLE:
            house.start()
        else:
            house.until_back(name, restarts + 1)
        for one in talks.values():
            one.done.result(120)
    house.until_ready()
    return house, talks


@pytest.mark.parametrize("step", STEPS)
def test_p01_killed_anywhere_every_message_has_one_fate_and_one_reply(
    aftermath: tuple[House, dict[str, Talk]], step: str
) -> None:
    house, talks = aftermath
    citizen, said = talks[step].citizen, talks[step].done.result()
    fates = until_settled(house.home, citizen.id, 90)
    until_quiet(house.home, citizen.id)
    shown = citizen.sees()
    assert [m["seq"] for m in shown if m["author"] == "citizen"] == said
    assert [m["text"] for m in shown if m["author"] == "citizen"] == [talks[step].first, NEXT[0]]
    assert [m["seq"] for m in shown] == list(range(1, len(shown) + 1))
    if step in FOR_A_PERSON:
        assert fates == ["new_case", "case"]
        (card,) = (m for m in shown if m["author"] != "citizen")
        assert card["case"]["number"] in card["text"]
    else:
        assert fates == ["answer", "answer"]
        assert [m["answer"]["topic"] for m in shown if m["author"] != "citizen"] == [ROUTINE[1], NEXT[1]]


def test_p01_afterwards_nothing_is_left_over(aftermath: tuple[House, dict[str, Talk]]) -> None:
    house, _ = aftermath
    assert rows(house.home, "SELECT id FROM messages WHERE author = 'citizen' AND fate IS NULL") == []
    assert rows(house.home, "SELECT id FROM outbox WHERE state = 'pending'") == []
    assert rows(house.home, "SELECT task_name, status FROM procrastinate_jobs WHERE status::text IN ('failed', 'doing')"
                            " AND task_name = 'turn'") == []


def test_p11_no_log_repeats_what_a_citizen_wrote_whatever_was_killed(aftermath: tuple[House, dict[str, Talk]]) -> None:
    house, _ = aftermath
    for file in house.home.logs.iterdir():
        log = file.read_text()
        assert [words for words in (NUMBER, ROUTINE[0], NEXT[0]) if words in log] == [], file


def test_p01_a_killed_workers_turn_is_taken_up_within_ten_seconds(patient: House, citizen: Citizen) -> None:
    with stopped(patient, "rasa"):
        seq = citizen.says(ROUTINE[0])
        until_asked(patient, "rasa", "worker")
        os.kill(patient.children["worker"]["pid"], signal.SIGKILL)
        began = time.monotonic()
    (said,) = citizen.hears(seq)
    assert said["answer"]["topic"] == ROUTINE[1]
    assert time.monotonic() - began < 12


def test_p01_an_officers_reply_that_a_dying_web_stored_reaches_the_citizen_once(
    patient: House, citizen: Citizen, officer: Officers
) -> None:
    card = citizen.asks(PERSON)[-1]
    helper, number = officer(card["case"]["officer"]["name"]), card["case"]["number"]
    gate = Gate.close(patient.home, "speaking", citizen.id)
    with ThreadPoolExecutor() as pool:
        replying = pool.submit(helper.tries, "reply", number, "Saya periksa sekarang.", "r1")
        gate.until_reached()
        restarts = patient.kill("web")
        assert isinstance(replying.exception(30), httpx.TransportError)  # the officer does not know what became of it
        gate.open()
    patient.until_back("web", restarts)
    (said,) = citizen.hears(card["seq"])
    assert (said["author"], said["text"]) == ("officer", "Saya periksa sekarang.")
    helper.does("reply", number, "Saya periksa sekarang.", "r1")
    assert [m["author"] for m in citizen.sees(card["seq"])] == ["officer"]

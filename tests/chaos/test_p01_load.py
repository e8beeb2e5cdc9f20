"""Many at once, and the database lost under them: nothing that was acknowledged is lost, and everybody in order."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import httpx

from tests.support.house import House
from tests.support.people import Citizen, read_to
from tests.support.record import rows, until_quiet, until_settled
from tests.support.waiting import until

QUESTIONS = [
    ("ktp sy ilang gmn ngurusnya", "ktp_hilang"), ("mo bikin kk baru syaratnya apa aja", "kk_baru"),
    ("anak sy br lahir, bikin akte nya gmn?", "akta_kelahiran"), ("cara bikin kartu identitas anak gimana", "kia"),
]


def test_p01_fifty_conversations_at_once_are_each_answered_in_order(patient: House) -> None:
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=50)) as http, ThreadPoolExecutor(50) as pool:
        citizens = [Citizen.arrives(patient.url, http) for _ in range(50)]
        together = threading.Barrier(len(citizens))

        def talk(citizen: Citizen) -> list[int]:
            together.wait()
            return [citizen.says(words) for words, _ in QUESTIONS]

        numbers = list(pool.map(talk, citizens))
        for citizen, said in zip(citizens, numbers, strict=True):
            assert until_settled(patient.home, citizen.id, 60) == ["answer"] * len(QUESTIONS)
            until_quiet(patient.home, citizen.id)
            shown = citizen.sees()
            assert [m["seq"] for m in shown if m["author"] == "citizen"] == said == sorted(said)
            assert [m["answer"]["topic"] for m in shown if m["author"] == "bot"] == [topic for _, topic in QUESTIONS]
            assert [m["seq"] for m in shown] == list(range(1, 2 * len(QUESTIONS) + 1))


def test_p01_a_database_killed_under_load_loses_nothing_that_was_acknowledged(patient: House) -> None:
    stop, acknowledged, statuses = threading.Event(), [], []

    def keeps_writing(citizen: Citizen) -> None:
        for number in count():
            if stop.is_set():
                return
            response = citizen.post({"text": f"pesan nomor {number}"}, uuid4().hex)
            statuses.append(response.status_code)
            if response.status_code == 202:
                acknowledged.append(response.json()["message_id"])
            elif response.status_code == 503:
                assert int(response.headers["Retry-After"]) >= 1
                assert response.json()["error"]["code"] == "unavailable"
            time.sleep(0.1)  # a citizen's pace: this is about the database, not about rate limits

    citizens = [Citizen.arrives(patient.url) for _ in range(8)]
    with ThreadPoolExecutor(len(citizens)) as pool:
        writing = [pool.submit(keeps_writing, citizen) for citizen in citizens]
        try:
            until(lambda: len(acknowledged) >= 16, 60)
            patient.until_back("postgres", patient.kill("postgres"))
            afterwards = len(acknowledged) + 16
            until(lambda: len(acknowledged) >= afterwards, 60)
        finally:
            stop.set()
        for one in writing:
            one.result(30)
    assert set(statuses) == {202, 503}
    kept = rows(patient.home, "SELECT id::text FROM messages WHERE id = ANY(%s::uuid[])", acknowledged)
    assert len(set(acknowledged)) == len(acknowledged) == len(kept)
    patient.until_ready()
    for citizen in citizens:
        assert None not in until_settled(patient.home, citizen.id, 90)
        texts = [m["text"] for m in citizen.sees() if m["author"] == "citizen"]
        assert len(texts) == len(set(texts))
        assert texts == sorted(texts, key=lambda text: int(text.rsplit(" ", 1)[1]))


def test_p01_what_is_said_while_listen_is_lost_is_streamed_when_it_is_back(patient: House, citizen: Citizen) -> None:
    listening = "usename = 'wajah_app' AND state = 'idle' AND query IN ('LISTEN wajah', 'SELECT 1')"
    with citizen.stream() as events:
        read_to(events, citizen.says("selamat pagi") + 1)
        lost = rows(patient.home, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}")
        assert lost == [(True,)]
        began = time.monotonic()
        seq = citizen.says("ktp sy ilang gmn ngurusnya")
        assert read_to(events, seq + 1) == [seq, seq + 1]
    assert time.monotonic() - began < 10  # sooner than the stream's next heartbeat, at which it looks by itself


def test_p01_every_database_connection_lost_and_the_stream_goes_on(patient: House, citizen: Citizen) -> None:
    with citizen.stream() as events:
        first = citizen.says("selamat pagi")
        read_to(events, first + 1)
        lost = rows(patient.home, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        assert len(lost) > 5
        seq, _ = citizen.insists("ktp sy ilang gmn ngurusnya")
        assert read_to(events, seq + 1) == [seq, seq + 1]
    assert citizen.sees()[-1]["answer"]["topic"] == "ktp_hilang"

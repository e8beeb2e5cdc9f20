"""WhatsApp under fire: deliveries twice and out of order, the worker killed again and again, the database gone.

`WAJAH_WHATSAPP_POSTS` is the number of messages that Meta posts; 5,000 take some minutes.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from handoff.settings import Settings
from handoff.store.crypto import Keyring
from tests.support.graph import StandIn
from tests.support.house import House
from tests.support.record import rows
from tests.support.telephone import posted
from tests.support.waiting import until
from tests.support.whatsapp import delivery, says, status, value

POSTS = int(os.environ.get("WAJAH_WHATSAPP_POSTS", "250"))
KILLS = 5
EACH = 4      # different messages of a citizen; one of them comes twice, so a fifth of all posts is a repetition
SWAPPED = 0.4  # of the citizens have two messages that come in the other order: a tenth of all messages
PATIENCE = 240.0 + POSTS / 4  # seconds for each step: other programs may be at work too

pytestmark = pytest.mark.timeout(int(4 * PATIENCE))

PERSON = "mau bicara sama petugas"
QUESTIONS = ("ktp sy ilang gmn ngurusnya", "mo bikin kk baru syaratnya apa aja",
             "anak sy br lahir, bikin akte nya gmn?", "cara bikin kartu identitas anak gimana")
TALKS = (QUESTIONS, (PERSON, *QUESTIONS[:3]), (*QUESTIONS[:2], PERSON, QUESTIONS[2]))


@dataclass
class Talker:
    """A citizen with what Meta posts for them, in this order."""

    number: str
    deliveries: list[dict[str, Any]]
    arrived: list[tuple[str, str]] = field(default_factory=list)  # wamid and words, in the order of the first arrival

    @classmethod
    def of(cls, n: int, dice: random.Random) -> Talker:
        """The n-th."""
        number = f"62877{n:08}"
        said = [says(words, sender=number, wamid=f"wamid.{number}.{k}", at=int(time.time()) - 60 + k)
                for k, words in enumerate(TALKS[n % len(TALKS)])]
        if dice.random() < SWAPPED:
            at = dice.randrange(EACH - 1)
            said[at], said[at + 1] = said[at + 1], said[at]
        first = [(one["id"], one["text"]["body"]) for one in said]
        twice = dice.randrange(EACH)
        said.insert(dice.randint(twice + 1, EACH), said[twice])
        return cls(number, [delivery(value(one)) for one in said], first)

    @property
    def fates(self) -> list[set[str]]:
        """What may become of the messages. An answer that was not out when the person took over was withheld, and
        its question is the person's (docs/adr/0006)."""
        words = [text for _, text in self.arrived]
        if PERSON not in words:
            return [{"answer"}] * EACH
        person = words.index(PERSON)
        return [*[{"answer", "case"}] * person, {"new_case"}, *[{"case"}] * (EACH - person - 1)]


class Meta:
    """Posts the messages in their order for each citizen, many citizens at once. Reports something of all that it takes
    soon, so that what a dead worker posted is known within a minute (docs/adr/0029), and the rest in the end."""

    def __init__(self, house: House, api: StandIn, talkers: list[Talker]) -> None:
        self._house, self._api, self._talkers = house, api, talkers
        self._over = threading.Event()
        self._reported = 0
        self._pool = ThreadPoolExecutor(9)

    def __enter__(self) -> Meta:
        self._api.open_for.update(talker.number for talker in self._talkers)
        self._posting = [self._pool.submit(self._post, self._talkers[n::8]) for n in range(8)]
        self._reporting = self._pool.submit(self._report)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in (*self._posting, self._reporting):
            one.result(60)
        self._pool.shutdown()

    def until_posted(self) -> None:
        """All of them are acknowledged."""
        for one in self._posting:
            one.result(PATIENCE)

    def reports_the_rest(self) -> None:
        """Everything was read, and what came before that is told after it, some of it twice."""
        until(lambda: self._reported == len(self._api.accepted), PATIENCE, "everything is reported")
        dice = random.Random(2)
        with httpx.Client(base_url=self._house.url, timeout=60) as http:
            for some in itertools.batched(list(self._api.accepted), 30):
                told = [status(one["wamid"], name, one["biz_opaque_callback_data"]) for one in some
                        for name in ("read", dice.choice(["sent", "delivered", "read"]))]
                assert posted(http, delivery(value(statuses=told))).status_code == 200

    def _post(self, talkers: list[Talker]) -> None:
        with httpx.Client(base_url=self._house.url, timeout=60) as http:
            for some in itertools.batched(talkers, 10):
                for turn in zip(*(talker.deliveries for talker in some), strict=True):
                    for one in turn:
                        assert posted(http, one).status_code == 200

    def _report(self) -> None:
        dice = random.Random(1)
        with httpx.Client(base_url=self._house.url, timeout=60) as http:
            while not self._over.is_set():
                new = list(self._api.accepted)[self._reported:]
                for some in itertools.batched(new, 30):
                    told = [status(one["wamid"], dice.choice(["sent", "delivered", "read"]),
                                   one["biz_opaque_callback_data"]) for one in some]
                    assert posted(http, delivery(value(statuses=told))).status_code == 200
                self._reported += len(new)
                self._over.wait(0.5)


@dataclass(frozen=True)
class Record:
    """What the house wrote down about the talkers."""

    house: House
    keyring: Keyring

    def messages(self) -> dict[bytes, list[tuple[str, str]]]:
        """By the hash of the number: key and fate of the citizen's messages, in order."""
        found = defaultdict(list)
        for number, key, fate in rows(self.house.home, """
                SELECT a.wa_hash, m.channel_message_id, m.fate FROM messages m
                JOIN whatsapp_addresses a ON a.conversation_id = m.conversation_id AND a.current
                WHERE m.author = 'citizen' ORDER BY m.conversation_id, m.seq"""):
            found[bytes(number)].append((key, fate))
        return found

    def unsettled(self) -> int:
        """How many messages have no fate yet."""
        [(number,)] = rows(self.house.home, "SELECT count(*) FROM messages WHERE author = 'citizen' AND fate IS NULL")
        return int(number)

    def settled(self) -> int:
        """How many messages of WhatsApp have their fate."""
        [(number,)] = rows(self.house.home, """
            SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE c.channel = 'whatsapp' AND m.author = 'citizen' AND m.fate IS NOT NULL""")
        return int(number)

    def waiting(self) -> list[Any]:
        """What is still to go out over WhatsApp."""
        return rows(self.house.home, "SELECT o.id FROM outbox o JOIN conversations c ON c.id = o.conversation_id"
                                     " WHERE c.channel = 'whatsapp' AND o.state IN ('pending', 'handed')")

    def sends(self) -> dict[str, tuple[str, int, int]]:
        """By ticket: the conversation, the number of our message in it, and the part; what goes along with another one
        has none of its own."""
        return {str(ticket): (str(conversation), seq, part) for ticket, conversation, seq, part in rows(
            self.house.home, """
            SELECT s.id, s.conversation_id, m.seq, s.part FROM whatsapp_sends s
            JOIN outbox o ON o.id = s.outbox_id JOIN messages m ON m.id = o.message_id WHERE s.carrier_id IS NULL""")}

    def replies(self) -> list[tuple[str, str, int, int]]:
        """Each message of a citizen: its key, its fate, and how many answers and cards came of it."""
        return rows(self.house.home, """
            SELECT m.channel_message_id, m.fate,
                count(*) FILTER (WHERE r.author = 'bot' AND r.delivery <> 'withheld'),
                count(*) FILTER (WHERE r.shows_case)
            FROM messages m LEFT JOIN messages r ON r.in_reply_to = m.id
            JOIN conversations c ON c.id = m.conversation_id
            WHERE c.channel = 'whatsapp' AND m.author = 'citizen' GROUP BY m.id""")


@pytest.fixture(scope="module")
def record(patient_house: House) -> Record:
    """The patient house's."""
    return Record(patient_house, Keyring(Settings.from_env(patient_house.environment)))


@pytest.fixture(scope="module")
def aftermath(patient_house: House, meta_api: StandIn, record: Record) -> list[Talker]:
    """Everybody was heard, while the worker died five times."""
    house, dice = patient_house, random.Random(6)
    house.until_ready()
    talkers = [Talker.of(n, dice) for n in range(POSTS // (EACH + 1))]
    before, began = record.settled(), time.monotonic()

    def until_settled(number: int) -> None:
        until(lambda: record.settled() - before >= number, PATIENCE, f"{number} fates")

    with Meta(house, meta_api, talkers) as meta:
        for kill in range(KILLS):
            until_settled(len(talkers) * EACH * (1 + 2 * kill) // (2 * KILLS))  # a tenth, three tenths, … of all
            house.until_back("worker", house.kill("worker"))
        meta.until_posted()
        until_settled(len(talkers) * EACH)
        settled = time.monotonic()
        until(lambda: not record.waiting(), PATIENCE, "everything is out")
        out = time.monotonic()
        meta.reports_the_rest()
    print(f"\n{POSTS} posts, {len(talkers)} citizens, {KILLS} kills: every message has its fate after"
          f" {settled - began:.1f} s, all {len(meta_api.accepted)} replies are out after {out - began:.1f} s")
    return talkers


def test_p01_every_message_is_there_once_in_order_of_arrival_with_its_fate(
    aftermath: list[Talker], record: Record
) -> None:
    found = record.messages()
    for talker in aftermath:
        told = found[record.keyring.blind("whatsapp", talker.number)]
        assert [key for key, _ in told] == [record.keyring.blind("wamid", wamid).hex() for wamid, _ in talker.arrived]
        assert [fate in may for (_, fate), may in zip(told, talker.fates, strict=True)] == [True] * EACH, told


def test_p01_every_reply_came_once_and_in_order(aftermath: list[Talker], meta_api: StandIn, record: Record) -> None:
    sends, posts = record.sends(), Counter(one["biz_opaque_callback_data"] for one in meta_api.accepted)
    assert [ticket for ticket, times in posts.items() if times > 1] == []
    assert posts.keys() == sends.keys()  # what we believe to have sent came, and nothing else
    came: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for one in meta_api.accepted:
        came[one["to"]].append(sends[one["biz_opaque_callback_data"]])
    for talker in aftermath:
        told = came[talker.number]
        assert len({conversation for conversation, _, _ in told}) == 1
        assert told == sorted(set(told))
    assert set(meta_api.refused) <= {131056}


def test_p01_every_question_has_one_answer_and_every_case_one_card(aftermath: list[Talker], record: Record) -> None:
    replies = {key: told for key, *told in record.replies()}
    found = record.messages()
    for talker in aftermath:
        for key, fate in found[record.keyring.blind("whatsapp", talker.number)]:
            expected = {"answer": ["answer", 1, 0], "new_case": ["new_case", 0, 1], "case": ["case", 0, 0]}
            assert replies[key] == expected[fate]


def test_p01_everything_that_came_was_read_and_nothing_is_left_over(aftermath: list[Talker], record: Record) -> None:
    home = record.house.home
    stands = rows(home, "SELECT DISTINCT m.delivery FROM messages m JOIN conversations c ON c.id = m.conversation_id"
                        " WHERE c.channel = 'whatsapp' AND m.author <> 'citizen'")
    assert {stand for (stand,) in stands} - {"withheld"} == {"read"}
    assert rows(home, "SELECT kind, reason FROM whatsapp_events WHERE kind IN ('failed', 'unread')") == []
    assert rows(home, "SELECT id FROM procrastinate_jobs WHERE status::text = 'failed'"
                      " AND task_name IN ('turn', 'post', 'wake')") == []


# --- the database -----------------------------------------------------------------------------------------------------


@pytest.fixture
def without_database(patient: House) -> Iterator[House]:
    """PostgreSQL is killed, and nobody starts it again until the end."""
    os.kill(patient.process.pid, signal.SIGSTOP)
    restarts = patient.kill("postgres")
    try:
        until(lambda: not psutil.pid_exists(patient.children["postgres"]["pid"])
              or psutil.Process(patient.children["postgres"]["pid"]).status() == psutil.STATUS_ZOMBIE, 20, "it is gone")
        yield patient
    finally:
        os.kill(patient.process.pid, signal.SIGCONT)
        patient.until_back("postgres", restarts)


def test_p01_without_a_database_meta_is_asked_to_come_again_and_everything_is_there_then(
    without_database: House, meta_api: StandIn, record: Record
) -> None:
    house, number = without_database, "6287799999999"
    given = delivery(value(*(says(f"pesan {n}", sender=number, wamid=f"wamid.away.{n}") for n in range(3))))
    with httpx.Client(base_url=house.url, timeout=60) as http:
        away = posted(http, given)
        assert (away.status_code, away.json()["error"]["code"]) == (503, "unavailable")
        assert int(away.headers["Retry-After"]) >= 1
        os.kill(house.process.pid, signal.SIGCONT)
        meta_api.open_for.add(number)
        until(lambda: posted(http, given).status_code == 200, 90, "the delivery is taken")
        assert posted(http, given).status_code == 200
    until(lambda: not record.unsettled(), 90, "every message has its fate")
    stored = [key for key, _ in record.messages()[record.keyring.blind("whatsapp", number)]]
    assert stored == [record.keyring.blind("wamid", f"wamid.away.{n}").hex() for n in range(3)]

"""Mail that comes back: what houses write is understood, what is no failure is none, and no bytes make it fail."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.domain.bounces import MOST_TICKETS, Bounce, read
from tests.support.returned import FAILURES, OTHERS, report

TICKET = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
SAMPLES = [*(make(TICKET) for make, _ in FAILURES.values()), *(make(TICKET) for make in OTHERS.values())]


@pytest.mark.parametrize("house", FAILURES)
def test_a_failure_is_understood_and_tells_which_mail(house):
    make, permanent = FAILURES[house]
    found = read(make(TICKET))
    assert found is not None
    assert found.permanent is permanent
    assert UUID(TICKET) in found.tickets


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_failure_is_none(kind):
    assert read(OTHERS[kind](TICKET)) is None


@pytest.mark.parametrize(("status", "diagnostic", "told"), [
    ("5.1.1", "", "5.1.1"), ("5.0.0", "smtp; 550 5.2.1 disabled", "5.2.1"), ("4.4.7 (expired)", "", "4.4.7"),
    ("", "smtp; 550 no such user", "5.0.0"), ("rubbish", "smtp; host 192.0.2.5.1.1 said no", None),
])
def test_the_status_is_the_one_that_says_most(status, diagnostic, told):
    found = read(report(TICKET, status=status, diagnostic=diagnostic))
    assert found == Bounce((UUID(TICKET),), bool(told and told[0] == "5"), told)


def test_an_id_in_the_return_address_is_enough():
    bare = report(TICKET, returned="nothing").replace(
        b"To: pantulan@", f"To: pantulan+{UUID(TICKET).hex}@".encode())
    assert (read(bare) or Bounce((), False)).tickets == (UUID(TICKET),)
    assert (read(report(TICKET, returned="nothing")) or Bounce((UUID(TICKET),), False)).tickets == ()


def test_a_report_that_was_sent_as_a_text_is_understood():
    broken = report(TICKET).replace(b"message/delivery-status", b"message/delivery-status; charset=x-unknown")
    found = read(broken)
    assert found is not None
    assert found.permanent


@given(st.binary(max_size=3000))
def test_no_bytes_make_it_fail(raw):
    assert read(raw) is None or isinstance(read(raw), Bounce)


@settings(max_examples=300)
@given(st.data())
def test_no_damage_makes_it_fail(data):
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        piece = data.draw(st.binary(max_size=12) | st.sampled_from([b"\n\n", b"--", b"Content-Type: ", b"=?", b"\0"]))
        raw[at : at + data.draw(st.integers(0, 40))] = piece
    found = read(bytes(raw))
    assert found is None or len(found.tickets) <= MOST_TICKETS


@pytest.mark.parametrize("raw", [
    b"From: mailer-daemon@x\nContent-Type: text/plain; charset=punycode\n\na-" + b"9" * 500_000,
    b"From: mailer-daemon@x\nContent-Type: text/plain; charset=punycode\n\na\xe9-" + b"9" * 500_000,
    b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 4000,
    b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"-" * 500_000,
    b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"5.1.1." * 80_000,
    b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"6ba7b810-9dad-41d1-80b4-" * 20_000,
    report(TICKET) + b"a" * 5_000_000,
])
def test_what_is_endless_is_read_in_no_time(raw):
    began = time.process_time()
    read(raw)
    assert time.process_time() - began < 2

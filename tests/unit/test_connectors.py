"""Connectors: what a file may say, and how an agency is asked, over real HTTP."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from handoff.connectors import Away, ConnectorError, Connectors, Found, Unknown, load
from handoff.connectors.schema import BOT_SECONDS
from tests.support.agency import agency, described, written

TOPICS = frozenset({"cek_status", "oss_nib"})
ENV = {"IZIN_TOKEN": "rahasia-besar"}
REFERENCE = "IZN-2026-0001"
GOOD = Found("DIPROSES", "Endang Sulastri", "2026-11-20")


def loaded(folder: Path, url: str, **more: object) -> Connectors:
    return Connectors(load(written(folder, "izin", described(url, **more)), ENV, TOPICS))


def changed(**more: object) -> dict:
    return described("https://izin.example", **more)


# --- the file -------------------------------------------------------------------------------------------------------


def test_without_a_folder_there_is_none() -> None:
    assert load(None, {}, TOPICS) == ()


@pytest.mark.parametrize(("description", "problem"), [
    (changed(agenncy="x"), "izin.yml: agenncy: Extra inputs"),
    (changed(topics=["kartu_sakti"]), "izin.yml: topics: unknown kartu_sakti"),
    (changed(reference={"pattern": "[", "example": "x"}), "izin.yml: reference.pattern: no pattern"),
    (changed(reference={"pattern": "A\\d", "example": "B1"}), "izin.yml: reference: the example does not fit"),
    (changed(response={"status": "data..status"}), "izin.yml: response.status: no such path"),
    (changed(states={"OK": "Permohonan Anda disetujui."}), "izin.yml: states.OK: 'disetujui' decides"),
    (changed(states={"NO": "Maaf, ditolak."}), "izin.yml: states.NO: 'ditolak' decides"),
    (changed(limits={"seconds": 9}), "izin.yml: limits.seconds: Input should be less than or equal to 4"),
    (changed(request={"url": "http://izin.example/{reference}"}), "izin.yml: request: url must be https"),
    (changed(request={"url": "https://{reference}.example/x"}), "izin.yml: request: url needs a fixed host"),
    (changed(request={"url": "https://a:b@izin.example/{reference}"}), "izin.yml: request: url needs a fixed host"),
    (changed(request={"url": "https://izin.example/status"}), "izin.yml: request: {reference} must stand exactly once"),
    (changed(request={"url": "https://izin.example/{reference}", "headers": {"X": "${NONE_SUCH}"}}),
     "izin.yml: request.headers: not in the environment: NONE_SUCH"),
])
def test_a_mistake_is_named_with_file_and_field(tmp_path: Path, description: dict, problem: str) -> None:
    with pytest.raises(ConnectorError) as error:
        load(written(tmp_path / "c", "izin", description), ENV, TOPICS)
    assert problem in str(error.value)
    assert "rahasia-besar" not in str(error.value)


def test_every_broken_file_is_named(tmp_path: Path) -> None:
    for name in ("satu", "dua"):
        written(tmp_path / "c", name, changed(agency=""))
    with pytest.raises(ConnectorError, match=r"dua\.yml.*\n.*satu\.yml"):
        load(tmp_path / "c", ENV, TOPICS)


@pytest.mark.parametrize(("text", "found"), [
    ("IZN-2026-0001", {REFERENCE}), ("nomor izn-2026-0001 dong", {REFERENCE}), ("XIZN-2026-0001", set()),
    ("IZN-2026-00012", set()), ("IZN-2026-0001/../../admin", set()), ("(IZN-2026-0001).", {REFERENCE}),
    ("IZN-2026-0001 IZN-2026-0002", {REFERENCE, "IZN-2026-0002"}),
])
def test_a_reference_is_what_fits_the_whole_pattern(tmp_path: Path, text: str, found: set[str]) -> None:
    connectors = loaded(tmp_path / "c", "https://izin.example")
    assert {reference for _, reference in connectors.serving(text, None)} == found


def test_of_several_the_one_that_serves_the_topic_or_is_named_is_asked(tmp_path: Path) -> None:
    for name, topic in (("izin", "oss_nib"), ("lain", "cek_status")):
        written(tmp_path / "c", name, changed(agency=f"Dinas {name}", topics=[topic]))
    connectors = Connectors(load(tmp_path / "c", ENV, TOPICS))

    def names(text: str, topic: str | None) -> list[str]:
        return [one.name for one, _ in connectors.serving(text, topic)]

    assert names(REFERENCE, "oss_nib") == ["izin"]
    assert names(REFERENCE, None) == ["izin", "lain"]
    assert names(f"{REFERENCE} dinas lain", "oss_nib") == ["lain"]


def test_a_reference_is_quoted_into_its_place(tmp_path: Path) -> None:
    (one,) = load(written(tmp_path / "c", "izin", changed(
        reference={"pattern": "[^ ]+", "example": "A/1"}, request={"url": "https://izin.example/x/{reference}?a=1"},
    )), ENV, TOPICS)
    assert one.request.address("../../admin?x=1#y@evil.example") == (
        "https://izin.example/x/..%2F..%2Fadmin%3Fx%3D1%23y%40evil.example?a=1"
    )


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_state_officer_and_date_are_read_and_credentials_sent(tmp_path: Path) -> None:
    async with agency() as served:
        connectors = loaded(tmp_path / "c", served.url)
        assert await connectors.ask(connectors.all[0], REFERENCE) == GOOD
        assert served.asked == ["/permohonan/IZN-2026-0001/status?v=1"]
        assert served.headers["Authorization"] == "Bearer rahasia-besar"
        await connectors.close()


@pytest.mark.parametrize(("mode", "outcome", "requests"), [
    ("unknown", Unknown(), 1), ("error", Away(), 2), ("forbidden", Away(), 1), ("html", Away(), 1),
    ("shape", Away(), 1), ("empty", Away(), 1), ("redirect", Away(), 1), ("huge", Away(), 1), ("deep", Away(), 1),
])
async def test_what_goes_wrong_over_there(tmp_path: Path, caplog, mode: str, outcome: object, requests: int) -> None:
    async with agency() as served:
        served.mode = mode
        connectors = loaded(tmp_path / "c", served.url)
        with caplog.at_level(logging.DEBUG, "handoff"):
            assert await connectors.ask(connectors.all[0], REFERENCE) == outcome
        assert len(served.asked) == requests
        assert not any("elsewhere" in path for path in served.asked)  # a redirect is not followed
        assert REFERENCE not in caplog.text
        assert "rahasia" not in caplog.text
        await connectors.close()


async def test_a_slow_agency_costs_no_more_than_its_seconds(tmp_path: Path) -> None:
    async with agency() as served:
        served.mode = "slow"
        connectors = loaded(tmp_path / "c", served.url, limits={"seconds": 0.3})
        began = time.monotonic()
        assert await connectors.ask(connectors.all[0], REFERENCE) == Away()
        assert time.monotonic() - began < BOT_SECONDS
        await connectors.close()


async def test_one_failure_is_tried_again(tmp_path: Path) -> None:
    async with agency() as served:
        served.failures = 1
        connectors = loaded(tmp_path / "c", served.url)
        assert await connectors.ask(connectors.all[0], REFERENCE) == GOOD
        assert len(served.asked) == 2
        await connectors.close()


async def test_nobody_listens(tmp_path: Path) -> None:
    connectors = loaded(tmp_path / "c", "http://127.0.0.1:9")
    assert await connectors.ask(connectors.all[0], REFERENCE) == Away()
    await connectors.close()


async def test_after_failures_in_a_row_it_is_left_alone_and_then_asked_once_more(tmp_path: Path, monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("handoff.connectors.client.time", type("Clock", (), {"monotonic": lambda: now[0]}))
    async with agency() as served:
        served.mode = "error"
        connectors = loaded(tmp_path / "c", served.url,
                            limits={"attempts": 1, "failures": 3, "rest_seconds": 30, "cache_seconds": 0})
        for _ in range(5):
            assert await connectors.ask(connectors.all[0], REFERENCE) == Away()
        assert len(served.asked) == 3
        now[0] += 31
        assert await connectors.ask(connectors.all[0], REFERENCE) == Away()  # one attempt, and it rests again
        assert await connectors.ask(connectors.all[0], REFERENCE) == Away()
        assert len(served.asked) == 4
        now[0] += 31
        served.mode = "good"
        assert await connectors.ask(connectors.all[0], REFERENCE) == GOOD
        await connectors.close()


async def test_an_answer_is_remembered_for_a_while_and_a_failure_is_not(tmp_path: Path, monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("handoff.connectors.client.time", type("Clock", (), {"monotonic": lambda: now[0]}))
    async with agency() as served:
        connectors = loaded(tmp_path / "c", served.url, limits={"cache_seconds": 60, "attempts": 1})
        served.mode = "error"
        assert await connectors.ask(connectors.all[0], REFERENCE) == Away()
        served.mode = "good"
        for _ in range(3):
            assert await connectors.ask(connectors.all[0], REFERENCE) == GOOD
        assert len(served.asked) == 2
        now[0] += 61
        await connectors.ask(connectors.all[0], REFERENCE)
        assert len(served.asked) == 3
        await connectors.close()


async def test_an_agencys_words_are_cut_to_one_short_line(tmp_path: Path) -> None:
    async with agency() as served:
        served.state = "BARIS\nDUA\u202e " + "x" * 500
        connectors = loaded(tmp_path / "c", served.url)
        outcome = await connectors.ask(connectors.all[0], REFERENCE)
        assert isinstance(outcome, Found)
        assert len(outcome.state) == 60
        assert outcome.state.startswith("BARIS DUA xxx")
        await connectors.close()

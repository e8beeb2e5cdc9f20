"""What came late is numbered as it came and shown as it was sent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from handoff.services.views import desk
from tests.support.citizen import UNSURE
from tests.support.console import browser, opened
from tests.support.line import writes
from tests.support.office import officer_row

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def test_what_came_late_is_numbered_as_it_came_and_shown_as_it_was_sent(served, clock):
    runtime, now = served.runtime, clock()
    citizen = await writes(runtime, "sudah di kantor sejak tadi", at=int(now.timestamp()))
    await citizen.hears(UNSURE)
    clock.forward(timedelta(minutes=1))
    await writes(runtime, "ini saya tulis sebelumnya", at=int((now - timedelta(hours=3)).timestamp()))
    await writes(runtime, "jam telepon saya maju", at=int((now + timedelta(days=1)).timestamp()))
    told = [m for m in await citizen.sees() if m["author"] == "citizen"]
    assert [m["text"] for m in told] == [
        "sudah di kantor sejak tadi", "ini saya tulis sebelumnya", "jam telepon saya maju"]
    assert [m["sent_at"] and datetime.fromisoformat(m["sent_at"]) for m in told] == [
        now, now - timedelta(hours=3), None]
    case = await citizen.case()
    officer = await officer_row(runtime, case.officer_id)
    shown = (await desk.case_in_full(runtime, officer, case.number))["messages"]
    assert [m["sent_at"] for m in shown if m["author"] == "citizen"] == [m["sent_at"] for m in told]
    page = await opened(await browser(served, officer), case.number)
    assert "24 November 2026, 07.00 WIB (sampai 24 November 2026, 10.01 WIB)" in page.text
    assert page.text.count("(sampai ") == 1

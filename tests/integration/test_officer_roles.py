"""Every officer's route × every role, and nobody, a missing CSRF token, a one-time password."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text, update

from handoff.domain.case import Role
from handoff.services.people import staff
from handoff.store import db
from handoff.store.schema import officers
from tests.support.citizen import colleague
from tests.support.office import PASSWORD, Desk, OpenCase, officer_row, open_case_with_file, person

# What HTTP carries does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]
API = "/api/v1/officer"
NO_REFERRAL = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
LOGIN = {"login": "siti.rahayu", "password": PASSWORD}

# What each asks for, with a case of the population unit that belongs to Siti or Bonar and a topic that is suspended.
ROUTES: dict[str, tuple[str, str, Any]] = {
    "sign in": ("POST", "/session", LOGIN),
    "who am I": ("GET", "/session", None),
    "sign out": ("DELETE", "/session", None),
    "password": ("POST", "/password", {"old_password": PASSWORD, "new_password": "kata sandi yang lain lagi"}),
    "mine": ("GET", "/cases?scope=mine", None),
    "unit": ("GET", "/cases?scope=unit", None),
    "all": ("GET", "/cases?scope=all", None),
    "case": ("GET", "/cases/{number}", None),
    "file": ("GET", "/cases/{number}/files/{file}", None),
    "events": ("GET", "/events", None),
    "takeover": ("POST", "/cases/{number}/takeover", {"reason": "Petugasnya sakit."}),
    "reply": ("POST", "/cases/{number}/reply", {"text": "Kami ubah hari ini."}),
    "note": ("POST", "/cases/{number}/note", {"text": "Catatan."}),
    "propose": ("POST", "/cases/{number}/propose", {"text": "Sudah kami cetak.", "cause": "delay"}),
    "ask": ("POST", "/cases/{number}/ask", {"text": "Nomor KK Anda berapa?"}),
    "hand back": ("POST", "/cases/{number}/hand_back", None),
    "transfer": ("POST", "/cases/{number}/transfer", {"unit": "sosial", "reason": "urusan bansos"}),
    "withdraw transfer": ("DELETE", "/cases/{number}/transfer", None),
    "accept transfer": ("POST", "/cases/{number}/transfer/accept", None),
    "decline transfer": ("POST", "/cases/{number}/transfer/decline", {"reason": "bukan urusan kami"}),
    "refer": ("POST", "/cases/{number}/refer", {"office": "Kemenaker", "sent": "surat", "ask_again_on": "2026-12-01"}),
    "referrals": ("GET", "/cases/{number}/referrals", None),
    "follow up": ("POST", f"/cases/{{number}}/referrals/{NO_REFERRAL}", {"heard": "belum"}),
    "dismiss": ("POST", "/cases/{number}/dismiss", {"reason": "pesan pizza"}),
    "confirm dismissal": ("POST", "/cases/{number}/dismiss/confirm", {"reason": "ya"}),
    "allow address": ("POST", "/cases/{number}/allow_address", {"reason": "memang di sana"}),
    "merge": ("POST", "/cases/{number}/merge", {"into": "bukan nomor", "reason": "sama"}),
    "colleagues": ("GET", "/cases/{number}/colleagues", None),
    "reassign": ("POST", "/cases/{number}/reassign", {"reason": "Lebih paham."}),
    "leave": ("POST", "/people/nurul.hidayah/leave", {"first_day": "2026-11-30", "last_day": "2026-12-01"}),
    "deactivate": ("POST", "/people/nurul.hidayah/deactivate", None),
    "notices": ("GET", "/notices", None),
    "notices read": ("POST", "/notices/read", {"until": "2026-11-24T10:00:00+07:00"}),
    "offers": ("GET", "/offers", None),
    "suspend": ("POST", "/topics/kk_baru/suspend", {"reason": "keliru"}),
    "correct": ("POST", "/topics/ktp_hilang/correct", {"text": "Biayanya Rp0.", "since": "2026-11-20"}),
    "corrections": ("GET", "/corrections", None),
    "republish": ("POST", "/topics/ktp_hilang/republish", None),
}
FREE = {"sign in": 200, "who am I": 200, "sign out": 204, "password": 204}  # anybody's own business
NEWS = {"notices": 200, "notices read": 200}  # so is this, once the password is one's own
_SPEAKING = ("reply", "note", "propose", "ask", "hand back")


# Answering what nobody has asked: an offer, a dismissal, a proposal that was held back.
_IDLE = ("accept transfer", "decline transfer", "confirm dismissal", "withdraw transfer")


def row(*, lists: tuple[int, int, int], reads: int, file: int, events: int, takes: int, speaks: int, publishes: int,
        note: int | None = None, leads: bool = False, deactivates: int = 403, leave: int = 403) -> dict[str, int]:
    own = speaks == 200
    moves = 200 if leads or own else speaks
    return {
        "transfer": moves, **dict.fromkeys(_IDLE, 409 if file == 200 else file), "refer": speaks, "referrals": file,
        "merge": 404 if file == 200 else file, "follow up": 404 if own else speaks, "dismiss": speaks,
        "allow address": 409 if leads else 403 if file == 200 else file,
        **FREE, **NEWS, "offers": events,
        **dict(zip(("mine", "unit", "all"), lists, strict=True)), "case": reads, "file": file, "events": events,
        "takeover": takes, **dict.fromkeys(_SPEAKING, speaks), "note": note or speaks,
        **dict.fromkeys(("colleagues", "reassign"), 200 if leads else 404 if publishes == 200 else 403),
        "correct": 409 if publishes == 200 else publishes, "corrections": publishes,  # nobody has had that answer
        "suspend": publishes, "republish": publishes, "deactivate": deactivates, "leave": leave,
    }


UNIT, WHOLE, NONE = (200, 200, 403), (200, 200, 200), (403, 403, 403)
EXPECTED: dict[str, dict[str, int]] = {
    "the case's officer": row(lists=UNIT, reads=200, file=200, events=200, takes=200, speaks=200, publishes=403),
    "their colleague": row(lists=UNIT, reads=200, file=200, events=200, takes=200, speaks=409, publishes=403),
    "another unit's officer": row(lists=UNIT, reads=404, file=404, events=200, takes=404, speaks=404, publishes=403),
    "the unit's head": row(lists=UNIT, reads=200, file=200, events=200, takes=200, speaks=409, note=200, publishes=200,
                           leads=True),
    "another unit's head": row(lists=UNIT, reads=404, file=404, events=200, takes=404, speaks=404, publishes=200,
                               leave=200),
    "supervisor": row(lists=WHOLE, reads=200, file=200, events=200, takes=200, speaks=409, note=200, publishes=200,
                      leads=True, deactivates=200, leave=200),
    "inspector": row(lists=UNIT, reads=404, file=404, events=200, takes=404, speaks=404, publishes=403),
    "data_officer": row(lists=UNIT, reads=404, file=404, events=200, takes=404, speaks=404, publishes=403),
    "auditor": row(lists=WHOLE, reads=200, file=403, events=200, takes=403, speaks=403, publishes=403),
    "admin": row(lists=NONE, reads=403, file=403, events=403, takes=403, speaks=403, publishes=403,
                 deactivates=200),
    "nobody": {**dict.fromkeys(ROUTES, 401), "sign in": 200},
    "the case's officer without the CSRF token": {
        **{name: 200 if method == "GET" else 403 for name, (method, _, _) in ROUTES.items()},
        "all": 403, "colleagues": 403, "corrections": 403, "sign in": 200,
    },
    "the case's officer with a one-time password": {**dict.fromkeys(ROUTES, 403), **FREE},
}


async def actor(served, name: str, case: OpenCase) -> Desk:
    """The browser of the one who asks."""
    if name == "nobody":
        return await served.desk()
    if name == "their colleague":
        found = await colleague(served.runtime, await officer_row(served.runtime, case.officer_id))
    elif name.startswith("the case's officer"):
        found = await officer_row(served.runtime, case.officer_id)
    elif name in set(Role):
        found = await person(served.runtime, name)
    else:
        unit = "kependudukan" if name.startswith("the unit") else "sosial"
        found = await person(served.runtime, name.rpartition(" ")[2], unit)
    desk = await served.desk(found)
    if name.endswith("without the CSRF token"):
        del desk.headers["X-CSRF-Token"]
    if name.endswith("with a one-time password"):
        changed = update(officers).where(officers.c.id == found.id).values(must_change_password=True)
        async with db.transaction(served.runtime.pool) as connection:
            await connection.execute(changed)
    return desk


async def as_it_was(served) -> None:
    """What an earlier route changed: passwords, and the suspended topic."""
    passwords = update(officers).values(
        password_hash=staff._HASHER.hash(PASSWORD), failed_logins=0, must_change_password=False
    )
    async with db.transaction(served.runtime.pool) as connection:
        await connection.execute(passwords)
        await connection.execute(text(
            "INSERT INTO publications (topic, epoch, suspended, changed_at) VALUES ('ktp_hilang', 1, true, now())"
            " ON CONFLICT (topic) DO UPDATE SET suspended = true"
        ))


async def other_than(served, case: OpenCase) -> str:
    """Who could have the case too."""
    return str((await colleague(served.runtime, await officer_row(served.runtime, case.officer_id))).id)


@pytest.mark.parametrize("name", EXPECTED)
async def test_role_by_route(served, name):
    results = {}
    for route, (method, path, body) in ROUTES.items():
        await as_it_was(served)
        case, file = await open_case_with_file(served.runtime)
        desk = await actor(served, name, case)
        if route == "reassign":
            body = {**body, "officer_id": await other_than(served, case)}
        async with desk.stream(method, API + path.format(number=case.number, file=file), json=body) as response:
            results[route] = response.status_code
    assert results == EXPECTED[name]


async def test_the_table_names_every_route(served):
    served_routes = {
        (method, "/" + route.path) for route in served.app.router.routes if route.path.startswith(API[1:])
        for method in route.methods
    }
    shape = {"{number}": "<number:str>", "{file}": "<file:str>", "kk_baru": "<topic:str>", "ktp_hilang": "<topic:str>",
             NO_REFERRAL: "<referral:str>", "nurul.hidayah": "<login:str>"}
    named = set()
    for method, path, _ in ROUTES.values():
        for word, parameter in shape.items():
            path = path.replace(word, parameter)
        named.add((method, API + path.partition("?")[0]))
    assert served_routes == named

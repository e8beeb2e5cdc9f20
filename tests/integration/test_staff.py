"""Officers' accounts: one-time passwords, lock-out, sessions; and the example office of a first run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import argon2
import pytest
from sqlalchemy import func, select, update

import handoff.store.migrate
from handoff.domain.case import Role
from handoff.services.errors import Conflict, Forbidden, NotFound, ServiceError, TooMany, Unauthorized, Unprocessable
from handoff.services.people import seed, staff
from handoff.services.runtime import Runtime
from handoff.store import db
from handoff.store.schema import officers, offices, sessions, shifts, units
from tests.support.office import PASSWORD, officer_row, settings_for

pytestmark = pytest.mark.asyncio
LONGER = "kata sandi baru yang panjang"
PRODUCTION = staff._HASHER


async def test_production_hashes_as_rfc_9106_recommends():
    assert (PRODUCTION.type, PRODUCTION.time_cost, PRODUCTION.memory_cost) == (argon2.Type.ID, 3, 64 * 1024)


async def joined(runtime, name="Putri Lestari", **more) -> staff.Joined:
    return await staff.add_officer(runtime, name=name, title="Petugas", unit="sosial", role=Role.officer, **more)


async def refused(runtime, login: str, password: str) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        await staff.sign_in(runtime, login, password)
    return refusal.value


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "login"), [
    ("Putri Lestari", "putri.lestari"), ("Dr. Ir. Putri Ayu Lestari, M.Si.", "putri.lestari"), ("Sukarno", "sukarno"),
    ("Élise D'Souza-Tan", "elise.dsouzatan"), ("Siti Rahayu", "siti.rahayu2"), ("李小龍", "petugas"),
])
async def test_the_login_comes_from_the_name_and_is_free(runtime, name, login):
    new = await joined(runtime, name)
    assert new.login == login
    assert (await officer_row(runtime, new.id)).name == name


async def test_a_name_twice_at_once_gives_two_logins(runtime):
    several = await asyncio.gather(*(joined(runtime) for _ in range(4)))
    assert {n.login for n in several} == {"putri.lestari", "putri.lestari2", "putri.lestari3", "putri.lestari4"}


@pytest.mark.parametrize(("change", "error"), [
    ({"unit": "pajak"}, NotFound), ({"name": "  "}, Unprocessable), ({"title": ""}, Unprocessable),
    ({"login": "Putri Lestari"}, Unprocessable), ({"login": "siti.rahayu"}, Conflict),
])
async def test_an_officer_who_cannot_be_added(runtime, change, error):
    with pytest.raises(error):
        await staff.add_officer(runtime, **{
            "name": "Putri Lestari", "title": "Petugas", "unit": "sosial", "role": Role.officer, **change
        })


async def test_a_one_time_password_opens_the_account_and_asks_to_be_changed(runtime):
    new = await joined(runtime)
    token, session = await staff.sign_in(runtime, f" {new.login.upper()} ", new.one_time_password)
    assert session.officer.id == new.id
    assert session.officer.must_change_password
    stored = await officer_row(runtime, new.id)
    assert stored.password_hash.startswith("$argon2id$")
    assert new.one_time_password not in stored.password_hash
    await staff.change_password(runtime, session, new.one_time_password, LONGER)
    again = await staff.session_of(runtime, token)
    assert again is not None
    assert not again.officer.must_change_password
    await staff.sign_in(runtime, new.login, LONGER)
    assert (await refused(runtime, new.login, new.one_time_password)).code == "wrong_login"


# --- lock-out ---------------------------------------------------------------------------------------------------------


async def test_five_failures_lock_for_a_quarter_of_an_hour(runtime, clock):
    for _ in range(staff.FAILURES):
        assert (await refused(runtime, "siti.rahayu", "salah")).code == "wrong_login"
    locked = await refused(runtime, "siti.rahayu", PASSWORD)
    assert (locked.code, locked.status, locked.retry_after) == ("locked", 429, 900)
    clock.forward(staff.LOCKED - timedelta(seconds=1))
    assert (await refused(runtime, "siti.rahayu", PASSWORD)).code == "locked"
    clock.forward(timedelta(seconds=1))
    await staff.sign_in(runtime, "siti.rahayu", PASSWORD)


async def test_a_lock_that_has_run_out_counts_anew(runtime, clock):
    for _ in range(staff.FAILURES):
        await refused(runtime, "siti.rahayu", "salah")
    clock.forward(staff.LOCKED)
    for _ in range(staff.FAILURES - 1):
        assert (await refused(runtime, "siti.rahayu", "salah")).code == "wrong_login"
    await staff.sign_in(runtime, "siti.rahayu", PASSWORD)


async def test_failures_count_in_a_row_only(runtime):
    for _ in range(2):
        for _ in range(staff.FAILURES - 1):
            await refused(runtime, "siti.rahayu", "salah")
        _, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    assert (await officer_row(runtime, session.officer.id)).failed_logins == 0


async def test_guesses_at_once_are_no_more_than_five(runtime):
    refusals = await asyncio.gather(*(refused(runtime, "siti.rahayu", f"tebakan {n}") for n in range(20)))
    assert [type(r) for r in refusals].count(Unauthorized) == staff.FAILURES
    assert [type(r) for r in refusals].count(TooMany) == 20 - staff.FAILURES


@pytest.mark.parametrize("login", ["tidak.ada", "", "a\x00b", "\ud800", "x" * 500])
async def test_an_unknown_login_costs_the_same_work_and_says_the_same(runtime, monkeypatch, login):
    judged = []
    judge = staff._judge
    monkeypatch.setattr(staff, "_judge", lambda *given: judged.append(given) or judge(*given))
    for password in (PASSWORD, "\ud800\x00", "p" * 5000):
        refusal = await refused(runtime, login, password)
        assert (refusal.code, refusal.status) == ("wrong_login", 401)
    assert len(judged) == 3
    known, unknown = (argon2.extract_parameters(h) for h in (staff._HASHER.hash(b"x"), judged[0][0]))
    assert known == unknown


async def test_an_officer_who_left_cannot_sign_in_and_their_session_is_over(runtime):
    token, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).where(officers.c.id == session.officer.id).values(active=False))
    assert await staff.session_of(runtime, token) is None
    assert (await refused(runtime, "siti.rahayu", PASSWORD)).code == "wrong_login"


async def test_a_hash_with_old_parameters_is_made_anew(runtime):
    old = argon2.PasswordHasher(time_cost=2, memory_cost=128, parallelism=1).hash(PASSWORD)
    async with db.transaction(runtime.pool) as connection:
        await connection.execute(update(officers).values(password_hash=old))
    _, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    now = (await officer_row(runtime, session.officer.id)).password_hash
    assert argon2.extract_parameters(now) == argon2.extract_parameters(staff._HASHER.hash(b"x"))
    await staff.sign_in(runtime, "siti.rahayu", PASSWORD)


# --- sessions ---------------------------------------------------------------------------------------------------------


async def test_the_token_is_stored_hashed_only(runtime):
    token, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    async with db.transaction(runtime.pool) as connection:
        row = (await connection.execute(select(sessions))).one()
    assert token.encode() not in row.token_hash
    assert len(row.token_hash) == 32
    assert row.csrf_token == session.csrf_token != token


async def test_a_session_ends_after_twelve_idle_hours(runtime, clock):
    token, _ = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    clock.forward(staff.IDLE - timedelta(seconds=1))
    assert await staff.session_of(runtime, token, active=False)  # a stream that only looks on is no activity
    clock.forward(timedelta(seconds=1))
    assert await staff.session_of(runtime, token) is None


async def test_a_busy_session_lives_on_but_not_for_ever(runtime, clock):
    token, _ = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    steps = staff.ABSOLUTE // timedelta(hours=11)
    for _ in range(steps):
        clock.forward(timedelta(hours=11))
        assert await staff.session_of(runtime, token)
    clock.forward(staff.ABSOLUTE - steps * timedelta(hours=11))
    assert await staff.session_of(runtime, token) is None
    await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(select(func.count()).select_from(sessions))).scalar_one() == 1


@pytest.mark.parametrize("token", ["", "x", "\ud800", "\x00"])
async def test_no_token_opens_no_session(runtime, token):
    assert await staff.session_of(runtime, token) is None


async def test_signing_out_ends_this_session_only(runtime):
    one, _ = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    other, _ = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    for _ in range(2):
        await staff.sign_out(runtime, one)
    assert await staff.session_of(runtime, one) is None
    assert await staff.session_of(runtime, other)


# --- passwords --------------------------------------------------------------------------------------------------------


async def test_a_changed_password_ends_every_other_session(runtime):
    here, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    elsewhere, _ = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    colleague, _ = await staff.sign_in(runtime, "bonar.simanjuntak", PASSWORD)
    await staff.change_password(runtime, session, PASSWORD, LONGER)
    assert await staff.session_of(runtime, here)
    assert await staff.session_of(runtime, colleague)
    assert await staff.session_of(runtime, elsewhere) is None


@pytest.mark.parametrize("new", ["", "sebelas hrf", PASSWORD, "x" * 257], ids=["none", "short", "the same", "endless"])
async def test_a_password_that_is_none(runtime, new):
    _, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    with pytest.raises(Unprocessable) as refusal:
        await staff.change_password(runtime, session, PASSWORD, new)
    assert refusal.value.code == "weak_password"
    await staff.sign_in(runtime, "siti.rahayu", PASSWORD)


async def test_a_stolen_session_cannot_guess_the_old_password_either(runtime):
    _, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    for _ in range(staff.FAILURES):
        with pytest.raises(Forbidden) as refusal:
            await staff.change_password(runtime, session, "tebakan", LONGER)
        assert refusal.value.code == "wrong_password"
    with pytest.raises(TooMany):
        await staff.change_password(runtime, session, PASSWORD, LONGER)


async def test_a_password_is_the_same_however_the_keyboard_composes_it(runtime):
    _, session = await staff.sign_in(runtime, "siti.rahayu", PASSWORD)
    await staff.change_password(runtime, session, PASSWORD, "kafé di tepi pantai")
    await staff.sign_in(runtime, "siti.rahayu", "kafe\u0301 di tepi pantai")


# --- the example office -----------------------------------------------------------------------------------------------


@pytest.fixture
async def empty(postgres, tmp_path):
    """A runtime on a migrated database without an office."""
    with postgres.database(prepare=handoff.store.migrate.upgrade) as database:
        runtime = Runtime.create(settings_for(tmp_path, database.app_url))
        yield runtime
        await runtime.close()


async def test_the_example_office_is_made_once_however_many_start(empty):
    results = await asyncio.gather(*(seed.seed(empty) for _ in range(3)))
    (made,) = [result for result in results if result]
    assert results.count(None) == 2
    assert await seed.seed(empty) is None
    async with db.transaction(empty.pool) as connection:
        office = (await connection.execute(select(offices))).one()
        people = (await connection.execute(
            select(officers.c.id, officers.c.role, units.c.slug, units.c.is_default).join(units)
        )).all()
    assert (office.name, office.is_example) == ("Kabupaten Contoh", True)
    assert len({p["login"] for p in made}) == len({p["one_time_password"] for p in made}) == len(made) == len(people)
    for slug in ("kependudukan", "sosial", "tenaga_kerja", "inspektorat"):
        roles = [p.role for p in people if p.slug == slug]
        assert (roles.count("officer"), roles.count("head")) == (2, 1)
    assert {p.role for p in people} == set(Role)
    assert {p.slug for p in people if p.is_default} == {"kependudukan"}


async def test_every_officer_of_the_example_signs_in_with_what_was_printed(empty):
    made = await asyncio.to_thread(seed.seed_example, empty.settings)
    assert await asyncio.to_thread(seed.seed_example, empty.settings) == []
    for shown in (made[0], made[-1]):
        _, session = await staff.sign_in(empty, shown["login"], shown["one_time_password"])
        assert session.officer.must_change_password
        assert (session.officer.name, session.officer.role) == (shown["name"], shown["role"])


async def test_both_officers_of_a_unit_cover_its_whole_week(runtime):
    async with db.transaction(runtime.pool) as connection:
        unit = (await connection.execute(select(units).where(units.c.slug == "kependudukan"))).one()
        rows = (await connection.execute(
            select(shifts).join(officers).where(officers.c.unit_id == unit.id)
        )).all()
    assert len({r.officer_id for r in rows}) == 2
    for officer_id in {r.officer_id for r in rows}:
        own = {
            str(r.weekday): [[f"{r.start_time:%H:%M}", f"{r.end_time:%H:%M}"]]
            for r in rows if r.officer_id == officer_id
        }
        assert own == unit.weekly_hours

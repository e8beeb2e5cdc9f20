"""P10 and the encryption of P11, as far as the first migration carries them."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url

from handoff.services.talk.conversations import read
from handoff.store import audit, crypto, db, migrate
from handoff.store.keys import missing_keys
from handoff.store.schema import APPEND_ONLY, metadata
from handoff.store.schema_record import anchor_heads
from tests.support.citizen import UNSURE, Citizen, answers

SECRET_WORDS = "rumah saya di dekat masjid hijau"


async def with_record(runtime) -> Citizen:
    """A conversation with an answer and a case of several events."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(SECRET_WORDS, answers("ktp_hilang"))
    await citizen.asks("zzz", UNSURE)
    await citizen.taps("Batalkan kasus")
    await citizen.asks("masih belum", UNSURE)
    return citizen


async def verify(runtime):
    async with db.transaction(runtime.pool) as connection:
        return await audit.verify(connection, runtime.settings)


async def anchor(runtime):
    async with db.transaction(runtime.pool) as connection:
        return await audit.anchor(connection, runtime.settings, runtime.clock())


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_p10_the_applications_role_cannot_rewrite_the_record(runtime, database, table, statement):
    await with_record(runtime)
    column = metadata.tables[table].columns.keys()[0]
    with (
        psycopg.connect(db.conninfo(database.app_url)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.format(table, f"{column} = {column}"))


async def test_p10_an_untouched_record_verifies(runtime):
    await with_record(runtime)
    await anchor(runtime)
    await anchor(runtime)  # an hour in which nothing happened
    checked = await verify(runtime)
    assert checked == {"events": 3, "anchors": 2}


async def test_p10_each_event_is_anchored_once_and_one_that_bears_an_old_time_a_day_later_at_the_latest(runtime, clock):
    citizen = await with_record(runtime)
    await anchor(runtime)
    clock.forward(timedelta(minutes=15))
    await citizen.asks("masih belum juga", UNSURE)
    await anchor(runtime)
    assert await anchored(runtime) == [3, 4]
    clock.forward(-timedelta(days=3))  # a machine whose clock is behind
    await citizen.asks("halo?", UNSURE)
    clock.forward(timedelta(days=3, minutes=15))
    await anchor(runtime)
    assert await anchored(runtime) == [3, 4]
    clock.forward(timedelta(days=1))
    await anchor(runtime)
    assert await anchored(runtime) == [3, 4, 5]
    assert (await verify(runtime))["anchors"] == 4


async def anchored(runtime) -> list[int]:
    """The numbers of the events that are anchored, the first anchored first."""
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(
            select(anchor_heads.c.seq).order_by(anchor_heads.c.anchor_id)
        )).scalars())


@pytest.mark.parametrize(("tampering", "where"), [
    ("UPDATE case_events SET type = 'noted' WHERE seq = 2", "event 2"),
    ("UPDATE case_events SET body_enc = body_enc || '\\x00' WHERE seq = 1", "event 1"),
    ("UPDATE case_events SET at = at - interval '1 day' WHERE seq = 3", "event 3"),
    ("UPDATE case_events SET actor_id = 'somebody' WHERE seq = 2", "event 2"),
    ("DELETE FROM case_events WHERE seq = 2", "event 2"),
    ("DELETE FROM case_events WHERE seq = 3", "event 3"),
    ("UPDATE case_events SET seq = 9 WHERE seq = 1; UPDATE case_events SET seq = 1 WHERE seq = 2;"
     "UPDATE case_events SET seq = 2 WHERE seq = 9", "event 1"),
    ("DELETE FROM anchor_heads", "anchor 1"),
    ("UPDATE anchors SET at = at + interval '1 hour'", "anchor 1"),
])
async def test_p10_verification_names_the_first_broken_link(runtime, database, tampering, where):
    await with_record(runtime)
    await anchor(runtime)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(tampering)
    with pytest.raises(audit.BrokenLink) as broken:
        await verify(runtime)
    assert where in str(broken.value)


async def test_p10_who_can_rewrite_the_whole_chain_but_lacks_the_key_is_found_out(runtime, database):
    citizen = await with_record(runtime)
    await anchor(runtime)
    case = await citizen.case()
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM case_events WHERE seq > 1")
        owner.execute("UPDATE cases SET events_count = 1")  # a consistent, shorter history
    with pytest.raises(audit.BrokenLink) as broken:
        await verify(runtime)
    assert f"case {case.number}" in str(broken.value)


async def test_p10_a_case_that_was_removed_with_everything_in_it_is_missed(runtime, database):
    """By who may switch every rule of the database off."""
    case = await (await with_record(runtime)).case()
    await with_record(runtime)  # another one, which stays
    await anchor(runtime)
    with psycopg.connect(database.superuser_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM case_events WHERE case_id = %s", (case.id,))
        owner.execute("DELETE FROM cases WHERE id = %s", (case.id,))
    with pytest.raises(audit.BrokenLink, match=f"case {case.id} was removed"):
        await verify(runtime)


async def test_p10_anchors_of_another_key_do_not_verify(runtime):
    await with_record(runtime)
    await anchor(dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, secret_key=b"other")))
    with pytest.raises(audit.BrokenLink):
        await verify(runtime)


async def test_p11_no_word_of_a_citizen_is_readable_in_the_database(runtime, database):
    await with_record(runtime)
    with psycopg.connect(database.owner_url) as owner:
        for table in metadata.sorted_tables:
            rows = owner.execute(f"SELECT t::text FROM {table.name} t").fetchall()
            for (row,) in rows:
                assert SECRET_WORDS not in row
                assert SECRET_WORDS.encode().hex() not in row


async def test_p11_after_the_key_is_destroyed_nothing_opens_and_the_chain_still_verifies(runtime, database):
    citizen = await with_record(runtime)
    await anchor(runtime)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE data_keys SET wrapped = NULL, destroyed_at = now()")
    fresh = dataclasses.replace(runtime, keyring=crypto.Keyring(runtime.settings))
    assert {m["text"] for m in await read(fresh, citizen.id)} == {"Data ini telah dihapus atas permintaan warga."}
    assert (await verify(fresh))["events"] == 3


async def test_p11_a_ciphertext_moved_to_another_row_does_not_open(runtime):
    key = bytes(32)
    sealed = crypto.seal(key, uuid4(), b"isi")
    with pytest.raises(crypto.ContentTampered):
        crypto.unseal(key, UUID(int=1), sealed)


async def test_p11_a_key_id_that_this_installation_lacks_is_named(runtime):
    await with_record(runtime)
    assert await missing_keys(runtime.pool, runtime.settings) == []
    other = dataclasses.replace(runtime.settings, data_keys=(("another", bytes(32)),))
    assert await missing_keys(runtime.pool, other) == [runtime.settings.data_keys[0][0]]


async def test_p11_an_older_wrapping_key_still_opens_after_rotation(runtime):
    citizen = await with_record(runtime)
    rotated = dataclasses.replace(
        runtime.settings, data_keys=(("new", bytes(range(32))), *runtime.settings.data_keys)
    )
    fresh = dataclasses.replace(runtime, keyring=crypto.Keyring(rotated))
    assert (await read(fresh, citizen.id))[0]["text"] == SECRET_WORDS


async def test_the_migrations_make_the_tables_that_the_code_declares(database):
    engine = create_engine(make_url(database.owner_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={
            "include_name": lambda name, kind, _: not (kind == "table" and name.startswith("procrastinate_")),
        })
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_migrating_again_changes_nothing(database):
    assert not migrate.pending(database.owner_url)
    migrate.upgrade(database.owner_url)


async def test_every_connection_runs_as_the_applications_role(runtime):
    async with db.transaction(runtime.pool) as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "wajah_app"

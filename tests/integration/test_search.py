"""The citizen's words are found again, and cannot be read."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.services.talk import inbox, search
from handoff.services.talk.inbox import Inbound
from handoff.store import db
from handoff.store.schema_desk import search_words
from tests.support.citizen import Citizen

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def found(runtime, text: str) -> set:
    query = search.containing(runtime, text)
    assert query is not None
    async with db.transaction(runtime.pool) as connection:
        return set((await connection.execute(query)).scalars())


async def kept(runtime) -> list[bytes]:
    async with db.transaction(runtime.pool) as connection:
        return list((await connection.execute(select(search_words.c.word_hash))).scalars())


async def test_a_message_is_found_by_any_of_its_words_and_only_by_all_that_are_asked_for(runtime):
    one, other = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    await one.writes("Akta kelahiran José belum jadi")
    await one.writes("rumah saya di Cempaka")
    await other.writes("akta kematian di cempaka")
    assert await found(runtime, "AKTA") == {one.id, other.id}
    assert await found(runtime, "jose, cempaka") == {one.id}
    assert await found(runtime, "kelahiran kematian") == set()
    assert search.containing(runtime, "di yg 12") is None


async def test_what_is_kept_is_neither_readable_nor_a_number(runtime):
    citizen = await Citizen.arrives(runtime)
    await citizen.writes("Bagas, NIK 3171234503900001, hp 0812-3456-7890")
    hashes = await kept(runtime)
    assert len(hashes) == 2  # "bagas" and "nik"
    assert not [h for h in hashes if b"bagas" in h or len(h) != 32]
    assert runtime.keyring.blind("search", "bagas") in hashes


async def test_a_message_received_twice_and_a_word_said_twice_are_kept_once(runtime):
    citizen = await Citizen.arrives(runtime)
    for _ in range(2):
        await citizen.writes("denda denda", key="k")
    await citizen.writes("denda lagi")
    assert len(await kept(runtime)) == 1


async def test_the_words_beside_a_file_are_kept_and_those_of_a_button_are_not(runtime):
    citizen = await Citizen.arrives(runtime)
    await inbox.receive(runtime, citizen.id, Inbound("file", {"text": "foto kartu"}))
    await inbox.receive(runtime, citizen.id, Inbound("location", {"location": {"latitude": 1, "longitude": 2}}))
    assert len(await kept(runtime)) == 2


async def test_what_is_forgotten_is_found_no_more(runtime):
    one, other = await Citizen.arrives(runtime), await Citizen.arrives(runtime)
    for citizen in (one, other):
        await citizen.writes("cempaka")
    async with db.transaction(runtime.pool) as connection:
        await search.forget(connection, one.id)
    assert await found(runtime, "cempaka") == {other.id}

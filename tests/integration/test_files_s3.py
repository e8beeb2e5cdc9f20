"""Citizens' files in an S3-compatible store: sealed before they leave, back as they were, gone when not needed."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select

from handoff import doctor
from handoff.channels.whatsapp import intake, media
from handoff.channels.whatsapp.graph import Graph
from handoff.services.attachments import depot, files
from handoff.services.errors import NotFound, Unavailable
from handoff.services.talk import turn
from handoff.settings import Settings, SettingsError
from handoff.store import db
from handoff.store.schema import officers
from handoff.store.schema_whatsapp import whatsapp_media
from tests.support import whatsapp
from tests.support.citizen import Citizen
from tests.support.graph import graph_api
from tests.support.office import open_case_with_file, picture, settings_for
from tests.support.people import refused
from tests.support.s3 import s3_store
from tests.support.whatsapp import SENDER, delivery, message, value

# Where files lie does not depend on the database's release: one of them is enough.
pg18 = pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])


@pytest.fixture
def store():
    """The office's store."""
    with s3_store() as running:
        yield running


@pytest.fixture
def settings(tmp_path, database, store):
    """An installation whose files lie there."""
    return dataclasses.replace(settings_for(tmp_path, database.app_url), files_s3=store.settings)


async def arrives(served: Any) -> tuple[Any, str, dict[str, str]]:
    client = await served.client()
    begun = (await client.post("/api/v1/conversations")).json()
    return client, f"/api/v1/conversations/{begun['conversation_id']}", {"Authorization": f"Bearer {begun['token']}"}


def sends(client: Any, address: str, headers: dict[str, str], content: bytes, key: str = "k") -> Any:
    return client.post(f"{address}/messages", headers=headers | {"Idempotency-Key": key},
                       files={"file": ("ktp.png", content, "image/png")})


@pg18
async def test_p11_a_file_leaves_sealed_and_comes_back_to_its_citizen_only(served, store, tmp_path):
    client, address, headers = await arrives(served)
    assert (await sends(client, address, headers, picture())).status_code == 202
    ((name, lying),) = store.objects().items()
    assert b"PNG" not in lying
    assert picture()[8:40] not in lying
    assert [f for f in served.runtime.settings.uploads.rglob("*") if f.is_file()] == []
    (shown,) = (await client.get(f"{address}/messages", headers=headers)).json()["messages"][0]["attachments"]
    assert name == f"{shown['id'][:2]}/{shown['id']}"
    got = await client.get(shown["url"], headers=headers)
    assert Image.open(io.BytesIO(got.content)).size == (8, 8)
    refused(await client.get(shown["url"]), 401)


@pg18
async def test_what_is_sent_twice_lies_there_once(served, store):
    client, address, headers = await arrives(served)
    first, second = [await sends(client, address, headers, picture()) for _ in range(2)]
    assert first.json() == second.json()
    assert len(store.objects()) == 1


@pg18
async def test_p01_a_store_that_is_away_is_said_and_nothing_is_half_there(served, store):
    client, address, headers = await arrives(served)
    store.stop()
    away = await sends(client, address, headers, picture())
    refused(away, 503)
    assert int(away.headers["Retry-After"]) >= 1
    assert (await client.get(f"{address}/messages", headers=headers)).json()["messages"] == []
    store.start()
    assert (await sends(client, address, headers, picture())).status_code == 202
    (shown,) = (await client.get(f"{address}/messages", headers=headers)).json()["messages"][0]["attachments"]
    store.stop()
    refused(await client.get(shown["url"], headers=headers), 503)
    store.start()


@pg18
async def test_an_officer_opens_the_photo_and_a_lost_one_is_not_found(served, store):
    case, file_id = await open_case_with_file(served.runtime)
    async with db.transaction(served.runtime.pool) as connection:
        person = (await connection.execute(select(officers).where(officers.c.id == case.officer_id))).one()
    desk = await served.desk(person)
    small = f"/petugas/kasus/{case.number}/kecil/{file_id}"
    assert (await desk.get(small)).headers["content-type"] == "image/jpeg"
    for name in store.objects():
        store.client().delete_object(Bucket=store.settings.bucket, Key=name)
    assert (await desk.get(small)).status_code == 404


@pg18
async def test_p01_a_photo_from_whatsapp_waits_for_the_store(runtime, store):
    async with graph_api(open_for={SENDER}) as api:
        channel = dataclasses.replace(whatsapp.SETTINGS, api_url=api.url)
        runtime = dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, whatsapp=channel))
        graph = Graph(channel)
        api.holds("77", picture())
        said = {"type": "image", "image": {"id": "77", "mime_type": "image/png", "sha256": ""}}
        await intake.take_in(runtime, whatsapp.written(delivery(value(message(said)))))
        async with db.transaction(runtime.pool) as connection:
            conversation = (await connection.execute(select(whatsapp_media.c.conversation_id))).scalar_one()
        store.stop()
        await media.fetch_overdue(runtime, graph)
        await turn.drain(runtime, conversation)
        citizen = Citizen(runtime, conversation)
        assert (await citizen.case()).reason == "unreadable_message"  # the case does not wait
        store.start()
        async with db.transaction(runtime.pool) as connection:
            await connection.execute(whatsapp_media.update().values(due_at=runtime.clock()))
        await media.fetch_overdue(runtime, graph)
        assert len((await citizen.sees())[0]["attachments"]) == 1
        assert len(store.objects()) == 1
        await graph.close()


# --- the two places ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, store):
    """Either."""
    return depot.Folder(tmp_path / "uploads") if request.param == "folder" else depot.Bucket(store.settings)


def test_both_places_keep_give_back_and_forget(place):
    name, content = uuid4(), os.urandom(6_000_000)
    with pytest.raises(NotFound):
        place.get(name)
    place.put(name, content)
    assert place.get(name) == content
    for _ in range(2):
        place.remove(name)
    with pytest.raises(NotFound):
        place.get(name)


def test_a_folder_can_be_copied_into_a_bucket_as_it_is(tmp_path, store):
    name, folder = uuid4(), tmp_path / "uploads"
    depot.Folder(folder).put(name, b"tersegel")
    for file in folder.rglob("*"):
        if file.is_file():
            store.client().upload_file(str(file), store.settings.bucket, str(file.relative_to(folder)))
    assert depot.Bucket(store.settings).get(name) == b"tersegel"


def test_a_bucket_that_there_is_not_takes_nothing(store, caplog):
    other = depot.Bucket(dataclasses.replace(store.settings, bucket="tidak-ada"))
    with pytest.raises(Unavailable):
        other.put(uuid4(), b"x")
    assert "rahasia-besar" not in caplog.text
    assert "rahasia-besar" not in repr(store.settings)


@pg18
async def test_what_cannot_be_removed_now_is_no_fault(runtime, store):
    stored = files.keep(runtime, bytes(32), "ktp.png", picture())
    store.stop()
    files.discard(runtime, stored.id)
    store.start()
    assert len(store.objects()) == 1
    files.discard(runtime, stored.id)
    assert store.objects() == {}


# --- settings and doctor ----------------------------------------------------------------------------------------------


def test_all_of_it_or_nothing(tmp_path, store):
    environment = {"WAJAH_HOME": str(tmp_path)} | store.environment
    assert Settings.from_env(environment).files_s3 == store.settings
    assert Settings.from_env({"WAJAH_HOME": str(tmp_path)}).files_s3 is None
    for name in store.environment:
        with pytest.raises(SettingsError, match=name):
            Settings.from_env(environment | {name: ""})
    for nonsense in ("s3.example", "ftp://s3.example", "http://[", "https://"):
        with pytest.raises(SettingsError, match="address"):
            Settings.from_env(environment | {"WAJAH_FILES_S3_ENDPOINT": nonsense})


def test_the_doctor_keeps_reads_and_removes_a_file(tmp_path, store, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (doctor._files,))
    environment = {"WAJAH_HOME": str(tmp_path)}
    assert doctor.examine(Settings.from_env(environment)) == 0
    assert str(tmp_path) in capsys.readouterr().out
    assert doctor.examine(Settings.from_env(environment | store.environment)) == 0
    assert capsys.readouterr().out.startswith("ok    files        bucket berkas-warga at http://127.0.0.1:")
    assert store.objects() == {}
    for wrong in ({"WAJAH_FILES_S3_BUCKET": "tidak-ada"}, {"WAJAH_FILES_S3_ENDPOINT": "http://127.0.0.1:9"}):
        assert doctor.examine(Settings.from_env(environment | store.environment | wrong)) == 1
    assert "create the bucket" in capsys.readouterr().out
